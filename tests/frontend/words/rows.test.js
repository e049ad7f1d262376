import assert from "node:assert/strict";
import test from "node:test";

import { dateOf, featureValue } from "../../../frontend/words/rows.js";

test("a date is written as one, with the time of the day where it has one, and without a zone", () => {
  assert.equal(dateOf("2024-02-28", 2), "2024-03-01");
  assert.equal(dateOf("2024-02-28T06:00:00.000000000", 0.5), "2024-02-28 18:00");
  assert.equal(dateOf("2024-12-31T23:00:00+02:00", 1 / 24), "2025-01-01");
  assert.equal(dateOf("1970-01-01T00", 1.5), "1970-01-02 12:00");
  assert.equal(dateOf("no date", 3), "3.00");
});

test("a whole number is written whole, others to three digits or so", () => {
  const values = [7, 0, -12, 250000, 28.9, 0.25, 3e9, 1e-7];
  const row = { values: Float32Array.from(values), missing: new Uint8Array(values.length) };
  assert.deepEqual(values.map((_, feature) => featureValue({}, row, feature)), ["7", "0", "\u221212", "250000", "28.9", "0.25", "3.0e+9", "1.0e\u22127"]);
});

test("the value of a feature of dates is a date, and of others what it was", () => {
  const probes = { starts: { 1: "2020-01-01" }, categorical: { 2: ["no", "yes"] } };
  const row = { values: [3.5, 31, 1, NaN], missing: [0, 0, 0, 0] };
  assert.deepEqual([0, 1, 2, 3].map((feature) => featureValue(probes, row, feature)), ["3.50", "2020-02-01", "yes", "missing"]);
});
