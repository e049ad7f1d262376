/** The exact numbers of one player, and its curve over epochs with its error. */

import { isZero, standing } from "../../figures/scale.js";
import { RETURNED } from "../../figures/steps.js";
import { hasReturned, isOnce } from "../../model/frames.js";
import { isNoise } from "../../model/shown.js";
import { playerName } from "../../model/players.js";
import { align, holesOf, joinSteps } from "../../model/series.js";
import { className, outputName, percent, tick, unitWords, withError } from "../../words/format.js";
import { playerNoun } from "../../words/kinds.js";
import { quotedApart } from "../../words/names.js";
import { createCurves } from "../parts/curves.js";
import { failure } from "../parts/failure.js";
import { choose, html, render } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").State} State */

/** @type {import("../../types.d.ts").View} */
export function readingView(element) {
  const words = document.createElement("div");
  const plot = document.createElement("div");
  plot.className = "plot";
  plot.setAttribute("role", "img");
  element.append(words, plot);
  const draw = createCurves(plot);
  let key = "";
  /** @type {import("../../paint/curves.js").Curves | null} */
  let curves = null;

  return (data, state) => {
    if (data.phase !== "ready") return;
    const { player, probe } = data;
    const classes = new Set(data.panes.map(({ side, step }) => side.values(probe)?.at(step)?.target));
    const [target] = classes;
    const { probes } = data.panes[0].side.info;
    // Written once if it is the same for all.
    const same = classes.size === 1 && target !== undefined && target >= 0;
    const of = same && player !== null && !probes.regression ? ` for or against “${className(probes, target)}”` : "";
    const name = player === null ? `no ${playerNoun(probes.kind)}` : playerName(probes, data.panes[0].side.content(probe), player);
    render(
      html`<div class="reading">
        <div class="reading-head"><span class="reading-words"><span class="ellipsis" title=${probes.kind === "image" ? of : `${name}${of}`}><b>${name}</b>${quotedApart(of)}</span> <span class="note" title=${how(data, state)}>${how(data, state)}</span></span>
          ${state.player !== null && html`<button type="button" class="link" onClick=${() => choose(element, { player: null })}>release (Esc)</button>`}</div>
        <div class="reading-lines">${data.panes.map((pane) => column(pane, probe, player, same))}${differenceColumn(data)}</div>
        ${failure(element, data, ["difference"], "The error of the difference could not be read")}
      </div>`,
      words,
    );
    const sides = [data.b, data.a].flatMap((side) => (side?.sharesPlayers(probe) ? [side] : []));
    const next = JSON.stringify([probe, player, sides.map((side) => [side.id, side.color, side.values(probe)?.id])]);
    if (next !== key || !curves) {
      key = next;
      curves = curvesOf(sides, probe, player, key);
    }
    // A model that was explained once has no curve.
    plot.hidden = sides.every(isOnce);
    if (plot.hidden) return;
    plot.setAttribute("aria-label", `attribution of ${name} over epochs with its standard error`);
    draw(curves, data.cursor, state.dark);
  };
}

/** @type {(data: Data, state: State) => string} */
function how(data, state) {
  if (data.player === null) return "";
  if (state.hover !== null) return "under the pointer";
  if (state.player !== null) return "kept";
  return "strongest here";
}

/**
 * One run's numbers of the player, a column as its picture is one.
 * @param {Pane} pane
 * @param {number} probe
 * @param {number | null} player
 * @param {boolean} same  whether all columns are of one class, which stands above them
 */
