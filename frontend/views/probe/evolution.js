/** The players of the selected probe over all epochs: their values as colours, or their ranks as lines. */

import { meanSizes } from "../../figures/bars.js";
import { LARGEST_ROW, LEAST_ROW, matrixOf, orderOf, rowsIn, USUAL_ROW } from "../../figures/evolution.js";
import { BELOW } from "../../figures/ranks.js";
import { largest } from "../../figures/scale.js";
import { drags } from "../../host/drag.js";
import { EM } from "../../host/text.js";
import { ABSENT, epochOf, moveTo } from "../../model/cursor.js";
import { isOnce } from "../../model/frames.js";
import { playerName } from "../../model/players.js";
import { indexOf } from "../../model/series.js";
import { standingWords } from "../../model/shown.js";
import { endFor } from "../../model/look.js";
import { isUnfolded, unfold } from "../../model/state.js";
import { LARGEST_STEP } from "../../paint/ranks.js";
import { epoch, givenUnit, number } from "../../words/format.js";
import { KINDS, playerNoun } from "../../words/kinds.js";
import { choose, html, render } from "../parts/html.js";
import { heatMap } from "./evolution-heat.js";
import { header, moreButton, ticks } from "./evolution-parts.js";
import { rankChart } from "./evolution-ranks.js";

/** @typedef {import("../../figures/evolution.js").Matrix} Matrix */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {import("./evolution-parts.js").Entry} Entry */
/** @typedef {import("./evolution-parts.js").Scene} Scene */

const NAME_WIDTH = 140 * EM;
const GAP = 16;
const MOST_RANKED = 10;
const TICK_WIDTH = 34 * EM;
// Px that lines, and rows, take at least.
const LEAST_LINES = 136 * EM;
const LEAST_HEIGHT = 40 * EM;
// Px of the height of a window without room to spare.
const USUAL_WINDOW = 836;

/** @type {Record<State["gains"], string>} which players those are, in words */
const ORDERS = { strongest: "with the largest values", gained: "that gained most", lost: "that lost most" };

/** @type {import("../../types.d.ts").View} */
export function evolutionView(element) {
  const [head, box, axis, tip] = ["evolution-head", "evolution-box", "evolution-axis", "evolution-tip"].map((className) => {
    const made = document.createElement("div");
    made.className = className;
    return made;
  });
  tip.hidden = true;
  element.append(head, box, axis, tip);
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  const room = { width: 0, height: 0, scroll: 0 };
  const again = () => last && update(...last);
  const measure = () => {
    const next = { width: box.clientWidth, height: box.clientHeight, scroll: box.scrollTop };
    if (!next.width || JSON.stringify(next) === JSON.stringify(room)) return;
    Object.assign(room, next);
    again();
  };
  new ResizeObserver(measure).observe(box);
  box.addEventListener("scroll", measure, { passive: true });
  const entryOf = matrixStore();
  const sizesOf = sizesStore();

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    const all = isUnfolded(state, "evolution");
    const toggle = () => {
      box.scrollTop = 0;
      choose(element, unfold(state, "evolution", !all));
    };
    const scene = sceneOf({ element, box, room, tip }, data, state, all, entryOf, sizesOf);
    const { order, count, sides, columns, noun, from, beyond } = scene;
    const ranks = state.evolution === "ranks";
    const [least, usual, most] = heightsOf(order.length, KINDS[data.panes[0].side.info.probes.kind].rows, ranks);
    // A higher window has room for more of them.
    box.style.minHeight = `min(${usual}px, ${least}px + max(0px, (100vh - ${USUAL_WINDOW}px) / 2))`;
    box.style.maxHeight = `${most}px`;
    const more = moreButton(count, order.length, all, !ranks && (all || count < order.length), toggle);
    render(header({ element, state, sides, more, columns, noun, from: epoch(data.cursor.steps[from]), ranks, beyond }), head);
    if (!room.width) {
      measure();
      return;
    }
    if (!order.length) {
      render(html`<p class="note evolution-none">no epoch has numbers for this probe</p>`, box);
      render(null, axis);
      return;
    }
    const { centre, reach } = ranks ? rankChart(scene) : heatMap(scene);
    render(ticks(data.cursor, sides, columns, Math.floor(reach / TICK_WIDTH), centre, ranks), axis);
  };
  return update;
}

