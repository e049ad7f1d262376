/** One run as the page shows it: requests its records and looks values up in the replies. */

import { areaArguments, askedArguments, fits } from "./areas.js";
import { memo } from "./memo.js";

/** @typedef {import("../types.d.ts").Ask} Ask */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */
/** @typedef {import("../types.d.ts").Side} Side */

/** @typedef {import("../types.d.ts").Interactions} Interactions */

const CHUNK_NUMBERS = 1.5e6;
const CHUNK_PROBES = 64;

/** How many probes one request brings at most, with all their epochs, so that the cursor never waits. */
const chunkSize = memo((/** @type {RunInfo} */ { steps, probes }) => {
  const { players, height = 0, width = 0, length = 0, channels = 0 } = probes;
  const ofValues = 2 * steps.length * Math.max(1, ...players);
  const ofContent = Math.max((height * width * (channels + 2)) / 4, length * channels);
  return Math.max(1, Math.min(CHUNK_PROBES, Math.floor(CHUNK_NUMBERS / Math.max(ofValues, ofContent))));
});

const SURVEY_PROBES = 200;
const SURVEY_NUMBERS = 16e6;

/** The probes that are shown all at once (views/probes/overview.js): all probes of a table, or as many as a browser can hold easily. */
export const surveyed = memo((/** @type {RunInfo} */ { steps, probes }) => {
  const ofValues = 2 * steps.length * Math.max(1, ...probes.players);
  const count = probes.kind === "tabular" ? Math.min(probes.count, SURVEY_PROBES, Math.floor(SURVEY_NUMBERS / ofValues)) : 0;
  return Array.from({ length: count }, (_, probe) => probe);
});

/**
 * Probes that came into view together are fetched together. The lists are kept by run and probe set, so that nothing is fetched twice and a
 * grown run is requested with the same lists.
 */
const listsOf = memo((/** @type {Ask} */ _) => /** @type {Map<string, Map<number, string>>} */ (new Map()));

/**
 * Gives every probe that is in no list yet a place in a new one.
 * @param {Map<number, string>} lists  by probe, changed in place: the argument `probes` of a request
 * @param {number[]} probes
 * @param {number} most  in one list
 */
export function enlist(lists, probes, most) {
  const fresh = [...new Set(probes)].filter((probe) => !lists.has(probe)).sort((one, other) => one - other);
  for (let i = 0; i < fresh.length; i += most) {
    const list = fresh.slice(i, i + most);
    for (const probe of list) lists.set(probe, list.join());
  }
}

/**
 * @typedef {object} Choice
 * @property {Side["letter"]} letter
 * @property {RunInfo} info
 * @property {string} label
 * @property {string} color
 * @property {string} method
 * @property {string} explained  class that is explained, as the server takes it
 * @property {string} region  the one whose curve is drawn
 * @property {import("../types.d.ts").Area[]} areas  regions that the user drew
 * @property {number | null} pin  the epoch that the user pinned
 * @property {import("../types.d.ts").DriftFrom} from  what the drift curve is measured from
 * @property {boolean} settled  whether less urgent requests have started
 */

/**
 * @param {Choice} choice
 * @param {Ask} ask
 * @returns {Side}
 */
