/** Features as rows of a chart: their order, which of them have room, the way from base to output, ends of the axis. Pure. */

import { largest } from "./scale.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */
/** @typedef {import("../types.d.ts").ProbeValues} ProbeValues */

/**
 * A row: one player, or several that have no room of their own.
 * @typedef {number[]} Line
 */

/**
 * Mean |attribution| of each player over all epochs of all records given; NaN where no epoch has a number.
 * @param {ProbeValues[]} records
 * @param {number} players
 */
export function meanSizes(records, players) {
  const total = new Float64Array(players);
  const count = new Uint32Array(players);
  for (const record of records) {
    for (const step of record.steps) {
      const values = record.at(step)?.values ?? [];
      for (let player = 0; player < players; player++) {
        if (!Number.isFinite(values[player])) continue;
        total[player] += Math.abs(values[player]);
        count[player] += 1;
      }
    }
  }
  return total.map((sum, player) => sum / count[player]);
}

/**
 * The largest |value| of each player among several explanations; 0 where none has a number.
 * @param {(ArrayLike<number> | null | undefined)[]} all
 * @param {number} players
 */
export function largestSizes(all, players) {
  return Float64Array.from({ length: players }, (_, player) => largest(all.map((values) => values?.[player] ?? 0)));
}

/**
 * Players from the largest to the smallest, those without a number last; equal ones as they were logged.
 * @param {ArrayLike<number>} sizes
 */
export function descending(sizes) {
  const size = (/** @type {number} */ player) => (Number.isFinite(sizes[player]) ? sizes[player] : -1);
  return Array.from(sizes, (_, player) => player).sort((one, other) => size(other) - size(one) || one - other);
}

/**
 * What has room: the first players, then all others in one row. A kept player is always among those with a row of their own.
 * @param {number[]} order
 * @param {number} room  rows
 * @param {number | null} kept
 * @returns {Line[]}
 */
export function linesOf(order, room, kept) {
  if (order.length <= Math.max(2, room)) return order.map((player) => [player]);
  const own = order.slice(0, Math.max(1, room - 1));
  if (kept !== null && order.includes(kept) && !own.includes(kept)) own[own.length - 1] = kept;
  const rest = new Set(order);
  for (const player of own) rest.delete(player);
  return [...own.map((player) => [player]), [...rest]];
}

/**
 * What a row adds up to; NaN where none of its players has a number.
 * @param {ArrayLike<number>} values
 * @param {Line} line
 */
export function sumOf(values, line) {
  const numbers = line.map((player) => values[player]).filter(Number.isFinite);
  return numbers.length ? numbers.reduce((sum, value) => sum + value, 0) : NaN;
}

/**
 * The waterfall from the base value to the output: where each row's bar begins and ends. A row without a number has length 0.
 * @param {number} base
 * @param {ArrayLike<number>} values
 * @param {Line[]} lines
 * @returns {{from: number, to: number}[]}
 */
export function waterfall(base, values, lines) {
  let at = base;
  return lines.map((line) => {
    const from = at;
    at += sumOf(values, line) || 0;
    return { from, to: at };
  });
}

/**
 * How far a waterfall reaches, to the left and to the right; null where it has no number.
 * @param {number} base
 * @param {ArrayLike<number>} values
 * @param {number[]} order
 * @returns {[number, number] | null}
 */
export function reach(base, values, order) {
  if (!Number.isFinite(base)) return null;
  let [low, high, at] = [base, base, base];
  for (const player of order) {
    at += values[player] || 0;
    if (at < low) low = at;
    if (at > high) high = at;
  }
  return [low, high];
}

/**
 * How far a waterfall may reach, in whichever order its rows stand; null where it has no number.
 * @param {number} base
 * @param {ArrayLike<number>} values
 * @param {number[]} order
 * @returns {[number, number] | null}
 */
export function furthest(base, values, order) {
  if (!Number.isFinite(base)) return null;
  let [low, high] = [base, base];
  for (const player of order) {
    if (values[player] > 0) high += values[player];
    else if (values[player] < 0) low += values[player];
  }
  return [low, high];
}

/**
 * Where bars from zero end, to either side: at the shared end, or as far as this probe goes at any epoch, so that no bar is cut.
 * @param {number} scale  shared end; 0 where there is none
 * @param {(Attribution | null)[]} all
 */
export function barEnd(scale, all) {
  let end = scale;
  for (const explained of all) {
    explained?.values.forEach((value, player) => {
      const size = Math.abs(value) + (explained.errors[player] || 0);
      if (size > end) end = size;
    });
  }
  return end;
}

/**
 * The features that a player stands for.
 * @param {ProbeSetInfo} probes
 * @param {number} player
 */
export function featuresOf(probes, player) {
  if (!probes.player_of) return [player];
  return probes.player_of.flatMap((of, feature) => (of === player ? [feature] : []));
}
