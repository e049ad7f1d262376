import assert from "node:assert/strict";
import test from "node:test";

import { beside } from "../../../frontend/model/beside.js";
import { endFor } from "../../../frontend/model/look.js";
import { chooseRuns, missingRuns } from "../../../frontend/model/runs.js";

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
    // As in the replies: numbers of a probe that there is not are those of another place.
    predictions: { at: () => ({ predicted: 1, probability: 1 }) },
    drift: { largest: 3, of: () => values },
    trust: { error: () => 0.5, warnings: () => ["uncertain"] },
    fidelity: { at: () => values },
    outputs: () => ({ at: () => values }),
    content: () => ({ kind: "tabular", values: Float32Array.from(values, (_, i) => i), missing: new Uint8Array(players), regions: [] }),
  };
}

test("the features of a run that stands beside another are found by their names, and those that it lacks have no number", () => {
  const shown = beside(side(table(["debt", "other", "age"])), side(table(["age", "income", "debt"])), "different probes");
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
  const shown = beside(of, side(table(["a"], 9)), "different probes");
  shown.load([0, 1, 2, 8], 8);
  assert.deepEqual(of.asked, [[[0, 1], 1]]);
  assert.equal(shown.values(8).at(0), null);
  assert.deepEqual([shown.predictions.at(1, 0).predicted, shown.predictions.at(2, 0), shown.outputs().at(2, 0), shown.fidelity.at(2, 0)], [1, null, null, null]);
  assert.deepEqual([shown.drift.of(2).length, shown.drift.largest, shown.trust.error(2, 0), shown.trust.error(1, 0), shown.trust.warnings(2, 0)], [0, 3, NaN, 0.5, []]);
});

test("values in another unit have a scale of their own", () => {
  const of = (unit, end) => ({ ...side(table(["age"])), unit, scale: () => end });
  const ends = [["log-odds", 4], ["probability", 0.5]].map(([unit, end]) => endFor({ scale: 4 }, beside(of(unit, end), of("log-odds", 4), "explains probability")));
  assert.deepEqual(ends, [4, 0.5]);
});

const CONTENTS = {
  text: [{ kind: "text", pieces: [["good", 0], [" film", 1]] }, { kind: "text", pieces: [["bad", 0], [" film", 1]] }],
  image: [{ kind: "image", width: 2, segments: [0, 0, 1, 1] }, { kind: "image", width: 2, segments: [0, 1, 0, 1] }],
  sequence: [{ kind: "sequence", segments: [0, 0, 1] }, { kind: "sequence", segments: [0, 1, 1] }],
};
for (const [kind, [one, other]] of Object.entries(CONTENTS)) {
  test(`players are those of A where a probe is cut into the same: ${kind}`, () => {
    const of = (content) => ({ ...side(table(["x"])), info: { probes: { kind, count: 1, players: [2] } }, content: () => content });
    const shares = (a, b, probe = 0) => beside(of(b), of(a), "different probes").sharesPlayers(probe);
    assert.deepEqual([shares(one, structuredClone(one)), shares(one, other), shares(one, undefined), shares(one, one, 1)], [true, false, false, false]);
  });
}

/** Rows of the route `runs`: {run: what it explains, beside the common settings}. */
function chooser(runs) {
  const rows = Object.entries(runs).map(([run, { inputs = run, explainers = { shap: "{}" }, ...explained }]) => ({
    run, name: run, sets: ["probes"], comparable: { probes: { inputs, explainers } }, version: "1", epochs: 1, last_step: 0, wall_time: 1, epoch_seconds: 1, error: null,
    explained: { probes: { kind: "image", regression: false, classes: 2, class_names: null, columns: null, ...explained } },
  }));
  const choose = (b) => chooseRuns(rows, { a: "a", b, set: null, method: null }, 0);
  return { choose, missing: (b) => missingRuns(rows, { a: "a", b }, "a", choose(b).reasons, choose(b).besides) };
}

test("B may be a run that is not comparable where it is chosen, never by itself", () => {
  const { choose, missing } = chooser({ a: {}, b: {}, lime: { inputs: "a", explainers: { lime: "{}" } } });
  assert.equal(choose(null).second, null);
  assert.deepEqual([choose("b").second?.run, choose("b").apart, missing("b")], ["b", "different probes", ""]);
  assert.equal(choose("lime").second, null, "without the method");
});

const TABLE = { kind: "tabular", columns: ["age", "income"], class_names: ["no", "yes"] };
const REFUSED = {
  "other kinds, of which both have segments": [{}, { kind: "sequence" }, "explains series, A explains images"],
  "a regression beside classes": [TABLE, { ...TABLE, regression: true, class_names: null, classes: 1 }, "is a regression, A is a classification"],
  "other numbers of classes": [TABLE, { ...TABLE, class_names: null, classes: 3 }, "has 3 classes, A has 2"],
  "the names of classes in another order, and all else alike": [{ ...TABLE, inputs: "1" }, { ...TABLE, inputs: "1", class_names: ["yes", "no"] }, "has classes with other names"],
  "other names of classes": [TABLE, { ...TABLE, class_names: ["yes", "no"] }, "has classes with other names"],
  "no column in common": [TABLE, { ...TABLE, columns: ["mean radius"] }, "has no column in common with A"],
};
for (const [what, [a, b, reason]] of Object.entries(REFUSED)) {
  test(`a run that has nothing in common with A is refused as B with the reason: ${what}`, () => {
    const { choose, missing } = chooser({ a, b });
    assert.equal(choose("b").second, null);
    assert.equal(choose("b").reasons.get("b"), reason);
    assert.equal(missing("b"), `“b” can't be shown beside “a”: ${reason}. “a” is shown alone.`);
    assert.equal(choose("").second, null);
  });
}

test("tables with a common column stand side by side, and the reason is their columns", () => {
  const { choose } = chooser({ a: TABLE, b: { ...TABLE, columns: ["income"] }, rows: TABLE });
  assert.deepEqual([choose("b").second?.run, choose("b").apart], ["b", "different columns"]);
  assert.equal(choose("rows").apart, "different probes");
});
