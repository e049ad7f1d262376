/** Which probes are shown, in which order. Pure. */

import { memo } from "./memo.js";

/** @typedef {import("./types.d.ts").Side} Side */
/** @typedef {import("./types.d.ts").Pane} Pane */
/** @typedef {import("./types.d.ts").State} State */

/**
 * The class of a probe as the filter means it: its label, or what A answers where it has none.
 * @param {Pane} pane
 * @param {number} probe
 */
export function classOf({ side, step }, probe) {
  return side.info.probes.labels?.[probe] ?? side.answers?.at(probe, step)?.predicted ?? -1;
}

/**
 * @param {Pane} pane
 * @param {number} probe
 * @returns {boolean | null} null where there is no label or no answer
 */
export function isRight({ side, step }, probe) {
  const label = side.info.probes.labels?.[probe];
  const answer = side.answers?.at(probe, step);
  if (label === undefined || !answer || answer.predicted < 0) return null;
  return answer.predicted === label;
}

/**
 * How much each explanation changed over the whole run: the sum of its steps. Not the change at the cursor: the cards
 * would change places whenever the cursor moves.
 */
const changes = memo((/** @type {import("./types.d.ts").Spread} */ drift) =>
  Array.from({ length: drift.count }, (_, probe) => {
    let sum = 0;
    for (const step of drift.of(probe)) if (Number.isFinite(step)) sum += step;
    return sum;
  }),
);

/**
 * Since the pinned epoch where there is one, else over the whole run.
 * @param {Side} side
 * @param {number} probe
 */
function changed({ sincePin, drift }, probe) {
  if (sincePin) return sincePin.of(probe).findLast((distance) => Number.isFinite(distance)) ?? 0;
  return drift ? changes(drift)[probe] : 0;
}

/**
 * Probability of the label (of the predicted class without labels); NaN sorts last.
 * @param {Pane} pane
 * @param {number} probe
 */
function certainty({ side, step }, probe) {
  const answer = side.answers?.at(probe, step);
  if (!answer) return Infinity;
  const value = Number.isNaN(answer.label) ? answer.probability : answer.label;
  return Number.isNaN(value) ? Infinity : value;
}

/**
 * @param {Pane[]} panes  the runs shown on the cards, at the cursor
 * @param {Pick<State, "sort" | "only" | "wrong" | "disagree">} state
 * @returns {number[]} probe numbers
 */
export function orderProbes(panes, { sort, only, wrong, disagree }) {
  const [first] = panes;
  const kept = [];
  for (let probe = 0; probe < first.side.info.probes.count; probe++) {
    if (only !== null && classOf(first, probe) !== only) continue;
    if (wrong && !panes.some((pane) => isRight(pane, probe) === false)) continue;
    if (disagree) {
      // Where one of them has no answer, nobody disagrees.
      const answers = panes.map(({ side, step }) => side.answers?.at(probe, step)?.predicted ?? -1);
      if (answers.includes(-1) || new Set(answers).size < 2) continue;
    }
    kept.push(probe);
  }
  if (sort === "order") return kept;
  /** @type {(probe: number) => number} */
  const key =
    sort === "changed"
      ? (probe) => -Math.max(...panes.map(({ side }) => changed(side, probe)))
      : (probe) => Math.min(...panes.map((pane) => certainty(pane, probe)));
  const keys = new Map(kept.map((probe) => [probe, key(probe)]));
  return kept.sort((x, y) => Number(keys.get(x)) - Number(keys.get(y)) || x - y);
}
