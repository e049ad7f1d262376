import assert from "node:assert/strict";
import test from "node:test";
import { isLive } from "../../../frontend/model/runs.js";

import { derive } from "../../../frontend/model/model.js";
import { DEFAULTS } from "../../../frontend/model/state.js";

const NOW = 1000;
const row = (run, age, epoch_seconds = 20) => ({ run, name: run, sets: ["probes"], comparable: { probes: {} }, version: "1", epochs: 3, last_step: 2, wall_time: NOW - age, epoch_seconds, error: null });
const situation = (...rows) => ({ rows, problem: "", reconnecting: false, now: NOW });
/** Which run the page asks about first. */
const first = (...rows) => {
  const asked = [];
  derive(situation(...rows), DEFAULTS, (route, args) => void asked.push(args.run));
  return asked[0];
};

test("a run is live for three of its usual epochs, and for ten seconds at least", () => {
  assert.equal(isLive(row("a", 59), NOW), true);
  assert.equal(isLive(row("a", 61), NOW), false);
  assert.equal(isLive(row("a", 9, 0.1), NOW), true);
  assert.equal(isLive(row("a", 11, 0.1), NOW), false);
});

test("before its second record a run is given a minute", () => {
  assert.equal(isLive(row("a", 59, null), NOW), true);
  assert.equal(isLive(row("a", 61, null), NOW), false);
});

test("the page opens on the newest run that trains, else on the first", () => {
  assert.equal(first(row("a", 5000), row("b", 30), row("c", 10)), "c");
  assert.equal(first(row("a", 5000), row("b", 600), row("c", 100)), "a");
});
