/** Where the cursor goes: pure, from where it stands to a change of the state. */

/** @typedef {import("../types.d.ts").Change} Change */
/** @typedef {import("../types.d.ts").Cursor} Cursor */

/** Where a run has no epoch at a place of the cursor; as the server's `pairing` route writes it. */
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
 * The cursor moved by so many logged epochs; one who moves to the last one follows training.
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
