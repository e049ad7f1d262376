/** The exact numbers of one player, and its curve over epochs with its error. */

import { createCurves } from "../curves.js";
import { className, percent, tick, withError } from "../format.js";
import { choose, html, render } from "../html.js";
import { standing } from "../scale.js";
import { align, joinSteps } from "../series.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pane} Pane */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

/** @type {import("../types.d.ts").View} */
export function readingView(element) {
  const words = document.createElement("div");
  const plot = document.createElement("div");
  plot.className = "plot";
  plot.setAttribute("role", "img");
  element.append(words, plot);
  const draw = createCurves(plot);
  let key = "";
  /** @type {import("../curves.js").Curves | null} */
  let curves = null;

  return (data, state) => {
    if (data.phase !== "ready") return;
    const { player, probe } = data;
    render(
      html`<div class="reading">
        <div class="reading-head"><b>${player === null ? "no segment" : `segment ${player}`}</b> <span class="note">${how(data, state)}</span>
          ${state.player !== null && html`<button type="button" class="link" onClick=${() => choose(element, { player: null })}>release (Esc)</button>`}</div>
        <div class="reading-lines">${data.panes.map((pane) => line(pane, probe, player))}</div>
      </div>`,
      words,
    );
    const sides = [data.b, data.a].filter((side) => side !== null);
    const next = JSON.stringify([probe, player, data.method, state.class, sides.map((side) => [side.run, side.info.version, side.color, Boolean(side.values(probe))])]);
    if (next !== key || !curves) {
      key = next;
      curves = curvesOf(sides, probe, player, key);
    }
    plot.setAttribute("aria-label", `attribution of segment ${player} over epochs with its standard error`);
    draw(curves, data.cursor, state.dark);
  };
}

/** @type {(data: Data, state: State) => string} */
function how(data, state) {
  if (data.player === null) return "";
  if (state.hover !== null) return "under the pointer";
  if (state.player !== null) return "kept";
  return "strongest here: point at another";
}

/**
 * @param {Pane} pane
 * @param {number} probe
 * @param {number | null} player
 */
function line({ title, side, step }, probe, player) {
  const explained = side.values(probe)?.at(step);
  const found = explained && player !== null ? standing(explained.values, player) : null;
  const head = html`<b style=${{ color: side.color }}>${title}</b>`;
  if (!explained || player === null || !found) return html`<div key=${title} class="reading-line">${head} <span class="blank-line">no number at this epoch</span></div>`;
  const { probes, settings } = side.info;
  const toward = probes.regression ? (found.value < 0 ? "lowers the output" : "raises the output") : `${found.value < 0 ? "against" : "toward"} “${className(probes, explained.target)}”`;
  return html`<div key=${title} class="reading-line" title=${`in ${settings.unit}, ± one standard error`}>${head}
    <span class="reading-value">${withError(found.value, explained.errors[player])}</span>
    <span class="ellipsis">${toward}</span>
    <span class="reading-rank">rank ${found.rank} of ${found.of} · ${percent(found.share)} of total</span>
  </div>`;
}

/**
 * @param {Side[]} sides  A last, above B
 * @param {number} probe
 * @param {number | null} player
 * @param {string} key
 * @returns {import("../curves.js").Curves}
 */
function curvesOf(sides, probe, player, key) {
  const axis = joinSteps(sides.map(({ info }) => info.steps));
  const series = sides.map((side) => {
    const values = side.values(probe);
    const steps = [...(values?.steps ?? [])];
    const of = (/** @type {(value: number, error: number) => number} */ pick) =>
      align(axis, steps, steps.map((step) => {
        const explained = values?.at(step);
        return explained && player !== null ? pick(explained.values[player], explained.errors[player]) : null;
      }));
    return { side, middle: of((value) => value), lower: of((value, error) => value - error), upper: of((value, error) => value + error) };
  });
  return {
    key,
    axis,
    fromZero: true,
    format: tick,
    lines: series.map(({ side, middle }) => ({ label: side.letter, color: side.color, dashed: false, thin: false, values: middle })),
    bands: series.map(({ side, lower, upper }) => ({ color: side.color, lower, upper })),
  };
}
