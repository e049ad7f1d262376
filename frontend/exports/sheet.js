/** A white (or dark) sheet with text and a legend: what exported pictures are drawn on, in the page's own look. */

import { legendStops } from "../figures/color.js";
import { pageColor, readInks } from "../paint/canvas.js";
import { shorten } from "./captions.js";

/** @typedef {import("../paint/canvas.js").Inks & {accent: string, font: string}} Theme  colours and font of the page as it looks now */

/** @returns {Theme} */
export function readTheme() {
  return { ...readInks(), accent: pageColor("accent"), font: getComputedStyle(document.body).fontFamily };
}

/** @typedef {{size?: number, bold?: boolean, color?: string, align?: "left" | "center" | "right", room?: number}} Text */
/** @typedef {ReturnType<typeof createSheet>} Sheet */

export const LEGEND = { width: 184, height: 42 };

const BAR = 10;

/**
 * Everything is drawn in units of which the picture has `scale` pixels.
 * @param {number} scale
 * @param {Theme} theme
 */
export function createSheet(scale, theme) {
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d", { willReadFrequently: true }));
  const { canvas } = context;
  const setFont = (/** @type {number} */ size, /** @type {boolean} */ bold) => {
    context.font = `${bold ? 600 : 400} ${size}px ${theme.font}`;
  };

  return {
    canvas,
    context,
    theme,
    /** @type {(width: number, height: number) => void} */
    resize(width, height) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    },
    clear() {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillStyle = theme.panel;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.setTransform(scale, 0, 0, scale, 0, 0);
    },
    /** @type {(words: string, text?: Pick<Text, "size" | "bold">) => number} */
    measure(words, { size = 12, bold = false } = {}) {
      setFont(size, bold);
      return context.measureText(words).width;
    },
    /**
     * @param {string} words
     * @param {number} x
     * @param {number} y  of the baseline
     * @param {Text} [look]
     */
    text(words, x, y, { size = 12, bold = false, color = theme.ink, align = "left", room = Infinity } = {}) {
      setFont(size, bold);
      context.fillStyle = color;
      context.textAlign = align;
      context.fillText(shorten(words, room, (text) => context.measureText(text).width), x, y);
    },
    /** @type {(x: number, y: number, width: number, height: number, color: string) => void} */
    box(x, y, width, height, color) {
      context.fillStyle = color;
      context.fillRect(x, y, width, height);
    },
    /** @type {(picture: HTMLCanvasElement, x: number, y: number, box: {width: number, height: number}) => void} */
    picture(picture, x, y, { width, height }) {
      context.drawImage(picture, x, y, width, height);
    },
    /** @type {(x: number, y: number, legend: {numbers: string[], words: string[]}, dark: boolean) => void} */
    legend(x, y, { numbers, words }, dark) {
      const { width } = LEGEND;
      const gradient = context.createLinearGradient(x, 0, x + width, 0);
      const stops = legendStops(dark).split(", ");
      stops.forEach((stop, i) => gradient.addColorStop(i / (stops.length - 1), stop));
      context.fillStyle = gradient;
      context.fillRect(x, y, width, BAR);
      /** @type {["left", "center", "right"]} */
      const aligns = ["left", "center", "right"];
      aligns.forEach((align, i) => {
        const at = x + (i * width) / 2;
        this.text(numbers[i], at, y + BAR + 14, { align });
        this.text(words[i], at, y + BAR + 29, { size: 11, color: theme.muted, align, room: width / 2 });
      });
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Promise<Blob>}
 */
export function png(canvas) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(`the browser cannot create an image of ${canvas.width} × ${canvas.height} pixels`))), "image/png");
  });
}
