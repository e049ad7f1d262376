/** How the players of a probe are called: segments, features, tokens, stretches of time. Pure. */

import { NOBODY } from "../figures/outline.js";
import { playerNoun } from "../words/kinds.js";
import { memo } from "./memo.js";

/** @typedef {import("../types.d.ts").Content} Content */
/** @typedef {import("../types.d.ts").Kind} Kind */
/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */

const tokens = memo((/** @type {import("../types.d.ts").Passage} */ { pieces }) => {
  /** @type {string[]} */
  const names = [];
  for (const [text, player] of pieces) if (player >= 0) names[player] ??= text;
  return names;
});

// More are counted only; as the record's own names are (probes/sequence.py).
const MOST_STRETCHES = 3;

/** @typedef {{player: number, first: number, last: number}} Stretch  its first and last step */

/** The stretches of a series in the order of time; padding is in none. */
export const stretches = memo((/** @type {import("../types.d.ts").Signal} */ { segments }) => {
  /** @type {Stretch[]} */
  const all = [];
  segments.forEach((player, step) => {
    if (player === NOBODY) return;
    if (step && segments[step - 1] === player) all[all.length - 1].last = step;
    else all.push({ player, first: step, last: step });
  });
  return all;
});

const stretchesByPlayer = memo((/** @type {import("../types.d.ts").Signal} */ signal) => {
  /** @type {Stretch[][]} of each player: one with others in between has several */
  const ranges = [];
  for (const one of stretches(signal)) (ranges[one.player] ??= []).push(one);
  return ranges;
});

/**
 * The steps that a player of a series begins and ends with; those between may be others'.
 * @param {import("../types.d.ts").Signal} signal
 * @param {number} player
 */
export function stretch(signal, player) {
  const own = stretchesByPlayer(signal)[player];
  return own ? { first: own[0].first, last: own[own.length - 1].last } : null;
}

/** @param {Stretch[]} own */
function stepWords(own) {
  const steps = own.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const written = own.slice(0, MOST_STRETCHES).map(({ first, last }) => (first === last ? String(first) : `${first}–${last}`));
  return `step${steps > 1 ? "s" : ""} ${written.join(", ")}${own.length > MOST_STRETCHES ? `, … (${steps} steps)` : ""}`;
}

/**
 * A player in words: "segment 14", "image 1, patch 3", "petal width", "Spielberg", "steps 40–44".
 * @param {ProbeSetInfo} probes
 * @param {Content | undefined} content  of the probe; where it is not here yet, players are numbered
 * @param {number} player
 */
export function playerName(probes, content, player) {
  const numbered = `${playerNoun(probes.kind)} ${player}`;
  if (probes.kind === "tabular") return probes.player_names?.[player] ?? numbered;
  if (content?.kind === "image") return content.names?.[player] ?? numbered;
  if (content?.kind === "text") return tokens(content)[player] ?? numbered;
  if (content?.kind !== "sequence") return numbered;
  if (content.names) return content.names[player] ?? numbered;
  const own = stretchesByPlayer(content)[player];
  return own ? stepWords(own) : numbered;
}

/**
 * What can be asked by name: groups and features, or the tokens of the texts that are here, each once.
 * @param {ProbeSetInfo} probes
 * @param {(Content | undefined)[]} contents
 */
export function namesToAsk(probes, contents) {
  if (probes.kind === "tabular") return [...new Set([...(probes.player_names ?? []), ...(probes.features ?? [])])];
  const own = contents.flatMap((content) => (content?.kind === "text" ? tokens(content) : content?.kind === "sequence" && content.names ? content.names : []));
  return [...new Set(own.map((name) => name.trim()).filter(Boolean))];
}

/**
 * The players of the selected region: of the logged ones by their part inside it, of drawn ones by number, of asked ones as the share counts them.
 * @param {import("../types.d.ts").Side} side
 * @param {import("../types.d.ts").Area[]} areas
 * @param {string} region
 * @param {number} probe
 * @returns {(player: number) => boolean}
 */
export function insideOf(side, areas, region, probe) {
  const content = side.content(probe);
  const logged = content && content.kind !== "image" ? content.regions[side.info.regions.indexOf(region)] : undefined;
  if (logged) return (player) => logged[player] > 0;
  const area = areas.find((area) => area.name === region && (area.probe === null || area.probe === probe));
  if (area?.names) return (player) => side.shares.get(region)?.inside(probe, player) ?? false;
  return (player) => Boolean(area?.players?.includes(player));
}
