/** The place of a picture under the pointer, and its player. */

import { NOBODY } from "./outline.js";

/** @typedef {import("../types.d.ts").ImageContent} ImageContent */

/**
 * Where the pointer is: x, y in pixels of the image.
 * @param {MouseEvent} event
 * @param {ImageContent} picture
 * @param {HTMLElement} canvas  that shows the picture
 */
export function pointAt(event, picture, canvas) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * picture.width, ((event.clientY - box.top) / box.height) * picture.height];
}

/**
 * The player under the pointer.
 * @param {MouseEvent} event
 * @param {ImageContent} picture
 * @param {HTMLElement} canvas  that shows the picture
 */
export function playerAt(event, picture, canvas) {
  const [x, y] = pointAt(event, picture, canvas).map(Math.floor);
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return null;
  const player = picture.segments[y * picture.width + x];
  return player === NOBODY ? null : player;
}
