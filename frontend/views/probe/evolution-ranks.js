/** Players over epochs as lines of ranks that cross, named at both ends. */

import { nearestLine } from "../../figures/axis.js";
import { binStarts, LEAST_ROW, orderOf } from "../../figures/evolution.js";
import { BELOW, levels, ranksOver } from "../../figures/ranks.js";
import { EM } from "../../host/text.js";
import { chartOf, paintRanks, widest } from "../../paint/ranks.js";
import { html, render } from "../parts/html.js";

/** @typedef {import("./evolution-parts.js").Scene} Scene */

// Pixels that an epoch takes at least: lines that turn more often are a thicket.
const LEAST_TURN = 6;
const REACH = 14;

/**
 * @param {Scene} scene
 * @returns {import("./evolution-parts.js").Axis}
 */
export function rankChart(scene) {
  const { box, room, data, state, sides, entries, order, count, pinned, width, columns, lit, nameOf, listeners, words, endOf } = scene;
  const { cursor } = data;
  const lowest = Math.max(3, Math.min(order.length, count, Math.floor((room.height - 16 * EM) / (LEAST_ROW * EM)) - BELOW));
  const tops = entries.map((entry) => topOf(scene, entry));
  const longest = widest(tops.flat().map((player) => `${nameOf(player)} ${order.length}`));
  const chart = chartOf(width, room.height, cursor.steps.length, { lowest, of: order.length, longest });
  const reach = Math.max(1, width - 2 * chart.names);
  const starts = binStarts(cursor.steps.length, Math.max(2, Math.floor(reach / LEAST_TURN)));
  const results = entries.map((entry) => entry && ranksOf(entry, starts));
  const placeAt = (/** @type {number} */ x) => Math.round(((x - chart.names) / reach) * (cursor.steps.length - 1));
  const lineAt = (/** @type {number} */ i) => (/** @type {number} */ place, /** @type {number} */ y) => {
    const result = results[i];
    if (!result) return null;
    const bin = Math.min(result.bins - 1, Math.max(0, starts.findLastIndex((start) => start <= place)));
    const heights = tops[i].map((player) => chart.y(levels(result.ranks.subarray(player * result.bins + bin, player * result.bins + bin + 1), chart.lowest, chart.of)[0]));
    const nearest = nearestLine(heights, y, REACH);
    return nearest === null ? null : tops[i][nearest];
  };
  render(
    html`<div class="evolution-row" style=${{ gridTemplateColumns: columns }}>${sides.map((side, i) => html`<div key=${side.letter} class="evolution-map" style=${{ height: `${room.height}px` }} ...${listeners(side, lineAt(i), placeAt)}>
      <canvas key="ranks" role="img" aria-label=${words(side)}></canvas>
      ${pinned >= 0 && html`<span class="evolution-pin line" style=${{ left: `${chart.x(pinned)}px` }}></span>`}
      <span class="evolution-cursor line" style=${{ left: `${chart.x(cursor.index)}px` }}></span>
    </div>`)}</div>`,
    box,
  );
  box.querySelectorAll("canvas").forEach((canvas, i) => {
    const entry = entries[i];
    const result = results[i];
    if (!entry || !result) return;
    const key = [entry.key, starts.length, chart.lowest, chart.of, chart.names, tops[i].map(nameOf)].join();
    paintRanks(canvas, key, chart, result, starts, { players: tops[i], lit, nameOf, end: endOf(entry), dark: state.dark });
  });
  return { centre: chart.x, reach };
}

/**
 * The players of one run's chart. Each has its own: what is strong in one of them only would lie below the other's chart.
 * @param {Scene} scene
 * @param {Scene["entries"][number]} entry
 */
function topOf({ state, from, data, count, lit }, entry) {
  const top = entry ? orderOf([entry.matrix], entry.sizes, state.gains, from, data.cursor.index).slice(0, count) : [];
  return [...top, ...lit.filter((player) => !top.includes(player))];
}

/** @type {Map<string, ReturnType<typeof ranksOver>>} of the last matrices: a step of the cursor changes none */
const known = new Map();

/** @type {(entry: import("./evolution-parts.js").Entry, starts: Int32Array) => ReturnType<typeof ranksOver>} */
function ranksOf({ matrix, key }, starts) {
  const full = `${key} ${starts.length}`;
  const before = known.get(full);
  if (before) return before;
  if (known.size > 3) known.clear();
  const result = ranksOver(matrix, starts);
  known.set(full, result);
  return result;
}
