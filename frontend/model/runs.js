/** Chooses the runs A and B, the method and the colours, and says why other runs are not comparable with A. Pure. */

import { paletteNumber, runColor } from "../figures/color.js";
import { whyApart, whyNotComparable } from "../words/compare.js";
import { shortName } from "../words/names.js";
import { memo } from "./memo.js";

/** @typedef {import("../types.d.ts").RunChoice} RunChoice */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */
/** @typedef {import("../types.d.ts").RunRow} RunRow */
/** @typedef {import("../types.d.ts").State} State */

// A run counts as live while its newest record is younger than this many of its usual epochs, or one minute before the second epoch.
const LIVE_EPOCHS = 3;
const LEAST_LIVE_SECONDS = 10;
const FIRST_EPOCH_SECONDS = 60;

/**
 * The runs A and B, the probe set and the method; null if no run can be read.
 * @param {RunRow[]} rows
 * @param {State} state
 * @param {number} now
 */
export function chooseRuns(rows, state, now) {
  const readable = rows.filter((row) => !row.error);
  const first = readable.find(({ run }) => run === state.a) ?? firstRun(readable, now);
  if (!first) return null;
  const set = state.set !== null && first.sets.includes(state.set) ? state.set : first.sets[0];
  const method = methodOf(first.comparable[set], state.method);
  const { reasons, besides } = comparedOnce(rows, readable, first, set, method);
  const second = chooseSecond(readable, first, state.b, reasons, besides);
  return { first, second, apart: (second && reasons.get(second.run)) ?? "", set, method, reasons, besides };
}

/**
 * A sentence about runs in a link that do not exist, can't be read, or can't be shown beside A; "" if there are none.
 * @param {RunRow[]} rows
 * @param {State} state
 * @param {string} shown  the run that is shown instead
 * @param {Map<string, string>} reasons
 * @param {Set<string>} besides
 */
export function missingRuns(rows, { a, b }, shown, reasons, besides) {
  const gone = [a, b].filter((run) => run && !rows.some((row) => row.run === run)).map((run) => `“${run?.replace(/\/xai$/, "")}”`);
  const parts = gone.length ? [`${gone.join(" and ")} ${gone.length > 1 ? "are" : "is"} not in this log directory`] : [];
  // The error sentence begins with the run's name.
  for (const { error } of rows.filter(({ run }) => run === a || run === b)) if (error) parts.push(error.replace(/\.$/, ""));
  if (parts.length) return `${parts.join("; ")}; “${shown}” is shown instead.`;
  const refused = rows.find(({ run, error }) => run === b && !error && reasons.get(run) && !besides.has(run));
  return refused ? `“${refused.name}” can't be shown beside “${shown}”: ${reasons.get(refused.run)}. “${shown}” is shown alone.` : "";
}

/**
 * A run in the list.
 * @param {RunRow} row
 * @param {RunRow | undefined} first
 * @param {RunRow | null | undefined} second
 * @param {Map<string, string>} reasons
 * @param {Set<string>} besides
 * @param {string} shared
 * @param {State} state
 * @returns {RunChoice}
 */
export function describe(row, first, second, reasons, besides, shared, state) {
  const letter = row.run === first?.run ? "A" : row.run === second?.run ? "B" : "";
  const shown = letter !== "" || state.runs.includes(row.run);
  return {
    ...row,
    label: shortName(row.name, shared),
    // A run that is not drawn has no colour, so that it can't be mistaken for a drawn one.
    color: shown ? colorOf(row.run, together(first, second, state), state) : "var(--faint)",
    letter,
    shown,
    reason: row.error ?? reasons.get(row.run) ?? null,
    beside: besides.has(row.run),
  };
}

/**
 * The shown method: the chosen one if A has it, else SHAP, else the first.
 * @param {RunInfo["comparable"]} comparable  of A
 * @param {string | null} chosen
 */
function methodOf(comparable, chosen) {
  const explainers = Object.keys(comparable?.explainers ?? {});
  return [chosen, "shap"].find((name) => name && explainers.includes(name)) ?? explainers[0] ?? "";
}

/**
 * What `compareRuns` found, by the list of runs: the cursor changes nothing of it.
 * @type {(rows: RunRow[]) => Map<string, ReturnType<typeof compareRuns>>}
 */
