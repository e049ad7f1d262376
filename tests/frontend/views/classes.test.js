import assert from "node:assert/strict";
import test from "node:test";

import { matching, notExplained } from "../../../frontend/views/probe/classes.js";

const names = ["cat", "Dog", "hot dog", "catfish", "bird 1"];
const nameOf = (number) => names[number];

test("a class is found by a part of its name, in whatever case, likeliest first", () => {
  assert.deepEqual(matching([3, 2, 1, 0, 4], "dog", nameOf), [2, 1]);
  assert.deepEqual(matching([3, 2, 1, 0, 4], " CAT ", nameOf), [3, 0]);
  assert.deepEqual(matching([3, 2, 1, 0, 4], "", nameOf), [3, 2, 1, 0, 4]);
  assert.deepEqual(matching([3, 2, 1, 0, 4], "zebra", nameOf), []);
});

test("the class whose number is asked for comes before those that only have the digits", () => {
  const order = Array.from({ length: 30 }, (_, i) => 29 - i);
  assert.deepEqual(matching(order, "2", (number) => `n${number}`), [2, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 12]);
});

test("a class has no explanation where the logger was given other ones, and only there", () => {
  assert.equal(notExplained({ classes: "auto" }, 3, null), "");
  assert.equal(notExplained({ classes: "all" }, 3, null), "");
  assert.equal(notExplained({ classes: [1, 3] }, 3, null), "");
  assert.equal(notExplained({ classes: [1, 5] }, 3, null), "the run was logged with classes=[1, 5]");
  assert.equal(notExplained({ classes: [0, 1, 2, 3, 4, 5, 6, 7, 8] }, 9, null), "the run was logged with classes=[0, 1, 2, 3, 4, 5, 6, 7, …]");
});

test("what the record says was explained counts more than what the logger was given", () => {
  assert.equal(notExplained({ classes: "auto" }, 3, new Set([3, 8])), "");
  assert.match(notExplained({ classes: "auto" }, 4, new Set([3, 8])), /the true class and the two most likely others/);
  assert.equal(notExplained({ classes: [4] }, 4, new Set([4])), "");
});

test("of many outputs that do not exclude each other the first ones are explained", () => {
  assert.match(notExplained({ classes: "auto", head: "sigmoid" }, 20, new Set([0, 1])), /the logger explains the first 2; classes=\[…\] selects others/);
  assert.match(notExplained({ classes: "auto", head: "regression" }, 20, new Set([0])), /of many outputs/);
  assert.match(notExplained({ classes: "auto", head: "logits" }, 20, new Set([0])), /the true class and the two most likely others/);
});
