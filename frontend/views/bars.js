/** The selected row of a table: a bar for each feature, of A, B and their difference, or the way from the base value to the output. */

import { descending, barEnd, largestSizes, linesOf, meanSizes, playerValue, reach, sumOf, ticks, waterfall } from "../bars.js";
import { axis, drawBars } from "../bars-canvas.js";
import { createList } from "../bars-list.js";
import { epoch, method, number, signed, tick, withError } from "../format.js";
import { choose, html, render, segmented } from "../html.js";
import { middle } from "../names.js";
import { roveNames } from "../passage-focus.js";
import { playerName, playerNoun } from "../players.js";
import { difference, strongestThreshold } from "../scale.js";
import { ALONE, blankReason, differenceHead, differenceReason, paneHead, trust } from "./figure.js";

/** @typedef {import("../bars-canvas.js").Bar} Bar */
/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pane} Pane */
/** @typedef {import("../types.d.ts").State} State */

const LEAST_ROW = 18;
const MOST_ROW = 28;
const LONGEST_NAME = 48;
// The column of names: least px, its part of the width, what of it is the name, and px of a letter.
const LEAST_NAMES = 168;
const NAMES = 0.27;
const OF_NAME = 0.7;
const LETTER = 5.6;
// Standard errors below which a difference may be sampling alone.
// Of the way from base to output: a waterfall that misses more would end at a wrong number.
const MOST_GAP = 0.01;
const BEYOND = 2;

const ORDERS = [
  { value: "overall", text: "overall", title: "by mean |attribution| over all epochs of this probe: rows stay where they are while epochs pass" },
  { value: "epoch", text: "at this epoch", title: "by |attribution| at the cursor" },
  { value: "logged", text: "as logged", title: "in the order of the table's columns" },
];
const FORMS = [
  { value: "bars", text: "bars", title: "each feature from zero" },
  { value: "waterfall", text: "waterfall", title: "one after the other, from the base value to the output" },
];

/**
 * One of the charts beside each other.
 * @typedef {object} Column
 * @property {string} title
 * @property {Float32Array | null} values
 * @property {Float32Array | null} errors
 * @property {number} base
 * @property {string} blank  why there is nothing to see
 * @property {boolean} apart  whether it is the difference of the other two
 */

