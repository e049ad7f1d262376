/** Draws a series over its attributions on a canvas, at the screen's resolution. */

import { ticks } from "./axis.js";
import { cleared, crisp, inkOf } from "./canvas.js";
import { number, tick } from "./format.js";
import { middle } from "./names.js";
import { css, shade } from "./passage.js";
import { placeOf, withinNoise } from "./shown.js";
import { extremes, runsOf, signalRows } from "./signal.js";

/** @typedef {import("./shown.js").Shown} Shown */
/** @typedef {import("./types.d.ts").Signal} Signal */

/** Room for the numbers of the value axes. */
export const LEFT = 34;
export const RIGHT = 6;
// The width of most letters.
const LETTER = 6.5;

/** @typedef {import("./canvas.js").Inks} Inks */

/**
 * @typedef {object} Look
 * @property {boolean} dark
 * @property {number[]} lit  players to outline
 * @property {(player: number) => boolean} inside  the selected region
 * @property {string[] | null} names  of the channels
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} box  CSS pixels that there are
 * @param {string} key  changes whenever series or values do
 * @param {Signal} signal
 * @param {Shown} shown
 * @param {Look} look
 * @returns {number} px that it is high
 */
export function paintSignal(canvas, box, key, signal, shown, look) {
  const layout = signalRows(box.height, signal.channels);
  const region = runsOf(signal.segments, look.inside);
  const noise = shown.values && shown.apart ? Array.from(shown.values, (_, player) => Number(withinNoise(shown, player))).join("") : "";
  const all = [key, look.dark, look.lit, shown.end, shown.threshold, shown.values !== null, region, noise].join();
  const context = cleared(canvas, box.width, layout.height, all);
  if (!context) return layout.height;
  const ink = inkOf(look.dark);
  const wide = box.width - LEFT - RIGHT;
  const x = (/** @type {number} */ step) => LEFT + (step / signal.length) * wide;
  const bottom = layout.bars.top + layout.bars.height;

  drawShades(context, signal, shown, look.dark, x, layout.bars.top - 3);
  layout.rows.forEach((row, channel) => drawChannel(context, signal, channel, row, x, ink, look.names?.[channel] ?? (signal.channels > 1 ? `channel ${channel}` : "")));
  drawBars(context, signal, shown, look.dark, x, layout.bars, ink);
  for (const [first, last] of region) frame(context, x(first), 0, x(last + 1), bottom, ink, true);
  for (const [first, last] of runsOf(signal.segments, (player) => look.lit.includes(player))) frame(context, x(first), 0, x(last + 1), bottom, ink, false);
  drawTime(context, signal.length, x, bottom, wide, ink);
  return layout.height;
}

/**
 * Each stretch of time in the colour of its attribution.
 * @param {CanvasRenderingContext2D} context
 * @param {Signal} signal
 * @param {Shown} shown
 * @param {boolean} dark
 * @param {(step: number) => number} x
 * @param {number} height
 */
export function drawShades(context, signal, shown, dark, x, height) {
  for (const [first, last] of runsOfPlayers(signal)) {
    const player = signal.segments[first];
    const t = placeOf(shown, player);
    if (!t) continue;
    const noise = withinNoise(shown, player);
    const [left, right] = [crisp(x(first)), crisp(x(last + 1))];
    context.fillStyle = css(shade(noise ? 0.25 * t : t, dark).ground);
    context.fillRect(left, 0, right - left, height);
  }
}

/** @type {(signal: Signal) => [number, number][]} */
function runsOfPlayers({ segments }) {
  /** @type {[number, number][]} */
  const runs = [];
  segments.forEach((player, step) => {
    if (step && segments[step - 1] === player) runs[runs.length - 1][1] = step;
    else runs.push([step, step]);
  });
  return runs;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Signal} signal
 * @param {number} channel
 * @param {{top: number, height: number}} row
 * @param {(step: number) => number} x
 * @param {Inks} ink
 * @param {string} name
 */
function drawChannel(context, signal, channel, row, x, ink, name) {
  const [low, high] = channelRange(signal, channel);
  const y = (/** @type {number} */ value) => row.top + 3 + (1 - (value - low) / (high - low || 1)) * (row.height - 6);
  context.fillStyle = ink.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(low, high, row.height > 60 ? 3 : 2)) {
    context.fillText(tick(value), LEFT - 5, Math.min(row.top + row.height - 5, Math.max(row.top + 6, y(value))));
  }
  context.strokeStyle = ink.line;
  context.lineWidth = 1 / devicePixelRatio;
  context.beginPath();
  context.moveTo(LEFT, crisp(row.top + row.height + 3));
  context.lineTo(x(signal.length), crisp(row.top + row.height + 3));
  context.stroke();
  const path = linePath(signal, channel, x, y);
  // A rim of the ground's colour: the line is seen on any shade.
  context.strokeStyle = ink.panel;
  context.globalAlpha = 0.75;
  context.lineWidth = 3.2;
  context.stroke(path);
  context.globalAlpha = 1;
  context.strokeStyle = ink.ink;
  context.lineWidth = 1.2;
  context.stroke(path);
  if (!name) return;
  const short = middle(name, Math.floor((x(signal.length) - LEFT) / LETTER));
  context.textAlign = "left";
  context.textBaseline = "top";
  context.lineWidth = 3;
  context.strokeStyle = ink.panel;
  context.strokeText(short, LEFT + 4, row.top + 3);
  context.fillStyle = ink.ink;
  context.fillText(short, LEFT + 4, row.top + 3);
}

