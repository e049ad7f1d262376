import assert from "node:assert/strict";
import test from "node:test";

globalThis.matchMedia = () => ({ addEventListener() {}, matches: false });
globalThis.devicePixelRatio = 1;
const { valueRange } = await import("../../../frontend/paint/curves.js");

test("an axis of values holds zero where it belongs there, and has room above and below", () => {
  assert.deepEqual(valueRange(null, null, true), [0, 1]);
  assert.deepEqual(valueRange(0, 2, true), [0, 2.12]);
  const [low, high] = valueRange(0.9, 1, false);
  assert.ok(low < 0.9 && low > 0.85 && high > 1 && high < 1.05);
});
