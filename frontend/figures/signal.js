/** Arithmetic of a series' picture: rows of channels, lowest and highest value of each column of pixels, numbers on an axis. Pure. */

/** Heights in CSS pixels, where text has its usual size: the attribution's own row below the channels and its part of a high picture, a channel's name, the numbers of the time axis, what a channel takes at least. */
const BARS = 40;
const MOST_BARS = 120;
const OF_BARS = 0.22;
const NAME = 13;
const TIME = 16;
const LEAST_ROW = 34;
const LEAST_NAMED = 22;
const GAP = 4;

/**
 * @param {number} height  that there is
 * @param {number} channels
 * @param {boolean} named  whether each has its name above it
 * @param {number} [em]  how large text is
 * @returns {{height: number, rows: {top: number, height: number}[], bars: {top: number, height: number}}} height: more than there is where the channels need it; rows: without the names
 */
export function signalRows(height, channels, named, em = 1) {
  const [name, time] = [named ? NAME * em : 0, TIME * em];
  const bars = Math.max(BARS * em, Math.min(MOST_BARS * em, Math.round(OF_BARS * height)));
  const least = channels * (name + (named ? LEAST_NAMED : LEAST_ROW) * em + GAP) + bars + time;
  const total = Math.max(height, least);
  const band = (total - bars - time) / channels - GAP;
  return {
    height: total,
    rows: Array.from({ length: channels }, (_, i) => ({ top: i * (band + GAP) + name, height: band - name })),
    bars: { top: total - bars - time, height: bars - GAP / 2 },
  };
}

/**
 * Lowest and highest value of a channel in each column of pixels, so that no spike is lost where steps are more than columns.
 * @param {import("../types.d.ts").Signal} signal
 * @param {number} channel
 * @param {number} columns  at most as many as steps
 * @returns {{low: Float32Array, high: Float32Array}}
 */
export function extremes({ series, length, channels }, channel, columns) {
  const low = new Float32Array(columns).fill(NaN);
  const high = new Float32Array(columns).fill(NaN);
  for (let step = 0; step < length; step++) {
    const value = series[step * channels + channel];
    if (!Number.isFinite(value)) continue;
    const column = Math.floor((step * columns) / length);
    if (!(value >= low[column])) low[column] = value;
    if (!(value <= high[column])) high[column] = value;
  }
  return { low, high };
}

/**
 * Runs of steps whose players pass a test: what is outlined as one.
 * @param {ArrayLike<number>} segments  (length,) the player of each step
 * @param {(player: number) => boolean} test
 * @returns {[number, number][]} first and last step
 */
export function runsOf(segments, test) {
  /** @type {[number, number][]} */
  const runs = [];
  let open = false;
  for (let step = 0; step < segments.length; step++) {
    const inside = test(segments[step]);
    if (inside && open) runs[runs.length - 1][1] = step;
    if (inside && !open) runs.push([step, step]);
    open = inside;
  }
  return runs;
}