/**
 * Lowest and highest value of a channel.
 * @param {Signal} signal
 * @param {number} channel
 * @returns {[number, number]}
 */
function channelRange(signal, channel) {
  const { low, high } = extremes(signal, channel, 1);
  return Number.isFinite(low[0]) ? [low[0], high[0]] : [0, 1];
}

/**
 * A line through the steps; where they are more than columns of pixels, through the lowest and highest of each column.
 * @param {Signal} signal
 * @param {number} channel
 * @param {(step: number) => number} x
 * @param {(value: number) => number} y
 */
export function linePath(signal, channel, x, y) {
  const path = new Path2D();
  const columns = Math.min(signal.length, Math.max(1, Math.round((x(signal.length) - x(0)) * devicePixelRatio)));
  const { low, high } = extremes(signal, channel, columns);
  const each = signal.length / columns;
  let open = false;
  for (let column = 0; column < columns; column++) {
    const there = Number.isFinite(low[column]);
    const at = x((column + 0.5) * each);
    if (there && open) path.lineTo(at, y(high[column]));
    if (there && !open) path.moveTo(at, y(high[column]));
    if (there && low[column] < high[column]) path.lineTo(at, y(low[column]));
    open = there;
  }
  return path;
}

/**
 * The attributions as bars, up for and down against, with their standard errors: the sign is not in the colour alone.
 * @param {CanvasRenderingContext2D} context
 * @param {Signal} signal
 * @param {Shown} shown
 * @param {boolean} dark
 * @param {(step: number) => number} x
 * @param {{top: number, height: number}} row
 * @param {Inks} ink
 */
function drawBars(context, signal, shown, dark, x, { top, height }, ink) {
  const middle = crisp(top + height / 2);
  const half = height / 2 - 2;
  context.fillStyle = ink.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const end = number(shown.end);
  context.fillText(`+${end}`, LEFT - 5, top + 6);
  context.fillText(`−${end}`, LEFT - 5, top + height - 5);
  for (const [first, last] of runsOfPlayers(signal)) {
    const player = signal.segments[first];
    const t = placeOf(shown, player);
    if (!t) continue;
    const noise = withinNoise(shown, player);
    const [left, right] = [crisp(x(first)), crisp(x(last + 1))];
    const wide = Math.max(1, right - left - 1);
    const up = middle - t * half;
    const color = css(shade(t > 0 ? 1 : -1, dark).ground);
    context.fillStyle = color;
    context.strokeStyle = color;
    context.lineWidth = 1;
    if (noise) context.strokeRect(left + 0.5, Math.min(middle, up) + 0.5, wide - 1, Math.max(0, Math.abs(up - middle) - 1));
    else context.fillRect(left, Math.min(middle, up), wide, Math.abs(up - middle));
    const error = (Number(shown.errors?.[player]) / shown.end) * half;
    if (!(error > 0.75)) continue;
    context.strokeStyle = ink.ink;
    context.beginPath();
    context.moveTo(left + wide / 2, Math.max(top, up - error));
    context.lineTo(left + wide / 2, Math.min(top + height, up + error));
    context.stroke();
  }
  context.fillStyle = ink.muted;
  context.fillRect(LEFT, middle, x(signal.length) - LEFT, 1 / devicePixelRatio);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} length
 * @param {(step: number) => number} x
 * @param {number} top
 * @param {number} wide
 * @param {Inks} ink
 */
function drawTime(context, length, x, top, wide, ink) {
  context.fillStyle = ink.muted;
  context.textBaseline = "top";
  for (const step of ticks(0, length, Math.floor(wide / 44))) {
    context.textAlign = step > 0.95 * length ? "right" : "center";
    context.fillText(tick(step), step > 0.95 * length ? x(length) : x(step), top + 4);
  }
}

/**
 * An outline: of the region dashed, of what is pointed at solid, each with a rim that shows on any shade.
 * @param {CanvasRenderingContext2D} context
 * @param {number} left
 * @param {number} top
 * @param {number} right
 * @param {number} bottom
 * @param {Inks} ink
 * @param {boolean} dashed
 */
function frame(context, left, top, right, bottom, ink, dashed) {
  const box = /** @type {const} */ ([crisp(left) + 1, top + 1, crisp(right) - crisp(left) - 2, bottom - top - 2]);
  context.strokeStyle = ink.panel;
  context.lineWidth = dashed ? 2.5 : 4;
  context.strokeRect(...box);
  if (dashed) context.setLineDash([4, 3]);
  context.strokeStyle = ink.ink;
  context.lineWidth = dashed ? 1 : 2;
  context.strokeRect(...box);
  context.setLineDash([]);
}