/**
 * @param {{element: HTMLElement, box: HTMLElement, room: Scene["room"], tip: HTMLElement}} place
 * @param {Data} data
 * @param {State} state
 * @param {boolean} all  whether all players have a row
 * @param {ReturnType<typeof matrixStore>} entryOf
 * @param {ReturnType<typeof sizesStore>} sizesOf
 * @returns {Scene}
 */
function sceneOf({ element, box, room, tip }, data, state, all, entryOf, sizesOf) {
  const { cursor, probe, panes, a, b } = data;
  // The rows are A's players.
  const sides = [a, b].flatMap((side) => (side?.sharesPlayers(probe) ? [side] : []));
  const { probes } = sides[0].info;
  const entries = sides.map((side) => entryOf(side, probe, cursor));
  const drawn = entries.filter((entry) => entry !== null);
  const endOf = (/** @type {Entry} */ entry) => (state.lock && endFor(data, sides[entries.indexOf(entry)])) || entry.most || 1;
  const most = Math.max(0, ...drawn.filter((entry) => entry.most > endOf(entry)).map((entry) => entry.most));
  const pinned = panes.some(({ title }) => title === "pinned") ? indexOf(cursor.steps, data.pin) : -1;
  const from = Math.max(0, pinned);
  const order = orderOf(drawn.map(({ matrix }) => matrix), sizesOf(sides, probe, drawn), state.gains, from, cursor.index);
  const content = sides[0].content(probe);
  const nameOf = (/** @type {number} */ player) => playerName(probes, content, player);
  const ranks = state.evolution === "ranks";
  const { rows, height: row } = rowsIn(room.height, order.length, EM);
  const count = ranks ? Math.min(MOST_RANKED, rows, order.length) : all ? order.length : rows;
  const width = Math.floor((room.width - (ranks ? 0 : NAME_WIDTH + GAP) - (sides.length - 1) * GAP) / sides.length);
  // The strongest player changes from epoch to epoch: only what the user points at or keeps is lit here.
  const kept = state.hover ?? state.player;
  const noun = playerNoun(probes.kind, 2);
  return {
    ...{ element, box, room, data, state, sides, entries, order, count, row, from, pinned, width, kept, noun, nameOf },
    columns: `${ranks ? "" : `${NAME_WIDTH}px `}repeat(${sides.length}, minmax(0, ${width > 0 ? `${width}px` : "1fr"}))`,
    lit: state.pair ?? (kept === null ? [] : [kept]),
    endOf,
    beyond: most ? `beyond ±${number(data.scale)}, up to ${number(most)}` : "",
    words: (side) => `${ranks ? "ranks by |attribution|" : "attribution"} of the ${count} ${noun} ${ORDERS[state.gains]} over epochs: ${side.name}`,
    listeners: listeners(element, tip, data, nameOf),
  };
}

/**
 * Px that the charts have at least, where the window has room for them, and at most: few rows need no more than they can fill.
 * @param {number} players
 * @param {number} rows  that have room on any page
 * @param {boolean} ranks
 * @returns {[number, number, number]}
 */
function heightsOf(players, rows, ranks) {
  const floor = ranks ? LEAST_LINES : LEAST_HEIGHT;
  const all = Math.max(floor, players * USUAL_ROW * EM);
  const least = Math.max(floor, Math.min(all, rows * LEAST_ROW * EM));
  return [least, all, Math.max(floor, ranks ? (Math.min(players, MOST_RANKED) + BELOW) * LARGEST_STEP : players * LARGEST_ROW * EM)];
}

