/** The players of the selected probe over all epochs: their values as colours, or their ranks as lines. */

import { ABSENT, epochOf, moveTo } from "../cursor.js";
import { binStarts, LEAST_ROW, matrixOf, orderOf, rowsIn } from "../evolution.js";
import { paintHeat } from "../evolution-paint.js";
import { epoch, withError } from "../format.js";
import { choose, html, render } from "../html.js";
import { inView } from "../layout.js";
import { rove } from "../passage-focus.js";
import { playerName, playerNoun } from "../players.js";
import { chartOf, paintRanks } from "../ranks-paint.js";
import { levels, nearestLine, ranksOver } from "../ranks.js";
import { largest, standing } from "../scale.js";
import { indexOf } from "../series.js";
import { gainWords, header, nameButton, ticks } from "./evolution-parts.js";

/** @typedef {import("../evolution.js").Matrix} Matrix */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

const NAME_WIDTH = 140;
const GAP = 16;
const MOST_RANKED = 10;
// Ranks below those shown that still have a place of their own.
const BELOW = 4;
// Pixels that an epoch of a rank chart takes at least: lines that turn more often are a thicket.
const LEAST_TURN = 6;
const TICK_WIDTH = 34;
const REACH = 14;

/** @type {Record<State["gains"], string>} which players those are, in words */
const ORDERS = { strongest: "with the largest values", gained: "that gained most", lost: "that lost most" };

