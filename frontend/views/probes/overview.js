/** All rows of a table at the cursor: the mean |attribution| of each feature, and its attribution in every probe against the feature's value. */

import { axis, ticks } from "../../figures/axis.js";
import { linesOf } from "../../figures/bars.js";
import { across, beeswarm, nearestPoint } from "../../figures/beeswarm.js";
import { roveNames } from "../../host/rove.js";
import { EM } from "../../host/text.js";
import { epochOf } from "../../model/cursor.js";
import { sideAt } from "../../model/frames.js";
import { playerName } from "../../model/players.js";
import { isUnfolded, unfold } from "../../model/state.js";
import { createSurvey } from "../../model/survey.js";
import { drawImportance, drawSwarm } from "../../paint/beeswarm.js";
import { number } from "../../words/format.js";
import { middle } from "../../words/names.js";
import { createList, watchView } from "../parts/bars-list.js";
import { choose, html, render } from "../parts/html.js";
import { absent, header, scaleOf, swarmColumns, tipWords } from "./overview-parts.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {import("./overview-parts.js").Hit} Hit */

const ROW = 26 * EM;
const MOST_ROWS = 12;
const LONGEST_NAME = 48;
// The column of names: least px, its part of the width, and px of a letter.
const LEAST_NAMES = 140 * EM;
const NAMES = 0.14;
const LETTER = 5.6 * EM;
// px between two numbers of an axis, and of a number beside a bar
const TICK = 56 * EM;
const SWARM_TICK = 64 * EM;
const NUMBER = 42 * EM;
const FEW_PROBES = 60;
// px from a point within which it is the one that is meant
const REACH = 7;
const TIP_WIDTH = 240 * EM;
const TIP_HEIGHT = 110 * EM;

/** @typedef {{player: number, y: number}} Place  a row in view, px of its upper edge */

/**
 * What is drawn, at one step of the cursor.
 * @typedef {object} Scene
 * @property {Data} data
 * @property {State} state
 * @property {Side[]} sides
 * @property {number[]} steps  one a side
 * @property {import("./overview-parts.js").Survey} survey
 * @property {number[]} own  players with a row
 * @property {Place[]} places
 * @property {(Float32Array | null)[]} importance  mean |attribution| of each player, one a side
 * @property {(player: number) => string} name
 */

/** @typedef {{laid: string, rows: import("../../paint/beeswarm.js").SwarmRow[]}} Swarm  what the points were laid out from, and where they lie */

/** @type {import("../../types.d.ts").View} */
export function overviewView(element) {
  const top = document.createElement("div");
  const bottom = document.createElement("div");
  const tip = document.createElement("div");
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  const again = () => last && update(...last);
  const list = createList(again);
  element.append(top, list.box, bottom, tip);
  const inView = watchView(element, again);
  const surveyOf = createSurvey(MOST_ROWS);
  /** the runs and the width that it was last drawn for */
  let drawn = "";
  /** @type {Swarm[]} */
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

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    const all = isUnfolded(state, "overview");
    const toggle = () => {
      if (all) list.box.scrollTop = 0;
      choose(element, unfold(state, "overview", !all));
    };
    // What is out of the window is drawn when it comes in; of other runs once, so that it takes the room that it will have.
    const whose = JSON.stringify([data.a?.id, data.b?.id, list.width]);
    if (!inView() && whose === drawn) return;
    drawn = whose;
    const scene = sceneOf(list, data, state, surveyOf, all);
    const { own, sides, survey, steps } = scene;
    element.style.setProperty("--overview", `${Math.min(own.length, MOST_ROWS) * ROW}px`);
    render(header(data, sides, survey, state), top);
    render(stage(scene, list), list.stage);
    roveNames(list.stage.querySelector(".bar-names"));
    const [first, ...others] = list.stage.querySelectorAll("canvas");
    const importance = paintImportance(first, list.height, scene);
    const painted = paintSwarms(others, list.height, scene, swarms, [data.probe, ...(under && under.probe >= 0 && under.probe !== data.probe ? [under.probe] : [])]);
    swarms = painted.swarms;
    render(feet(scene, importance, painted, all, toggle), bottom);
    find = (event) => hitOf(event, element, list.stage, scene.places, swarms);
    list.stage.classList.toggle("on-point", Boolean(under && under.probe >= 0));
    render(under && beside(under, element, tipWords(under, data, sides, steps, scene.name, scene.importance)), tip);
  };
  return update;
}

/**
 * @param {import("../parts/bars-list.js").List} list
 * @param {Data} data
 * @param {State} state
 * @param {ReturnType<typeof createSurvey>} surveyOf
 * @param {boolean} all  whether every player has a row
 * @returns {Scene}
 */
