/** What is true of a probe: its label, its set of labels, or the true values of a regression. Pure. */

/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */

/**
 * The numbers of the true classes of a probe; null where the probes have no labels.
 * @param {ProbeSetInfo} probes
 * @param {number} probe
 * @returns {number[] | null}
 */
export function trueLabels({ labels, label_sets: sets }, probe) {
  if (sets) return sets[probe];
  return labels ? [labels[probe]] : null;
}

/**
 * Whether a probability says what is true of a label of a set.
 * @param {number | undefined} probability
 * @param {boolean} truth
 * @returns {boolean | null} null where it is not a number
 */
export function labelIsRight(probability, truth) {
  return probability === undefined || Number.isNaN(probability) ? null : probability >= HALF === truth;
}

// A label is predicted from this probability on.
const HALF = 0.5;