/** @type {import("../types.d.ts").View} */
export function evolutionView(element) {
  const [head, box, axis, tip] = ["evolution-head", "evolution-box", "evolution-axis", "evolution-tip"].map((className) => {
    const made = document.createElement("div");
    made.className = className;
    return made;
  });
  tip.hidden = true;
  element.append(head, box, axis, tip);
  /** @type {Parameters<import("../types.d.ts").Update> | null} */
  let last = null;
  const room = { width: 0, height: 0, scroll: 0 };
  let all = false;
  const again = () => last && update(...last);
  const measure = () => {
    const next = { width: box.clientWidth, height: box.clientHeight, scroll: box.scrollTop };
    if (!next.width || JSON.stringify(next) === JSON.stringify(room)) return;
    Object.assign(room, next);
    again();
  };
  new ResizeObserver(measure).observe(box);
  box.addEventListener("scroll", measure, { passive: true });
  const matrices = matrixStore();
  /** @type {WeakMap<Element, string>} */
  const painted = new WeakMap();
  const once = (/** @type {Element} */ canvas, /** @type {unknown[]} */ parts, /** @type {() => void} */ paint) => {
    const key = JSON.stringify(parts);
    if (painted.get(canvas) === key) return;
    painted.set(canvas, key);
    paint();
  };

  /** @type {import("../types.d.ts").Update} */
  const update = (data, state) => {
    element.hidden = data.phase !== "ready" || data.a?.info.probes.kind === "image";
    if (element.hidden || !data.a) return;
    last = [data, state];
    const { cursor, probe } = data;
    const { probes } = data.a.info;
    const sides = [data.a, data.b].filter((side) => side !== null);
    const found = sides.map((side) => matrices(side, probe, cursor));
    const there = found.flatMap((one) => (one ? [one.matrix] : []));
    const pinned = data.panes.some(({ title }) => title === "pinned") ? indexOf(cursor.steps, data.pin) : -1;
    const from = Math.max(0, pinned);
    const order = orderOf(there, state.gains, from, cursor.index);
    const content = data.a.content(probe);
    const nameOf = (/** @type {number} */ player) => playerName(probes, content, player);
    const ranks = state.evolution === "ranks";
    const { rows, height } = rowsIn(room.height, order.length);
    const fits = rows >= order.length;
    const count = ranks ? Math.min(MOST_RANKED, rows, order.length) : all ? order.length : rows;
    const names = ranks ? 0 : NAME_WIDTH + GAP;
    const width = Math.floor((room.width - names - (sides.length - 1) * GAP) / sides.length);
    const columns = `${ranks ? "" : `${NAME_WIDTH}px `}repeat(${sides.length}, ${width}px)`;
    const chosen = order.slice(0, count);
    // The strongest player changes from epoch to epoch: only what the user points at or keeps is lit here.
    const kept = state.hover ?? state.player;
    /** @type {number[]} */
    const lit = state.pair ?? (kept === null ? [] : [kept]);

    const more = fits || ranks
      ? html`<span class="note">${count < order.length ? `${count} of ${order.length}` : `all ${order.length}`}</span>`
      : html`<button type="button" class="link" title=${all ? "as many as have room" : "all of them, in a list that scrolls"} onClick=${() => {
          all = !all;
          box.scrollTop = 0;
          again();
        }}>${all ? `all ${order.length} ▴` : `${count} of ${order.length} · show all`}</button>`;
    render(header({ element, state, sides, more, columns: `${ranks ? "" : `${NAME_WIDTH}px `}repeat(${sides.length}, minmax(0, 1fr))`, noun: playerNoun(probes.kind, 2), from: epoch(cursor.steps[from]), ranks }), head);
    if (!room.width) {
      measure();
      return;
    }

    const point = (/** @type {PointerEvent} */ event, /** @type {Side} */ side, /** @type {(place: number, y: number) => number | null} */ playerAt, /** @type {(x: number) => number} */ placeAt) => {
      const target = /** @type {HTMLElement} */ (event.currentTarget);
      const bounds = target.getBoundingClientRect();
      const place = Math.max(0, Math.min(cursor.steps.length - 1, placeAt(event.clientX - bounds.left)));
      const player = playerAt(place, event.clientY - bounds.top);
      if (event.type === "pointerdown") target.setPointerCapture(event.pointerId);
      const moved = event.buttons & 1 ? { ...moveTo(cursor, place), playing: false } : {};
      choose(element, { hover: player, ...moved });
      say(tip, element, event, player === null ? "" : told(side, probe, epochOf(cursor, side.letter, place), nameOf(player), player, ranks));
    };
    const leave = () => {
      tip.hidden = true;
      choose(element, { hover: null });
    };
    const heard = (/** @type {Side} */ side, /** @type {(place: number, y: number) => number | null} */ playerAt, /** @type {(x: number) => number} */ placeAt) => {
      const listener = (/** @type {PointerEvent} */ event) => point(event, side, playerAt, placeAt);
      return { onPointerDown: listener, onPointerMove: listener, onPointerLeave: leave };
    };
    const words = (/** @type {Side} */ side) => `${ranks ? "ranks by |attribution|" : "attribution"} of the ${count} ${playerNoun(probes.kind, 2)} ${ORDERS[state.gains]} over epochs: ${side.name}`;
    const scaleOf = (/** @type {Matrix} */ matrix) => (state.lock && data.scale) || largest(matrix.values) || 1;

    // Where the number of an epoch stands below the maps, and how wide they all are.
    let centre = (/** @type {number} */ place) => ((place + 0.5) / cursor.steps.length) * width;
    let reach = width;
    if (ranks) {
      const lowest = Math.max(3, Math.min(order.length, count + BELOW, Math.floor((room.height - 16) / LEAST_ROW)));
      const chart = chartOf(width, room.height, cursor.steps.length, lowest);
      centre = chart.x;
      reach = width - 2 * chart.names;
      const starts = binStarts(cursor.steps.length, Math.max(2, Math.floor(reach / LEAST_TURN)));
      // Each run's own: what is strong in one of them only would lie below the other's chart.
      const tops = found.map((one) => {
        const top = one ? orderOf([one.matrix], state.gains, from, cursor.index).slice(0, count) : [];
        return [...top, ...lit.filter((player) => !top.includes(player))];
      });
      const results = found.map((one) => one && ranksOf(one.matrix, one.key, starts));
      const placeAt = (/** @type {number} */ x) => Math.round(((x - chart.names) / Math.max(1, width - 2 * chart.names)) * (cursor.steps.length - 1));
      render(
        html`<div class="evolution-row" style=${{ gridTemplateColumns: columns }}>${sides.map((side, i) => {
          const result = results[i];
          const lineAt = (/** @type {number} */ place, /** @type {number} */ y) => {
            if (!result) return null;
            const bin = Math.min(result.bins - 1, Math.max(0, starts.findLastIndex((start) => start <= place)));
            return nearestLine(tops[i], (player) => chart.y(levels(result.ranks.subarray(player * result.bins + bin, player * result.bins + bin + 1), chart.lowest)[0]), y, REACH);
          };
          return html`<div key=${side.letter} class="evolution-map" style=${{ height: `${room.height}px` }} ...${heard(side, lineAt, placeAt)}>
            <canvas key="ranks" role="img" aria-label=${words(side)}></canvas>
            ${pinned >= 0 && html`<span class="evolution-pin line" style=${{ left: `${chart.x(pinned)}px` }}></span>`}
            <span class="evolution-cursor line" style=${{ left: `${chart.x(cursor.index)}px` }}></span>
          </div>`;
        })}</div>`,
        box,
      );
      box.querySelectorAll("canvas").forEach((canvas, i) => {
        const one = found[i];
        const result = results[i];
        if (!one || !result) return;
        const end = scaleOf(one.matrix);
        once(canvas, ["ranks", one.key, tops[i], tops[i].map(nameOf), lit, end, state.dark, width, room.height, devicePixelRatio], () => paintRanks(canvas, chart, result, starts, { players: tops[i], lit, nameOf, end, dark: state.dark }));
      });
    } else {
      const [first, end] = inView(room.scroll, room.height, height, count);
      const shown = chosen.slice(first, end);
      const wide = width / cursor.steps.length;
      const mark = (/** @type {number} */ place) => {
        const size = Math.max(4, wide);
        return { left: `${place * wide + (wide - size) / 2}px`, width: `${size}px` };
      };
      const rowAt = (/** @type {number} */ _, /** @type {number} */ y) => chosen[Math.floor(y / height)] ?? null;
      render(
        html`<div class="evolution-row" style=${{ gridTemplateColumns: columns, height: `${count * height}px` }}>
          <div class="evolution-names" role="group" aria-label=${`${playerNoun(probes.kind, 2)}; choose one to keep it lit`}>${shown.map((player, i) => nameButton({ element, state, player, name: nameOf(player), lit: lit.includes(player), top: (first + i) * height, height, stop: player === (chosen.includes(kept ?? -1) ? kept : chosen[0]), gain: gainWords(sides, there, player, from, cursor) }))}</div>
          ${sides.map((side) => html`<div key=${side.letter} class="evolution-map" ...${heard(side, rowAt, (x) => Math.floor(x / wide))}>
            <canvas key="heat" role="img" aria-label=${words(side)} style=${{ top: `${first * height}px` }}></canvas>
            ${lit.filter((player) => chosen.includes(player)).map((player) => html`<span key=${`lit ${player}`} class="evolution-lit" style=${{ top: `${chosen.indexOf(player) * height - 1}px`, height: `${height}px` }}></span>`)}
            ${pinned >= 0 && html`<span key="pin" class="evolution-pin" style=${mark(pinned)}></span>`}
            <span key="cursor" class="evolution-cursor" style=${mark(cursor.index)}></span>
          </div>`)}
        </div>`,
        box,
      );
      const group = box.querySelector(".evolution-names");
      if (group instanceof HTMLElement) rove(group, () => [...group.querySelectorAll("button")], { back: ["ArrowUp"], on: ["ArrowDown"] });
      box.querySelectorAll("canvas").forEach((canvas, i) => {
        const one = found[i];
        if (!one) return;
        const scale = scaleOf(one.matrix);
        once(canvas, ["heat", one.key, shown, scale, state.dark, width, height, devicePixelRatio], () => paintHeat(canvas, { width, row: height }, one.matrix, shown, scale, state.dark));
      });
    }
    render(ticks(cursor, sides, columns, Math.floor(reach / TICK_WIDTH), centre, ranks), axis);
  };
  return update;
}

