/** The selected row of a table: a bar for each feature, of A, B and their difference, or the way from the base value to the output. */

import { ticks } from "../../figures/axis.js";
import { barEnd, descending, furthest, largestSizes, linesOf, meanSizes, reach, sumOf, waterfall } from "../../figures/bars.js";
import { chosen, difference } from "../../figures/scale.js";
import { roveNames } from "../../host/rove.js";
import { EM } from "../../host/text.js";
import { ofDifference } from "../../model/look.js";
import { isNoise } from "../../model/shown.js";
import { playerName } from "../../model/players.js";
import { isUnfolded, unfold } from "../../model/state.js";
import { drawBars } from "../../paint/bars.js";
import { commonUnit, number, signed, toError } from "../../words/format.js";
import { createList } from "../parts/bars-list.js";
import { choose, html, render } from "../parts/html.js";
import { encoded, feet, heads, rowName, tipText, tools } from "./bars-parts.js";
import { aloneWords, blankReason, differenceReason } from "./figure.js";

/** @typedef {import("../../paint/bars.js").Bar} Bar */
/** @typedef {import("../../figures/bars.js").Line} Line */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {import("./bars-parts.js").Column} Column */
/** @typedef {import("./bars-parts.js").Rows} Rows */

const LEAST_ROW = 18 * EM;
const MOST_ROW = 28 * EM;
const LEAST_HEIGHT = 112 * EM;
// The column of names: least px, its part of the width, the part of it for the name, and px of a letter.
const LEAST_NAMES = 168 * EM;
const NAMES = 0.27;
const OF_NAME = 0.7;
const LETTER = 5.6 * EM;
// Px between two numbers of an axis.
const TICK = 52 * EM;
// Of the way from base to output: a waterfall that misses more would end at a wrong number.
const MOST_GAP = 0.01;

/** @type {import("../../types.d.ts").View} */
export function barsView(element) {
  const top = document.createElement("div");
  const bottom = document.createElement("div");
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  const again = () => last && update(...last);
  const list = createList(again);
  element.append(top, list.box, bottom);
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
  list.stage.addEventListener("pointerout", ({ target }) => {
    if (target instanceof HTMLCanvasElement) target.title = "";
  });
  list.stage.addEventListener("click", (event) => {
    const player = hit(event);
    if (player !== null && last) choose(element, { player: player === last[1].player ? null : player });
  });

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    const all = isUnfolded(state, "bars");
    const { panes, probe } = data;
    element.classList.toggle("apart", panes.some(({ side }) => side.apart));
    const { info } = panes[0].side;
    const content = panes[0].side.content(probe);
    const table = content?.kind === "tabular" ? content : null;
    const name = (/** @type {number} */ player) => playerName(info.probes, content, player);
    const columns = columnsOf(data, state);
    const order = orderOf(data, state, columns);
    const possible = addsUp(data);
    const stepwise = state.form === "waterfall" && possible;
    const own = ownRows(order, columns, state);
    const rest = own === order ? [] : order.filter((player) => !own.includes(player));
    // A waterfall ends at the output: what is hidden is one step of it.
    const rows = rowsOf(list, own, stepwise ? rest : [], state, all, stepwise ? 2 : 0);
    const domains = endsOf(data, state, columns, order, stepwise);

    render(html`<div class="bars-top">${tools(element, data, state, [own.length, order.length], state.form === "waterfall" && !possible, table)}
      <div class="bars-grid heads"><span class="note bars-corner">${table ? "value in this probe" : ""}</span>${heads(element, data, state, stepwise)}</div></div>`, top);
    const showAll = (/** @type {Event} */ event) => {
      event.stopPropagation();
      choose(element, { ...unfold(state, "bars", true), ...(rest.length && { rest: /** @type {const} */ ("show") }) });
    };
    const letters = Math.floor((Math.max(LEAST_NAMES, list.width * NAMES) * OF_NAME) / LETTER);
    const label = (/** @type {number} */ place) => rowName(rows, place, { probes: info.probes, table, name, kept: state.player, letters, showAll });
    render(stage(data, rows, columns, label, (column) => encoded(data, column, stepwise, own, name)), list.stage);
    roveNames(list.stage.querySelector(".bar-names"));
    const { width, marks } = drawColumns(list, rows, columns, domains, stepwise, state);
    const fewer = () => choose(element, { ...unfold(state, "bars", false), ...(state.rank === "logged" && { rank: /** @type {const} */ ("overall") }) });
    render(feet(data, columns, domains, marks, width, stepwise, rows.complete && own.length > rows.fit ? fewer : null), bottom);

    hit = (event) => {
      const line = rows.lineAt(Math.floor((event.clientY - list.stage.getBoundingClientRect().top + list.scroll) / rows.row));
      return line?.length === 1 ? line[0] : null;
    };
    words = (player, column) => tipText(columns[column], player, name(player), commonUnit(data.panes.flatMap(({ side }, i) => (i === column || columns[column]?.apart ? [side] : []))));
  };
  return update;
}

