/** Numbers as comma-separated values: RFC 4180, UTF-8 with a byte order mark. Pure. */

import { featuresOf } from "../figures/bars.js";
import { chosen, difference as differenceOf } from "../figures/scale.js";
import { RETURNED } from "../figures/steps.js";
import { ABSENT } from "../model/cursor.js";
import { isOnce } from "../model/frames.js";
import { ofDifference } from "../model/look.js";
import { playerName } from "../model/players.js";
import { className, unitWords } from "../words/format.js";
import { featureValue } from "../words/rows.js";
import { trueLabels } from "../words/truth.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

/** @typedef {string | number | null} Cell */

// Without it Excel takes UTF-8 for the code page of the computer, and 猫 becomes çŒ«. pandas and polars leave it out of the first name.
const BYTE_ORDER_MARK = "\ufeff";
// Digits that bring a float32 back exactly.
const DIGITS = 9;

/**
 * @param {Iterable<Cell[]>} rows
 * @returns {string}
 */
export function csv(rows) {
  let text = "";
  for (const row of rows) text += `${row.map(cell).join(",")}\r\n`;
  return text;
}

/**
 * A whole file, as spreadsheets want it.
 * @param {Iterable<Cell[]>} rows
 */
export const csvFile = (rows) => new Blob([BYTE_ORDER_MARK, csv(rows)], { type: "text/csv;charset=utf-8" });

