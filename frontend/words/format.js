/** Numbers and words as the page writes them. Pure. */

import { RETURNED } from "../figures/steps.js";

// The smallest error that four decimals can distinguish from 0.
const LEAST_FIXED = 0.00005;

const MINUS = "−";

/** @param {string} text */
const typographic = (text) => text.replaceAll("-", MINUS);

/**
 * A quantity with three significant digits or so: 12.3, 0.081, 4.1e−5.
 * @param {number | null | undefined} value
 */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100000 || size < 0.0005) return typographic(value.toExponential(1));
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return typographic(value.toFixed(decimals));
}

/** @type {(value: number) => string} a whole number: 7, −12, 250000 */
export const whole = (value) => typographic(String(value));

/**
 * A number beside an axis: as short as it is exact.
 * @param {number} value
 */
export function tick(value) {
  // An axis has room for six digits.
  if (Math.abs(value) >= 1e6) return typographic(Number(value.toPrecision(3)).toExponential().replace("e+", "e"));
  return typographic(String(Number(value.toPrecision(6))));
}

// Digits that a number beside an axis has at most; from these sizes on it is written with a power of ten.
const MOST_DIGITS = 6;
const LARGE = 1e6;
const SMALL = 1e-4;

/**
 * The numbers beside one axis, written alike: 0.5, 1, 1.5; 2e10, 4e10. What all of them begin with is written once where they would be too long: 123456789 and
 * from there 0, 0.5, 1.
 * @param {number[]} values
 * @returns {{texts: string[], base: string}} base: what is added to each number; "" for nothing
 */
export function tickLabels(values) {
  const sizes = values.map(Math.abs);
  const most = Math.max(...sizes);
  const ordered = [...values].sort((one, other) => one - other);
  const step = Math.min(...ordered.slice(1).map((value, i) => value - ordered[i]).filter((apart) => apart > 0));
  if (!(most > 0) || !Number.isFinite(step)) return { texts: values.map(tick), base: "" };
  // Digits from the first of the largest to the last that tells neighbours apart.
  const digits = Math.floor(Math.log10(most) + 1e-9) - Math.floor(Math.log10(step) + 1e-9) + (roundly(step) ? 1 : 2);
  if (digits > MOST_DIGITS) {
    const least = sizes.indexOf(Math.min(...sizes));
    const first = values[least];
    return { texts: tickLabels(values.map((value) => Number((value - first).toPrecision(MOST_DIGITS)))).texts, base: typographic(String(Number(first.toPrecision(15)))) };
  }
  if (most >= LARGE || most < SMALL) {
    const power = Math.floor(Math.log10(most) + 1e-9);
    return { texts: values.map((value) => (value ? typographic(`${Number((value / 10 ** power).toPrecision(digits))}e${power}`) : "0")), base: "" };
  }
  return { texts: values.map((value) => typographic(String(Number(value.toPrecision(MOST_DIGITS + 1))))), base: "" };
}

/** @type {(step: number) => boolean} whether it has one digit: 0.02, and not 0.025 */
const roundly = (step) => Number(step.toPrecision(1)) === Number(step.toPrecision(6));

/**
 * A signed quantity, always with its sign: +0.83, −1.20, 0.
 * @param {number} value
 */
export function signed(value) {
  return value > 0 ? `+${number(value)}` : number(value);
}

/**
 * A quantity with its standard error, both to the same decimal: +0.83 ± 0.06. An error of 0 (exact) or NaN (unknown) is not written.
 * @param {number} value
 * @param {number} error
 */
export function withError(value, error) {
  const alone = toError(value, error);
  // Exact, or of unknown error.
  if (!Number.isFinite(error) || error === 0) return alone;
  const decimals = decimalsOf(value, error);
  return `${alone} ± ${decimals === null ? number(error) : error.toFixed(decimals)}`;
}

/**
 * The same without its error: with as many decimals as the error justifies.
 * @param {number} value
 * @param {number} error
 */
export function toError(value, error) {
  const decimals = decimalsOf(value, error);
  if (decimals === null) return signed(value);
  // What rounds to 0 has no sign: -0 is as good as 0.
  const rounded = Number(value.toFixed(decimals)) || 0;
  return `${rounded > 0 ? "+" : ""}${typographic(rounded.toFixed(decimals))}`;
}

/**
 * Decimals of a quantity and its standard error; null where each is written by itself: an exact one, or too large or small for decimals.
 * @param {number} value
 * @param {number} error
 */
function decimalsOf(value, error) {
  if (!Number.isFinite(value) || !Number.isFinite(error) || error === 0) return null;
  const least = Math.max(Math.abs(value), error);
  // An error that would be written as 0 is not exact.
  if (least >= 100000 || least < 0.0005 || error < LEAST_FIXED) return null;
  return Math.max(least >= 1000 ? 0 : least >= 10 ? 1 : 2, Math.max(0, Math.min(4, Math.ceil(-Math.log10(error)))));
}

