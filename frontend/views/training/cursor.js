/** The cursor: the epoch that the whole page follows, with buttons, slider, and the gaps of the record. */

import { RETURNED, isEpoch } from "../../figures/steps.js";
import { ABSENT, epochOf, move, moveTo } from "../../model/cursor.js";
import { GLYPHS, LISTED, countKinds, parted, tally } from "../../model/events.js";
import { metricName } from "../../model/metrics.js";
import { isOnce } from "../../model/frames.js";
import { epochCount, holesOf, indexOf, lastEpoch, nearest } from "../../model/series.js";
import { epoch, list, plural } from "../../words/format.js";
import { returnedShort, returnedWords } from "../../words/returned.js";
import { choose, html, render } from "../parts/html.js";
import { icon } from "../parts/icons.js";
import { once } from "../parts/later.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").State} State */

/** The module that draws events is loaded when there are some. */
const marking = once(() => import("./markers.js"));

/** @type {import("../../types.d.ts").View} */
export function cursorView(element) {
  /** @type {typeof import("./markers.js").showMarkers | null} */
  let show = null;
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let drawn = null;
  // Of the slider, as the browser told last: asked for here, it would make the browser lay the page out twice.
  let width = 0;
  const mark = () => {
    const canvas = element.querySelector("canvas");
    if (canvas && drawn) show?.(canvas, width, ...drawn);
  };
  // The words beside the slider give it more room or less.
  const resized = new ResizeObserver(() => {
    width = slider?.clientWidth ?? 0;
    mark();
  });
  /** @type {Element | null} */
  let slider = null;
  const watch = (/** @type {Element | null} */ now) => {
    if (now === slider) return;
    resized.disconnect();
    slider = now;
    if (slider) resized.observe(slider);
  };

  return (data, state) => {
    // A model that was explained once has no epochs to go to.
    element.hidden = data.phase === "ready" && pair(data).every(isOnce);
    if (data.phase !== "ready" || element.hidden) return;
    drawn = [data, state];
    const { cursor } = data;
    const last = cursor.steps.length - 1;
    const go = (/** @type {import("../../types.d.ts").Change} */ change) => choose(element, { ...change, playing: false });
    const button = (/** @type {Parameters<typeof icon>[0]} */ name, /** @type {string} */ label, /** @type {() => void} */ act, off = false) =>
      html`<button type="button" class="icon-button" aria-label=${label} title=${label} disabled=${off} onClick=${act}>${icon(name)}</button>`;
    render(
      html`<div class="cursor">
        <span class="transport">
          ${button("first", "First epoch (Home)", () => go(moveTo(cursor, 0)), cursor.index === 0)}
          ${button("back", "One epoch back (←)", () => go(move(cursor, -1)), cursor.index === 0)}
          ${button(state.playing ? "pause" : "play", state.playing ? "Pause (Space)" : "Play (Space)", () => choose(element, { playing: !state.playing }), last === 0)}
          ${button("forward", "One epoch forward (→)", () => go(move(cursor, 1)), cursor.index === last)}
          ${button("last", "Last epoch (End)", () => go({ epoch: null }), cursor.step === cursor.end)}
        </span>
        <span class="slider" style=${{ "--rows": pair(data).length }}>
          <canvas class="event-marks" role="img" aria-label="events along the epochs"></canvas>
          ${data.b && pair(data).map(({ letter, color }, row) => html`<b key=${letter} class="event-row" aria-hidden="true" style=${{ color, "--row": row }}>${letter}</b>`)}
          <input type="range" id="epoch" min="0" max=${Math.max(1, last)} value=${cursor.index} disabled=${last === 0} aria-label="Epoch" aria-valuetext=${epoch(cursor.step)}
            style=${{ "--at": `${last ? (cursor.index / last) * 100 : 0}%` }}
            onInput=${(/** @type {Event} */ event) => go(moveTo(cursor, Number(/** @type {HTMLInputElement} */ (event.target).value)))} />
          ${marks(data, state)}
        </span>
        <span class="cursor-words">
          ${data.b && state.pin !== null && html`<span class="pin-words" title=${pinned(data)}>pinned ${epoch(data.pin)}: shown when B is off</span>`}
          ${cursor.step === RETURNED ? returnedHere(data) : [beside(data), returned(element, data), html`<span class="cursor-epoch"><b>${epoch(cursor.step)}</b> of ${range(cursor.steps)}</span>`]}
          <span class="completeness" title=${completeness(data).long}>${completeness(data).short}</span>
          ${live(data)}
        </span>
        ${legend(element, data, state)}
      </div>`,
      element,
    );
    watch(element.querySelector(".slider"));
    if (show) mark();
    else if (pair(data).some(({ events }) => events)) void marking().then(({ showMarkers }) => {
      show = showMarkers;
      mark();
    }, () => {});
  };
}