export function createSide({ letter, info, label, color, method, explained, region, areas, pin, from, settled }, ask) {
  const run = { run: info.run, set: info.set };
  const explanation = { ...run, explainer: method, class: explained };
  const known = info.explainers.includes(method);
  const pair = letter !== "";
  const place = JSON.stringify([info.run, info.set]);
  const lists = listsOf(ask).get(place) ?? new Map();
  listsOf(ask).set(place, lists);
  /** @type {Map<string, import("../types.d.ts").Values>} by list */
  const values = new Map();
  /** @type {Map<string, import("../types.d.ts").Contents>} */
  const contents = new Map();
  /** @type {Side["shares"]} */
  const shares = new Map();
  /** @type {import("../types.d.ts").Outputs | undefined} */
  let outputs;
  /** @type {Interactions | undefined} */
  let interactions;

  const regions = regionsOf(info, areas);
  /** @type {import("../types.d.ts").Fidelity | undefined} */
  let fidelity;
  /** @type {import("../types.d.ts").Importance | undefined} */
  let importance;
  /** Requests that may be answered later than the picture. */
  const askSummaries = (/** @type {boolean} */ peek) => {
    for (const { name, args } of regions) {
      // The rail shows the share of every region for A and B; the curves of other runs need the selected one only.
      const share = known && (pair || name === region) && ask("share", { ...explanation, ...args }, peek);
      if (share) shares.set(name, share);
    }
    if (known && pair) fidelity = ask("fidelity", explanation, peek);
    if (known && pair && info.probes.kind === "tabular") importance = ask("importance", explanation, peek);
  };
  if (!pair) askSummaries(false);

  const analysed = known && pair && settled;

  const content = (/** @type {number} */ probe) => contents.get(lists.get(probe) ?? "")?.of(probe);

  return {
    letter,
    apart: "",
    id: JSON.stringify([info.run, info.set, info.version]),
    run: info.run,
    name: info.name,
    label,
    color,
    info,
    own: info,
    ownEnd: false,
    unit: unitOf(info, method),
    shares,
    ...(known ? driftsOf(explanation, { info, pin, from, settled, pair }, ask) : { drift: undefined, chosenDrift: undefined, sincePin: undefined }),
    trust: analysed ? ask("trust", explanation) : undefined,
    events: analysed ? ask("events", { ...explanation, ...askedArguments(areas, info.probes) }) : undefined,
    get fidelity() {
      return fidelity;
    },
    get importance() {
      return importance;
    },
    predictions: pair ? ask("answers", run) : undefined,
    load(probes, selected) {
      const fetched = (/** @type {string} */ list, /** @type {boolean} */ peek) => {
        const value = known && ask("values", { ...explanation, probes: list }, peek);
        const content = ask("probes", { ...run, probes: list }, peek);
        if (value) values.set(list, value);
        if (content) contents.set(list, content);
      };
      // The large picture first, then the cards in view; loaded replies stay.
      const most = chunkSize(info);
      enlist(lists, [selected], most);
      const first = String(lists.get(selected));
      fetched(first, false);
      const wait = known && !values.has(first);
      askSummaries(wait);
      if (!wait) enlist(lists, probes, most);
      for (const list of new Set(probes.flatMap((probe) => lists.get(probe) ?? []))) if (list !== first) fetched(list, wait);
      outputs = ask("outputs", { ...run, probes: String(selected) });
      if (info.interacting.includes(method)) interactions = ask("interactions", { ...explanation, probes: String(selected) });
    },
    scale() {
      const [record] = values.values();
      // The leading feature of a table has more values than the few that may lie beyond: all of them are to be told apart.
      return (info.probes.kind === "tabular" ? record?.largest : null) ?? record?.scale ?? 0;
    },
    sharesPlayers: () => true,
    values: (probe) => values.get(lists.get(probe) ?? "")?.of(probe),
    content,
    picture(probe) {
      const image = content(probe);
      return image?.kind === "image" ? image : undefined;
    },
    outputs: () => outputs,
    interactions: () => interactions,
  };
}

/** @type {(info: RunInfo, method: string) => string} of the values; for "output", the unit that people gave */
function unitOf(info, method) {
  const unit = info.units[method] ?? info.settings.unit;
  return unit === "output" ? (info.probes.unit ?? unit) : unit;
}

/**
 * Regions whose share is shown: those of the record, and those that the user drew.
 * @param {RunInfo} info
 * @param {import("../types.d.ts").Area[]} areas
 */
function regionsOf(info, areas) {
  return [
    ...info.regions.map((name) => ({ name, args: { region: name } })),
    ...areas.filter((area) => fits(area, info.probes)).map((area) => ({ name: area.name, args: { ...areaArguments(area), ...(area.probe !== null && { probes: String(area.probe) }) } })),
  ];
}

/**
 * How far the explanations of a run are from the epoch before, from what the user chose, and from the pinned epoch.
 * @param {import("../types.d.ts").Args} explanation
 * @param {Pick<Choice, "info" | "pin" | "from" | "settled"> & {pair: boolean}} choice
 * @param {Ask} ask
 * @returns {Pick<Side, "drift" | "chosenDrift" | "sincePin">}
 */
function driftsOf(explanation, { info, pin, from, settled, pair }, ask) {
  const drift = ask("drift", explanation);
  const pinned = pin !== null && info.steps.includes(pin) ? String(pin) : null;
  const against = from === "pinned" ? pinned : from;
  const measured = settled && against && against !== "apart" && (against !== "untrained" || info.steps[0] < 0);
  return {
    drift,
    chosenDrift: from === "previous" ? drift : measured ? ask("drift", { ...explanation, against }) : undefined,
    sincePin: pair && pinned !== null ? ask("drift", { ...explanation, against: pinned }) : undefined,
  };
}
