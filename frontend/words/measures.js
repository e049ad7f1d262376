/** How far an explanation can be trusted, in words: the measures that come with each method's values. Pure. */

import { percent } from "./format.js";
import { playerNoun } from "./kinds.js";

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {"part" | "correlation" | "gap"} kind  the part of what the model does; how alike two series are; a distance, 0 at best
 * @property {string} subject  the subject of the sentence; PLAYER stands for a segment, a feature, a token
 */

const ADDITIVE = "the sum of the PLAYER values explains";
const SURROGATE = "the surrogate explains";

/** The first of these that a method has is shown for it. */
/** @type {Record<string, Measure>} */
const MEASURES = {
  additive_r2: { name: "additive R²", kind: "part", subject: ADDITIVE },
  unseen_r2: { name: "unseen R²", kind: "part", subject: SURROGATE },
  r2: { name: "R²", kind: "part", subject: SURROGATE },
  linear_unseen_r2: { name: "linear unseen R²", kind: "part", subject: "a linear surrogate explains" },
  correlation: { name: "correlation", kind: "correlation", subject: "PLAYER values follow the model" },
  completeness_gap: { name: "completeness gap", kind: "gap", subject: "the sum of the values differs from the change in the output by" },
  efficiency_gap: { name: "efficiency gap", kind: "gap", subject: "the sum of the values differs from the change in the output by" },
};

/** Words for a part, from this number up. */
/** @type {[number, string][]} */
const PARTS = [
  [0.92, "nearly all"],
  [0.82, "most"],
  [0.71, "three quarters"],
  [0.58, "two thirds"],
  [0.42, "half"],
  [0.29, "a third"],
  [0.2, "a quarter"],
  [0.08, "a little"],
  [0, "next to nothing"],
];

const LOW_PART = 0.5;
const WIDE_GAP = 0.1;

/** @type {(measure: string) => Omit<Measure, "kind"> & {kind: Measure["kind"] | ""}} an unknown measure has a name only */
const about = (measure) => MEASURES[measure] ?? { name: measure.replaceAll("_", " "), kind: "", subject: "" };

/**
 * The main measure of a method; "" if it has none.
 * @param {string[]} measures
 */
export function chief(measures) {
  return Object.keys(MEASURES).find((name) => measures.includes(name)) ?? measures[0] ?? "";
}

/**
 * A number without its leading zero: .81, −.20, 1.00.
 * @param {number} value
 */
export function bare(value) {
  if (!Number.isFinite(value)) return "–";
  return value.toFixed(2).replace(/^(-?)0\./, "$1.").replace("-", "−");
}

/**
 * A measure and its number: "additive R² .81", "efficiency gap 4 %".
 * @param {string} measure
 * @param {number} value
 */
export function reading(measure, value) {
  return `${about(measure).name} ${amount(measure, value)}`;
}

/**
 * What a method's main measure means, said once on the page; "" for a measure that is not known.
 * @param {string} measure
 * @param {import("../types.d.ts").Kind} probes  what is explained
 */
export function fit(measure, probes) {
  const { kind, subject, name } = about(measure);
  if (kind === "part") return `${name}: the part of what the model does that ${subject === ADDITIVE ? `a sum of the ${playerNoun(probes)} values explains` : "the surrogate explains"}; 1 is all of it, and below ${bare(LOW_PART)} single values mislead`;
  if (kind === "correlation") return `${name}: how closely the values follow the model when ${playerNoun(probes, 2)} are removed; 1 is best, and below ${bare(LOW_PART)} single values mislead`;
  return kind === "gap" ? `${name}: how far the values are from adding up to the output; 0 is best` : "";
}

/** @type {(measure: string, value: number) => string} */
export function amount(measure, value) {
  return about(measure).kind === "gap" ? percent(value) : bare(value);
}

/** @param {string} measure */
export const measureName = (measure) => about(measure).name;

/**
 * The number with what it means for the probe in view: "R² .31: the surrogate explains a third of what the model does here".
 * @param {string} measure
 * @param {number} value
 * @param {import("../types.d.ts").Kind} [probes]  what is explained
 */
export function sentence(measure, value, probes = "image") {
  const { kind, subject: pattern } = about(measure);
  const subject = pattern.replace("PLAYER", playerNoun(probes));
  const number = reading(measure, value);
  if (!Number.isFinite(value) || !kind) return number;
  if (kind === "gap") return `${number}: ${subject} ${percent(value)}`;
  if (kind === "correlation") return `${number}: ${subject} ${followed(value)} when ${playerNoun(probes, 2)} are removed`;
  return value < 0 ? `${number}: ${subject} nothing of what the model does here` : `${number}: ${subject} ${part(value)} of what the model does here`;
}

/** @param {number} value */
const part = (value) => PARTS.find(([least]) => value >= least)?.[1] ?? "";

/** @param {number} value */
const followed = (value) => (value >= 0.9 ? "closely" : value >= 0.7 ? "well" : value >= LOW_PART ? "roughly" : value >= 0.2 ? "hardly" : value > -0.2 ? "not at all" : "backwards");

/**
 * Whether a number deserves a warning. The values of some methods need not add up: their gap is shown without a warning.
 * @param {string} measure
 * @param {number} value
 */
export function isLow(measure, value) {
  const { kind } = about(measure);
  if (kind === "gap") return measure === "completeness_gap" && value > WIDE_GAP;
  return kind !== "" && value < LOW_PART;
}

/** @param {string} measure */
export const isGap = (measure) => about(measure).kind === "gap";

/**
 * How far an explanation is from the untrained model's: "63 % unlike untrained"; "" if unknown.
 * @param {number} distance  total variation, 0 to 1
 * @param {number} floor  noise floor
 */
export function unlike(distance, floor) {
  return Number.isFinite(distance) ? `${percent(distance)} unlike untrained${distance <= floor ? ", within noise" : ""}` : "";
}

/**
 * The same with what it means.
 * @param {number} distance
 * @param {number} floor
 */
export function unlikeSentence(distance, floor) {
  if (!Number.isFinite(distance)) return "";
  const noise = Number.isFinite(floor) ? `; noise alone makes up to ${percent(floor)}` : "";
  const meaning = distance <= floor ? "whether training changed it is not known" : "the common part shows the input, not what was learned";
  return `${percent(distance)} unlike the untrained model's explanation (total variation${noise}): ${meaning}`;
}

/**
 * A warning of the server with its numbers; "" for an unknown warning.
 * @param {string} warning
 * @param {{measures: string[], rSquared: number, gap: number, error: number, untrained: number, untrainedFloor: number}} numbers  measures: those of R² and of the gap
 * @param {import("../types.d.ts").Kind} probes
 */
export function caution(warning, { measures, rSquared, gap, error, untrained, untrainedFloor }, probes) {
  const named = (/** @type {(about: Measure["kind"] | "") => boolean} */ of) => measures.find((measure) => of(about(measure).kind)) ?? "";
  switch (warning) {
    case "not additive":
      return sentence(named((kind) => kind === "part"), rSquared, probes);
    case "does not add up":
      return sentence(named((kind) => kind === "gap"), gap, probes);
    case "uncertain":
      return `uncertain: the error is ${percent(error)} of the values`;
    case "like the untrained model":
      return `like the untrained model's, so it may only show the input: ${percent(untrained)} unlike it, noise up to ${percent(untrainedFloor)}`;
    default:
      return "";
  }
}
