/** The panes of a text or a series: A, B and their difference side by side, as pictures have them. */

import { html } from "../parts/html.js";
import { aloneWords, blankReasons, differenceHead, differenceReason, figure, noiseFoot, paneHead, trust } from "./figure.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").State} State */

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {(pane: import("../../types.d.ts").Pane | null) => unknown} contentOf  null for the difference
 */
export function panesRow(element, data, state, contentOf) {
  const { panes, probe } = data;
  const reasons = blankReasons(data, state);
  const figures = panes.map((pane, i) => figure(pane.title, paneHead(element, data, pane), reasons[i], contentOf(pane), pane.side.color, trust(pane, probe, ""), null));
  const apart = panes.some(({ side }) => side.apart);
  if (panes.length === 2 && !apart) {
    const explained = panes.map(({ side, step }) => side.values(probe)?.at(step) ?? null);
    figures.push(figure("difference", differenceHead(panes, state.lock), differenceReason(panes, explained, "overlay"), contentOf(null), "", noiseFoot(data), null));
  } else if (!apart) {
    figures.push(html`<div key="alone" class="alone"><p>${aloneWords(data.panes[0].side)}</p></div>`);
  }
  return html`<div class="row">${figures}</div>`;
}
