/** What is explained: method, class, and the probe set where a run has several. */

import { memo } from "../../model/memo.js";
import { className, method, outputName, unitWords } from "../../words/format.js";
import { chief, fit } from "../../words/measures.js";
import { choose, html, render, segmented, select } from "../parts/html.js";

// Buttons for so many letters in all stand in one row; more methods are a list.
const LETTERS = 16;
const BUTTONS = 3;

const classOptions = memo((/** @type {import("../../types.d.ts").ProbeSetInfo} */ probes) => [
  ...(probes.labels ? [{ value: "label", text: "true label" }] : []),
  ...(probes.label_sets ? [{ value: "label", text: "first true label" }] : []),
  ...(probes.regression ? [{ value: "label", text: "first explained" }] : [{ value: probes.labels || probes.label_sets ? "predicted" : "label", text: "predicted now" }]),
  ...Array.from({ length: probes.classes }, (_, i) => ({ value: String(i), text: probes.regression ? outputName(probes, i) : `“${className(probes, i)}”` })),
]);

/** @type {import("../../types.d.ts").View} */
export function explanationView(element) {
  return (data, state) => {
    if (!data.a) return;
    const { explainers, probes, set, settings } = data.a.info;
    const { read_as: readAs, read_by: readBy } = settings;
    const sets = data.runs.find(({ run }) => run === data.a?.run)?.sets ?? [];
    const classes = classOptions(probes).filter(({ value }) => !data.report || data.report.classes.includes(value));
    const methods = explainers.map((name) => ({ value: name, text: method(name) }));
    const few = methods.length <= BUTTONS && methods.map(({ text }) => text).join("").length <= LETTERS;
    const meaning = fit(chief(data.a.fidelity?.measures ?? []), probes.kind);
    const chooser = { label: "Method", value: data.method, options: methods, choose: (/** @type {Event} */ _, /** @type {string} */ value) => choose(element, { method: value }) };
    render(
      html`<div>
        <h2>Explanation</h2>
        ${sets.length > 1 &&
        html`<div class="field"><span>Probes</span>
          ${select({ label: "Probe set", value: set, options: sets.map((name) => ({ value: name, text: name })), choose: (_, value) => choose(element, { set: value, probe: null, player: null, areas: [], region: null }) })}
        </div>`}
        <div class="field"><span>Method</span>
          ${few ? segmented(chooser) : select(chooser)}
        </div>
        ${(!probes.regression || probes.classes > 1) &&
        html`<div class="field"><span>${probes.regression ? "Output" : "Class"}</span>
          ${select({ label: probes.regression ? "Output that is explained" : "Class that is explained", value: state.class, options: classes, choose: (_, value) => choose(element, { class: value }) })}
        </div>`}
        ${readAs && html`<div class="field"><span>Read as</span><span class="value" title=${`The model's outputs are read as ${readAs}: ${readBy}. head= sets it.`}>${readAs}</span></div>`}
        <div class="field"><span>Unit</span><span class="value">${unitWords([data.a, data.b])}</span></div>
        ${meaning && html`<p class="note fit-meaning">${meaning}</p>`}
      </div>`,
      element,
    );
  };
}
