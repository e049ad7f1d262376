/** How pictures and charts look, and the legend of their colours. */

import { legendStops } from "../../figures/color.js";
import { difference, largest, leavesOut } from "../../figures/scale.js";
import { CLASSIC, isClassic, PLAIN } from "../../model/look.js";
import { choiceNouns } from "../../words/chosen.js";
import { number, unitWords } from "../../words/format.js";
import { KINDS, playerNoun } from "../../words/kinds.js";
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

/** @typedef {import("../../types.d.ts").State} State */

/** What an address can hold (model/state.js). */
const MOST_COUNT = 999_999;

/** What the outlines look like while the user has chosen no colour: about their grey. */
const GREY = "#808080";

/** @type {import("../../types.d.ts").View} */
export function lookView(element) {
  return (data, state) => {
    if (!data.a) return;
    const unit = unitWords([data.a, data.b?.ownEnd ? null : data.b]);
    const { probes } = data.a.info;
    const { kind } = probes;
    const image = kind === "image";
    const [low, high] = probes.regression ? ["lowers", "raises"] : ["against", "for"];
    const end = data.scale ? number(data.scale) : "–";
    const numbered = state.lock && data.scale > 0;
    const isPressed = isClassic(state);
    const lime = data.a.info.explainers.includes("lime");
    const classic = () => choose(element, isPressed ? PLAIN : { ...CLASSIC, ...(lime && { method: "lime" }) });
    const about = isPressed
      ? "leave it: all segments, in colours"
      : `as in LIME's first guide: the ${CLASSIC.top} strongest ${choiceNouns(CLASSIC, probes)}, in yellow outlines; the rest is hidden${lime ? `, and the method is LIME` : ""}`;
    render(
      html`<div>
        <div class="look-head"><h2>${image ? "Picture" : "Colours"}</h2>
          ${image && html`<button type="button" class="button" aria-pressed=${isPressed} title=${about} onClick=${classic}>classic picture${isPressed && html` <span aria-hidden="true">✕</span>`}</button>`}</div>
        ${image && html`<div class="field"><span>View</span>${segmented({ label: "View", value: state.view, options: LOOKS, choose: (_, value) => choose(element, { view: /** @type {import("../../types.d.ts").Look} */ (value) }) })}</div>`}
        ${image && data.panes.length === 2 &&
        html`<div class="field"><span>Pair</span>${segmented({ label: `${data.panes[0].title} and ${data.panes[1].title}`, value: state.compare, options: COMPARE, choose: (_, value) => choose(element, { compare: /** @type {State["compare"]} */ (value) }) })}</div>`}
        ${image && slider(element, "Opacity", "Opacity", { value: state.opacity, least: 10, off: state.view !== "overlay", change: (value) => ({ opacity: value }), output: html`<output>${state.opacity} %</output>` })}
        <div class="field"><span>Show</span>${segmented({ label: "What is shown", value: state.sign, options: signs(probes, data.panes), choose: (_, value) => choose(element, { sign: /** @type {State["sign"]} */ (value) }) })}</div>
        ${strongest(element, data, state, image && state.view === "image" && state.rest === "show" && !state.ink)}
        <label class="check"><input type="checkbox" checked=${state.rest === "hide"} disabled=${state.rest === "show" && !leavesOut(state)} onChange=${() => choose(element, { rest: state.rest === "hide" ? "show" : "hide" })} />Hide the rest</label>
        ${image && html`<div class="look-outlines"><label class="check"><input type="checkbox" checked=${state.outlines} onChange=${() => choose(element, { outlines: !state.outlines })} />Outlines of segments</label>
          ${state.outlines && html`<input type="color" value=${state.ink ?? GREY} aria-label="Colour of the outlines" title=${leavesOut(state) ? "a colour for outlines of what is shown" : "a colour for the outlines"} onInput=${(/** @type {Event} */ event) => choose(element, { ink: /** @type {HTMLInputElement} */ (event.target).value })} />`}
          ${state.outlines && state.ink && html`<button type="button" class="link" aria-label="Thin grey outlines" title="thin grey outlines of all segments" onClick=${() => choose(element, { ink: null })}>✕</button>`}</div>`}
        <div class="legend" role="img" aria-label=${`Colour scale from −${end} to +${end} ${unit}: blue ${low}, crimson ${high}`}>
          <div class="legend-bar" style=${{ background: `linear-gradient(to right, ${legendStops(state.dark)})` }}></div>
          <div class="legend-numbers"><span>${numbered ? `≤ −${end}` : "−"}</span><span>0</span><span>${numbered ? `≥ +${end}` : "+"}</span></div>
          <div class="legend-words"><span>${low}</span><span>${unit}</span><span>${high}</span></div>
        </div>
        ${data.b?.ownEnd && html`<p class="note">B is in ${data.b.unit}, on a scale of its own${state.lock ? `, to ±${number(data.b.scale())}` : ""}</p>`}
        <div class="field"><span>Scale</span>${segmented({ label: "End of the colour scale", value: state.lock ? "one" : "fit", options: scales(kind), choose: (_, value) => choose(element, { lock: value === "one" }) })}</div>
        ${numbered && html`<p class="note">ends at ±${end} everywhere; ${kind === "tabular" ? "no bar is larger" : "at most 2 % of the values lie beyond"}</p>`}
        <p class="note">${state.lock ? reach(element, data) : html`each ${KINDS[kind].drawn} has its own scale; the large ones end at ${ownEnds(data)}`}</p>
      </div>`,
      element,
    );
  };
}