/**
 * The number of events, how many there are of each kind and what its shape is, and those of the first epoch.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function legend(element, data, state) {
  const parts = pair(data).filter(({ letter }) => letter !== "").map(parted);
  const first = parts.flatMap((part) => part.first);
  const whole = state.first === "open";
  const counts = countKinds(parts.flatMap(({ first: early, later }) => (whole ? [...early, ...later] : later)));
  const words = first.length && `at the first epoch: ${tally(first)}`;
  return html`<span class="event-legend">${eventCount(element, data, state)}
    ${LISTED.filter((kind) => counts.has(kind)).map((kind) => html`<span key=${kind}><span class="event-key" aria-hidden="true">${GLYPHS[kind]}</span> ${counts.get(kind)} ${kind}</span>`)}
    ${first.length > 0 && html`<button type="button" class="link" aria-expanded=${whole} title=${words} onClick=${() => choose(element, { first: whole ? "folded" : "open" })}>${whole ? "without the first epoch" : `${first.length} at the first epoch ▸`}</button>`}
  </span>`;
}

/**
 * The number of events; opens their list.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function eventCount(element, data, state) {
  const count = pair(data).reduce((sum, { events }) => sum + (events?.events.length ?? 0), 0);
  const open = state.events !== null;
  const known = pair(data).every(({ events }) => events);
  return html`<button type="button" class="link event-count" aria-expanded=${open} disabled=${!count && !open} title="list of events by probe and epoch"
    onClick=${() => choose(element, { events: open ? null : "all" })}>${known ? plural(count, "event") : "events"} ${open ? "▴" : "▾"}</button>`;
}

/**
 * B's epoch, if it differs from the cursor's.
 * @param {Data} data
 */
function beside({ b, cursor }) {
  const step = epochOf(cursor, "B");
  if (!b || step === cursor.step || isOnce(b)) return "";
  const by = metricName(cursor.metric);
  const why = cursor.best !== null ? `epochs counted from each run's best ${by}` : by ? `the epoch with the closest ${by}` : "the nearest explained epoch";
  const words = step === ABSENT ? "B: no epoch here" : `B ${epoch(step)}`;
  return html`<span class="beside" title=${`${words}: ${why}`}><b style=${{ color: b.color }}>B</b> ${words.slice(2)}</span>`;
}

/**
 * Whether the cursor follows training, and which run is ahead of it.
 * @param {Data} data
 */
function live({ live: on, a, b, cursor }) {
  if (!on) return html`<span class="live off"></span>`;
  const first = ahead(a, b, cursor);
  const title = first ? "the cursor stays at the last epoch that both runs have; → or dragging moves it on" : "Follows the last epoch while the run trains";
  return html`<span class="live" title=${title}>● live${first && `, ${first.letter} at ${epoch(lastEpoch(first.info.steps))}`}</span>`;
}

/**
 * The run that has later epochs than the cursor's end.
 * @param {Data["a"]} a
 * @param {Data["b"]} b
 * @param {Pick<Data["cursor"], "metric" | "end">} cursor
 */
export function ahead(a, b, { metric, end }) {
  // Where runs are aligned by a metric, the cursor goes by A's epochs.
  return [a, metric ? null : b].find((side) => b && side && lastEpoch(side.info.steps) > end);
}

/**
 * What the model is that training returned; a click goes to the place that explains it.
 * @param {HTMLElement} element
 * @param {Data} data
 */
function returned(element, data) {
  const { short, long } = returnedOf(data);
  if (!short) return "";
  const usual = pair(data).every(({ info }) => info.returned?.how === "last");
  const index = returnedPlaces(data)[0]?.index;
  return html`<button type="button" class=${`link returned-words${usual ? " usual" : ""}${data.b ? " of-two" : ""}`} title=${long} disabled=${index === undefined || index === data.cursor.index}
    onClick=${() => choose(element, { ...moveTo(data.cursor, index), playing: false })}>returned: ${short}</button>`;
}

/**
 * The same where the cursor is there.
 * @param {Data} data
 */
function returnedHere(data) {
  const { short, long } = returnedOf(data);
  return html`<span class="cursor-epoch returned-here ellipsis" title=${long}><b>${epoch(RETURNED)}</b>: ${short}</span>`;
}

/**
 * What the returned model of each run is, in few words and in a sentence each.
 * @param {Data} data
 */
function returnedOf(data) {
  const known = pair(data).flatMap((side) => (side.info.returned && !isOnce(side) ? [{ side, what: side.info.returned }] : []));
  const names = known.map(({ what }) => returnedShort(what));
  const same = known.length === pair(data).length && names.every((name) => name === names[0]);
  const short = same ? (names[0] ?? "") : known.map(({ side }, i) => (data.b ? `${side.letter} ${names[i]}` : names[i])).join(" · ");
  return { short, long: known.map(({ side, what }) => `${data.b ? `${side.letter}: ` : ""}the returned model: ${returnedWords(what)}`).join("\n") };
}

