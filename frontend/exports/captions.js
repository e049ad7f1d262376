/** The captions of exported pictures, so that they can be read on their own. Pure. */

import { isBlank } from "../figures/scale.js";
import { RETURNED } from "../figures/steps.js";
import { epochsShown } from "../figures/thinning.js";
import { ABSENT, epochOf } from "../model/cursor.js";
import { apart, isOnce } from "../model/frames.js";
import { marksChosen } from "../model/look.js";
import { metricName } from "../model/metrics.js";
import { playerName } from "../model/players.js";
import { choiceWords } from "../words/chosen.js";
import { className, epoch, method, number, outputName, unitWords } from "../words/format.js";
import { ProbeName } from "../words/probes.js";
import { returnedWords } from "../words/returned.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

/** @param {Data} data */
export function sidesOf({ a, b }) {
  return [a, b].filter((side) => side !== null);
}

/** @param {Data} data */
export function title(data) {
  return data.a ? ProbeName(data.a.info.probes, data.probe) : "";
}

/**
 * The sentences of a caption: what the colours mean, which epochs are shown, what is left out.
 * @param {Data} data
 * @param {State} state
 * @param {import("../figures/thinning.js").Thinned} thinned
 * @returns {string[]}
 */
export function caption(data, state, thinned) {
  const sides = sidesOf(data);
  const { probes } = sides[0].info;
  const shown = sides.flatMap((side) => thinned.places.map((place) => side.values(data.probe)?.at(epochOf(data.cursor, side.letter, place)) ?? null));
  const targets = [...new Set(shown.flatMap((one) => (one && one.target >= 0 ? [one.target] : [])))];
  const of = probes.regression ? (probes.classes > 1 && targets.length === 1 ? ` for ${outputName(probes, targets[0])}` : "") : targets.length === 1 ? ` for or against “${className(probes, targets[0])}”` : " for or against the class explained at each epoch";
  const { steps } = data.cursor;
  const untrained = steps[0] < 0 ? "the untrained model, then " : "";
  const returned = steps[steps.length - 1] === RETURNED ? ", then the returned model" : "";
  const parts = [`${method(data.method)}${of}, in ${unitWords(sides)}`, sides.every(isOnce) ? "explained once, without training" : `${untrained}${epochsShown(thinned)}${returned}`];
  parts.push(...returnedParts(sides));
  if (thinned.places.some((place) => steps[place] !== RETURNED && apart(data.cursor, sides, place))) parts.push(`A · B ${alignment(data, state)}`);
  const shows = state.view !== "image" || marksChosen(state) ? choiceWords(state, probes) : "";
  if (shows) parts.push(shows);
  if (state.view !== "image" && !state.lock) parts.push("each attribution map has its own scale");
  if (state.player !== null) parts.push(`outlined: ${playerName(probes, sides[0].content(data.probe), state.player)}`);
  if (shown.some((one) => !one || isBlank(one.values))) parts.push("hatched: no explanation");
  return parts;
}

/**
 * What the model is that training returned, of each run whose record says it.
 * @param {Side[]} sides
 */
function returnedParts(sides) {
  const said = sides.flatMap((side) => (side.info.returned && !isOnce(side) ? [{ side, words: returnedWords(side.info.returned) }] : []));
  const same = said.length === sides.length && said.every(({ words }) => words === said[0].words);
  return same ? said.slice(0, 1).map(({ words }) => `returned model: ${words}`) : said.map(({ side, words }) => `returned model${sides.length > 1 ? ` of ${side.letter}` : ""}: ${words}`);
}

/** @type {(data: Data, state: State) => string} */
function alignment({ cursor: { metric } }, { align }) {
  if (!metric) return "at the nearest epochs";
  return `${align === "best" ? "counted from each run's best" : "aligned by"} ${metricName(metric)}`;
}

/**
 * The epoch in words, of both runs where they are at different ones.
 * @param {Data} data
 * @param {number} place
 */
export function epochWords(data, place) {
  const sides = sidesOf(data);
  if (sides.every(isOnce)) return "the model";
  return apart(data.cursor, sides, place)?.map((step, i) => `${sides[i].letter} ${step === ABSENT ? "–" : epoch(step)}`).join(" · ") ?? epoch(data.cursor.steps[place]);
}

/**
 * What stands below the bar of colours: at its ends and in its middle.
 * @param {Data} data
 * @param {boolean} lock
 */
export function legendWords(data, lock) {
  const sides = sidesOf(data);
  const { probes } = sides[0].info;
  const [low, high] = probes.regression ? ["lowers", "raises"] : ["against", "for"];
  const numbered = lock && data.scale > 0;
  const end = number(data.scale);
  return { numbers: numbered ? [`≤ −${end}`, "0", `≥ +${end}`] : ["−", "0", "+"], words: [low, unitWords(sides), high] };
}

/**
 * As much of a text as has room, with an ellipsis where some is left out.
 * @param {string} text
 * @param {number} room
 * @param {(text: string) => number} measure
 */
export function shorten(text, room, measure) {
  if (measure(text) <= room) return text;
  const letters = [...text];
  let kept = letters.length - 1;
  while (kept > 0 && measure(`${letters.slice(0, kept).join("").trimEnd()}…`) > room) kept -= 1;
  return `${letters.slice(0, kept).join("").trimEnd()}…`;
}

/**
 * Parts on as few lines as have room for them; a part too long for a line is shortened.
 * @param {string[]} parts
 * @param {number} room
 * @param {(text: string) => number} measure
 * @returns {string[]}
 */
export function lines(parts, room, measure) {
  /** @type {string[]} */
  const made = [];
  for (const part of parts) {
    const joined = made.length ? `${made[made.length - 1]} · ${part}` : part;
    if (made.length && measure(joined) <= room) made[made.length - 1] = joined;
    else made.push(shorten(part, room, measure));
  }
  return made;
}
