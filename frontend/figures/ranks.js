/** Ranks of players over epochs: which player overtakes which. Pure. */

import { binned, rowOf } from "./evolution.js";

/** @typedef {import("./evolution.js").Matrix} Matrix */

/**
 * The rank of each player's |attribution| among all, in every bin of epochs.
 * @param {Matrix} matrix
 * @param {Int32Array} starts  of the bins
 * @returns {{bins: number, ranks: Uint16Array, values: Float32Array}} (players, bins) ranks from 1, 0 where there is no number, and the values
 */
export function ranksOver(matrix, starts) {
  const bins = starts.length - 1;
  const ranks = new Uint16Array(matrix.players * bins);
  const values = new Float32Array(matrix.players * bins);
  const sizes = new Float32Array(matrix.players * bins);
  for (let player = 0; player < matrix.players; player++) {
    const row = rowOf(matrix, player);
    values.set(binned(row, starts), player * bins);
    sizes.set(binned(row.map(Math.abs), starts), player * bins);
  }
  const players = Array.from({ length: matrix.players }, (_, player) => player);
  for (let bin = 0; bin < bins; bin++) {
    const size = (/** @type {number} */ player) => sizes[player * bins + bin];
    // Of equals the one with the lower number stands first, as everywhere on the page.
    const sorted = players.filter((player) => Number.isFinite(size(player))).sort((one, other) => size(other) - size(one) || one - other);
    sorted.forEach((player, i) => {
      ranks[player * bins + bin] = i + 1;
    });
  }
  return { bins, ranks, values };
}

// Steps between two ranks that all those below the last shown one have together.
export const BELOW = 4;

/**
 * Where each line of a rank chart runs: ranks beyond the last shown one share what is left below it.
 * @param {Uint16Array} ranks  of one player, one a bin
 * @param {number} lowest  last rank with a place of its own
 * @param {number} of  the last rank
 * @returns {number[]} from 1 to lowest + BELOW; NaN breaks the line
 */
export function levels(ranks, lowest, of) {
  return Array.from(ranks, (rank) => (rank === 0 ? NaN : rank <= lowest ? rank : lowest + (BELOW * (rank - lowest)) / Math.max(BELOW, of - lowest)));
}

/**
 * The last level that a chart has.
 * @param {number} lowest
 * @param {number} of
 */
export const lastLevel = (lowest, of) => Math.min(of, lowest + BELOW);
