/** The list of events by epoch and probe; a click goes to the event. */

import { EM } from "../../host/text.js";
import { moveTo } from "../../model/cursor.js";
import { GLYPHS, countKinds, firstEpoch, isOfReasons, placesOf, sizeWords, tally } from "../../model/events.js";
import { EVENT_KINDS } from "../../model/state.js";
import { quotedApart } from "../../words/names.js";
import { probeName } from "../../words/probes.js";
import { failure } from "../parts/failure.js";
import { choose, html, render, select } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {import("../../types.d.ts").TrainingEvent} TrainingEvent */
/** @typedef {{event: TrainingEvent, letter: "A" | "B", place: number, early: boolean}} Entry  early: whether it happened at the run's first epoch */

const ROW = 22 * EM;
const SHOWN_ROWS = 8;
// Rows above and below those in view, so that a quick scroll shows no gap.
const SPARE = 6;

/** @type {import("../../types.d.ts").View} */
export function eventsView(element) {
  element.classList.add("panel");
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  let top = 0;
  // Thousands of events are not sorted anew at every step of the cursor.
  /** @type {{of: unknown[], all: Entry[]}} */
  let known = { of: [], all: [] };
  const everything = (/** @type {Data} */ data) => {
    const of = [data.a?.events, data.b?.events, data.cursor.epochs.A, data.cursor.epochs.B];
    if (of.some((one, i) => one !== known.of[i]) || known.of.length !== of.length) known = { of, all: entries(data) };
    return known.all;
  };

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    element.hidden = state.events === null || data.phase !== "ready";
    if (element.hidden) {
      // A list that is opened begins at its top.
      top = 0;
      return;
    }
    const all = everything(data);
    const kept = state.events === "all" ? all : all.filter(({ event }) => event.kind === state.events);
    const early = kept.filter(isEarly);
    const open = state.first === "open";
    // What happened at the first epoch is one row, which opens.
    const rows = [...kept.filter((entry) => !isEarly(entry)), ...(early.length ? [null] : []), ...(open ? early : [])];
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const shown = rows.slice(first, first + SHOWN_ROWS + 2 * SPARE);
    const scrolled = (/** @type {Event} */ { currentTarget }) => {
      top = /** @type {HTMLElement} */ (currentTarget).scrollTop;
      if (last) update(...last);
    };
    render(
      html`<div class="events">
        <div class="bar">
          <h2>Events</h2>
          <label class="inline">show ${select({ label: "Kind of event", value: state.events ?? "all", options: options(all.map(({ event }) => event)), choose: (_, value) => choose(element, { events: /** @type {State["events"]} */ (value) }) })}</label>
          <span class="count">${kept.length} of ${all.length}</span>
          <button type="button" class="link" onClick=${() => choose(element, { events: null })}>close</button>
        </div>
        <div class="events-scroll" tabindex=${rows.length > SHOWN_ROWS ? 0 : undefined} role="region" aria-label="List of events" style=${{ maxHeight: `${SHOWN_ROWS * ROW}px` }} onScroll=${scrolled}>
          <ul style=${{ height: `${rows.length * ROW}px` }}>
            ${shown.map((entry, i) => (entry ? row(element, data, entry, first + i) : fold(element, early, open, first + i)))}
          </ul>
          ${failure(element, data, ["events"], "Events could not be read")}
          ${kept.length === 0 && html`<p class="note">${all.length ? "No event of this kind." : data.a?.events ? "No event exceeds the noise." : data.failures.some(({ route }) => route === "events") ? "" : "loading…"}</p>`}
        </div>
      </div>`,
      element,
    );
  };
  return update;
}

/** @type {(entry: Entry) => boolean} */
const isEarly = ({ early }) => early;

/** @type {(element: HTMLElement, early: Entry[], open: boolean, index: number) => unknown} what happened at the first epoch, in one row */
function fold(element, early, open, index) {
  const words = tally(early.map(({ event }) => event));
  return html`<li key="first" style=${{ top: `${index * ROW}px` }}>
    <button type="button" class="event event-fold" aria-expanded=${open} title=${`at the first epoch: ${words}`} onClick=${() => choose(element, { first: open ? "folded" : "open" })}>
      <span class="event-glyph" aria-hidden="true">${open ? "▾" : "▸"}</span><span class="ellipsis">at the first epoch: ${words}</span>
    </button>
  </li>`;
}

/**
 * Of A and B: changes of reasons and onsets first, then by the place of the cursor.
 * @param {Data} data
 * @returns {Entry[]}
 */
function entries({ a, b, cursor }) {
  const rows = [a, b].flatMap((side) => {
    if (!side?.events || side.letter === "") return [];
    const { letter } = side;
    const places = placesOf(cursor, letter);
    const start = firstEpoch(side);
    return side.events.events.map((event) => ({ event, letter, place: places.get(event.step) ?? -1, early: event.step === start }));
  });
  return rows.sort((one, other) => Number(isOfReasons(other.event.kind)) - Number(isOfReasons(one.event.kind)) || one.place - other.place || one.event.probe - other.event.probe);
}

/** @type {(events: TrainingEvent[]) => import("../parts/html.js").Option[]} */
function options(events) {
  const counts = countKinds(events);
  return [{ value: "all", text: `all (${events.length})` }, ...EVENT_KINDS.map((kind) => ({ value: kind, text: `${GLYPHS[kind]} ${kind} (${counts.get(kind) ?? 0})` }))];
}

/** @type {(element: HTMLElement, data: Data, entry: Entry, index: number) => unknown} */
function row(element, data, { event, letter, place }, index) {
  const { step, probe, kind, region } = event;
  const side = /** @type {Side} */ (letter === "A" ? data.a : data.b);
  const here = place === data.cursor.index && probe === data.probe;
  const act = () => choose(element, {
    ...(place >= 0 && moveTo(data.cursor, place)),
    playing: false,
    ...(region && { region }),
    ...(probe !== data.probe && { probe, player: null, hover: null }),
  });
  const name = probeName(side.info.probes, probe);
  const words = [`${name}: ${kind}${region ? ` of ${region}` : ""}`, sizeWords(event), place < 0 ? "the cursor cannot go to this epoch" : "go to this epoch"].filter(Boolean).join("\n");
  return html`<li key=${`${side.letter}${step} ${probe} ${kind} ${region}`} style=${{ top: `${index * ROW}px` }}>
    <button type="button" class="event" aria-current=${here ? "true" : undefined} disabled=${place < 0} title=${words} onClick=${act}>
      <span class="event-glyph" style=${{ color: side.color }} aria-hidden="true">${GLYPHS[kind]}</span>
      <span class="event-step">epoch ${step}</span>
      <b style=${{ color: side.color }}>${side.letter}</b>
      <span class="ellipsis" title=${name}>${quotedApart(name)}</span>
      <span>${kind}${region && ` of ${region}`}</span>
      <span class="note ellipsis">${sizeWords(event)}</span>
    </button>
  </li>`;
}
