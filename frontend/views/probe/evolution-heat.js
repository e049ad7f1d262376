/** Players over epochs as a heat map: a row each, a column an epoch, the names beside it. */

import { gainOf } from "../../figures/evolution.js";
import { inView } from "../../figures/layout.js";
import { rove } from "../../host/rove.js";
import { EM } from "../../host/text.js";
import { paintHeat } from "../../paint/evolution.js";
import { html, render } from "../parts/html.js";
import { gainWords, nameButton } from "./evolution-parts.js";

/** @typedef {import("./evolution-parts.js").Scene} Scene */

// Px from which on a row's name is written as large as elsewhere.
const LARGE_ROW = 16 * EM;

/**
 * @param {Scene} scene
 * @returns {import("./evolution-parts.js").Axis}
 */
export function heatMap(scene) {
  const { box, room, data, state, sides, entries, order, count, row, pinned, width, columns, lit, listeners, words } = scene;
  const { cursor } = data;
  const chosen = order.slice(0, count);
  const [first, end] = inView(room.scroll, room.height, row, count);
  const shown = chosen.slice(first, end);
  const wide = width / cursor.steps.length;
  const mark = (/** @type {number} */ place) => {
    const size = Math.max(4, wide);
    return { left: `${place * wide + (wide - size) / 2}px`, width: `${size}px` };
  };
  const rowAt = (/** @type {number} */ _, /** @type {number} */ y) => chosen[Math.floor(y / row)] ?? null;
  render(
    html`<div class="evolution-row" style=${{ gridTemplateColumns: columns, height: `${count * row}px` }}>
      <div class=${row < LARGE_ROW ? "evolution-names dense" : "evolution-names"} role="group" aria-label=${`${scene.noun}; choose one to keep it highlighted`}>${names(scene, chosen, shown, first)}</div>
      ${sides.map((side) => html`<div key=${side.letter} class="evolution-map" ...${listeners(side, rowAt, (x) => Math.floor(x / wide))}>
        <canvas key="heat" role="img" aria-label=${words(side)} style=${{ top: `${first * row}px` }}></canvas>
        ${lit.filter((player) => chosen.includes(player)).map((player) => html`<span key=${`lit ${player}`} class="evolution-lit" style=${{ top: `${chosen.indexOf(player) * row - 1}px`, height: `${row}px` }}></span>`)}
        ${pinned >= 0 && html`<span key="pin" class="evolution-pin" style=${mark(pinned)}></span>`}
        <span key="cursor" class="evolution-cursor" style=${mark(cursor.index)}></span>
      </div>`)}
    </div>`,
    box,
  );
  const group = box.querySelector(".evolution-names");
  if (group instanceof HTMLElement) rove(group, () => [...group.querySelectorAll("button")], { back: ["ArrowUp"], on: ["ArrowDown"] });
  box.querySelectorAll("canvas").forEach((canvas, i) => {
    const entry = entries[i];
    if (entry) paintHeat(canvas, entry.key, { width, row }, entry.matrix, shown, scene.endOf(entry), state.dark);
  });
  return { centre: (place) => (place + 0.5) * wide, reach: width };
}

/**
 * @param {Scene} scene
 * @param {number[]} chosen  all rows
 * @param {number[]} shown  those in view
 * @param {number} first  place of the first one in view
 */
function names({ element, data, state, sides, entries, from, row, kept, lit, nameOf }, chosen, shown, first) {
  const { cursor } = data;
  const stop = chosen.includes(kept ?? -1) ? kept : chosen[0];
  return shown.map((player, i) => {
    const gains = state.gains === "strongest" ? null : entries.map((entry) => (entry ? gainOf(entry.matrix, player, from, cursor.index) : NaN));
    return nameButton({ element, state, player, name: nameOf(player), lit: lit.includes(player), top: (first + i) * row, height: row, stop: player === stop, gain: gains && gainWords(sides, gains, cursor.steps[from]) });
  });
}
