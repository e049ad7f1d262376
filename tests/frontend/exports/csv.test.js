import assert from "node:assert/strict";
import test from "node:test";

import { allNumbers as allOf, csv, csvFile, shownNumbers as shownOf } from "../../../frontend/exports/csv.js";
import { DEFAULTS } from "../../../frontend/model/state.js";

const EXPLAINED = { target: 1, values: Float32Array.of(0.1, -2, NaN), errors: Float32Array.of(0.25, 0, NaN), base: -0.5 };

/** @type {(letter: "A" | "B", name: string, steps: number[], explained?: object) => never} */
function side(letter, name, steps, explained = EXPLAINED) {
  const at = (/** @type {number} */ step) => (steps.includes(step) ? explained : null);
  const probes = {
    kind: "tabular", player_names: ["age", "=sum"], features: ["age", "town", "plus"], player_of: [0, 1, 1], categorical: { 1: ["Rome", "Bonn"] },
    regression: false, players: [9, 2], names: null, labels: [0, 1], class_names: ["cat", "=dog"],
  };
  const row = { kind: "tabular", values: Float32Array.of(38.5, 1, 7), missing: Uint8Array.of(0, 0, 1), regions: [] };
  const outputs = () => ({ at: (/** @type {number} */ probe, /** @type {number} */ step) => (probe === 1 && steps.includes(step) ? Float32Array.of(0.25, 0.75) : null) });
  return /** @type {never} */ ({ letter, name, values: () => ({ steps, at }), content: () => row, outputs, unit: "log-odds", info: { probes } });
}

/** @type {(more: object) => never} */
const data = (more) => /** @type {never} */ ({ probe: 1, method: "shap", cursor: { step: 4 }, difference: undefined, b: null, ...more });

const shownNumbers = (/** @type {never} */ data, state = DEFAULTS) => shownOf(data, state);
const allNumbers = (/** @type {never} */ data, state = DEFAULTS) => allOf(data, state);

/** @param {Iterable<unknown[]>} rows */
const parsed = (rows) => csv(/** @type {never} */ (rows)).split("\r\n").slice(0, -1).map((line) => line.split(","));

test("a cell with a comma, a quote or a line break is quoted, as RFC 4180 says", () => {
  assert.equal(csv([["a,b", 'say "x"', "two\nlines", "plain"]]), '"a,b","say ""x""","two\nlines",plain\r\n');
});

test("a name that a spreadsheet would run is text, a negative number stays a number", () => {
  assert.equal(csv([["=1+1", "+x", "-x", "@x", "\tx", "x=1", -1.5]]), "'=1+1,'+x,'-x,'@x,'\tx,x=1,-1.5\r\n");
});

test("what is no number is empty, and a float32 comes back exactly", () => {
  const values = Float32Array.of(0.1, 1 / 3, 1e-30, -123456.789);
  assert.equal(csv([[NaN, null, Infinity]]), ",,\r\n");
  const back = csv([[...values]]).trim().split(",").map((text) => Math.fround(Number(text)));
  assert.deepEqual(back, [...values]);
});

test("the shown numbers of a pair stand in one row a player, with their difference and its error", () => {
  const a = side("A", "=a", [4]);
  const b = side("B", "b", [3], { target: 1, values: Float32Array.of(0.5, 1), errors: Float32Array.of(1, 1), base: NaN });
  /** @type {number[][]} */
  const asked = [];
  const difference = { at: (/** @type {number} */ probe, /** @type {number} */ step) => (asked.push([probe, step]), Float32Array.of(0.75, NaN)) };
  const panes = [{ title: "A", side: a, step: 4 }, { title: "B", side: b, step: 3 }];
  const [header, ...rows] = parsed(shownNumbers(data({ a, b, panes, difference })));
  assert.equal(header.join(), "probe,probe_name,label,class,method,unit,player,name,input,A run,A epoch,A value,A error,A base,A probability,B run,B epoch,B value,B error,B base,B probability,A - B value,A - B error,A shown,B shown,A - B shown");
  assert.equal(rows[0].join(), "1,,'=dog,'=dog,shap,log-odds,0,age,38.5,'=a,4,0.100000001,0.25,-0.5,0.75,b,3,0.5,1,,0.75,-0.399999999,0.75,1,1,1");
  assert.equal(rows[1].slice(-5, -3).join(), "-3,");
  assert.equal(rows[1][8], "town=Bonn", "of several columns each that was there");
  assert.equal(rows.length, 2, "as many as the probe has players");
  assert.deepEqual(asked, [[1, 4]], "the error is that of the cursor's place");
});

test("runs that explain different classes have no difference", () => {
  const a = side("A", "a", [4]);
  const b = side("B", "b", [4], { ...EXPLAINED, target: 0 });
  const panes = [{ title: "A", side: a, step: 4 }, { title: "B", side: b, step: 4 }];
  const [, row] = parsed(shownNumbers(data({ a, b, panes })));
  assert.equal(row[3], "'=dog / cat");
  assert.deepEqual(row.slice(-5), ["", "", "1", "1", ""]);
});

