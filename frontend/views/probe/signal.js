/** The selected series over time, each stretch shaded by its attribution: A, B and their difference, all on one scale. */

import { barEnd } from "../../figures/bars.js";
import { NOBODY } from "../../figures/outline.js";
import { rove } from "../../host/rove.js";
import { sideAt } from "../../model/frames.js";
import { insideOf, playerName, stretch } from "../../model/players.js";
import { exactly, shownOf } from "../../model/shown.js";
import { LEFT, paintSignal, RIGHT } from "../../paint/signal.js";
import { choose, html, render } from "../parts/html.js";
import { panesRow } from "./panes.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").Signal} Signal */
/** @typedef {import("../../types.d.ts").State} State */

/** @typedef {{node: HTMLButtonElement, player: number, drawn: string}} Stop  a stretch that the Tab key and the arrows reach */

/** @type {WeakMap<HTMLElement, {content: Signal, stops: Stop[], wordsOf: (player: number) => string}>} wordsOf: a stretch and its numbers, as last drawn */
const made = new WeakMap();

const KEYS = { back: ["ArrowLeft", "ArrowUp"], on: ["ArrowRight", "ArrowDown"] };

/** @type {import("../../types.d.ts").View} */
export function signalView(element) {
  const frame = document.createElement("div");
  frame.className = "signals";
  element.append(frame);
  // Read when they change, not when the page is drawn: reading them then makes the browser lay the page out twice.
  const box = { width: 0, height: 0 };
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  const measure = () => {
    const picture = frame.querySelector(".picture");
    if (!picture?.clientWidth) return;
    if (box.width === picture.clientWidth && box.height === picture.clientHeight) return;
    Object.assign(box, { width: picture.clientWidth, height: picture.clientHeight });
    if (last) update(...last);
  };
  new ResizeObserver(measure).observe(frame);
  const reachOf = createReach();

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    const { panes, probe } = data;
    render(panesRow(element, data, state, (pane) => html`<canvas role="img" aria-label=${encoded(pane)}></canvas><div class="stretches" role="group" aria-label=${`stretches of time: ${pane ? pane.title : "difference"}`}></div>`), frame);
    if (!box.width) {
      measure();
      return;
    }
    const shown = shownOf(data, state);
    const key = [probe, ...panes.flatMap(({ side, step }) => [side.id, side.values(probe)?.id, step])].join();
    frame.querySelectorAll("canvas").forEach((canvas, i) => {
      const { side } = panes[i] ?? panes[0];
      const content = side.content(probe);
      // A probe that B lacks has no series, and one that is cut in another way has no player of A.
      canvas.style.visibility = content ? "" : "hidden";
      const group = canvas.nextElementSibling;
      const shares = side.sharesPlayers(probe);
      if (group instanceof HTMLElement) group.hidden = !shares;
      if (content?.kind !== "sequence") return;
      const inside = insideOf(side, state.areas, data.region, probe);
      const height = paintSignal(canvas, box, `${key} ${i}`, content, shown[i], { dark: state.dark, lit: shares ? data.lit : [], inside, names: side.info.probes.channel_names ?? null, reach: reachOf(data, state, shown[i]) });
      const nameOf = (/** @type {number} */ player) => playerName(side.info.probes, content, player);
      const wordsOf = (/** @type {number} */ player) => exactly(shown[i], nameOf(player), player);
      canvas.title = state.hover === null || !shares ? "" : wordsOf(state.hover);
      pointOn(canvas, element, state, shares ? content : null);
      if (group instanceof HTMLElement) followKeys(group, element, { data, state, content, height, nameOf, wordsOf });
    });
  };
  return update;
}

/** Where the bars' axis ends, as that of a table's bars does: no bar of the probe is cut at any epoch, where the scale is locked; else none of the pane. */
function createReach() {
  let key = "";
  let end = 0;
  return (/** @type {Data} */ { panes, probe, scale }, /** @type {State} */ { lock }, /** @type {import("../../model/shown.js").Shown} */ shown) => {
    if (!lock) return Math.max(shown.end, shown.values ? barEnd(0, [{ values: shown.values, errors: shown.errors ?? new Float32Array(), target: 0, base: 0 }]) : 0);
    const records = [...new Set(panes.map(({ side }) => side.values(probe)))];
    const next = [probe, scale, ...records.map((record) => record?.id)].join();
    if (next !== key) {
      key = next;
      end = barEnd(scale, records.flatMap((record) => [...(record?.steps ?? [])].map((step) => record?.at(step) ?? null)));
    }
    return end || 1;
  };
}

