import assert from "node:assert/strict";
import test from "node:test";

import { className, commonUnit, epoch, givenUnit, inUnit, list, method, number, outputError, outputName, outputNumber, percent, plural, probability, shortNumber, signed, tick, tickLabels, toError, unitWords, withError } from "../../../frontend/words/format.js";
import { shortProbeName } from "../../../frontend/words/probes.js";

test("numbers keep about three digits whatever their size, with a real minus sign", () => {
  const written = [0, 0.8312, -1.2, 12.34, 123.4, 0.0812, 1e-5, -250000].map((value) => number(value));
  assert.deepEqual(written, ["0", "0.83", "−1.20", "12.3", "123", "0.081", "1.0e−5", "−2.5e+5"]);
});

test("every minus sign is a real one, the exponent's too", () => {
  assert.deepEqual([number(-4.1e-5), signed(-4.1e-5), tick(-1e-7)], ["−4.1e−5", "−4.1e−5", "−1e−7"]);
  assert.equal(withError(-4.1e-5, 2e-6), "−4.1e−5 ± 2.0e−6");
});

test("what is not a number is a dash, not NaN", () => {
  for (const write of [number, probability, percent]) assert.deepEqual([NaN, null, undefined].map((value) => write(value)), ["–", "–", "–"]);
});

test("a signed number always shows its sign, zero has none", () => {
  assert.deepEqual([0.5, -0.5, 0].map(signed), ["+0.50", "−0.50", "0"]);
});

test("a value and its error end at the same decimal, and the error is never written as 0", () => {
  assert.equal(withError(0.8312, 0.0612), "+0.83 ± 0.06");
  assert.equal(withError(-12.34, 0.5), "−12.3 ± 0.5");
  assert.equal(withError(1.2346, 0.0031), "+1.235 ± 0.003");
  assert.equal(withError(0.0931, 2e-6), "+0.093 ± 2.0e−6", "an error that is not exact is not written as 0");
  assert.equal(withError(0.5, NaN), "+0.50");
});

test("a value that rounds to 0 has no sign", () => {
  assert.deepEqual([-0.001, 0, 0.001].map((value) => withError(value, 0.06)), ["0.00 ± 0.06", "0.00 ± 0.06", "0.00 ± 0.06"]);
  assert.equal(withError(-0.006, 0.06), "−0.01 ± 0.06");
});

test("probabilities end at the same decimal", () => {
  assert.deepEqual([0, 0.978, 1].map((value) => probability(value)), ["0.00", "0.98", "1.00"]);
  assert.equal(probability(0.0004, 3), "0.000");
});

test("shares are per cent with one decimal below ten", () => {
  assert.deepEqual([0, 0.047, 0.0996, 0.22, 1].map(percent), ["0 %", "4.7 %", "10 %", "22 %", "100 %"]);
});

test("numbers beside an axis are those of its ticks at any magnitude, different where these are, and short", () => {
  const numberOf = (text) => Number(text.replaceAll("−", "-"));
  for (const step of [1e-8, 2e-5, 0.0025, 0.5, 20, 25000, 2.5e9, 1e20]) {
    for (const first of [0, step, -3 * step, 1000 * step, 40000 * step, -123456789 * step]) {
      const values = Array.from({ length: 5 }, (_, i) => first + i * step);
      const { texts, base } = tickLabels(values);
      assert.equal(new Set(texts).size, 5, texts.join());
      for (const [i, text] of texts.entries()) {
        assert.ok(Math.abs(numberOf(base || "0") + numberOf(text) - values[i]) <= 0.01 * step + 1e-14 * Math.abs(values[i]), `${values[i]}: ${base} + ${text}`);
        assert.ok(text.length <= 10, text);
      }
    }
  }
  assert.deepEqual(tickLabels([0, 0.5, 1]), { texts: ["0", "0.5", "1"], base: "" });
  assert.deepEqual(tickLabels([0, 2e10, 4e10]).texts, ["0", "2e10", "4e10"]);
  assert.deepEqual(tickLabels([11.4798, 11.48, 11.4802]).texts, ["11.4798", "11.48", "11.4802"]);
  assert.deepEqual(tickLabels([1234567, 1234567.5, 1234568]), { texts: ["0", "0.5", "1"], base: "1234567" });
  assert.deepEqual([tickLabels([]), tickLabels([3])], [{ texts: [], base: "" }, { texts: ["3"], base: "" }]);
});

test("ticks are as short as they are exact", () => {
  assert.deepEqual([0, 0.5, 20, 0.30000000000000004, -0.25].map(tick), ["0", "0.5", "20", "0.3", "−0.25"]);
});

test("step −1 is the untrained model", () => {
  assert.deepEqual([-1, 0, 19].map(epoch), ["untrained", "epoch 0", "epoch 19"]);
});

