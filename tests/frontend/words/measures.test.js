import assert from "node:assert/strict";
import test from "node:test";

import { bare, caution, chief, fit, isGap, isLow, reading, sentence, unlike, unlikeSentence } from "../../../frontend/words/measures.js";

test("a low R² is said in words with the number behind them", () => {
  assert.equal(sentence("r2", 0.31), "R² .31: the surrogate explains a third of what the model does here");
  assert.equal(sentence("additive_r2", 0.97), "additive R² .97: the sum of the segment values explains nearly all of what the model does here");
  assert.equal(sentence("additive_r2", 0.97, "tabular"), "additive R² .97: the sum of the feature values explains nearly all of what the model does here");
  assert.equal(sentence("unseen_r2", -0.2), "unseen R² −.20: the surrogate explains nothing of what the model does here");
});

test("a better fit is never said in words of a worse one", () => {
  const words = ["next to nothing", "a little", "a quarter", "a third", "half", "two thirds", "three quarters", "most", "nearly all"];
  let last = 0;
  for (let value = 0; value <= 1; value += 0.01) {
    const place = words.findIndex((word) => sentence("r2", value).includes(`explains ${word} of`));
    assert.ok(place >= last, `${value}`);
    last = place;
  }
  assert.equal(last, words.length - 1);
});

test("words are near the number: half is near a half, a third near a third", () => {
  for (const [word, value] of [["a quarter", 1 / 4], ["a third", 1 / 3], ["half", 1 / 2], ["two thirds", 2 / 3], ["three quarters", 3 / 4]]) {
    assert.ok(sentence("r2", value).includes(`explains ${word} of`), word);
  }
});

test("numbers are as in print: no zero before the point, true minus, a dash for what is not there", () => {
  assert.deepEqual([0.81, -0.2, 1, NaN].map(bare), [".81", "−.20", "1.00", "–"]);
});

test("gaps are shares, and only those that should be 0 call for care", () => {
  assert.equal(reading("efficiency_gap", 0.43), "efficiency gap 43 %");
  assert.deepEqual([isLow("efficiency_gap", 0.43), isLow("completeness_gap", 0.43), isLow("completeness_gap", 0.01)], [false, true, false]);
});

test("what was measured on unseen answers speaks before what was fitted", () => {
  assert.equal(chief(["r2", "unseen_r2"]), "unseen_r2");
  assert.equal(chief(["efficiency_gap", "additive_r2"]), "additive_r2");
  assert.equal(chief([]), "");
});

test("a measure of the user's own has its name and number, and no words that may be wrong", () => {
  assert.equal(chief(["my_score"]), "my_score");
  assert.equal(sentence("my_score", 0.1), "my score .10");
  assert.equal(isLow("my_score", 0.1), false);
});

test("a warning of the server has its number, and one that the page does not know has no words", () => {
  const numbers = { measures: ["additive_r2", "efficiency_gap"], rSquared: 0.31, gap: 0.14, error: 0.3, untrained: 0.04, untrainedFloor: 0.06 };
  const words = (warning) => caution(warning, numbers, "image");
  assert.equal(words("not additive"), "additive R² .31: the sum of the segment values explains a third of what the model does here");
  assert.equal(words("does not add up"), "efficiency gap 14 %: the sum of the values differs from the change in the output by 14 %");
  assert.equal(words("uncertain"), "uncertain: the error is 30 % of the values");
  assert.equal(words("like the untrained model"), "like the untrained model's, so it may only show the input: 4 % unlike it, noise up to 6 %");
  assert.equal(words("of tomorrow"), "");
});

test("how unlike the untrained model it is comes with what of it noise makes; where nobody knows there are no words", () => {
  assert.equal(unlike(0.63, 0.04), "63 % unlike untrained");
  assert.equal(unlike(0.12, 0.31), "12 % unlike untrained, within noise");
  assert.equal(unlike(0.63, NaN), "63 % unlike untrained");
  assert.equal(unlikeSentence(0.63, 0.04), "63 % unlike the untrained model's explanation (total variation; noise alone makes up to 4 %): the common part shows the input, not what was learned");
  assert.equal(unlikeSentence(0.12, 0.31), "12 % unlike the untrained model's explanation (total variation; noise alone makes up to 31 %): whether training changed it is not known");
  assert.equal(unlikeSentence(0.63, NaN), "63 % unlike the untrained model's explanation (total variation): the common part shows the input, not what was learned");
  assert.deepEqual([unlike(NaN, NaN), unlikeSentence(NaN, 0.1)], ["", ""]);
});

test("of measures the page tells apart which are gaps", () => {
  assert.deepEqual(["additive_r2", "efficiency_gap", "completeness_gap", "my_score"].filter(isGap), ["efficiency_gap", "completeness_gap"]);
});

test("what a method's fit means is said in one sentence, with its ends", () => {
  assert.equal(fit("additive_r2", "tabular"), "additive R²: the part of what the model does that a sum of the feature values explains; 1 is all of it, and below .50 single values mislead");
  assert.equal(fit("unseen_r2", "image"), "unseen R²: the part of what the model does that the surrogate explains; 1 is all of it, and below .50 single values mislead");
  assert.match(fit("correlation", "text"), /when tokens are removed; 1 is best/);
  assert.match(fit("efficiency_gap", "image"), /0 is best$/);
  assert.equal(fit("of_my_own", "image"), "");
});