/** @type {import("../types.d.ts").View} */
export function barsView(element) {
  const top = document.createElement("div");
  const bottom = document.createElement("div");
  /** @type {Parameters<import("../types.d.ts").Update> | null} */
  let last = null;
  const again = () => last && update(...last);
  const list = createList(again);
  element.append(top, list.box, bottom);
  let all = false;
  const orderOf = createOrder();
  const endsOf = createEnds();
  /** what is under the pointer: rows from the top of the stage, px of one, and what stands there */
  let hit = /** @type {(event: MouseEvent) => number | null} */ (() => null);
  let words = /** @type {(player: number, column: number) => string} */ (() => "");

  list.stage.addEventListener("pointermove", (event) => {
    const player = hit(event);
    choose(element, { hover: player });
    if (event.target instanceof HTMLCanvasElement) event.target.title = player === null ? "" : words(player, Number(event.target.dataset.column));
  });
  list.stage.addEventListener("pointerleave", () => choose(element, { hover: null }));
  list.stage.addEventListener("click", (event) => {
    const player = hit(event);
    if (player !== null && last) choose(element, { player: player === last[1].player ? null : player });
  });

  /** @type {import("../types.d.ts").Update} */
  const update = (data, state) => {
    element.hidden = data.a?.info.probes.kind !== "tabular";
    if (data.phase !== "ready" || element.hidden) return;
    last = [data, state];
    const { panes, probe } = data;
    const { info } = panes[0].side;
    const columns = columnsOf(data);
    const players = info.probes.players[probe];
    const order = orderOf(data, state, columns);
    const stepwise = state.form === "waterfall" && addsUp(data);
    const spare = stepwise ? 2 : 0;
    const rows = Math.floor(list.height / LEAST_ROW) - spare;
    const whole = all || state.rank === "logged";
    const lines = linesOf(order, whole ? Infinity : rows, state.player);
    const count = lines.length + spare;
    const row = Math.max(LEAST_ROW, Math.min(MOST_ROW, Math.floor(list.height / count)));
    list.size(count, row);
    const domains = endsOf(data, state, columns, order, stepwise);
    const content = panes[0].side.content(probe);
    const table = content?.kind === "tabular" ? content : null;
    const name = (/** @type {number} */ player) => playerName(info.probes, content, player);

    render(html`<div class="bars-top">${tools(element, data, state, players)}<div class="bars-grid heads"><span class="note bars-corner">${table ? "value in this probe" : ""}</span>${heads(element, data, state)}</div></div>`, top);

    // Rows in view, each with its place; the base and the output stand around the others.
    const first = Math.max(0, Math.floor(list.scroll / row));
    const places = Array.from({ length: Math.max(0, Math.min(count, first + Math.ceil(list.height / row) + 1) - first) }, (_, i) => first + i);
    const y = (/** @type {number} */ place) => place * row - list.scroll;
    const room = Math.floor((Math.max(LEAST_NAMES, list.width * NAMES) * OF_NAME) / LETTER);
    const lineAt = (/** @type {number} */ place) => lines[place - spare / 2];
    const lit = places.filter((place) => lineAt(place)?.length === 1 && data.lit.includes(lineAt(place)[0]));
    const label = (/** @type {number} */ place) => {
      const line = lineAt(place);
      const style = { top: `${y(place)}px`, height: `${row}px` };
      if (!line) {
        const start = place === 0;
        const about = start ? "what the model says without the features: those of the background stand for all of them" : "what the model says of this probe: the base value and all bars";
        return html`<span key=${start ? "base" : "output"} class="bar-name end" style=${style} title=${about}>${start ? "base value" : "output"}</span>`;
      }
      if (line.length > 1) {
        const show = (/** @type {Event} */ event) => {
          event.stopPropagation();
          all = true;
          again();
        };
        return html`<button key="others" type="button" class="bar-name others link" style=${style} title="their sum; show all" onClick=${show}>${line.length} others ▸</button>`;
      }
      const [player] = line;
      const value = playerValue(info.probes, table, player);
      return html`<button key=${player} type="button" class="bar-name" style=${style} aria-pressed=${player === state.player} title=${value.whole ? `${name(player)}\n${value.whole}` : name(player)}>
        <span class="ellipsis">${middle(name(player), room)}</span><span class=${value.missing ? "bar-value missing ellipsis" : "bar-value ellipsis"}>${value.short}</span></button>`;
    };
    render(
      html`<div class="bars-grid">
        ${lit.map((place) => html`<div key=${`lit ${place}`} class="bar-lit" style=${{ top: `${y(place)}px`, height: `${row}px` }}></div>`)}
        <div class="bar-names">${places.map(label)}</div>
        ${columns.map((column, i) => html`<div key=${column.title} class="bar-chart"><canvas role="img" data-column=${i} aria-label=${encoded(data, column, stepwise, order, name)}></canvas>${column.blank && html`<p class="blank">${column.blank}</p>`}</div>`)}
        ${columns.length === 1 && html`<p key="alone" class="note bars-alone">${ALONE}</p>`}
      </div>`,
      list.stage,
    );
    roveNames(list.stage.querySelector(".bar-names"));
    const canvases = list.stage.querySelectorAll("canvas");
    const width = canvases[0].parentElement?.clientWidth ?? 0;
    const marks = domains.map(([low, high]) => ticks(low, high, Math.max(3, Math.floor(width / 52))));
    columns.forEach((column, i) => {
      const bars = column.blank || !column.values ? [] : barsOf(column, lines, stepwise, state).slice(places[0], (places.at(-1) ?? -1) + 1).map((bar, at) => ({ ...bar, y: Math.round(y(places[at]) + row / 2) }));
      const chart = { bars, domain: domains[i], joined: stepwise && !column.apart, dark: state.dark, ticks: marks[i] };
      drawBars(canvases[i], width, list.height, JSON.stringify(chart), chart);
    });
    render(feet(data, columns, domains, marks, width, stepwise, whole && order.length > rows ? () => ((all = false), state.rank === "logged" ? choose(element, { rank: "overall" }) : again()) : null), bottom);

    hit = (event) => {
      const line = lineAt(Math.floor((event.clientY - list.stage.getBoundingClientRect().top + list.scroll) / row));
      return line?.length === 1 ? line[0] : null;
    };
    words = (player, column) => told(columns[column], player, name(player));
  };
  return update;
}

/**
 * @param {Data} data
 * @returns {Column[]}
 */
function columnsOf(data) {
  const { panes, probe, cursor, b } = data;
  const explained = panes.map((pane) => pane.side.values(probe)?.at(pane.step) ?? null);
  /** @type {Column[]} */
  const columns = panes.map((pane, i) => {
    const one = explained[i];
    return { title: pane.title, values: one?.values ?? null, errors: one?.errors ?? null, base: one?.base ?? NaN, blank: blankReason(pane, data), apart: false };
  });
  const [one, other] = explained;
  if (panes.length === 2) {
    const blank = differenceReason(panes, explained, "map");
    columns.push({
      title: `${panes[0].title} − ${panes[1].title}`,
      values: one && other && !blank ? difference(one.values, other.values) : null,
      errors: data.difference?.at(probe, b ? cursor.step : panes[0].step) ?? null,
      base: Number(one?.base) - Number(other?.base),
      blank,
      apart: true,
    });
  }
  return columns;
}

