/** The model's outputs for the selected probe, class by class; a click explains another class. */

import { reveal } from "../../figures/layout.js";
import { EM } from "../../host/text.js";
import { className, inUnit, outputError, outputName, outputNumber, plural, probability, unitWords } from "../../words/format.js";
import { quotedApart } from "../../words/names.js";
import { labelIsRight, trueLabels } from "../../words/truth.js";
import { failure } from "../parts/failure.js";
import { choose, html, named, render } from "../parts/html.js";
import { verdict } from "../parts/prediction.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */

/** @typedef {import("../../types.d.ts").State} State */

const MOST = 50;
// From so many on, one is looked for by its name or number.
const MANY = 20;
// px of one, as in styles/reading.css.
const ROW = 20 * EM;
// Classes that are named in a reason.
const NAMED = 8;

/** @type {import("../../types.d.ts").View} */
export function classesView(element) {
  // The order is kept while the cursor moves over one probe.
  let key = "";
  /** @type {number[]} */
  let order = [];
  let scrolledTo = "";
  let wanted = -1;

  /** @type {Element | null} */
  let list = null;
  const bring = () => {
    if (list?.children[wanted]) list.scrollTop = reveal(list.scrollTop, list.clientHeight, ROW, wanted);
  };
  const resized = new ResizeObserver(bring);
  const watch = (/** @type {Element | null} */ now) => {
    if (now === list) return;
    resized.disconnect();
    list = now;
    if (list) resized.observe(list);
  };

  const search = (/** @type {string} */ find) => choose(element, { find });

  const keyDown = (/** @type {KeyboardEvent} */ event, /** @type {string} */ query) => {
    const rows = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(".class-row"));
    if (event.isComposing) return;
    if (event.key === "Escape" && query) search("");
    else if (event.key === "ArrowDown") rows[0]?.focus();
    else if (event.key === "Enter") rows[0]?.click();
    else return;
    event.preventDefault();
  };

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    if (data.phase !== "ready" || !data.a) return;
    const { probes, settings } = data.a.info;
    const { panes, probe } = data;
    const outputs = panes.map(({ side }) => side.outputs());
    const probabilities = panes.map(({ step }, i) => outputs[i]?.at(probe, step) ?? null);
    const failed = failure(element, data, ["outputs"], "The probabilities could not be read");
    const { regression, label_sets: sets } = probes;
    const truth = probes.truth?.[probe];
    if (regression && probes.classes === 1) {
      render(html`<dl class="outputs">${panes.map((pane, i) => outputRow(pane, probabilities[i]?.[0], truth?.[0]))}${failed}</dl>`, element);
      return;
    }
    const explained = panes[0].side.values(probe)?.at(panes[0].step)?.target;
    const labels = trueLabels(probes, probe) ?? [];
    const given = panes.map(({ side, step }) => side.predictions?.at(probe, step));
    const next = [probe, ...panes.map(({ side }, i) => [side.id, Boolean(outputs[i])])].join();
    if (next !== key) {
      key = next;
      order = regression ? Array.from({ length: probes.classes }, (_, i) => i) : ordered(outputs, probe, probes.classes, labels);
    }
    // Where there are few there is no field to empty.
    const query = probes.classes > MANY ? state.find : "";
    const matches = matching(order, query, (number) => className(probes, number));
    const beside = panes.length;
    const columns = regression ? `minmax(3rem, 1fr) ${truth ? "minmax(2.5rem, 0.7fr) " : ""}repeat(${beside}, minmax(5.25rem, 1.4fr))` : `minmax(4rem, 1.7fr) repeat(${beside}, minmax(0, 1fr))`;
    const targets = targetsOf(panes, outputs, probe);
    const shown = withExplained(matches, [...(targets && targets.size < MOST ? targets : []), explained ?? -1]);
    const listed = `${shown.length < probes.classes ? `${shown.length} of ` : ""}${things(probes, probes.classes)}`;
    const units = regression ? unitWords(panes.map(({ side: { letter, info } }) => ({ letter, unit: info.probes.unit ?? "" }))) : "";
    const unit = units && `, in ${units}`;
    const count = `${listed}${targets && targets.size < probes.classes ? `, ${targets.size} explained` : ""}${unit}`;
    // What a click on a class chooses: "label" where that is its class.
    const own = regression ? Math.min(...(Array.isArray(settings.classes) ? settings.classes : [0])) : labels.find((number) => !targets || targets.has(number));
    const cell = (/** @type {Pane} */ pane, /** @type {number} */ i, /** @type {number} */ place) => {
      const value = probabilities[i]?.[place];
      if (regression) return outputCell(pane, value, truth?.[place]);
      if (sets) return bar(pane, value, Number(value) >= 0.5, labelIsRight(value, labels.includes(place)));
      return bar(pane, value, given[i]?.predicted === place);
    };
    const thing = regression ? "output" : "class";
    render(
      html`<div role="group" aria-label=${regression ? "Each output; choose one to explain it" : "Probability of each class; choose one to explain it"}>
        ${probes.classes > MANY && html`<input type="search" class="class-search" placeholder=${regression ? "Find an output" : "Find a class"} aria-label=${`Find one of ${things(probes, probes.classes)} by name or number`} value=${query}
          onInput=${(/** @type {Event} */ event) => search(/** @type {HTMLInputElement} */ (event.target).value)} onKeyDown=${(/** @type {KeyboardEvent} */ event) => keyDown(event, query)} />`}
        <div class="class-head" style=${{ gridTemplateColumns: columns }}><span class="ellipsis" title=${count} aria-live="polite">${count}</span>${regression && truth && html`<span class="output-cell">true</span>`}${panes.map((pane, i) => head(pane, probes, given[i]))}</div>
        ${failed}
        <div class="class-box" style=${{ "--rows": shown.length + Number(matches.length === 0 || matches.length > MOST) }}><div class="class-rows">${shown.map((place) =>
          classRow({ number: place, name: outputName(probes, place), absent: absence(settings, place, targets, data.report, place === own), chosen: place === explained, label: labels.includes(place) && !regression, columns, explain: () => choose(element, { class: place === own ? "label" : String(place) }) },
            [regression && truth && html`<span class="output-cell number">${outputNumber(truth[place])}</span>`, ...panes.map((pane, i) => cell(pane, i, place))]),
        )}
        ${matches.length === 0 && html`<p class="note">No ${thing} matches “${query}”.</p>`}
        ${matches.length > MOST && html`<p class="note">The ${regression ? `first ${MOST}` : `${MOST} most likely`}; find ${matches.length - MOST} more by name or number.</p>`}</div></div>
      </div>`,
      element,
    );
    watch(element.querySelector(".class-rows"));
    // The reader may scroll on; only another class or probe, or another height, brings the list back to what is explained.
    const place = [key, explained].join();
    if (place === scrolledTo || explained === undefined) return;
    scrolledTo = place;
    wanted = shown.indexOf(explained);
    bring();
  };
  return update;
}

