/** Borders between the pixels of a labelled image, as line segments. Pure. */

// The label of pixels that belong to no player: those between the images of a montage.
export const NOBODY = 0xffff;

/**
 * @param {ArrayLike<number>} labels  row-major (height, width)
 * @param {number} width
 * @param {number} height
 * @param {number | null} outside  label of what lies around the image; null draws no border along its rim
 * @returns {number[]} x1, y1, x2, y2 of each segment, in pixels; collinear neighbours are one segment
 */
export function borders(labels, width, height, outside) {
  /** @type {number[]} */
  const lines = [];
  /** @type {(x: number, y: number) => number | null} */
  const label = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? outside : labels[y * width + x]);
  /** @type {(x1: number, y1: number, x2: number, y2: number) => boolean} */
  const differ = (x1, y1, x2, y2) => {
    const first = label(x1, y1);
    const second = label(x2, y2);
    return first !== null && second !== null && first !== second;
  };
  for (let y = 0; y <= height; y++) {
    for (let x = 0, from = -1; x <= width; x++) {
      const border = x < width && differ(x, y - 1, x, y);
      if (border && from < 0) from = x;
      if (!border && from >= 0) {
        lines.push(from, y, x, y);
        from = -1;
      }
    }
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0, from = -1; y <= height; y++) {
      const border = y < height && differ(x - 1, y, x, y);
      if (border && from < 0) from = y;
      if (!border && from >= 0) {
        lines.push(x, from, x, y);
        from = -1;
      }
    }
  }
  return lines;
}

/**
 * All borders between two labels, so that those of any choice of labels are found among them without looking at pixels again.
 * @param {ArrayLike<number>} labels  row-major (height, width)
 * @param {number} width
 * @param {number} height
 * @returns {{lines: Uint16Array, pairs: Uint16Array}} lines: x1, y1, x2, y2 of each, in pixels; pairs: the labels on its two sides
 */
export function frontiers(labels, width, height) {
  /** @type {number[]} */
  const lines = [];
  /** @type {number[]} */
  const pairs = [];
  /** @type {(x: number, y: number, across: number, down: number, one: number, other: number) => void} a border one pixel long goes on where the last one ends, if it is of the same two */
  const add = (x, y, across, down, one, other) => {
    const [last, pair] = [lines.length - 4, pairs.length - 2];
    if (last >= 0 && lines[last + 2] === x && lines[last + 3] === y && pairs[pair] === one && pairs[pair + 1] === other && (across ? lines[last + 1] === y : lines[last] === x)) {
      lines[last + 2] += across;
      lines[last + 3] += down;
      return;
    }
    lines.push(x, y, x + across, y + down);
    pairs.push(one, other);
  };
  for (let y = 1; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [one, other] = [labels[(y - 1) * width + x], labels[y * width + x]];
      if (one !== other) add(x, y, 1, 0, one, other);
    }
  }
  for (let x = 1; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const [one, other] = [labels[y * width + x - 1], labels[y * width + x]];
      if (one !== other) add(x, y, 0, 1, one, other);
    }
  }
  return { lines: Uint16Array.from(lines), pairs: Uint16Array.from(pairs) };
}