test("a run without an epoch there has empty cells, and one epoch alone has no difference", () => {
  const a = side("A", "a", [4]);
  const [header, row] = parsed(shownNumbers(data({ a, panes: [{ title: "A", side: a, step: -2 }] })));
  assert.deepEqual(header.slice(-2), ["A probability", "A shown"]);
  assert.deepEqual(row.slice(8), ["38.5", "a", "", "", "", "", "", ""]);
});

test("all epochs: a row an epoch and player of each run, the untrained model at -1", () => {
  const [header, ...rows] = parsed(allNumbers(data({ a: side("A", "a", [-1, 0]), b: side("B", "b", [5]) })));
  assert.equal(header.join(), "run,epoch,probe,class,method,unit,player,name,input,value,error,base,probability,shown");
  assert.deepEqual(rows.map(([run, epoch, , , , , player]) => `${run} ${epoch} ${player}`), ["a -1 0", "a -1 1", "a 0 0", "a 0 1", "b 5 0", "b 5 1"]);
  assert.deepEqual(rows[1].slice(-5), ["-2", "0", "-0.5", "0.75", "1"]);
});

test("sets of labels stand in one cell, with the number of right ones; a regression has its true value", () => {
  const a = side("A", "a", [4]);
  const info = /** @type {{info: {probes: object}}} */ (a).info;
  info.probes = { ...info.probes, labels: null, label_sets: [[], [0, 1]] };
  Object.assign(a, { predictions: { at: () => ({ predicted: 0, probability: 1, label: 1, right: 1 }) } });
  const [header, row] = parsed(shownNumbers(data({ a, panes: [{ title: "A", side: a, step: 4 }] })));
  assert.equal(row[header.indexOf("label")], "cat; =dog");
  assert.equal(row[header.indexOf("A right labels")], "1");
  const [all, first] = parsed(allNumbers(data({ a })));
  assert.deepEqual([all.slice(-3, -1), first.slice(-3, -1)], [["label", "right labels"], ["cat; =dog", "1"]]);
  info.probes = { ...info.probes, label_sets: null, regression: true, truth: [[1, 2], [-3, 250000]] };
  const [names, cells] = parsed(shownNumbers(data({ a, panes: [{ title: "A", side: a, step: 4 }] })));
  assert.equal(cells[names.indexOf("label")], "250000");
  assert.equal(names.at(-2), "A output");
  const [of, values] = parsed(allNumbers(data({ a })));
  assert.deepEqual([of.at(-2), values.at(-2)], ["label", "250000"]);
});

test("the returned model is named, and a model that was explained once has no epoch", () => {
  const returned = 2 ** 31 - 1;
  const a = side("A", "averaged", [0, returned]);
  const once = /** @type {{info: object}} */ (side("B", "forest", [returned]));
  const b = { ...once, info: { ...once.info, returned: { epoch: null, how: "once", step: returned } } };
  const rows = parsed(allNumbers(data({ a, b }))).slice(1).map((row) => row.slice(0, 2));
  assert.deepEqual(rows.filter((_, i) => i % 2 === 0), [["averaged", "0"], ["averaged", "returned"], ["forest", ""]]);
});

test("a file says by its first bytes that it is UTF-8, so that Excel reads every script", async () => {
  const names = ["猫", "Größe", "حجم", "😀", "plain"];
  const bytes = new Uint8Array(await csvFile([names]).arrayBuffer());
  assert.deepEqual([...bytes.slice(0, 3)], [0xef, 0xbb, 0xbf]);
  // A decoder that knows of the mark gives the names alone.
  assert.equal(new TextDecoder("utf-8").decode(bytes), `${names.join(",")}\r\n`);
});

test("the tables say which players are shown, each run and the difference by its own numbers", () => {
  const a = side("A", "a", [4], { ...EXPLAINED, values: Float32Array.of(0.5, -2) });
  const b = side("B", "b", [4], { ...EXPLAINED, values: Float32Array.of(-0.5, 1) });
  const panes = [{ title: "A", side: a, step: 4 }, { title: "B", side: b, step: 4 }];
  const ends = (/** @type {object} */ more) => parsed(shownNumbers(data({ a, b, panes }), { ...DEFAULTS, ...more })).slice(1).map((row) => row.slice(-3).join(""));
  assert.deepEqual(ends({ sign: "for" }), ["101", "011"]);
  assert.deepEqual(ends({ sign: "against" }), ["011", "101"]);
  // The differences are 1 and -3: more in B is no evidence against the class.
  assert.deepEqual(ends({ sign: "for", top: 1 }), ["100", "011"]);
  const rows = parsed(allNumbers(data({ a, b }), { ...DEFAULTS, sign: "for" })).slice(1);
  assert.deepEqual(rows.map((row) => row.at(-1)), ["1", "0", "0", "1"]);
});
