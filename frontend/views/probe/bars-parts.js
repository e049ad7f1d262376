/** The parts around the bars of a row: switches, headings, names, axes, tooltips. */

import { axis } from "../../figures/axis.js";
import { sideAt } from "../../model/frames.js";
import { isNoise, standingWords } from "../../model/shown.js";
import { inUnit, method, signed, tick, unitWords, withError } from "../../words/format.js";
import { playerNoun } from "../../words/kinds.js";
import { middle } from "../../words/names.js";
import { imputed, playerValue } from "../../words/rows.js";
import { choose, html, segmented } from "../parts/html.js";
import { differenceHead, noiseFoot, paneHead, trust } from "./figure.js";

/** @typedef {import("../../figures/bars.js").Line} Line */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").State} State */

/**
 * One of the charts beside each other.
 * @typedef {object} Column
 * @property {string} title
 * @property {Float32Array | null} values
 * @property {Float32Array | null} errors
 * @property {Uint8Array | null} real  of a difference: 1 where it is more than noise
 * @property {number} base
 * @property {string} blank  why there is nothing to see
 * @property {boolean} apart  whether it is the difference of the other two
 */

/**
 * Which row stands where.
 * @typedef {object} Rows
 * @property {Line[]} lines
 * @property {number} spare  rows around them: of the base value and the output
 * @property {number} fit  rows that have room
 * @property {boolean} complete  whether all players have a row of their own
 * @property {number} row  px
 * @property {number[]} places  of the rows in view
 * @property {(place: number) => number} y  px of a row's upper edge in the stage
 * @property {(place: number) => Line | undefined} lineAt  undefined for the base value and the output
 */

const LONGEST_NAME = 48;

const ORDERS = [
  { value: "overall", text: "overall", title: "by mean |attribution| over all epochs of this probe; rows keep their places" },
  { value: "epoch", text: "at this epoch", title: "by |attribution| at the cursor" },
  { value: "logged", text: "as logged", title: "in the order of the table's columns" },
];
const FORMS = [
  { value: "bars", text: "bars", title: "each bar starts at zero" },
  { value: "waterfall", text: "waterfall", title: "bars add up from the base value to the output" },
];

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {[number, number]} players  with rows, and all
 * @param {boolean} refused  whether a waterfall was chosen but is not possible
 * @param {import("../../types.d.ts").Row | null} table
 */
export function tools(element, data, state, [own, players], refused, table) {
  const filled = imputed(data.panes[0].side.info.probes, table);
  const why = data.method === "lime" ? "LIME's values are coefficients; they do not add up to the output" : `${method(data.method)}'s values do not add up to the output`;
  return html`<div class="bars-tools">
    <span class="note">${own < players ? `${own} of ` : ""}${players} ${playerNoun("tabular", players)}, order</span>
    ${segmented({ label: "Order of the features", value: state.rank, options: ORDERS, choose: (_, value) => choose(element, { rank: /** @type {State["rank"]} */ (value) }) })}
    ${filled && html`<span class="note ellipsis" title=${filled}>${filled}</span>`}
    ${refused && html`<span class="note ellipsis bars-refused" role="status" title=${why}>${why}</span>`}
    <span class="bars-form">${segmented({ label: "Form", value: state.form, options: FORMS, choose: (_, value) => choose(element, { form: /** @type {State["form"]} */ (value) }) })}</span>
  </div>`;
}