function sceneOf(list, data, state, surveyOf, all) {
  const sides = [data.a, data.b].filter((side) => side !== null);
  const { probes } = sides[0].info;
  const steps = sides.map(({ letter }) => epochOf(data.cursor, letter));
  const survey = surveyOf(data, state, sides, steps);
  const own = (all ? survey.order.map((player) => [player]) : linesOf(survey.order, MOST_ROWS + 1, state.player).filter((line) => line.length === 1)).map(([player]) => player);
  list.size(own.length, ROW);
  const first = Math.max(0, Math.floor(list.scroll / ROW));
  const places = own.slice(first, first + Math.ceil((list.height || MOST_ROWS * ROW) / ROW) + 1).map((player, i) => ({ player, y: (first + i) * ROW - list.scroll }));
  const importance = sides.map((side, i) => side.importance?.at(steps[i]) ?? null);
  return { data, state, sides, steps, survey, own, places, importance, name: (player) => playerName(probes, undefined, player) };
}

/**
 * Names and canvases of the rows in view.
 * @param {Scene} scene
 * @param {import("../parts/bars-list.js").List} list
 */
function stage({ data, state, sides, steps, places, importance, name }, list) {
  const letters = Math.floor(Math.max(LEAST_NAMES, list.width * NAMES) / LETTER);
  const means = (/** @type {number} */ player) => sides.map(({ letter }, i) => `${letter} ${number(importance[i]?.[player])}`).join(", ");
  const first = places.slice(0, 3).map(({ player }) => `${middle(name(player), LONGEST_NAME)}: ${means(player)}`).join("; ");
  return html`<div class="overview-grid" style=${swarmColumns(sides.length)}>
    ${places.filter(({ player }) => data.lit.includes(player)).map(({ player, y }) => html`<div key=${`lit ${player}`} class="bar-lit" style=${{ top: `${y}px`, height: `${ROW}px` }}></div>`)}
    <div class="bar-names" role="group" aria-label="features; choose one to keep it highlighted">${places.map(
      ({ player, y }) => html`<button key=${player} type="button" class="bar-name" style=${{ top: `${y}px`, height: `${ROW}px` }} aria-pressed=${player === state.player} title=${`${name(player)}\nmean |attribution|: ${means(player)}`}>
        <bdi translate=${false} class="ellipsis">${middle(name(player), letters)}</bdi></button>`,
    )}</div>
    <div class="bar-chart"><canvas role="img" aria-label=${`mean |attribution| of each feature over the probes; ${first}`}></canvas></div>
    ${sides.map((side, i) => html`<div key=${side.letter} class="bar-chart"><canvas role="img" data-side=${i} aria-label=${`${sideAt(side, steps[i])}: one point per probe in each feature's row, placed by its attribution: for to the right, against to the left; shaded by the feature's value: dark is low, light is high`}></canvas>
      ${absent(side, steps[i], data)}</div>`)}
  </div>`;
}

/** @typedef {{domain: [number, number], marks: number[], width: number}} Scale  of an axis: its ends, its numbers, its px */

/** @param {HTMLCanvasElement} canvas */
const widthOf = (canvas) => canvas.parentElement?.clientWidth ?? 0;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {Scene} scene
 * @returns {Scale}
 */
function paintImportance(canvas, height, { state, sides, survey, places, importance }) {
  const width = widthOf(canvas);
  // The longest bar's number has room beside it in a narrow chart too.
  const domain = /** @type {[number, number]} */ ([0, survey.most * Math.max(1.12, width / Math.max(1, width - NUMBER)) || 1]);
  const marks = ticks(...domain, Math.max(2, Math.floor(width / TICK)));
  const rows = places.map(({ player, y }) => {
    const sizes = importance.map((known) => known?.[player] ?? NaN);
    return { y: y + ROW / 2, sizes, texts: sizes.map((size) => (Number.isFinite(size) ? number(size) : "")) };
  });
  const chart = { rows, colors: sides.map(({ color }) => color), domain, ticks: marks, dark: state.dark };
  drawImportance(canvas, width, height, JSON.stringify(chart), chart);
  return { domain, marks, width };
}

/**
 * One swarm a side, all on one scale.
 * @param {HTMLCanvasElement[]} canvases
 * @param {number} height
 * @param {Scene} scene
 * @param {Swarm[]} before  as they lie: the pointer alone moves no point
 * @param {number[]} ringed  probes
 * @returns {Scale & {swarms: Swarm[], widths: number[]}}
 */
