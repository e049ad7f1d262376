/** What the model answers for the selected probe, class by class; a click explains another class. */

import { className, number, plural, probability } from "../format.js";
import { choose, html, render } from "../html.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pane} Pane */

const MOST = 50;

/** @type {import("../types.d.ts").View} */
export function classesView(element) {
  // Of one probe the order is asked for at every step of the cursor.
  let key = "";
  /** @type {number[]} */
  let rows = [];

  return (data) => {
    if (data.phase !== "ready" || !data.a) return;
    const { probes } = data.a.info;
    const { panes, probe } = data;
    const outputs = panes.map(({ side }) => side.outputs());
    const answers = panes.map(({ step }, i) => outputs[i]?.at(probe, step) ?? null);
    if (probes.regression) {
      render(
        html`<dl class="outputs">${panes.map(({ title, side }, i) => html`<div key=${title}><dt><b style=${{ color: side.color }}>${title}</b> output</dt><dd>${number(answers[i]?.[0])}</dd></div>`)}</dl>`,
        element,
      );
      return;
    }
    const explained = panes[0].side.values(probe)?.at(panes[0].step)?.target;
    const label = probes.labels?.[probe];
    const predicted = panes.map(({ side, step }) => side.answers?.at(probe, step)?.predicted);
    const next = [probe, ...panes.map(({ side }, i) => [side.id, Boolean(outputs[i])])].join();
    if (next !== key) {
      key = next;
      rows = order(outputs, probe, probes.classes, label);
    }
    const columns = `minmax(64px, 1.1fr) repeat(${panes.length}, minmax(0, 1fr))`;
    const head = (/** @type {Pane} */ { title, side }, /** @type {number} */ i) => {
      const says = predicted[i] === undefined || predicted[i] < 0 ? "" : `says “${className(probes, predicted[i])}”`;
      return html`<span key=${title} class="ellipsis" title=${`${title} ${says}`}><b style=${{ color: side.color }}>${title}</b> ${says}</span>`;
    };
    const count = `${rows.length < probes.classes ? `${rows.length} of ` : ""}${plural(probes.classes, "class", "classes")}`;
    render(
      html`<div role="group" aria-label="Probability of each class; choose one to explain it">
        <div class="class-head" style=${{ gridTemplateColumns: columns }}><span class="ellipsis" title=${count}>${count}</span>${panes.map(head)}</div>
        <div class="class-rows">${rows.map((number) => {
          const name = className(probes, number);
          return html`<button key=${number} type="button" class="class-row" style=${{ gridTemplateColumns: columns }} aria-pressed=${number === explained} title=${`Explain “${name}”`}
            onClick=${() => choose(element, { class: number === label ? "label" : String(number) })}>
            <span class="class-name"><span class="ellipsis">${name}</span>${number === label && html`<span class="tag">true</span>`}</span>
            ${panes.map((pane, i) => bar(pane, answers[i]?.[number], predicted[i] === number))}
          </button>`;
        })}</div>
      </div>`,
      element,
    );
  };
}

/**
 * @param {Pane} pane
 * @param {number | undefined} value
 * @param {boolean} predicted
 */
function bar({ title, side }, value, predicted) {
  return html`<span key=${title} class="bar-cell">
    <span class="bar-track"><span class="bar-fill" style=${{ width: `${100 * (value || 0)}%`, background: side.color }}></span></span>
    <span class=${predicted ? "number predicted" : "number"}>${probability(value, 3)}</span>
  </span>`;
}

/**
 * Classes by their probability at the last epoch there is one, the true class first: the rows keep their places while the cursor moves.
 * @param {(import("../types.d.ts").Outputs | undefined)[]} outputs
 * @param {number} probe
 * @param {number} classes
 * @param {number | undefined} label
 */
function order(outputs, probe, classes, label) {
  const lasts = outputs.map((output) => {
    const steps = [...(output?.steps ?? [])];
    const step = steps.findLast((one) => Number.isFinite(output?.at(probe, one)?.[0]));
    return step === undefined ? null : output?.at(probe, step);
  });
  const last = lasts.find(Boolean) ?? new Float32Array(classes);
  return Array.from({ length: classes }, (_, i) => i)
    .sort((x, y) => Number(y === label) - Number(x === label) || last[y] - last[x] || x - y)
    .slice(0, MOST);
}
