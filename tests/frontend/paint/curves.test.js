import assert from "node:assert/strict";
import test from "node:test";

globalThis.matchMedia = () => ({ addEventListener() {}, matches: false });
globalThis.devicePixelRatio = 1;
const { valueRange, wordsAt } = await import("../../../frontend/paint/curves.js");

test("an axis of values holds zero where it belongs there, and has room above and below", () => {
  assert.deepEqual(valueRange(null, null, true), [0, 1]);
  assert.deepEqual(valueRange(0, 2, true), [0, 2.12]);
  assert.deepEqual(valueRange(0, 5e10, true), [0, 5.3e10]);
  const [low, high] = valueRange(0.9, 1, false);
  assert.ok(low < 0.9 && low > 0.85 && high > 1 && high < 1.05);
});

test("what differs little is no flat line on an axis from zero, and what differs by rounding alone is one", () => {
  for (const [least, most] of [[11.4798, 11.4803], [-1.0005, -1], [1e20, 1.001e20]]) {
    const [low, high] = valueRange(least, most, true);
    assert.ok(low < least && high > most && (most - least) / (high - low) > 0.8, `${low} ${high}`);
  }
  for (const [least, most] of [[0.5, 0.5], [0.5, 0.5 * (1 + 1e-8)], [10, 11]]) assert.equal(valueRange(least, most, true)[0], 0);
});

test("the words of a mark stand in the plot, whole where they have room, and never over the axis", () => {
  const plot = { left: 40, width: 100 };
  assert.equal(wordsAt(50, 30, plot, 3), 53, "right of it");
  assert.equal(wordsAt(130, 30, plot, 3), 97, "left of it");
  for (let x = 40; x <= 140; x++) {
    for (const width of [5, 48, 90]) assert.ok(wordsAt(x, width, plot, 3) >= 40);
    assert.ok(wordsAt(x, 40, plot, 3) + 40 <= 140);
  }
});