/** @param {Cell} value */
function cell(value) {
  if (value === null) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(Number(value.toPrecision(DIGITS))) : "";
  // A spreadsheet runs what begins like a formula, and names come from strangers' folders.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * What is shown: a row a player of the selected probe at the cursor.
 * @param {Data} data
 * @param {State} state
 * @returns {Iterable<Cell[]>}
 */
export function* shownNumbers({ panes, probe, method, cursor, difference, b }, state) {
  const [first, second] = panes;
  const { info } = first.side;
  const content = first.side.content(probe);
  const explained = panes.map(({ side, step }) => side.values(probe)?.at(step) ?? null);
  const classes = [...new Set(panes.map(({ side }, i) => explainedClass(side, explained[i])))];
  const label = labelOf(first.side, probe, explained.find((one) => one && one.target >= 0) ?? null);
  const about = [probe, info.probes.names?.[probe] ?? "", label, classes.filter(Boolean).join(" / "), method, unitWords(panes.map(({ side }) => side))];
  const header = ["probe", "probe_name", "label", "class", "method", "unit", "player", "name", "input"];
  const ofSets = rightLabels(info);
  for (const { title } of panes) header.push(...["run", "epoch", "value", "error", "base", output(info), ...ofSets].map((name) => `${title} ${name}`));
  if (second) header.push(...["value", "error"].map((name) => `${first.title} - ${second.title} ${name}`));
  header.push(...panes.map(({ title }) => `${title} shown`), ...(second ? [`${first.title} - ${second.title} shown`] : []));
  yield header;
  const [one, other] = explained;
  const comparable = one && other && one.target === other.target && !second?.side.apart ? { one, other } : null;
  const errors = comparable && difference?.at(probe, b ? cursor.step : first.step);
  const picked = explained.map((one) => shownIn(one?.values ?? null, state));
  if (second) picked.push(shownIn(comparable && differenceOf(comparable.one.values, comparable.other.values), ofDifference(state)));
  const outputs = panes.map(({ side, step }, i) => outputOf(side, probe, step, explained[i]));
  for (let player = 0; player < info.probes.players[probe]; player++) {
    /** @type {Cell[]} */
    const row = [...about, player, playerName(info.probes, content, player), inputOf(first.side, content, player)];
    panes.forEach(({ side, step }, i) => row.push(side.name, step === ABSENT ? null : epochCell(side, step), explained[i]?.values[player] ?? null, explained[i]?.errors[player] ?? null, explained[i]?.base ?? null, outputs[i], ...ofSets.map(() => side.predictions?.at(probe, step)?.right ?? null)));
    if (second) row.push(comparable && comparable.one.values[player] - comparable.other.values[player], errors?.[player] ?? null);
    row.push(...picked.map((is) => is(player)));
    yield row;
  }
}

/**
 * The selected probe at all epochs: a row an epoch, a player and a run.
 * @param {Data} data
 * @param {State} state
 * @returns {Iterable<Cell[]>}
 */
export function* allNumbers({ a, b, probe, method }, state) {
  if (!a) return;
  const { truth, label_sets: sets } = a.info.probes;
  const ofSets = rightLabels(a.info);
  const labelled = truth || sets ? ["label", ...ofSets] : [];
  yield ["run", "epoch", "probe", "class", "method", "unit", "player", "name", "input", "value", "error", "base", output(a.info), ...labelled, "shown"];
  for (const side of [a, b]) {
    const values = side?.values(probe);
    if (!side || !values) continue;
    const content = side.content(probe);
    const players = Array.from({ length: side.info.probes.players[probe] }, (_, player) => [player, playerName(side.info.probes, content, player), inputOf(side, content, player)]);
    for (const step of values.steps) {
      const explained = values.at(step);
      const about = [side.name, epochCell(side, step), probe, explainedClass(side, explained), method, side.unit];
      /** @type {Cell[]} */
      const ofProbe = [explained?.base ?? null, outputOf(side, probe, step, explained)];
      if (labelled.length) ofProbe.push(labelOf(side, probe, explained), ...ofSets.map(() => side.predictions?.at(probe, step)?.right ?? null));
      const is = shownIn(explained?.values ?? null, state);
      for (const [player, ...named] of players) yield [...about, player, ...named, explained?.values[Number(player)] ?? null, explained?.errors[Number(player)] ?? null, ...ofProbe, is(Number(player))];
    }
  }
}

/**
 * Whether the page shows a player, or leaves it out as not chosen: 1 or 0; nothing where there is no number.
 * @param {Float32Array | null} values
 * @param {State} state
 * @returns {(player: number) => Cell}
 */
function shownIn(values, state) {
  const picked = values && chosen(values, state);
  return (player) => (values && Number.isFinite(values[player]) ? (picked?.[player] ?? 1) : null);
}

/** @type {(side: Side, step: number) => Cell} -1 is the untrained model, as in the record; the returned one has no number, and a model that was explained once has no epochs */
const epochCell = (side, step) => (step !== RETURNED ? step : isOnce(side) ? null : "returned");

/** @type {(info: Side["info"]) => string[]} the column of how many labels of a set are right, where probes have sets */
const rightLabels = ({ probes }) => (probes.label_sets ? ["right labels"] : []);

/**
 * What is true: the names of the true classes, or of a regression, the true value of what is explained.
 * @param {Side} side
 * @param {number} probe
 * @param {Attribution | null} explained
 * @returns {Cell}
 */
function labelOf({ info: { probes } }, probe, explained) {
  if (probes.truth) return explained && explained.target >= 0 ? probes.truth[probe][explained.target] : null;
  return (trueLabels(probes, probe) ?? []).map((number) => className(probes, number)).join("; ");
}

/** The model's output: a probability (of a regression, the output itself); attributions are in `unit`. */
const output = (/** @type {Side["info"]} */ { probes }) => (probes.regression ? "output" : "probability");

/** @type {(side: Side, probe: number, step: number, explained: Attribution | null) => number | null} of the class that is explained */
const outputOf = (side, probe, step, explained) => (explained && explained.target >= 0 ? (side.outputs()?.at(probe, step)?.[explained.target] ?? null) : null);

/**
 * The input of a table's player: a number, a category by name, or all columns of a group. Null for other probes.
 * @param {Side} side
 * @param {import("../types.d.ts").Content | undefined} content
 * @param {number} player
 * @returns {Cell}
 */
function inputOf({ info: { probes } }, content, player) {
  if (content?.kind !== "tabular") return null;
  const features = featuresOf(probes, player);
  const of = (/** @type {number} */ feature) => (probes.categorical?.[feature] ? featureValue(probes, content, feature) : content.values[feature]);
  const present = features.filter((feature) => !content.missing[feature]);
  if (features.length === 1) return present.length ? of(features[0]) : null;
  return present.map((feature) => `${probes.features?.[feature] ?? feature}=${of(feature)}`).join("; ");
}

/**
 * The class that is explained; "" where there is none.
 * @param {Side} side
 * @param {Attribution | null} explained
 */
function explainedClass({ info }, explained) {
  return explained && explained.target >= 0 && !info.probes.regression ? className(info.probes, explained.target) : "";
}
