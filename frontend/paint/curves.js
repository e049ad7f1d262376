/** How curves over epochs are drawn: axes, lines, bands, marks, and names at the ends of lines (uPlot). */

import { spreadApart } from "../figures/layout.js";
import { RETURNED, onAxis } from "../figures/steps.js";
import { EM } from "../host/text.js";
import { indexOf } from "../model/series.js";
import uPlot from "../vendor/uPlot.esm.js";
import { tickLabels } from "../words/format.js";
import { FONT, font, inkOf } from "./canvas.js";

/**
 * @typedef {object} Line
 * @property {string} label  the run's letter or name at the end of the line; "" for none
 * @property {string} [name]  the run's full name, for the tooltip
 * @property {import("../types.d.ts").Side["letter"]} letter  whose epochs its dot follows
 * @property {string} color
 * @property {boolean} dashed
 * @property {boolean} thin
 * @property {(number | null | undefined)[]} values  one a step of the axis
 * @property {number | null} [returned]  the value of the returned model, which is drawn apart, after the line; null for none
 * @property {boolean} [constant]  whether it is the one value of a model without epochs, drawn beside all epochs
 * @property {number | null} best  the step that is marked as the best; null for none
 */

/**
 * @typedef {object} Band
 * @property {string} color
 * @property {(number | null | undefined)[]} lower  one a step of the axis
 * @property {(number | null | undefined)[]} upper
 * @property {"rising" | "falling"} [hatched]  the way its lines go: two that lie over each other are both seen
 */

/**
 * Something that began at a step: words at the top of a dashed line, or `low`, beside a tick at the bottom.
 * @typedef {{step: number, color: string, text: string, low: boolean}} Mark
 */

/**
 * @typedef {object} Curves
 * @property {string} key  changes whenever axis, lines or bands do
 * @property {number[]} axis  steps, without the returned model's
 * @property {boolean} [returned]  whether the returned model has a place after the last epoch
 * @property {Line[]} lines
 * @property {Band[]} bands
 * @property {Mark[]} [marks]
 * @property {boolean} fromZero  whether 0 belongs on the axis
 * @property {(value: number) => string} format  of a value that the pointer is near
 */

const LABEL_HEIGHT = 12 * EM;
const HATCH_PX = 5;
const MOST_WIDTHS = 5000;
const MARK_HEIGHT = 11 * EM;
const EPOCH_TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];

// Parts of the largest value: what differs by less is the same but for rounding, and what differs by less than the other is flat on an axis from 0.
const SAME = 5e-7;
const FLAT = 0.02;

/**
 * Ends of the axis of values.
 * @param {number | null} low
 * @param {number | null} high
 * @param {boolean} fromZero  except where values differ by so little that they would be a flat line then
 * @returns {[number, number]}
 */
export function valueRange(low, high, fromZero) {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const apart = (high - low) / Math.max(Math.abs(low), Math.abs(high));
  const zero = fromZero && !(apart > SAME && apart < FLAT);
  const bottom = zero ? Math.min(0, low) : low;
  const top = zero ? Math.max(0, high) : high;
  if (top === bottom && zero) return [0, 1];
  const room = (top - bottom || Math.abs(top) || 1) * 0.06;
  return [bottom === 0 ? 0 : bottom - room, top === 0 ? 0 : top + room];
}

/** @type {(curves: Curves) => uPlot.AlignedData} */
export function dataOf({ axis, lines, bands }) {
  return [axis, ...lines.map(({ values }) => values), ...bands.flatMap(({ lower, upper }) => [upper, lower])];
}

/**
 * @param {{width: number, height: number}} box  px
 * @param {Curves} curves
 * @param {boolean} dark
 * @param {() => void} place
 * @returns {uPlot.Options}
 */
export function optionsOf(box, { axis: epochs, lines, bands, marks = [], returned = false, fromZero }, dark, place) {
  const end = returned ? onAxis(epochs)(RETURNED) : (epochs[epochs.length - 1] ?? 0);
  const apart = lines.flatMap((line) => (typeof line.returned === "number" ? [line.returned] : []));
  const { muted: ink, line } = inkOf(dark);
  const grid = { stroke: line, width: 1 };
  const axis = { stroke: ink, font: FONT, grid, ticks: { show: false } };
  return {
    width: box.width || 200,
    height: box.height || 100,
    padding: [(plot) => (bases.get(plot) ? 17 : 6) * EM, 18 * EM, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: () => (end > epochs[0] ? [epochs[0], end] : [end - 1, end + 1]) },
      y: { range: (_, low, high) => valueRange(...withNumbers(low, high, apart), fromZero) },
    },
    axes: [
      // The untrained model (-1) and the returned one have a place on the axis, not a number.
      { ...axis, size: 20 * EM, gap: 3, space: 34 * EM, incrs: EPOCH_TICKS, values: (plot, ticks) => ticks.map((tick) => (tick < 0 || (returned && hidden(plot, tick, end)) ? "" : String(tick))), grid: { show: false } },
      { ...axis, size: axisWidth, gap: GAP, space: 18 * EM, values: numbers },
    ],
    series: [
      {},
      ...lines.map(({ color, dashed, thin }) => ({
        stroke: color,
        width: thin ? 1 : 1.5,
        dash: dashed ? [4 * devicePixelRatio, 3 * devicePixelRatio] : undefined,
        points: { show: true, size: 4, width: 0, fill: color, filter: lonely },
      })),
      ...bands.flatMap(() => [{ stroke: "transparent", width: 0, points: { show: false } }, { stroke: "transparent", width: 0, points: { show: false } }]),
    ],
    bands: bands.map(({ color, hatched }, i) => {
      const upper = 1 + lines.length + 2 * i;
      return { series: /** @type {[number, number]} */ ([upper, upper + 1]), fill: hatched ? hatching(color, hatched) : `${color}${dark ? "38" : "26"}` };
    }),
    hooks: { setSize: [place], draw: [(plot) => drawBase(plot, ink), (plot) => markBest(plot, lines), (plot) => returned && drawReturned(plot, lines, epochs, dark), (plot) => labelEnds(plot, lines, returned ? end : null), (plot) => drawMarks(plot, marks, dark)], ready: [place] },
  };
}

