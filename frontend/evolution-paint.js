/** Draws players over epochs on a canvas: one row a player, one column an epoch. */

import { diverging, NEUTRAL } from "./color.js";
import { binned, binStarts, rowOf } from "./evolution.js";

/** @typedef {import("./evolution.js").Matrix} Matrix */

/**
 * The cells in bytes, one a bin and player; what has no number stays transparent.
 * @param {Matrix} matrix
 * @param {number[]} players  the rows
 * @param {Int32Array} starts  of the bins
 * @param {(player: number) => number} endOf  end of the scale; > 0
 * @param {boolean} dark
 * @returns {Uint8ClampedArray<ArrayBuffer>} (players, bins, 4) RGBA
 */
export function cells(matrix, players, starts, endOf, dark) {
  const bins = starts.length - 1;
  const out = new Uint8ClampedArray(players.length * bins * 4);
  const neutral = dark ? NEUTRAL.dark : NEUTRAL.light;
  players.forEach((player, row) => {
    if (player >= matrix.players) return;
    const end = endOf(player);
    binned(rowOf(matrix, player), starts).forEach((value, bin) => {
      if (!Number.isFinite(value)) return;
      out.set([...diverging(Math.max(-1, Math.min(1, value / end)), neutral), 255], (row * bins + bin) * 4);
    });
  });
  return out;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, row: number}} size  CSS pixels, of all columns and of one row
 * @param {Matrix} matrix
 * @param {number[]} players
 * @param {number} end
 * @param {boolean} dark
 */
export function paintHeat(canvas, { width, row }, matrix, players, end, dark) {
  const px = devicePixelRatio;
  canvas.width = Math.round(width * px);
  canvas.height = Math.round(row * players.length * px);
  canvas.style.width = `${canvas.width / px}px`;
  canvas.style.height = `${canvas.height / px}px`;
  if (!canvas.width || !canvas.height) return;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const starts = binStarts(matrix.places, canvas.width);
  const bins = starts.length - 1;
  const small = document.createElement("canvas");
  small.width = bins;
  small.height = players.length;
  small.getContext("2d")?.putImageData(new ImageData(cells(matrix, players, starts, () => end, dark), bins, players.length), 0, 0);
  hatch(context, dark);
  // Each column ends on a whole pixel of the screen.
  context.imageSmoothingEnabled = false;
  const wide = canvas.width / matrix.places;
  const line = Math.max(1, Math.round(px / 2));
  for (let i = 0; i < bins; i++) {
    const left = Math.round(starts[i] * wide);
    const right = Math.round(starts[i + 1] * wide);
    context.drawImage(small, i, 0, 1, players.length, left, 0, Math.max(1, right - left - (wide >= 8 * px ? line : 0)), canvas.height);
  }
  // Thin lines between the rows: the ground shows.
  for (let i = 1; i <= players.length; i++) context.clearRect(0, Math.round(i * row * px) - line, canvas.width, line);
}

/**
 * What is not in the record; numbers are drawn over it.
 * @param {CanvasRenderingContext2D} context
 * @param {boolean} dark
 */
function hatch(context, dark) {
  const { width, height } = context.canvas;
  context.strokeStyle = dark ? "#5a5a5a" : "#dddddd";
  context.lineWidth = devicePixelRatio;
  context.beginPath();
  for (let x = -height; x < width; x += 7 * devicePixelRatio) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
}
