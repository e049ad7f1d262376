import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { USUAL, groupsOf, meanAndSpread, recipe } from "../../../frontend/model/repeats.js";

test("the page and the server tell repeats apart by the same names", () => {
  const text = readFileSync(new URL("../../../tb_xai_plugin/judgement/repeats.py", import.meta.url), "utf8");
  assert.equal(/^REPEAT = r"(.*)"$/m.exec(text)?.[1], USUAL);
});

test("a recipe is the name without what tells repeats apart, by the usual pattern or the user's", () => {
  assert.deepEqual(["cnn-seed3", "cnn-seed12/wide", "cnn", "baseline-3"].map((name) => recipe(name, "")), ["cnn", "cnn/wide", null, null]);
  assert.equal(recipe("baseline-3", "-[0-9]+$"), "baseline");
  assert.equal(recipe("run_1-seed2", ""), "run_1", "of several the last");
  assert.equal(recipe("cnn12", "[0-9]*"), "cnn", "an empty match is none");
  assert.equal(recipe("baseline-3", "("), null, "a pattern that can't be read");
});

test("shown repeats of one recipe are a group; A and B alone are none", () => {
  const side = (name, letter = "") => ({ name, letter });
  const sides = [side("a-seed0", "A"), side("b-seed0", "B"), side("b-seed1"), side("c-seed1"), side("d")];
  assert.deepEqual(groupsOf(sides, "").map(({ recipe: of, members }) => [of, members.map(({ name }) => name)]), [["b", ["b-seed0", "b-seed1"]]]);
  assert.deepEqual(groupsOf([side("a-seed0", "A"), side("a-seed1", "B")], ""), []);
});

test("the band is the mean and one standard deviation of the runs that have a number there", () => {
  const { mean, lower, upper } = meanAndSpread([[1, 2, null, undefined], [3, 2, 5, undefined]]);
  assert.deepEqual(mean, [2, 2, 5, null]);
  assert.deepEqual(upper, [2 + Math.SQRT2, 2, null, null]);
  assert.deepEqual(lower, [2 - Math.SQRT2, 2, null, null]);
});