// CSS px between an axis and its numbers.
const GAP = 4;

/** @type {WeakMap<uPlot, string>} what all numbers on the axis of values are added to; "" for nothing */
const bases = new WeakMap();

/** @type {(plot: uPlot, ticks: number[]) => string[]} */
function numbers(plot, ticks) {
  const { texts, base } = tickLabels(ticks.map((tick) => Number(tick.toPrecision(12))));
  bases.set(plot, base && `${base} +`);
  return texts;
}

/** @type {(plot: uPlot, texts: string[] | null, place: number, cycle: number) => number} CSS px that the numbers take; the second round of the layout keeps what the first one found */
function axisWidth(plot, texts, place, cycle) {
  const axis = /** @type {uPlot.Axis & {_size?: number}} */ (plot.axes[place]);
  if (cycle > 1 && axis._size) return axis._size;
  const widest = Math.max(0, ...[...(texts ?? []), bases.get(plot) ?? ""].map((text) => widthOf(plot.ctx, text)));
  return Math.ceil(widest / devicePixelRatio) + 2 * GAP;
}

/** @type {Map<string, number>} by resolution and text: while the cursor moves the same few numbers come again */
const widths = new Map();

/** @type {(context: CanvasRenderingContext2D, text: string) => number} pixels of the screen */
function widthOf(context, text) {
  const key = `${devicePixelRatio} ${text}`;
  let known = widths.get(key);
  if (known === undefined) {
    context.font = font(11 * devicePixelRatio);
    known = context.measureText(text).width;
    if (widths.size > MOST_WIDTHS) widths.clear();
    widths.set(key, known);
  }
  return known;
}

/** @type {(plot: uPlot, ink: string) => void} above the numbers, what they are added to */
function drawBase(plot, ink) {
  const base = bases.get(plot);
  if (!base) return;
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = font(11 * devicePixelRatio);
  ctx.fillStyle = ink;
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillText(base, bbox.left - GAP * devicePixelRatio, 0);
  ctx.restore();
}

// CSS px that the word below the returned model takes to the left of its place.
const RETURNED_WORD = 46 * EM;

/** @type {(plot: uPlot, tick: number, end: number) => boolean} whether the word "returned" takes the place of an epoch's number */
const hidden = (plot, tick, end) => tick >= end || plot.valToPos(end, "x") - plot.valToPos(tick, "x") < RETURNED_WORD;

/** @type {(low: number | null, high: number | null, numbers: number[]) => [number | null, number | null]} the range with further numbers in it */
function withNumbers(low, high, numbers) {
  const all = [low, high, ...numbers].filter((number) => typeof number === "number");
  return all.length ? [Math.min(...all), Math.max(...all)] : [low, high];
}

/**
 * The returned model after the last epoch: an open dot for each line, the word below it, and a dotted line that parts it from the epochs.
 * @param {uPlot} plot
 * @param {Line[]} lines
 * @param {number[]} epochs
 * @param {boolean} dark
 */
