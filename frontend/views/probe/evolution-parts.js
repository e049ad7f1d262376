/** The parts around the players over epochs: heading, switches, names, epoch numbers. */

import { RETURNED, isEpoch } from "../../figures/steps.js";
import { thin } from "../../figures/thinning.js";
import { EM } from "../../host/text.js";
import { epoch, signed } from "../../words/format.js";
import { choose, html, segmented, select } from "../parts/html.js";

/** @typedef {import("../../figures/evolution.js").Matrix} Matrix */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").State} State */

/** @typedef {{key: string, epochs: ArrayLike<number>, matrix: Matrix, sizes: Float64Array, most: number}} Entry  of a run; sizes: mean |attribution| of each player, most: the largest of all */

/**
 * All that either chart is drawn from.
 * @typedef {object} Scene
 * @property {HTMLElement} element
 * @property {HTMLElement} box  that the chart stands in
 * @property {{width: number, height: number, scroll: number}} room
 * @property {Data} data
 * @property {State} state
 * @property {Side[]} sides
 * @property {(Entry | null)[]} entries  one a side
 * @property {number[]} order  of all players with numbers
 * @property {number} count  of those shown
 * @property {number} row  px
 * @property {number} from  place that gains are counted from
 * @property {number} pinned  place; -1 for none
 * @property {number} width  px of one side's chart
 * @property {string} columns  of the grid: names and charts
 * @property {number | null} kept
 * @property {number[]} lit
 * @property {string} noun  of more than one player
 * @property {(player: number) => string} nameOf
 * @property {(entry: Entry) => number} endOf  end of the scale; > 0
 * @property {string} beyond  what lies beyond it, in words; "" where nothing does
 * @property {(side: Side) => string} words  what a chart shows
 * @property {(side: Side, playerAt: (place: number, y: number) => number | null, placeAt: (x: number) => number) => Record<string, unknown>} listeners  listeners of the pointer
 */

/** @typedef {{centre: (place: number) => number, reach: number}} Axis  px of a place of the cursor, and how wide they all are */

// Px that the words for the untrained model take, whole and cut short.
const UNTRAINED = 58 * EM;
// Px that the word for the returned model takes to the left of its end.
const RETURNED_WIDE = 56 * EM;
const SHORT = 28 * EM;

const CHARTS = [
  { value: "heat", text: "heat map", title: "one row each, one column per epoch; the colour is the attribution" },
  { value: "ranks", text: "ranks", title: "one line each: its rank by |attribution| at every epoch" },
];

/**
 * @param {{element: HTMLElement, state: State, sides: Side[], more: unknown, columns: string, noun: string, from: string, ranks: boolean, beyond: string}} what  from: what gains are counted from; beyond: what is past the end of the scale, in words
 */
export function header({ element, state, sides, more, columns, noun, from, ranks, beyond }) {
  const orders = [
    { value: "strongest", text: "strongest" },
    { value: "gained", text: "gained most" },
    { value: "lost", text: "lost most" },
  ];
  const title = `${noun[0].toUpperCase()}${noun.slice(1)} over epochs`;
  const controls = html`<span class="evolution-controls">
    ${segmented({ label: title, value: state.evolution, options: CHARTS, choose: (_, value) => choose(element, { evolution: /** @type {State["evolution"]} */ (value) }) })}
    <span title=${`gained, lost: in |attribution|, from ${from} to the cursor`}>${select({ label: `Order of the ${noun}`, value: state.gains, options: orders, choose: (_, value) => choose(element, { gains: /** @type {State["gains"]} */ (value) }) })}</span>
    ${more}
  </span>`;
  const runName = (/** @type {Side} */ side) => html`<span key=${side.letter} class="evolution-run ellipsis" title=${side.name}><b style=${{ color: side.color }}>${side.letter}</b> ${side.label}</span>`;
  // Two runs are named above their charts, one beside the heading.
  return html`<div class="evolution-heads"><h2 class="ellipsis" title=${title}>${title}</h2>${sides.length === 1 && runName(sides[0])}
    ${beyond && html`<span class="note evolution-beyond" title="values beyond the end of the colour scale have stronger colours: halfway to the strongest where a value is twice the end"><span class="beyond-key" aria-hidden="true"></span>${beyond}</span>`}${controls}</div>
    ${sides.length > 1 && html`<div class="evolution-row evolution-runs" style=${{ gridTemplateColumns: columns }}>${!ranks && html`<span></span>`}${sides.map(runName)}</div>`}`;
}

/**
 * How many of the players are shown, and a way to all of them.
 * @param {number} count
 * @param {number} of
 * @param {boolean} all
 * @param {boolean} more  whether there is something to show or to hide
 * @param {() => void} toggle
 */
