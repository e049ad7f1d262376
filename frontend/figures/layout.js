/** Arithmetic of boxes: what fits, what is in view. Pure. */

export const FRAME_GAP = 4;

/**
 * The largest box of an image's proportions within a square.
 * @param {number} width
 * @param {number} height
 * @param {number} side
 * @returns {{width: number, height: number}}
 */
export function fit(width, height, side) {
  const scale = side / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/**
 * Which items of a strip are in view, with one spare on either side.
 * @param {number} scroll  px scrolled
 * @param {number} width  px in view
 * @param {number} item  px an item takes, its gap included
 * @param {number} count
 * @returns {[number, number]} first and last + 1
 */
export function inView(scroll, width, item, count) {
  const first = Math.max(0, Math.floor(scroll / item) - 1);
  return [Math.min(first, count), Math.min(count, Math.ceil((scroll + width) / item) + 1)];
}

/**
 * Where to scroll a strip so that an item shows whole; the same place where it shows already.
 * @param {number} scroll
 * @param {number} width
 * @param {number} item
 * @param {number} index
 */
export function reveal(scroll, width, item, index) {
  if (index * item < scroll) return index * item;
  if ((index + 1) * item > scroll + width) return (index + 1) * item - width;
  return scroll;
}

/**
 * Size of a filmstrip's frames: all epochs in view where that leaves them large enough, else the usual size in a strip
 * that scrolls.
 * @param {number} width  px for the strip
 * @param {number} count
 * @param {{least: number, usual: number, most: number, gap: number}} limits
 */
export function frameSize(width, count, { least, usual, most, gap }) {
  const even = Math.floor(width / Math.max(1, count)) - gap;
  return even >= least ? Math.min(most, even) : usual;
}

/**
 * Sizes that grow with the window: the page shows everything at once at 1440 × 836, larger windows give it to pictures.
 * @param {number} height  px of the window
 * @param {number} rows  of the filmstrip
 * @returns {{card: number, frame: number, largest: number}} px of a card's picture, of a frame, and of a frame where few epochs leave room
 */
export function pictureSizes(height, rows) {
  const spare = Math.max(0, height - 836);
  const grown = (/** @type {number} */ size) => Math.min(144, Math.round(size + spare / 16));
  return { card: height >= 1200 ? 96 : 64, frame: grown(rows === 1 ? 60 : 48), largest: grown(rows === 1 ? 72 : 48) };
}

// px beside the filmstrip: the rail, margins and a scroll bar; between its two blocks; and the least frame worth having there.
const BESIDE_FILM = 306;
export const BETWEEN_BLOCKS = 20;
const LEAST_ABREAST = 44;
// A part of the width that two rows of frames may leave empty.
const EMPTY = 0.4;

/**
 * Size of the frames where those of A and of B stand side by side in one row: few epochs would leave half of two rows empty, and the height of one of them is
 * better spent on the pictures above.
 * @param {{width: number, height: number}} window  px
 * @param {number} count  epochs
 * @param {number} rows
 * @param {number} [em]  how large text is: below a frame stands its epoch
 * @returns {number} px; 0 where they stand in rows
 */
export function abreast({ width, height }, count, rows, em = 1) {
  if (rows !== 2) return 0;
  const room = width - BESIDE_FILM;
  const even = Math.floor((room - BETWEEN_BLOCKS + 2 * FRAME_GAP) / (2 * count)) - FRAME_GAP;
  const empty = 1 - (count * (pictureSizes(height, rows).largest + FRAME_GAP)) / room;
  return even >= LEAST_ABREAST * em && empty > EMPTY ? Math.min(pictureSizes(height, 1).largest * em, even) : 0;
}

/**
 * Moves labels apart that would lie on each other: downward, and back up where the room ends. Sorts them.
 * @param {{y: number}[]} labels  changed in place
 * @param {number} height  of one
 * @param {number} bottom  lowest place
 */
export function spreadApart(labels, height, bottom) {
  labels.sort((one, other) => one.y - other.y);
  for (let i = 1; i < labels.length; i++) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + height);
  let free = bottom;
  for (const label of [...labels].reverse()) {
    label.y = Math.min(label.y, free);
    free = label.y - height;
  }
}
