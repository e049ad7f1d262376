/** Why two runs are not comparable, in words. Pure. */

/** @typedef {Pick<import("../types.d.ts").RunInfo, "comparable">} Comparable */

/** @type {{[part: string]: string}} */
const PARTS = {
  inputs: "different probes",
  labels: "different labels",
  segments: "different segments",
  players: "different features or tokens",
  baseline: "different baseline",
  background: "different background",
  coalitions: "different coalitions (evaluations, seed or methods)",
  explainers: "different explainer settings",
  output: "different output",
  classes: "different explained classes",
  unit: "different unit",
  answers: "a model with different classes",
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
    const why = part === "explainers" && isTable(mine) && isTable(other) ? whyOtherMethod(mine, other, method) : PARTS[part] ?? `different ${part}`;
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
  return method in mine ? `different settings of ${method}` : `A has no ${method}`;
}
