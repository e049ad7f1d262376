/** Numbers along an axis: where they lie, which of them are written, which of several lines is meant. Pure. */

/** Pixels that an axis leaves free at either end. */
const PAD = 6;

/**
 * Where a value lies on an axis.
 * @param {[number, number]} domain
 * @param {number} width
 * @returns {(value: number) => number} px
 */
export function axis([low, high], width) {
  const room = Math.max(1, width - 2 * PAD);
  return (value) => PAD + ((value - low) / (high - low || 1)) * room;
}

/**
 * Round numbers for an axis, 1, 2 or 5 times a power of ten apart, where that leaves one alone also 3 or 4 times, 0 among them where it is in view.
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {number[]}
 */
export function ticks(low, high, most) {
  const span = high - low;
  if (!(span > 0) || most < 1) return [];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const counted = (/** @type {number} */ size) => Math.floor(high / size) - Math.ceil(low / size) + 1;
  const finest = (/** @type {number[]} */ factors) => factors.map((factor) => factor * power).find((size) => counted(size) <= most) ?? 10 * power;
  const usual = finest([1, 2, 5]);
  // One number alone does not tell how long anything is.
  const step = counted(usual) < 2 && most > 1 ? finest([1, 2, 3, 4, 5]) : usual;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)) || 0);
}

/**
 * Of lines beside each other, the one nearest to the pointer, of equals the one on top.
 * @param {number[]} heights  px; NaN where a line has no number there
 * @param {number} at  px
 * @param {number} near  px
 * @returns {number | null} its place; null where none is near
 */
export function nearestLine(heights, at, near) {
  const away = heights.map((height) => (Number.isFinite(height) ? Math.abs(height - at) : Infinity));
  const least = Math.min(...away);
  return least <= near ? away.lastIndexOf(least) : null;
}
