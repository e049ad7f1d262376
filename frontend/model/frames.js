/** What a frame of the filmstrip is called, on the page and in what is exported. Pure. */

import { ABSENT, epochOf } from "./cursor.js";

/** @typedef {import("../types.d.ts").Cursor} Cursor */
/** @typedef {import("../types.d.ts").Side} Side */

/** @param {number} step */
const short = (step) => (step === ABSENT ? "–" : step < 0 ? "untrained" : String(step));

/**
 * The epoch of each run at a place of the cursor.
 * @param {Cursor} cursor
 * @param {Side[]} sides
 * @param {number} place
 * @returns {number[] | null} null where the runs stand at one epoch
 */
export function apart(cursor, sides, place) {
  const own = sides.map(({ letter }) => epochOf(cursor, letter, place));
  return own.some((step) => step !== own[0] && step !== ABSENT) ? own : null;
}

/** @type {(cursor: Cursor, sides: Side[], place: number) => string} the epoch, of both runs where they stand at different ones */
export const frameLabel = (cursor, sides, place) => apart(cursor, sides, place)?.map(short).join(" · ") ?? short(cursor.steps[place]);
