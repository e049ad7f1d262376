/** What a key does: pure, from the page's data to a change of the state. */

import { ranked } from "../figures/scale.js";
import { move, moveTo } from "../model/cursor.js";
import { playerNoun } from "../words/kinds.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").State} State */
/** @typedef {import("../types.d.ts").Change} Change */

/**
 * Shown by the help overlay, in this order.
 * @param {import("../types.d.ts").Kind} kind  of the probes
 */
export const keysOf = (kind) => [
  ["← →", "one epoch back, forward (with Shift: ten)"],
  ["Home End", "first epoch, last epoch or returned model (follows training)"],
  ["Space", "play, pause"],
  ["p", "pin this epoch: it is shown beside A when B is off"],
  ["↑ ↓ or [ ]", "previous, next probe"],
  [", .", `stronger, weaker ${playerNoun(kind)}`],
  ["1 2 …", "method"],
  ["Esc", `release the kept ${playerNoun(kind)}${kind === "image" ? "; stop drawing" : ""}`],
  ["?", "this list, and what the marks mean"],
];

/**
 * @param {{key: string, shiftKey: boolean}} event
 * @param {Data} data
 * @param {State} state
 * @returns {Change | null} null where the key means nothing here
 */
export function keyChange({ key, shiftKey }, data, state) {
  if (key === "?") return { help: !state.help };
  if (key === "Escape" && state.help) return { help: false };
  if (key === "Escape" && typeof state.copied === "string") return { copied: false };
  if (key === "Escape") return state.drawing ? { drawing: null } : { player: null, hover: null, pair: null, playing: false };
  // While a region is drawn, arrows are for it alone (views/parts/sketch.js).
  if (data.phase !== "ready" || state.drawing) return null;
  const stay = { playing: false };
  const position = data.order.indexOf(data.probe);
  const neighbour = (/** @type {number} */ by) => {
    const next = data.order[Math.min(data.order.length - 1, Math.max(0, position + by))];
    return next === undefined ? null : { probe: next, player: null, hover: null };
  };
  switch (key) {
    case "ArrowLeft":
      return { ...move(data.cursor, shiftKey ? -10 : -1), ...stay };
    case "ArrowRight":
      return { ...move(data.cursor, shiftKey ? 10 : 1), ...stay };
    case "Home":
      return { ...moveTo(data.cursor, 0), ...stay };
    case "End":
      return { epoch: null, ...stay };
    case " ":
      return { playing: !state.playing };
    case "p":
      return { pin: data.cursor.step };
    case "ArrowUp":
    case "[":
      return neighbour(-1);
    case "ArrowDown":
    case "]":
      return neighbour(1);
    case ",":
      return neighbouring(data, -1);
    case ".":
      return neighbouring(data, 1);
    default: {
      const explainers = data.a?.info.explainers ?? [];
      const method = /^[1-9]$/.test(key) ? explainers[Number(key) - 1] : undefined;
      return method ? { method } : null;
    }
  }
}

/**
 * The player that is so many ranks weaker than the one that is lit, and is kept then.
 * @param {Data} data
 * @param {number} by
 * @returns {Change | null}
 */
function neighbouring({ panes, probe, player }, by) {
  const explained = panes[0]?.side.values(probe)?.at(panes[0].step);
  if (!explained) return null;
  const players = ranked(explained.values);
  const rank = players.indexOf(player ?? -1) + by;
  const next = players[Math.min(players.length - 1, Math.max(0, rank))];
  return next === undefined ? null : { player: next, hover: null };
}
