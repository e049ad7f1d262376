/** How a row, a text and a series are drawn small, on the cards of the probes. */

import { excerptInLines, strongestOf } from "../figures/cards.js";
import { BARS } from "../figures/color.js";
import { css, shade } from "../figures/passage.js";
import { extremes } from "../figures/signal.js";
import { EM } from "../host/text.js";
import { playerName } from "../model/players.js";
import { choiceKey, isHidden, placeOf } from "../model/shown.js";
import { fitting } from "../words/names.js";
import { emptied, FONT, forget, inkOf, isShown, wipe } from "./canvas.js";
import { drawShades, linePath, veil } from "./signal.js";

/** @typedef {import("../model/shown.js").Shown} Shown */
/** @typedef {import("../types.d.ts").ProbeSetInfo} ProbeSetInfo */

// Px that a feature takes at least: its name, and the bar below it.
const ROW = 20 * EM;
const BAR = 5 * EM;
// Of a line of words, as styles/texts.css has it.
const LINE = 12.8 * EM;
// A letter's mean width at 10 px; and how much wider those of one line may be.
const LETTER = 5.2 * EM;
const WIDER = 1.15;
// Of scripts whose letters are as wide as they are high.
const SQUARE = 10.4 * EM;
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/**
 * @typedef {object} Miniature
 * @property {number} size  CSS pixels of its side
 * @property {ProbeSetInfo} probes
 * @property {import("../types.d.ts").Content} content
 * @property {Pick<Shown, "values" | "end" | "chosen" | "hide">} shown
 * @property {boolean} dark
 * @property {number | null} lead  the player that a cut text has to show: the strongest over all epochs
 */

/**
 * @param {HTMLElement} place  a canvas, or for texts any other element
 * @param {string} key  changes whenever content or values do
 * @param {Miniature} miniature
 */
export function drawMiniature(place, key, miniature) {
  const all = [miniature.content.kind, key, miniature.size, devicePixelRatio, miniature.dark, miniature.shown.end, choiceKey(miniature.shown)].join();
  if (isShown(place, all)) return;
  if (miniature.content.kind !== "image") DRAWN[miniature.content.kind](place, miniature);
}

/**
 * @param {HTMLElement} place  shows nothing from now on
 * @param {number} size  CSS pixels of its side
 */
export function emptyMiniature(place, size) {
  if (place instanceof HTMLCanvasElement) wipe(place, { width: size, height: size });
  else if (forget(place)) place.replaceChildren();
}

/** @type {(shown: Miniature["shown"]) => Shown} */
const asShown = (shown) => ({ ...shown, title: "", errors: null, real: null, toward: "", away: "", apart: false });

/** @type {WeakMap<import("../types.d.ts").Piece[], {key: string, kept: import("../types.d.ts").Piece[]}>} of each text what was last on its card: a step of the cursor changes colours alone */
const written = new WeakMap();

/** @type {(pieces: import("../types.d.ts").Piece[], size: number, letter: number, lead: number | null) => import("../types.d.ts").Piece[]} */
function wordsOn(pieces, size, letter, lead) {
  const key = [size, letter, lead].join();
  const before = written.get(pieces);
  if (before?.key === key) return before.kept;
  const most = Math.floor(size / letter) * Math.floor(size / (13 * EM));
  const kept = excerptInLines(pieces, most, lead, { lines: Math.floor(size / LINE + 1e-6), perLine: Math.floor(size / (WIDER * letter)) });
  written.set(pieces, { key, kept });
  return kept;
}