/** @type {(probes: import("../../types.d.ts").ProbeSetInfo, count: number) => string} */
const things = ({ regression }, count) => (regression ? plural(count, "output") : plural(count, "class", "classes"));

/**
 * The only output of a regression, with the true value and its error.
 * @type {(pane: Pane, value: number | undefined, truth: number | undefined) => unknown}
 */
const outputRow = ({ title, side: { color, info: { probes: { unit } } } }, value, truth) =>
  html`<div key=${title}><dt><b style=${{ color }}>${title}</b> output</dt><dd>${inUnit(outputNumber(value), unit)}</dd>
    ${truth !== undefined && html`<dt>true</dt><dd>${outputNumber(truth)}</dd><dt>error</dt><dd>${outputError(value, truth)}</dd>`}</div>`;

/**
 * One of several outputs of a regression, with its error.
 * @type {(pane: Pane, value: number | undefined, truth: number | undefined) => unknown}
 */
const outputCell = ({ title }, value, truth) =>
  html`<span key=${title} class="output-cell number">${outputNumber(value)}${truth !== undefined && html`<span class="output-error" title="error">${outputError(value, truth)}</span>`}</span>`;

/**
 * The heading of a column: the run's prediction.
 * @param {Pane} pane
 * @param {import("../../types.d.ts").ProbeSetInfo} probes
 * @param {import("../../types.d.ts").Prediction | null | undefined} given
 */
function head({ title, side }, probes, given) {
  const predicted = given?.predicted ?? -1;
  let words = predicted < 0 ? "" : `predicts “${className(probes, predicted)}”`;
  if (probes.regression) words = probes.truth ? "output, error" : "output";
  else if (probes.label_sets && predicted >= 0) words = `${given?.right} of ${probes.classes} right`;
  return html`<span key=${title} class=${probes.regression ? "ellipsis output-cell" : "class-predicts"} title=${`${title} ${words}`}><b style=${{ color: side.color }}>${title}</b> ${quotedApart(words)}</span>`;
}

/**
 * @param {{number: number, name: string, absent: string, chosen: boolean, label: boolean, columns: string, explain: () => void}} row  absent: why the class can't be chosen, after its name; "" where it can
 * @param {unknown[]} bars
 */
