/** Curves of several runs on one axis of epochs. Pure. */

import { RETURNED, isEpoch } from "../figures/steps.js";
import { memo } from "./memo.js";

/**
 * Union of lists of steps, sorted.
 * @param {ArrayLike<number>[]} lists
 * @returns {number[]}
 */
export function joinSteps(lists) {
  const all = new Set();
  for (const list of lists) for (let i = 0; i < list.length; i++) all.add(list[i]);
  return [...all].sort((x, y) => x - y);
}

/**
 * The first missing step of every hole in a record. The untrained model (-1) and the returned one are no epochs and open no hole; an epoch that
 * was logged and is not explained was not due, and is none either.
 * @param {ArrayLike<number>} steps  explained, sorted
 * @param {number[]} logged  all that are there
 * @param {number} missing  how many steps of the record are missing in the reply
 */
export function holes(steps, logged = [], missing = 0) {
  const present = new Set(logged);
  return (missing > 0 ? wideOfAny(steps) : wide(steps)).filter((step) => !present.has(step));
}

/** The first step of every hole of a run, in what was explained or logged. */
export const holesOf = memo((/** @type {Pick<import("../types.d.ts").RunInfo, "steps" | "log_steps" | "missing">} */ { steps, log_steps, missing }) =>
  joinSteps([holes(steps, log_steps, missing), holes(log_steps, [], missing)]),
);

/** @type {(steps: ArrayLike<number>, usual: (sorted: number[]) => number) => number[]} */
function beyond(steps, usual) {
  const epochs = Array.from(steps).filter(isEpoch);
  const distances = epochs.slice(1).map((step, i) => step - epochs[i]);
  if (!distances.length) return [];
  const distance = usual([...distances].sort((x, y) => x - y));
  return epochs.slice(0, -1).flatMap((step, i) => (distances[i] > distance ? [step + distance] : []));
}

/** Where a distance is larger than the usual one: a run that logs every second epoch has no hole. */
const wide = memo((/** @type {ArrayLike<number>} */ steps) => beyond(steps, (sorted) => sorted[sorted.length >> 1]));

/** Where steps are known to be missing the smallest distance is the usual one. */
const wideOfAny = memo((/** @type {ArrayLike<number>} */ steps) => beyond(steps, (sorted) => sorted[0]));

/**
 * A series on another axis. null breaks a line, undefined does not: a run that has no number at an epoch it logged
 * (or should have logged) is broken there; one that logs fewer epochs than the axis has is not.
 * @param {number[]} axis
 * @param {ArrayLike<number>} steps  those of the series
 * @param {ArrayLike<number | null>} values
 * @param {number[]} gaps  the first step of each hole
 * @returns {(number | null | undefined)[]}
 */
export function align(axis, steps, values, gaps = holes(steps)) {
  const at = new Map();
  for (let i = 0; i < steps.length; i++) {
    const value = values[i];
    at.set(steps[i], value === null || Number.isNaN(value) ? null : value);
  }
  for (const step of gaps) at.set(step, null);
  return axis.map((step) => at.get(step));
}

/**
 * Position of a step in a sorted list; -1 where it is not there.
 * @param {ArrayLike<number>} steps
 * @param {number} step
 */
export function indexOf(steps, step) {
  let low = 0;
  let high = steps.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (steps[middle] === step) return middle;
    if (steps[middle] < step) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * Position of the step closest to a given one; 0 for an empty list.
 * @param {ArrayLike<number>} steps
 * @param {number} step
 */
export function nearest(steps, step) {
  let best = 0;
  for (let i = 1; i < steps.length; i++) {
    if (Math.abs(steps[i] - step) < Math.abs(steps[best] - step)) best = i;
  }
  return best;
}

/**
 * Epochs among the steps of a record: the untrained model (-1) is none, nor is the returned one.
 * @param {number[]} steps
 */
export function epochCount(steps) {
  return steps.length - Number(steps[0] < 0) - Number(steps[steps.length - 1] === RETURNED);
}

/**
 * The last epoch among the steps of a record; -1 where there is none.
 * @param {number[]} steps
 */
export function lastEpoch(steps) {
  return steps.findLast(isEpoch) ?? -1;
}
