import assert from "node:assert/strict";
import test from "node:test";

import { move, moveTo } from "../../frontend/cursor.js";

const cursor = { steps: [-1, 0, 1, 2, 3], index: 2, step: 1, end: 3, following: false };

test("the cursor stops at both ends", () => {
  assert.deepEqual(move(cursor, -10), { epoch: -1 });
  assert.deepEqual(move(cursor, 10), { epoch: null });
});

test("the last epoch of both runs is followed, one that only one of them has is not", () => {
  assert.deepEqual(moveTo(cursor, 4), { epoch: null });
  assert.deepEqual(move({ ...cursor, end: 2 }, 1), { epoch: null });
  assert.deepEqual(move({ ...cursor, end: 2 }, 2), { epoch: 3 });
});