/**
 * A probability to a fixed decimal, so that those below each other line up: 0.98, 1.00.
 * @param {number | null | undefined} value
 * @param {number} [decimals]
 */
export function probability(value, decimals = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value.toFixed(decimals);
}

/**
 * @param {number | null | undefined} share  0 to 1
 * @returns {string} "22 %"; one decimal below 10 %
 */
export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  const hundredth = share * 100;
  const text = hundredth.toFixed(hundredth < 9.95 ? 1 : 0);
  return `${typographic(text.replace(/\.0$/, ""))} %`;
}

/**
 * A step in words; -1 is the model before its first epoch, RETURNED the one that training returned.
 * @param {number} step
 */
export function epoch(step) {
  if (step === RETURNED) return "returned model";
  return step < 0 ? "untrained" : `epoch ${step}`;
}

/**
 * @param {number} count
 * @param {string} noun
 * @param {string} nouns  more than one of it
 */
export function plural(count, noun, nouns = `${noun}s`) {
  return `${count} ${count === 1 ? noun : nouns}`;
}

/** How people write the methods' names. */
/** @type {Record<string, string>} */
const METHODS = {
  lime: "LIME",
  shap: "SHAP",
  occlusion: "Occlusion",
  banzhaf: "Banzhaf",
  ig: "Integrated gradients",
  "grad-cam": "Grad-CAM",
  "lime-net": "LIME-Net",
};

/**
 * @param {string} name
 * @returns {string} one that users wrote themselves stays as they wrote it
 */
export function method(name) {
  return METHODS[name] ?? name;
}

/**
 * @param {import("../types.d.ts").ProbeSetInfo} probes
 * @param {number} number
 */
export function className(probes, number) {
  return probes.class_names?.[number] ?? String(number);
}

/**
 * What an output of a model is called: a class, or of a regression "the output", or one of several.
 * @param {import("../types.d.ts").ProbeSetInfo} probes
 * @param {number} place
 */
export function outputName(probes, place) {
  // Names that are not one for each output are those of classes, which labels have.
  if (!probes.regression || probes.class_names?.length === probes.classes) return className(probes, place);
  return probes.classes === 1 ? "the output" : `output ${place}`;
}

/**
 * An output of a regression or its true value: large ones to the unit, as they are compared with each other.
 * @param {number | null | undefined} value
 */
export function outputNumber(value) {
  const size = Math.abs(value ?? 0);
  return size >= 100000 && size < 1e10 ? typographic(Number(value).toFixed(0)) : number(value);
}

/**
 * A number in words with the unit that the probes have: "252985 €/m²"; without one, as it is.
 * @param {string} text
 * @param {string | undefined} unit
 */
export function inUnit(text, unit) {
  return unit && text !== "–" ? `${text} ${unit}` : text;
}

/**
 * The unit of a run's attributions where people gave one; undefined for log-odds, probabilities, and outputs without a unit.
 * @param {{unit: string, info: {probes: {unit?: string}}}} side
 */
export function givenUnit({ unit, info }) {
  return unit === info.probes.unit ? unit : undefined;
}

/**
 * The same of a difference between runs; undefined where they differ in the word.
 * @param {Parameters<typeof givenUnit>[0][]} sides
 */
export function commonUnit(sides) {
  const units = new Set(sides.map(givenUnit));
  return units.size === 1 ? [...units][0] : undefined;
}

/**
 * What several runs' numbers are in: "€/m²"; "A €/m², B $/sqft", because two runs whose numbers can be compared may differ in the word.
 * @param {({letter: string, unit: string} | null)[]} sides
 */
export function unitWords(sides) {
  const different = new Map(sides.flatMap((side) => (side ? [[side.letter, side.unit]] : [])));
  const units = new Set(different.values());
  if (units.size === 1) return [...units][0];
  return Array.from(different, ([letter, unit]) => `${letter} ${unit || "no unit"}`).join(", ");
}

/**
 * An output where there is room for a few letters: 253k.
 * @param {number} value
 */
export function shortNumber(value) {
  const size = Math.abs(value);
  if (size < 1e4 || size >= 1e9) return number(value);
  const [unit, letter] = size >= 1e6 ? [1e6, "M"] : [1e3, "k"];
  return typographic(`${Number((value / unit).toPrecision(3))}${letter}`);
}

/**
 * How far an output is from the true value, with its sign.
 * @param {number | undefined} output
 * @param {number | undefined} truth
 * @param {(value: number) => string} [written]
 */
export function outputError(output, truth, written = outputNumber) {
  const error = output === undefined || truth === undefined ? NaN : output - truth;
  return `${error > 0 ? "+" : ""}${written(error)}`;
}

/**
 * A list in words: "a, b and c".
 * @param {string[]} words
 */
export function list(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}
