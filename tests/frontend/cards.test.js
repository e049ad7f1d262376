import assert from "node:assert/strict";
import test from "node:test";

import { excerpt, firstPieces, strongestOf } from "../../frontend/cards.js";

test("a card shows the first words, and an ellipsis where the text goes on", () => {
  const pieces = [["Great", 0], [" ", -1], ["film", 1], [".", -1]];
  assert.deepEqual(firstPieces(pieces, 100), pieces);
  assert.deepEqual(firstPieces(pieces, 8), [["Great", 0], [" ", -1], ["fi…", 1]]);
  assert.deepEqual(firstPieces(pieces, 10), pieces.slice(0, 3));
  assert.deepEqual(firstPieces([["🙂🙂🙂", 0]], 2), [["🙂🙂…", 0]], "a letter is not cut in half");
});

test("a card names the strongest features, not those of 0", () => {
  const found = strongestOf(Float32Array.of(0, -3, 1, NaN, 2), 3, 20, (player) => `feature ${player}`);
  assert.deepEqual(found, [{ player: 1, value: -3, name: "feature 1" }, { player: 4, value: 2, name: "feature 4" }, { player: 2, value: 1, name: "feature 2" }]);
  assert.deepEqual(strongestOf(new Float32Array(3), 3, 20, String), []);
});

test("a card of a long text shows what counts most in it", () => {
  const pieces = [["One", 0], [" ", -1], ["two", 1], [" ", -1], ["three", 2], [" ", -1], ["four", 3], [".", -1]];
  assert.deepEqual(excerpt(pieces, 100, 3), pieces);
  assert.deepEqual(excerpt(pieces, 12, 0), firstPieces(pieces, 12));
  assert.deepEqual(excerpt(pieces, 12, 3), [["… ", -1], [" ", -1], ["four", 3], [".", -1]]);
  assert.deepEqual(excerpt(pieces, 12, null), firstPieces(pieces, 12));
});