/**
 * @param {HTMLElement} element
 * @param {string} label
 * @param {string} name  for those who do not see it
 * @param {{value: number, least: number, off: boolean, change: (value: number) => import("../../types.d.ts").Change, output: unknown}} what
 */
function slider(element, label, name, { value, least, off, change, output }) {
  return html`<div class="field"><span>${label}</span>
    <input type="range" aria-label=${name} min=${least} max="100" value=${value} disabled=${off} style=${{ "--at": `${((value - least) / (100 - least)) * 100}%` }}
      onInput=${(/** @type {Event} */ event) => choose(element, change(Number(/** @type {HTMLInputElement} */ (event.target).value)))} />
    ${output}</div>`;
}

/**
 * How many of the strongest are shown: a part by the slider, or a number.
 * @param {HTMLElement} element
 * @param {import("../../types.d.ts").Data} data
 * @param {State} state
 * @param {boolean} off
 */
function strongest(element, { panes, probe }, state, off) {
  const { probes } = panes[0].side.info;
  const players = probes.players[probe];
  const noun = playerNoun(probes.kind, 2);
  const value = state.top === null ? state.strongest : Math.max(1, Math.min(100, Math.round((100 * state.top) / players)));
  const count = (/** @type {Event} */ event) => {
    const { value: text } = /** @type {HTMLInputElement} */ (event.target);
    if (text === "") choose(element, { top: null });
    else if (Number(text) >= 1) choose(element, { top: Math.min(MOST_COUNT, Math.round(Number(text))) });
  };
  // What no number can be goes when the field is left.
  const settle = (/** @type {Event} */ event) => {
    /** @type {HTMLInputElement} */ (event.target).value = String(state.top ?? "");
  };
  const output = html`<input type="number" class="count" min="1" step="1" placeholder=${`${state.strongest} %`} value=${state.top ?? ""} disabled=${off} aria-label=${`How many ${noun}`}
    title=${`how many of the ${players} ${noun}; empty: the part that the slider gives`} onInput=${count} onBlur=${settle} />`;
  return slider(element, "Strongest", `Strongest ${noun}, per cent`, { value, least: 1, off, change: (part) => ({ strongest: part, top: null }), output });
}

/** @type {(probes: import("../../types.d.ts").ProbeSetInfo, panes: import("../../types.d.ts").Pane[]) => {value: string, text: string, title: string}[]} */
function signs(probes, [first, second]) {
  const both = second ? `; ${first.title} − ${second.title} keeps both signs` : "";
  const [pro, contra] = probes.regression ? ["raises", "lowers"] : ["for", "against"];
  const speaks = (/** @type {string} */ word) => (probes.regression ? `only what ${word} the output${both}` : `only what speaks ${word} the class${both}`);
  return [
    { value: "both", text: "all", title: "both signs" },
    { value: "for", text: pro, title: speaks(pro) },
    { value: "against", text: contra, title: speaks(contra) },
  ];
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
  if (first && second && !panes[1].side.apart) ends.push({ title: `${panes[0].title} − ${panes[1].title}`, color: "", values: difference(first, second) });
  return ends.map(({ title, color, values: own }) => html`<span key=${title} class="own-end"><b style=${{ color }}>${title}</b> ±${own ? number(largest(own)) : "–"} </span>`);
}
