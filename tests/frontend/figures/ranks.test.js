import assert from "node:assert/strict";
import test from "node:test";

import { binStarts } from "../../../frontend/figures/evolution.js";
import { BELOW, lastLevel, levels, ranksOver } from "../../../frontend/figures/ranks.js";
import { chartOf } from "../../../frontend/paint/ranks.js";

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

test("ranks beyond the last place share what is left below it, in their order; no number breaks the line", () => {
  assert.deepEqual(levels(Uint16Array.of(1, 8, 24, 40, 0), 8, 40), [1, 8, 8 + BELOW / 2, 8 + BELOW, NaN]);
  assert.equal(lastLevel(8, 40), 8 + BELOW);
  assert.deepEqual(levels(Uint16Array.of(8, 9, 10), 8, 10), [8, 9, 10], "few of them have places of their own");
  assert.equal(lastLevel(8, 10), 10);
});

test("the first rank is at the top, the last below it, the first epoch left and the last right", () => {
  const ranks = { lowest: 7, of: 31, longest: 90 };
  const { x, y } = chartOf(500, 120, 16, ranks);
  assert.ok(y(1) < y(2) && y(lastLevel(7, 31)) <= 120);
  assert.ok(x(0) < x(15) && x(15) < 500);
  assert.ok(Number.isFinite(chartOf(500, 120, 1, ranks).x(0)));
});

test("names have the room that the longest takes, and never more than lines have", () => {
  const names = (width, longest) => chartOf(width, 120, 16, { lowest: 7, of: 31, longest }).names;
  assert.ok(names(500, 90) >= 90 && names(500, 90) <= 110);
  assert.ok(500 - 2 * names(500, 1e4) > 100);
});
