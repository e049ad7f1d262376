/** Events of a run, as markers along the epochs and as a list. Pure. */

import { isEpoch } from "../figures/steps.js";
import { list, number, percent, plural, probability, signed } from "../words/format.js";

/** @typedef {import("../types.d.ts").Cursor} Cursor */
/** @typedef {import("../types.d.ts").EventKind} EventKind */
/** @typedef {import("../types.d.ts").TrainingEvent} TrainingEvent */

/** If there is room for one kind only, the first of these is drawn. */
/** @type {EventKind[]} */
const GRAVEST = ["collapsed", "forgotten", "reason changed", "onset", "relearned", "learned"];

/** Each kind has its own shape; the colour shows the run. */
/** @type {Record<EventKind, string>} */
export const GLYPHS = { learned: "▲", relearned: "△", forgotten: "▼", "reason changed": "◆", onset: "▶", collapsed: "✕" };

/** What tells of a model's reasons is listed before what tells of its outputs. */
/** @type {EventKind[]} */
const REASONS = ["reason changed", "onset"];

/** @type {(kind: EventKind) => boolean} */
export const isOfReasons = (kind) => REASONS.includes(kind);

/** @type {EventKind[]} the kinds as a legend has them */
export const LISTED = ["reason changed", "onset", "learned", "relearned", "forgotten", "collapsed"];

/**
 * The first epoch of a run: an untrained model learns something about most probes there, and its reasons change on most.
 * @param {{info: {steps: ArrayLike<number>}}} side
 */
export const firstEpoch = ({ info: { steps } }) => Array.from(steps).find(isEpoch) ?? NaN;

/**
 * What happened to a run, and what of it happened at its first epoch.
 * @param {{events?: import("../types.d.ts").Events, info: {steps: ArrayLike<number>}}} side
 * @returns {{later: TrainingEvent[], first: TrainingEvent[]}}
 */
export function parted(side) {
  const start = firstEpoch(side);
  /** @type {{later: TrainingEvent[], first: TrainingEvent[]}} */
  const parts = { later: [], first: [] };
  for (const event of side.events?.events ?? []) parts[event.step === start ? "first" : "later"].push(event);
  return parts;
}

/**
 * @typedef {object} Marker
 * @property {number} first  places of the cursor, the last one included
 * @property {number} last
 * @property {number} goal  the place that a click goes to: the first of those with the most events
 * @property {{kind: EventKind, count: number, probes: number}[]} kinds  gravest first: how many events, and of how many probes
 */

/**
 * The events of a run along the cursor's places. Where places are too near each other to tell markers apart, neighbours share one.
 * @param {TrainingEvent[]} events
 * @param {Cursor} cursor
 * @param {"A" | "B"} letter
 * @param {number} most  markers that have room
 * @returns {Marker[]} in the order of the epochs
 */
export function markersOf(events, cursor, letter, most) {
  const places = placesOf(cursor, letter);
  const wide = Math.max(1, Math.ceil(cursor.steps.length / Math.max(1, most)));
  /** @type {Map<number, {byPlace: Map<number, number>, kinds: Map<EventKind, number[]>}>} */
  const bins = new Map();
  for (const { step, kind, probe } of events) {
    const place = places.get(step);
    if (place === undefined) continue;
    const bin = Math.floor(place / wide);
    const entry = bins.get(bin) ?? { byPlace: new Map(), kinds: new Map() };
    bins.set(bin, entry);
    entry.byPlace.set(place, (entry.byPlace.get(place) ?? 0) + 1);
    entry.kinds.set(kind, [...(entry.kinds.get(kind) ?? []), probe]);
  }
  return [...bins]
    .sort(([one], [other]) => one - other)
    .map(([, { byPlace, kinds }]) => {
      const taken = [...byPlace.keys()].sort((one, other) => one - other);
      const [goal] = [...byPlace].reduce((best, now) => (now[1] > best[1] || (now[1] === best[1] && now[0] < best[0]) ? now : best));
      return { first: taken[0], last: taken[taken.length - 1], goal, kinds: GRAVEST.flatMap((kind) => counted(kind, kinds.get(kind))) };
    });
}

/**
 * A probe with several events of one kind counts once.
 * @param {EventKind} kind
 * @param {number[]} [probes]  of each event
 */
const counted = (kind, probes) => (probes ? [{ kind, count: probes.length, probes: new Set(probes).size }] : []);

/**
 * Where each epoch of a run stands on the cursor; of several places the first.
 * @param {Cursor} cursor
 * @param {"A" | "B"} letter
 */
export function placesOf({ epochs }, letter) {
  /** @type {Map<number, number>} */
  const places = new Map();
  const own = epochs[letter];
  for (let place = 0; place < own.length; place++) if (!places.has(own[place])) places.set(own[place], place);
  return places;
}

/**
 * A marker in words: "epoch 7: reason changed on 3 probes (A)".
 * @param {Marker} marker
 * @param {number[]} steps  those of the cursor
 * @param {string} letter
 */
export function markerWords({ first, last, kinds }, steps, letter) {
  const where = first === last ? `epoch ${steps[first]}` : `epochs ${steps[first]}–${steps[last]}`;
  return `${where}: ${list(kinds.map(({ kind, probes }) => `${kind} on ${plural(probes, "probe")}`))} (${letter})`;
}

/**
 * How many of each kind: "16 learned, 3 reason changed".
 * @param {TrainingEvent[]} events
 */
export function tally(events) {
  const counts = countKinds(events);
  return [...GRAVEST].reverse().flatMap((kind) => (counts.has(kind) ? [`${counts.get(kind)} ${kind}`] : [])).join(", ");
}

/** @param {TrainingEvent[]} events */
export function countKinds(events) {
  /** @type {Map<EventKind, number>} */
  const counts = new Map();
  for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/**
 * The size of an event and the threshold that it exceeded.
 * @param {TrainingEvent} event
 */
export function sizeWords({ kind, size, floor, region }) {
  if (kind === "collapsed") return size === null ? "the model's output is not a number" : `${number(size)} is left, less than ${number(floor)}`;
  if (size === null) return "";
  if (kind === "reason changed") return `${percent(size)} of the attribution moved; threshold ${percent(floor)}`;
  if (kind === "onset") return `${percent(size)} more on ${region}; threshold ${percent(floor)}`;
  return `probability of the true class ${size < 0 ? signed(size) : `+${probability(size)}`}`;
}

/**
 * The epoch from which a run is steady, in words.
 * @param {import("../types.d.ts").Events["steady"]} steady
 */
export function steadyWords({ run, metric, of_metric }) {
  const parts = [
    run === null ? "explanations not steady yet" : `explanations steady since ${run < 0 ? "before training" : `epoch ${run}`}`,
    ...(metric && of_metric !== null ? [`${metric.replaceAll("_", " ")} steady since ${of_metric < 0 ? "before training" : `epoch ${of_metric}`}`] : []),
  ];
  return parts.join(", ");
}
