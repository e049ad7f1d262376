/** One line on how the numbers on the page were computed, and what they cost. */

import { indexOf } from "../model/series.js";
import { list, method, number, percent, plural } from "../words/format.js";
import { playerNoun } from "../words/kinds.js";
import { amount, chief, isLow, measureName, reading, sentence } from "../words/measures.js";
import { command, html, render } from "./parts/html.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pane} Pane */

const NAMED_METHODS = 3;

/** @type {import("../types.d.ts").View} */
export function statusView(element) {
  return (data, state) => {
    if (data.phase !== "ready" || !data.a) {
      render(html`<div class="status"></div>`, element);
      return;
    }
    const { info } = data.a;
    const { settings, probes, explainers } = info;
    const least = Math.min(...probes.players);
    const most = Math.max(...probes.players);
    const parts = [
      explainers.length > NAMED_METHODS ? `${method(data.method)}, one of ${explainers.length} methods` : list(explainers.map(method)).replace(" and ", " + "),
      evaluations(data),
      fidelity(data),
      `${least === most ? most : `${least}–${most}`} ${playerNoun(probes.kind, most)}`,
      `${plural(probes.count, "probe")}`,
      `seed ${settings.seed}`,
      cost(info),
    ].filter(Boolean);
    render(
      html`<div class="status">
        <span class="ellipsis status-words" title=${parts.join(" · ")}>${parts.join(" · ")}</span>
        ${comparison(data)}
        <span class="status-end">
          <button type="button" class="link" title="keys, and what the marks mean (?)" onClick=${() => command(element, "help")}><span class="spare-words">keys, marks </span>?</button>
          <span class="copy-link">
            ${typeof state.copied === "string" && byHand(state.copied)}
            <button type="button" class="link" onClick=${() => command(element, "link")}>${state.copied === true ? "link copied ✓" : "copy link"}</button>
          </span>
        </span>
      </div>`,
      element,
    );
  };
}

/**
 * The address of the view, where the browser does not let the page copy it.
 * @param {string} address
 */
function byHand(address) {
  const select = (/** @type {HTMLInputElement | null} */ field) => field !== document.activeElement && field?.select();
  return html`<span class="by-hand" role="alert">The browser does not let this frame copy. Copy the address from here:
    <input readonly value=${address} aria-label="Address of this view" ref=${select} /></span>`;
}

/**
 * How many evaluations the values at the cursor are made from: a budget may have changed it on the way.
 * @param {Data} data
 */
function evaluations({ panes }) {
  const words = each(panes, ({ side, step }) => {
    const { steps, cost, settings } = side.info;
    const most = settings.evaluations;
    const level = cost.level[indexOf(steps, step)] || most;
    return level === most ? plural(most, "evaluation") : `${level} of ${plural(most, "evaluation")}`;
  });
  return `${words} per probe`;
}

/**
 * The method's main measure at the cursor, its median over probes.
 * @param {Data} data
 */
function fidelity({ panes }) {
  const measure = chief(panes[0].side.fidelity?.measures ?? []);
  if (!measure) return "";
  const value = (/** @type {Pane} */ { side, step }) => side.fidelity?.median(step)?.[side.fidelity.measures.indexOf(measure)] ?? NaN;
  const shown = panes.filter((pane) => Number.isFinite(value(pane)));
  if (!shown.length) return "";
  const numbers = shown.map((pane) => amount(measure, value(pane)));
  // A number that deserves a warning is explained.
  const [low] = shown.filter((pane) => isLow(measure, value(pane))).sort((one, other) => value(one) - value(other));
  const means = low ? sentence(measure, value(low), low.side.info.probes.kind).replace(/^[^:]*: /, "") : "";
  if (new Set(numbers).size === 1) return `median ${reading(measure, value(shown[0]))}${means && ` (${means})`}`;
  return `median ${measureName(measure)} ${shown.map(({ title }, i) => `${title} ${numbers[i]}`).join(", ")}${means && ` (${low.title}: ${means})`}`;
}

/**
 * Words for each pane, written once if they are the same for all.
 * @param {Pane[]} panes
 * @param {(pane: Pane) => string} say
 */
function each(panes, say) {
  const words = panes.map(say);
  return new Set(words).size === 1 ? words[0] : panes.map(({ title }, i) => `${title} ${words[i]}`).join(", ");
}

/**
 * Time of an explanation, and what all of them took of the training time.
 * @param {import("../types.d.ts").RunInfo} info
 */
function cost({ cost: { seconds }, overhead }) {
  const mean = (/** @type {(number | null)[]} */ series) => {
    const numbers = series.filter((value) => value !== null);
    return numbers.length ? numbers.reduce((sum, value) => sum + value, 0) / numbers.length : null;
  };
  return `${number(mean(seconds))} s per explanation${overhead === null ? "" : ` (${percent(overhead)} of training)`}`;
}

/** @param {Data} data */
function comparison({ b, runs }) {
  if (b?.apart) return html`<span title=${`A and B stand side by side, and nothing is subtracted: ${b.apart}`}>side by side<span class="spare-words">: ${b.apart}</span></span>`;
  if (b) return html`<span class="right" title="A and B are comparable: the same probes, coalitions and settings"><span class="spare-words">A and B comparable </span>✓</span>`;
  const damaged = runs.filter(({ error }) => error !== null).length;
  const apart = runs.filter(({ letter, reason, error }) => letter !== "A" && reason && error === null).length;
  const words = [apart && `${plural(apart, "run")} not comparable with A`, damaged && `${plural(damaged, "run")} can't be read`].filter(Boolean);
  const said = words.join(" · ");
  return said && html`<span class="ellipsis status-runs" title=${`${said}; see the list of runs for the reasons`}>${said}</span>`;
}
