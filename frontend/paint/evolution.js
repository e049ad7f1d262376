/** Draws players over epochs on a canvas: one row a player, one column an epoch. What is beyond the end of the scale has the colours beyond it, and a notch. */

import { NEUTRAL } from "../figures/color.js";
import { binned, binStarts, rowOf } from "../figures/evolution.js";
import { colored } from "../figures/passage.js";
import { cleared, hatch, inkOf } from "./canvas.js";

/** @typedef {import("../figures/evolution.js").Matrix} Matrix */

// Px of the notch in the corner of a cell, and of a cell that has room for it.
const NOTCH = 4;
const LEAST_CELL = 9;

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
      out.set([...colored(value / end, neutral, dark), 255], (row * bins + bin) * 4);
    });
  });
  return out;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} key  changes whenever the matrix does
 * @param {{width: number, row: number}} size  CSS pixels, of all columns and of one row
 * @param {Matrix} matrix
 * @param {number[]} players
 * @param {number} end
 * @param {boolean} dark
 */
export function paintHeat(canvas, key, { width, row }, matrix, players, end, dark) {
  const px = devicePixelRatio;
  const context = cleared(canvas, width, row * players.length, [key, players, end, dark].join());
  if (!context) return;
  const starts = binStarts(matrix.places, canvas.width);
  const bins = starts.length - 1;
  const small = document.createElement("canvas");
  small.width = bins;
  small.height = players.length;
  small.getContext("2d")?.putImageData(new ImageData(cells(matrix, players, starts, () => end, dark), bins, players.length), 0, 0);
  // What is not in the record; numbers are drawn over it.
  hatch(context, { x: 0, y: 0, width, height: row * players.length }, 7, dark ? "#5a5a5a" : "#dddddd");
  // From here on in pixels of the screen.
  context.setTransform(1, 0, 0, 1, 0, 0);
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
  if (wide < LEAST_CELL * px) return;
  context.fillStyle = inkOf(dark).panel;
  players.forEach((player, i) => {
    if (player >= matrix.players) return;
    rowOf(matrix, player).forEach((value, place) => {
      if (!(Math.abs(value) > end)) return;
      const [right, top] = [Math.round((place + 1) * wide) - line, Math.round(i * row * px)];
      context.beginPath();
      context.moveTo(right - NOTCH * px, top);
      context.lineTo(right, top);
      context.lineTo(right, top + NOTCH * px);
      context.fill();
    });
  });
}
