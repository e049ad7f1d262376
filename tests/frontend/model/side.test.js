import assert from "node:assert/strict";
import test from "node:test";

import { createSide, enlist, surveyed } from "../../../frontend/model/side.js";

test("probes are fetched with those that come into view with them, each once", () => {
  const lists = new Map();
  enlist(lists, [7, 3, 3, 5], 2);
  enlist(lists, [5, 6], 2);
  assert.deepEqual([...lists], [[3, "3,5"], [5, "3,5"], [7, "7"], [6, "6"]]);
});

const info = {
  run: "a",
  set: "probes",
  version: "1",
  steps: [0],
  explainers: ["shap"],
  interacting: [],
  regions: [],
  units: {},
  settings: { unit: "log-odds" },
  probes: { count: 500, players: [9], height: 8, width: 8, channels: 1 },
};

/** A source that answers what it is asked for, and what it was asked for. */
function answering() {
  const here = new Set();
  const asked = [];
  const ask = (route, args, peek) => {
    const key = `${route} ${args.probes ?? ""}`;
    if (!peek && !here.has(key)) asked.push(key);
    return here.has(key) ? { scale: 1, of: (probe) => (args.probes.split(",").includes(String(probe)) ? { probe } : undefined) } : undefined;
  };
  const side = () => createSide({ letter: "A", info, label: "", color: "", method: "shap", explained: "label", region: "", areas: [] }, ask);
  const answer = () => asked.splice(0).map((key) => (here.add(key), key));
  return { side, answer };
}

test("attributions in units of the output have the unit that people gave; others have their own", () => {
  const unit = (/** @type {object} */ units, /** @type {object} */ probes) =>
    createSide({ letter: "A", info: { ...info, units, probes: { ...info.probes, ...probes } }, label: "", color: "", method: "shap", explained: "label", region: "", areas: [] }, () => undefined).unit;
  assert.deepEqual([unit({ shap: "output" }, { unit: "€" }), unit({ shap: "output" }, {}), unit({ shap: "bits" }, { unit: "€" }), unit({}, {})], ["€", "output", "bits", "log-odds"]);
});

test("of 500 probes those in view are fetched, the selected one first", () => {
  const { side, answer } = answering();
  side().load([40, 3, 41], 7);
  assert.deepEqual(answer().filter((key) => /^(values|probes) /.test(key)), ["values 7", "probes 7"]);
  side().load([7, 40, 3, 41], 7);
  assert.deepEqual(answer().filter((key) => /^(values|probes) /.test(key)), ["values 3,40,41", "probes 3,40,41"]);
  const scrolled = side();
  scrolled.load([40, 3, 41, 9], 40);
  assert.deepEqual(answer().filter((key) => /^(values|probes) /.test(key)), ["values 9", "probes 9"]);
  assert.deepEqual(scrolled.values(41), { probe: 41 });
  assert.equal(scrolled.values(400), undefined);
});

test("of tables all probes are read, as many as a browser keeps; of pictures none but those in view", () => {
  const table = (count, players, epochs) => ({ steps: new Array(epochs).fill(0), probes: { kind: "tabular", count, players: new Array(count).fill(players) } });
  assert.deepEqual(surveyed(table(3, 30, 10)), [0, 1, 2]);
  assert.equal(surveyed(table(500, 30, 10)).length, 200);
  const large = surveyed(table(500, 500, 1000)).length;
  assert.ok(large > 0 && large * 2 * 500 * 1000 <= 16e6);
  assert.deepEqual(surveyed({ ...table(3, 30, 10), probes: { kind: "image", count: 3, players: [9, 9, 9] } }), []);
});

test("the scale of a table goes up to its largest bar; that of other probes to what 98 % of the values have", () => {
  const scale = (/** @type {string} */ kind, /** @type {object} */ reply) => {
    const of = () => createSide({ letter: "A", info: { ...info, probes: { ...info.probes, kind } }, label: "", color: "", method: "shap", explained: "label", region: "", areas: [] }, (route) => (route === "values" ? { of: () => undefined, ...reply } : undefined));
    const one = of();
    one.load([0], 0);
    return one.scale();
  };
  assert.equal(scale("tabular", { scale: 567, largest: 1665 }), 1665);
  assert.equal(scale("image", { scale: 567, largest: 1665 }), 567);
  assert.equal(scale("text", { scale: 567, largest: 1665 }), 567);
  assert.equal(scale("tabular", { scale: 567, largest: null }), 567, "nothing is the largest");
  assert.equal(scale("tabular", { scale: null, largest: null }), 0, "no number at all");
});
