/** A region while it is being drawn: dragged with a pointer, or moved and sized with the arrow keys. Pure but for its memory. */

import { box, covers, simplified } from "./areas.js";

/** @typedef {{width: number, height: number}} Size */

export function createDraft() {
  /** @type {number[] | null} x, y, x, y, … of the way so far */
  let way = null;
  /** @type {number[] | null} corners */
  let shape = null;

  return {
    /** Corners of what is drawn so far; null for nothing. */
    shape: () => shape,
    clear() {
      way = shape = null;
    },
    /** @param {number[]} point  x, y in pixels of the image */
    start(point) {
      way = point;
      shape = null;
    },
    /**
     * @param {number[]} point
     * @param {"box" | "lasso"} tool
     * @param {Size} image
     */
    move(point, tool, image) {
      if (!way) return;
      if (tool === "box") {
        shape = box(way, point, image.width, image.height);
        return;
      }
      const inside = [Math.min(image.width, Math.max(0, point[0])), Math.min(image.height, Math.max(0, point[1]))];
      way = [...way, ...inside];
      shape = way;
    },
    /**
     * @param {"box" | "lasso"} tool
     * @param {Size} image
     * @returns {number[] | null} corners; null where too little was drawn to be meant
     */
    finish(tool, image) {
      const done = shape && (tool === "lasso" ? simplified(shape, Math.max(image.width, image.height)) : shape);
      way = shape = null;
      return done && covers(done, image.width, image.height) ? done : null;
    },
    /**
     * Arrows move a box that begins in the middle, with Shift its lower right corner.
     * @param {{key: string, shiftKey: boolean}} event
     * @param {Size} image
     * @returns {boolean} whether the key meant something
     */
    key({ key, shiftKey }, { width, height }) {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
      if (!way) return false;
      const [left, top, , , right, bottom] = shape ?? box([(3 * width) / 8, (3 * height) / 8], [(5 * width) / 8, (5 * height) / 8], width, height);
      // A 28th of the image, so that photographs are crossed in as many presses as digits.
      const [dx, dy] = [way[0] * Math.max(1, Math.round(width / 28)), way[1] * Math.max(1, Math.round(height / 28))];
      if (shiftKey) {
        shape = box([left, top], [Math.max(left + 1, right + dx), Math.max(top + 1, bottom + dy)], width, height);
        return true;
      }
      const [x, y] = [Math.min(width - right, Math.max(-left, dx)), Math.min(height - bottom, Math.max(-top, dy))];
      shape = box([left + x, top + y], [right + x, bottom + y], width, height);
      return true;
    },
  };
}
