/** Draws the events of each epoch on a canvas: one row per run, one shape per kind. */

import { EM } from "../host/text.js";
import { emptied } from "./canvas.js";

/** @typedef {import("../model/events.js").Marker} Marker */
/** @typedef {import("../types.d.ts").EventKind} EventKind */

/** Height of the row of one run, CSS px. */
export const ROW = 13 * EM;
// Room of one shape, and of a shape with its count.
export const SHAPE = 9 * EM;
export const COUNTED = 24 * EM;
// Room after the last place, for the count of what happened there.
const TAIL = 18 * EM;
const RADIUS = 3.6 * EM;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, places: number, rows: {color: string, markers: Marker[]}[]}} what
 */
export function drawMarkers(canvas, { width, places, rows }) {
  const context = emptied(canvas, width + TAIL, rows.length * ROW);
  context.textBaseline = "middle";
  context.lineWidth = 1.2;
  const x = (/** @type {number} */ place) => (place / Math.max(1, places - 1)) * width;
  // Counts stand beside all shapes or beside none: what has none would look like one.
  const counted = rows.every(({ markers }) => markers.every((marker, i) => i === 0 || middleOf(marker, x) - middleOf(markers[i - 1], x) >= COUNTED));
  rows.forEach(({ color, markers }, row) => {
    context.fillStyle = color;
    context.strokeStyle = color;
    const y = row * ROW + ROW / 2;
    // Each has the room up to the next one.
    let end = width + TAIL;
    for (const marker of [...markers].reverse()) {
      const own = counted ? COUNTED : SHAPE;
      const middle = Math.min(middleOf(marker, x), end - own + SHAPE / 2);
      const start = middle - SHAPE / 2;
      const shown = counted ? Math.max(1, Math.min(marker.kinds.length, Math.floor((end - start) / COUNTED))) : 1;
      marker.kinds.slice(0, shown).forEach(({ kind, count }, i) => {
        shape(context, kind, middle + i * COUNTED, y);
        if (counted) context.fillText(String(count), middle + i * COUNTED + 6 * EM, y + 0.5, COUNTED - 12 * EM);
      });
      end = start;
    }
  });
}

/** @type {(marker: Marker, x: (place: number) => number) => number} */
const middleOf = ({ first, last }, x) => (x(first) + x(last)) / 2;

/** @type {(context: CanvasRenderingContext2D, kind: EventKind, x: number, y: number) => void} */
function shape(context, kind, x, y) {
  const path = (/** @type {number[][]} */ points) => {
    context.beginPath();
    for (const [dx, dy] of points) context.lineTo(x + dx * RADIUS, y + dy * RADIUS);
    context.closePath();
  };
  if (kind === "collapsed") {
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(x - RADIUS * 0.8, y - side * RADIUS * 0.8);
      context.lineTo(x + RADIUS * 0.8, y + side * RADIUS * 0.8);
    }
    context.stroke();
    return;
  }
  path(SHAPES[kind]);
  if (kind === "relearned") context.stroke();
  else context.fill();
}

/** Corners, in radii. */
/** @type {Record<Exclude<EventKind, "collapsed">, number[][]>} */
const SHAPES = {
  learned: [[0, -1], [1, 0.9], [-1, 0.9]],
  relearned: [[0, -0.9], [0.9, 0.8], [-0.9, 0.8]],
  forgotten: [[0, 1], [1, -0.9], [-1, -0.9]],
  "reason changed": [[0, -1.1], [1.1, 0], [0, 1.1], [-1.1, 0]],
  onset: [[-0.9, -1], [1, 0], [-0.9, 1]],
};
