/** What a card has room for of a text or a row of a table. Pure. */

import { middle } from "./names.js";
import { ranked } from "./scale.js";

/** @typedef {import("./types.d.ts").Piece} Piece */

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
 * The strongest players and their short names.
 * @param {Float32Array} values
 * @param {number} most
 * @param {number} letters
 * @param {(player: number) => string} nameOf
 */
export function strongestOf(values, most, letters, nameOf) {
  return ranked(values)
    .slice(0, most)
    .filter((player) => values[player] !== 0)
    .map((player) => ({ player, value: values[player], name: middle(nameOf(player), letters) }));
}
