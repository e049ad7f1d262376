/** Draws rows of bars on a canvas, at the screen's resolution. */

import { axis } from "../figures/axis.js";
import { BARS } from "../figures/color.js";
import { EM } from "../host/text.js";
import { cleared, FONT, hatch, inkOf, upright } from "./canvas.js";

/**
 * @typedef {object} Bar
 * @property {number} y  px of the row's middle
 * @property {number} from
 * @property {number} to  NaN where there is nothing to draw
 * @property {number} error  standard error of `to`; 0 or NaN draws no whisker
 * @property {string} text  beside its end, where it has room
 * @property {"plain" | "noise" | "weak" | "many" | "end"} look  noise: hatched; weak: grey; many: of several players; end: a line where a waterfall begins or ends
 */

/**
 * @typedef {object} Chart
 * @property {Bar[]} bars
 * @property {[number, number]} domain
 * @property {boolean} joined  each bar begins where the one before it ends
 * @property {boolean} dark
 * @property {number[]} ticks
 */

const THICK = 10 * EM;
const CAP = 3 * EM;
const TEXT = 4;
const TORN = 10;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  CSS px
 * @param {number} height
 * @param {string} key
 * @param {Chart} chart
 */
export function drawBars(canvas, width, height, key, chart) {
  const context = cleared(canvas, width, height, key);
  if (!context) return;
  const { bars, domain, joined, dark } = chart;
  const at = axis(domain, width);
  const { line, faint } = inkOf(dark);
  for (const tick of chart.ticks) upright(context, at(tick), 0, height, tick === 0 ? faint : line);
  bars.forEach((bar, i) => {
    if (joined && i > 0) {
      const before = bars[i - 1];
      if (Number.isFinite(before.to)) upright(context, at(before.to), before.y - THICK / 2, bar.y + THICK / 2, faint);
    }
    drawBar(context, bar, at, domain, dark, width);
  });
}

/** @type {(context: CanvasRenderingContext2D, bar: Bar, at: (value: number) => number, domain: [number, number], dark: boolean, width: number) => void} */
function drawBar(context, { y, from, to, error, text, look }, at, [low, high], dark, width) {
  const { ink, muted, faint, panel } = inkOf(dark);
  if (!Number.isFinite(to)) {
    write(context, "no number", at(Math.min(high, Math.max(low, 0))) + TEXT, y, muted, "left");
    return;
  }
  const inside = (/** @type {number} */ value) => Math.min(high, Math.max(low, value));
  const x = at(inside(to));
  if (look === "end") {
    context.fillStyle = ink;
    context.fillRect(x - 1, y - THICK / 2 - 2, 2, THICK + 4);
    const wide = measure(context, text, true);
    const left = x + TEXT + wide > width - 2;
    // An arrow marks a value beyond the axis.
    const label = to > high ? `${text} ▸` : to < low ? `◂ ${text}` : text;
    write(context, label, left ? x - TEXT : x + TEXT, y, ink, left ? "right" : "left", true);
    return;
  }
  const start = at(inside(from));
  const up = to >= from;
  const colors = BARS[dark ? "dark" : "light"];
  const color = look === "weak" ? faint : up ? colors.positive : colors.negative;
  const [left, right] = [Math.min(start, x), Math.max(start, x)];
  const thick = Math.max(1, right - left);
  context.globalAlpha = look === "many" ? 0.6 : 1;
  if (look === "noise") hatched(context, left, y - THICK / 2, thick, THICK, color);
  else {
    context.fillStyle = color;
    context.fillRect(left, y - THICK / 2, thick, THICK);
  }
  context.globalAlpha = 1;
  // A bar beyond the axis ends in a torn edge.
  const beyond = to > high || to < low;
  if (beyond) torn(context, x, y, up, panel);
  const whisker = error > 0 && Number.isFinite(error);
  const [near, far] = whisker ? [at(inside(to - error)), at(inside(to + error))] : [x, x];
  if (whisker && far - near > 1) {
    context.strokeStyle = ink;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(near, y);
    context.lineTo(far, y);
    context.stroke();
    for (const end of [near, far]) upright(context, end - 0.5, y - CAP, y + CAP, ink);
  }
  // The number: past the end, else inside the bar, else on the other side of its beginning.
  const wide = measure(context, text, false);
  const outer = up ? Math.max(x, far) + TEXT : Math.min(x, near) - TEXT;
  if (up ? outer + wide <= width - 1 : outer - wide >= 1) write(context, text, outer, y, look === "weak" ? muted : ink, up ? "left" : "right");
  else {
    const edge = beyond ? TORN : 0;
    const inner = up ? Math.min(x, near) - TEXT - edge : Math.max(x, far) + TEXT + edge;
    const fits = (up ? inner - start : start - inner) >= wide + 2;
    if (fits && (look === "plain" || look === "many")) write(context, text, inner, y, look === "many" ? ink : colors.on, up ? "right" : "left");
    else {
      const other = up ? Math.min(start, near) - TEXT : Math.max(start, far) + TEXT;
      if (up ? other - wide >= 1 : other + wide <= width - 1) write(context, text, other, y, ink, up ? "right" : "left");
    }
  }
}

/** @type {(context: CanvasRenderingContext2D, text: string, bold: boolean) => number} */
function measure(context, text, bold) {
  context.font = bold ? `600 ${FONT}` : FONT;
  return context.measureText(text).width;
}

/** @type {(context: CanvasRenderingContext2D, text: string, x: number, y: number, color: string, align: CanvasTextAlign, bold?: boolean) => void} */
function write(context, text, x, y, color, align, bold = false) {
  context.font = bold ? `600 ${FONT}` : FONT;
  context.fillStyle = color;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillText(text, x, y + 0.5);
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, color: string) => void} */
function hatched(context, x, y, width, height, color) {
  hatch(context, { x, y, width, height }, 4, color);
  context.strokeStyle = color;
  context.lineWidth = 1;
  if (width > 2) context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, up: boolean, color: string) => void} */
function torn(context, x, y, up, color) {
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const back of [4, 8]) {
    const edge = up ? x - back : x + back;
    context.moveTo(edge - 2, y + THICK / 2);
    context.lineTo(edge + 2, y - THICK / 2);
  }
  context.stroke();
}
