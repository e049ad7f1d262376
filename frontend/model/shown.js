/** What the panes of a text or a series show: the values of each, and their difference with its noise. Pure. */

import { chosen, difference, isBlank, largest, standing } from "../figures/scale.js";
import { className, commonUnit, inUnit, outputName, percent, withError } from "../words/format.js";
import { endFor, ofDifference } from "./look.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").State} State */

/**
 * @typedef {object} Shown
 * @property {string} title  "A", "B", "A − B"
 * @property {Float32Array | null} values  (players,); null where there is nothing to show
 * @property {Float32Array | null} errors  standard errors of the values
 * @property {Uint8Array | null} real  (players,) of a difference: 1 where it is more than noise
 * @property {number} end  of the scale; > 0
 * @property {Uint8Array | null} chosen  (players,) 1 where the user chose to show a player; null where all are shown
 * @property {boolean} hide  whether the others are hidden
 * @property {string} toward  what a value above 0 means, in words
 * @property {string} away  what one below 0 means
 * @property {string} [unit]  of the values, where people gave one
 * @property {boolean} apart  whether it is a difference
 */

/**
 * @param {Data} data
 * @param {State} state
 * @returns {Shown[]} one a pane, then the difference where there are two
 */
export function shownOf({ panes, probe, cursor, scale, difference: known }, state) {
  const explained = panes.map(({ side, step }) => side.values(probe)?.at(step) ?? null);
  const show = (/** @type {import("../types.d.ts").Side[]} */ of, /** @type {string} */ title, /** @type {Float32Array | null | undefined} */ values, /** @type {Float32Array | null | undefined} */ errors, /** @type {[string, string]} */ [toward, away], apart = false, /** @type {Uint8Array | null | undefined} */ real = null) => ({
    title,
    values: values && !isBlank(values) ? values : null,
    errors: errors ?? null,
    real: real ?? null,
    end: (state.lock && endFor({ scale }, of[1] ? undefined : of[0])) || (values && largest(values)) || 1,
    chosen: values ? chosen(values, apart ? ofDifference(state) : state) : null,
    hide: state.rest === "hide",
    toward,
    away,
    apart,
    unit: commonUnit(of),
  });
  const shown = panes.map(({ title, side }, i) => show([side], title, explained[i]?.values, explained[i]?.errors, meaning(side.info.probes, explained[i]?.target ?? -1)));
  const [one, other] = explained;
  if (panes.length < 2) return shown;
  const values = one && other && one.target === other.target && !panes[1].side.apart ? difference(one.values, other.values) : null;
  return [...shown, show(panes.map(({ side }) => side), `${panes[0].title} − ${panes[1].title}`, values, known?.at(probe, cursor.step), [`more in ${panes[0].title}`, `more in ${panes[1].title}`], true, known?.real(probe, cursor.step))];
}

/**
 * @param {import("../types.d.ts").ProbeSetInfo} probes
 * @param {number} target
 * @returns {[string, string]}
 */
function meaning(probes, target) {
  if (probes.regression) return [`raises ${outputName(probes, Math.max(0, target))}`, `lowers ${outputName(probes, Math.max(0, target))}`];
  return target < 0 ? ["for", "against"] : [`for “${className(probes, target)}”`, `against “${className(probes, target)}”`];
}

/**
 * Whether the value is a difference that sampling error alone can explain.
 * @param {Shown} shown
 * @param {number} player
 */
export function withinNoise({ real, errors, apart }, player) {
  return apart && isNoise(real?.[player], Number(errors?.[player]));
}

/**
 * Where a value lies on the scale: beyond ±1 past its end; 0 where it is not shown: no number, or not chosen.
 * @param {Pick<Shown, "values" | "end" | "chosen">} shown
 * @param {number} player
 */
export function placeOf({ values, end, chosen: picked }, player) {
  const value = values?.[player] ?? NaN;
  return Number.isFinite(value) && picked?.[player] !== 0 ? value / end : 0;
}

/**
 * Whether a player is hidden, as all are that the user did not choose.
 * @param {Pick<Shown, "chosen" | "hide">} shown
 * @param {number} player
 */
export const isHidden = ({ chosen: picked, hide }, player) => hide && picked?.[player] === 0;

/** @type {(shown: Pick<Shown, "chosen" | "hide">) => string} tells one choice from another */
export const choiceKey = ({ chosen: picked, hide }) => (picked ? `${hide ? "hide " : ""}${picked.join("")}` : "");

/**
 * A player's number with its error, and where it stands among all: "+0.83 ± 0.06 · rank 1 of 31 · 22 % of the total".
 * @param {Float32Array} values
 * @param {ArrayLike<number> | null} errors
 * @param {number} player
 * @param {string} [unit]  that people gave
 */
export function standingWords(values, errors, player, unit) {
  const place = standing(values, player);
  return place ? `${inUnit(withError(place.value, errors?.[player] ?? NaN), unit)} · ${placeWords(place)}` : "no number";
}

/** @type {(found: {rank: number, of: number, share: number}) => string} */
const placeWords = ({ rank, of, share }) => `rank ${rank} of ${of} · ${percent(share)} of the total`;

/**
 * The exact number in words: "Spielberg: +0.83 ± 0.06 for “good” · rank 1 of 31 · 22 % of the total".
 * @param {Shown} shown
 * @param {string} name
 * @param {number} player
 */
export function exactly(shown, name, player) {
  const place = shown.values && standing(shown.values, player);
  if (!place) return `${name}: no number here`;
  const { value } = place;
  const number = inUnit(withError(value, shown.errors?.[player] ?? NaN), shown.unit);
  if (!shown.apart) return `${name}: ${number}${value === 0 ? "" : ` ${value > 0 ? shown.toward : shown.away}`} · ${placeWords(place)}`;
  return `${name}: ${shown.title} ${number}${withinNoise(shown, player) ? ", within noise" : ""}`;
}

/**
 * Whether a player's difference is within noise. An exact difference, or one of unknown error, never is.
 * @param {number | undefined} real  1 if the server calls the difference real; undefined before its reply
 * @param {number} error  standard error of the difference
 */
export const isNoise = (real, error) => error > 0 && real === 0;
