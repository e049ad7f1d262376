import assert from "node:assert/strict";
import test from "node:test";

import { binStarts } from "../../frontend/evolution.js";
import { chartOf } from "../../frontend/ranks-paint.js";
import { levels, ranksOver } from "../../frontend/ranks.js";

const matrix = (...rows) => ({ players: rows.length, places: rows[0].length, values: Float32Array.from(rows.flat()) });

test("ranks go by size among all players, of equals the lower number first, and skip those without a number", () => {
  const { ranks } = ranksOver(matrix([1, 5, NaN], [-3, 1, 2], [1, 2, -7]), binStarts(3, 3));
  assert.deepEqual([...ranks], [2, 1, 0, 1, 3, 2, 3, 2, 1]);
});

test("epochs that share a place on the chart are ranked by their mean size, not by what is left when signs cancel", () => {
  const { ranks, values } = ranksOver(matrix([4, -4], [1, 1]), binStarts(2, 1));
  assert.deepEqual([...ranks], [1, 2]);
  assert.deepEqual([...values], [0, 1]);
});

test("ranks beyond the last place lie on one line below it; no number breaks the line", () => {
  assert.deepEqual(levels(Uint16Array.of(1, 8, 9, 40, 0), 8), [1, 8, 9, 9, NaN]);
});

test("the first rank is at the top, the last below it, the first epoch left and the last right", () => {
  const { x, y } = chartOf(500, 120, 16, 7);
  assert.ok(y(1) < y(2) && y(8) <= 120);
  assert.ok(x(0) < x(15) && x(15) < 500);
  assert.ok(Number.isFinite(chartOf(500, 120, 1, 7).x(0)));
});
