/** One point a probe in each feature's row: where the points lie, and how high the feature's value is among all. Pure. */

import { featuresOf } from "./bars.js";

/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */
/** @typedef {import("../types.d.ts").Row} Row */

// What lies beyond these parts of the values has the colour of the end: one outlier would make all others alike.
const LOW = 0.05;
const HIGH = 0.95;

// Part of all values that may lie beyond an end of the axis, where they lie farther out than this part of what the others take; and the room beside those.
const FEW = 0.01;
const FAR = 0.4;
const MARGIN = 0.08;

/**
 * Points stacked up and down from the middle of their row, so that none covers another; where they would leave the row, as close as it takes.
 * @param {ArrayLike<number>} xs  px; NaN for a point that is not there
 * @param {number} diameter  px
 * @param {number} half  px of the row above and below its middle
 * @returns {Float32Array} px from the middle, up to half less the radius; NaN where x is
 */
export function beeswarm(xs, diameter, half) {
  const places = Array.from(xs, (_, i) => i).filter((i) => Number.isFinite(xs[i])).sort((one, other) => xs[one] - xs[other] || one - other);
  /** @type {number[]} where the last point of each level ends */
  const ends = [];
  const levels = new Int32Array(xs.length);
  let highest = 0;
  for (const i of places) {
    let level = ends.findIndex((end) => xs[i] >= end);
    if (level < 0) level = ends.length;
    ends[level] = xs[i] + diameter;
    levels[i] = level;
    highest = Math.max(highest, Math.ceil(level / 2));
  }
  const distance = highest > 0 ? Math.min(diameter, Math.max(0, half - diameter / 2) / highest) : 0;
  const out = new Float32Array(xs.length).fill(NaN);
  // 0, then one above, one below, and so on.
  for (const i of places) out[i] = Math.ceil(levels[i] / 2) * (levels[i] % 2 ? -1 : 1) * distance || 0;
  return out;
}

/**
 * How high a player's value is in each probe, among all of them: 0 to 1.
 * NaN where it is missing or has no order: several columns, or categories of which there are more than two.
 * @param {ProbeSetInfo} probes
 * @param {(Row | null)[]} rows  by probe
 * @param {number} player
 * @returns {Float32Array}
 */
export function heights(probes, rows, player) {
  const features = featuresOf(probes, player);
  const [feature] = features;
  const names = probes.categorical?.[feature];
  const ordered = features.length === 1 && (!names || Object.keys(names).length <= 2);
  const values = Float32Array.from(rows, (row) => (ordered && row && !row.missing[feature] ? row.values[feature] : NaN));
  const sorted = values.filter(Number.isFinite).sort();
  const at = (/** @type {number} */ part) => sorted[Math.round(part * (sorted.length - 1))];
  let [low, high] = [at(LOW), at(HIGH)];
  // Few probes have the other value.
  if (low === high) [low, high] = [at(0), at(1)];
  return values.map((value) => (Number.isFinite(value) ? (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5) : NaN));
}

/**
 * Where the axis of all swarms ends, 0 in view: at the outermost values, unless a few lie so far out that they would squeeze all others together.
 * What is beyond an end is drawn at the edge.
 * @param {Float32Array} values
 * @returns {{ends: [number, number], cut: boolean}}
 */
export function swarmEnds(values) {
  const sorted = values.filter(Number.isFinite).sort();
  if (!sorted.length) return { ends: [0, 0], cut: false };
  const at = (/** @type {number} */ part) => sorted[Math.round(part * (sorted.length - 1))];
  const [low, high] = [Math.min(0, at(0)), Math.max(0, at(1))];
  const [nearLow, nearHigh] = [Math.min(0, at(FEW)), Math.max(0, at(1 - FEW))];
  const span = nearHigh - nearLow;
  const ends = /** @type {[number, number]} */ ([low < nearLow - FAR * span ? nearLow - MARGIN * span : low, high > nearHigh + FAR * span ? nearHigh + MARGIN * span : high]);
  // Where nearly all are 0 the others are all there is to see.
  return span > 0 ? { ends, cut: ends[0] > low || ends[1] < high } : { ends: [low, high], cut: false };
}

/**
 * The point nearest to a place; -1 where none is within reach.
 * @param {ArrayLike<number>} xs
 * @param {ArrayLike<number>} ys
 * @param {number} x
 * @param {number} y
 * @param {number} within  px
 */
export function nearestPoint(xs, ys, x, y, within) {
  let best = -1;
  let least = within;
  for (let i = 0; i < xs.length; i++) {
    const away = Math.hypot(xs[i] - x, ys[i] - y);
    if (away <= least) [best, least] = [i, away];
  }
  return best;
}

/**
 * A row of the swarm at one epoch: the attribution of a player in every probe.
 * @param {(Float32Array | null)[]} values  by probe
 * @param {number} player
 */
export const across = (values, player) => Float32Array.from(values, (own) => own?.[player] ?? NaN);
