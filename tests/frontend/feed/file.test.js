import assert from "node:assert/strict";
import test from "node:test";

import { Refused } from "../../../frontend/feed/api.js";
import { createFileSource } from "../../../frontend/feed/file.js";
import { encode } from "../encode.js";

const EXPLANATION = { run: "a/xai", set: "probes", explainer: "shap", class: "label" };
const numbers = (/** @type {number[]} */ list) => Float32Array.from(list);

/** Two probes with two players at one epoch. */
const VALUES = encode(
  {
    steps: [Int32Array.from([4]), [1]],
    values: [numbers([1, 2, 3, 4]), [1, 2, 2]],
    errors: [numbers([0, 0, 0, 0]), [1, 2, 2]],
    base: [numbers([0, 0]), [1, 2]],
    target: [Int32Array.from([7, 8]), [1, 2]],
  },
  { probes: [0, 1] },
);
const RUNS = new TextEncoder().encode(JSON.stringify({ schema: 1, runs: [{ run: "a/xai" }] })).buffer;

function source() {
  const bodies = { values: VALUES, runs: RUNS };
  const unpacked = [];
  const made = createFileSource(
    {
      report: { note: "", classes: ["label"], fixed: {} },
      requests: [["runs", {}, 1], ["values", EXPLANATION, 0], ["compare", { ...EXPLANATION, other: "b/xai", by: "epoch" }, "compare: the runs explain other inputs."]],
      bodies: ["values", "runs"],
    },
    async (packed) => {
      unpacked.push(packed);
      return bodies[packed];
    },
  );
  return { made, unpacked };
}

test("a reply on all probes answers requests for some, whatever versions they name, and is read once", async () => {
  const { made, unpacked } = source();
  const some = await made.get("values", { ...EXPLANATION, probes: "1", version: "1" });
  const other = await made.get("values", { class: "label", ...EXPLANATION, probes: "0,1", version: "2" });
  assert.deepEqual([...some.of(1).at(4).values], [3, 4]);
  assert.equal(some.of(1).at(4).target, 8);
  assert.equal(some, other);
  assert.deepEqual(unpacked, ["values"]);
});

test("the list of runs is the file's", async () => {
  assert.deepEqual(await source().made.runs(), [{ run: "a/xai" }]);
});

test("what the server refused is refused in its words, and what the file lacks in the file's", async () => {
  const { made } = source();
  const refusal = (/** @type {string} */ words) => (/** @type {Error} */ error) => error instanceof Refused && error.message === words;
  await assert.rejects(made.get("compare", { ...EXPLANATION, other: "b/xai", by: "epoch" }), refusal("compare: the runs explain other inputs."));
  await assert.rejects(made.get("values", { ...EXPLANATION, class: "3" }), refusal("this report leaves it out."));
  // The share of one probe is another number than that of all.
  await assert.rejects(made.get("share", { ...EXPLANATION, region: "left", probes: "0" }), refusal("this report leaves it out."));
});