/**
 * The features with a row of their own: where the rest is hidden, those that are chosen in one of the charts, and the one that is kept.
 * @param {number[]} order
 * @param {Column[]} columns
 * @param {State} state
 */
function ownRows(order, columns, state) {
  const picked = columns.map((column) => chosenIn(column, state));
  if (state.rest === "show" || columns.every(({ values }) => !values) || picked.some((one, i) => !one && columns[i].values && !columns[i].apart)) return order;
  return order.filter((player) => player === state.player || picked.some((one) => one?.[player]));
}

/** @type {(column: Column, state: State) => Uint8Array | null} */
const chosenIn = ({ values, apart }, state) => values && chosen(values, apart ? ofDifference(state) : state);

/**
 * Makes room for the rows and finds those in view.
 * @param {import("../parts/bars-list.js").List} list
 * @param {number[]} own  players with rows
 * @param {number[]} rest  players that are shown as one row
 * @param {State} state
 * @param {boolean} all  whether all rows are shown
 * @param {number} spare
 * @returns {Rows}
 */
function rowsOf(list, own, rest, state, all, spare) {
  const fit = Math.floor(list.height / LEAST_ROW) - spare;
  const complete = all || state.rank === "logged";
  const lines = linesOf(own, (complete ? Infinity : fit) - (rest.length ? 1 : 0), state.player);
  if (rest.length) lines.push([...((lines.at(-1)?.length ?? 0) > 1 ? (lines.pop() ?? []) : []), ...rest]);
  const count = lines.length + spare;
  const row = Math.max(LEAST_ROW, Math.min(MOST_ROW, Math.floor(list.height / count)));
  // Few features leave their room to what stands below.
  list.box.style.maxHeight = `${Math.max(LEAST_HEIGHT, (own.length + spare + (rest.length ? 1 : 0)) * MOST_ROW)}px`;
  list.size(count, row);
  const first = Math.max(0, Math.floor(list.scroll / row));
  const places = Array.from({ length: Math.max(0, Math.min(count, first + Math.ceil(list.height / row) + 1) - first) }, (_, i) => first + i);
  return { lines, spare, fit, complete, row, places, y: (place) => place * row - list.scroll, lineAt: (place) => lines[place - spare / 2] };
}

/**
 * Names and canvases of the rows in view.
 * @param {Data} data
 * @param {Rows} rows
 * @param {Column[]} columns
 * @param {(place: number) => unknown} label
 * @param {(column: Column) => string} wordsOf
 */
function stage({ lit, panes }, { places, y, row, lineAt }, columns, label, wordsOf) {
  const isLit = (/** @type {number} */ place) => lineAt(place)?.length === 1 && lit.includes(Number(lineAt(place)?.[0]));
  return html`<div class="bars-grid">
    ${places.filter(isLit).map((place) => html`<div key=${`lit ${place}`} class="bar-lit" style=${{ top: `${y(place)}px`, height: `${row}px` }}></div>`)}
    <div class="bar-names" role="group" aria-label="features; choose one to keep it highlighted">${places.map(label)}</div>
    ${columns.map((column, i) => html`<div key=${column.title} class="bar-chart"><canvas role="img" data-column=${i} aria-label=${wordsOf(column)}></canvas>${column.blank ? html`<p class="blank">${column.blank}</p>` : null}</div>`)}
    ${columns.length === 1 && html`<p key="alone" class="note bars-alone">${aloneWords(panes[0].side)}</p>`}
  </div>`;
}

/**
 * @param {import("../parts/bars-list.js").List} list
 * @param {Rows} rows
 * @param {Column[]} columns
 * @param {[number, number][]} domains
 * @param {boolean} stepwise
 * @param {State} state
 * @returns {{width: number, marks: number[][]}} px of a chart, and the numbers of each one's axis
 */
function drawColumns(list, { lines, places, y, row }, columns, domains, stepwise, state) {
  const canvases = list.stage.querySelectorAll("canvas");
  const width = canvases[0].parentElement?.clientWidth ?? 0;
  const marks = domains.map(([low, high]) => ticks(low, high, Math.max(3, Math.floor(width / TICK))));
  columns.forEach((column, i) => {
    const bars = column.blank ? [] : barsOf(column, lines, stepwise, state).slice(places[0], (places.at(-1) ?? -1) + 1).map((bar, at) => ({ ...bar, y: Math.round(y(places[at]) + row / 2) }));
    const chart = { bars, domain: domains[i], joined: stepwise && !column.apart, dark: state.dark, ticks: marks[i] };
    drawBars(canvases[i], width, list.height, JSON.stringify(chart), chart);
  });
  return { width, marks };
}

/**
 * @param {Data} data
 * @param {State} state
 * @returns {Column[]}
 */
