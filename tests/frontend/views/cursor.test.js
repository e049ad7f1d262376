import assert from "node:assert/strict";
import test from "node:test";

import { RETURNED } from "../../../frontend/figures/steps.js";
import { ahead } from "../../../frontend/views/training/cursor.js";

/** @type {(letter: string, steps: number[]) => never} */
const side = (letter, steps) => /** @type {never} */ ({ letter, info: { steps } });
const until = (/** @type {number} */ end) => Array.from({ length: end + 1 }, (_, step) => step);
const letter = (/** @type {{letter: string} | null | undefined} */ found) => found?.letter;

test("a run is ahead by its epochs: the returned model of a finished one is none", () => {
  const cursor = { metric: "", end: 9 };
  assert.equal(letter(ahead(side("A", [...until(9), RETURNED]), side("B", until(9)), cursor)), undefined);
  assert.equal(letter(ahead(side("A", [...until(19), RETURNED]), side("B", until(9)), cursor)), "A");
  assert.equal(letter(ahead(side("A", until(9)), side("B", until(12)), cursor)), "B");
});

test("a run alone is ahead of none, and B is not where runs are aligned by a metric", () => {
  assert.equal(letter(ahead(side("A", until(12)), null, { metric: "", end: 9 })), undefined);
  assert.equal(letter(ahead(side("A", until(9)), side("B", until(12)), { metric: "val_accuracy", end: 9 })), undefined);
});
