/** The parts of a large picture: its frame, its caption, why it is blank, how far it can be trusted. */

import { ABSENT } from "../cursor.js";
import { className, epoch, method } from "../format.js";
import { html } from "../html.js";
import { chief, isLow, reading, sentence } from "../measures.js";
import { middle } from "../names.js";
import { isBlank, isZero } from "../scale.js";

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
  const all = fidelity.measures.map((name, i) => sentence(name, numbers[i])).join("\n");
  if (!Number.isFinite(value)) return html`<p class="trust"></p>`;
  return html`<p class=${isLow(measure, value) ? "trust low" : "trust ellipsis"} title=${all}>${whose && html`<b style=${{ color: side.color }}>${whose}</b> `}${isLow(measure, value) ? sentence(measure, value) : reading(measure, value)}</p>`;
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