/** Records of the selected probe, each run once. */
/** @type {(data: Data) => import("../types.d.ts").ProbeValues[]} */
function recordsOf({ panes, probe }) {
  return [...new Set(panes.map(({ side }) => side))].flatMap((side) => side.values(probe) ?? []);
}

/** The order of the features; worked out again when the numbers that it goes by change. */
function createOrder() {
  let key = "";
  /** @type {number[]} */
  let order = [];
  return (/** @type {Data} */ data, /** @type {State} */ state, /** @type {Column[]} */ columns) => {
    const records = recordsOf(data);
    const players = data.panes[0].side.info.probes.players[data.probe];
    const next = [data.probe, players, state.rank, ...records.map(({ id }) => id), ...(state.rank === "epoch" ? data.panes.map(({ step }) => step) : [])].join();
    if (next === key) return order;
    key = next;
    if (state.rank === "logged") order = Array.from({ length: players }, (_, player) => player);
    else order = descending(state.rank === "epoch" ? largestSizes(columns.filter(({ apart }) => !apart).map(({ values }) => values), players) : meanSizes(records, players));
    return order;
  };
}

/** Both ends of each chart's axis: all alike, and the same at every epoch, where the scale is locked. */
function createEnds() {
  let key = "";
  /** @type {[number, number]} */
  let shared = [0, 1];
  /** @type {(low: number, high: number) => [number, number]} a little wider, for lines at the very end */
  const padded = (low, high) => {
    const room = (high - low || 1) * 0.04;
    return [low - room, high + room];
  };
  /** @type {(column: Column, order: number[]) => [number, number]} */
  const ownWay = ({ base, values }, order) => padded(...(reach(base, values ?? [], order) ?? [0, 1]));
  /** @type {(column: Column) => [number, number]} */
  const own = ({ values, errors }) => {
    const end = values ? barEnd(0, [{ values, errors: Float32Array.from(errors ?? []), target: 0, base: 0 }]) || 1 : 1;
    return [-end, end];
  };
  return (/** @type {Data} */ data, /** @type {State} */ state, /** @type {Column[]} */ columns, /** @type {number[]} */ order, /** @type {boolean} */ stepwise) => {
    if (!state.lock) return columns.map((column) => (stepwise && !column.apart ? ownWay(column, order) : own(column)));
    const records = recordsOf(data);
    const next = [data.probe, data.scale, stepwise, ...records.map(({ id }) => id), stepwise && order].join();
    if (next !== key) {
      key = next;
      const each = records.flatMap((record) => [...record.steps].map((step) => record.at(step)));
      if (stepwise) {
        const ways = each.flatMap((one) => (one ? (reach(one.base, one.values, order) ?? []) : []));
        shared = ways.length ? padded(Math.min(...ways), Math.max(...ways)) : [0, 1];
      } else {
        const end = barEnd(data.scale, each) || 1;
        shared = [-end, end];
      }
    }
    // As many pixels a unit, around zero.
    const half = (shared[1] - shared[0]) / 2;
    return columns.map(({ apart }) => (stepwise && apart ? /** @type {[number, number]} */ ([-half, half]) : shared));
  };
}

/**
 * The bars of a chart, from the first row to the last; their places come later.
 * @param {Column} column
 * @param {import("../bars.js").Line[]} lines
 * @param {boolean} stepwise
 * @param {State} state
 * @returns {Bar[]}
 */
function barsOf({ values, errors, base, apart }, lines, stepwise, state) {
  if (!values) return [];
  const threshold = strongestThreshold(values, state.strongest);
  const steps = stepwise && !apart ? waterfall(base, values, lines) : null;
  const bars = lines.map((line, i) => {
    const value = sumOf(values, line);
    const error = line.length === 1 ? (errors?.[line[0]] ?? NaN) : NaN;
    const { from, to } = steps && Number.isFinite(value) ? steps[i] : { from: 0, to: value };
    const noise = apart && error > 0 && Math.abs(value) < BEYOND * error;
    /** @type {Bar["look"]} */
    const look = line.length > 1 ? "many" : Math.abs(value) < threshold ? "weak" : noise ? "noise" : "plain";
    return { y: 0, from, to, error, text: signed(value), look };
  });
  if (!stepwise) return bars;
  const output = base + sumOf(values, lines.flat());
  const end = (/** @type {number} */ at) => ({ y: 0, from: at, to: at, error: NaN, text: apart ? signed(at) : number(at), look: /** @type {const} */ ("end") });
  return [end(base), ...bars, end(output)];
}

/**
 * Whether the values shown add up to the output: methods that are made to measure by how much they miss it, and others whose values are near it by
 * chance, or not at all, do too.
 * @param {Data} data
 */
