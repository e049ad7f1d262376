/** Every place that the cursor can take: the epochs of A and of B that stand side by side. Pure. */

import { ABSENT } from "./cursor.js";
import { memo } from "./memo.js";
import { holesOf, indexOf, joinSteps, nearest } from "./series.js";

/** @typedef {import("../types.d.ts").Cursor} Cursor */
/** @typedef {import("../types.d.ts").Pairing} Pairing */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */

/**
 * @param {RunInfo} a
 * @param {RunInfo | null} b
 * @param {Pairing | null} pairing  null if equal epochs are compared
 * @param {number | null} epoch  null follows the end
 * @returns {Cursor}
 */
export function cursorOf(a, b, pairing, epoch) {
  const { steps, epochs } = pairing ? paired(pairing)(a) : b ? sameEpochs(a)(b) : alone(a);
  const both = (/** @type {number} */ _, /** @type {number} */ i) => epochs.A[i] !== ABSENT && (!b || epochs.B[i] !== ABSENT);
  const end = steps[steps.findLastIndex((step, i) => both(step, i))] ?? steps[steps.length - 1];
  const index = nearest(steps, epoch ?? end);
  return { step: steps[index], index, steps, epochs, metric: pairing?.metric ?? "", best: pairing?.best ?? null, end, following: epoch === null };
}

/** @typedef {Pick<Cursor, "steps" | "epochs">} Places */

/** @type {(steps: number[], has: (step: number) => boolean) => number[]} */
const where = (steps, has) => steps.map((step) => (has(step) ? step : ABSENT));

// The first missing epoch of a hole has a place of its own, so that the hole is visible.

/** @type {(a: RunInfo) => Places} */
const alone = memo((a) => {
  const steps = joinSteps([a.steps, holesOf(a)]);
  const own = where(steps, (step) => indexOf(a.steps, step) >= 0);
  return { steps, epochs: { A: own, B: own } };
});

/** @type {(a: RunInfo) => (b: RunInfo) => Places} */
const sameEpochs = memo((/** @type {RunInfo} */ a) =>
  memo((/** @type {RunInfo} */ b) => {
    const steps = joinSteps([a, b].flatMap((info) => [info.steps, holesOf(info)]));
    const of = (/** @type {RunInfo} */ info) => where(steps, (step) => indexOf(info.steps, step) >= 0);
    return { steps, epochs: { A: of(a), B: of(b) } };
  }),
);

/** @type {(pairing: Pairing) => (a: RunInfo) => Places} */
const paired = memo((/** @type {Pairing} */ pairing) =>
  memo((/** @type {RunInfo} */ a) => {
    const steps = joinSteps([pairing.steps, holesOf(a)]);
    const of = (/** @type {Int32Array} */ own) => steps.map((step) => own[indexOf(pairing.steps, step)] ?? ABSENT);
    return { steps, epochs: { A: of(pairing.here), B: of(pairing.there) } };
  }),
);
