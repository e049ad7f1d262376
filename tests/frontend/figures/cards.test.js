import assert from "node:assert/strict";
import test from "node:test";
import { fitting } from "../../../frontend/words/names.js";

import { excerpt, excerptInLines, firstPieces, linesOf, strongestOf } from "../../../frontend/figures/cards.js";

test("a card shows the first words, and an ellipsis where the text goes on", () => {
  const pieces = [["Great", 0], [" ", -1], ["film", 1], [".", -1]];
  assert.deepEqual(firstPieces(pieces, 100), pieces);
  assert.deepEqual(firstPieces(pieces, 8), [["Great", 0], [" ", -1], ["fi…", 1]]);
  assert.deepEqual(firstPieces(pieces, 10), pieces.slice(0, 3));
  assert.deepEqual(firstPieces([["🙂🙂🙂", 0]], 2), [["🙂🙂…", 0]], "a letter is not cut in half");
});

test("a card names the strongest features, not those of 0", () => {
  assert.deepEqual(strongestOf(Float32Array.of(0, -3, 1, NaN, 2), 3), [1, 4, 2]);
  assert.deepEqual(strongestOf(new Float32Array(3), 3), []);
});

test("a name that does not fit keeps its last words, as those tell features apart; one of one word loses its middle", () => {
  const fit = (name) => fitting(name, 11, (text) => [...text].length);
  assert.equal(fit("mean area"), "mean area");
  assert.equal(fit("worst texture"), "w. texture");
  assert.equal(fit("concave_points-error"), "c. p. error");
  assert.equal(fit("🙂🙂🙂🙂🙂🙂 🙂🙂🙂🙂🙂🙂"), "🙂. 🙂🙂🙂🙂🙂🙂");
  assert.equal([...fit("n".repeat(40))].length, 11);
});

test("a card of a long text shows what counts most in it", () => {
  const pieces = [["One", 0], [" ", -1], ["two", 1], [" ", -1], ["three", 2], [" ", -1], ["four", 3], [".", -1]];
  assert.deepEqual(excerpt(pieces, 100, 3), pieces);
  assert.deepEqual(excerpt(pieces, 12, 0), firstPieces(pieces, 12));
  assert.deepEqual(excerpt(pieces, 12, 3), [["… ", -1], [" ", -1], ["four", 3], [".", -1]]);
  assert.deepEqual(excerpt(pieces, 12, null), firstPieces(pieces, 12));
});

test("words go to the next line whole, and longer ones than a line are broken", () => {
  const lines = (text, perLine) => linesOf([[text, 0]], perLine);
  assert.equal(lines("aaa bbb", 7), 1);
  assert.equal(lines("aaa bbb", 6), 2);
  assert.equal(lines("aaa bbbbbbbb", 4), 3);
  assert.equal(lines("aaaaaaaaa b", 4), 3, "the last letter leaves room for a space and a letter");
  assert.equal(lines("a\nb", 9), 2);
});

test("of long words a card shows as many as fit in its lines", () => {
  const words = [["Geschwindigkeit", 0], [" ", -1], ["Lebensmittel", 1], [" ", -1], ["Strassenbahn", 2]];
  assert.equal(linesOf(excerptInLines(words, 48, null, { lines: 5, perLine: 12 }), 12), 4);
  assert.ok(linesOf(excerptInLines(words, 36, null, { lines: 3, perLine: 12 }), 12) <= 3);
  assert.deepEqual(excerptInLines(words, 48, null, { lines: 9, perLine: 12 }), words);
});
