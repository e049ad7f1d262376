/** How the players of a probe are called: segments, features, tokens, stretches of time. Pure. */

import { KINDS } from "./kinds.js";
import { memo } from "./memo.js";

/** @typedef {import("./types.d.ts").Content} Content */
/** @typedef {import("./types.d.ts").Kind} Kind */
/** @typedef {import("./types.d.ts").ProbeSetInfo} ProbeSetInfo */

/** @type {(kind: Kind, count?: number) => string} */
export const playerNoun = (kind, count = 1) => KINDS[kind].nouns[count === 1 ? 0 : 1];

const tokens = memo((/** @type {import("./types.d.ts").Passage} */ { pieces }) => {
  /** @type {string[]} */
  const names = [];
  for (const [text, player] of pieces) if (player >= 0) names[player] ??= text;
  return names;
});

const stretches = memo((/** @type {import("./types.d.ts").Signal} */ { segments }) => {
  /** @type {{first: number, last: number}[]} */
  const found = [];
  segments.forEach((player, step) => {
    found[player] ??= { first: step, last: step };
    found[player].last = step;
  });
  return found;
});

/**
 * The steps that a player of a series begins and ends with.
 * @param {import("./types.d.ts").Signal} signal
 * @param {number} player
 */
export const stretch = (signal, player) => stretches(signal)[player] ?? null;

/**
 * A player in words: "segment 14", "petal width", "Spielberg", "steps 40–44".
 * @param {ProbeSetInfo} probes
 * @param {Content | undefined} content  of the probe; where it is not here yet, players are numbered
 * @param {number} player
 */
export function playerName(probes, content, player) {
  const numbered = `${playerNoun(probes.kind)} ${player}`;
  if (probes.kind === "tabular") return probes.player_names?.[player] ?? numbered;
  if (content?.kind === "text") return tokens(content)[player] ?? numbered;
  if (content?.kind !== "sequence") return numbered;
  const { first, last } = stretches(content)[player] ?? { first: player, last: player };
  return first === last ? `step ${first}` : `steps ${first}–${last}`;
}
