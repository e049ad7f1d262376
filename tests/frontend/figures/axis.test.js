import assert from "node:assert/strict";
import test from "node:test";

import { axis, nearestLine, ticks } from "../../../frontend/figures/axis.js";

test("ticks are round, within the axis, no more than asked for, and hold zero", () => {
  assert.deepEqual(ticks(-2.9, 2.9, 3), [-2, 0, 2]);
  assert.deepEqual(ticks(0, 1, 6), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  for (const [low, high, most] of [[-1.7, 1.7, 4], [-0.004, 0.011, 3], [2, 9, 3], [-1e6, 3, 2]]) {
    const found = ticks(low, high, most);
    assert.ok(found.length <= most && found.every((tick) => tick >= low && tick <= high), found.join());
    if (low < 0 && high > 0) assert.ok(found.includes(0));
  }
  assert.deepEqual(ticks(-0.012, 0.013, 3), [-0.01, 0, 0.01]);
  assert.deepEqual(ticks(0, 128, 5), [0, 50, 100], "1, 2 or 5 times a power of ten apart");
  for (const end of [1, 1.3, 2.4, 3.9, 4.6, 5, 7.7, 9.9]) assert.ok(ticks(-end, end, 3).length === 3, `0 is not alone from -${end} to ${end}`);
  assert.deepEqual(ticks(1, 1, 3), []);
});

test("an axis has its lowest value left, its highest right, and the one halfway in the middle", () => {
  const at = axis([-2, 6], 400);
  assert.ok(at(-2) >= 0 && at(6) <= 400 && at(-2) < at(6));
  assert.equal(at(2), 200);
  assert.ok(Number.isFinite(axis([3, 3], 400)(3)), "of one value only");
});

test("the pointer means the curve that it is nearest to, of equals the one on top, and none far away", () => {
  assert.equal(nearestLine([10, 30, 50], 33, 12), 1);
  assert.equal(nearestLine([10, 30, 30], 31, 12), 2);
  assert.equal(nearestLine([NaN, 30], 10, 12), null);
  assert.equal(nearestLine([], 10, 12), null);
});
