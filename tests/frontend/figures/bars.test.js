import assert from "node:assert/strict";
import test from "node:test";
import { featureValue, imputed, playerValue } from "../../../frontend/words/rows.js";

import { barEnd, descending, largestSizes, linesOf, meanSizes, reach, sumOf, waterfall } from "../../../frontend/figures/bars.js";

const record = (...epochs) => ({ id: 1, players: epochs[0].length, steps: Int32Array.from(epochs, (_, i) => i), at: (step) => ({ values: Float32Array.from(epochs[step]), errors: new Float32Array(epochs[0].length), target: 0, base: 0 }) });

test("the overall order is by mean |attribution| over the epochs of both runs, whatever the sign", () => {
  const sizes = meanSizes([record([1, -3, 0], [1, -1, 0]), record([-4, 0, 0.5], [-2, 0, 0.5])], 3);
  assert.deepEqual([...sizes], [2, 1, 0.25]);
  assert.deepEqual(descending(sizes), [0, 1, 2]);
});

test("an epoch without a number counts for nothing in the mean", () => {
  assert.deepEqual([...meanSizes([record([NaN, 2], [3, NaN], [NaN, NaN])], 2)], [3, 2]);
  assert.deepEqual([...meanSizes([record([NaN, 1])], 2)], [NaN, 1]);
  assert.deepEqual(descending([NaN, 0, 1]), [2, 1, 0], "what has no number comes last");
});

test("at an epoch the larger of both runs counts, and equal ones stay as they were logged", () => {
  const sizes = largestSizes([Float32Array.of(1, -5, 0, NaN), Float32Array.of(-2, 1, 2, NaN), null], 4);
  assert.deepEqual([...sizes], [2, 5, 2, 0]);
  assert.deepEqual(descending(sizes), [1, 0, 2, 3]);
});

test("what has no room stands together in the last row", () => {
  assert.deepEqual(linesOf([4, 2, 0, 1, 3], 3, null), [[4], [2], [0, 1, 3]]);
  assert.deepEqual(linesOf([1, 0], 3, null), [[1], [0]]);
  assert.deepEqual(linesOf([1, 0, 2], Infinity, null), [[1], [0], [2]]);
});

test("a kept feature always has a row of its own, and no feature is lost or counted twice", () => {
  const lines = linesOf([4, 2, 0, 1, 3], 3, 3);
  assert.deepEqual(lines, [[4], [3], [2, 0, 1]]);
  assert.deepEqual(lines.flat().sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual(linesOf([4, 2, 0, 1, 3], 3, 4)[0], [4]);
  assert.deepEqual(linesOf([4, 2, 0, 1, 3], 3, 9), [[4], [2], [0, 1, 3]], "one of another table");
});

test("a waterfall goes from the base value to base plus all values, whichever rows stand together", () => {
  const values = Float32Array.of(0.5, -2, 1.25, 4);
  for (const lines of [[[0], [1], [2], [3]], [[3], [1, 0, 2]], [[2, 3, 1, 0]]]) {
    const steps = waterfall(-1, values, lines);
    assert.equal(steps[0].from, -1);
    assert.equal(steps.at(-1).to, -1 + 0.5 - 2 + 1.25 + 4);
    steps.slice(1).forEach((step, i) => assert.equal(step.from, steps[i].to));
  }
});

test("a feature without a number moves a waterfall by nothing", () => {
  assert.deepEqual(waterfall(1, Float32Array.of(2, NaN), [[0], [1]]), [{ from: 1, to: 3 }, { from: 3, to: 3 }]);
  assert.ok(Number.isNaN(sumOf(Float32Array.of(NaN), [0])));
});

test("a waterfall reaches as far as its farthest step, not only its ends", () => {
  assert.deepEqual(reach(1, Float32Array.of(5, -9, 4), [0, 1, 2]), [-3, 6]);
  assert.equal(reach(NaN, Float32Array.of(1), [0]), null);
});

test("bars end at the shared scale, or where the longest whisker does", () => {
  const at = (values, errors) => ({ values: Float32Array.from(values), errors: Float32Array.from(errors), target: 0, base: 0 });
  assert.equal(barEnd(2, [at([1, NaN], [0.5, NaN]), null]), 2);
  assert.equal(barEnd(2, [at([1, -3], [0.5, 0.25])]), 3.25);
  assert.equal(barEnd(0, [at([-1.5], [NaN])]), 1.5);
});

const probes = { kind: "tabular", players: [2], features: ["age", "red", "green"], player_of: [0, 1, 1], categorical: { 1: { 0: "no", 1: "yes" } } };
const row = { kind: "tabular", values: Float32Array.of(14.3, 1, 7), missing: Uint8Array.of(0, 0, 1), regions: [] };

test("a value stands in its own units, a category by its name, a missing one is called so", () => {
  assert.equal(featureValue(probes, row, 0), "14.3");
  assert.equal(featureValue(probes, row, 1), "yes");
  assert.deepEqual(playerValue(probes, row, 0), { short: "14.3", full: "14.3", missing: false });
  const group = playerValue(probes, row, 1);
  assert.equal(group.short, "2 columns");
  assert.match(group.full, /^red: yes\ngreen: missing/);
  assert.equal(playerValue({ ...probes, player_of: [0, 0, 1] }, row, 1).short, "missing");
});

test("values that were missing are counted, and what stands for them is said as the reply has it", () => {
  const row = (...missing) => ({ kind: "tabular", values: new Float32Array(3), missing: Uint8Array.from(missing), regions: [] });
  const probes = { categorical: { 2: ["red", "green"] } };
  assert.equal(imputed(probes, row(0, 0, 0)), "");
  assert.equal(imputed(probes, null), "");
  assert.equal(imputed(probes, row(1, 1, 0)), "2 missing values are replaced by the background's mean");
  assert.equal(imputed(probes, row(0, 0, 1)), "1 missing value is replaced by the background's most frequent code");
  assert.equal(imputed(probes, row(1, 0, 1)), "2 missing values are replaced by the background's mean or most frequent code");
});
