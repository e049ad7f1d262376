/** What all drawing on canvases shares: the screen's resolution, the page's inks, hatching. */

import { EM } from "../host/text.js";

/** @type {(size: number, weight?: number) => string} a font of so many px where text has its usual size */
export const font = (size, weight = 400) => `${weight} ${size * EM}px Roboto, sans-serif`;

export const FONT = `${11 * EM}px Roboto, sans-serif`;

/** @typedef {{ink: string, muted: string, faint: string, line: string, panel: string}} Inks  of the page (styles/page.css) */

/**
 * A colour of the page as it looks now, in numbers: a contrast theme's colours have names that a canvas may read otherwise.
 * @param {string} name
 */
export function pageColor(name) {
  const swatch = document.createElement("i");
  swatch.style.cssText = `color: var(--${name}); forced-color-adjust: none`;
  document.body.append(swatch);
  const { color } = getComputedStyle(swatch);
  swatch.remove();
  return color;
}

/** @type {() => Inks} as the page looks now */
export const readInks = () => ({ ink: pageColor("ink"), muted: pageColor("muted"), faint: pageColor("faint"), line: pageColor("line"), panel: pageColor("panel") });

/** @type {Map<boolean, Inks>} read once for each theme */
const inks = new Map();

/**
 * @param {boolean} dark
 * @returns {Inks}
 */
export function inkOf(dark) {
  let known = inks.get(dark);
  if (!known) {
    known = readInks();
    inks.set(dark, known);
  }
  return known;
}

/** @type {(at: number) => number} a place on whole pixels of the screen */
export const crisp = (at) => Math.round(at * devicePixelRatio) / devicePixelRatio;

/**
 * Gives a canvas as many pixels as the screen has in that size.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  CSS px
 * @param {number} height
 * @returns {[number, number]} in pixels of the screen
 */
export function resize(canvas, width, height) {
  const [w, h] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    // Without this, at a ratio of 1.5, a box of 251 px would be stretched by half a pixel of the screen.
    canvas.style.width = `${w / devicePixelRatio}px`;
    canvas.style.height = `${h / devicePixelRatio}px`;
  }
  return [w, h];
}

/**
 * A canvas of that size, empty.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  CSS px
 * @param {number} height
 */
export function emptied(canvas, width, height) {
  const [w, h] = resize(canvas, width, height);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, h);
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.font = FONT;
  context.lineJoin = "round";
  return context;
}

/** @type {WeakMap<Element, string>} what each place shows: one memory for all that draw, as a card's canvas is drawn by several in turn */
const shown = new WeakMap();

/**
 * Whether a place shows this already; if not, it is taken to show it from now on.
 * @param {Element} place
 * @param {string} key  changes whenever what is drawn does
 */
export function isShown(place, key) {
  if (shown.get(place) === key) return true;
  shown.set(place, key);
  return false;
}

/** @type {(place: Element) => boolean} forgets what a place shows; whether it showed anything */
export const forget = (place) => shown.delete(place);

/**
 * The same, where the canvas does not show this already.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width  CSS px
 * @param {number} height
 * @param {string} key  changes whenever what is drawn does
 * @returns {CanvasRenderingContext2D | null} null where there is nothing to draw
 */
export function cleared(canvas, width, height, key) {
  const all = `${width} ${height} ${devicePixelRatio} ${key}`;
  if (Math.round(width) < 1 || Math.round(height) < 1 || isShown(canvas, all)) return null;
  return emptied(canvas, width, height);
}

/**
 * A line down the canvas, one pixel of the screen or more.
 * @type {(context: CanvasRenderingContext2D, x: number, top: number, bottom: number, color: string) => void}
 */
export function upright(context, x, top, bottom, color) {
  context.fillStyle = color;
  context.fillRect(crisp(x), top, Math.max(1, Math.round(devicePixelRatio)) / devicePixelRatio, bottom - top);
}

/**
 * Slanting lines within a box.
 * @param {CanvasRenderingContext2D} context
 * @param {{x: number, y: number, width: number, height: number}} box
 * @param {number} apart  px between two of them
 * @param {string} color
 * @param {number} [thickness]  px
 */
export function hatch(context, { x, y, width, height }, apart, color, thickness = 1) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = thickness;
  context.beginPath();
  for (let left = x - height - ((x - height) % apart); left < x + width; left += apart) {
    context.moveTo(left, y + height);
    context.lineTo(left + height, y);
  }
  context.stroke();
  context.restore();
}

/**
 * @param {HTMLCanvasElement} canvas  shows nothing from now on
 * @param {{width: number, height: number}} box  CSS pixels that it takes up all the same: those of a canvas never drawn on are the browser's
 */
export function wipe(canvas, { width, height }) {
  const [w, h] = resize(canvas, width, height);
  if (forget(canvas)) canvas.getContext("2d")?.clearRect(0, 0, w, h);
}
