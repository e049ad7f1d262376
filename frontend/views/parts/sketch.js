/** Drawing a region on the large pictures, with the pointer or with keys. */

import { pointAt } from "../../figures/pointing.js";
import { html } from "./html.js";

/** @typedef {ReturnType<typeof import("../../model/draft.js").createDraft>} Draft */
/** @typedef {import("../../types.d.ts").ImageContent} ImageContent */

/**
 * The pointer draws a region.
 * @param {HTMLCanvasElement} canvas
 * @param {ImageContent} picture
 * @param {Draft} draft
 * @param {"box" | "lasso"} tool
 * @param {() => void} again
 * @param {(points: number[]) => void} done
 */
export function drawOn(canvas, picture, draft, tool, again, done) {
  canvas.onclick = canvas.onpointerleave = null;
  // The keys stay with the drawing.
  canvas.onmousedown = (event) => event.preventDefault();
  canvas.onpointerdown = (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    draft.start(pointAt(event, picture, canvas));
  };
  canvas.onpointermove = (event) => {
    if (!(event.buttons & 1)) return;
    draft.move(pointAt(event, picture, canvas), tool, picture);
    again();
  };
  canvas.onpointerup = () => {
    const points = draft.finish(tool, picture);
    if (points) done(points);
    else again();
  };
  canvas.onpointercancel = () => {
    draft.clear();
    again();
  };
}

/**
 * The pointer draws no more.
 * @param {HTMLCanvasElement} canvas
 */
export function drawNoMore(canvas) {
  canvas.onmousedown = canvas.onpointerdown = canvas.onpointerup = canvas.onpointercancel = null;
}

/**
 * The keys go to the drawing.
 * @param {ParentNode} page
 */
export function toSketch(page) {
  const sheet = page.querySelector("svg.draft");
  if (sheet instanceof SVGElement) sheet.focus({ preventScroll: true });
}

/**
 * What is drawn so far, over every large picture; with the focus on it the arrow keys draw a box.
 * @param {Draft} draft
 * @param {ImageContent} picture
 * @param {"box" | "lasso"} tool
 * @param {{width: number, height: number}} box
 * @param {() => void} again  draws the page once more
 * @param {(points: number[]) => void} done
 * @param {boolean} first  one of the pictures is enough for the keyboard
 */
export function sketch(draft, picture, tool, box, again, done, first) {
  const shape = draft.shape();
  const corners = shape?.join(" ");
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const moved = draft.key(event, picture);
    if (!moved && event.key !== "Enter") return;
    const points = moved ? null : draft.finish("box", picture);
    if (points) done(points);
    else again();
    event.preventDefault();
    event.stopPropagation();
  };
  const reached = first && { tabindex: 0, role: "application", "aria-label": "Draw a region: arrow keys move a box, Shift with an arrow key resizes it, Enter confirms, Escape cancels", onKeyDown: keys };
  return html`<svg class="draft" aria-hidden=${first ? undefined : "true"} ...${reached}
    width=${box.width} height=${box.height} viewBox=${`0 0 ${picture.width} ${picture.height}`} preserveAspectRatio="none">
    ${corners && html`<polygon points=${corners} vector-effect="non-scaling-stroke" class=${tool} /><polygon points=${corners} vector-effect="non-scaling-stroke" class="dashes" />`}
  </svg>`;
}