export function moreButton(count, of, all, more, toggle) {
  if (!of) return null;
  if (!more) return html`<span class="note">${count < of ? `${count} of ${of}` : `all ${of}`}</span>`;
  return html`<button type="button" class="link" title=${all ? "show as many as fit" : "show all in a scrolling list"} onClick=${toggle}>${all ? `all ${of} ▴` : `${count} of ${of} · show all`}</button>`;
}

/**
 * @param {{element: HTMLElement, state: State, player: number, name: string, lit: boolean, top: number, height: number, stop: boolean, gain: {words: string, value: number} | null}} what  gain: null where the rows are not ordered by it
 */
export function nameButton({ element, state, player, name, lit, top, height, stop, gain }) {
  const show = () => choose(element, { hover: player });
  const hide = () => choose(element, { hover: null });
  const arrow = !gain?.value ? null : gain.value > 0 ? "▲" : "▼";
  return html`<button key=${player} type="button" tabindex=${stop ? 0 : -1} class=${lit ? "evolution-player lit" : "evolution-player"} style=${{ top: `${top}px`, height: `${height}px`, lineHeight: `${height}px` }}
    aria-pressed=${player === state.player} title=${gain ? `${name}\n${gain.words}` : name} onPointerEnter=${show} onPointerLeave=${hide} onFocus=${show} onBlur=${hide}
    onClick=${() => choose(element, { player: player === state.player ? null : player })}><bdi translate=${false} class="ellipsis">${name}</bdi>${gain && arrow && html`<span class="evolution-gain" aria-hidden="true">${signed(gain.value)} ${arrow}</span>`}</button>`;
}

/**
 * How much |attribution| a player gained up to the cursor, in each run.
 * @param {Side[]} sides
 * @param {number[]} gains  one a side; NaN where there is nothing to compare
 * @param {number} from  step that they are counted from
 */
export function gainWords(sides, gains, from) {
  const words = gains.map((gain, i) => (Number.isFinite(gain) ? `${sides[i].letter} ${signed(gain)}` : "")).filter(Boolean).join(", ");
  const value = gains.filter(Number.isFinite).reduce((most, gain) => (Math.abs(gain) > Math.abs(most) ? gain : most), 0);
  return { value, words: words && `|attribution| since ${epoch(from)}: ${words}` };
}

/**
 * What the untrained model's column is called, and up to which px its name takes the place of numbers.
 * @param {number[]} steps
 * @param {number} index
 * @param {(place: number) => number} centre  px of a place
 */
function untrained(steps, index, centre) {
  const wide = steps.length > 1 ? centre(1) - centre(0) : UNTRAINED;
  const fits = wide >= UNTRAINED;
  const left = fits ? centre(0) : Math.max(0, centre(0) - wide / 2);
  // In a narrow column it goes on below the next ones.
  const taken = wide < SHORT ? left + UNTRAINED : 0;
  // The cursor's own number counts more.
  if (steps[0] >= 0 || (index > 0 && centre(index) <= taken)) return { name: null, taken: -Infinity };
  const name = html`<span key="untrained" class=${`${fits ? "" : "start"} ${index === 0 ? "current" : ""}`} style=${{ left: `${left}px` }} title="the model before its first epoch">${fits || taken ? "untrained" : "untr."}</span>`;
  return { name, taken };
}

/**
 * The numbers of the epochs below every map.
 * @param {import("../../types.d.ts").Cursor} cursor
 * @param {Side[]} sides
 * @param {string} columns
 * @param {number} most
 * @param {(place: number) => number} centre  px of a place
 * @param {boolean} ranks
 */
export function ticks({ steps, index }, sides, columns, most, centre, ranks) {
  const { places } = thin(steps, Math.max(4, most), index);
  const { name, taken } = untrained(steps, index, centre);
  const end = steps[steps.length - 1] === RETURNED && steps.length > 1 ? centre(steps.length - 1) : Infinity;
  // The word for the returned model goes on to the left of a narrow column; the cursor's own number counts more.
  const room = end - (index === steps.length - 1 ? 1 : 0.5) * RETURNED_WIDE;
  const numbers = places.filter((place) => isEpoch(steps[place]) && centre(place) > taken && centre(place) < (place === index ? end : room));
  const last = end < Infinity && (index === steps.length - 1 || centre(index) < room) && html`<span key="returned" class=${`end ${index === steps.length - 1 ? "current" : ""}`} title="the model that training returned">returned</span>`;
  return html`<div class="evolution-row" style=${{ gridTemplateColumns: columns }}>${!ranks && html`<span class="note">epoch</span>`}
    ${sides.map((side) => html`<div key=${side.letter} class="evolution-ticks">${name}${numbers.map((place) => html`<span key=${place} class=${place === index ? "current" : ""} style=${{ left: `${centre(place)}px` }}>${steps[place]}</span>`)}${last}</div>`)}
  </div>`;
}