/** Matrices of the runs, made anew when their numbers are others. */
function matrixStore() {
  /** @type {Map<string, {key: string, epochs: ArrayLike<number>, matrix: Matrix}>} */
  const known = new Map();
  let made = 0;
  return (/** @type {Side} */ side, /** @type {number} */ probe, /** @type {import("../types.d.ts").Cursor} */ { epochs }) => {
    const values = side.values(probe);
    const own = epochs[side.letter === "B" ? "B" : "A"];
    if (!values) return null;
    const key = `${side.id} ${values.id} ${probe}`;
    const before = known.get(side.letter);
    if (before?.key.startsWith(`${key} `) && before.epochs === own) return before;
    const entry = { key: `${key} ${++made}`, epochs: own, matrix: matrixOf(values, own) };
    known.set(side.letter, entry);
    return entry;
  };
}

/** @type {Map<string, ReturnType<typeof ranksOver>>} of the last matrices: a step of the cursor changes none */
const ranked = new Map();

/** @type {(matrix: Matrix, key: string, starts: Int32Array) => ReturnType<typeof ranksOver>} */
function ranksOf(matrix, key, starts) {
  const full = `${key} ${starts.length}`;
  const before = ranked.get(full);
  if (before) return before;
  if (ranked.size > 3) ranked.clear();
  const result = ranksOver(matrix, starts);
  ranked.set(full, result);
  return result;
}

/** @type {(side: Side, probe: number, step: number, name: string, player: number, ranks: boolean) => string} */
function told(side, probe, step, name, player, ranks) {
  const explained = step === ABSENT ? null : side.values(probe)?.at(step);
  const value = explained?.values[player] ?? NaN;
  const number = Number.isFinite(value) ? withError(value, explained?.errors[player] ?? NaN) : "no number";
  const place = ranks && explained ? standing(explained.values, player) : null;
  return `${name} · ${side.letter} ${step === ABSENT ? "no epoch here" : epoch(step)} · ${number}${place ? ` · rank ${place.rank} of ${place.of}` : ""}`;
}

/** @type {(tip: HTMLElement, element: HTMLElement, event: PointerEvent, words: string) => void} */
function say(tip, element, event, words) {
  tip.hidden = !words;
  if (!words) return;
  tip.textContent = words;
  const bounds = element.getBoundingClientRect();
  const left = Math.max(0, Math.min(event.clientX - bounds.left + 12, bounds.width - tip.offsetWidth - 4));
  tip.style.transform = `translate(${left}px, ${event.clientY - bounds.top - 30}px)`;
}
