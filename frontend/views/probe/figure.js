/** The parts of a large picture: frame, caption, the reason why it is blank, quality measures. */

import { chosen, isBlank, isZero } from "../../figures/scale.js";
import { RETURNED } from "../../figures/steps.js";
import { ABSENT } from "../../model/cursor.js";
import { isOnce, sideAt } from "../../model/frames.js";
import { isNoise } from "../../model/shown.js";
import { isFixed } from "../../model/state.js";
import { nothingWords } from "../../words/chosen.js";
import { className, epoch, method, percent } from "../../words/format.js";
import { playerNoun } from "../../words/kinds.js";
import { caution, chief, isGap, isLow, reading, sentence, unlike, unlikeSentence } from "../../words/measures.js";
import { choose, html, named } from "../parts/html.js";
import { icon } from "../parts/icons.js";
import { prediction } from "../parts/prediction.js";

/** @typedef {import("../../types.d.ts").Attribution} Attribution */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").Side} Side */

/**
 * @param {string} key
 * @param {unknown} head
 * @param {string} blank  why there is no picture, or what is odd about it; "" where nothing is
 * @param {unknown} content  canvases
 * @param {string} color
 * @param {unknown} foot
 * @param {unknown} drawing  what is drawn over it
 */
export function figure(key, head, blank, content, color, foot, drawing) {
  return html`<figure key=${key} class="view" style=${{ "--run": color }}>
    <figcaption>${head}</figcaption>
    <div class="picture">
      ${content}
      ${drawing}
      ${blank && html`<p class="blank">${blank}</p>`}
    </div>
    ${foot}
  </figure>`;
}

/**
 * @param {Pane} pane
 * @param {Data} data
 */