/** @param {Pane | null} pane  null for the difference */
function encoded(pane) {
  if (!pane) return "difference of the attributions of each stretch of time, first minus second";
  return `the series, each stretch of time coloured by its attribution, bars below: ${sideAt(pane.side, pane.step)}`;
}

/**
 * The pointer highlights stretches; a click selects one.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} element
 * @param {State} state
 * @param {Signal | null} signal  null where its stretches are not those of A
 */
function pointOn(canvas, element, state, signal) {
  if (!signal) {
    canvas.onpointermove = canvas.onpointerleave = canvas.onclick = null;
    return;
  }
  const at = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const part = (event.offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
    const player = part < 0 || part >= 1 ? NOBODY : signal.segments[Math.floor(part * signal.length)];
    return player === NOBODY ? null : player;
  };
  canvas.onpointermove = (event) => choose(element, { hover: at(event) });
  canvas.onpointerleave = () => choose(element, { hover: null });
  canvas.onclick = (event) => {
    const player = at(event);
    if (player !== null) choose(element, { player: player === state.player ? null : player });
  };
}

/**
 * What the pointer does on the canvas, for the keyboard: a focused stretch is highlighted and read aloud, Enter selects it.
 * @param {HTMLElement} group
 * @param {HTMLElement} element
 * @param {{data: Data, state: State, content: Signal, height: number, nameOf: (player: number) => string, wordsOf: (player: number) => string}} what
 */
function followKeys(group, element, { data, state, content, height, nameOf, wordsOf }) {
  const known = stopsOf(group, content, element);
  const { stops } = known;
  known.wordsOf = wordsOf;
  group.style.height = `${height}px`;
  group.onclick = (event) => {
    const player = stops.find(({ node }) => node === event.target)?.player;
    if (player !== undefined) choose(element, { player: player === state.player ? null : player });
  };
  const first = stops.find(({ player }) => data.lit.includes(player)) ?? stops[0];
  for (const stop of stops) {
    const { node, player } = stop;
    const lit = data.lit.includes(player);
    // The numbers of the one that is lit only: a step of the cursor changes few of them.
    const words = lit ? wordsOf(player) : nameOf(player);
    const drawn = `${words} ${stop === first} ${player === state.player}`;
    if (stop.drawn === drawn) continue;
    stop.drawn = drawn;
    node.ariaLabel = words;
    node.ariaPressed = String(player === state.player);
    node.tabIndex = stop === first ? 0 : -1;
  }
}

/**
 * A button over each stretch, made once.
 * @param {HTMLElement} group
 * @param {Signal} content
 * @param {HTMLElement} element
 */
function stopsOf(group, content, element) {
  const known = made.get(group);
  if (known?.content === content) return known;
  const stops = [...new Set(content.segments)].flatMap((player) => {
    const range = stretch(content, player);
    if (!range) return [];
    const node = document.createElement("button");
    node.type = "button";
    node.style.left = `${(100 * range.first) / content.length}%`;
    node.style.width = `${(100 * (range.last + 1 - range.first)) / content.length}%`;
    return [{ node, player, drawn: "" }];
  });
  const entry = { content, stops, wordsOf: (/** @type {number} */ player) => String(player) };
  group.replaceChildren(...stops.map(({ node }) => node));
  const focused = (/** @type {FocusEvent} */ { target }) => {
    const stop = stops.find(({ node }) => node === target);
    if (!stop) return;
    // What is read out is the name that it has when the focus comes.
    stop.node.ariaLabel = entry.wordsOf(stop.player);
    choose(element, { hover: stop.player });
  };
  for (const { node } of stops) {
    node.onfocus = focused;
    node.onblur = () => choose(element, { hover: null });
  }
  rove(group, () => stops.map(({ node }) => node), KEYS);
  made.set(group, entry);
  return entry;
}
