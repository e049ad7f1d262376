import assert from "node:assert/strict";
import test from "node:test";

import { beside } from "../../../frontend/model/beside.js";
import { chooseRuns } from "../../../frontend/model/runs.js";

const table = (names, count = 2) => ({ probes: { kind: "tabular", count, features: names, player_names: names, player_of: names.map((_, i) => i), categorical: {}, players: Array(count).fill(names.length) } });

/** A side whose value of player i is 10 i, with rows of the numbers of its features. */
function side(info) {
  const players = info.probes.players[0];
  const asked = [];
  const values = Float32Array.from({ length: players }, (_, i) => 10 * i);
  const reply = { id: 1, steps: new Int32Array([0]), players, at: (step) => (step === 0 ? { values, errors: values, target: 1, base: 0 } : null) };
  return {
    asked,
    info,
    apart: "",
    letter: "B",
    importance: { at: () => values },
    load: (...args) => asked.push(args),
    values: (probe) => (probe < info.probes.count ? reply : undefined),
    content: () => ({ kind: "tabular", values: Float32Array.from(values, (_, i) => i), missing: new Uint8Array(players), regions: [] }),
  };
}

test("the features of a run that stands beside another are found by their names, and those that it lacks have no number", () => {
  const shown = beside(side(table(["debt", "other", "age"])), table(["age", "income", "debt"]), "different probes");
  assert.deepEqual(Array.from(shown.values(0).at(0).values), [20, NaN, 0]);
  assert.deepEqual(Array.from(shown.importance.at(0)), [20, NaN, 0]);
  assert.deepEqual(Array.from(shown.content(0).values), [2, NaN, 0]);
  assert.deepEqual(Array.from(shown.content(0).missing), [0, 1, 0]);
  assert.deepEqual(shown.info.probes.player_names, ["age", "income", "debt"]);
  assert.equal(shown.values(0), shown.values(0), "made once");
  assert.deepEqual([shown.letter, shown.apart], ["B", "different probes"]);
});

test("a probe that the run lacks is not asked for, and has no numbers", () => {
  const of = side(table(["a"], 2));
  const shown = beside(of, table(["a"], 9), "different probes");
  shown.load([0, 1, 2, 8], 8);
  assert.deepEqual(of.asked, [[[0, 1], 1]]);
  assert.equal(shown.values(8).at(0), null);
});

test("B may be a run that is not comparable where it is chosen, never by itself", () => {
  const row = (run, inputs, part = "segments", explainers = { shap: "{}" }) => ({ run, name: run, sets: ["probes"], comparable: { probes: { inputs, [part]: "1", explainers } }, version: "1", epochs: 1, last_step: 0, wall_time: 1, epoch_seconds: 1, error: null });
  const rows = [row("a", "1"), row("b", "2"), row("text", "2", "players"), row("lime", "1", "segments", { lime: "{}" })];
  const chosen = (b) => chooseRuns(rows, { a: "a", b, set: null, method: null }, 0);
  assert.equal(chosen(null).second, null);
  assert.deepEqual([chosen("b").second?.run, chosen("b").apart], ["b", "different probes"]);
  assert.equal(chosen("text").second, null, "of another kind");
  assert.equal(chosen("lime").second, null, "without the method");
});
