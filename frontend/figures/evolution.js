/** Players over epochs as numbers: a matrix, its order, how much each gained, what a pixel stands for. Pure. */

import { ranked } from "./scale.js";

/** @typedef {import("../types.d.ts").State} State */

/**
 * @typedef {object} Matrix
 * @property {number} players
 * @property {number} places  of the cursor
 * @property {Float32Array} values  (players, places) attributions; NaN where there is none
 */

/**
 * The attributions of one probe at every place of the cursor.
 * @param {import("../types.d.ts").ProbeValues} values
 * @param {ArrayLike<number>} epochs  the run's epoch at each place; ABSENT where it has none
 * @returns {Matrix}
 */
export function matrixOf(values, epochs) {
  const { players } = values;
  const places = epochs.length;
  const all = new Float32Array(players * places).fill(NaN);
  for (let place = 0; place < places; place++) {
    const explained = values.at(epochs[place]);
    if (!explained) continue;
    for (let player = 0; player < players; player++) all[player * places + place] = explained.values[player];
  }
  return { players, places, values: all };
}

/** @type {(matrix: Matrix, player: number) => Float32Array} */
export const rowOf = ({ places, values }, player) => values.subarray(player * places, (player + 1) * places);

/**
 * How much |attribution| of a player grew from one place to another; counted from the first place with a number if `from` has none.
 * @param {Matrix} matrix
 * @param {number} player
 * @param {number} from
 * @param {number} to
 * @returns {number} NaN where there is nothing to compare
 */
export function gainOf(matrix, player, from, to) {
  if (player >= matrix.players) return NaN;
  const row = rowOf(matrix, player);
  const before = Number.isFinite(row[from]) ? row[from] : (row.find(Number.isFinite) ?? NaN);
  return Math.abs(row[to]) - Math.abs(before);
}

/**
 * The order of the players.
 * @param {Matrix[]} matrices
 * @param {ArrayLike<number>} sizes  mean |attribution| of each player; NaN where it has no number
 * @param {State["gains"]} by  the strongest, those that gained most or lost most in any of the runs
 * @param {number} from  place that gains are counted from
 * @param {number} to
 * @returns {number[]} those with numbers
 */
export function orderOf(matrices, sizes, by, from, to) {
  const strongest = ranked(sizes);
  if (by === "strongest") return strongest;
  const sign = by === "gained" ? 1 : -1;
  const gain = new Map(
    strongest.map((player) => [player, Math.max(...matrices.map((matrix) => sign * gainOf(matrix, player, from, to)).filter(Number.isFinite))]),
  );
  // Where there is nothing to compare, the strongest first.
  const key = (/** @type {number} */ player) => gain.get(player) ?? -Infinity;
  return [...strongest].sort((one, other) => (key(one) === key(other) ? 0 : key(other) - key(one)));
}

/**
 * Where bins of places begin, as even as they can be; the last entry is the end of the last bin.
 * @param {number} places
 * @param {number} most  bins there is room for; at least 1
 */
export function binStarts(places, most) {
  const bins = Math.max(1, Math.min(places, most));
  return Int32Array.from({ length: bins + 1 }, (_, i) => Math.round((i * places) / bins));
}

/**
 * The mean of each bin: columns narrower than a pixel are seen as one.
 * @param {ArrayLike<number>} row
 * @param {Int32Array} starts
 * @returns {Float32Array} NaN where a bin has no number
 */
export function binned(row, starts) {
  return Float32Array.from({ length: starts.length - 1 }, (_, bin) => {
    let sum = 0;
    let count = 0;
    for (let i = starts[bin]; i < starts[bin + 1]; i++) {
      if (!Number.isFinite(row[i])) continue;
      sum += row[i];
      count += 1;
    }
    return sum / count;
  });
}

/** The least height of a row, in which a name of the usual size can be read, the usual one, and the largest. */
export const LEAST_ROW = 13;
export const USUAL_ROW = 20;
export const LARGEST_ROW = 52;

/**
 * How many rows fit, and how high they are: all of them as high as there is room, else as many as can be read.
 * @param {number} room  px
 * @param {number} count
 * @param {number} [em]  how large text is
 * @returns {{rows: number, height: number}}
 */
export function rowsIn(room, count, em = 1) {
  const fit = Math.max(3, Math.floor(room / (LEAST_ROW * em)));
  const rows = Math.min(count, fit);
  return { rows, height: Math.max(LEAST_ROW * em, Math.min(LARGEST_ROW * em, Math.floor(room / Math.max(1, rows)))) };
}
