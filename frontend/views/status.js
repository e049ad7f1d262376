/** One line that hides nothing: how the numbers on the page were made, and what they cost. */

import { list, method, number, percent, plural } from "../format.js";
import { command, html, render } from "../html.js";
import { epochCount } from "../series.js";

/** @type {import("../types.d.ts").View} */
export function statusView(element) {
  return (data, state) => {
    if (data.phase !== "ready" || !data.a) {
      render(html`<div class="status"></div>`, element);
      return;
    }
    const { info } = data.a;
    const { settings, probes, explainers } = info;
    const logged = epochCount(info.steps);
    const least = Math.min(...probes.players);
    const most = Math.max(...probes.players);
    const parts = [
      `${list(explainers.map(method)).replace(" and ", " + ")}${explainers.length > 1 ? " from one pass" : ""}`,
      `${plural(settings.evaluations, "evaluation")} a probe`,
      `${least === most ? most : `${least}–${most}`} segments`,
      `${plural(probes.count, "probe")}`,
      `seed ${settings.seed}`,
      cost(info),
      `${logged} of ${plural(logged + info.missing, "epoch")}`,
    ];
    render(
      html`<div class="status">
        <span class="ellipsis" title=${parts.join(" · ")}>${parts.join(" · ")}</span>
        ${comparison(data)}
        <span class="status-end">
          <button type="button" class="link" onClick=${() => command(element, "link")}>${state.copied ? "link copied ✓" : "copy link"}</button>
          <button type="button" class="link" onClick=${() => command(element, "help")}>keys ?</button>
        </span>
      </div>`,
      element,
    );
  };
}

/**
 * Time of an epoch's explanation, and its share of the training time.
 * @param {import("../types.d.ts").RunInfo} info
 */
function cost({ cost: { seconds, share } }) {
  const mean = (/** @type {(number | null)[]} */ series) => {
    const there = series.filter((value) => value !== null);
    return there.length ? there.reduce((sum, value) => sum + value, 0) / there.length : null;
  };
  const part = mean(share);
  return `${number(mean(seconds))} s an epoch${part === null ? "" : ` (${percent(part)} of training)`}`;
}

/** @param {import("../types.d.ts").Data} data */
function comparison({ b, runs }) {
  if (b) return html`<span class="right">A and B comparable ✓</span>`;
  const apart = runs.filter(({ letter, reason }) => letter !== "A" && reason).length;
  return apart ? html`<span title="see the list of runs for the reasons">${plural(apart, "run")} not comparable with A</span>` : "";
}
