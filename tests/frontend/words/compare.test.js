import assert from "node:assert/strict";
import test from "node:test";

import { whyNotComparable as why } from "../../../frontend/words/compare.js";

const whyNotComparable = (/** @type {{comparable: any}} */ a, /** @type {{comparable: any}} */ b, method = "shap") => why(a, b, method);
const run = (more = {}) => ({ comparable: { inputs: "1", labels: "2", segments: "3", output: "log-odds", classes: [0, 1], ...more } });

test("a run is comparable with one that has the same record", () => {
  assert.equal(whyNotComparable(run(), run()), "");
});

test("the first part that differs is named in words", () => {
  assert.equal(whyNotComparable(run(), run({ inputs: "x", segments: "y" })), "different probes");
  assert.equal(whyNotComparable(run(), run({ segments: "y" })), "different segments");
  assert.equal(whyNotComparable(run({ players: "4" }), run({ players: "5" })), "different features or tokens");
  assert.equal(whyNotComparable(run(), run({ output: "probability" })), "explains probability, A explains log-odds");
  assert.equal(whyNotComparable(run(), run({ classes: [0] })), "different explained classes");
});

test("a part that only one side knows makes runs different", () => {
  assert.equal(whyNotComparable(run(), run({ masking: "new" })), "different masking");
  assert.equal(whyNotComparable(run({ masking: "new" }), run()), "different masking");
});

const explainers = (methods) => run({ explainers: methods });

test("runs are comparable in a method that both have with the same settings, whatever the others are", () => {
  const a = explainers({ lime: "{}", shap: "{}" });
  const b = explainers({ shap: "{}", ig: "{}", lime: '{"kernel_width": 0.5}' });
  assert.equal(whyNotComparable(a, b, "shap"), "");
  assert.equal(whyNotComparable(b, a, "shap"), "");
  assert.equal(whyNotComparable(a, b, "lime"), "different settings of lime");
  assert.equal(whyNotComparable(b, a, "ig"), "has no ig");
  assert.equal(whyNotComparable(a, b, "ig"), "A has no ig");
});

test("settings that agree leave the other parts to differ", () => {
  const [a, b] = [explainers({ shap: "{}" }), run({ explainers: { shap: "{}", ig: "{}" }, classes: [0] })];
  assert.equal(whyNotComparable(a, b, "shap"), "different explained classes");
});

test("older records have one text for all methods, which has to be equal", () => {
  assert.equal(whyNotComparable(explainers('{"shap": {}}'), explainers('{"shap": {}}')), "");
  assert.equal(whyNotComparable(explainers('{"shap": {}}'), explainers('{"ig": {}, "shap": {}}')), "different explainer settings");
  assert.equal(whyNotComparable(explainers('{"shap": {}}'), explainers({ shap: "{}" })), "different explainer settings");
});
