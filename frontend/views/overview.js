/** All rows of a table at the cursor: how much each feature counts on average, and what it does in every probe, by its value there. */

import { descending, featuresOf, linesOf, playerValue, ticks } from "../bars.js";
import { axis } from "../bars-canvas.js";
import { createList, watchView } from "../bars-list.js";
import { across, beeswarm, heights, nearestPoint } from "../beeswarm.js";
import { featureColor } from "../color.js";
import { ABSENT, epochOf } from "../cursor.js";
import { className, epoch, number, plural, probeName, tick, withError } from "../format.js";
import { choose, html, render } from "../html.js";
import { middle } from "../names.js";
import { drawImportance, drawSwarm } from "../overview-canvas.js";
import { roveNames } from "../passage-focus.js";
import { playerName } from "../players.js";
import { largest } from "../scale.js";
import { surveyed } from "../side.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

const ROW = 26;
const MOST_ROWS = 12;
const LONGEST_NAME = 48;
// The column of names: least px, its part of the width, and px of a letter.
const LEAST_NAMES = 140;
const NAMES = 0.14;
const LETTER = 5.6;
// px that words take at the ends of an axis
const LOW_WORD = 56;
const HIGH_WORD = 40;
const FEW_PROBES = 60;
// px from a point within which it is the one that is meant
const REACH = 7;
const TIP_WIDTH = 240;
const TIP_HEIGHT = 110;

/** @typedef {{probe: number, side: number, player: number, x: number, y: number}} Hit  side: of the swarm; -1 for the importance; probe: -1 for none */

