/** How far A and B are apart over the epochs, as a curve with its noise. Pure. */

import { memo } from "./memo.js";

/** @typedef {import("./types.d.ts").Compared} Compared */

/**
 * (rows,) the median of what of the distance is noise, over the same probes as the typical distance: those that both answer right, all where there are
 * none.
 * @type {(compared: Compared) => (probes: number) => Float32Array}
 */
export const noiseApart = memo((/** @type {Compared} */ compared) => {
  /** @type {Float32Array | null} */
  let known = null;
  return (probes) => {
    known ??= Float32Array.from(compared.steps, (step) => {
      const all = Array.from({ length: probes }, (_, probe) => probe).filter((probe) => Number.isFinite(compared.distance(probe, step)));
      const right = all.filter((probe) => compared.bothRight(probe, step));
      return median((right.length ? right : all).map((probe) => compared.floor(probe, step)));
    });
    return known;
  };
});

/** @param {number[]} values */
function median(values) {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length === 0 ? NaN : sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
