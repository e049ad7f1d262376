/** Arithmetic on the attributions of one probe: the end of a scale, ranks, shares, the strongest. Pure. */

/**
 * Largest |value|; 0 where there is no finite one.
 * @param {ArrayLike<number>} values
 */
export function largest(values) {
  let size = 0;
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]) > size) size = Math.abs(values[i]);
  return size;
}

/**
 * The player with the largest |value|; null where no value is finite and different from 0.
 * @param {ArrayLike<number>} values
 */
export function strongest(values) {
  let best = null;
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) > size) {
      size = Math.abs(values[i]);
      best = i;
    }
  }
  return best;
}

/**
 * Players from the largest |value| to the smallest; those without a number are left out.
 * @param {ArrayLike<number>} values
 */
export function ranked(values) {
  const players = Array.from(values, (_, player) => player).filter((player) => Number.isFinite(values[player]));
  return players.sort((one, other) => Math.abs(values[other]) - Math.abs(values[one]) || one - other);
}

/**
 * The |value| from which on a player belongs to the strongest k per cent (always at least one player).
 * @param {Float32Array} values  (players,)
 * @param {number} percent  0 to 100
 */
export function strongestThreshold(values, percent) {
  if (percent >= 100) return 0;
  const sizes = [...values].map(Math.abs).filter(Number.isFinite).sort((x, y) => y - x);
  if (!sizes.length) return 0;
  return sizes[Math.max(0, Math.round((sizes.length * percent) / 100) - 1)];
}

/** @typedef {Pick<import("../types.d.ts").State, "sign" | "top" | "strongest">} Choice  which players are shown */

/** @type {(choice: Choice) => boolean} whether some players may be left out */
export const leavesOut = ({ sign, top, strongest }) => sign !== "both" || top !== null || strongest < 100;

/**
 * The players that are shown: those of the chosen sign, and of them the strongest k, or the strongest k per cent. The sign comes first, as in
 * `get_image_and_mask` of the lime package.
 * @param {Float32Array} values  (players,)
 * @param {Choice} choice
 * @returns {Uint8Array | null} (players,) 1 where a player is shown; null where all are
 */
export function chosen(values, choice) {
  if (!leavesOut(choice)) return null;
  const { sign, top, strongest } = choice;
  const own = sign === "both" ? values : values.map((value) => ((sign === "for" ? value > 0 : value < 0) ? value : NaN));
  const shown = new Uint8Array(values.length);
  if (top !== null) {
    for (const player of ranked(own).slice(0, top)) shown[player] = 1;
    return shown;
  }
  const threshold = strongestThreshold(own, strongest);
  for (let player = 0; player < own.length; player++) if (Math.abs(own[player]) >= threshold) shown[player] = 1;
  return shown;
}

/**
 * Where one player stands among all.
 * @param {Float32Array} values  (players,), NaN past the last player
 * @param {number} player
 * @returns {{value: number, rank: number, of: number, share: number} | null} share of the sum of |value|; null where there is no number
 */
export function standing(values, player) {
  const value = values[player];
  if (!Number.isFinite(value)) return null;
  let of = 0;
  let total = 0;
  let above = 0;
  for (const other of values) {
    if (!Number.isFinite(other)) continue;
    of += 1;
    total += Math.abs(other);
    if (Math.abs(other) > Math.abs(value)) above += 1;
  }
  return { value, rank: above + 1, of, share: total > 0 ? Math.abs(value) / total : 0 };
}

/**
 * a − b for each player.
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
export function difference(a, b) {
  return a.map((value, i) => value - b[i]);
}

/**
 * Whether an explanation holds no number at all: the gap that the page hatches.
 * @param {Float32Array} values
 */
export function isBlank(values) {
  return !values.some(Number.isFinite);
}

/**
 * Whether an explanation has numbers, and all of them are 0.
 * @param {Float32Array} values
 */
export function isZero(values) {
  return !isBlank(values) && values.every((value) => !(Math.abs(value) > 0));
}
