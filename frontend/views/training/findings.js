/** The server's findings: a verdict on the pair, then sentences that link to their probe and epoch. */

import { plural } from "../../words/format.js";
import { quotedApart } from "../../words/names.js";
import { moveTo } from "../../model/cursor.js";
import { placesOf, steadyWords } from "../../model/events.js";
import { nearest } from "../../model/series.js";
import { failure } from "../parts/failure.js";
import { choose, html, render } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Finding} Finding */
/** @typedef {import("../../types.d.ts").Findings} Findings */
/** @typedef {import("../../types.d.ts").State} State */

// A lower window has no room for the list beside the pictures; it is one click away.
const ROOMY = 940;

/** @type {import("../../types.d.ts").View} */
export function findingsView(element) {
  // The findings of the previous epoch stay, in grey, until the new ones arrive.
  /** @type {{of: string, findings: Findings, row: number | null}} */
  let last = { of: "", findings: { verdict: "", findings: [] }, row: null };

  return (data, state) => {
    if (data.phase !== "ready" || !data.a) return;
    const of = JSON.stringify([data.a.run, data.b?.run, data.method, data.explained, state.align, state.repeats]);
    if (data.findings) last = { of, findings: data.findings, row: data.b ? data.rested : null };
    const broken = failure(element, data, ["findings", "compare"], "The findings could not be read");
    const known = last.of === of && !broken;
    // Findings of one run do not depend on the cursor.
    const stale = known && data.b !== null && (!data.findings || last.row !== data.cursor.step);
    const open = state.findings ? state.findings === "open" : window.innerHeight >= ROOMY;
    const { verdict, findings } = last.findings;
    const steady = steadiness(data);
    const count = known ? findings.length + steady.length : 0;
    // Of one run, the first sentence stands in the head until the list shows it.
    const summary = findings.length > 0 ? (open ? "most important first" : findings[0].text) : steady.length > 0 ? `${steady[0].words}.` : nothing(data);
    const first = known ? verdict || summary : "";
    render(
      html`<div class=${stale ? "findings stale" : "findings"} aria-busy=${!broken && (!known || stale)}>
        <div class="findings-head">
          <h2>What should I look at?</h2>
          <p class="verdict" role="status">${broken || (known ? quotedApart(first) : data.b ? "comparing…" : "loading…")}</p>
          ${count > 0 && html`<button type="button" class="link" aria-expanded=${open} aria-controls="findings-list"
            onClick=${() => choose(element, { findings: open ? "closed" : "open" })}>${open ? "hide ▴" : `${plural(count, "finding")} ▾`}</button>`}
        </div>
        ${known && count > 0 && html`<ul id="findings-list" class="findings-list" hidden=${!open} aria-label="Findings, most important first">
          ${findings.map((finding) => html`<li key=${finding.text}>${sentence(element, data, finding)}</li>`)}
          ${steady.map(({ words, step }) => html`<li key=${words}><button type="button" class="finding" title="go to this epoch" onClick=${() => go(element, data, { text: words, kind: "steady", step, probe: null, region: "" })}>${words}.</button></li>`)}
        </ul>`}
      </div>`,
      element,
    );
  };
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {Finding} finding
 */
function sentence(element, data, finding) {
  const here = finding.probe === data.probe && finding.step === data.cursor.step;
  return html`<button type="button" class="finding" data-kind=${finding.kind} aria-current=${here ? "true" : undefined} title=${`${finding.text}\ngo to this epoch`}
    onClick=${() => go(element, data, finding)}>${quotedApart(finding.text)}</button>`;
}

/** @type {(element: HTMLElement, data: Data, finding: Finding) => void} */
function go(element, { cursor, probe }, { step, probe: other, region }) {
  choose(element, {
    ...moveTo(cursor, nearest(cursor.steps, step)),
    playing: false,
    ...(region && { region }),
    ...(other !== null && other !== probe && { probe: other, player: null, hover: null }),
  });
}

/**
 * The epoch from which each run is steady.
 * @param {Data} data
 */
function steadiness(data) {
  return [data.a, data.b].flatMap((side) => {
    if (!side?.events || side.letter === "") return [];
    const { steady } = side.events;
    if (steady.run === null && steady.of_metric === null) return [];
    const place = placesOf(data.cursor, side.letter).get(steady.run ?? steady.of_metric ?? 0);
    return [{ words: `${data.b ? `${side.letter}: ` : ""}${steadyWords(steady)}`, step: data.cursor.steps[place ?? data.cursor.index] }];
  });
}

/** @param {Data} data */
const nothing = ({ b }) => (b ? "A and B show no notable difference here." : "Nothing stands out in this run.");
