/** The selected probe, large: A, B and their difference, all on one scale. */

import { fit } from "../../figures/layout.js";
import { playerAt } from "../../figures/pointing.js";
import { difference } from "../../figures/scale.js";
import { freeName, outlined } from "../../model/areas.js";
import { createDraft } from "../../model/draft.js";
import { endFor, marksChosen, ofDifference } from "../../model/look.js";
import { isNoise } from "../../model/shown.js";
import { paint } from "../../paint/picture.js";
import { choose, html, render } from "../parts/html.js";
import { drawNoMore, drawOn, sketch, toSketch } from "../parts/sketch.js";
import { aloneWords, blankReasons, canvasOf, differenceHead, differenceReason, encoded, figure, noiseFoot, noiseWords, paneHead, trust } from "./figure.js";
import { alternate, stack } from "./stack.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").ImageContent} ImageContent */
/** @typedef {import("../../types.d.ts").State} State */

const LEAST_SIDE = 200;

/** @type {import("../../types.d.ts").View} */
export function picturesView(element) {
  const frame = document.createElement("div");
  frame.className = "pictures";
  element.append(frame);
  // 0 until there is a picture to measure.
  let side = 0;
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  const again = () => last && update(...last);
  new ResizeObserver(() => {
    const box = frame.querySelector(".picture");
    if (!box || !last || box.clientWidth === side) return;
    side = box.clientWidth;
    again();
  }).observe(frame);
  const draft = createDraft();
  alternate(() => (last?.[1].compare === "blink" && last[0].panes.length === 2 && frame.offsetHeight > 0 ? last[1] : null), again);
  /** @type {State["drawing"]} */
  let tool = null;

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    const { panes, probe } = data;
    const pair = panes.length === 2;
    const stacked = pair && state.compare !== "side";
    const explained = panes.map((pane) => pane.side.values(probe)?.at(pane.step) ?? null);
    const picture = panes[0].side.picture(probe);
    const box = picture ? fit(picture.width, picture.height, side) : { width: side, height: side };
    const changed = state.drawing !== tool;
    tool = state.drawing;
    if (changed) draft.clear();
    const done = (/** @type {number[]} */ points) => addArea(element, data, state, points);
    const drawing = (/** @type {boolean} */ first) => (state.drawing && picture ? sketch(draft, picture, state.drawing, box, again, done, first) : null);

    const reasons = blankReasons(data, state);
    const figures = stacked ? [stack(element, data, state, box, drawing(true))] : panes.map((pane, i) => alone(element, data, pane, reasons[i], drawing(i === 0)));
    const apart = panes.some((pane) => pane.side.apart);
    if (pair && !apart) {
      const head = differenceHead(panes, state.lock);
      figures.push(figure("difference", head, differenceReason(panes, explained, ofDifference(state).view), canvasOf(differenceName(data)), "", noiseFoot(data), drawing(false)));
    } else if (!pair) {
      figures.push(html`<div key="alone" class="alone"><p>${aloneWords(data.panes[0].side)}</p></div>`);
    }
    render(html`<div class=${`row${state.drawing ? " drawing" : ""}${apart ? " apart" : ""}`}>${figures}</div>`, frame);
    if (!side) {
      side = frame.querySelector(".picture")?.clientWidth || LEAST_SIDE;
      update(data, state);
      return;
    }
    if (changed) toSketch(frame);
    if (!picture || !panes.every((pane) => pane.side.values(probe))) return;

    const values = explained.map((one) => one?.values ?? null);
    const sameClass = explained[0]?.target === explained[1]?.target && !panes[1]?.side.apart;
    if (pair) values.push(values[0] && values[1] && sameClass ? difference(values[0], values[1]) : null);
    const key = [probe, ...panes.flatMap(({ side, step }) => [side.id, side.values(probe)?.id, step])].join();
    const area = outlined(state.areas, data.region, probe);
    frame.querySelectorAll("canvas").forEach((canvas, i) => {
      const own = panes[i]?.side.picture(probe);
      // A probe that B lacks has no picture.
      canvas.style.visibility = panes[i]?.side.apart && !own ? "hidden" : "";
      paint(canvas, box, `${key} ${i}`, {
        picture: own ?? picture,
        values: values[i],
        scale: state.lock ? endFor(data, panes[i]?.side) : 0,
        lit: state.drawing || panes[i]?.side.sharesPlayers(probe) === false ? [] : litOf(data, state),
        noise: panes[i] ? null : noisy(data),
        region: state.drawing ? -1 : (data.a?.info.regions.indexOf(data.region) ?? -1),
        area: state.drawing ? null : area,
        outlines: state.outlines,
        look: panes[i] ? state : ofDifference(state),
      });
      if (state.drawing) drawOn(canvas, picture, draft, state.drawing, again, done);
      else pointOn(canvas, element, state, panes[i]?.side.sharesPlayers(probe) === false ? null : picture);
    });
  };
  return update;
}

/**
 * Where what is chosen has outlines of its own, the strongest of it needs no other: only what the user points at or keeps is lit.
 * @type {(data: Data, state: State) => number[]}
 */
const litOf = (data, state) => (marksChosen(state) && state.hover === null && state.player === null && !state.pair ? [] : data.lit);

/**
 * A run at an epoch.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {Pane} pane
 * @param {string} blank  why there is no attribution map; "" where there is one
 * @param {unknown} drawing
 */
function alone(element, data, pane, blank, drawing) {
  const { title, side } = pane;
  return figure(title, paneHead(element, data, pane), blank, canvasOf(encoded(pane)), side.color, trust(pane, data.probe, ""), drawing);
}

/**
 * The pointer highlights segments; a click selects one.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} element
 * @param {State} state
 * @param {ImageContent | null} picture  null where its segments are not those of A
 */
function pointOn(canvas, element, state, picture) {
  drawNoMore(canvas);
  if (!picture) {
    canvas.onpointermove = canvas.onpointerleave = canvas.onclick = null;
    return;
  }
  canvas.onpointermove = (event) => choose(element, { hover: playerAt(event, picture, canvas) });
  canvas.onpointerleave = () => choose(element, { hover: null });
  canvas.onclick = (event) => {
    const player = playerAt(event, picture, canvas);
    choose(element, { player: player === state.player ? null : player });
  };
}

/** @type {(data: Data) => string} */
function differenceName(data) {
  const noise = noiseWords(data);
  return `difference of the attributions, first minus second${noise && `: ${noise}`}`;
}

/**
 * The players of the difference that are within noise.
 * @param {Data} data
 */
function noisy({ difference: known, probe, cursor }) {
  const errors = known?.at(probe, cursor.step);
  return known?.real(probe, cursor.step)?.map((real, player) => Number(isNoise(real, errors?.[player] ?? NaN))) ?? null;
}

/** @type {(element: HTMLElement, data: Data, state: State, points: number[]) => void} */
function addArea(element, data, state, points) {
  const name = freeName("", [...(data.a?.info.regions ?? []), ...state.areas.map((area) => area.name)]);
  choose(element, { areas: [...state.areas, { name, probe: null, points }], region: name, drawing: null });
}
