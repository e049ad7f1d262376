import assert from "node:assert/strict";
import test from "node:test";

import { beeswarm, heights, nearestPoint, swarmEnds } from "../../../frontend/figures/beeswarm.js";

test("points far from each other lie in the middle of the row", () => {
  assert.deepEqual([...beeswarm([0, 10, 30], 5, 10)], [0, 0, 0]);
});

test("no point covers another while the row has room", () => {
  let seed = 7;
  const random = () => ((seed = (seed * 16807) % 2147483647) / 2147483647);
  const xs = Array.from({ length: 60 }, () => random() * 200);
  const ys = beeswarm(xs, 4, 1000);
  for (let i = 0; i < xs.length; i++) for (let j = 0; j < i; j++) assert.ok(Math.hypot(xs[i] - xs[j], ys[i] - ys[j]) >= 4 - 1e-3, `${i} and ${j}`);
});

test("many equal points stay within their row, half above and half below its middle", () => {
  const ys = [...beeswarm(new Array(41).fill(3), 4, 10)];
  assert.ok(Math.max(...ys) <= 8 && Math.min(...ys) >= -8);
  assert.equal(new Set(ys.map((y) => y.toFixed(4))).size, 41);
  assert.ok(Math.abs(ys.reduce((sum, y) => sum + y, 0)) < 1e-3);
});

test("a probe without a number has no point and takes no place", () => {
  const ys = beeswarm([1, NaN, 1], 4, 20);
  assert.ok(Number.isNaN(ys[1]));
  assert.deepEqual([ys[0], ys[2]], [0, -4]);
});

const row = (values, missing = values.map(() => 0)) => ({ kind: "tabular", values: Float32Array.from(values), missing: Uint8Array.from(missing), regions: [] });
const table = (more = {}) => ({ kind: "tabular", players: [2], player_of: [0, 1, 1], categorical: {}, ...more });

test("a value's height is its place between the lowest and the highest, whatever the unit", () => {
  const rows = [row([10, 0, 0]), row([20, 0, 0]), row([30, 0, 0])];
  assert.deepEqual([...heights(table(), rows, 0)], [0, 0.5, 1]);
  const thousandfold = rows.map(({ values }) => row([...values].map((value) => 1000 * value)));
  assert.deepEqual(heights(table(), thousandfold, 0), heights(table(), rows, 0));
});

test("one outlier does not make all others alike", () => {
  const rows = [...Array.from({ length: 40 }, (_, i) => row([i, 0, 0])), row([1e6, 0, 0])];
  const found = heights(table(), rows, 0);
  assert.ok(found[30] - found[10] > 0.4);
  assert.equal(found[40], 1);
});

test("what is missing, several columns and unordered categories have no height", () => {
  const rows = [row([1, 2, 3]), row([5, 2, 3], [1, 0, 0])];
  assert.deepEqual([...heights(table(), rows, 0)], [0.5, NaN]);
  assert.deepEqual([...heights(table(), rows, 1)], [NaN, NaN]);
  assert.deepEqual([...heights(table({ categorical: { 0: { 1: "a", 5: "b", 7: "c" } } }), rows, 0)], [NaN, NaN]);
  assert.deepEqual([...heights(table({ categorical: { 0: { 1: "no", 5: "yes" } } }), [row([1, 0, 0]), row([5, 0, 0])], 0)], [0, 1]);
});

test("the pointer finds the nearest point within reach", () => {
  assert.equal(nearestPoint([0, 4, NaN], [0, 0, 0], 3, 1, 5), 1);
  assert.equal(nearestPoint([0, 4], [0, 0], 30, 0, 5), -1);
});

test("a few values far out do not squeeze all others: the axis ends near those, and says so", () => {
  const near = Array.from({ length: 400 }, (_, i) => -1 + i / 133);
  assert.deepEqual(swarmEnds(Float32Array.from(near)).cut, false);
  const { ends, cut } = swarmEnds(Float32Array.from([...near, 90, NaN, Infinity]));
  assert.ok(cut && ends[1] < 3 && ends[1] > 2, ends.join());
  assert.equal(ends[0], -1, "the other end stays where its values are");
});

test("where nearly all values are 0 the axis holds the others, and 0 is always in view", () => {
  assert.deepEqual(swarmEnds(Float32Array.from([...new Array(500).fill(0), 3])), { ends: [0, 3], cut: false });
  assert.deepEqual(swarmEnds(Float32Array.of(2, 3)).ends, [0, 3]);
  assert.deepEqual(swarmEnds(Float32Array.of(NaN, NaN)), { ends: [0, 0], cut: false });
  assert.deepEqual(swarmEnds(Float32Array.of(-1, 0, 50)).ends, [-1, 50], "of a handful none is far out");
});
