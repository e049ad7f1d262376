import assert from "node:assert/strict";
import test from "node:test";

import { ABSENT, epochOf, move, moveTo } from "../../../frontend/model/cursor.js";

const cursor = { steps: [-1, 0, 1, 2, 3], index: 2, step: 1, epochs: { A: [-1, 0, 1, 2, 3], B: [-1, 0, 0, 2, ABSENT] }, metric: "", end: 3, following: false };

test("the cursor stops at both ends", () => {
  assert.deepEqual(move(cursor, -10), { epoch: -1 });
  assert.deepEqual(move(cursor, 10), { epoch: null });
});

test("the last epoch of both runs is followed, one that only one of them has is not", () => {
  assert.deepEqual(moveTo(cursor, 4), { epoch: null });
  assert.deepEqual(move({ ...cursor, end: 2 }, 1), { epoch: null });
  assert.deepEqual(move({ ...cursor, end: 2 }, 2), { epoch: 3 });
});

test("each run has its own epoch at a place of the cursor, others go by the cursor's", () => {
  assert.deepEqual(["A", "B", ""].map((letter) => epochOf(cursor, letter)), [1, 0, 1]);
  assert.equal(epochOf(cursor, "B", 4), ABSENT);
});