/**
 * The pointer shows a tooltip; dragging moves the cursor.
 * @param {HTMLElement} element
 * @param {HTMLElement} tip
 * @param {Data} data
 * @param {(player: number) => string} nameOf
 * @returns {Scene["listeners"]}
 */
function listeners(element, tip, { cursor, probe }, nameOf) {
  return (side, playerAt, placeAt) => {
    const point = (/** @type {PointerEvent} */ event) => {
      const target = /** @type {HTMLElement} */ (event.currentTarget);
      const bounds = target.getBoundingClientRect();
      const place = Math.max(0, Math.min(cursor.steps.length - 1, placeAt(event.clientX - bounds.left)));
      const player = playerAt(place, event.clientY - bounds.top);
      if (event.type === "pointerdown") target.setPointerCapture(event.pointerId);
      const moved = drags(event) ? { ...moveTo(cursor, place), playing: false } : {};
      choose(element, { hover: player, ...moved });
      showTip(tip, element, event, player === null ? "" : tipText(side, probe, epochOf(cursor, side.letter, place), nameOf(player), player));
    };
    const leave = () => {
      tip.hidden = true;
      choose(element, { hover: null });
    };
    return { onPointerDown: point, onPointerMove: point, onPointerUp: point, onPointerLeave: leave };
  };
}

/** Matrices of the runs, made anew when their numbers are others. */
function matrixStore() {
  /** @type {Map<string, Entry>} */
  const known = new Map();
  let made = 0;
  return (/** @type {Side} */ side, /** @type {number} */ probe, /** @type {import("../../types.d.ts").Cursor} */ { epochs }) => {
    const values = side.values(probe);
    const own = epochs[side.letter === "B" ? "B" : "A"];
    if (!values) return null;
    const key = `${side.id} ${values.id} ${probe}`;
    const before = known.get(side.letter);
    if (before?.key.startsWith(`${key} `) && before.epochs === own) return before;
    const entry = { key: `${key} ${++made}`, epochs: own, matrix: matrixOf(values, own), sizes: meanSizes([values], values.players), most: 0 };
    entry.most = largest(entry.matrix.values);
    known.set(side.letter, entry);
    return entry;
  };
}

/** Mean |attribution| of each player over the epochs of all runs: as the bars above are ordered. */
function sizesStore() {
  let key = "";
  let sizes = new Float64Array();
  return (/** @type {Side[]} */ sides, /** @type {number} */ probe, /** @type {Entry[]} */ entries) => {
    const next = entries.map((entry) => entry.key).join();
    if (next === key) return sizes;
    key = next;
    const records = sides.flatMap((side) => side.values(probe) ?? []);
    sizes = meanSizes(records, Math.max(0, ...records.map(({ players }) => players)));
    return sizes;
  };
}

/** @type {(name: string) => string} a name whose direction of writing does not change that of the words beside it */
const isolated = (name) => `\u2068${name}\u2069`;

/** @type {(side: Side, probe: number, step: number, name: string, player: number) => string} */
function tipText(side, probe, step, name, player) {
  const explained = step === ABSENT ? null : side.values(probe)?.at(step);
  return `${isolated(name)} · ${side.letter} ${step === ABSENT ? "no epoch here" : isOnce(side) ? "" : epoch(step)} · ${explained ? standingWords(explained.values, explained.errors, player, givenUnit(side)) : "no number"}`;
}

/** @type {(tip: HTMLElement, element: HTMLElement, event: PointerEvent, words: string) => void} */
function showTip(tip, element, event, words) {
  tip.hidden = !words;
  if (!words) return;
  tip.textContent = words;
  const bounds = element.getBoundingClientRect();
  const left = Math.max(0, Math.min(event.clientX - bounds.left + 12, bounds.width - tip.offsetWidth - 4));
  tip.style.transform = `translate(${left}px, ${event.clientY - bounds.top - 30}px)`;
}
