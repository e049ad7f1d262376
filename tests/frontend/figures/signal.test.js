import assert from "node:assert/strict";
import test from "node:test";

import { extremes, runsOf, signalRows } from "../../../frontend/figures/signal.js";

const signal = (length, channels, value) => ({
  kind: "sequence",
  length,
  channels,
  series: Float32Array.from({ length: length * channels }, (_, i) => value(Math.floor(i / channels), i % channels)),
  segments: new Uint16Array(length),
  regions: [],
});

test("no spike is lost when 5000 steps are drawn in 300 columns", () => {
  const { low, high } = extremes(signal(5000, 2, (step, channel) => (channel ? 7 : step === 2501 ? 9 : step === 2502 ? -4 : 0)), 0, 300);
  assert.equal(Math.max(...high), 9);
  assert.equal(Math.min(...low), -4);
  assert.equal(high.filter((value) => value !== 0).length, 1);
  assert.deepEqual([low.length, high.length], [300, 300]);
});

test("with a column for every step lowest and highest are the step itself", () => {
  const { low, high } = extremes(signal(5, 1, (step) => step * step), 0, 5);
  assert.deepEqual([...low], [0, 1, 4, 9, 16]);
  assert.deepEqual([...high], [...low]);
});

test("a column without a number has none", () => {
  const { low, high } = extremes(signal(4, 1, (step) => (step < 2 ? NaN : step)), 0, 2);
  assert.deepEqual([...low], [NaN, 2]);
  assert.deepEqual([...high], [NaN, 3]);
});

test("neighbouring stretches of a region are outlined as one", () => {
  assert.deepEqual(runsOf([0, 0, 1, 1, 2, 0, 2], (player) => player !== 0), [[2, 4], [6, 6]]);
  assert.deepEqual(runsOf([0, 0], () => true), [[0, 1]]);
});

test("channels share the height; many of them get more than there is", () => {
  const few = signalRows(300, 2, false);
  assert.equal(few.height, 300);
  assert.ok(few.rows[1].top >= few.rows[0].top + few.rows[0].height);
  assert.ok(few.bars.top >= few.rows[1].top + few.rows[1].height);
  assert.ok(signalRows(200, 12, false).height > 200);
  const named = signalRows(300, 2, true);
  assert.ok(named.rows[0].top >= 11 && named.rows[1].top - named.rows[0].top - named.rows[0].height >= 11, "a name of 11 px stands above each, on no line");
  assert.equal(named.height, 300);
});