export function paneName({ title, side, step }, { cursor }) {
  if (title === "now" || title === "pinned") return epoch(step);
  // At the returned models the cursor's own words say what each is.
  return step === cursor.step || cursor.step === RETURNED || step === ABSENT || isOnce(side) ? named(side.label) : html`${named(side.label)}<span class="pane-epoch"> · ${epoch(step)}</span>`;
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {Pane} pane
 */
export function paneHead(element, data, pane) {
  const { title, side, step } = pane;
  const pin = html`<button type="button" class="icon-button small" aria-label="Pin this epoch as the reference (p)" title="Pin this epoch as the reference (p)"
    onClick=${() => choose(element, { pin: step })}>${icon("pin")}</button>`;
  return html`<span class="pane-name" title=${side.name}><b class="run-ink">${title}</b> ${paneName(pane, data)}${title === "now" && !isFixed(data, "pin") && pin}</span>
    <span class="prediction">${prediction(pane, data.probe)}</span>`;
}

/**
 * @param {Pane[]} panes
 * @param {boolean} lock
 */
export function differenceHead([first, second], lock) {
  return html`<span><b>${first.title} − ${second.title}</b></span><span class="prediction">${lock ? "same scale" : "own scale"}</span>`;
}

/**
 * @param {Pane[]} panes
 * @param {(Attribution | null)[]} explained
 * @param {import("../../types.d.ts").Look} view
 */
export function differenceReason(panes, [first, second], view) {
  if (view === "image") return "the image alone has no difference";
  if (!first || !second || isBlank(first.values) || isBlank(second.values)) return "no difference at this epoch";
  if (first.target === second.target) return "";
  const { probes } = panes[0].side.info;
  return `no difference: ${panes[0].title} explains “${className(probes, first.target)}”, ${panes[1].title} “${className(probes, second.target)}”`;
}

/** @type {(side: Side) => string} shown while there is nothing to compare with */
export const aloneWords = (side) => (isOnce(side) ? "Explained once: there are no epochs to compare. Choose a run B to see it here." : "One epoch so far: nothing to compare yet. A second epoch or run will appear here.");

/** @param {Pane} pane */
export const encoded = ({ side, step }) => `attribution over the image: ${sideAt(side, step)}`;

/** @type {(name: string) => import("../../types.d.ts").VNode} */
export const canvasOf = (name) => html`<canvas role="img" aria-label=${name}></canvas>`;

/**
 * The quality of an explanation, most important first: the server's warnings in words; then the method's main measure, the error, the distance
 * from the untrained model's explanation, and the gap.
 * @param {Pane} pane
 * @param {number} probe
 * @param {string} whose  the pane's letter, written first; "" below a single picture
 */
export function trust({ side, step }, probe, whose) {
  const { fidelity, trust: quality, info } = side;
  const { kind } = info.probes;
  const numbers = fidelity?.at(probe, step);
  const measure = chief(fidelity?.measures ?? []);
  const value = numbers && fidelity ? (numbers[fidelity.measures.indexOf(measure)] ?? NaN) : NaN;
  const of = (/** @type {"error" | "gap" | "rSquared" | "untrained" | "untrainedFloor"} */ name) => quality?.[name](probe, step) ?? NaN;
  const [error, gap, untrained, untrainedFloor] = [of("error"), of("gap"), of("untrained"), of("untrainedFloor")];
  const warned = quality?.warnings(probe, step) ?? [];
  const warnings = warned.map((warning) => caution(warning, { measures: quality?.measures ?? [], rSquared: of("rSquared"), gap, error, untrained, untrainedFloor }, kind)).filter(Boolean);
  // Measures that the server does not check have their own words.
  if (Number.isFinite(value) && quality && !quality.measures.includes(measure) && isLow(measure, value)) warnings.push(sentence(measure, value, kind));
  const own = Number.isFinite(value) ? reading(measure, value) : "";
  const sum = quality?.measures.find(isGap);
  // A number that is part of a warning is not repeated.
  const numbered = [
    warnings.some((words) => own && words.startsWith(own)) ? "" : own,
    error > 0 && !warned.includes("uncertain") ? `error ${percent(error)}` : "",
    warned.includes("like the untrained model") ? "" : unlike(untrained, untrainedFloor),
    sum && sum !== measure && Number.isFinite(gap) && !warned.includes("does not add up") ? `gap ${percent(gap)}` : "",
  ].filter(Boolean);
  if (!warnings.length && !numbered.length) return html`<p class="trust"></p>`;
  const all = [
    ...warnings,
    ...(fidelity && numbers ? fidelity.measures.map((name, i) => sentence(name, numbers[i], kind)) : []),
    error > 0 ? `standard errors: ${percent(error)} of the values` : "",
    warned.includes("like the untrained model") ? "" : unlikeSentence(untrained, untrainedFloor),
  ].filter(Boolean);
  return html`<p class=${warnings.length ? "trust low" : "trust"} title=${[...new Set(all)].join("\n")}>${whose && html`<b style=${{ color: side.color }}>${whose}</b> `}${warnings.join(" · ")}${numbered.map((words, i) => html`${(i > 0 || warnings.length > 0) && " · "}<span>${words}</span>`)}</p>`;
}

/**
 * How many players of a difference are within noise, in words; "" if unknown.
 * @param {Data} data
 */
export function noiseWords({ panes, probe, cursor, difference }) {
  const real = difference?.real(probe, cursor.step);
  const errors = difference?.at(probe, cursor.step);
  if (!real || !errors) return "";
  const known = Array.from(errors, (_, player) => player).filter((player) => errors[player] > 0);
  const noisy = known.filter((player) => isNoise(real[player], errors[player]));
  const { kind } = panes[0].side.info.probes;
  if (!known.length) return "";
  if (!noisy.length) return `all ${known.length} ${playerNoun(kind, known.length)} differ by more than noise`;
  return `${noisy.length} of ${known.length} ${playerNoun(kind, known.length)} ${noisy.length === 1 ? "is" : "are"} within noise`;
}

/** @param {Data} data */
export function noiseFoot(data) {
  return html`<p class="trust" title="hatched: sampling error alone can cause such a difference; of the differences called real, on average at most 5 % are false (Benjamini and Hochberg)">${noiseWords(data)}</p>`;
}

/**
 * Why each pane is blank; a common reason is written once.
 * @param {Data} data
 * @param {import("../../types.d.ts").State} state
 */
export function blankReasons(data, state) {
  const all = data.panes.map((pane) => blankReason(pane, data, state));
  return all.map((words, i) => (i > 0 && words && words === all[0] ? `as in ${data.panes[0].title}` : words));
}

/**
 * @param {Pane} pane
 * @param {Data} data
 * @param {import("../../types.d.ts").State} state
 */
export function blankReason({ side, step }, { probe, method: explainer, cursor }, state) {
  const values = side.values(probe);
  if (!values) return "";
  const { count } = side.info.probes;
  if (probe >= count) return `${side.letter} has no probe ${probe}: it has ${count}`;
  const explained = values.at(step);
  if (step === ABSENT && cursor.metric) return "this run has no matching epoch";
  if (!explained) return `${epoch(step === ABSENT ? cursor.step : step)} is not in this run's record`;
  const reason = side.info.gaps.find((gap) => gap.step === step)?.reason;
  if (explained.target < 0 && !reason) return "this class was not logged";
  if (isZero(explained.values)) return `${method(explainer)}: all values are 0`;
  if (!isBlank(explained.values)) return state.rest === "hide" && chosen(explained.values, state)?.every((one) => !one) ? nothingWords(state, side.info.probes) : "";
  if (reason) return `${epoch(step)}: ${reason}`;
  if (side.info.probes.regression) return `${method(explainer)} gives no values here`;
  // A method of the user's own may explain one class only.
  return `${method(explainer)} gives no values for “${className(side.info.probes, explained.target)}”: choose another class`;
}
