/** Which probe is shown large, and the way to its neighbours. */

import { inUnit, outputNumber } from "../../words/format.js";
import { quotedApart } from "../../words/names.js";
import { ProbeName } from "../../words/probes.js";
import { choose, html, render } from "../parts/html.js";

/** @type {import("../../types.d.ts").View} */
export function probeTitleView(element) {
  return (data) => {
    if (data.phase !== "ready" || !data.a) return;
    const { probes } = data.a.info;
    const name = ProbeName(probes, data.probe);
    const truth = probes.regression && probes.classes === 1 ? probes.truth?.[data.probe][0] : undefined;
    const position = data.order.indexOf(data.probe);
    // From a probe that the filter hides, both ways lead to the first that it shows.
    const neighbour = (/** @type {number} */ by) => data.order[position < 0 ? 0 : position + by];
    const button = (/** @type {string} */ label, /** @type {string} */ mark, /** @type {number | undefined} */ next) =>
      html`<button type="button" class="icon-button text" aria-label=${label} title=${label} disabled=${next === undefined} onClick=${() => choose(element, { probe: next, player: null, hover: null })}>${mark}</button>`;
    render(
      html`<div class="probe-title">
        <span class="probe-words"><h2 class="ellipsis" title=${name}>${quotedApart(name)}</h2>
        ${truth !== undefined && html`<span class="note">true value ${inUnit(outputNumber(truth), probes.unit)}</span>`}
        ${probes.regression ? probes.classes > 1 && html`<span class="note">click an output to explain it</span>` : html`<span class="note">click a class to explain it</span>`}</span>
        ${button("Previous probe (↑)", "‹", neighbour(-1))}
        ${button("Next probe (↓)", "›", neighbour(1))}
      </div>`,
      element,
    );
  };
}
