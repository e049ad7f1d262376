/** Why two runs can't stand side by side, in words. Pure. */

import { memo } from "./memo.js";

/** @typedef {import("./types.d.ts").RunInfo} RunInfo */

/** @type {Record<string, string>} */
const PARTS = {
  inputs: "other probes",
  labels: "other labels",
  segments: "other segments",
  baseline: "another baseline",
  coalitions: "other coalitions (evaluations or seed)",
  explainers: "other explainer settings",
  output: "another output",
  classes: "other explained classes",
  unit: "another unit",
  answers: "a model with other classes",
};

/** @type {(a: RunInfo, candidate: RunInfo) => string} */
export const whyNotComparable = (a, candidate) => against(a)(candidate);

const against = memo((/** @type {RunInfo} */ a) => memo((/** @type {RunInfo} */ candidate) => firstDifference(a, candidate)));

/**
 * @param {RunInfo} a
 * @param {RunInfo} candidate
 * @returns {string} the first part that differs, in words; "" where the runs are comparable
 */
function firstDifference(a, candidate) {
  const parts = new Set([...Object.keys(PARTS), ...Object.keys(a.comparable), ...Object.keys(candidate.comparable)]);
  for (const part of parts) {
    const mine = a.comparable[part];
    const other = candidate.comparable[part];
    if (JSON.stringify(mine) === JSON.stringify(other)) continue;
    if (part === "output") return `explains ${String(other)}, A explains ${String(mine)}`;
    return PARTS[part] ?? `another ${part}`;
  }
  return "";
}
