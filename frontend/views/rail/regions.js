/** Regions, logged with the probes, drawn here or made of features, tokens, stretches of time: the outlined one, and the share of the attribution that each run puts on them. */

import { LONGEST_NAME, MOST_AREAS, box, fits, freeName } from "../../model/areas.js";
import { ABSENT } from "../../model/cursor.js";
import { isOnce } from "../../model/frames.js";
import { namesToAsk, playerName } from "../../model/players.js";
import { indexOf } from "../../model/series.js";
import { epoch, percent } from "../../words/format.js";
import { playerNoun } from "../../words/kinds.js";
import { middle } from "../../words/names.js";
import { probeName } from "../../words/probes.js";
import { choose, html, render, segmented } from "../parts/html.js";
import { toSketch } from "../parts/sketch.js";

/** @typedef {import("../../types.d.ts").Area} Area */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").State} State */

const SHORT_NAME = 24;
const NO_BREAK = "\u00a0";

const TOOLS = [
  { value: "box", text: "box", title: "drag a rectangle" },
  { value: "lasso", text: "lasso", title: "draw a free outline" },
];

/** @type {import("../../types.d.ts").View} */
export function regionsView(element) {
  /** the drawn region whose name is being written */
  let renaming = "";
  let drawn = false;

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    if (!data.a) return;
    const again = (/** @type {string} */ name) => {
      renaming = name;
      update(data, state);
      const input = element.querySelector("input[type=text]");
      if (input instanceof HTMLInputElement && document.activeElement !== input) input.select();
    };
    // A user who drew with the keyboard continues here.
    const back = drawn && !state.drawing && document.activeElement?.matches("svg.draft:focus-visible");
    drawn = Boolean(state.drawing);
    // A region that has gone takes its name's field with it.
    if (!state.areas.some(({ name }) => name === renaming)) renaming = "";
    render(
      html`<div>
        <h2>Regions</h2>
        ${data.a.info.regions.map((name) => html`<div key=${`logged ${name}`}>${choice(element, data, name, null, "")}</div>`)}
        ${state.areas.map((area) => html`<div key=${`drawn ${area.name}`} class="area">
          ${area.name === renaming ? nameField(element, data, state, area, again) : choice(element, data, area.name, () => again(area.name), membersOf(data, area))}
          ${tools(element, data, state, area, again)}
          ${join(element, data, state, area)}
          ${unknown(data, area)}
        </div>`)}
        ${!data.report && state.areas.length < MOST_AREAS && !state.drawing && ask(element, data, state)}
        ${data.report ? html`<p class="note">${data.a.info.regions.length ? "Other regions need" : "None was logged. Any part can be measured in"} the XAI tab of TensorBoard.</p>` : data.a.info.probes.kind !== "image" ? watch(element, data, state) : state.drawing ? drawing(element, state.drawing) : start(element, state)}
      </div>`,
      element,
    );
    const place = back && (element.querySelector(".area input:checked") ?? element.querySelector(".draw"));
    if (place instanceof HTMLElement) place.focus();
  };
  return update;
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {string} name
 * @param {(() => void) | null} rename
 * @param {string} members  its members; "" if they are visible
 */
function choice(element, data, name, rename, members) {
  const shown = name === data.region;
  const words = data.panes.map((pane) => overProbes(name, pane)).filter(Boolean).join(". ");
  return html`<label class="check region" title=${`${rename ? `${name} (double click to rename)` : name}${members && `\n${members}`}`} onDblClick=${rename}>
    <input type="checkbox" title=${words} checked=${shown} onChange=${() => choose(element, { region: shown ? "" : name })} />
    <span class="ellipsis">${name}<br /><span class="region-shares">${shares(data, name)}</span>${onsets(data, name)}${shown && more(data, name)}</span>
  </label>`;
}

/**
 * @param {Data} data
 * @param {string} region
 */