/**
 * Where the cursor stands at the returned model of each run: at its own explanation, or at the epoch whose weights it has.
 * @param {Data} data
 */
function returnedPlaces(data) {
  const { cursor } = data;
  return pair(data).flatMap((side) => {
    const { returned: what } = side.info;
    if (!what || isOnce(side) || side.letter === "") return [];
    const end = indexOf(cursor.steps, RETURNED);
    const own = Array.from(cursor.epochs[side.letter]);
    const index = end >= 0 && own[end] === what.step ? end : own.indexOf(what.step ?? NaN);
    return index < 0 ? [] : [{ index, title: `${data.b ? `${side.letter}: ` : ""}the returned model: ${returnedWords(what)}` }];
  });
}

/** @param {number} step */
const gapOf = (step) => (step === RETURNED ? "of the returned model" : `at ${epoch(step)}`);

/** @param {number[]} steps */
function range(steps) {
  const first = steps.find(isEpoch);
  const last = lastEpoch(steps);
  if (first === undefined) return "untrained only";
  return first === last ? String(first) : `${first}–${last}`;
}

/** @param {Data} data */
function pair({ a, b }) {
  return [a, b].filter((side) => side !== null);
}

/** @param {Data} data */
function pinned({ pin, b }) {
  return `${epoch(pin)} is pinned${b ? ": shown beside A when B is off" : ""}`;
}

/**
 * @param {Data} data
 * @param {State} state
 */
function marks(data, state) {
  const { steps } = data.cursor;
  const place = (/** @type {number} */ index) => ({ left: `${(index / Math.max(1, steps.length - 1)) * 100}%` });
  /** @type {Map<number, string>} one mark a place, whatever changed there */
  const changes = new Map();
  for (const { letter, info } of pair(data)) {
    for (const { step, change } of info.changes) {
      const index = nearest(steps, step);
      changes.set(index, [...(changes.has(index) ? [changes.get(index)] : []), `${letter}, from ${step < 0 ? "the untrained model" : epoch(step)} on: ${change}`].join("\n"));
    }
  }
  const gaps = pair(data).flatMap(({ letter, info }) =>
    info.gaps.map(({ step, reason }) => ({ index: steps.indexOf(step), title: `${letter} has no explanation ${gapOf(step)}: ${reason}` })),
  );
  return [
    ...gaps.map(({ index, title }) => html`<span key=${title} class="gap-mark" style=${place(index)} title=${title}></span>`),
    ...returnedPlaces(data).map(({ index, title }) => html`<span key=${title} class="returned-mark" role="img" aria-label=${title} title=${title} style=${place(index)}></span>`),
    ...[...changes].map(([index, title]) => html`<span key=${title} class="change-mark" role="img" aria-label=${title} title=${title} style=${place(index)}></span>`),
    state.pin !== null && html`<span key="pin" class="pin-mark" role="img" aria-label=${pinned(data)} title=${pinned(data)} style=${place(nearest(steps, data.pin))}>${icon("pin")}</span>`,
  ];
}

/**
 * How complete the record is, in words.
 * @param {Data} data
 */
function completeness(data) {
  const counts = pair(data).filter((side) => !isOnce(side)).map(({ letter, info }) => {
    const logged = epochCount(info.steps);
    // Epochs count from 0: what is missing beyond them is the untrained model.
    const most = Math.max(lastEpoch(info.steps), lastEpoch(info.log_steps)) + 1;
    const explained = logged - info.gaps.filter(({ step }) => isEpoch(step)).length;
    return { letter, logged, whole: explained, expected: Math.min(logged + info.missing, most), gaps: info.gaps, holes: holesOf(info), returned: info.returned };
  });
  const words = counts.map(({ whole, expected, gaps }) => {
    // The returned model is no epoch: a gap of its own would look like one of them.
    const ofEpochs = gaps.filter(({ step }) => step !== RETURNED).length;
    return `${whole} of ${plural(expected, "epoch")}${ofEpochs ? `, ${plural(ofEpochs, "gap")}` : ""}${gaps.length > ofEpochs ? ", returned model with a gap" : ""}`;
  });
  const same = words.every((word) => word === words[0]);
  const short = same ? words[0] : counts.map(({ letter }, i) => `${letter} ${words[i].replace(/ epochs?/, "")}`).join(" · ");
  const long = counts.map(({ letter, logged, expected, gaps, holes: missing, returned }) => [
    `${letter}: ${logged} of ${plural(expected, "epoch")} served`,
    ...gaps.map(({ step, reason }) => `no explanation ${gapOf(step)}: ${reason}`),
    ...(missing.length ? [`missing from epoch ${list(missing.map(String))}`] : []),
    ...(returned ? [`the returned model: ${returnedWords(returned)}`] : []),
  ].join("\n"));
  return { short, long: long.join("\n") };
}
