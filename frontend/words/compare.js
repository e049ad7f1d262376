/** Why two runs can't stand side by side, in words. Pure. */

/** @typedef {Pick<import("../types.d.ts").RunInfo, "comparable">} Comparable */

/** @type {{[part: string]: string}} */
const PARTS = {
  inputs: "other probes",
  labels: "other labels",
  segments: "other segments",
  players: "other features or tokens",
  baseline: "another baseline",
  background: "other background",
  coalitions: "other coalitions (evaluations, seed or methods)",
  explainers: "other explainer settings",
  output: "another output",
  classes: "other explained classes",
  unit: "another unit",
  answers: "a model with other classes",
};

/**
 * @param {Comparable} a
 * @param {Comparable} candidate
 * @param {string} method  the one that is shown: other methods need not have the same settings
 * @returns {string} the first part that differs, in words; "" where the runs are comparable in this method
 */
export function whyNotComparable(a, candidate, method) {
  const parts = new Set([...Object.keys(PARTS), ...Object.keys(a.comparable), ...Object.keys(candidate.comparable)]);
  for (const part of parts) {
    const mine = a.comparable[part];
    const other = candidate.comparable[part];
    if (same(mine, other)) continue;
    if (part === "output") return `explains ${String(other)}, A explains ${String(mine)}`;
    const why = part === "explainers" && isTable(mine) && isTable(other) ? whyOtherMethod(mine, other, method) : PARTS[part] ?? `another ${part}`;
    if (why) return why;
  }
  return "";
}

/** @type {(a: unknown, b: unknown) => boolean} */
const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * The settings of each method; older records have one text for all of them.
 * @param {unknown} part
 * @returns {part is {[method: string]: unknown}}
 */
const isTable = (part) => typeof part === "object" && part !== null;

/** @type {(mine: {[method: string]: unknown}, other: {[method: string]: unknown}, method: string) => string} */
function whyOtherMethod(mine, other, method) {
  if (same(mine[method], other[method])) return "";
  if (!(method in other)) return `has no ${method}`;
  return method in mine ? `other settings of ${method}` : `A has no ${method}`;
}
