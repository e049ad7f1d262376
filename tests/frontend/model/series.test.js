import assert from "node:assert/strict";
import test from "node:test";

import { align, epochCount, holes, holesOf, indexOf, joinSteps, nearest } from "../../../frontend/model/series.js";

test("steps of several runs are joined, sorted, each once", () => {
  assert.deepEqual(joinSteps([[-1, 0, 2], [0, 1, 2, 3]]), [-1, 0, 1, 2, 3]);
  assert.deepEqual(joinSteps([[], []]), []);
});

test("a missing epoch is a hole; a run that logs every second epoch has none", () => {
  assert.deepEqual(holes([0, 1, 2, 5, 6]), [3]);
  assert.deepEqual(holes([0, 2, 4, 6]), []);
  assert.deepEqual(holes([0, 2, 4, 8, 10]), [6]);
  assert.deepEqual(holes([0]), []);
});

test("where steps are known to be missing, every distance above the smallest is a hole", () => {
  assert.deepEqual(holes([0, 6, 8, 10, 11], [], 8), [1, 7, 9]);
  assert.deepEqual(holesOf({ steps: [-1, 0, 6, 7], log_steps: [0, 6, 7], missing: 5 }), [1]);
  assert.deepEqual(holesOf({ steps: [-1, 2, 5, 8], log_steps: [0, 1, 2, 3, 4, 5, 6, 7, 8], missing: 0 }), []);
});

test("the untrained model opens no hole before the first epoch", () => {
  assert.deepEqual(holes([-1, 4, 9, 14]), []);
});

test("NaN and null break a line, an epoch another run has does not, a hole does", () => {
  assert.deepEqual(align([0, 1, 2, 3], [0, 1, 2, 3], [1, NaN, null, 4]), [1, null, null, 4]);
  assert.deepEqual(align([0, 1, 2, 3, 4], [0, 2, 4], [1, 2, 3]), [1, undefined, 2, undefined, 3]);
  assert.deepEqual(align([0, 1, 2, 3, 4], [0, 1, 2, 4], [1, 2, 3, 4]), [1, 2, 3, null, 4]);
});

test("a step is found where it is, and −1 stands for one that is not there", () => {
  const steps = Int32Array.from({ length: 1000 }, (_, i) => 3 * i - 1);
  for (const [i, step] of steps.entries()) assert.equal(indexOf(steps, step), i);
  for (const step of [-2, 0, 1, 3000]) assert.equal(indexOf(steps, step), -1);
  assert.equal(indexOf([], 0), -1);
});

test("the nearest step of an empty list is position 0", () => {
  assert.equal(nearest([-1, 0, 5], 2), 1);
  assert.equal(nearest([-1, 0, 5], 4), 2);
  assert.equal(nearest([], 4), 0);
});

test("the untrained model is not counted as an epoch", () => {
  assert.equal(epochCount([-1, 0, 1]), 2);
  assert.equal(epochCount([0, 1]), 2);
  assert.equal(epochCount([]), 0);
});
