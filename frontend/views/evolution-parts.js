/** What stands around the players over epochs: the heading with its switches, the names, the numbers of the epochs. */

import { gainOf } from "../evolution.js";
import { epoch, signed } from "../format.js";
import { choose, html, segmented, select } from "../html.js";
import { thin } from "../thinning.js";

/** @typedef {import("../evolution.js").Matrix} Matrix */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

const KINDS = [
  { value: "heat", text: "heat map", title: "one row each, one column an epoch, the attribution as colour" },
  { value: "ranks", text: "ranks", title: "one line each: its rank by |attribution| at every epoch" },
];

/**
 * @param {{element: HTMLElement, state: State, sides: Side[], more: unknown, columns: string, noun: string, from: string, ranks: boolean}} what  from: what gains are counted from
 */
export function header({ element, state, sides, more, columns, noun, from, ranks }) {
  const orders = [
    { value: "strongest", text: "strongest" },
    { value: "gained", text: "gained most" },
    { value: "lost", text: "lost most" },
  ];
  const title = `${noun[0].toUpperCase()}${noun.slice(1)} over epochs`;
  const controls = html`<span class="evolution-controls">
    ${segmented({ label: title, value: state.evolution, options: KINDS, choose: (_, value) => choose(element, { evolution: /** @type {State["evolution"]} */ (value) }) })}
    <span title=${`gained, lost: in |attribution|, from ${from} to the cursor`}>${select({ label: `Order of the ${noun}`, value: state.gains, options: orders, choose: (_, value) => choose(element, { gains: /** @type {State["gains"]} */ (value) }) })}</span>
    ${more}
  </span>`;
  const heading = html`<h2 class="ellipsis" title=${title}>${title}</h2>`;
  return html`<div class="evolution-heads" style=${{ gridTemplateColumns: columns }}>
    ${!ranks && heading}
    ${sides.map((side, i) => html`<div key=${side.letter} class="evolution-name">${ranks && i === 0 && heading}<span class="ellipsis" title=${side.name}><b style=${{ color: side.color }}>${side.letter}</b> ${side.label}</span>${i === sides.length - 1 && controls}</div>`)}
  </div>`;
}

/**
 * @param {{element: HTMLElement, state: State, player: number, name: string, lit: boolean, top: number, height: number, stop: boolean, gain: {words: string, value: number}}} what
 */
export function nameButton({ element, state, player, name, lit, top, height, stop, gain }) {
  const show = () => choose(element, { hover: player });
  const hide = () => choose(element, { hover: null });
  const arrow = state.gains === "strongest" || !gain.value ? "" : gain.value > 0 ? "▲" : "▼";
  return html`<button key=${player} type="button" tabindex=${stop ? 0 : -1} class=${lit ? "evolution-player lit" : "evolution-player"} style=${{ top: `${top}px`, height: `${height}px`, lineHeight: `${height}px` }}
    aria-pressed=${player === state.player} title=${`${name}\n${gain.words}`} onPointerEnter=${show} onPointerLeave=${hide} onFocus=${show} onBlur=${hide}
    onClick=${() => choose(element, { player: player === state.player ? null : player })}><span class="ellipsis">${name}</span>${arrow && html`<span class="evolution-gain" aria-hidden="true">${signed(gain.value)} ${arrow}</span>`}</button>`;
}

/**
 * How much |attribution| a player gained up to the cursor, in each run.
 * @param {Side[]} sides
 * @param {Matrix[]} matrices
 * @param {number} player
 * @param {number} from
 * @param {import("../types.d.ts").Cursor} cursor
 */
export function gainWords(sides, matrices, player, from, cursor) {
  const gains = matrices.map((matrix) => gainOf(matrix, player, from, cursor.index));
  const words = gains.map((gain, i) => (Number.isFinite(gain) ? `${sides[i].letter} ${signed(gain)}` : "")).filter(Boolean).join(", ");
  const value = gains.filter(Number.isFinite).reduce((most, gain) => (Math.abs(gain) > Math.abs(most) ? gain : most), 0);
  return { value, words: words && `|attribution| since ${epoch(cursor.steps[from])}: ${words}` };
}

/**
 * The numbers of the epochs below every map.
 * @param {import("../types.d.ts").Cursor} cursor
 * @param {Side[]} sides
 * @param {string} columns
 * @param {number} most
 * @param {(place: number) => number} centre  px of a place
 * @param {boolean} ranks
 */
export function ticks({ steps, index }, sides, columns, most, centre, ranks) {
  const { places } = thin(steps, Math.max(4, most), index);
  const numbers = places.filter((place) => steps[place] >= 0);
  return html`<div class="evolution-row" style=${{ gridTemplateColumns: columns }}>${!ranks && html`<span class="note">epoch</span>`}
    ${sides.map((side) => html`<div key=${side.letter} class="evolution-ticks">${numbers.map((place) => html`<span key=${place} class=${place === index ? "current" : ""} style=${{ left: `${centre(place)}px` }}>${steps[place]}</span>`)}</div>`)}
  </div>`;
}
