/** What a card has room for of a text or a row of a table. Pure. */

import { ranked } from "./scale.js";

/** @typedef {import("../types.d.ts").Piece} Piece */

/**
 * The first pieces of a text, as many as a card can show.
 * @param {Piece[]} pieces
 * @param {number} most  characters
 * @returns {Piece[]} the last one is cut where it goes on
 */
export function firstPieces(pieces, most) {
  /** @type {Piece[]} */
  const kept = [];
  let room = most;
  for (const [text, player] of pieces) {
    const characters = [...text];
    if (characters.length > room) {
      // A piece of which nothing is left would be an ellipsis with a colour.
      return room > 0 ? [...kept, [`${characters.slice(0, room).join("")}…`, player]] : kept;
    }
    kept.push([text, player]);
    room -= characters.length;
  }
  return kept;
}

/**
 * As many pieces of a text as a card can show: the first ones, or where a player stands farther on, those before it.
 * @param {Piece[]} pieces
 * @param {number} most  characters
 * @param {number | null} player  that has to be seen
 * @returns {Piece[]} the first one is an ellipsis where something stands before it
 */
export function excerpt(pieces, most, player) {
  const place = pieces.findIndex(([, own]) => own === player);
  const lengths = pieces.map(([text]) => [...text].length);
  const upTo = (/** @type {number} */ end) => lengths.slice(0, end).reduce((sum, length) => sum + length, 0);
  if (player === null || place < 0 || upTo(place + 1) <= most) return firstPieces(pieces, most);
  let start = place;
  // Two thirds of the room for what comes before it.
  while (start > 0 && upTo(place + 1) - upTo(start - 1) <= (most * 2) / 3) start -= 1;
  return start > 0 ? [["… ", -1], ...firstPieces(pieces.slice(start), most - 2)] : firstPieces(pieces, most);
}

/**
 * Lines that pieces take, where a word goes to the next line whole, and one that is longer than a line is broken.
 * @param {Piece[]} pieces
 * @param {number} perLine  characters
 */
export function linesOf(pieces, perLine) {
  let lines = 0;
  for (const paragraph of pieces.map(([text]) => text).join("").split("\n")) {
    lines += 1;
    let used = 0;
    for (const word of paragraph.split(/\s+/u)) {
      const length = [...word].length;
      const needed = used > 0 ? length + 1 : length;
      if (used + needed <= perLine) used += needed;
      else {
        lines += (used > 0 ? 1 : 0) + Math.ceil(length / perLine) - 1;
        used = length % perLine || perLine;
      }
    }
  }
  return lines;
}

/**
 * The same pieces as `excerpt` has, as many as also fit in lines.
 * @param {Piece[]} pieces
 * @param {number} most  characters
 * @param {number | null} player
 * @param {{lines: number, perLine: number}} room
 * @returns {Piece[]}
 */
export function excerptInLines(pieces, most, player, { lines, perLine }) {
  let kept = excerpt(pieces, most, player);
  for (let fewer = most - 2; fewer > perLine && linesOf(kept, perLine) > lines; fewer -= 2) kept = excerpt(pieces, fewer, player);
  return kept;
}

/**
 * The strongest players, as many as have room.
 * @param {Float32Array} values
 * @param {number} most
 */
export const strongestOf = (values, most) => ranked(values).slice(0, most).filter((player) => values[player] !== 0);