function addsUp({ method: name, panes, probe }) {
  const gaps = panes.map(({ side: { fidelity }, step }) => {
    const place = fidelity?.measures.findIndex((measure) => /^(efficiency|completeness)_gap$/.test(measure)) ?? -1;
    return place < 0 ? null : fidelity?.at(probe, step)?.[place];
  });
  if (panes.every(({ side }) => !side.fidelity)) return name === "shap";
  return gaps.every((gap) => typeof gap === "number" && !(gap > MOST_GAP));
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {number} players
 */
function tools(element, data, state, players) {
  const refused = state.form === "waterfall" && !addsUp(data);
  const why = data.method === "lime" ? "LIME's values are coefficients, they do not add up to the output" : `${method(data.method)}'s values do not add up to the output`;
  return html`<div class="bars-tools">
    <span class="note">${players} ${playerNoun("tabular", players)}, order</span>
    ${segmented({ label: "Order of the features", value: state.rank, options: ORDERS, choose: (_, value) => choose(element, { rank: /** @type {State["rank"]} */ (value) }) })}
    ${refused && html`<span class="note ellipsis bars-refused" role="status" title=${why}>${why}</span>`}
    <span class="bars-form">${segmented({ label: "Form", value: state.form, options: FORMS, choose: (_, value) => choose(element, { form: /** @type {State["form"]} */ (value) }) })}</span>
  </div>`;
}

/** @type {(element: HTMLElement, data: Data, state: State) => unknown} */
function heads(element, data, state) {
  const { panes } = data;
  return html`${panes.map((pane) => html`<div key=${pane.title} class="bars-head" style=${{ "--run": pane.side.color }}>${paneHead(element, data, pane)}</div>`)}
    ${panes.length === 2 && html`<div key="difference" class="bars-head">${differenceHead(panes, state.lock)}</div>`}`;
}

/**
 * Below the charts: their axes, and how far each can be trusted.
 * @param {Data} data
 * @param {Column[]} columns
 * @param {[number, number][]} domains
 * @param {number[][]} marks
 * @param {number} width
 * @param {boolean} stepwise
 * @param {(() => void) | null} fewer
 */
function feet({ panes, probe }, columns, domains, marks, width, stepwise, fewer) {
  return html`<div class="bars-grid feet">
    <div class="bars-corner">${fewer && html`<button type="button" class="link" onClick=${fewer}>◂ the strongest only</button>`}<span class="note bars-unit ellipsis" title=${`in ${panes[0].side.unit}`}>${panes[0].side.unit}</span></div>
    ${columns.map(({ title, apart, errors }, i) => {
      const at = axis(domains[i], width);
      return html`<div key=${title} class="bars-foot">
        <div class="bars-axis" aria-hidden="true">${marks[i].map((mark) => html`<span key=${mark} style=${{ left: `${at(mark)}px` }}>${mark > 0 && (apart || !stepwise) ? "+" : ""}${tick(mark)}</span>`)}</div>
        ${panes[i] ? trust(panes[i], probe, "") : html`<p class="trust ellipsis" hidden=${!errors?.some((error) => error > 0)} title="hatched: less than 2 standard errors of the difference; sampling alone may make it">hatched: within noise</p>`}
      </div>`;
    })}
  </div>`;
}

/**
 * What a chart shows, for who does not see it.
 * @param {Data} data
 * @param {Column} column
 * @param {boolean} stepwise
 * @param {number[]} order
 * @param {(player: number) => string} name
 */
function encoded({ panes }, { title, values, apart }, stepwise, order, name) {
  const what = apart ? `difference of the attributions, ${title}` : panes.filter((pane) => pane.title === title).map(({ side, step }) => `attribution of each feature, ${side.name} at ${epoch(step)}`)[0];
  const first = values ? order.slice(0, 3).map((player) => `${middle(name(player), LONGEST_NAME)} ${signed(values[player])}`) : [];
  return `${what}: bars ${stepwise && !apart ? "one after the other from the base value to the output" : "from zero"}, for to the right, against to the left${first.length ? `; ${first.join(", ")}` : ""}`;
}

/** @type {(column: Column | undefined, player: number, name: string) => string} */
function told(column, player, name) {
  if (!column?.values || !Number.isFinite(column.values[player])) return name;
  const value = column.values[player];
  const error = column.errors?.[player] ?? NaN;
  const numbers = `${name}\n${column.title} ${withError(value, error)}`;
  if (!column.apart || !(error > 0)) return numbers;
  return Math.abs(value) < BEYOND * error ? `${numbers}\nwithin noise: less than ${BEYOND} standard errors, sampling alone may make such a difference` : `${numbers}\nbeyond noise: more than ${BEYOND} standard errors`;
}
