/** A run's prediction for a probe at an epoch, and whether it is right. */

import { isRight } from "../../model/order.js";
import { className, number, probability } from "../../words/format.js";
import { html, named } from "./html.js";

/** @typedef {import("../../types.d.ts").Pane} Pane */

/**
 * The predicted class and its probability, shown above a large picture.
 * @param {Pane} pane
 * @param {number} probe
 */
export function prediction(pane, probe) {
  const { probes } = pane.side.info;
  const given = predictionOf(pane, probe);
  if (!given) return "";
  if (probes.regression) return html`output ${number(given.probability)}`;
  const name = className(probes, given.predicted);
  const right = isRight(pane, probe);
  return html`<span class="predicted-class" title=${name}>“${named(name)}”</span> ${probability(given.probability)} ${right === null ? "" : verdict(right)}`;
}

/**
 * The probability of the label, if there is one: a card has no room for more.
 * @param {Pane} pane
 * @param {number} probe
 */
export function shortPrediction(pane, probe) {
  const { probes } = pane.side.info;
  const given = predictionOf(pane, probe);
  if (!given) return html`<span>–</span>`;
  if (probes.regression) return html`<span>${number(given.probability)}</span>`;
  const right = isRight(pane, probe);
  if (right !== null) return html`<span>${probability(given.label)} ${verdict(right)}</span>`;
  const name = className(probes, given.predicted);
  return html`<span class="predicted-class" title=${name}>${named(name)} ${probability(given.probability)}</span>`;
}

/**
 * @param {Pane} pane
 * @param {number} probe
 * @returns {import("../../types.d.ts").Prediction | null} null if the model's output is not a number
 */
function predictionOf({ side, step }, probe) {
  const given = side.predictions?.at(probe, step);
  return given && given.predicted >= 0 ? given : null;
}

/** @param {boolean} right */
function verdict(right) {
  const word = right ? "right" : "wrong";
  return html`<span class=${word} role="img" aria-label=${word} title=${word}>${right ? "✓" : "✗"}</span>`;
}
