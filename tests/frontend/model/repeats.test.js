import assert from "node:assert/strict";
import test from "node:test";

import { groupsOf, meanAndSpread } from "../../../frontend/model/repeats.js";

test("shown repeats of one recipe are a group; A and B alone are none", () => {
  const side = (run, letter = "") => ({ run, letter });
  const sides = [side("a0", "A"), side("b0", "B"), side("b1"), side("c1"), side("d")];
  const groups = [{ recipe: "a", runs: ["a0", "a1"] }, { recipe: "b", runs: ["b0", "b1", "b2"] }, { recipe: "c", runs: ["c1", "c2"] }];
  assert.deepEqual(groupsOf(sides, groups).map(({ recipe, members }) => [recipe, members.map(({ run }) => run)]), [["b", ["b0", "b1"]]]);
  assert.deepEqual(groupsOf([side("a0", "A"), side("a1", "B")], groups), []);
});

test("the band is the mean and one standard deviation of the runs that have a number there", () => {
  const { mean, lower, upper } = meanAndSpread([[1, 2, null, undefined], [3, 2, 5, undefined]]);
  assert.deepEqual(mean, [2, 2, 5, null]);
  assert.deepEqual(upper, [2 + Math.SQRT2, 2, null, null]);
  assert.deepEqual(lower, [2 - Math.SQRT2, 2, null, null]);
});
