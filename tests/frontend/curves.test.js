import assert from "node:assert/strict";
import test from "node:test";

globalThis.matchMedia = () => ({ addEventListener() {}, matches: false });
globalThis.devicePixelRatio = 1;
const { nearestLine, valueRange } = await import("../../frontend/curves.js");

test("the pointer means the curve that it is nearest to, of equals the one on top, and none far away", () => {
  assert.equal(nearestLine([10, 30, 50], 33, 12), 1);
  assert.equal(nearestLine([10, 30, 30], 31, 12), 2);
  assert.equal(nearestLine([NaN, 30], 10, 12), null);
  assert.equal(nearestLine([], 10, 12), null);
});

test("an axis of values holds zero where it belongs there, and has room above and below", () => {
  assert.deepEqual(valueRange(null, null, true), [0, 1]);
  assert.deepEqual(valueRange(0, 2, true), [0, 2.12]);
  const [low, high] = valueRange(0.9, 1, false);
  assert.ok(low < 0.9 && low > 0.85 && high > 1 && high < 1.05);
});
