/** Draws a series over its attributions on a canvas, at the screen's resolution. */

import { ticks } from "../figures/axis.js";
import { HIDDEN } from "../figures/color.js";
import { css, ground } from "../figures/passage.js";
import { extremes, runsOf, signalRows } from "../figures/signal.js";
import { EM } from "../host/text.js";
import { stretches } from "../model/players.js";
import { choiceKey, isHidden, placeOf, withinNoise } from "../model/shown.js";
import { number, tick } from "../words/format.js";
import { middle } from "../words/names.js";
import { cleared, crisp, inkOf } from "./canvas.js";

/** @typedef {import("../model/shown.js").Shown} Shown */
/** @typedef {import("../types.d.ts").Signal} Signal */

/** Room for the numbers of the value axes. */
export const LEFT = 34 * EM;
export const RIGHT = 6;
// The width of most letters.
const LETTER = 6.5 * EM;

/** @typedef {import("./canvas.js").Inks} Inks */

/**
 * @typedef {object} Look
 * @property {boolean} dark
 * @property {number[]} lit  players to outline
 * @property {(player: number) => boolean} inside  the selected region
 * @property {string[] | null} names  of the channels
 * @property {number} reach  where the axis of the bars ends: at least at the end of the colours; > 0
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
  const nameOf = (/** @type {number} */ channel) => look.names?.[channel] ?? (signal.channels > 1 ? `channel ${channel}` : "");
  const layout = signalRows(box.height, signal.channels, Boolean(nameOf(0)), EM);
  const region = runsOf(signal.segments, look.inside);
  const noise = shown.values && shown.apart ? Array.from(shown.values, (_, player) => Number(withinNoise(shown, player))).join("") : "";
  const all = [key, look.dark, look.lit, look.reach, shown.end, choiceKey(shown), shown.values !== null, region, noise].join();
  const context = cleared(canvas, box.width, layout.height, all);
  if (!context) return layout.height;
  const ink = inkOf(look.dark);
  const wide = box.width - LEFT - RIGHT;
  const x = (/** @type {number} */ step) => LEFT + (step / signal.length) * wide;
  const bottom = layout.bars.top + layout.bars.height;

  layout.rows.forEach((row, channel) => {
    drawShades(context, signal, shown, look.dark, x, row);
    drawChannel(context, signal, channel, row, x, ink);
    veil(context, signal, shown, look.dark, x, row);
  });
  drawBars(context, signal, shown, look, x, layout.bars, ink);
  for (const [first, last] of region) frame(context, x(first), 0, x(last + 1), bottom, ink, true);
  for (const [first, last] of runsOf(signal.segments, (player) => look.lit.includes(player))) frame(context, x(first), 0, x(last + 1), bottom, ink, false);
  // Above the frames: those go over the names' place too.
  layout.rows.forEach(({ top }, channel) => writeName(context, nameOf(channel), top, wide, ink));
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
 * @param {{top: number, height: number}} row
 */
export function drawShades(context, signal, shown, dark, x, { top, height }) {
  for (const { player, first, last } of stretches(signal)) {
    const t = placeOf(shown, player);
    if (!t) continue;
    const noise = withinNoise(shown, player);
    const [left, right] = [crisp(x(first)), crisp(x(last + 1))];
    context.fillStyle = css(ground(noise ? 0.25 * t : t, dark));
    context.fillRect(left, top, right - left, height);
  }
}

/**
 * A grey over the stretches that are hidden.
 * @param {CanvasRenderingContext2D} context
 * @param {Signal} signal
 * @param {Pick<Shown, "chosen" | "hide">} shown
 * @param {boolean} dark
 * @param {(step: number) => number} x
 * @param {{top: number, height: number}} row
 */