function paintSwarms(canvases, height, scene, before, ringed) {
  const { data, state, sides, steps, survey, places } = scene;
  const widths = canvases.map(widthOf);
  const { ends } = survey;
  const room = (ends[1] - ends[0]) * 0.03;
  const domain = /** @type {[number, number]} */ ([ends[0] - room, ends[1] + room]);
  const marks = ticks(...domain, Math.max(2, Math.floor((widths[0] ?? 0) / SWARM_TICK)));
  const radius = survey.rows.length > FEW_PROBES ? 2 : 2.6;
  const drawn = JSON.stringify([places, ends, widths, radius, data.method, data.explained]);
  const swarms = sides.map((side, i) => {
    const laid = [drawn, side.id, side.values(data.probe)?.id, survey.loaded, steps[i]].join();
    const rows = before[i]?.laid === laid ? before[i].rows : layOut(scene, i, axis(domain, widths[i]), radius);
    drawSwarm(canvases[i], widths[i], height, [laid, ringed, state.dark].join(), { rows, radius, domain, ticks: marks, ringed, dark: state.dark });
    return { laid, rows };
  });
  return { domain, marks, width: widths[0] ?? 0, swarms, widths };
}

/**
 * Where the points of one side lie.
 * @param {Scene} scene
 * @param {number} i  of the side
 * @param {(value: number) => number} at
 * @param {number} radius
 * @returns {import("../../paint/beeswarm.js").SwarmRow[]}
 */
function layOut({ sides, steps, survey, places }, i, at, radius) {
  const values = survey.rows.map((_, probe) => sides[i].values(probe)?.at(steps[i])?.values ?? null);
  const [low, high] = survey.ends;
  return places.map(({ player, y }) => {
    const own = across(values, player);
    const xs = own.map((value) => at(value < low ? low : value > high ? high : value));
    return { y: y + ROW / 2, xs, ys: beeswarm(xs, 2 * radius, ROW / 2 - 1), heights: survey.heightsOf(player), beyond: Int8Array.from(own, (value) => Number(value > high) - Number(value < low)) };
  });
}

/**
 * Below the charts: their axes, and a way to all features.
 * @param {Scene} scene
 * @param {Scale} importance
 * @param {Scale & {widths: number[]}} swarm
 * @param {boolean} all
 * @param {() => void} toggle
 */
function feet({ sides, survey: { order }, own }, importance, swarm, all, toggle) {
  const { regression } = sides[0].info.probes;
  const more = (order.length > own.length || all) && order.length > MOST_ROWS;
  return html`<div class="overview-grid feet" style=${swarmColumns(sides.length)}>
    <div class="overview-corner">${more && html`<button type="button" class="link" onClick=${toggle}>${all ? "◂ the strongest only" : `all ${order.length} features ▸`}</button>`}</div>
    ${scaleOf(importance.marks, importance.domain, importance.width, "", "")}
    ${sides.map((_, i) => scaleOf(swarm.marks, swarm.domain, swarm.widths[i] ?? 0, regression ? "lowers" : "against", regression ? "raises" : "for"))}
  </div>`;
}

/**
 * @param {MouseEvent} event
 * @param {HTMLElement} element
 * @param {HTMLElement} stageElement
 * @param {Place[]} places
 * @param {Swarm[]} swarms
 * @returns {Hit | null}
 */
function hitOf(event, element, stageElement, places, swarms) {
  const y = event.clientY - stageElement.getBoundingClientRect().top;
  const place = places.findIndex((one) => y >= one.y && y < one.y + ROW);
  if (place < 0) return null;
  const canvas = event.target instanceof HTMLCanvasElement ? event.target : null;
  const side = canvas ? Number(canvas.dataset.side ?? -1) : -2;
  const outer = element.getBoundingClientRect();
  const hit = { probe: -1, side, player: places[place].player, x: event.clientX - outer.left, y: event.clientY - outer.top };
  if (!canvas || side < 0) return hit;
  const row = swarms[side].rows[place];
  return { ...hit, probe: nearestPoint(row.xs, row.ys, event.clientX - canvas.getBoundingClientRect().left, y - row.y, REACH) };
}

/**
 * Words beside the pointer, on the side that has room.
 * @param {Hit} hit
 * @param {HTMLElement} element
 * @param {unknown} words
 */
function beside({ x, y }, element, words) {
  if (!words) return null;
  const left = x + 16 + TIP_WIDTH > element.clientWidth ? x - 16 - TIP_WIDTH : x + 16;
  const top = y + 12 + TIP_HEIGHT > element.clientHeight ? y - 8 - TIP_HEIGHT : y + 12;
  return html`<div class="tip" style=${{ left: `${left}px`, top: `${top}px`, width: `${TIP_WIDTH}px` }}>${words}</div>`;
}
