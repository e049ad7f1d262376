/** Draws ranks over epochs as lines that cross, each named at both ends. */

import { spreadApart } from "../figures/layout.js";
import { colored, css } from "../figures/passage.js";
import { lastLevel, levels } from "../figures/ranks.js";
import { EM } from "../host/text.js";
import { fitting } from "../words/names.js";
import { cleared, FONT, inkOf } from "./canvas.js";

/** @typedef {import("../figures/color.js").Rgb} Rgb */

/** Room for the names at either end, and for the numbers of the ranks: as much as the longest takes, up to a part of the chart. */
const OF_NAMES = 0.3;
const LEAST_NAMES = 48 * EM;
// Px between a name and its line, and of those the hair that leads from one to the other where names had to make way.
const BESIDE = 12;
const HAIR = 8;
const LABEL_HEIGHT = 12 * EM;
// Px above the first rank, and below the lowest name: half of a name.
const TOP = 8 * EM;
const BOTTOM = 6 * EM;
// Pixels between two ranks at most: farther apart a change of one rank looks like a fall.
export const LARGEST_STEP = 32 * EM;
/** A line of a value of 0; the scale's own middle would not be seen on the panel. */
const GREY = { light: /** @type {Rgb} */ ([176, 176, 180]), dark: /** @type {Rgb} */ ([128, 128, 132]) };

/**
 * @typedef {object} Chart
 * @property {number} width  CSS pixels
 * @property {number} height
 * @property {number} names  px of the names at either end
 * @property {number} lowest  last rank with a place of its own
 * @property {number} of  the last rank
 * @property {(place: number) => number} x  px of a place of the cursor
 * @property {(level: number) => number} y
 */

/** @type {CanvasRenderingContext2D | null} */
let ruler = null;

/**
 * Px that the longest of some texts takes, as it is written at an end of a line.
 * @param {string[]} texts
 */
export function widest(texts) {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return LEAST_NAMES;
  ruler.font = `500 ${FONT}`;
  return Math.max(0, ...texts.map((text) => /** @type {CanvasRenderingContext2D} */ (ruler).measureText(text).width));
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} places
 * @param {{lowest: number, of: number, longest: number}} ranks  longest: px of the longest name
 * @returns {Chart}
 */
export function chartOf(width, height, places, { lowest, of, longest }) {
  const names = Math.round(Math.max(LEAST_NAMES, Math.min(longest + BESIDE + 4, width * OF_NAMES)));
  const wide = Math.max(10, width - 2 * names);
  const apart = Math.min(LARGEST_STEP, (height - 2 * TOP) / Math.max(1, lastLevel(lowest, of) - 1));
  return {
    width,
    height,
    names,
    lowest,
    of,
    x: (place) => names + (places < 2 ? wide / 2 : (place / (places - 1)) * wide),
    y: (level) => TOP + (level - 1) * apart,
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} key  changes whenever ranks or names do
 * @param {Chart} chart
 * @param {ReturnType<typeof import("../figures/ranks.js").ranksOver>} found
 * @param {Int32Array} starts  of the bins
 * @param {{players: number[], lit: number[], nameOf: (player: number) => string, end: number, dark: boolean}} what
 */
export function paintRanks(canvas, key, chart, { bins, ranks, values }, starts, { players, lit, nameOf, end, dark }) {
  const context = cleared(canvas, chart.width, chart.height, [key, players, lit, end, dark].join());
  if (!context) return;
  const ink = inkOf(dark);
  const grey = dark ? GREY.dark : GREY.light;
  const at = (/** @type {number} */ bin) => chart.x((starts[bin] + starts[bin + 1] - 1) / 2);
  context.lineCap = "round";
  const anyLit = players.some((player) => lit.includes(player));
  /** @type {Record<"left" | "right", {y: number, from: number, player: number, rank: number}[]>} from: where the line ends */
  const ends = { left: [], right: [] };
  // What is lit is drawn last, above the others.
  for (const player of [...players].sort((one, other) => Number(lit.includes(one)) - Number(lit.includes(other)))) {
    const own = ranks.subarray(player * bins, (player + 1) * bins);
    const line = levels(own, chart.lowest, chart.of);
    const strong = lit.includes(player);
    context.globalAlpha = anyLit && !strong ? 0.55 : 1;
    const stroke = (/** @type {string | null} */ color, /** @type {number} */ width) => {
      context.lineWidth = width;
      for (let bin = 0; bin < bins; bin++) {
        const [from, to] = [line[bin], line[bin + 1]];
        if (!Number.isFinite(from)) continue;
        context.strokeStyle = context.fillStyle = color ?? css(colored(values[player * bins + bin] / end, grey, dark));
        if (bins <= 40) {
          context.beginPath();
          context.arc(at(bin), chart.y(from), (width + 2) / 2, 0, 2 * Math.PI);
          context.fill();
        }
        if (!Number.isFinite(to)) continue;
        const [x1, y1, x2, y2] = [at(bin), chart.y(from), at(bin + 1), chart.y(to)];
        context.beginPath();
        context.moveTo(x1, y1);
        context.bezierCurveTo((x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2);
        context.stroke();
      }
    };
    if (strong) stroke(ink.ink, 5.5);
    stroke(null, strong ? 3 : 2);
    context.globalAlpha = 1;
    const first = line.findIndex(Number.isFinite);
    const last = line.findLastIndex(Number.isFinite);
    if (first < 0) continue;
    ends.left.push({ y: chart.y(line[first]), from: chart.y(line[first]), player, rank: own[first] });
    ends.right.push({ y: chart.y(line[last]), from: chart.y(line[last]), player, rank: own[last] });
  }
  context.textBaseline = "middle";
  for (const [where, labels] of Object.entries(ends)) {
    labels.sort((one, other) => one.rank - other.rank);
    spreadApart(labels, LABEL_HEIGHT, chart.height - BOTTOM);
    const right = where === "right";
    for (const { y, from, player, rank } of labels) {
      const end = right ? chart.width - chart.names + 2 : chart.names - 2;
      if (Math.abs(y - from) > 2) {
        context.lineWidth = 1;
        context.strokeStyle = ink.faint;
        context.beginPath();
        context.moveTo(end, from);
        context.lineTo(end + (right ? HAIR : -HAIR), y);
        context.stroke();
      }
      context.font = `${lit.includes(player) ? "500 " : ""}${FONT}`;
      context.fillStyle = lit.includes(player) ? ink.ink : ink.muted;
      context.textAlign = right ? "left" : "right";
      const name = fitting(nameOf(player), chart.names - BESIDE - context.measureText(`${rank} `).width, (text) => context.measureText(text).width);
      context.fillText(right ? `${rank} ${name}` : `${name} ${rank}`, right ? chart.width - chart.names + BESIDE : chart.names - BESIDE, y);
    }
  }
}
