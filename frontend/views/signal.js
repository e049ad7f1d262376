/** The selected series over time, each stretch shaded by its attribution: A, B and their difference, all on one scale. */

import { epoch } from "../format.js";
import { choose, html, render } from "../html.js";
import { insideOf } from "../passage.js";
import { exactly, shownOf } from "../passage-shown.js";
import { playerName } from "../players.js";
import { LEFT, paintSignal } from "../signal-paint.js";
import { panesRow } from "./passage-panes.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Signal} Signal */
/** @typedef {import("../types.d.ts").State} State */

const RIGHT = 6;

/** @type {import("../types.d.ts").View} */
export function signalView(element) {
  const frame = document.createElement("div");
  frame.className = "signals";
  element.append(frame);
  // Read when they change, not when the page is drawn: reading them then makes the browser lay the page out twice.
  const box = { width: 0, height: 0 };
  /** @type {Parameters<import("../types.d.ts").Update> | null} */
  let last = null;
  const measure = () => {
    const picture = frame.querySelector(".picture");
    if (!picture?.clientWidth) return;
    if (box.width === picture.clientWidth && box.height === picture.clientHeight) return;
    Object.assign(box, { width: picture.clientWidth, height: picture.clientHeight });
    if (last) update(...last);
  };
  new ResizeObserver(measure).observe(frame);

  /** @type {import("../types.d.ts").Update} */
  const update = (data, state) => {
    element.hidden = data.phase !== "ready" || data.a?.info.probes.kind !== "sequence";
    if (element.hidden) return;
    last = [data, state];
    const { panes, probe } = data;
    const name = (/** @type {import("../types.d.ts").Pane | null} */ pane) => (pane ? `the series, each stretch of time coloured by its attribution, bars below: ${pane.side.name} at ${epoch(pane.step)}` : "difference of the attributions of each stretch of time, first minus second");
    render(panesRow(element, data, state, (pane) => html`<canvas role="img" aria-label=${name(pane)}></canvas>`), frame);
    if (!box.width) {
      measure();
      return;
    }
    const shown = shownOf(data, state);
    const key = [probe, ...panes.flatMap(({ side, step }) => [side.id, side.values(probe)?.id, step])].join();
    frame.querySelectorAll("canvas").forEach((canvas, i) => {
      const side = panes[i]?.side ?? panes[0].side;
      const content = side.content(probe);
      if (content?.kind !== "sequence") return;
      const inside = insideOf(side, state.areas, data.region, probe);
      paintSignal(canvas, box, `${key} ${i}`, content, shown[i], { dark: state.dark, lit: data.lit, inside, names: side.info.probes.channel_names ?? null });
      const said = (/** @type {number} */ player) => exactly(shown[i], playerName(side.info.probes, content, player), player);
      canvas.title = state.hover === null ? "" : said(state.hover);
      pointOn(canvas, element, state, content);
    });
  };
  return update;
}

/**
 * The pointer tells stretches; a click keeps one.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} element
 * @param {State} state
 * @param {Signal} signal
 */
function pointOn(canvas, element, state, signal) {
  const at = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const part = (event.offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
    return part < 0 || part >= 1 ? null : signal.segments[Math.floor(part * signal.length)];
  };
  canvas.onpointermove = (event) => choose(element, { hover: at(event) });
  canvas.onpointerleave = () => choose(element, { hover: null });
  canvas.onclick = (event) => {
    const player = at(event);
    if (player !== null) choose(element, { player: player === state.player ? null : player });
  };
}
