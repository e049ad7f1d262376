/** Steps of a record: epochs from 0, the untrained model (-1) before them, and the returned model after them. Pure. */

/** The step of the model that `fit` returned, as the server has it: after every epoch. */
export const RETURNED = 2 ** 31 - 1;

/** @param {number} step */
export const isEpoch = (step) => step >= 0 && step !== RETURNED;

// So far after the last epoch the returned model stands on an axis of epochs: a part of the axis, or one epoch.
const AFTER = 0.06;

/**
 * Where each step stands on an axis of epochs.
 * @param {ArrayLike<number>} steps  ascending
 * @returns {(step: number) => number}
 */
export function onAxis(steps) {
  let end = steps.length - 1;
  while (end >= 0 && steps[end] === RETURNED) end -= 1;
  const last = end < 0 ? 0 : steps[end];
  const place = end < 0 ? 0 : last + Math.max(1, (last - steps[0]) * AFTER);
  return (step) => (step === RETURNED ? place : step);
}
