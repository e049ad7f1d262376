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

/** @typedef {import("../types.d.ts").Explained} Explained */

/** @type {{[kind: string]: string}} */
const KINDS = { image: "images", tabular: "tables", text: "texts", sequence: "series" };

/**
 * Whether a run that is not comparable with A can stand beside it, and the reason to write: what they do not have in common, or in what they differ. The
 * rule is that of judgement/differences.py.
 * @param {Explained | undefined} a
 * @param {Explained | undefined} candidate
 * @param {string} why  as `whyNotComparable` gives it; "" where all settings are the same
 * @returns {{reason: string, beside: boolean}}
 */
export function whyApart(a, candidate, why) {
  if (!a || !candidate) return { reason: why, beside: false };
  const never = nothingCommon(a, candidate);
  if (never) return { reason: never, beside: false };
  return { reason: why && a.columns && !same(a.columns, candidate.columns) ? "different columns" : why, beside: why !== "" };
}

/** @type {(a: Explained, candidate: Explained) => string} */
function nothingCommon(a, { kind, regression, classes, class_names: names, columns }) {
  if (kind !== a.kind) return `explains ${KINDS[kind] ?? kind}, A explains ${KINDS[a.kind] ?? a.kind}`;
  if (regression !== a.regression) return regression ? "is a regression, A is a classification" : "is a classification, A is a regression";
  if (classes !== a.classes) return `has ${classes} ${regression ? "outputs" : "classes"}, A has ${a.classes}`;
  if (names && a.class_names && !same(names, a.class_names)) return "has classes with other names";
  if (columns && !columns.some((name) => a.columns?.includes(name))) return "has no column in common with A";
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