function shares(data, region) {
  return data.panes.map(({ title, side, step }) => {
    const share = side.shares.get(region);
    const value = share && share.mean[indexOf(share.steps, step)];
    const none = share && Number.isNaN(value) ? "no share: all values are 0 or missing" : undefined;
    const words = share && [overProbes(region, { title, side, step }), exactly(data, share, title, step)].filter(Boolean).join("\n");
    return html`<span key=${title} title=${none ?? words}><b style=${{ color: side.color }}>${title}</b> ${percent(value)}</span>`;
  });
}

/**
 * The share that a run puts on a region at an epoch, over all its probes; "" if unknown.
 * @param {string} region
 * @param {Pane} pane
 */
function overProbes(region, { title, side, step }) {
  const share = side.shares.get(region);
  const value = share?.mean[indexOf(share.steps, step)] ?? NaN;
  if (!share || Number.isNaN(value)) return "";
  const { inside, of } = share.pointing(step);
  const strongest = `strongest ${playerNoun(side.info.probes.kind)}`;
  const pointed = of > 1 ? `${strongest} inside in ${inside} of ${of} probes` : `the ${strongest} is ${inside ? "inside" : "outside"}`;
  const count = share.counted(step);
  return [
    `${title}${isOnce(side) ? "" : `, ${epoch(step)}`}${count > 1 ? `, mean over ${count} probes` : ""}: ${percent(value)} of |attribution|`,
    ...(of ? [`${percent(share.positive(step))} of the positive attribution`, pointed] : []),
  ].join(", ");
}

/**
 * Of the region whose curve is drawn: the share of what speaks for the class, and of how many probes the strongest lies inside.
 * @param {Data} data
 * @param {string} region
 */
function more(data, region) {
  const known = data.panes.flatMap(({ title, side, step }) => {
    const share = side.shares.get(region);
    const { inside, of } = share?.pointing(step) ?? { inside: 0, of: 0 };
    return share && of ? [{ title, positive: percent(share.positive(step)), inside, of }] : [];
  });
  if (!known.length) return null;
  const total = known.every(({ of }) => of === known[0].of) ? ` of ${known[0].of}` : "";
  // In the order of the shares above them; a line breaks between the two.
  const row = (/** @type {(one: typeof known[number]) => string} */ words) => known.map((one) => `${one.title === "now" ? "" : `${one.title} `}${words(one)}`.replaceAll(" ", NO_BREAK)).join(", ");
  const pointed = row(({ inside, of }) => `${inside}${total ? "" : ` of ${of}`}`);
  return html`<span class="region-more" title="share of the positive attribution alone, mean over probes">of positive: ${row(({ positive }) => positive)}</span>
    <span class="region-more" title="probes whose strongest ${playerNoun(data.panes[0].side.info.probes.kind)} lies inside (the pointing game)">pointed at: ${pointed}${total}</span>`;
}

/**
 * The share of the probe in view, with its error, and of the untrained model.
 * @param {Data} data
 * @param {import("../../types.d.ts").Share} share
 * @param {string} title
 * @param {number} step
 */
function exactly(data, share, title, step) {
  const { probe } = data;
  const value = share.at(probe, step);
  if (!Number.isFinite(value)) return undefined;
  const error = share.errors(probe, step);
  const pointed = share.pointed(probe, step);
  const before = share.before(probe);
  const parts = [
    `${probeName(data.panes[0].side.info.probes, probe)}, ${title} at ${epoch(step)}: ${percent(value)}${error > 0 ? ` ± ${percent(error)}` : ""}`,
    `${share.measured ? "untrained" : "by its size alone"} ${percent(before)}`,
    ...(Number.isFinite(pointed) ? [`the strongest ${pointed ? "lies inside" : "lies outside"}`] : []),
  ];
  return parts.join("; ");
}

/**
 * The epoch from which each run leans on a region: "leans on it: A never · B since epoch 3".
 * @param {Data} data
 * @param {string} region
 */