function column({ title, side, step }, probe, player, same) {
  if (!side.sharesPlayers(probe)) return html`<div key=${title} class="reading-line"><p><b style=${{ color: side.color }}>${title}</b> <span class="blank-line">has other ${playerNoun(side.info.probes.kind, 2)} here</span></p></div>`;
  const explained = side.values(probe)?.at(step);
  const place = explained && player !== null ? standing(explained.values, player) : null;
  const head = html`<b style=${{ color: side.color }}>${title}</b>`;
  if (explained && isZero(explained.values)) return html`<div key=${title} class="reading-line"><p>${head}</p><p class="reading-value" title="all values are 0">0</p></div>`;
  if (!explained || player === null || !place) return html`<div key=${title} class="reading-line"><p>${head} <span class="blank-line">${missing(side, explained?.values)}</span></p></div>`;
  const { probes } = side.info;
  const one = outputName(probes, Math.max(0, explained.target));
  const [lower, raise] = probes.regression ? [`lowers ${one}`, `raises ${one}`] : ["against", "for"];
  const toward = `${place.value < 0 ? lower : raise}${probes.regression || same ? "" : ` “${className(probes, explained.target)}”`}`;
  const error = explained.errors[player];
  return html`<div key=${title} class="reading-line">
    <p class="ellipsis" title=${`${title} ${toward}`}>${head} ${probes.regression && probes.classes === 1 ? toward.replace(` ${one}`, "") : toward}</p>
    <p class="reading-value" title=${`in ${side.unit}, ${certainty(error)}`}>${withError(place.value, error)}</p>
    <p class="reading-rank" title=${`rank ${place.rank} of ${place.of} · ${percent(place.share)} of the summed |attribution|`}>rank ${place.rank} of ${place.of} · <span class="reading-share">${percent(place.share)}</span></p>
  </div>`;
}

/**
 * Why a run has no number of a player.
 * @param {Side} side
 * @param {ArrayLike<number> | undefined} values  of all players, where there are any
 */
function missing(side, values) {
  // Beside A stands a run without some of its features.
  if (side.apart && values && Array.from(values).some(Number.isFinite)) return `has no such ${playerNoun(side.info.probes.kind, 1)}`;
  return isOnce(side) ? "no number" : "no number at this epoch";
}

/** @param {number} error */
function certainty(error) {
  if (error === 0) return "exact";
  return Number.isFinite(error) ? "± one standard error" : "unknown error";
}

/**
 * What the third picture shows of the player, with the error of the difference: smaller than the two separate errors if they are correlated.
 * @param {Data} data
 */
function differenceColumn({ panes, cursor, probe, player, difference }) {
  const [first, second] = panes;
  const explained = panes.map(({ side, step }) => side.values(probe)?.at(step));
  if (!second || second.side.apart || player === null || explained[0]?.target !== explained[1]?.target) return null;
  const value = Number(explained[0]?.values[player]) - Number(explained[1]?.values[player]);
  if (!Number.isFinite(value)) return null;
  const error = difference?.at(probe, cursor.step)?.[player] ?? NaN;
  const noise = error > 0 ? (isNoise(difference?.real(probe, cursor.step)?.[player], error) ? "within noise" : "beyond noise") : "";
  return html`<div class="reading-line">
    <p><b>${first.title} − ${second.title}</b></p>
    <p class="reading-value" title=${`in ${unitWords([first.side, second.side])}, ${certainty(error)} of the difference`}>${withError(value, error)}</p>
    <p class="reading-rank" title=${noise && `sampling error alone ${noise === "beyond noise" ? "rarely causes" : "can cause"} such a difference; tested over all players of all probes (Benjamini and Hochberg)`}>${noise}</p>
  </div>`;
}

/**
 * @param {Side[]} sides  A last, above B
 * @param {number} probe
 * @param {number | null} player
 * @param {string} key
 * @returns {import("../../paint/curves.js").Curves}
 */
function curvesOf(sides, probe, player, key) {
  const axis = joinSteps(sides.flatMap(({ info }) => [info.steps, holesOf(info)])).filter((step) => step !== RETURNED);
  const series = sides.map((side) => {
    const values = side.values(probe);
    const steps = [...(values?.steps ?? [])];
    const at = (/** @type {number} */ step, /** @type {(value: number, error: number) => number} */ pick) => {
      const explained = values?.at(step);
      return explained && player !== null ? pick(explained.values[player], explained.errors[player]) : null;
    };
    const of = (/** @type {(value: number, error: number) => number} */ pick) =>
      isOnce(side) ? axis.map(() => at(RETURNED, pick)) : align(axis, steps, steps.map((step) => at(step, pick)), holesOf(side.info));
    return { side, returned: at(RETURNED, (value) => value), middle: of((value) => value), lower: of((value, error) => value - error), upper: of((value, error) => value + error) };
  });
  return {
    key,
    axis,
    returned: sides.some(hasReturned),
    fromZero: true,
    format: tick,
    lines: series.map(({ side, middle, returned }) => ({ label: side.letter, letter: side.letter, color: side.color, dashed: false, thin: false, values: middle, returned, constant: isOnce(side), best: null })),
    bands: series.map(({ side, lower, upper }) => ({ color: side.color, lower, upper })),
  };
}
