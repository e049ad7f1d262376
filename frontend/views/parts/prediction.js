/** A run's prediction for a probe at an epoch, and whether it is right. */

import { isRight } from "../../model/order.js";
import { className, inUnit, outputError, outputName, outputNumber, probability, shortNumber } from "../../words/format.js";
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
  const right = isRight(pane, probe);
  if (probes.regression) {
    const place = explainedOutput(pane, probe) ?? given.predicted;
    const output = pane.side.outputs()?.at(probe, pane.step)?.[place] ?? (place === given.predicted ? given.probability : undefined);
    return html`<span title=${errorWords(probes, probe, place, output)}>${outputName(probes, place).replace("the ", "")} ${outputNumber(output)}</span>`;
  }
  if (probes.label_sets) return html`${given.right} of ${probes.classes} labels right ${verdict(right === true, setWords(given, probes))}`;
  const name = className(probes, given.predicted);
  return html`<span class="predicted-class" title=${`“${name}”`}>“${named(name)}”</span> ${probability(given.probability)} ${right === null ? "" : verdict(right)}`;
}

/**
 * The probability of the label, if there is one; how many labels of a set are right; the output of a regression. A card has no room for more.
 * @param {Pane} pane
 * @param {number} probe
 * @param {boolean} paired  whether the card has two of them
 */
export function shortPrediction(pane, probe, paired) {
  const { probes } = pane.side.info;
  const given = predictionOf(pane, probe);
  if (!given) return html`<span>–</span>`;
  if (probes.regression) {
    const [output, error] = [shortNumber(given.probability), outputError(given.probability, probes.truth?.[probe][given.predicted], shortNumber)];
    const room = !paired && probes.truth && output.length + error.length < ROOM;
    // Of two runs, what tells them apart is how far each is from the true value.
    if (paired && probes.truth) return html`<span title=${errorWords(probes, probe, given.predicted, given.probability)} class="card-error">${error}</span>`;
    return html`<span title=${errorWords(probes, probe, given.predicted, given.probability)}>${output}${room && html` <span class="card-error">${error}</span>`}</span>`;
  }
  const right = isRight(pane, probe);
  if (probes.label_sets) return html`<span title=${setWords(given, probes)}>${given.right}/${probes.classes} ${verdict(right === true, setWords(given, probes))}</span>`;
  if (right !== null) return html`<span>${probability(given.label)} ${verdict(right)}</span>`;
  const name = className(probes, given.predicted);
  return html`<span class="predicted-class" title=${name}><bdi class="ellipsis">${name}</bdi> ${probability(given.probability)}</span>`;
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

/**
 * @param {boolean} right
 * @param {string} [words]
 */
export function verdict(right, words = right ? "right" : "wrong") {
  return html`<span class=${right ? "right" : "wrong"} role="img" aria-label=${words} title=${words}>${right ? "✓" : "✗"}</span>`;
}

/** @type {(given: import("../../types.d.ts").Prediction, probes: import("../../types.d.ts").ProbeSetInfo) => string} */
const setWords = ({ right }, { classes }) => (right === classes ? `right: all ${classes} labels` : `wrong: ${right} of ${classes} labels are right`);

/** @type {(pane: Pane, probe: number) => number | undefined} the output of a regression that is explained */
const explainedOutput = ({ side, step }, probe) => {
  const target = side.values(probe)?.at(step)?.target ?? -1;
  return target < 0 ? undefined : target;
};

/** @type {(probes: import("../../types.d.ts").ProbeSetInfo, probe: number, place: number, output: number | undefined) => string} */
function errorWords(probes, probe, place, output) {
  const truth = probes.truth?.[probe][place];
  const words = (/** @type {string} */ number) => inUnit(number, probes.unit);
  return `${outputName(probes, place).replace("the ", "")} ${words(outputNumber(output))}${truth === undefined ? "" : `, true ${words(outputNumber(truth))}, error ${words(outputError(output, truth))}`}`;
}

// Letters of an output and its error that a card has room for.
const ROOM = 11;
