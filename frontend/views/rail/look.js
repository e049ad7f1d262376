/** How pictures and charts look, and the legend of their colours. */

import { legendStops } from "../../figures/color.js";
import { difference, largest } from "../../figures/scale.js";
import { number, unitWords } from "../../words/format.js";
import { KINDS } from "../../words/kinds.js";
import { choose, html, render, segmented } from "../parts/html.js";

const LOOKS = [
  { value: "overlay", text: "overlay", title: "the attribution over the image" },
  { value: "map", text: "map", title: "the attribution map alone" },
  { value: "image", text: "image", title: "the image as it was logged" },
];

const COMPARE = [
  { value: "side", text: "side", title: "both side by side" },
  { value: "swipe", text: "swipe", title: "one over the other; drag the edge between them" },
  { value: "blink", text: "blink", title: "alternating in the same place" },
];

/** @type {import("../../types.d.ts").View} */
export function lookView(element) {
  return (data, state) => {
    if (!data.a) return;
    const unit = unitWords([data.a, data.b]);
    const { kind } = data.a.info.probes;
    const image = kind === "image";
    const [low, high] = data.a.info.probes.regression ? ["lowers", "raises"] : ["against", "for"];
    const end = data.scale ? number(data.scale) : "–";
    const numbered = state.lock && data.scale > 0;
    const slider = (/** @type {"opacity" | "strongest"} */ field, /** @type {string} */ label, /** @type {number} */ least, /** @type {boolean} */ off) =>
      html`<label class="field"><span>${label}</span>
        <input type="range" min=${least} max="100" value=${state[field]} disabled=${off} style=${{ "--at": `${((state[field] - least) / (100 - least)) * 100}%` }}
          onInput=${(/** @type {Event} */ event) => choose(element, { [field]: Number(/** @type {HTMLInputElement} */ (event.target).value) })} />
        <output>${state[field]} %</output></label>`;
    render(
      html`<div>
        <h2>${image ? "Picture" : "Colours"}</h2>
        ${image && html`<div class="field"><span>View</span>${segmented({ label: "View", value: state.view, options: LOOKS, choose: (_, value) => choose(element, { view: /** @type {import("../../types.d.ts").Look} */ (value) }) })}</div>`}
        ${image && data.panes.length === 2 &&
        html`<div class="field"><span>Pair</span>${segmented({ label: `${data.panes[0].title} and ${data.panes[1].title}`, value: state.compare, options: COMPARE, choose: (_, value) => choose(element, { compare: /** @type {import("../../types.d.ts").State["compare"]} */ (value) }) })}</div>`}
        ${image && slider("opacity", "Opacity", 10, state.view !== "overlay")}
        ${slider("strongest", "Strongest", 1, image && state.view === "image")}
        ${image && html`<label class="check"><input type="checkbox" checked=${state.outlines} onChange=${() => choose(element, { outlines: !state.outlines })} />Outlines of segments</label>`}
        <div class="legend" role="img" aria-label=${`Colour scale from −${end} to +${end} ${unit}: blue ${low}, crimson ${high}`}>
          <div class="legend-bar" style=${{ background: `linear-gradient(to right, ${legendStops(state.dark)})` }}></div>
          <div class="legend-numbers"><span>${numbered ? `≤ −${end}` : "−"}</span><span>0</span><span>${numbered ? `≥ +${end}` : "+"}</span></div>
          <div class="legend-words"><span>${low}</span><span>${unit}</span><span>${high}</span></div>
        </div>
        <div class="field"><span>Scale</span>${segmented({ label: "End of the colour scale", value: state.lock ? "one" : "fit", options: scales(kind), choose: (_, value) => choose(element, { lock: value === "one" }) })}</div>
        ${numbered && html`<p class="note">ends at ±${end} everywhere; at most 2 % of the values lie beyond</p>`}
        <p class="note">${state.lock ? reach(element, data) : html`each ${KINDS[kind].drawn} has its own scale; the large ones end at ${ownEnds(data)}`}</p>
      </div>`,
      element,
    );
  };
}

/** @param {import("../../types.d.ts").Kind} kind */
const scales = (kind) => [
  { value: "one", text: "one for all", title: `the same colour means the same number everywhere${kind === "tabular" ? ", and a probe's bars have one scale at every epoch and in both runs" : ""}` },
  { value: "fit", text: "fit", title: `the scale of each ${KINDS[kind].drawn} ends at its own largest value` },
];

// Below this part of the scale a probe looks pale, as if it had no attribution.
const PALE = 0.15;

/**
 * How much of the scale the selected probe uses, and a button that fits the scale to it.
 * @param {HTMLElement} element
 * @param {import("../../types.d.ts").Data} data
 */
function reach(element, { panes, probe, scale }) {
  const extents = panes.map(({ title, side, step }) => ({ title, most: largest(side.values(probe)?.at(step)?.values ?? []) })).filter(({ most }) => most > 0);
  if (!extents.length || !scale) return "";
  const odd = (/** @type {number} */ most) => (most > scale ? " (beyond)" : most < PALE * scale ? " (pale)" : "");
  const fit = html`<button type="button" class="link fit" title="end the colour scale at the largest value shown" onClick=${() => choose(element, { lock: false })}>fit</button>`;
  return html`this probe: ${extents.map(({ title, most }) => `${title} up to ${number(most)}${odd(most)}`).join(", ")} ${extents.some(({ most }) => odd(most)) && fit}`;
}

/**
 * Where the scales of the large pictures end, each at its own largest value.
 * @param {import("../../types.d.ts").Data} data
 */
function ownEnds({ panes, probe }) {
  const values = panes.map(({ side, step }) => side.values(probe)?.at(step)?.values);
  const ends = panes.map(({ title, side }, i) => ({ title, color: side.color, values: values[i] }));
  const [first, second] = values;
  if (first && second) ends.push({ title: `${panes[0].title} − ${panes[1].title}`, color: "", values: difference(first, second) });
  return ends.map(({ title, color, values: own }) => html`<span key=${title} class="own-end"><b style=${{ color }}>${title}</b> ±${own ? number(largest(own)) : "–"} </span>`);
}
