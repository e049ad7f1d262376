/** One run as the page shows it: asks for its records, and looks things up in what has come. */

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
  return Math.max(1, Math.min(CHUNK_PROBES, Math.floor(CHUNK_NUMBERS / Math.max(ofValues, ofPicture))));
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
 */

/**
 * @param {Choice} choice
 * @param {Ask} ask
 * @returns {Side}
 */
export function createSide({ letter, info, label, color, method, explained, region }, ask) {
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
  /** @type {import("./types.d.ts").Outputs | undefined} */
  let outputs;
  /** @type {Interactions | undefined} */
  let interactions;

  for (const name of info.regions) {
    // The rail shows the share of every region for A and B; the curves of other runs need the selected one only.
    const share = known && (pair || name === region) && ask("share", { ...explanation, region: name });
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
    shares,
    drift: known ? ask("drift", explanation) : undefined,
    fidelity: known && pair ? ask("fidelity", explanation) : undefined,
    answers: pair ? ask("answers", run) : undefined,
    load(probes, selected) {
      for (const number of new Set(probes.map(chunkOf))) {
        const range = `${number * chunk}:${Math.min((number + 1) * chunk, info.probes.count)}`;
        const value = known && ask("values", { ...explanation, probes: range });
        const picture = ask("probes", { ...run, probes: range });
        if (value) values.set(number, value);
        if (picture) pictures.set(number, picture);
      }
      outputs = ask("outputs", { ...run, probes: String(selected) });
      if (info.interacting.includes(method)) interactions = ask("interactions", { ...explanation, probes: String(selected) });
    },
    scale: () => [...values.values()][0]?.scale ?? 0,
    values: (probe) => values.get(chunkOf(probe))?.of(probe),
    picture: (probe) => pictures.get(chunkOf(probe))?.of(probe),
    outputs: () => outputs,
    interactions: () => interactions,
  };
}