function drawReturned({ ctx, bbox, valToPos }, lines, epochs, dark) {
  const px = devicePixelRatio;
  const place = onAxis(epochs)(RETURNED);
  const x = valToPos(place, "x", true);
  const parting = Math.round((x + valToPos(epochs[epochs.length - 1], "x", true)) / 2) + 0.5;
  const bottom = bbox.top + bbox.height;
  ctx.save();
  const { muted, faint, panel } = inkOf(dark);
  ctx.strokeStyle = faint;
  ctx.fillStyle = muted;
  ctx.lineWidth = px;
  ctx.setLineDash([px, 3 * px]);
  ctx.beginPath();
  ctx.moveTo(parting, bbox.top);
  ctx.lineTo(parting, bottom);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.font = font(11 * px);
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillText("returned", x + 8 * px, bottom + 5 * px);
  ctx.lineWidth = 1.5 * px;
  for (const { returned, color, thin } of lines) {
    if (typeof returned !== "number") continue;
    ctx.beginPath();
    ctx.arc(x, valToPos(returned, "y", true), (thin ? 2 : 3) * px, 0, 2 * Math.PI);
    ctx.fillStyle = panel;
    ctx.strokeStyle = color;
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * Points without neighbours: a line would not show them.
 * @param {uPlot} plot
 * @param {number} series
 */
function lonely(plot, series) {
  const values = plot.data[series];
  const missing = (/** @type {number} */ i) => values[i] === null || values[i] === undefined;
  const alone = [];
  for (let i = 0; i < values.length; i++) if (!missing(i) && missing(i - 1) && missing(i + 1)) alone.push(i);
  return alone;
}

/**
 * A ring around the best epoch of a line.
 * @param {uPlot} plot
 * @param {Line[]} lines
 */
function markBest({ ctx, data: [axis], valToPos }, lines) {
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { best, color, values } of lines) {
    const value = best === null ? null : values[indexOf(axis, best)];
    if (best === null || typeof value !== "number") continue;
    ctx.beginPath();
    ctx.arc(valToPos(best, "x", true), valToPos(value, "y", true), 4.5 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.strokeStyle = color;
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * Slanting lines to fill an area with.
 * @param {string} color
 * @param {"rising" | "falling"} way
 */
function hatching(color, way) {
  const tile = document.createElement("canvas");
  const size = Math.round(HATCH_PX * devicePixelRatio);
  tile.width = size;
  tile.height = size;
  const context = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  context.globalAlpha = 0.12;
  context.fillStyle = color;
  context.fillRect(0, 0, size, size);
  context.globalAlpha = 0.55;
  context.strokeStyle = color;
  context.lineWidth = devicePixelRatio * 0.8;
  context.beginPath();
  // Corners too, so that the lines go on from tile to tile.
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, way === "rising" ? size : 0);
    context.lineTo(shift + size, way === "rising" ? 0 : size);
  }
  context.stroke();
  return /** @type {CanvasPattern} */ (context.createPattern(tile, "repeat"));
}

/**
 * Where the words of a mark begin: right of it, or left of it where they would leave the plot; never over the axis.
 * @param {number} x  of the mark
 * @param {number} width  of the words
 * @param {{left: number, width: number}} plot
 * @param {number} gap
 */
export function wordsAt(x, width, { left, width: room }, gap) {
  const start = x + gap + width > left + room ? x - gap - width : x + gap;
  return Math.max(left, start);
}

/**
 * @param {uPlot} plot
 * @param {Mark[]} marks
 * @param {boolean} dark
 */
function drawMarks({ ctx, bbox, valToPos }, marks, dark) {
  const px = devicePixelRatio;
  ctx.save();
  ctx.font = font(10 * px);
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  ctx.lineWidth = px;
  const bottom = bbox.top + bbox.height;
  const { panel } = inkOf(dark);
  marks.forEach(({ step, color, text, low }, i) => {
    const x = Math.round(valToPos(step, "x", true)) + 0.5;
    const y = low ? bottom - (i + 1) * MARK_HEIGHT * px : bbox.top + i * MARK_HEIGHT * px;
    const { width } = ctx.measureText(text);
    const left = wordsAt(x, width, bbox, 3 * px);
    ctx.strokeStyle = color;
    ctx.fillStyle = color;
    ctx.setLineDash([2 * px, 2 * px]);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(x, bottom);
    ctx.stroke();
    ctx.setLineDash([]);
    // No curve goes through the words.
    ctx.fillStyle = panel;
    ctx.globalAlpha = 0.85;
    ctx.fillRect(left - px, y - px, width + 2 * px, MARK_HEIGHT * px);
    ctx.globalAlpha = 1;
    ctx.fillStyle = color;
    ctx.fillText(text, left, y);
  });
  ctx.restore();
}

/**
 * Writes each line's name at its end, so that colour is not the only thing that tells runs apart.
 * @param {uPlot} plot
 * @param {Line[]} lines
 * @param {number | null} apart  where the returned model stands; null where it has no place
 */
function labelEnds(plot, lines, apart) {
  const ends = lines.flatMap(({ label, color, values, returned }) => {
    const last = values.findLastIndex((value) => typeof value === "number");
    if (!label || last < 0) return [];
    if (apart !== null && typeof returned === "number") return [{ label, color, x: plot.valToPos(apart, "x", true), y: plot.valToPos(returned, "y", true) }];
    return [{ label, color, x: plot.valToPos(plot.data[0][last], "x", true), y: plot.valToPos(Number(values[last]), "y", true) }];
  });
  const px = devicePixelRatio;
  const bottom = plot.bbox.top + plot.bbox.height;
  spreadApart(ends, LABEL_HEIGHT * px, bottom);
  const { ctx } = plot;
  ctx.save();
  ctx.font = font(11 * px, 500);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { label, color, x, y } of ends) {
    ctx.fillStyle = color;
    ctx.fillText(label, x + 6 * px, y);
  }
  ctx.restore();
}
