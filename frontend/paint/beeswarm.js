/** Draws all probes of a table: importance of features as bars, and one point per probe. */

import { axis } from "../figures/axis.js";
import { featureColor } from "../figures/color.js";
import { EM } from "../host/text.js";
import { cleared, font, inkOf, upright } from "./canvas.js";

const SHADES = 24;
const THIN = 7 * EM;
const BETWEEN = 3 * EM;

/**
 * @typedef {object} SwarmRow
 * @property {number} y  px of the row's middle
 * @property {Float32Array} xs  px, by probe
 * @property {Float32Array} ys  px from the middle
 * @property {Float32Array} heights  of the feature's value, 0 to 1; NaN for none
 * @property {Int8Array} beyond  -1 and 1 where a value lies beyond that end of the axis
 */

/** @type {Map<string, HTMLCanvasElement[]>} a point in each shade, and the one without a value last */
const stamps = new Map();

/**
 * @param {number} radius
 * @param {number} beyond  a point; beyond the axis, a tip that shows there
 * @param {boolean} dark
 */
function stampsOf(radius, beyond, dark) {
  const key = [radius, beyond, dark, devicePixelRatio].join();
  let known = stamps.get(key);
  if (known) return known;
  const { muted, panel } = inkOf(dark);
  const size = Math.ceil((2 * radius + 4) * devicePixelRatio);
  known = Array.from({ length: SHADES + 1 }, (_, shade) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = size;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.scale(devicePixelRatio, devicePixelRatio);
    const none = shade === SHADES;
    const middle = size / devicePixelRatio / 2;
    outline(context, middle, none ? radius - 0.5 : radius, beyond);
    context.fillStyle = none ? panel : featureColor(shade / (SHADES - 1), dark);
    context.fill();
    // Yellow alone would fade on white.
    context.lineWidth = none ? 1 : 0.6;
    context.strokeStyle = none ? muted : dark ? "rgb(0 0 0 / 0.5)" : "rgb(60 50 0 / 0.6)";
    context.stroke();
    return canvas;
  });
  stamps.set(key, known);
  return known;
}

/** @type {(context: CanvasRenderingContext2D, middle: number, radius: number, beyond: number) => void} */
function outline(context, middle, radius, beyond) {
  context.beginPath();
  if (!beyond) {
    context.arc(middle, middle, radius, 0, 2 * Math.PI);
    return;
  }
  const far = radius + 1;
  context.moveTo(middle + beyond * far, middle);
  context.lineTo(middle - beyond * radius, middle - far);
  context.lineTo(middle - beyond * radius, middle + far);
  context.closePath();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  CSS px
 * @param {number} height
 * @param {string} key
 * @param {{rows: SwarmRow[], radius: number, domain: [number, number], ticks: number[], ringed: number[], dark: boolean}} swarm  ringed: probes
 */
export function drawSwarm(canvas, width, height, key, { rows, radius, domain, ticks, ringed, dark }) {
  const context = cleared(canvas, width, height, key);
  if (!context) return;
  const { ink, faint, line } = inkOf(dark);
  const at = axis(domain, width);
  for (const tick of ticks) upright(context, at(tick), 0, height, tick === 0 ? faint : line);
  const points = [-1, 0, 1].map((beyond) => stampsOf(radius, beyond, dark));
  const size = points[0][0].width / devicePixelRatio;
  for (const { y, xs, ys, heights, beyond } of rows) {
    for (let probe = 0; probe < xs.length; probe++) {
      if (!Number.isFinite(ys[probe])) continue;
      const shade = Number.isFinite(heights[probe]) ? Math.round(heights[probe] * (SHADES - 1)) : SHADES;
      context.drawImage(points[1 + beyond[probe]][shade], xs[probe] - size / 2, y + ys[probe] - size / 2, size, size);
    }
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    for (const probe of ringed) {
      if (!Number.isFinite(ys[probe])) continue;
      context.beginPath();
      context.arc(xs[probe], y + ys[probe], radius + 1.5, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

/**
 * Thin bars from the left, one a run.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  CSS px
 * @param {number} height
 * @param {string} key
 * @param {{rows: {y: number, sizes: number[], texts: string[]}[], colors: string[], domain: [number, number], ticks: number[], dark: boolean}} chart
 */
export function drawImportance(canvas, width, height, key, { rows, colors, domain, ticks, dark }) {
  const context = cleared(canvas, width, height, key);
  if (!context) return;
  const { muted, faint, line } = inkOf(dark);
  const at = axis(domain, width);
  for (const tick of ticks) upright(context, at(tick), 0, height, tick === 0 ? faint : line);
  context.font = font(10);
  context.textBaseline = "middle";
  for (const { y, sizes, texts } of rows) {
    const top = y - (sizes.length * (THIN + BETWEEN) - BETWEEN) / 2;
    sizes.forEach((size, i) => {
      const from = top + i * (THIN + BETWEEN);
      context.fillStyle = colors[i];
      if (size > 0) context.fillRect(at(0), from, Math.max(1, at(size) - at(0)), THIN);
      context.fillStyle = muted;
      const end = at(Number.isFinite(size) ? size : 0) + 4;
      if (end + context.measureText(texts[i]).width < width) context.fillText(texts[i], end, from + THIN / 2 + 0.5);
    });
  }
}
