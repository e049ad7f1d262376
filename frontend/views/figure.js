/** The parts of a large picture: its frame, its caption, why it is blank, how far it can be trusted. */

import { ABSENT } from "../cursor.js";
import { className, epoch, method } from "../format.js";
import { choose, html } from "../html.js";
import { icon } from "../icons.js";
import { chief, isLow, reading, sentence } from "../measures.js";
import { middle } from "../names.js";
import { isBlank, isZero } from "../scale.js";
import { answer } from "./answer.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pane} Pane */

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
  return step === cursor.step || step === ABSENT ? middle(side.label) : `${middle(side.label)} · ${epoch(step)}`;
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
  return html`<span class="pane-name" title=${side.name}><b class="run-ink">${title}</b> <span class="ellipsis">${paneName(pane, data)}</span>${title === "now" && pin}</span>
    <span class="answer">${answer(pane, data.probe)}</span>`;
}

/**
 * @param {Pane[]} panes
 * @param {boolean} lock
 */
export function differenceHead([first, second], lock) {
  return html`<span><b>${first.title} − ${second.title}</b></span><span class="answer">${lock ? "same scale" : "own scale"}</span>`;
}

/**
 * @param {Pane[]} panes
 * @param {(Attribution | null)[]} explained
 * @param {import("../types.d.ts").Look} view
 */
export function differenceReason(panes, [first, second], view) {
  if (view === "image") return "the image alone has no difference";
  if (!first || !second || isBlank(first.values) || isBlank(second.values)) return "nothing to subtract at this epoch";
  if (first.target === second.target) return "";
  const { probes } = panes[0].side.info;
  return `no difference: ${panes[0].title} explains “${className(probes, first.target)}”, ${panes[1].title} “${className(probes, second.target)}”`;
}

/** Where there is nothing to compare with yet. */
export const ALONE = "One epoch so far: nothing to compare it with yet. A second epoch, or a second run, appears here.";

/** @param {Pane} pane */
export const encoded = ({ side, step }) => `attribution over the image: ${side.name} at ${epoch(step)}`;

/** @type {(name: string) => import("../types.d.ts").VNode} */
export const canvasOf = (name) => html`<canvas role="img" aria-label=${name}></canvas>`;

/**
 * How far the picture can be trusted: the number of the method's chief measure, and where it is low, in words.
 * @param {Pane} pane
 * @param {number} probe
 * @param {string} whose  said before it; "" where it stands below one picture
 */
export function trust({ side, step }, probe, whose) {
  const { fidelity } = side;
  const numbers = fidelity?.at(probe, step);
  const measure = chief(fidelity?.measures ?? []);
  if (!fidelity || !numbers || !measure) return html`<p class="trust"></p>`;
  const value = numbers[fidelity.measures.indexOf(measure)];
  const all = fidelity.measures.map((name, i) => sentence(name, numbers[i], side.info.probes.kind)).join("\n");
  if (!Number.isFinite(value)) return html`<p class="trust"></p>`;
  return html`<p class=${isLow(measure, value) ? "trust low" : "trust ellipsis"} title=${all}>${whose && html`<b style=${{ color: side.color }}>${whose}</b> `}${isLow(measure, value) ? sentence(measure, value, side.info.probes.kind) : reading(measure, value)}</p>`;
}

/**
 * @param {Pane} pane
 * @param {Data} data
 */
export function blankReason({ side, step }, { probe, method: explainer, cursor }) {
  const values = side.values(probe);
  if (!values) return "";
  const explained = values.at(step);
  if (step === ABSENT && cursor.metric) return "no epoch of this run goes with it";
  if (!explained) return `${epoch(step === ABSENT ? cursor.step : step)} is not in this run's record`;
  if (explained.target < 0) return "this class was not logged";
  if (isZero(explained.values)) return `${method(explainer)}: all values are 0`;
  if (!isBlank(explained.values)) return "";
  const reason = side.info.gaps.find((gap) => gap.step === step)?.reason;
  if (reason) return `${epoch(step)}: ${reason}`;
  if (side.info.probes.regression) return `${method(explainer)} gives no values here`;
  // A method of the user's own may explain one class only.
  return `${method(explainer)} gives no values for “${className(side.info.probes, explained.target)}”: choose another class`;
}
