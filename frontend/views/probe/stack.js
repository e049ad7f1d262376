/** A and B in one place: with a draggable edge between them, or alternating. */

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
 * @param {ReturnType<typeof createBlink>} blink
 * @param {unknown} drawing
 */
export function stack(element, data, state, box, blink, drawing) {
  const { panes, probe } = data;
  const [first, second] = panes;
  const swipe = state.compare === "swipe";
  const top = swipe ? `inset(0 0 0 ${state.swipe}%)` : blink.second() ? "none" : "inset(0 0 0 100%)";
  const name = (/** @type {Pane} */ { title, side, step }) => html`<span class="pane-name" title=${side.name}><b style=${{ color: side.color }}>${title}</b> ${paneName({ title, side, step }, data)}</span>`;
  const predictionOf = (/** @type {Pane} */ pane) => html`<span class="prediction">${prediction(pane, probe)}</span>`;
  const head = swipe
    ? panes.map((pane) => html`<span key=${pane.title} class="stack-head">${name(pane)}${predictionOf(pane)}</span>`)
    : html`<span class="stack-head">${name(blink.second() ? second : first)}${predictionOf(blink.second() ? second : first)}</span>${segmented({ label: "Picture that is shown", value: blink.held(), options: blinkOptions(panes), choose: (_, value) => blink.hold(value) })}`;
  const reasons = panes.map((pane) => ({ title: pane.title, words: blankReason(pane, data, state) }));
  const notes = reasons.filter(({ words }) => words).map(({ title, words }) => `${title}: ${words}`);
  const blank = swipe ? notes.join(" · ") : reasons[Number(blink.second())].words;
  const content = html`<div class="stack" style=${{ width: `${box.width}px`, height: `${box.height}px` }}>
    ${canvasOf(encoded(first))}
    <canvas role="img" aria-label=${encoded(second)} style=${{ clipPath: top }}></canvas>
    ${swipe && edge(element, panes, state.swipe)}
  </div>`;
  return figure("stack", head, blank, content, "", html`<div class="trust-pair">${panes.map((pane) => trust(pane, probe, pane.title))}</div>`, drawing);
}

/** @param {Pane[]} panes */
const blinkOptions = (panes) => [
  ...panes.map(({ title }, i) => ({ value: String(i), text: title, title: `show ${title} only` })),
  { value: "", text: "blink", title: "alternating" },
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
    if (!(event.buttons & 1) || !handle.parentElement) return;
    handle.setPointerCapture(event.pointerId);
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
    aria-valuetext=${`${at} % ${first.title}, ${100 - at} % ${second.title}`} style=${{ left: `${at}%` }} onPointerDown=${drag} onPointerMove=${drag} onKeyDown=${keys}></div>`;
}

/**
 * Alternates between two, or shows one of them; with reduced motion it alternates only on request.
 * @param {() => boolean} wanted
 * @param {() => void} changed
 */
export function createBlink(wanted, changed) {
  let held = matchMedia("(prefers-reduced-motion: reduce)").matches ? "0" : "";
  let second = held === "1";
  setInterval(() => {
    if (held || !wanted() || document.hidden) return;
    second = !second;
    changed();
  }, BLINK_MS);
  return {
    second: () => second,
    held: () => held,
    /** @param {string} value  "0" and "1" stay, "" blinks */
    hold(value) {
      held = value;
      if (held) second = held === "1";
      changed();
    },
  };
}
