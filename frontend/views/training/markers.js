/** The rows of markers above the slider: the events of each epoch, one row per run. The pointer shows them, a click goes there; the keyboard uses the list of events (views/training/events.js). */

import { moveTo } from "../../model/cursor.js";
import { markerWords, markersOf, parted, tally } from "../../model/events.js";
import { EM } from "../../host/text.js";
import { isShown } from "../../paint/canvas.js";
import { COUNTED, ROW, SHAPE, drawMarkers } from "../../paint/markers.js";
import { choose } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */

// So near a marker, in px, the pointer means it.
const NEAR = 12 * EM;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  px of the slider
 * @param {Data} data
 * @param {import("../../types.d.ts").State} state
 */
export function showMarkers(canvas, width, data, { dark, first }) {
  const sides = [data.a, data.b].filter((side) => side !== null);
  const { cursor } = data;
  const key = JSON.stringify([width, devicePixelRatio, dark, first, numberOf(cursor.steps), numberOf(cursor.epochs.A), numberOf(cursor.epochs.B), sides.map(({ id, color, letter, events }) => [id, letter, color, events && numberOf(events)])]);
  if (!width || isShown(canvas, key)) return;
  const rows = rowsOf(sides, data, width, first === "open");
  drawMarkers(canvas, { width, places: cursor.steps.length, rows });
  canvas.setAttribute("aria-label", `events along the epochs: ${rows.map(({ letter, words }) => `${letter} ${words || "none"}`).join("; ")}. The list of events has the details.`);
  const hitAt = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const row = rows[Math.max(0, Math.min(rows.length - 1, Math.floor((event.clientY - box.top) / ROW)))];
    const x = event.clientX - box.left;
    const at = (/** @type {number} */ place) => (place / Math.max(1, cursor.steps.length - 1)) * width;
    const distance = (/** @type {import("../../model/events.js").Marker} */ { first, last }) => Math.max(0, at(first) - x, x - at(last));
    const nearest = row?.markers.reduce((/** @type {import("../../model/events.js").Marker | null} */ best, marker) => (best === null || distance(marker) < distance(best) ? marker : best), null);
    // The counts of a marker stand to its right.
    return nearest && distance(nearest) <= Math.max(NEAR, COUNTED * nearest.kinds.length) ? { marker: nearest, letter: row.letter } : null;
  };
  canvas.onpointermove = (event) => {
    const hit = hitAt(event);
    canvas.title = hit ? markerWords(hit.marker, cursor.steps, hit.letter) : "";
    canvas.style.cursor = hit ? "pointer" : "";
  };
  canvas.onpointerleave = () => {
    canvas.title = canvas.style.cursor = "";
  };
  canvas.onclick = (event) => {
    const hit = hitAt(event);
    if (hit) choose(canvas, { ...moveTo(cursor, hit.marker.goal), playing: false });
  };
}

/** @type {(sides: Side[], data: Data, width: number, whole: boolean) => {letter: string, color: string, words: string, markers: import("../../model/events.js").Marker[]}[]} */
function rowsOf(sides, { cursor }, width, whole) {
  return sides.flatMap((side) => {
    const { letter, color, events } = side;
    if (letter === "") return [];
    // What happened at the first epoch is told by the legend's own button (views/training/cursor.js).
    const shown = whole ? (events?.events ?? []) : parted(side).later;
    return [{ letter, color, words: tally(events?.events ?? []), markers: markersOf(shown, cursor, letter, Math.floor(width / SHAPE)) }];
  });
}

/** @type {WeakMap<object, number>} */
const numbers = new WeakMap();
let replies = 0;

/** @type {(reply: object) => number} the same reply has the same number */
function numberOf(reply) {
  if (!numbers.has(reply)) numbers.set(reply, ++replies);
  return Number(numbers.get(reply));
}