/** @type {import("../types.d.ts").View} */
export function overviewView(element) {
  const top = document.createElement("div");
  const bottom = document.createElement("div");
  const tip = document.createElement("div");
  /** @type {Parameters<import("../types.d.ts").Update> | null} */
  let last = null;
  const again = () => last && update(...last);
  const list = createList(again);
  element.append(top, list.box, bottom, tip);
  const inView = watchView(element, again);
  const survey = createSurvey();
  let all = false;
  /** @type {{laid: string, rows: import("../overview-canvas.js").SwarmRow[]}[]} what the points were laid out from, and where they lie */
  let swarms = [];
  /** @type {Hit | null} */
  let under = null;
  let find = /** @type {(event: MouseEvent) => Hit | null} */ (() => null);

  const leave = () => {
    under = null;
    choose(element, { hover: null });
    again();
  };
  list.stage.addEventListener("pointermove", (event) => {
    const before = under;
    under = find(event);
    choose(element, { hover: under?.player ?? null });
    if (before?.probe !== under?.probe || before?.player !== under?.player || before?.side !== under?.side) again();
  });
  list.stage.addEventListener("pointerleave", leave);
  list.stage.addEventListener("click", (event) => {
    const hit = find(event);
    if (!hit || !last) return;
    if (hit.probe >= 0) choose(element, { probe: hit.probe });
    else choose(element, { player: hit.player === last[1].player ? null : hit.player });
  });

  /** @type {import("../types.d.ts").Update} */
  const update = (data, state) => {
    element.hidden = data.phase !== "ready" || data.a?.info.probes.kind !== "tabular";
    if (element.hidden || !data.a) return;
    last = [data, state];
    // What is out of the window is drawn when it comes in.
    if (!inView()) return;
    const { a } = data;
    const { probes } = a.info;
    const sides = [a, data.b].filter((side) => side !== null);
    const steps = sides.map(({ letter }) => epochOf(data.cursor, letter));
    const { order, ends, most, rows: table, heightsOf, loaded, wanted } = survey(data, state, sides, steps);
    const own = (all ? order.map((player) => [player]) : linesOf(order, MOST_ROWS + 1, state.player).filter((line) => line.length === 1)).map(([player]) => player);
    element.style.setProperty("--overview", `${Math.min(own.length, MOST_ROWS) * ROW}px`);
    list.size(own.length, ROW);
    const name = (/** @type {number} */ player) => playerName(probes, undefined, player);

    const letters = Math.floor(Math.max(LEAST_NAMES, list.width * NAMES) / LETTER);

    render(header(data, sides, loaded, wanted, state), top);
    const first = Math.max(0, Math.floor(list.scroll / ROW));
    const places = own.slice(first, first + Math.ceil((list.height || MOST_ROWS * ROW) / ROW) + 1).map((player, i) => ({ player, y: (first + i) * ROW - list.scroll }));
    const importance = sides.map(({ importance: known }, i) => known?.at(steps[i]) ?? null);
    const means = (/** @type {number} */ player) => sides.map(({ letter }, i) => `${letter} ${number(importance[i]?.[player])}`).join(", ");
    render(
      html`<div class="overview-grid" style=${swarmColumns(sides.length)}>
        ${places.filter(({ player }) => data.lit.includes(player)).map(({ player, y }) => html`<div key=${`lit ${player}`} class="bar-lit" style=${{ top: `${y}px`, height: `${ROW}px` }}></div>`)}
        <div class="bar-names">${places.map(
          ({ player, y }) => html`<button key=${player} type="button" class="bar-name" style=${{ top: `${y}px`, height: `${ROW}px` }} aria-pressed=${player === state.player} title=${`${name(player)}\nmean |attribution|: ${means(player)}`}>
            <span class="ellipsis">${middle(name(player), letters)}</span></button>`,
        )}</div>
        <div class="bar-chart"><canvas role="img" aria-label=${`mean |attribution| of each feature over the probes; ${places.slice(0, 3).map(({ player }) => `${middle(name(player), LONGEST_NAME)}: ${means(player)}`).join("; ")}`}></canvas></div>
        ${sides.map((side, i) => html`<div key=${side.letter} class="bar-chart"><canvas role="img" data-side=${i} aria-label=${`${side.name} at ${epoch(steps[i])}: one point a probe in each feature's row, by its attribution; for to the right, against to the left; shaded by the feature's value, dark low, light high`}></canvas>
          ${absent(side, steps[i], data)}</div>`)}
      </div>`,
      list.stage,
    );
    roveNames(list.stage.querySelector(".bar-names"));

    const canvases = list.stage.querySelectorAll("canvas");
    const widths = [...canvases].map((canvas) => canvas.parentElement?.clientWidth ?? 0);
    const height = list.height;
    const scaled = /** @type {[number, number]} */ ([0, most * 1.12 || 1]);
    const marks = ticks(...scaled, Math.max(2, Math.floor(widths[0] / 56)));
    const bars = places.map(({ player, y }) => {
      const sizes = importance.map((known) => known?.[player] ?? NaN);
      return { y: y + ROW / 2, sizes, texts: sizes.map((size) => (Number.isFinite(size) ? number(size) : "")) };
    });
    const chart = { rows: bars, colors: sides.map(({ color }) => color), domain: scaled, ticks: marks, dark: state.dark };
    drawImportance(canvases[0], widths[0], height, JSON.stringify(chart), chart);

    const room = (ends[1] - ends[0]) * 0.03;
    const domain = /** @type {[number, number]} */ ([ends[0] - room, ends[1] + room]);
    const points = ticks(...domain, Math.max(2, Math.floor((widths[1] ?? 0) / 64)));
    const radius = table.length > FEW_PROBES ? 2 : 2.6;
    const ringed = [data.probe, ...(under && under.probe >= 0 && under.probe !== data.probe ? [under.probe] : [])];
    const drawn = JSON.stringify([places, ends, widths, radius, data.method, data.explained]);
    swarms = sides.map((side, i) => {
      const laid = [drawn, side.id, side.values(data.probe)?.id, loaded, steps[i]].join();
      const key = [laid, ringed, state.dark].join();
      // The pointer alone moves no point.
      if (swarms[i]?.laid === laid) {
        drawSwarm(canvases[i + 1], widths[i + 1], height, key, { rows: swarms[i].rows, radius, domain, ticks: points, ringed, dark: state.dark });
        return swarms[i];
      }
      const values = table.map((_, probe) => side.values(probe)?.at(steps[i])?.values ?? null);
      const at = axis(domain, widths[i + 1]);
      const rows = places.map(({ player, y }) => {
        const xs = across(values, player).map(at);
        return { player, y: y + ROW / 2, xs, ys: beeswarm(xs, 2 * radius, ROW / 2 - 1), heights: heightsOf(player) };
      });
      drawSwarm(canvases[i + 1], widths[i + 1], height, key, { rows, radius, domain, ticks: points, ringed, dark: state.dark });
      return { laid, rows };
    });

    const more = order.length > own.length || all;
    const toggle = () => {
      all = !all;
      if (!all) list.box.scrollTop = 0;
      again();
    };
    const { regression } = probes;
    render(
      html`<div class="overview-grid feet" style=${swarmColumns(sides.length)}>
        <div class="overview-corner">${more && order.length > MOST_ROWS && html`<button type="button" class="link" onClick=${toggle}>${all ? "◂ the strongest only" : `all ${order.length} features ▸`}</button>`}</div>
        ${scaleOf(marks, scaled, widths[0], "", "")}
        ${sides.map((_, i) => scaleOf(points, domain, widths[i + 1] ?? 0, regression ? "lowers" : "against", regression ? "raises" : "for"))}
      </div>`,
      bottom,
    );

    find = (event) => {
      const box = list.stage.getBoundingClientRect();
      const y = event.clientY - box.top;
      const place = places.findIndex((one) => y >= one.y && y < one.y + ROW);
      if (place < 0) return null;
      const canvas = event.target instanceof HTMLCanvasElement ? event.target : null;
      const side = canvas?.dataset.side === undefined ? -1 : Number(canvas.dataset.side);
      const outer = element.getBoundingClientRect();
      const hit = { probe: -1, side, player: places[place].player, x: event.clientX - outer.left, y: event.clientY - outer.top };
      if (!canvas || side < 0) return canvas ? hit : { ...hit, side: -2 };
      const row = swarms[side].rows[place];
      const left = event.clientX - canvas.getBoundingClientRect().left;
      return { ...hit, probe: nearestPoint(row.xs, row.ys, left, y - row.y, REACH) };
    };
    list.stage.classList.toggle("on-point", Boolean(under && under.probe >= 0));
    const words = under && tipWords(under, data, sides, steps, name, importance);
    // Beside the pointer, on the side that has room.
    const left = under ? (under.x + 16 + TIP_WIDTH > element.clientWidth ? under.x - 16 - TIP_WIDTH : under.x + 16) : 0;
    render(words && under ? html`<div class="tip" style=${{ left: `${left}px`, top: `${under.y + 12 + TIP_HEIGHT > element.clientHeight ? under.y - 8 - TIP_HEIGHT : under.y + 12}px`, width: `${TIP_WIDTH}px` }}>${words}</div>` : null, tip);
  };
  return update;
}

