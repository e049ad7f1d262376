import assert from "node:assert/strict";
import test from "node:test";

import { meanSizes } from "../../../frontend/figures/bars.js";
import { binned, binStarts, gainOf, matrixOf, orderOf, rowsIn } from "../../../frontend/figures/evolution.js";
import { cells } from "../../../frontend/paint/evolution.js";

/** The mean |attribution| of each player of matrices that are a record each. */
const sizesOf = (...matrices) =>
  meanSizes(matrices.map(({ places, values }) => ({ steps: Array.from({ length: places }, (_, step) => step), at: (step) => ({ values: values.filter((_, i) => i % places === step) }) })), matrices[0].players);
const order = (matrices, ...how) => orderOf(matrices, sizesOf(...matrices), ...how);

/** A matrix from its rows, one a player. */
const matrix = (...rows) => ({ players: rows.length, places: rows[0].length, values: Float32Array.from(rows.flat()) });

test("a matrix has the run's own epoch at each place, and no number where it has none", () => {
  const at = (step) => (step === 4 ? { values: Float32Array.of(1, -2), errors: new Float32Array(2), target: 0 } : step === 6 ? { values: Float32Array.of(3, NaN), errors: new Float32Array(2), target: 0 } : null);
  const made = matrixOf({ id: 1, steps: Int32Array.of(4, 6), players: 2, at }, [-2, 4, 6]);
  assert.deepEqual([...made.values], [NaN, 1, 3, NaN, -2, NaN]);
});

test("the strongest are those of the largest mean |attribution| over epochs and runs, whatever the sign", () => {
  const a = matrix([1, 1, 1], [-2, -2, -2], [0, 0, NaN], [NaN, NaN, NaN]);
  const b = matrix([1, 1, 1], [0, 0, 0], [9, 9, 9], [NaN, NaN, NaN]);
  assert.deepEqual(order([a], "strongest", 0, 2), [1, 0, 2]);
  assert.deepEqual(order([a, b], "strongest", 0, 2), [2, 0, 1]);
});

test("the order of the strongest does not move with the cursor", () => {
  const a = matrix([5, 0, 1], [1, 2, 9], [3, 3, 3]);
  assert.deepEqual(order([a], "strongest", 0, 0), order([a], "strongest", 0, 2));
});

test("a gain is in size: from -1 to +3 a player gained 2", () => {
  const a = matrix([-1, 0, 3], [NaN, 2, 1]);
  assert.equal(gainOf(a, 0, 0, 2), 2);
  assert.equal(gainOf(a, 1, 0, 2), -1, "from the first epoch that has a number");
  assert.equal(gainOf(a, 7, 0, 2), NaN, "of a player that the run does not have");
});

test("gained most and lost most are in any of the runs, and each other's reverse in one", () => {
  const a = matrix([0, 1], [0, -3], [5, 1], [2, 2]);
  const b = matrix([0, 9], [0, 0], [1, 1], [2, 2]);
  assert.deepEqual(order([a], "gained", 0, 1), [1, 0, 3, 2]);
  assert.deepEqual(order([a], "lost", 0, 1), [2, 3, 0, 1]);
  assert.deepEqual(order([a, b], "gained", 0, 1), [0, 1, 2, 3]);
});

test("where nothing gained the strongest come first", () => {
  assert.deepEqual(order([matrix([1, 1], [4, 4], [2, 2])], "gained", 1, 1), [1, 2, 0]);
});

test("bins cover every place once, and are as many as there is room for", () => {
  for (const [places, most] of [[16, 300], [1000, 333], [7, 3], [1, 9]]) {
    const starts = binStarts(places, most);
    assert.equal(starts.length - 1, Math.min(places, most));
    assert.equal(starts[0], 0);
    assert.equal(starts.at(-1), places);
    for (let i = 1; i < starts.length; i++) assert.ok(starts[i] > starts[i - 1]);
  }
});

test("a column that stands for several epochs has their mean; holes are left out", () => {
  assert.deepEqual([...binned([1, 3, NaN, 5, NaN, NaN], Int32Array.of(0, 2, 4, 6))], [2, 5, NaN]);
  assert.deepEqual([...binned([1, -1], Int32Array.of(0, 2))], [0]);
});

test("a cell is crimson for, blue against, and empty without a number", () => {
  const bytes = cells(matrix([2, -2, NaN, 0]), [0], binStarts(4, 9), () => 2, false);
  assert.deepEqual([...bytes], [200, 0, 64, 255, 16, 100, 210, 255, 0, 0, 0, 0, 244, 244, 246, 255]);
});

test("beyond the end of the scale the colour goes on, away from the panel: no two values have one colour", () => {
  const light = (row) => cells(matrix(row), [0], binStarts(row.length, 9), () => 1, false);
  const sum = (bytes, i) => bytes[4 * i] + bytes[4 * i + 1] + bytes[4 * i + 2];
  for (const sign of [1, -1]) {
    const bytes = light([sign, 1.5 * sign, 2 * sign, 5 * sign]);
    for (let i = 1; i < 4; i++) assert.ok(sum(bytes, i) < sum(bytes, i - 1) - 20, `${sign} ${i}`);
    const dark = cells(matrix([sign, 1.5 * sign, 5 * sign]), [0], binStarts(3, 9), () => 1, true);
    for (let i = 1; i < 3; i++) assert.ok(sum(dark, i) > sum(dark, i - 1) + 20, `${sign} ${i}`);
  }
});

test("all rows share the room where they fit; else they are as low as a name can be read", () => {
  assert.deepEqual(rowsIn(140, 8), { rows: 8, height: 17 });
  assert.deepEqual(rowsIn(140, 31), { rows: 10, height: 14 });
  assert.deepEqual(rowsIn(400, 2), { rows: 2, height: 52 });
});
