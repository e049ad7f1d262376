import assert from "node:assert/strict";
import test from "node:test";

import { whyNotComparable } from "../../frontend/compare.js";

const run = (more = {}) => ({ comparable: { inputs: "1", labels: "2", segments: "3", output: "log-odds", classes: [0, 1], ...more } });

test("a run is comparable with one that has the same record", () => {
  assert.equal(whyNotComparable(run(), run()), "");
});

test("the first part that differs is named in words", () => {
  assert.equal(whyNotComparable(run(), run({ inputs: "x", segments: "y" })), "other probes");
  assert.equal(whyNotComparable(run(), run({ segments: "y" })), "other segments");
  assert.equal(whyNotComparable(run(), run({ output: "probability" })), "explains probability, A explains log-odds");
  assert.equal(whyNotComparable(run(), run({ classes: [0] })), "other explained classes");
});

test("a part that only one side knows makes runs different", () => {
  assert.equal(whyNotComparable(run(), run({ masking: "new" })), "another masking");
  assert.equal(whyNotComparable(run({ masking: "new" }), run()), "another masking");
});