/** @type {(place: HTMLElement, miniature: Miniature) => void} */
function writeWords(place, { size, content, shown, dark, lead }) {
  if (content.kind !== "text") return;
  const letter = content.pieces.some(([text]) => WIDE.test(text)) ? SQUARE : LETTER;
  place.replaceChildren(
    ...wordsOn(content.pieces, size, letter, lead).map(([text, player]) => {
      const t = player < 0 ? 0 : placeOf(shown, player);
      const hidden = player >= 0 && isHidden(shown, player);
      if (!t && !hidden) return document.createTextNode(text);
      const span = document.createElement("span");
      span.textContent = text;
      if (hidden) {
        span.className = "hidden-token";
        return span;
      }
      const { ground, ink } = shade(t, dark);
      span.style.background = css(ground);
      span.style.color = css(ink);
      return span;
    }),
  );
}

/**
 * The strongest features: a bar to the right is for, to the left against.
 * @type {(place: HTMLElement, miniature: Miniature) => void}
 */
function drawBars(canvas, { size, probes, content, shown, dark }) {
  if (!(canvas instanceof HTMLCanvasElement)) return;
  const context = emptied(canvas, size, size);
  if (!shown.values) return;
  const ink = inkOf(dark);
  const rows = Math.floor(size / ROW);
  const height = size / rows;
  const half = size / 2;
  const px = 1 / devicePixelRatio;
  const colors = BARS[dark ? "dark" : "light"];
  context.font = FONT;
  context.textBaseline = "alphabetic";
  const wide = (/** @type {string} */ text) => context.measureText(text).width;
  // Rows of features that are not shown would be names alone.
  strongestOf(shown.values.map((value, player) => (shown.chosen?.[player] === 0 ? 0 : value)), rows).forEach((player, i) => {
    const t = placeOf(shown, player);
    const part = Math.max(-1, Math.min(1, t));
    const bottom = Math.round((i + 1) * height) - 3;
    context.fillStyle = ink.faint;
    context.fillRect(half, bottom - BAR - 1, px, BAR + 2);
    context.fillStyle = t > 0 ? colors.positive : colors.negative;
    context.fillRect(t > 0 ? half : half + part * half, bottom - BAR, Math.max(t ? 1 : 0, Math.abs(part) * half), BAR);
    if (Math.abs(t) > 1) torn(context, t > 0 ? size : 0, bottom, t > 0, ink.panel);
    context.fillStyle = ink.ink;
    context.fillText(fitting(playerName(probes, content, player), size, wide), 0, bottom - BAR - 3);
  });
}

/** @type {(context: CanvasRenderingContext2D, end: number, bottom: number, up: boolean, color: string) => void} an edge that is torn off, of a bar that goes beyond the scale */
function torn(context, end, bottom, up, color) {
  context.fillStyle = color;
  for (const back of [3, 6]) context.fillRect(up ? end - back : end + back - 1, bottom - BAR, 1.5, BAR);
}

/**
 * The first channel over its stretches.
 * @type {(place: HTMLElement, miniature: Miniature) => void}
 */
function drawSeries(canvas, { size, content, shown, dark }) {
  if (content.kind !== "sequence" || !(canvas instanceof HTMLCanvasElement)) return;
  const context = emptied(canvas, size, size);
  const ink = inkOf(dark);
  const x = (/** @type {number} */ step) => (step / content.length) * size;
  drawShades(context, content, asShown(shown), dark, x, { top: 0, height: size });
  const { low, high } = extremes(content, 0, 1);
  const y = (/** @type {number} */ value) => 4 + (1 - (value - low[0]) / (high[0] - low[0] || 1)) * (size - 8);
  const path = linePath(content, 0, x, y);
  context.globalAlpha = 0.7;
  context.strokeStyle = ink.panel;
  context.lineWidth = 2.6;
  context.stroke(path);
  context.globalAlpha = 1;
  context.strokeStyle = ink.ink;
  context.lineWidth = 1;
  context.stroke(path);
  veil(context, content, shown, dark, x, { top: 0, height: size });
}

/** @type {Record<Exclude<import("../types.d.ts").Kind, "image">, (place: HTMLElement, miniature: Miniature) => void>} by kind; images have thumbnails (paint/thumbnail.js) */
const DRAWN = { tabular: drawBars, text: writeWords, sequence: drawSeries };
