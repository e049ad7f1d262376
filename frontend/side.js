/** One run as the page shows it: asks for its records, and looks things up in what has come. */

import { areaArgument, fits } from "./areas.js";
import { memo } from "./memo.js";

/** @typedef {import("./types.d.ts").Ask} Ask */
/** @typedef {import("./types.d.ts").RunInfo} RunInfo */
/** @typedef {import("./types.d.ts").Side} Side */

/** @typedef {import("./types.d.ts").Interactions} Interactions */

const CHUNK_NUMBERS = 1.5e6;
const CHUNK_PROBES = 64;

/** How many probes one request brings: all epochs of them at once, so that the cursor never waits. */
export const chunkSize = memo((/** @type {RunInfo} */ { steps, probes: { players, height, width, channels } }) => {
  const ofValues = 2 * steps.length * Math.max(1, ...players);
  const ofPicture = (height * width * (channels + 2)) / 4;
  const most = Math.max(1, Math.min(CHUNK_PROBES, CHUNK_NUMBERS / Math.max(ofValues, ofPicture)));
  // A power of two: while a run grows the chunks stay the same for long, and only what is new is fetched.
  return 2 ** Math.floor(Math.log2(most));
});

/**
 * @typedef {object} Choice
 * @property {Side["letter"]} letter
 * @property {RunInfo} info
 * @property {string} label
 * @property {string} color
 * @property {string} method
 * @property {string} explained  class that is explained, as the server takes it
 * @property {string} region  the one whose curve is drawn
 * @property {import("./types.d.ts").Area[]} areas  regions that the user drew
 */

/**
 * @param {Choice} choice
 * @param {Ask} ask
 * @returns {Side}
 */
export function createSide({ letter, info, label, color, method, explained, region, areas }, ask) {
  const run = { run: info.run, set: info.set };
  const explanation = { ...run, explainer: method, class: explained };
  const known = info.explainers.includes(method);
  const pair = letter !== "";
  const chunk = chunkSize(info);
  const chunkOf = (/** @type {number} */ probe) => Math.floor(probe / chunk);
  /** @type {Map<number, import("./types.d.ts").Values>} */
  const values = new Map();
  /** @type {Map<number, import("./types.d.ts").Pictures>} */
  const pictures = new Map();
  /** @type {Side["shares"]} */
  const shares = new Map();
  /** @type {{probe: number, value: import("./types.d.ts").Values | undefined, picture: import("./types.d.ts").Pictures | undefined} | null} */
  let alone = null;
  /** @type {import("./types.d.ts").Outputs | undefined} */
  let outputs;
  /** @type {Interactions | undefined} */
  let interactions;

  const regions = [
    ...info.regions.map((name) => ({ name, asked: { region: name } })),
    ...areas.filter((area) => fits(area, info.probes)).map((area) => ({ name: area.name, asked: { area: areaArgument(area), ...(area.probe !== null && { probes: String(area.probe) }) } })),
  ];
  for (const { name, asked } of regions) {
    // The rail shows the share of every region for A and B; the curves of other runs need the selected one only.
    const share = known && (pair || name === region) && ask("share", { ...explanation, ...asked });
    if (share) shares.set(name, share);
  }

  return {
    letter,
    id: JSON.stringify([info.run, info.set, info.version]),
    run: info.run,
    name: info.name,
    label,
    color,
    info,
    unit: info.units[method] ?? info.settings.unit,
    shares,
    drift: known ? ask("drift", explanation) : undefined,
    fidelity: known && pair ? ask("fidelity", explanation) : undefined,
    answers: pair ? ask("answers", run) : undefined,
    load(probes, selected) {
      const rangeOf = (/** @type {number} */ number) => `${number * chunk}:${Math.min((number + 1) * chunk, info.probes.count)}`;
      const fetched = (/** @type {string} */ range, peek = false) => ({
        value: known ? ask("values", { ...explanation, probes: range }, peek) : undefined,
        picture: ask("probes", { ...run, probes: range }, peek),
      });
      const here = fetched(rangeOf(chunkOf(selected)), true);
      // The large picture first: the others of its chunk come after it.
      alone = here.value && here.picture ? null : { probe: selected, ...fetched(String(selected)) };
      const first = Boolean(alone && known && !alone.value);
      for (const number of new Set(probes.map(chunkOf))) {
        const { value, picture } = fetched(rangeOf(number), first);
        if (value) values.set(number, value);
        if (picture) pictures.set(number, picture);
      }
      outputs = ask("outputs", { ...run, probes: String(selected) });
      if (info.interacting.includes(method)) interactions = ask("interactions", { ...explanation, probes: String(selected) });
    },
    scale: () => (alone?.value ?? [...values.values()][0])?.scale ?? 0,
    values: (probe) => (probe === alone?.probe ? alone.value : values.get(chunkOf(probe)))?.of(probe),
    picture: (probe) => (probe === alone?.probe ? alone.picture : pictures.get(chunkOf(probe)))?.of(probe),
    outputs: () => outputs,
    interactions: () => interactions,
  };
}