function columnsOf(data, state) {
  const { panes, probe, cursor, b } = data;
  const explained = panes.map((pane) => pane.side.values(probe)?.at(pane.step) ?? null);
  /** @type {Column[]} */
  const columns = panes.map((pane, i) => {
    const one = explained[i];
    return { title: pane.title, values: one?.values ?? null, errors: one?.errors ?? null, real: null, base: one?.base ?? NaN, blank: blankReason(pane, data, state), apart: false };
  });
  const [one, other] = explained;
  if (panes.length === 2 && !panes[1].side.apart) {
    const blank = differenceReason(panes, explained, "map");
    columns.push({
      title: `${panes[0].title} − ${panes[1].title}`,
      values: one && other && !blank ? difference(one.values, other.values) : null,
      errors: data.difference?.at(probe, b ? cursor.step : panes[0].step) ?? null,
      real: data.difference?.real(probe, b ? cursor.step : panes[0].step) ?? null,
      base: Number(one?.base) - Number(other?.base),
      blank,
      apart: true,
    });
  }
  return columns;
}

/** Records of the selected probe, each run once. */
/** @type {(data: Pick<Data, "panes" | "probe">) => import("../../types.d.ts").ProbeValues[]} */
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
  /** @type {[number, number]} of bars that begin at zero */
  let fromZero = [-1, 1];
  /** @type {(low: number, high: number) => [number, number]} a little wider, for lines at the very end */
  const padded = (low, high) => {
    const room = (high - low || 1) * 0.04;
    return [low - room, high + room];
  };
  /** @type {(one: {base: number, values: Float32Array | null}, order: number[], state: State) => [number, number] | null} hidden rows change places with the epoch: any order has room */
  const wayOf = ({ base, values }, order, { rest }) => (rest === "hide" ? furthest : reach)(base, values ?? [], order);
  /** @type {(column: Column, order: number[], state: State) => [number, number]} */
  const ownWay = (column, order, state) => padded(...(wayOf(column, order, state) ?? [0, 1]));
  /** @type {(column: Column) => [number, number]} */
  const own = ({ values, errors }) => {
    const end = values ? barEnd(0, [{ values, errors: Float32Array.from(errors ?? []), target: 0, base: 0 }]) || 1 : 1;
    return [-end, end];
  };
  return (/** @type {Data} */ data, /** @type {State} */ state, /** @type {Column[]} */ columns, /** @type {number[]} */ order, /** @type {boolean} */ stepwise) => {
    if (!state.lock) return columns.map((column) => (stepwise && !column.apart ? ownWay(column, order, state) : own(column)));
    const records = recordsOf({ panes: data.panes.filter(({ side }) => !side.ownEnd), probe: data.probe });
    const next = [data.probe, data.scale, stepwise, ...records.map(({ id }) => id), stepwise && [order, state.rest]].join();
    if (next !== key) {
      key = next;
      const explanations = records.flatMap((record) => [...record.steps].map((step) => record.at(step)));
      const end = barEnd(data.scale, explanations) || 1;
      fromZero = [-end, end];
      const ways = stepwise ? explanations.flatMap((one) => (one ? (wayOf(one, order, state) ?? []) : [])) : [];
      shared = !stepwise ? fromZero : ways.length ? padded(Math.min(...ways), Math.max(...ways)) : [0, 1];
    }
    // A way is as long as all its bars together: the difference of two would not be seen on its axis.
    return columns.map((column, i) => (data.panes[i]?.side.ownEnd ? (stepwise ? ownWay(column, order, state) : own(column)) : column.apart ? fromZero : shared));
  };
}

/**
 * The bars of a chart, from the first row to the last; their places come later.
 * @param {Column} column
 * @param {import("../../figures/bars.js").Line[]} lines
 * @param {boolean} stepwise
 * @param {State} state
 * @returns {Bar[]}
 */
function barsOf(column, lines, stepwise, state) {
  const { values, errors, real, base, apart } = column;
  if (!values) return [];
  const picked = chosenIn(column, state);
  const steps = stepwise && !apart ? waterfall(base, values, lines) : null;
  const bars = lines.map((line, i) => {
    const value = sumOf(values, line);
    const error = line.length === 1 ? (errors?.[line[0]] ?? NaN) : NaN;
    const { from, to } = steps && Number.isFinite(value) ? steps[i] : { from: 0, to: value };
    const noise = apart && isNoise(real?.[line[0]], error);
    /** @type {Bar["look"]} */
    const look = line.length > 1 ? "many" : picked?.[line[0]] === 0 ? "weak" : noise ? "noise" : "plain";
    return { y: 0, from, to, error, text: toError(value, error), look };
  });
  if (!stepwise) return bars;
  const output = base + sumOf(values, lines.flat());
  const end = (/** @type {number} */ at) => ({ y: 0, from: at, to: at, error: NaN, text: apart ? signed(at) : number(at), look: /** @type {const} */ ("end") });
  return [end(base), ...bars, end(output)];
}

/**
 * Whether the values add up to the output, by the measured gap: true of methods that guarantee it, and of others where the gap happens to be below
 * MOST_GAP.
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
