/** Numbers as comma-separated values: RFC 4180, UTF-8 without a byte order mark. Pure. */

import { ABSENT } from "../cursor.js";
import { className } from "../format.js";
import { playerName } from "../players.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */

/** @typedef {string | number | null} Cell */

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
 * @returns {Iterable<Cell[]>}
 */
export function* shownNumbers({ panes, probe, method, cursor, difference, b }) {
  const [first, second] = panes;
  const { info } = first.side;
  const content = first.side.content(probe);
  const explained = panes.map(({ side, step }) => side.values(probe)?.at(step) ?? null);
  const classes = [...new Set(panes.map(({ side }, i) => classOf(side, explained[i])))];
  const label = info.probes.labels ? className(info.probes, info.probes.labels[probe]) : "";
  const about = [probe, info.probes.names?.[probe] ?? "", label, classes.filter(Boolean).join(" / "), method, first.side.unit];
  const header = ["probe", "probe_name", "label", "class", "method", "unit", "player", "name"];
  for (const { title } of panes) header.push(...["run", "epoch", "value", "error"].map((name) => `${title} ${name}`));
  if (second) header.push(...["value", "error"].map((name) => `${first.title} - ${second.title} ${name}`));
  yield header;
  const [one, other] = explained;
  const comparable = one && other && one.target === other.target ? { one, other } : null;
  const errors = comparable && difference?.at(probe, b ? cursor.step : first.step);
  for (let player = 0; player < info.probes.players[probe]; player++) {
    /** @type {Cell[]} */
    const row = [...about, player, playerName(info.probes, content, player)];
    panes.forEach(({ side, step }, i) => row.push(side.name, step === ABSENT ? null : step, explained[i]?.values[player] ?? null, explained[i]?.errors[player] ?? null));
    if (second) row.push(comparable && comparable.one.values[player] - comparable.other.values[player], errors?.[player] ?? null);
    yield row;
  }
}

/**
 * The selected probe at all epochs: a row an epoch, a player and a run.
 * @param {Data} data
 * @returns {Iterable<Cell[]>}
 */
export function* allNumbers({ a, b, probe, method }) {
  yield ["run", "epoch", "probe", "class", "method", "unit", "player", "name", "value", "error"];
  for (const side of [a, b]) {
    const values = side?.values(probe);
    if (!side || !values) continue;
    const content = side.content(probe);
    const names = Array.from({ length: side.info.probes.players[probe] }, (_, player) => playerName(side.info.probes, content, player));
    for (const step of values.steps) {
      const explained = values.at(step);
      const about = [side.name, step, probe, classOf(side, explained), method, side.unit];
      for (let player = 0; player < names.length; player++) yield [...about, player, names[player], explained?.values[player] ?? null, explained?.errors[player] ?? null];
    }
  }
}

/**
 * The class that is explained; "" where there is none.
 * @param {Side} side
 * @param {Attribution | null} explained
 */
function classOf({ info }, explained) {
  return explained && explained.target >= 0 && !info.probes.regression ? className(info.probes, explained.target) : "";
}