const comparisons = memo(() => new Map());

/** @type {(rows: RunRow[], ...compared: Parameters<typeof compareRuns>) => ReturnType<typeof compareRuns>} */
function comparedOnce(rows, readable, first, set, method) {
  const known = comparisons(rows);
  const key = JSON.stringify([first.run, set, method]);
  const found = known.get(key) ?? compareRuns(readable, first, set, method);
  known.set(key, found);
  return found;
}

/**
 * Why each run is not comparable with A ("" if it is), and which of those can stand beside A all the same: they have the method, and something in
 * common with A.
 * @param {RunRow[]} rows
 * @param {RunRow} first
 * @param {string} set
 * @param {string} method  that is shown
 */
function compareRuns(rows, first, set, method) {
  const comparable = (/** @type {RunRow} */ row) => ({ comparable: row.comparable[set] });
  /** @type {Map<string, string>} */
  const reasons = new Map();
  /** @type {Set<string>} */
  const besides = new Set();
  for (const row of rows) {
    if (row.run === first.run) continue;
    if (!row.sets.includes(set)) reasons.set(row.run, `has no probe set “${set}”`);
    else if (!hasBegun(row)) reasons.set(row.run, "has no epoch yet");
    else if (first.pairs && !first.pairs.includes(row.run)) reasons.set(row.run, "this report leaves out the comparison with A");
    else {
      const why = whyNotComparable(comparable(first), comparable(row), method);
      const { reason, beside } = whyApart(first.explained?.[set], row.explained?.[set], why);
      reasons.set(row.run, reason);
      if (beside && Object.keys(row.comparable[set].explainers ?? {}).includes(method)) besides.add(row.run);
    }
  }
  return { reasons, besides };
}

/**
 * Run B: the chosen run if it can be shown beside A, else the first comparable one.
 * @param {RunRow[]} rows
 * @param {RunRow} first
 * @param {string | null} chosen  "" for none
 * @param {Map<string, string>} reasons
 * @param {Set<string>} besides
 * @returns {RunRow | null}
 */
function chooseSecond(rows, first, chosen, reasons, besides) {
  if (chosen === "") return null;
  const candidates = chosen === null ? rows : rows.filter(({ run }) => run === chosen);
  return candidates.find((row) => row !== first && (reasons.get(row.run) === "" || (chosen !== null && besides.has(row.run)))) ?? null;
}

/**
 * Whether a run has anything to show: an epoch, or the one explanation of a model that was explained once.
 * @param {Pick<RunRow, "last_step" | "returned">} row
 */
export function hasBegun({ last_step, returned }) {
  return last_step !== null || returned?.how === "once";
}

/**
 * Whether a run is still training: the age of the newest epoch decides, unless the record ends with the returned model.
 * @param {RunRow} row
 * @param {number} now
 */
export function isLive({ wall_time, epoch_seconds, returned }, now) {
  if (returned) return false;
  const patience = epoch_seconds === null ? FIRST_EPOCH_SECONDS : Math.max(LEAST_LIVE_SECONDS, LIVE_EPOCHS * epoch_seconds);
  return wall_time !== null && now - wall_time < patience;
}

/**
 * The default run A: the newest live run, else the first that has an epoch, else the first that was explained once.
 * @param {RunRow[]} rows
 * @param {number} now
 * @returns {RunRow | undefined}
 */
function firstRun(rows, now) {
  const live = rows.filter((row) => row.last_step !== null && isLive(row, now)).sort((x, y) => Number(y.wall_time) - Number(x.wall_time));
  return live[0] ?? rows.find((row) => row.last_step !== null) ?? rows.find(hasBegun) ?? rows[0];
}

/**
 * The runs that are drawn together: no two of them look alike.
 * @param {RunRow | undefined} first
 * @param {RunRow | null | undefined} second
 * @param {State} state
 */
export function together(first, second, { runs }) {
  return [...new Set([...[first, second].flatMap((row) => (row ? [row.run] : [])), ...runs])];
}

/** @type {(run: string, drawn: string[], state: State) => string} */
export function colorOf(run, drawn, { dark }) {
  return runColor(paletteNumber(run, drawn), dark);
}
