/** The list of keys and of what the marks on the page mean, over the page. */

import { keysOf } from "../host/keyboard.js";
import { GLYPHS } from "../model/events.js";
import { EVENT_KINDS } from "../model/state.js";
import { playerNoun } from "../words/kinds.js";
import { choose, html, render } from "./parts/html.js";

/** @type {import("../types.d.ts").View} */
export function helpView(element) {
  let open = false;
  return (data, state) => {
    const close = () => choose(element, { help: false });
    render(
      state.help &&
        html`<div class="veil" onClick=${close}>
          <div class="help" role="dialog" aria-modal="true" aria-label="Keys and marks" onClick=${(/** @type {Event} */ event) => event.stopPropagation()}>
            <div class="help-columns">
              <section><h2>Keys</h2>
                <dl>${keysOf(data.a?.info.probes.kind ?? "image").map(([keys, words]) => html`<div key=${keys}><dt>${keys.split(" ").map((key) => (key === "or" ? " or " : html`<kbd>${key}</kbd>`))}</dt><dd>${words}</dd></div>`)}</dl></section>
              <section><h2>Marks</h2>
                <dl>${marksOf(data).map(([mark, words]) => html`<div key=${words}><dt>${mark}</dt><dd>${words}</dd></div>`)}</dl></section>
            </div>
            <button type="button" class="button" onClick=${close}>Close</button>
          </div>
        </div>`,
      element,
    );
    if (state.help && !open) element.querySelector("button")?.focus();
    open = state.help;
  };
}

/** @type {(name: string, text?: string) => import("../types.d.ts").VNode} */
const swatch = (name, text = "") => html`<span class="mark ${name}">${text}</span>`;

/**
 * The marks that these probes have, and what they mean.
 * @param {import("../types.d.ts").Data} data
 * @returns {[unknown, string][]}
 */
function marksOf({ a, b }) {
  const { kind, regression } = a?.info.probes ?? { kind: /** @type {const} */ ("image"), regression: false };
  const one = playerNoun(kind);
  const [pro, contra] = regression ? ["raises the output", "lowers the output"] : ["evidence for the class", "evidence against it"];
  /** @type {(false | [unknown, string])[]} */
  const all = [
    [swatch("mark-for"), pro],
    [swatch("mark-against"), contra],
    kind === "text" && [swatch("mark-solid", "word"), `underlined: ${pro}`],
    kind === "text" && [swatch("mark-dotted", "word"), `dots below: ${contra}`],
    kind === "image" && [swatch("mark-ink"), "“classic picture”, as in LIME's first guide: the segments that speak most for the class; a second click shows all of them, in colours"],
    kind !== "tabular" && [kind === "text" ? swatch("mark-solid hidden-token", "word") : swatch("mark-hidden"), "hidden: of the other sign, or not among the strongest"],
    [swatch("mark-frame"), `the ${one} whose numbers are shown`],
    [swatch("mark-dashes"), "the region whose share is measured"],
    [swatch("mark-hatched"), "on a card or an image: no explanation; on a difference: within noise"],
    [html`${swatch("mark-line")} ${swatch("mark-line dashed")}`, "training, validation; the ring marks the best epoch"],
    [swatch("mark-returned"), "the model that training returned, apart from the epochs"],
    [swatch("mark-band"), "the middle half of the probes; the line is the median (of a share: the mean); hatched: noise"],
    [html`<b>≠</b> <b>≈</b>`, b ? "A and B differ by more than noise, or not" : "changed by more than noise, or not"],
    [html`<span class="right">✓</span> <b class="wrong">✗</b>`, a?.info.probes.label_sets ? "all labels are right, some are wrong" : "the prediction is right, wrong"],
    ...EVENT_KINDS.map((event) => /** @type {[unknown, string]} */ ([GLYPHS[event], EVENTS[event]])),
  ];
  return all.filter((mark) => mark !== false);
}

/** @type {Record<import("../types.d.ts").EventKind, string>} */
const EVENTS = {
  learned: "the probe is predicted correctly from here on",
  relearned: "predicted correctly again",
  forgotten: "predicted wrongly again",
  "reason changed": "still correct, but the explanation changed",
  onset: "the run leans on a region: more than noise of its attribution lies there from here on",
  collapsed: "almost no attribution is left",
};
