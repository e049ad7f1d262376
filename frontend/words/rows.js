/** What a row of a table holds, in words: each feature in its own units, and what is missing. Pure. */

import { featuresOf } from "../figures/bars.js";
import { number, whole } from "./format.js";

/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */
/** @typedef {import("../types.d.ts").Row} Row */

/**
 * A feature's value in its own units, or the name of its category.
 * @param {ProbeSetInfo} probes
 * @param {Row} row
 * @param {number} feature
 */
export function featureValue(probes, row, feature) {
  const value = row.values[feature];
  if (!Number.isFinite(value)) return "missing";
  const start = probes.starts?.[feature];
  return start ? dateOf(start, value) : probes.categorical?.[feature]?.[value] ?? (isWhole(value) ? whole(value) : number(value));
}

// From here on every float32 is a whole number.
const MOST_WHOLE = 2 ** 24;

/** @type {(value: number) => boolean} */
const isWhole = (value) => Number.isInteger(value) && Math.abs(value) < MOST_WHOLE;

const DAY_MS = 86_400_000;

/**
 * A day in the calendar, with the time of the day where the column has them: "2024-05-17", "2024-05-17 08:30".
 * @param {string} start  in ISO 8601; a zone is not written; columns that have one are in UTC
 * @param {number} days  since then; float32, so that a date of long ago is not exact to the second
 */
export function dateOf(start, days) {
  const time = /T\d\d:\d\d/.test(start) ? start.slice(0, 16) : `${start.slice(0, 10)}T00:00`;
  const ms = Date.parse(`${time.replace(" ", "T")}Z`) + days * DAY_MS;
  // To the minute.
  const date = new Date(Math.round(ms / 60_000) * 60_000);
  if (Number.isNaN(date.getTime())) return number(days);
  const written = date.toISOString().replace("T", " ").slice(0, 16);
  return written.endsWith(" 00:00") ? written.slice(0, 10) : written;
}

/**
 * How many of a probe's values were missing, and what replaces them; "" if none were.
 * @param {ProbeSetInfo} probes
 * @param {Row | null} row
 */
export function imputed(probes, row) {
  const missing = row ? Array.from(row.missing.keys()).filter((feature) => row.missing[feature]) : [];
  if (!missing.length) return "";
  const codes = missing.filter((feature) => probes.categorical?.[feature]).length;
  const [one, replacement] = [missing.length === 1, codes === missing.length ? "most frequent code" : codes ? "mean or most frequent code" : "mean"];
  return `${missing.length} missing ${one ? "value is" : "values are"} replaced by the background's ${replacement}`;
}

/**
 * What a player is in this probe: short, as it is written beside its name, and whole, with every feature that it is made of.
 * @param {ProbeSetInfo} probes
 * @param {Row | null} row
 * @param {number} player
 * @returns {{short: string, full: string, missing: boolean}}
 */
export function playerValue(probes, row, player) {
  if (!row) return { short: "", full: "", missing: false };
  const features = featuresOf(probes, player);
  const missing = features.filter((feature) => row.missing[feature]);
  const say = (/** @type {number} */ feature) => (row.missing[feature] ? `missing (replaced by the background's ${featureValue(probes, row, feature)})` : featureValue(probes, row, feature));
  if (features.length === 1) return { short: missing.length ? "missing" : featureValue(probes, row, features[0]), full: say(features[0]), missing: missing.length > 0 };
  const active = activeColumn(probes, row, player, features);
  const full = features.map((feature) => `${probes.features?.[feature] ?? feature}: ${say(feature)}`).join("\n");
  return { short: active ?? `${features.length} columns`, full, missing: features.length > 0 && missing.length === features.length };
}

/**
 * The active column of a one-hot code, without what all its columns begin with: “C” of deck_A, deck_B, deck_C; "none" where none is; null of other groups.
 * @param {ProbeSetInfo} probes
 * @param {Row} row
 * @param {number} player
 * @param {number[]} features  its columns
 */
function activeColumn(probes, row, player, features) {
  if (features.some((feature) => row.missing[feature] || ![0, 1].includes(row.values[feature]))) return null;
  const active = features.filter((feature) => row.values[feature] === 1);
  if (active.length > 1) return null;
  if (!active.length) return "none";
  const group = probes.player_names?.[player] ?? "";
  const column = probes.features?.[active[0]] ?? String(active[0]);
  const rest = column.startsWith(group) ? column.slice(group.length).replace(/^[\s_=:.-]+/, "") : column;
  return rest || column;
}