test("methods have the names people write, those of users their own", () => {
  assert.deepEqual(["shap", "lime", "ig", "grad-cam", "my-shap"].map(method), ["SHAP", "LIME", "Integrated gradients", "Grad-CAM", "my-shap"]);
});

test("an error of 0 is exact and one that is NaN unknown: neither is written", () => {
  assert.deepEqual([withError(0.83, 0), withError(-0.83, NaN)], ["+0.83", "−0.83"]);
});

test("probes are called by name, else by number and class, else by number", () => {
  const probes = { names: null, labels: [7, 3], class_names: null };
  assert.equal(shortProbeName(probes, 0), "#0 “7”");
  assert.equal(shortProbeName({ ...probes, class_names: Array(10).fill("cat") }, 1), "#1 “cat”");
  assert.equal(shortProbeName({ ...probes, labels: null }, 1), "#1");
  assert.equal(shortProbeName({ ...probes, names: ["a", "b"] }, 1), "#1 b");
  assert.equal(className(probes, 3), "3");
});

test("lists and counts are English", () => {
  assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(list), ["", "a", "a and b", "a, b and c"]);
  assert.deepEqual([plural(1, "epoch"), plural(0, "epoch")], ["1 epoch", "0 epochs"]);
});

test("a value is written alone as it is beside its error", () => {
  for (const value of [0.0003, -3.7e-5, 0.831, -12.34, 1.2346, 0, 250000, NaN]) {
    for (const error of [0, NaN, 0.04, 0.0031, 2e-6, 3, 1e6]) assert.equal(withError(value, error).split(" ± ")[0], toError(value, error), `${value} ± ${error}`);
  }
  assert.equal(toError(-3.7e-5, 0.04), "0.00");
});

test("outputs of a regression are written so that they can be held against the truth", () => {
  assert.deepEqual([252985.4, -310000, 2.961, 1e12, NaN].map(outputNumber), ["252985", "−310000", "2.96", "1.0e+12", "–"]);
  assert.deepEqual([252985, -11083, 1.26e6, 999, 9999.4].map(shortNumber), ["253k", "−11.1k", "1.26M", "999", "9999"]);
  assert.deepEqual([outputError(252985, 241902), outputError(-3.5, -3), outputError(4, undefined)], ["+11083", "−0.50", "–"]);
  assert.equal(withError(-23362.4, 3340.3), "−23362 ± 3340");
  assert.deepEqual([1e6, -2.5e7, 250000].map(tick), ["1e6", "−2.5e7", "250000"]);
});

test("a number has the unit that people gave, and attributions have it where they are in units of the output", () => {
  assert.deepEqual([inUnit("253k", "€/m²"), inUnit("253k", undefined), inUnit("–", "€/m²")], ["253k €/m²", "253k", "–"]);
  assert.equal(givenUnit({ unit: "€/m²", info: { probes: { unit: "€/m²" } } }), "€/m²");
  assert.equal(givenUnit({ unit: "bits", info: { probes: { unit: "€/m²" } } }), undefined);
  assert.equal(givenUnit({ unit: "log-odds", info: { probes: {} } }), undefined);
});

test("of two runs each has its own unit, and their difference has one where both have the same", () => {
  const side = (/** @type {string} */ letter, /** @type {string} */ unit) => ({ letter, unit, info: { probes: { unit } } });
  const [a, b, c] = [side("A", "€/m²"), side("B", "$/sqft"), side("B", "€/m²")];
  assert.deepEqual([unitWords([a, null]), unitWords([a, c]), unitWords([a, b]), unitWords([a, a])], ["€/m²", "€/m²", "A €/m², B $/sqft", "€/m²"]);
  assert.equal(unitWords([a, { letter: "B", unit: "" }]), "A €/m², B no unit");
  assert.deepEqual([commonUnit([a, c]), commonUnit([a, b])], ["€/m²", undefined]);
});

test("an output has the name of its class, its own name, or its number", () => {
  const probes = { class_names: null, regression: true, classes: 1 };
  assert.equal(outputName(probes, 0), "the output");
  assert.equal(outputName({ ...probes, classes: 3 }, 2), "output 2");
  assert.equal(outputName({ ...probes, classes: 3, class_names: ["x", "y", "z"] }, 2), "z");
  assert.equal(outputName({ ...probes, regression: false, classes: 3 }, 2), "2");
});

test("a probe with several labels is called by the first three, one without by that", () => {
  const probes = { names: null, labels: null, class_names: ["a", "b", "c", "d"], label_sets: [[0, 2], [], [0, 1, 2, 3]] };
  assert.deepEqual([0, 1, 2].map((probe) => shortProbeName(probes, probe)), ["#0 “a, c”", "#1 no label", "#2 “a, b, c” +1"]);
  assert.equal(shortProbeName({ ...probes, names: ["x", "y", "z"] }, 2), "#2 z");
});
