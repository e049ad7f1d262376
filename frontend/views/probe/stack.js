/** A and B in one place: with a draggable edge between them, or alternating. */

import { drags } from "../../host/drag.js";
import { choose, html, segmented } from "../parts/html.js";
import { prediction } from "../parts/prediction.js";
import { blankReason, canvasOf, encoded, figure, paneName, trust } from "./figure.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").State} State */

const BLINK_MS = 1000;

/**
 * A and B in one place: with an edge between them, or alternating.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {{width: number, height: number}} box
 * @param {unknown} drawing
 */
export function stack(element, data, state, box, drawing) {
  const { panes, probe } = data;
  const [first, second] = panes;
  const swipe = state.compare === "swipe";
  const other = isSecond(state);
  const top = swipe ? `inset(0 0 0 ${state.swipe}%)` : other ? "none" : "inset(0 0 0 100%)";
  const name = (/** @type {Pane} */ { title, side, step }) => html`<span class="pane-name" title=${side.name}><b style=${{ color: side.color }}>${title}</b> ${paneName({ title, side, step }, data)}</span>`;
  const predictionOf = (/** @type {Pane} */ pane) => html`<span class="prediction">${prediction(pane, probe)}</span>`;
  const head = swipe
    ? panes.map((pane) => html`<span key=${pane.title} class="stack-head">${name(pane)}${predictionOf(pane)}</span>`)
    : html`<span class="stack-head">${name(other ? second : first)}${predictionOf(other ? second : first)}</span>${segmented({ label: "Picture that is shown", value: blinking(state), options: blinkOptions(panes), choose: (_, value) => choose(element, { blink: /** @type {State["blink"]} */ (value) }) })}`;
  const reasons = panes.map((pane) => ({ title: pane.title, words: blankReason(pane, data, state) }));
  const notes = reasons.filter(({ words }) => words).map(({ title, words }) => `${title}: ${words}`);
  const blank = swipe ? notes.join(" · ") : reasons[Number(other)].words;
  const content = html`<div class="stack" style=${{ width: `${box.width}px`, height: `${box.height}px` }}>
    ${canvasOf(encoded(first))}
    <canvas role="img" aria-label=${encoded(second)} style=${{ clipPath: top }}></canvas>
    ${swipe && edge(element, panes, state.swipe)}
  </div>`;
  return figure("stack", head, blank, content, "", html`<div class="trust-pair">${panes.map((pane) => trust(pane, probe, pane.title))}</div>`, drawing);
}

/** @param {Pane[]} panes */
const blinkOptions = (panes) => [
  ...panes.map(({ title }, i) => ({ value: i ? "second" : "first", text: title, title: `show ${title} only` })),
  { value: "both", text: "blink", title: "alternating" },
];

/**
 * The edge between A and B.
 * @param {HTMLElement} element
 * @param {Pane[]} panes
 * @param {number} at  per cent
 */
function edge(element, [first, second], at) {
  const move = (/** @type {number} */ to) => choose(element, { swipe: Math.round(Math.min(100, Math.max(0, to))) });
  const drag = (/** @type {PointerEvent} */ event) => {
    const handle = /** @type {HTMLElement} */ (event.currentTarget);
    if (event.type === "pointerdown") handle.setPointerCapture(event.pointerId);
    if (!drags(event) || !handle.parentElement) return;
    const box = handle.parentElement.getBoundingClientRect();
    move((100 * (event.clientX - box.left)) / box.width);
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(at + by);
  };
  return html`<div class="edge" role="slider" tabindex="0" aria-label=${`Edge between ${first.title} and ${second.title}`} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${at}
    aria-valuetext=${`${at} % ${first.title}, ${100 - at} % ${second.title}`} style=${{ left: `${at}%` }} onPointerDown=${drag} onPointerMove=${drag} onPointerUp=${drag} onKeyDown=${keys}></div>`;
}

/** @type {(state: State) => NonNullable<State["blink"]>} with reduced motion they alternate only on request */
const blinking = ({ blink }) => blink ?? (matchMedia("(prefers-reduced-motion: reduce)").matches ? "first" : "both");

/** Which of two that alternate it is the turn of: the clock says so, and every page shows the same. */
const turn = () => Math.floor(Date.now() / BLINK_MS) % 2;

/** @type {(state: State) => boolean} whether the second is shown */
function isSecond(state) {
  const shown = blinking(state);
  return shown === "both" ? turn() === 1 : shown === "second";
}

/**
 * Draws again whenever it is the other one's turn.
 * @param {() => State | null} wanted  null where nothing alternates
 * @param {() => void} again
 */
export function alternate(wanted, again) {
  let before = turn();
  setInterval(() => {
    if (turn() === before) return;
    before = turn();
    const state = wanted();
    if (state && blinking(state) === "both" && !document.hidden) again();
  }, BLINK_MS / 4);
}