function onsets({ a, b }, region) {
  const words = [a, b].flatMap((side) => {
    const share = side?.shares.get(region);
    if (!side || !share || isOnce(side)) return [];
    const epoch = share.onset === null ? "never" : share.onset < 0 ? "before training" : `since epoch ${share.onset}`;
    const probes = Array.from({ length: side.info.probes.count }, (_, probe) => share.onsetOf(probe)).filter((onset) => onset !== ABSENT).length;
    const since = share.inFew ? `${epoch} in ${probes} of ${side.info.probes.count} probes` : epoch;
    return [b ? `${side.letter} ${since}` : share.onset === null ? "never leans on it" : `leans on it ${since}`];
  });
  const sized = [a, b].map((side) => side?.shares.get(region)).find((share) => share && Number.isFinite(share.own));
  const size = sized && html`<span class="region-onsets" title="the region's own size: a share of about this size is no reason">its size: ${percent(sized.own)} of ${sized.whole}</span>`;
  const about = "A run leans on a region when the mean share, or the share in some probes, rises above its lowest value by more than noise and stays above it.";
  return html`${words.length > 0 && html`<span class="region-onsets" title=${about}>${b && "leans on it: "}${words.join(" · ")}</span>`}${size}`;
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {Area} area
 * @param {(name: string) => void} rename  "" ends it
 */
function nameField(element, data, state, area, rename) {
  let taken = false;
  const take = (/** @type {Event} */ { target }) => {
    // The field loses the focus when it goes.
    if (taken) return;
    taken = true;
    rename("");
    const others = [...(data.a?.info.regions ?? []), ...state.areas.filter((one) => one !== area).map((one) => one.name)];
    const name = freeName(/** @type {HTMLInputElement} */ (target).value.trim() || area.name, others);
    choose(element, { ...changed(state, area, { ...area, name }), ...(data.region === area.name && { region: name }) });
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    // Enter takes a candidate of an input method first.
    if (event.isComposing) return;
    if (event.key === "Enter") take(event);
    if (event.key === "Escape") {
      taken = true;
      rename("");
    }
  };
  return html`<input type="text" class="filter area-name" aria-label="Name of the region" maxlength=${LONGEST_NAME} defaultValue=${area.name} onKeyDown=${keys} onBlur=${take} />`;
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {Area} area
 * @param {(name: string) => void} rename
 */
function tools(element, data, state, area, rename) {
  const { name, probe } = area;
  const whose = probe === null ? "all probes" : `probe ${probe} only`;
  const other = probe === null ? `measure probe ${data.probe} only` : "measure all probes";
  // Tokens are those of one text.
  const fixed = (area.players && data.a?.info.probes.kind === "text") || area.names;
  return html`<span class="area-tools">
    ${fixed ? html`<span class="note">${whose}</span>` : html`<button type="button" class="link" title=${other} aria-label=${`${name}: ${whose}; ${other}`} onClick=${() => choose(element, changed(state, area, { ...area, probe: probe === null ? data.probe : null }))}>${whose}</button>`}
    <button type="button" class="link" aria-label=${`Rename ${name}`} onClick=${() => rename(name)}>rename</button>
    <button type="button" class="link" aria-label=${`Remove ${name}`} title="Remove" onClick=${() => choose(element, changed(state, area, null))}>remove</button>
  </span>`;
}

/** @type {(state: State, area: Area, next: Area | null) => import("../../types.d.ts").Change} */
function changed({ areas }, area, next) {
  return { areas: areas.flatMap((one) => (one !== area ? [one] : next ? [next] : [])) };
}

/** @type {(data: Data, player: number) => string} */
const nameOf = ({ a, probe }, player) => (a ? playerName(a.info.probes, a.content(probe), player).trim() : "");

/**
 * How an area of players is called until the user names it.
 * @param {Data} data
 * @param {number[]} players
 */
const called = (data, [first, ...more]) => `${middle(nameOf(data, first), LONGEST_NAME - 5)}${more.length ? ` + ${more.length}` : ""}`;

/** @type {(data: Data, area: Area) => string} */
function membersOf(data, { players, probe, names }) {
  if (names) return names.join("\n");
  if (!players || !data.a) return "";
  const { probes } = data.a.info;
  const content = data.a.content(probe ?? data.probe);
  return players.map((player) => playerName(probes, content, player)).join("\n");
}

/**
 * Adds the selected player to an area, or removes it.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {Area} area
 */
function join(element, data, state, area) {
  const { player } = state;
  const { players } = area;
  if (!players || player === null || !data.a || !fits({ ...area, players: [player] }, data.a.info.probes)) return null;
  if (area.probe !== null && area.probe !== data.probe) return null;
  const inside = players.includes(player);
  if (inside && players.length === 1) return null;
  const next = inside ? players.filter((one) => one !== player) : [...players, player];
  const others = [...data.a.info.regions, ...state.areas.filter((one) => one !== area).map((one) => one.name)];
  const name = area.name === called(data, players) ? freeName(called(data, next), others) : area.name;
  const words = `${inside ? "remove" : "add"} “${middle(nameOf(data, player), SHORT_NAME)}”`;
  const act = () => choose(element, { ...changed(state, area, { ...area, name, players: next }), ...(data.region === area.name && { region: name }) });
  return html`<button type="button" class="link join ellipsis" title=${`${words} ${inside ? "from" : "to"} “${area.name}”`} onClick=${act}>${words}</button>`;
}

/**
 * If probes are not images, a region is made of selected players.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function watch(element, data, state) {
  const { player, areas } = state;
  if (!data.a) return null;
  const { kind, alike } = data.a.info.probes;
  const noun = playerNoun(kind);
  if (areas.length >= MOST_AREAS) return html`<p class="note watch">at most ${MOST_AREAS} regions</p>`;
  if (player === null) return html`<p class="note watch">Click a ${noun} to plot its share over the epochs.</p>`;
  // A token belongs to its text; features are the same in all probes, and mostly stretches too.
  const probe = kind === "text" || (kind === "sequence" && !alike) ? data.probe : null;
  const taken = [...data.a.info.regions, ...areas.map(({ name }) => name)];
  const name = freeName(called(data, [player]), taken);
  if (areas.some((area) => area.players?.join() === String(player) && area.probe === probe)) return null;
  return html`<button type="button" class="link watch ellipsis" title=${`measure how much of the attribution lies on “${nameOf(data, player)}”`}
    onClick=${() => choose(element, { areas: [...areas, { name, probe, points: [], players: [player] }], region: name })}>+ watch “${middle(nameOf(data, player), SHORT_NAME)}”</button>`;
}

/**
 * A warning about names of a region that a run does not have.
 * @param {Data} data
 * @param {Area} area
 */
function unknown({ a, b, failures }, { name, names }) {
  if (!names) return null;
  const own = names.map(encodeURIComponent).join(",");
  const refused = failures.find(({ route, args }) => route === "share" && args.names === own)?.problem.replace(/^.*?share: /, "");
  const missing = [...new Set([a, b].flatMap((side) => side?.shares.get(name)?.unknown ?? []))];
  const words = refused ?? (missing.length ? `not in this record: ${missing.map((one) => `“${one}”`).join(", ")}` : "");
  return words ? html`<p class="note warning" role="status">${words}</p>` : null;
}

/**
 * A field for what was not declared: features, groups and tokens by name, with completion; of images a box.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function ask(element, data, state) {
  const { a, b } = data;
  if (!a) return null;
  const { probes, regions } = a.info;
  const image = probes.kind === "image";
  const known = image ? [] : namesToAsk(probes, data.order.slice(...state.window).concat(data.probe).map((probe) => a.content(probe)));
  const take = (/** @type {Event & {currentTarget: EventTarget | null}} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    const text = input.value.trim();
    if (!text) return;
    // A declared region wins over what else has its name.
    if (regions.includes(text) || state.areas.some(({ name }) => name === text)) {
      input.value = "";
      choose(element, { region: text });
      return;
    }
    const asked = image ? boxOf(text, probes) : namesOf(text, probes, known);
    if (typeof asked === "string") {
      input.setCustomValidity(asked);
      input.reportValidity();
      return;
    }
    input.value = "";
    const name = freeName(text, [...regions, ...(b?.info.regions ?? []), ...state.areas.map((area) => area.name)]);
    choose(element, { areas: [...state.areas, { name, probe: null, ...asked }], region: name });
  };
  const keys = (/** @type {KeyboardEvent & {currentTarget: EventTarget | null}} */ event) => {
    event.stopPropagation();
    /** @type {HTMLInputElement} */ (event.currentTarget).setCustomValidity("");
    if (event.key === "Enter") take(event);
  };
  // What was not taken goes with the focus: the page shows what its address says.
  const leave = (/** @type {Event & {currentTarget: EventTarget | null}} */ { currentTarget }) => {
    const input = /** @type {HTMLInputElement} */ (currentTarget);
    input.value = "";
    input.setCustomValidity("");
  };
  const what = image ? "box x0,y0,x1,y1" : probes.kind === "tabular" ? "feature or group" : playerNoun(probes.kind);
  return html`<input type="search" class="filter ask-region" list=${image ? undefined : "region-names"} placeholder=${`+ ${what}`} aria-label=${`Add a region: ${what}`}
      title=${image ? "measure how much of the attribution lies in a box, in pixels" : `measure how much of the attribution lies on any ${what}; several names with commas between them`} onKeyDown=${keys} onBlur=${leave} onInput=${(/** @type {Event} */ { target }) => /** @type {HTMLInputElement} */ (target).setCustomValidity("")} />
    ${!image && html`<datalist id="region-names">${known.slice(0, MOST_LISTED).map((name) => html`<option key=${name} value=${name}></option>`)}</datalist>`}`;
}

