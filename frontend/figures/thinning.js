/** Which epochs a film has room for. Pure. */

import { RETURNED } from "./steps.js";

/**
 * @typedef {object} Thinned
 * @property {number[]} places  positions in the steps, ascending
 * @property {number} every  1 where all are shown
 * @property {number} of  how many epochs there are; neither the untrained model nor the returned one is
 * @property {boolean} last  whether the last epoch is there out of turn
 */

/**
 * Every 2nd, 5th, 60th … epoch, as many as have room: a distance that people can say. The untrained model, the last epoch and the returned model
 * always stay.
 * @param {number[]} steps  ascending
 * @param {number} most  at least 4
 * @param {number | null} keep  a position that is shown in any case: the nearest one between the ends gives its place to it
 * @returns {Thinned}
 */
export function thin(steps, most, keep = null) {
  const first = steps[0] < 0 ? 1 : 0;
  const returned = steps.length - 1 > first && steps[steps.length - 1] === RETURNED ? 1 : 0;
  const end = steps.length - returned;
  const of = end - first;
  if (steps.length <= most) return { places: steps.map((_, i) => i), every: 1, of, last: false };
  const every = distances().find((distance) => Math.ceil(of / distance) + first + returned + 1 <= most) ?? of;
  const places = first ? [0] : [];
  for (let i = first; i < end; i += every) places.push(i);
  const last = places[places.length - 1] !== end - 1;
  if (last) places.push(end - 1);
  if (returned) places.push(end);
  if (keep !== null && !places.includes(keep)) {
    const away = (/** @type {number} */ i) => Math.abs(places[i] - keep);
    let nearest = first + 1;
    for (let i = nearest; i < places.length - 1; i++) if (away(i) < away(nearest)) nearest = i;
    places[nearest] = keep;
  }
  return { places, every, of, last };
}

/** 2, 3, 4, 5, 6, 8, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, … */
function distances() {
  const tens = Array.from({ length: 6 }, (_, i) => [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((one) => one * 10 ** i));
  return tens.flat().filter((distance) => distance > 1 && Number.isInteger(distance));
}

/**
 * @param {Thinned} thinned
 * @returns {string} "12 epochs", "every 5th of 200 epochs and the last"
 */
export function epochsShown({ every, of, last }) {
  if (every === 1) return of === 1 ? "1 epoch" : `${of} epochs`;
  return `every ${ordinal(every)} of ${of} epochs${last ? " and the last" : ""}`;
}

/** @param {number} number  from 2 on, as places are thinned: 2, 3, and those that end in "th" */
export const ordinal = (number) => `${number}${number === 2 ? "nd" : number === 3 ? "rd" : "th"}`;