export function veil(context, signal, shown, dark, x, { top, height }) {
  context.fillStyle = css(dark ? HIDDEN.dark : HIDDEN.light);
  for (const [first, last] of runsOf(signal.segments, (player) => isHidden(shown, player))) {
    const [left, right] = [crisp(x(first)), crisp(x(last + 1))];
    context.fillRect(left, top, right - left, height);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Signal} signal
 * @param {number} channel
 * @param {{top: number, height: number}} row
 * @param {(step: number) => number} x
 * @param {Inks} ink
 */
function drawChannel(context, signal, channel, row, x, ink) {
  const [low, high] = channelRange(signal, channel);
  const y = (/** @type {number} */ value) => row.top + 3 + (1 - (value - low) / (high - low || 1)) * (row.height - 6);
  context.fillStyle = ink.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(low, high, row.height > 60 * EM ? 3 : row.height > 28 * EM ? 2 : 1)) {
    context.fillText(tick(value), LEFT - 5, Math.min(row.top + row.height - 5 * EM, Math.max(row.top + 6 * EM, y(value))));
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
}

/** @type {(context: CanvasRenderingContext2D, name: string, top: number, wide: number, ink: Inks) => void} */
function writeName(context, name, top, wide, ink) {
  const short = middle(name, Math.floor(wide / LETTER));
  context.textAlign = "left";
  context.textBaseline = "bottom";
  context.lineWidth = 3;
  context.strokeStyle = ink.panel;
  context.strokeText(short, LEFT, top - 1);
  context.fillStyle = ink.ink;
  context.fillText(short, LEFT, top - 1);
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
  const perColumn = signal.length / columns;
  let open = false;
  for (let column = 0; column < columns; column++) {
    const isNumber = Number.isFinite(low[column]);
    const at = x((column + 0.5) * perColumn);
    if (isNumber && open) path.lineTo(at, y(high[column]));
    if (isNumber && !open) path.moveTo(at, y(high[column]));
    if (isNumber && low[column] < high[column]) path.lineTo(at, y(low[column]));
    open = isNumber;
  }
  return path;
}

/**
 * The attributions as bars, up for and down against, with their standard errors: the sign is not in the colour alone.
 * @param {CanvasRenderingContext2D} context
 * @param {Signal} signal
 * @param {Shown} shown
 * @param {Look} look
 * @param {(step: number) => number} x
 * @param {{top: number, height: number}} row
 * @param {Inks} ink
 */
function drawBars(context, signal, shown, { dark, reach }, x, { top, height }, ink) {
  const middle = crisp(top + height / 2);
  const half = height / 2 - 2;
  context.fillStyle = ink.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const end = number(reach);
  context.fillText(`+${end}`, LEFT - 5, top + 6 * EM);
  context.fillText(`−${end}`, LEFT - 5, top + height - 5 * EM);
  for (const { player, first, last } of stretches(signal)) {
    const t = placeOf(shown, player);
    if (!t) continue;
    const noise = withinNoise(shown, player);
    const [left, right] = [crisp(x(first)), crisp(x(last + 1))];
    const wide = Math.max(1, right - left - 1);
    const value = (t * shown.end) / reach;
    const up = middle - Math.max(-1, Math.min(1, value)) * half;
    const color = css(ground(Math.sign(t), dark));
    context.fillStyle = color;
    context.strokeStyle = color;
    context.lineWidth = 1;
    if (noise) context.strokeRect(left + 0.5, Math.min(middle, up) + 0.5, wide - 1, Math.max(0, Math.abs(up - middle) - 1));
    else context.fillRect(left, Math.min(middle, up), wide, Math.abs(up - middle));
    // A bar beyond the axis ends in a torn edge.
    if (Math.abs(value) > 1) torn(context, left, wide, up, t > 0, ink.panel);
    const error = (Number(shown.errors?.[player]) / reach) * half;
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

/** @type {(context: CanvasRenderingContext2D, left: number, wide: number, end: number, up: boolean, color: string) => void} */
function torn(context, left, wide, end, up, color) {
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const back of [3, 6]) {
    const y = up ? end + back : end - back;
    context.moveTo(left, y + 1.5);
    context.lineTo(left + wide, y - 1.5);
  }
  context.stroke();
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
  for (const step of ticks(0, length, Math.floor(wide / (44 * EM)))) {
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
