/** The parts around the charts of all probes: heading, axes, tooltips. */

import { axis } from "../../figures/axis.js";
import { featuresOf } from "../../figures/bars.js";
import { featureColor } from "../../figures/color.js";
import { EM } from "../../host/text.js";
import { ABSENT, epochOf } from "../../model/cursor.js";
import { isOnce } from "../../model/frames.js";
import { className, epoch, givenUnit, inUnit, number, outputName, plural, tick, unitWords, withError } from "../../words/format.js";
import { probeName } from "../../words/probes.js";
import { middle } from "../../words/names.js";
import { playerValue } from "../../words/rows.js";
import { html } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Attribution} Attribution */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {ReturnType<ReturnType<typeof import("../../model/survey.js").createSurvey>>} Survey */

/** @typedef {{probe: number, side: number, player: number, x: number, y: number}} Hit  side: of the swarm; -1 for the importance; probe: -1 for none */

// px that words take at the ends of an axis
const LOW_WORD = 56 * EM;
const HIGH_WORD = 40 * EM;

/** @param {number} count */
export const swarmColumns = (count) => ({ "--swarms": count, "--part": `${4.4 / count}fr` });

/**
 * @param {Data} data
 * @param {Side[]} sides
 * @param {Survey} survey
 * @param {State} state
 */
export function header({ cursor, panes, explained }, sides, { loaded, wanted, cut }, state) {
  const { probes } = sides[0].info;
  const steps = sides.map(({ letter }) => epochOf(cursor, letter));
  const toward = probes.regression ? (/^\d+$/.test(explained) ? `, of ${outputName(probes, Number(explained))}` : "") : explained === "label" ? ", each toward its own label" : explained === "predicted" ? ", each toward its own prediction" : `, toward “${className(probes, Number(explained))}”`;
  const count = loaded < wanted ? `reading ${loaded} of ${wanted} probes…` : wanted < probes.count ? `points: ${wanted} of ${plural(probes.count, "probe")}` : plural(probes.count, "probe");
  const once = sides.every(isOnce);
  const orders = { overall: once ? "mean" : "mean over all epochs", epoch: once ? "mean" : "mean at this epoch", logged: "as logged" };
  const stops = Array.from({ length: 9 }, (_, i) => featureColor(i / 8, state.dark)).join(", ");
  return html`<div class="overview-top">
    <div class="overview-tools"><h2>All probes</h2>
      <span class="note ellipsis">${count}${toward} · ${unitWords(panes.map(({ side }) => side))} · order: ${orders[state.rank]}</span>
      <span class="feature-legend note" role="img" aria-label="Shade of a point: the feature's value in that probe, from low (dark violet) to high (yellow); hollow where it is missing or has no order, ringed in the selected probe">
        low <span class="feature-bar" style=${{ background: `linear-gradient(to right, ${stops})` }}></span> high feature value <span class="feature-none"></span> missing or no order <span class="feature-none feature-chosen"></span> the selected probe${cut && html`<span title="a few values lie far beyond the axis: triangles at its edge mark them">◂ ▸ beyond the axis</span>`}</span></div>
    <div class="overview-grid heads" style=${swarmColumns(sides.length)}><span></span><span class="note">mean |attribution|</span>
      ${sides.map((side, i) => html`<div key=${side.letter} class="overview-head ellipsis" style=${{ "--run": side.color }} title=${side.name}><b class="run-ink">${side.letter}</b> ${middle(side.label)} <span class="note">${steps[i] === ABSENT || isOnce(side) ? "" : epoch(steps[i])}</span></div>`)}</div>
  </div>`;
}

/** @type {(side: Side, step: number, data: Data) => unknown} */
export function absent(side, step, { probe }) {
  const values = side.values(probe);
  if (!values || values.at(step)) return null;
  return html`<p class="blank">${step === ABSENT ? "this run has no matching epoch" : `${epoch(step)} is not in this run's record`}</p>`;
}

/**
 * @param {number[]} marks
 * @param {[number, number]} domain
 * @param {number} width
 * @param {string} low  words at its ends; "" for an axis from zero
 * @param {string} high
 */
export function scaleOf(marks, domain, width, low, high) {
  const at = axis(domain, width);
  const free = marks.filter((mark) => !low || (at(mark) > LOW_WORD && at(mark) < width - HIGH_WORD));
  return html`<div class="bars-axis" aria-hidden="true">
    ${low && html`<i class="axis-low">${low}</i>`}${free.map((mark) => html`<span key=${mark} style=${{ left: `${at(mark)}px` }}>${low && mark > 0 ? "+" : ""}${tick(mark)}</span>`)}${high && html`<i class="axis-high">${high}</i>`}
  </div>`;
}

/**
 * What is under the pointer, in words.
 * @param {Hit} hit
 * @param {Data} data
 * @param {Side[]} sides
 * @param {number[]} steps
 * @param {(player: number) => string} name
 * @param {(Float32Array | null)[]} importance
 */
export function tipWords({ probe, side: at, player }, data, sides, steps, name, importance) {
  const { probes } = sides[0].info;
  if (at === -1) return html`<b class="ellipsis">${name(player)}</b>${sides.map((side, i) => html`<span key=${side.letter}><b style=${{ color: side.color }}>${side.letter}</b> ${inUnit(number(importance[i]?.[player]), givenUnit(side))}</span>`)}<span class="note">mean |attribution| over ${plural(probes.count, "probe")}</span>`;
  if (probe < 0 || at < 0) return null;
  const content = sides[0].content(probe);
  const value = playerValue(probes, content?.kind === "tabular" ? content : null, player);
  const numbers = (/** @type {Side} */ side, /** @type {Attribution | null | undefined} */ explained) => (explained ? inUnit(withError(explained.values[player], explained.errors[player]), givenUnit(side)) : "–");
  const single = featuresOf(probes, player).length === 1;
  return html`<b class="ellipsis">${probeName(probes, probe)}</b>
    <span class="ellipsis">${name(player)}${single && value.full ? ` = ${value.full}` : ""}</span>
    ${sides.map((side, i) => html`<span key=${side.letter}><b style=${{ color: side.color }}>${side.letter}</b> ${numbers(side, side.values(probe)?.at(steps[i]))}</span>`)}
    <span class="note">${probe === data.probe ? "selected" : "click to select this probe"}</span>`;
}
