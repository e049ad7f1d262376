import assert from "node:assert/strict";
import test from "node:test";

import { createServerSource } from "../../../frontend/feed/api.js";
import { encode } from "../encode.js";

/** A reply of the route `share`: two epochs, of four probes unless told otherwise. */
async function reply(t, { share, positive, pointed, probes = [0, 1, 2, 3], errors = share.map(() => 0.01), inside = null }) {
  const n = probes.length;
  const each = (numbers) => [Float32Array.from(numbers), [2, n]];
  const body = encode(
    {
      steps: [Int32Array.of(-1, 5), [2]],
      share: each(share),
      positive: each(positive),
      pointed: each(pointed),
      errors: each(errors),
      mean: [Float32Array.of(0.5, 0.25), [2]],
      quartiles: [new Float32Array(6).fill(0.75), [3, 2]],
      before: [new Float32Array(n), [n]],
      own: [new Float32Array(n), [n]],
      ...(inside && { inside: [Uint8Array.from(inside), [n, inside.length / n]] }),
      onsets: [new Int32Array(n).fill(-2), [n]],
    },
    { probes, onset: null, measured: true },
  );
  t.mock.method(globalThis, "fetch", async () => new Response(body));
  return createServerSource("http://localhost/").get("share", {});
}

test("the positive share is the mean over probes that have one, the pointing game counts those that have a strongest", async (t) => {
  const of = await reply(t, { share: [0.5, 0.5, 0.5, 0.5, 0.125, 0.375, 0.25, NaN], positive: [1, 1, 1, 1, 0.5, 0.25, NaN, NaN], pointed: [0, 0, 0, 0, 1, 0, NaN, NaN] });
  assert.deepEqual([of.counted(5), of.positive(5), of.pointing(5)], [3, 0.375, { inside: 1, of: 2 }]);
  assert.deepEqual([of.counted(-1), of.positive(-1), of.pointing(-1)], [4, 1, { inside: 0, of: 4 }]);
});

test("where no probe has a number, or there is no such step, nothing is counted", async (t) => {
  const none = new Array(8).fill(NaN);
  const of = await reply(t, { share: none, positive: none, pointed: none });
  for (const step of [5, 6]) assert.deepEqual([of.counted(step), of.positive(step), of.pointing(step)], [0, NaN, { inside: 0, of: 0 }]);
});

test("the run's share is the server's mean, whatever the quartiles are", async (t) => {
  const of = await reply(t, { share: new Array(8).fill(0.75), positive: new Array(8).fill(1), pointed: new Array(8).fill(1) });
  assert.deepEqual([[...of.mean], [...of.lower], [...of.upper]], [[0.5, 0.25], [0.75, 0.75], [0.75, 0.75]]);
});

test("of one probe the band is its standard error", async (t) => {
  const of = await reply(t, { probes: [7], share: [0.75, 0.75], positive: [1, 1], pointed: [1, 1], errors: [0.25, 0.125] });
  assert.deepEqual([[...of.lower], [...of.upper]], [[0.5, 0.625], [1, 0.875]]);
});

test("the players of an asked region are those of the reply, by the numbers of its probes", async (t) => {
  const two = { share: [0.5, 0.5, 0.5, 0.5], positive: [1, 1, 1, 1], pointed: [1, 1, 1, 1], probes: [3, 7] };
  const of = await reply(t, { ...two, inside: [0, 1, 0, 1, 0, 0] });
  assert.deepEqual([0, 1, 2, 3].map((player) => of.inside(3, player)), [false, true, false, false]);
  assert.deepEqual([of.inside(7, 0), of.inside(7, 1), of.inside(0, 1)], [true, false, false]);
  const declared = await reply(t, two);
  assert.equal(declared.inside(3, 1), false);
});