// Names in the completion.
const MOST_LISTED = 1000;

/**
 * Names that a user typed; a sentence where the record can't have them.
 * @param {string} text
 * @param {import("../../types.d.ts").ProbeSetInfo} probes
 * @param {string[]} known
 */
function namesOf(text, { kind }, known) {
  const names = known.includes(text) ? [text] : text.split(",").map((name) => name.trim()).filter(Boolean);
  const missing = kind === "tabular" ? names.filter((name) => !known.includes(name)) : [];
  return missing.length ? `No feature or group is called “${missing[0]}”.` : { points: [], names };
}

/**
 * A box that a user typed.
 * @param {string} text
 * @param {import("../../types.d.ts").ProbeSetInfo} probes
 */
function boxOf(text, { width = 0, height = 0 }) {
  const ends = text.split(",").map(Number);
  const sound = ends.length === 4 && ends.every(Number.isFinite) && ends[0] < ends[2] && ends[1] < ends[3] && ends[0] < width && ends[1] < height && ends[2] > 0 && ends[3] > 0;
  return sound ? { points: box(ends.slice(0, 2), ends.slice(2), width, height) } : `Give a box inside the image of ${width} × ${height} pixels: x0,y0,x1,y1.`;
}

/** @type {(element: HTMLElement, state: State) => import("../../types.d.ts").VNode} */
function start(element, { areas }) {
  const full = areas.length >= MOST_AREAS;
  return html`<button type="button" class="link draw" disabled=${full} title=${full ? `at most ${MOST_AREAS} regions` : "measure how much of the attribution lies in a part of the image"}
    onClick=${() => choose(element, { drawing: "box" })}>+ draw a region</button>`;
}

/** @type {(element: HTMLElement, tool: "box" | "lasso") => import("../../types.d.ts").VNode} */
function drawing(element, tool) {
  const take = (/** @type {Event} */ _, /** @type {string} */ value) => {
    choose(element, { drawing: value === "box" ? "box" : "lasso" });
    // The button that was clicked lets go of the focus (host/listen.js): keys draw on.
    requestAnimationFrame(() => toSketch(document));
  };
  return html`<div class="drawing-tools" role="status">
    ${segmented({ label: "Tool", value: tool, options: TOOLS, choose: take })}
    <button type="button" class="link" onClick=${() => choose(element, { drawing: null })}>cancel (Esc)</button>
    <p class="note">Drag on a large picture${tool === "box" ? ", or move the box with the arrow keys (Shift: resize it); Enter confirms" : ""}.</p>
  </div>`;
}