function classRow({ number, name, absent, chosen, label, columns, explain }, bars) {
  return html`<button key=${number} type="button" class=${absent ? "class-row absent" : "class-row"} style=${{ gridTemplateColumns: columns }} aria-pressed=${chosen}
    aria-disabled=${absent ? "true" : undefined} title=${absent ? `“${name}” ${absent}` : `Explain “${name}”${label ? ", which is true" : ""}`} onClick=${() => !absent && explain()}>
    <span class="class-name">${named(name)}${label && html`<span class="tag">true</span>`}</span>
    ${bars}
  </button>`;
}

/**
 * Why a class can't be chosen, after its name; "" where it can.
 * @param {import("../../types.d.ts").RunInfo["settings"]} settings
 * @param {number} number
 * @param {Set<number> | null} targets
 * @param {import("../../types.d.ts").Report | null} report
 * @param {boolean} own  whether it is the class of the label
 */
function absence(settings, number, targets, report, own) {
  const why = notExplained(settings, number, targets);
  if (why) return `was not explained: ${why}`;
  return report && !own && !report.classes.includes(String(number)) ? "is left out of this report" : "";
}

/**
 * Classes whose name or number has a text in it, the number itself first.
 * @param {number[]} order
 * @param {string} query
 * @param {(number: number) => string} nameOf
 */
export function matching(order, query, nameOf) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return order;
  const matches = order.filter((number) => String(number).includes(wanted) || nameOf(number).toLowerCase().includes(wanted));
  return matches.sort((x, y) => Number(String(y) === wanted) - Number(String(x) === wanted));
}

/**
 * The classes that are listed: the explained ones are always among them.
 * @param {number[]} matches
 * @param {number[]} explained
 */
function withExplained(matches, explained) {
  const first = matches.slice(0, MOST);
  const more = matches.slice(MOST).filter((number) => explained.includes(number));
  return [...first.slice(0, first.length - more.length), ...more];
}

/**
 * The classes that were explained for a probe at the cursor, by any of the panes; null if unknown.
 * @param {Pane[]} panes
 * @param {(import("../../types.d.ts").Outputs | undefined)[]} outputs
 * @param {number} probe
 */
function targetsOf(panes, outputs, probe) {
  const sets = panes.flatMap(({ step }, i) => outputs[i]?.targets(probe, step) ?? []);
  const all = new Set(sets.flatMap((targets) => [...targets]));
  // At a gap there is no explanation of any class.
  return all.size ? all : null;
}

/**
 * Why there is no explanation of a class: the logger was configured with other classes, or chose others for this probe.
 * @param {Pick<import("../../types.d.ts").RunInfo["settings"], "classes" | "head">} settings
 * @param {number} number
 * @param {Set<number> | null} targets  that were explained, where that is known
 */
export function notExplained({ classes, head }, number, targets) {
  if (targets ? targets.has(number) : !Array.isArray(classes) || classes.includes(number)) return "";
  if (!Array.isArray(classes) && !["softmax", "logits"].includes(head ?? "softmax")) return `of many outputs, the logger explains the first ${targets?.size ?? "ones"}; classes=[…] selects others`;
  if (!Array.isArray(classes)) return "with many classes, the logger explains the true class and the two most likely others; classes=[…] selects others";
  return `the run was logged with classes=[${classes.slice(0, NAMED).join(", ")}${classes.length > NAMED ? ", …" : ""}]`;
}

/**
 * @param {Pane} pane
 * @param {number | undefined} value
 * @param {boolean} predicted
 * @param {boolean | null} [right]  whether a label of a set is right; null where that is not known
 */
function bar({ title, side }, value, predicted, right) {
  return html`<span key=${title} class="bar-cell">
    <span class="bar-track">${Number.isFinite(value) && html`<span class="bar-fill" style=${{ width: `${100 * Number(value)}%`, background: side.color }}></span>`}</span>
    <span class=${predicted ? "number predicted" : "number"}>${probability(value, 3)}</span>${right !== undefined && html`<span class="label-verdict">${right !== null && verdict(right)}</span>`}
  </span>`;
}

/**
 * Classes by their probability at the last epoch there is one, the true classes first: the rows keep their places while the cursor moves.
 * @param {(import("../../types.d.ts").Outputs | undefined)[]} outputs
 * @param {number} probe
 * @param {number} classes
 * @param {number[]} labels
 */
function ordered(outputs, probe, classes, labels) {
  const lasts = outputs.map((output) => {
    const steps = [...(output?.steps ?? [])];
    const step = steps.findLast((one) => Number.isFinite(output?.at(probe, one)?.[0]));
    return step === undefined ? null : output?.at(probe, step);
  });
  const last = lasts.find(Boolean) ?? new Float32Array(classes);
  return Array.from({ length: classes }, (_, i) => i).sort((x, y) => Number(labels.includes(y)) - Number(labels.includes(x)) || last[y] - last[x] || x - y);
}
