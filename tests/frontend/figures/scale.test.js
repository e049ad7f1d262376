import assert from "node:assert/strict";
import test from "node:test";

import { chosen, difference, isBlank, largest, ranked, standing, strongest, strongestThreshold } from "../../../frontend/figures/scale.js";

const values = new Float32Array([0.5, -2, 0, 1, NaN]);

test("the end of a scale is the largest size, whatever the sign, and NaN does not count", () => {
  assert.equal(largest(values), 2);
  assert.equal(largest(new Float32Array([NaN])), 0);
  assert.equal(largest([]), 0);
});

test("the strongest player is the one of the largest size; without any there is none", () => {
  assert.equal(strongest(values), 1);
  assert.equal(strongest(new Float32Array([0, 0])), null);
  assert.equal(strongest(new Float32Array([NaN, NaN])), null);
});

test("players are ranked by size, and one without a number has no rank", () => {
  assert.deepEqual(ranked(values), [1, 3, 0, 2]);
});

test("shares of all players add up to 1", () => {
  const sum = [0, 1, 2, 3].reduce((total, player) => total + standing(values, player).share, 0);
  assert.ok(Math.abs(sum - 1) < 1e-6);
});

test("rank counts sizes, equal sizes share a rank, and missing players are not counted", () => {
  assert.deepEqual(standing(values, 1), { value: -2, rank: 1, of: 4, share: 2 / 3.5 });
  assert.equal(standing(values, 3).rank, 2);
  assert.equal(standing(new Float32Array([1, -1, 1]), 2).rank, 1);
});

test("a player without a number has no standing", () => {
  assert.equal(standing(values, 4), null);
});

test("all zeros: every share is 0, not NaN", () => {
  assert.equal(standing(new Float32Array([0, 0]), 0).share, 0);
});

test("the strongest k per cent are that many players, at least one, and all of them at 100", () => {
  const hundred = Float32Array.from({ length: 100 }, (_, i) => (i % 2 ? -1 : 1) * (i + 1));
  for (const percent of [1, 10, 50, 99]) {
    const threshold = strongestThreshold(hundred, percent);
    assert.equal(hundred.filter((value) => Math.abs(value) >= threshold).length, percent);
  }
  assert.equal(strongestThreshold(hundred, 100), 0);
  assert.equal(strongestThreshold(new Float32Array([3, 1, 2]), 1), 3);
  assert.equal(strongestThreshold(new Float32Array([NaN]), 50), 0);
});

test("a − b is the negative of b − a", () => {
  const a = new Float32Array([1, 2, 3]);
  const b = new Float32Array([0.5, 4, 3]);
  assert.deepEqual([...difference(a, b)], [...difference(b, a)].map((value) => 0 - value));
});

test("only an explanation without any number is a gap", () => {
  assert.equal(isBlank(new Float32Array([NaN, NaN])), true);
  assert.equal(isBlank(values), false);
  assert.equal(isBlank(new Float32Array([0])), false);
});

/** The players of `ImageExplanation.get_image_and_mask`, as the lime package chooses them from weights sorted by size. */
function limes(/** @type {Float32Array} */ values, /** @type {string} */ sign, /** @type {number} */ most) {
  const sorted = [...values.keys()].sort((one, other) => Math.abs(values[other]) - Math.abs(values[one]));
  return sorted.filter((player) => sign === "both" || (sign === "for" ? values[player] > 0 : values[player] < 0)).slice(0, most).sort((one, other) => one - other);
}

test("the strongest k of a sign are those that lime shows, the sign first, ties in order", () => {
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 200; round++) {
    const values = Float32Array.from({ length: 1 + Math.floor(20 * random()) }, () => Math.round(8 * random() - 4) / 2);
    const top = 1 + Math.floor(8 * random());
    for (const sign of /** @type {const} */ (["both", "for", "against"])) {
      const picked = chosen(values, { sign, top, strongest: 100 });
      assert.deepEqual([...(picked ?? [])].flatMap((one, player) => (one ? [player] : [])), limes(values, sign, top));
    }
  }
});

test("nothing is left out unless it is asked for; a part is of the players of the sign; what has no number is never shown", () => {
  const values = Float32Array.of(4, -3, 2, -1, NaN);
  assert.equal(chosen(values, { sign: "both", top: null, strongest: 100 }), null);
  assert.deepEqual([...(chosen(values, { sign: "for", top: null, strongest: 50 }) ?? [])], [1, 0, 0, 0, 0]);
  assert.deepEqual([...(chosen(values, { sign: "against", top: null, strongest: 100 }) ?? [])], [0, 1, 0, 1, 0]);
  assert.deepEqual([...(chosen(values, { sign: "both", top: 99, strongest: 100 }) ?? [])], [1, 1, 1, 1, 0]);
});
