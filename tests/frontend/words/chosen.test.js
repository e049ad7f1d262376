import assert from "node:assert/strict";
import test from "node:test";

import { CLASSIC, isClassic, marksChosen, ofDifference, PLAIN } from "../../../frontend/model/look.js";
import { DEFAULTS, readHash, writeHash } from "../../../frontend/model/state.js";
import { choiceWords } from "../../../frontend/words/chosen.js";

const image = { kind: /** @type {const} */ ("image"), regression: false };
const table = { kind: /** @type {const} */ ("tabular"), regression: true };

test("what is shown is said as people say it", () => {
  assert.equal(choiceWords({ ...DEFAULTS }, image), "");
  assert.equal(choiceWords({ ...DEFAULTS, ...CLASSIC }, image), "the 5 strongest segments that speak for the class, the rest hidden");
  assert.equal(choiceWords({ ...DEFAULTS, strongest: 30 }, image), "strongest 30 % of the segments");
  assert.equal(choiceWords({ ...DEFAULTS, sign: "against" }, table), "only features that lower the output");
  assert.equal(choiceWords({ ...DEFAULTS, sign: "for", top: 1 }, table), "the strongest feature that raises the output");
});

test("the classic picture is in its address, and leaves nothing behind", () => {
  const classic = { ...DEFAULTS, ...CLASSIC };
  assert.ok(isClassic(classic) && !isClassic(DEFAULTS));
  assert.ok(isClassic({ ...DEFAULTS, ...readHash(writeHash("#xai", classic)) }));
  assert.deepEqual({ ...classic, ...PLAIN }, DEFAULTS);
});

test("what can't be is not read from an address", () => {
  const read = (/** @type {string} */ text) => readHash(`#xai&p.xai.${text}`);
  for (const text of ["top=0", "top=-3", "top=1e9", "top=many", "ink=yellow", "ink=%23ff", "ink=%23ffff00%3Bx", "sign=up", "rest=1"]) assert.deepEqual(read(text), {}, text);
  assert.deepEqual(read("ink=%23FFff00"), { ink: "#ffff00" });
});

test("a difference keeps both signs, and has colours where the image alone would not tell them", () => {
  const classic = { ...DEFAULTS, ...CLASSIC };
  assert.deepEqual([ofDifference(classic).sign, ofDifference(classic).view, ofDifference(classic).top], ["both", "overlay", 5]);
  assert.equal(ofDifference({ ...DEFAULTS, view: "image" }).view, "image");
  assert.ok(!marksChosen({ ...DEFAULTS, rest: "hide" }), "nothing is left out");
});
