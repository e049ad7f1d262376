/** What of an attribution is shown, and how: the picture that LIME's users know, and what becomes of a difference. Pure. */

import { YELLOW } from "../figures/color.js";
import { leavesOut } from "../figures/scale.js";

/** @typedef {import("../types.d.ts").State} State */

/** @type {Pick<State, "sign" | "top" | "rest" | "ink" | "outlines" | "view">} the image where the five strongest segments speak for the class, in yellow outlines; the rest is hidden */
export const CLASSIC = { sign: "for", top: 5, rest: "hide", ink: YELLOW, outlines: true, view: "image" };

/** @type {Pick<State, "sign" | "top" | "rest" | "ink" | "view">} all of it, in colours: what a page shows after it leaves the classic picture */
export const PLAIN = { sign: "both", top: null, rest: "show", ink: null, view: "overlay" };

/** @type {(state: State) => boolean} */
export const isClassic = (state) => Object.entries(CLASSIC).every(([field, value]) => state[/** @type {keyof State} */ (field)] === value);

/**
 * Whether the image alone tells which segments are chosen: by what is hidden, or by outlines.
 * @param {Pick<State, "sign" | "top" | "strongest" | "rest" | "ink" | "outlines">} look
 */
export const marksChosen = (look) => leavesOut(look) && (look.rest === "hide" || (look.outlines && look.ink !== null));

/**
 * How a difference is shown. More in A is not "for" the class: both signs are, in colours, of what differs most.
 * @param {State} state
 * @returns {State}
 */
export function ofDifference(state) {
  return { ...state, sign: /** @type {const} */ ("both"), view: state.view === "image" && marksChosen(state) ? "overlay" : state.view };
}

/** @type {(data: {scale: number}, side: Pick<import("../types.d.ts").Side, "ownEnd" | "scale"> | undefined) => number} the end of the scale of a run's values, where it is locked */
export const endFor = ({ scale }, side) => (side?.ownEnd ? side.scale() : scale);