/**
 * The smallest and the largest value of all, and 0.
 * @param {(Attribution | null | undefined)[]} all
 * @returns {[number, number]}
 */
function endsOf(all) {
  let [low, high] = [0, 0];
  for (const explained of all) {
    for (const value of explained?.values ?? []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** @param {number} count */
const swarmColumns = (count) => ({ "--swarms": count, "--part": `${4.4 / count}fr` });

/**
 * What is known of all probes, worked out again only when more of it has come.
 */
function createSurvey() {
  let key = "";
  let orderKey = "";
  /** @type {number[]} */
  let order = [];
  /** @type {[number, number]} */
  let lockedEnds = [0, 0];
  let lockedMost = 1;
  /** @type {(import("../types.d.ts").Row | null)[]} */
  let rows = [];
  /** @type {Map<number, Float32Array>} */
  const known = new Map();

  return (/** @type {Data} */ data, /** @type {State} */ state, /** @type {Side[]} */ sides, /** @type {number[]} */ steps) => {
    const [a] = sides;
    const players = Math.max(...a.info.probes.players);
    const wanted = surveyed(a.info);
    const here = wanted.filter((probe) => sides.every((side) => side.values(probe)) && a.content(probe));
    const next = [...sides.flatMap((side) => [side.id, side.values(here[0] ?? 0)?.id, side.importance?.bytes]), data.method, data.explained, here.length].join();
    if (next !== key) {
      key = next;
      orderKey = "";
      known.clear();
      rows = wanted.map((probe) => {
        const content = a.content(probe);
        return content?.kind === "tabular" ? content : null;
      });
      lockedEnds = endsOf(sides.flatMap((side) => here.flatMap((probe) => side.info.steps.map((step) => side.values(probe)?.at(step)))));
      lockedMost = Math.max(0, ...sides.flatMap(({ importance, info }) => info.steps.map((step) => largest(importance?.at(step) ?? []))));
    }
    const nextOrder = [state.rank, state.rank === "epoch" && steps].join();
    if (nextOrder !== orderKey) {
      orderKey = nextOrder;
      const at = (/** @type {Side} */ side, /** @type {number} */ i) => (state.rank === "epoch" ? [steps[i]] : side.info.steps);
      const sizes = new Float64Array(players);
      sides.forEach((side, i) => {
        for (const step of at(side, i)) side.importance?.at(step)?.forEach((size, player) => (sizes[player] += Number.isFinite(size) ? size / at(side, i).length : 0));
      });
      order = state.rank === "logged" ? Array.from(sizes, (_, player) => player) : descending(sizes);
    }
    const now = sides.map((side, i) => largest(side.importance?.at(steps[i]) ?? []));
    const ends = state.lock ? lockedEnds : endsOf(sides.flatMap((side, i) => here.map((probe) => side.values(probe)?.at(steps[i]))));
    return {
      order,
      rows,
      loaded: here.length,
      wanted: wanted.length,
      ends: ends[1] > ends[0] ? ends : /** @type {[number, number]} */ ([-1, 1]),
      most: state.lock ? lockedMost : Math.max(0, ...now),
      heightsOf(/** @type {number} */ player) {
        let found = known.get(player);
        if (!found) {
          found = heights(a.info.probes, rows, player);
          known.set(player, found);
        }
        return found;
      },
    };
  };
}

/**
 * @param {Data} data
 * @param {Side[]} sides
 * @param {number} loaded
 * @param {number} wanted
 * @param {State} state
 */
function header({ cursor, panes, explained }, sides, loaded, wanted, state) {
  const { probes } = sides[0].info;
  const steps = sides.map(({ letter }) => epochOf(cursor, letter));
  const toward = probes.regression ? "" : explained === "label" ? ", each toward its own label" : explained === "predicted" ? ", each toward its own answer" : `, toward “${className(probes, Number(explained))}”`;
  const count = loaded < wanted ? `reading ${loaded} of ${wanted} probes…` : wanted < probes.count ? `points: ${wanted} of ${plural(probes.count, "probe")}` : plural(probes.count, "probe");
  const orders = { overall: "mean over all epochs", epoch: "mean at this epoch", logged: "as logged" };
  const stops = Array.from({ length: 9 }, (_, i) => featureColor(i / 8, state.dark)).join(", ");
  return html`<div class="overview-top">
    <div class="overview-tools"><h2>All probes</h2>
      <span class="note ellipsis">${count}${toward} · ${panes[0].side.unit} · order: ${orders[state.rank]}</span>
      <span class="feature-legend note" role="img" aria-label="Shade of a point: the feature's value in that probe, from low (dark violet) to high (yellow); hollow where it is missing or has no order">
        low <span class="feature-bar" style=${{ background: `linear-gradient(to right, ${stops})` }}></span> high feature value <span class="feature-none"></span> missing or no order</span></div>
    <div class="overview-grid heads" style=${swarmColumns(sides.length)}><span></span><span class="note">mean |attribution|</span>
      ${sides.map((side, i) => html`<div key=${side.letter} class="overview-head ellipsis" style=${{ "--run": side.color }} title=${side.name}><b class="run-ink">${side.letter}</b> ${middle(side.label)} <span class="note">${steps[i] === ABSENT ? "" : epoch(steps[i])}</span></div>`)}</div>
  </div>`;
}

/** @type {(side: Side, step: number, data: Data) => unknown} */
function absent(side, step, { probe }) {
  const there = side.values(probe);
  if (!there || there.at(step)) return null;
  return html`<p class="blank">${step === ABSENT ? "no epoch of this run goes with it" : `${epoch(step)} is not in this run's record`}</p>`;
}

/**
 * @param {number[]} marks
 * @param {[number, number]} domain
 * @param {number} width
 * @param {string} low  said at its ends; "" for an axis from zero
 * @param {string} high
 */
function scaleOf(marks, domain, width, low, high) {
  const at = axis(domain, width);
  const free = marks.filter((mark) => !low || (at(mark) > LOW_WORD && at(mark) < width - HIGH_WORD));
  return html`<div class="bars-axis" aria-hidden="true">
    ${low && html`<i class="axis-low">${low}</i>`}${free.map((mark) => html`<span key=${mark} style=${{ left: `${at(mark)}px` }}>${low && mark > 0 ? "+" : ""}${tick(mark)}</span>`)}${high && html`<i class="axis-high">${high}</i>`}
  </div>`;
}

/**
 * What is under the pointer, in words.
 * @param {Hit} hit
 * @param {Data} data
 * @param {Side[]} sides
 * @param {number[]} steps
 * @param {(player: number) => string} name
 * @param {(Float32Array | null)[]} importance
 */
function tipWords({ probe, side: at, player }, data, sides, steps, name, importance) {
  const { probes } = sides[0].info;
  if (at === -1) return html`<b class="ellipsis">${name(player)}</b>${sides.map((side, i) => html`<span key=${side.letter}><b style=${{ color: side.color }}>${side.letter}</b> ${number(importance[i]?.[player])}</span>`)}<span class="note">mean |attribution| over ${plural(probes.count, "probe")}</span>`;
  if (probe < 0 || at < 0) return null;
  const content = sides[0].content(probe);
  const value = playerValue(probes, content?.kind === "tabular" ? content : null, player);
  const numbers = (/** @type {Attribution | null | undefined} */ explained) => (explained ? withError(explained.values[player], explained.errors[player]) : "–");
  const single = featuresOf(probes, player).length === 1;
  return html`<b class="ellipsis">${probeName(probes, probe)}</b>
    <span class="ellipsis">${name(player)}${single && value.whole ? ` = ${value.whole}` : ""}</span>
    ${sides.map((side, i) => html`<span key=${side.letter}><b style=${{ color: side.color }}>${side.letter}</b> ${numbers(side.values(probe)?.at(steps[i]))}</span>`)}
    <span class="note">${probe === data.probe ? "selected" : "click to select this probe"}</span>`;
}
