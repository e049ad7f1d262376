/** What a frame of the filmstrip is called, on the page and in what is exported. Pure. */

import { RETURNED } from "../figures/steps.js";
import { epoch } from "../words/format.js";
import { ABSENT, epochOf } from "./cursor.js";

/** @typedef {import("../types.d.ts").Cursor} Cursor */
/** @typedef {import("../types.d.ts").Side} Side */

/** @param {number} step */
const short = (step) => (step === ABSENT ? "–" : step === RETURNED ? "returned" : step < 0 ? "untrained" : String(step));

/** @type {(side: Pick<Side, "info">) => boolean} whether a run is a model that was explained once: it has no epochs */
export const isOnce = ({ info }) => info?.returned?.how === "once";

/** @type {(side: Pick<Side, "info">) => boolean} whether the returned model has an explanation of its own, after those of the epochs */
export const hasReturned = (side) => !isOnce(side) && side.info.steps[side.info.steps.length - 1] === RETURNED;

/**
 * A run at a step, in words: "baseline at epoch 3"; a model that was explained once has no epochs.
 * @param {Side} side
 * @param {number} step
 */
export function sideAt(side, step) {
  if (step === ABSENT) return `${side.name}: not explained here`;
  return isOnce(side) ? `${side.name}, explained once` : `${side.name} at ${epoch(step)}`;
}

/**
 * The epoch of each run at a place of the cursor.
 * @param {Cursor} cursor
 * @param {Side[]} sides
 * @param {number} place
 * @returns {number[] | null} null where the runs stand at one epoch
 */
export function apart(cursor, sides, place) {
  // A model that was explained once stands beside every epoch.
  const own = sides.map((side) => (isOnce(side) ? cursor.steps[place] : epochOf(cursor, side.letter, place)));
  return own.some((step) => step !== own[0] && step !== ABSENT) ? own : null;
}

/** @type {(cursor: Cursor, sides: Side[], place: number) => string} the epoch, of both runs where they stand at different ones */
export const frameLabel = (cursor, sides, place) => (sides.every(isOnce) ? "the model" : (apart(cursor, sides, place)?.map(short).join(" · ") ?? short(cursor.steps[place])));

/** @type {(cursor: Cursor, sides: Side[], place: number) => string | null} how far a hole goes that begins at a place: "4–8"; null where there is none */
export function holeLabel(cursor, sides, place) {
  const step = cursor.steps[place];
  const next = cursor.steps[place + 1] ?? RETURNED;
  if (next === RETURNED || next === step + 1) return null;
  return sides.every(({ letter }) => epochOf(cursor, letter, place) === ABSENT) ? `${step}–${next - 1}` : null;
}
