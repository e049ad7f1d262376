import assert from "node:assert/strict";
import test from "node:test";

import { noiseApart } from "../../frontend/apart.js";

/** Two epochs of four probes. */
const compared = (floor, right) => ({
  steps: Int32Array.of(0, 1),
  distance: (probe, step) => (probe === 3 ? NaN : 0.1 * (probe + step)),
  floor: (probe, step) => floor[step][probe],
  bothRight: (probe, step) => right[step].includes(probe),
});

test("the noise of a pair is the median floor of the probes that both answer right; of all where there are none", () => {
  const pair = compared([[0.1, 0.2, 0.9, 0.5], [0.1, 0.2, 0.9, 0.5]], [[0, 1, 3], []]);
  const noise = noiseApart(pair)(4);
  assert.deepEqual([...noise].map((value) => Number(value.toFixed(3))), [0.15, 0.2]);
});
