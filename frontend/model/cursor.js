/** Moves of the cursor, as changes of the state. Pure. */

/** @typedef {import("../types.d.ts").Change} Change */
/** @typedef {import("../types.d.ts").Cursor} Cursor */

/** Marks a place of the cursor at which a run has no epoch, as in the server's `pairing` route. */
export const ABSENT = -2;

/**
 * The epoch of a run at a place of the cursor. Runs that are neither A nor B go by the cursor's own epoch.
 * @param {Cursor} cursor
 * @param {"A" | "B" | ""} letter
 * @param {number} [index]  where the cursor stands, if left out
 */
export function epochOf(cursor, letter, index = cursor.index) {
  return letter === "" ? cursor.steps[index] : cursor.epochs[letter][index];
}

/**
 * Moves the cursor by a number of logged epochs; at the last one it follows training.
 * @param {Cursor} cursor
 * @param {number} by
 * @returns {Change}
 */
export function move(cursor, by) {
  const index = Math.min(cursor.steps.length - 1, Math.max(0, cursor.index + by));
  return moveTo(cursor, index);
}

/**
 * @param {Cursor} cursor
 * @param {number} index
 * @returns {Change}
 */
export function moveTo(cursor, index) {
  const step = cursor.steps[index];
  return { epoch: step === cursor.end ? null : step };
}
