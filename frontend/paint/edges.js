/** Lines on a picture, on whole pixels of the screen: borders of segments, of players and of regions. */

import { borders, frontiers, NOBODY } from "../figures/outline.js";
import { memo } from "../model/memo.js";
import { segmentsAt } from "./pixels.js";

/** @typedef {import("../types.d.ts").ImageContent} ImageContent */

/**
 * @typedef {object} Edge
 * @property {Path2D} path  in device pixels
 * @property {number} length  device pixels
 */

// Paths that one picture keeps: those of its segments and of the players that were pointed at, at the sizes they are shown in.
const KEPT_PATHS = 200;

const pathsOf = memo((/** @type {ImageContent} */ _) => /** @type {Map<string, Edge>} */ (new Map()));

/**
 * Where a place of the image lies on the screen, so that a line of that thickness there covers whole pixels of it and stays inside.
 * @param {number} at  in pixels of the image
 * @param {number} image  its size
 * @param {number} screen  its size in device pixels
 * @param {number} thickness  in device pixels
 */
function place(at, image, screen, thickness) {
  const middle = (thickness % 2) / 2;
  return Math.min(screen - thickness / 2, Math.max(thickness / 2, Math.round((at * screen) / image) + middle));
}

/**
 * Borders at the screen's resolution, on whole pixels so that they are crisp.
 * @param {ImageContent} picture
 * @param {string} name
 * @param {() => ArrayLike<number>} find  the borders, as `borders` has them
 * @param {number} width
 * @param {number} height
 * @param {number} thickness  of the line
 * @param {{width: number, height: number}} [within]  the pixels that the borders are in
 * @returns {Edge}
 */
export function edgeOf(picture, name, find, width, height, thickness, within = picture) {
  const known = pathsOf(picture);
  const key = `${name} ${width} ${height} ${thickness}`;
  const old = known.get(key);
  if (old) return old;
  const lines = find();
  const path = new Path2D();
  let length = 0;
  for (let i = 0; i < lines.length; i += 4) {
    const [x1, x2] = [lines[i], lines[i + 2]].map((x) => place(x, within.width, width, thickness));
    const [y1, y2] = [lines[i + 1], lines[i + 3]].map((y) => place(y, within.height, height, thickness));
    path.moveTo(x1, y1);
    path.lineTo(x2, y2);
    length += Math.abs(x2 - x1) + Math.abs(y2 - y1);
  }
  if (known.size >= KEPT_PATHS) known.clear();
  const edge = { path, length };
  known.set(key, edge);
  return edge;
}

const frontiersOf = memo((/** @type {ImageContent} */ _) => /** @type {Map<string, ReturnType<typeof frontiers>>} */ (new Map()));

/** @type {(picture: ImageContent, across: number, down: number) => ReturnType<typeof frontiers>} found once for each size */
function frontiersAt(picture, across, down) {
  const known = frontiersOf(picture);
  const key = `${across} ${down}`;
  const found = known.get(key) ?? frontiers(segmentsAt(picture, across, down), across, down);
  known.set(key, found);
  return found;
}

/**
 * Borders of what is shown, and between what is for and against: those of lime's mask (`mark_boundaries`). Where the picture is small, they are found
 * in fewer pixels than the image has.
 * @param {ImageContent} picture
 * @param {Float32Array} values  (players,)
 * @param {Uint8Array} shown  (players,)
 * @param {number} width
 * @param {number} height
 * @param {number} thickness  of the line
 */
export function chosenEdge(picture, values, shown, width, height, thickness) {
  const mask = shown.map((one, player) => one * (values[player] < 0 ? 2 : 1));
  const [across, down] = [picture.width, picture.height].map((size, i) => Math.min(size, 2 * [width, height][i]));
  const find = () => {
    const { lines, pairs } = frontiersAt(picture, across, down);
    const of = (/** @type {number} */ player) => (player === NOBODY ? 0 : mask[player]);
    return lines.filter((_, i) => of(pairs[2 * (i >> 2)]) !== of(pairs[2 * (i >> 2) + 1]));
  };
  return edgeOf(picture, `chosen ${mask.join("")}`, find, width, height, thickness, { width: across, height: down });
}

/** Where each player lies: left, top, right + 1, bottom + 1. */
const bounds = memo((/** @type {ImageContent} */ { segments, width }) => {
  /** @type {number[][]} */
  const boxes = [];
  for (let i = 0; i < segments.length; i++) {
    if (segments[i] === NOBODY) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    const box = (boxes[segments[i]] ??= [x, y, x + 1, y + 1]);
    if (x < box[0]) box[0] = x;
    if (x >= box[2]) box[2] = x + 1;
    box[3] = y + 1;
  }
  return boxes;
});

/**
 * The rim of one player.
 * @param {ImageContent} picture
 * @param {number} player
 */
export function bordersOf(picture, player) {
  const [left, top, right, bottom] = bounds(picture)[player] ?? [0, 0, 0, 0];
  const [width, height] = [right - left, bottom - top];
  const own = new Uint8Array(width * height);
  for (let i = 0; i < own.length; i++) own[i] = Number(picture.segments[(top + Math.floor(i / width)) * picture.width + left + (i % width)] === player);
  return borders(own, width, height, 0).map((at, i) => at + (i % 2 ? top : left));
}

/**
 * @param {number[]} points  x, y, x, y, … in pixels of the image
 * @param {ImageContent} picture
 * @param {number} width
 * @param {number} height
 * @param {number} thickness  of the line
 */
export function polygon(points, picture, width, height, thickness) {
  const result = new Path2D();
  for (let i = 0; i < points.length; i += 2) result.lineTo(place(points[i], picture.width, width, thickness), place(points[i + 1], picture.height, height, thickness));
  result.closePath();
  return result;
}