/** @type {(element: HTMLElement, data: Data, state: State, stepwise: boolean) => unknown} */
export function heads(element, data, state, stepwise) {
  const { panes } = data;
  return html`${panes.map((pane) => html`<div key=${pane.title} class="bars-head" style=${{ "--run": pane.side.color }}>${paneHead(element, data, pane)}</div>`)}
    ${panes.length === 2 && !panes[1].side.apart && html`<div key="difference" class="bars-head">${differenceHead(panes, state.lock && !stepwise)}</div>`}`;
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
export function feet(data, columns, domains, marks, width, stepwise, fewer) {
  const { panes, probe } = data;
  const unit = unitWords(panes.map(({ side }) => side));
  return html`<div class="bars-grid feet">
    <div class="bars-corner">${fewer && html`<button type="button" class="link" onClick=${fewer}>◂ the strongest only</button>`}<span class="note bars-unit ellipsis" title=${`in ${unit}`}>${unit}</span></div>
    ${columns.map(({ title, apart }, i) => {
      const at = axis(domains[i], width);
      return html`<div key=${title} class="bars-foot">
        <div class="bars-axis" aria-hidden="true">${marks[i].map((mark) => html`<span key=${mark} style=${{ left: `${at(mark)}px` }}>${mark > 0 && (apart || !stepwise) ? "+" : ""}${tick(mark)}</span>`)}</div>
        ${panes[i] ? trust(panes[i], probe, "") : noiseFoot(data)}
      </div>`;
    })}
  </div>`;
}

/**
 * The text alternative of a chart.
 * @param {Data} data
 * @param {Column} column
 * @param {boolean} stepwise
 * @param {number[]} order
 * @param {(player: number) => string} name
 */
export function encoded({ panes }, { title, values, apart }, stepwise, order, name) {
  const what = apart ? `difference of the attributions, ${title}` : panes.filter((pane) => pane.title === title).map(({ side, step }) => `attribution of each feature, ${sideAt(side, step)}`)[0];
  const first = values ? order.slice(0, 3).map((player) => `${middle(name(player), LONGEST_NAME)} ${signed(values[player])}`) : [];
  return `${what}: bars ${stepwise && !apart ? "one after the other from the base value to the output" : "from zero"}, for to the right, against to the left${first.length ? `; ${first.join(", ")}` : ""}`;
}

/**
 * The tooltip of a bar: the exact number, its rank and share.
 * @type {(column: Column | undefined, player: number, name: string, unit: string | undefined) => string}
 */
export function tipText(column, player, name, unit) {
  if (!column?.values || !Number.isFinite(column.values[player])) return name;
  const value = column.values[player];
  const error = column.errors?.[player] ?? NaN;
  if (!column.apart) return `${name}\n${column.title} ${standingWords(column.values, column.errors, player, unit)}`;
  const numbers = `${name}\n${column.title} ${inUnit(withError(value, error), unit)}`;
  if (!(error > 0)) return numbers;
  return isNoise(column.real?.[player], error) ? `${numbers}\nwithin noise: sampling error alone can cause such a difference` : `${numbers}\nbeyond noise`;
}

/**
 * What is written beside a row: the feature's name and its value in this probe.
 * @param {Rows} rows
 * @param {number} place
 * @param {{probes: import("../../types.d.ts").ProbeSetInfo, table: import("../../types.d.ts").Row | null, name: (player: number) => string, kept: number | null, letters: number, showAll: (event: Event) => void}} what
 */
export function rowName({ y, row, lineAt }, place, { probes, table, name, kept, letters, showAll }) {
  const line = lineAt(place);
  const style = { top: `${y(place)}px`, height: `${row}px` };
  if (!line) {
    const start = place === 0;
    const about = start ? "the output for the empty coalition: all features have background values" : "the output for this probe: the base value plus all bars";
    return html`<span key=${start ? "base" : "output"} class="bar-name end" style=${style} title=${about}>${start ? "base value" : "output"}</span>`;
  }
  if (line.length > 1) {
    return html`<button key="others" type="button" class="bar-name others link" style=${style} title="the sum of these features; show all" onClick=${showAll}>${line.length} others ▸</button>`;
  }
  const [player] = line;
  const value = playerValue(probes, table, player);
  return html`<button key=${player} type="button" class="bar-name" style=${style} aria-pressed=${player === kept} title=${value.full ? `${name(player)}\n${value.full}` : name(player)}>
    <bdi translate=${false} class="ellipsis">${middle(name(player), letters)}</bdi><bdi translate=${false} class=${value.missing ? "bar-value missing ellipsis" : "bar-value ellipsis"}>${value.short}</bdi></button>`;
}
