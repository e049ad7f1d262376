/** All probes of a table at once: the order of the features, the ends of their axes, what each probe's row holds. Pure. */

import { descending } from "../figures/bars.js";
import { heights, swarmEnds } from "../figures/beeswarm.js";
import { largest } from "../figures/scale.js";
import { surveyed } from "./side.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

/**
 * A summary of all loaded probes, computed again only when more of them are loaded.
 * @param {number} most  number of the strongest features, which determine the axis
 */
export function createSurvey(most) {
  let key = "";
  let orderKey = "";
  /** @type {number[]} */
  let order = [];
  let locked = swarmEnds(new Float32Array());
  /** @type {number[]} by which the axis goes: whichever are shown, it stays */
  let strongest = [];
  let lockedMost = 1;
  /** @type {(import("../types.d.ts").Row | null)[]} */
  let rows = [];
  /** @type {Map<number, Float32Array>} */
  const known = new Map();

  return (/** @type {Data} */ data, /** @type {State} */ state, /** @type {Side[]} */ sides, /** @type {number[]} */ steps) => {
    const [a] = sides;
    const players = Math.max(...a.info.probes.players);
    const wanted = surveyed(a.info);
    const here = wanted.filter((probe) => sides.every((side) => side.values(probe)) && a.content(probe));
    const next = [...sides.flatMap((side) => [side.id, side.values(here[0] ?? 0)?.id, side.importance?.bytes]), data.method, data.explained, here.length].join();
    if (next !== key) {
      key = next;
      orderKey = "";
      known.clear();
      rows = wanted.map((probe) => {
        const content = a.content(probe);
        return content?.kind === "tabular" ? content : null;
      });
      strongest = descending(sizesOf(sides, sides.map((side) => side.info.steps), players)).slice(0, most);
      locked = swarmEnds(valuesOf(sides.flatMap((side) => here.flatMap((probe) => side.info.steps.map((step) => side.values(probe)?.at(step)))), strongest));
      lockedMost = Math.max(0, ...sides.flatMap(({ importance, info }) => info.steps.map((step) => largest(importance?.at(step) ?? []))));
    }
    const nextOrder = [state.rank, state.rank === "epoch" && steps].join();
    if (nextOrder !== orderKey) {
      orderKey = nextOrder;
      const sizes = sizesOf(sides, sides.map((side, i) => (state.rank === "epoch" ? [steps[i]] : side.info.steps)), players);
      order = state.rank === "logged" ? Array.from(sizes, (_, player) => player) : descending(sizes);
    }
    const now = sides.map((side, i) => largest(side.importance?.at(steps[i]) ?? []));
    const { ends, cut } = state.lock ? locked : swarmEnds(valuesOf(sides.flatMap((side, i) => here.map((probe) => side.values(probe)?.at(steps[i]))), strongest));
    return {
      order,
      rows,
      loaded: here.length,
      wanted: wanted.length,
      ends: ends[1] > ends[0] ? ends : /** @type {[number, number]} */ ([-1, 1]),
      cut,
      most: state.lock ? lockedMost : Math.max(0, ...now),
      heightsOf(/** @type {number} */ player) {
        let levels = known.get(player);
        if (!levels) {
          levels = heights(a.info.probes, rows, player);
          known.set(player, levels);
        }
        return levels;
      },
    };
  };
}

/**
 * Mean over runs and epochs of what each player has on average over the probes.
 * @param {Side[]} sides
 * @param {number[][]} steps  one list a side
 * @param {number} players
 */
function sizesOf(sides, steps, players) {
  const sizes = new Float64Array(players);
  sides.forEach((side, i) => {
    for (const step of steps[i]) side.importance?.at(step)?.forEach((size, player) => (sizes[player] += Number.isFinite(size) ? size / steps[i].length : 0));
  });
  return sizes;
}

/**
 * @param {(Attribution | null | undefined)[]} all
 * @param {number[]} players
 */
function valuesOf(all, players) {
  const values = new Float32Array(all.length * players.length).fill(NaN);
  all.forEach((explained, i) => players.forEach((player, j) => (values[i * players.length + j] = explained?.values[player] ?? NaN)));
  return values;
}
