/** Where the frames of a filmstrip stand on a sheet. Pure. */

export const GAP = 4;

const LINE_GAP = 10;
const LABEL = 16;
// Epochs side by side up to here; more of them break into lines of equal length.
const MOST_PER_LINE = 20;
const USUAL_WIDTH = 960;
const LEAST_FRAME = 64;
const MOST_FRAME = 128;

/**
 * @param {number} count  of frames
 * @param {number} rows  runs, one below the other
 * @param {(size: number) => {width: number, height: number}} fit  a picture whose longer side is so long
 */
export function filmGrid(count, rows, fit) {
  const lines = Math.ceil(count / MOST_PER_LINE);
  const perLine = Math.ceil(count / lines);
  const size = Math.max(LEAST_FRAME, Math.min(MOST_FRAME, Math.floor(USUAL_WIDTH / perLine) - GAP));
  const frame = fit(size);
  // A narrow picture still needs room for the number below it.
  const across = Math.max(frame.width, LEAST_FRAME / 2) + GAP;
  const down = frame.height + GAP;
  const line = rows * down + LABEL + LINE_GAP;
  return {
    lines,
    perLine,
    size,
    frame,
    width: perLine * across - GAP,
    height: lines * line - LINE_GAP,
    /** @type {(i: number, row: number) => {x: number, y: number}} upper left corner */
    place: (i, row) => ({ x: (i % perLine) * across, y: Math.floor(i / perLine) * line + row * down }),
    /** @type {(i: number) => {x: number, y: number}} middle of the number's baseline */
    label: (i) => ({ x: (i % perLine) * across + frame.width / 2, y: Math.floor(i / perLine) * line + rows * down + LABEL - 5 }),
    /** @type {(line: number, row: number) => number} middle of a row of a line */
    middle: (at, row) => at * line + row * down + frame.height / 2,
  };
}
