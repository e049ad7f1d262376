/** Which probes are shown, in which order. Pure. */

import { isEpoch } from "../figures/steps.js";
import { memo } from "./memo.js";
import { trueLabels } from "../words/truth.js";

/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").Pane} Pane */
/** @typedef {import("../types.d.ts").State} State */

/**
 * The classes of a probe as the filter means them: its labels, or A's prediction if probes have no labels.
 * @param {Pane} pane
 * @param {number} probe
 * @returns {number[]}
 */
export function labelsOrPrediction({ side, step }, probe) {
  return trueLabels(side.info.probes, probe) ?? [side.predictions?.at(probe, step)?.predicted ?? -1];
}

/**
 * @param {Pane} pane
 * @param {number} probe
 * @returns {boolean | null} null without a label or a prediction
 */
export function isRight({ side, step }, probe) {
  const { labels, label_sets: sets, classes } = side.info.probes;
  const prediction = side.predictions?.at(probe, step);
  if (!prediction || prediction.predicted < 0) return null;
  if (sets) return prediction.right === classes;
  return labels ? prediction.predicted === labels[probe] : null;
}

/**
 * How much each explanation changed over the whole run: the sum over its epochs. Not the change at the cursor: the cards
 * would change places whenever the cursor moves.
 */
const changes = memo((/** @type {import("../types.d.ts").Spread} */ drift) =>
  Array.from({ length: drift.count }, (_, probe) => {
    let sum = 0;
    drift.of(probe).forEach((distance, i) => (sum += isEpoch(drift.steps[i]) && Number.isFinite(distance) ? distance : 0));
    return sum;
  }),
);

/**
 * The change since the pinned epoch if there is one, else over the whole run.
 * @param {Side} side
 * @param {number} probe
 */
function changed({ sincePin, drift }, probe) {
  if (sincePin) return sincePin.of(probe).findLast((distance) => Number.isFinite(distance)) ?? 0;
  return drift ? (changes(drift)[probe] ?? 0) : 0;
}

/**
 * Probability of the label (of the predicted class without labels); of a set of labels, how many are right, then the mean probability of what is
 * true. NaN sorts last.
 * @param {Pane} pane
 * @param {number} probe
 */
function certainty({ side, step }, probe) {
  const prediction = side.predictions?.at(probe, step);
  if (!prediction) return Infinity;
  if (prediction.right !== undefined) return prediction.predicted < 0 ? Infinity : Number(prediction.right) + prediction.label;
  const value = Number.isNaN(prediction.label) ? prediction.probability : prediction.label;
  return Number.isNaN(value) ? Infinity : value;
}

/**
 * The distance of A and B above its noise floor; probes that both predict correctly come first.
 * @param {import("../types.d.ts").Compared} compared
 * @param {number} probe
 * @param {number} step
 */
function apartness(compared, probe, step) {
  const distance = compared.distance(probe, step);
  const floor = compared.floor(probe, step);
  if (Number.isNaN(distance)) return -Infinity;
  return distance - (Number.isNaN(floor) ? 0 : floor) + (compared.bothRight(probe, step) ? BOTH_RIGHT : 0);
}

// Larger than any difference of two distances.
const BOTH_RIGHT = 10;

/**
 * How far the output of a regression is from the true value, the largest of the runs shown; NaN where that is unknown.
 * @param {Pane[]} panes
 * @param {number} probe
 */
function largestError(panes, probe) {
  const errors = panes.map(({ side, step }) => {
    const { truth, regression } = side.info.probes;
    const prediction = side.predictions?.at(probe, step);
    return regression && truth && prediction && prediction.predicted >= 0 ? Math.abs(prediction.probability - truth[probe][prediction.predicted]) : NaN;
  }).filter(Number.isFinite);
  return errors.length ? Math.max(...errors) : NaN;
}

/**
 * The mean size of the errors of a regression at the cursor.
 * @param {Pane[]} panes
 */
function meanError(panes) {
  const errors = Array.from({ length: panes[0].side.info.probes.count }, (_, probe) => largestError(panes, probe)).filter(Number.isFinite);
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}

/**
 * How probes are sorted: older links call the largest error uncertain, and where no true values are known there is no error.
 * @param {Pick<State, "sort">} state
 * @param {import("../types.d.ts").ProbeSetInfo} probes
 * @returns {import("../types.d.ts").Sort}
 */
export function sortOf({ sort }, { regression, truth }) {
  const errors = Boolean(regression && truth);
  return sort === "uncertain" && errors ? "error" : sort === "error" && !errors ? "uncertain" : sort;
}

/**
 * @param {Pane[]} panes  the runs shown on the cards, at the cursor
 * @param {Pick<State, "sort" | "only" | "wrong" | "disagree">} state
 * @param {{compared: import("../types.d.ts").Compared, step: number} | null} [apart]  the comparison of a pair, and the step where the cursor rests
 * @returns {number[]} probe numbers
 */
export function orderProbes(panes, { sort: wanted, only, wrong, disagree }, apart = null) {
  const [first] = panes;
  const sort = sortOf({ sort: wanted }, first.side.info.probes);
  const kept = [];
  const { regression } = first.side.info.probes;
  const mean = wrong && regression ? meanError(panes) : 0;
  for (let probe = 0; probe < first.side.info.probes.count; probe++) {
    if (only !== null && !labelsOrPrediction(first, probe).includes(only)) continue;
    if (wrong && !(regression ? largestError(panes, probe) > mean : panes.some((pane) => isRight(pane, probe) === false))) continue;
    if (disagree) {
      // Without a prediction of both there is no disagreement.
      const predictions = panes.map(({ side, step }) => side.predictions?.at(probe, step));
      if (predictions.some((given) => (given?.predicted ?? -1) < 0) || new Set(predictions.map((given) => given?.set ?? given?.predicted)).size < 2) continue;
    }
    kept.push(probe);
  }
  if (sort === "order") return kept;
  if (sort === "error") {
    return sorted(kept, (probe) => {
      const error = largestError(panes, probe);
      return Number.isNaN(error) ? Infinity : -error;
    });
  }
  if (sort === "differ" && apart) return sorted(kept, (probe) => -apartness(apart.compared, probe, apart.step));
  /** @type {(probe: number) => number} */
  const key =
    sort === "changed" || sort === "differ"
      ? (probe) => -Math.max(...panes.map(({ side }) => changed(side, probe)))
      : (probe) => Math.min(...panes.map((pane) => certainty(pane, probe)));
  return sorted(kept, key);
}

/** @type {(probes: number[], key: (probe: number) => number) => number[]} the smallest key first */
function sorted(probes, key) {
  const keys = new Map(probes.map((probe) => [probe, key(probe)]));
  const compare = (/** @type {number} */ x, /** @type {number} */ y) => (keys.get(x) === keys.get(y) ? 0 : Number(keys.get(x)) - Number(keys.get(y)));
  return probes.sort((x, y) => compare(x, y) || x - y);
}
