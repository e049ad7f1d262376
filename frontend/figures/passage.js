/** Colours under ink: how strongly a token or a stretch of time is shaded, and which ink is read on it. Pure. */

import { diverging } from "./color.js";

/** @typedef {import("./color.js").Rgb} Rgb */

/** What lies under a value of 0: the panel of either theme (styles/page.css). */
export const PANEL = { light: /** @type {Rgb} */ ([255, 255, 255]), dark: /** @type {Rgb} */ ([48, 48, 48]) };

const BLACK = /** @type {Rgb} */ ([0, 0, 0]);
const WHITE = /** @type {Rgb} */ ([255, 255, 255]);

/** What the colours beyond the end of the scale go toward: away from the panel, as those before it do. */
const BEYOND = {
  light: { positive: /** @type {Rgb} */ ([64, 0, 20]), negative: /** @type {Rgb} */ ([2, 24, 74]) },
  dark: { positive: /** @type {Rgb} */ ([255, 196, 210]), negative: /** @type {Rgb} */ ([190, 218, 255]) },
};

// Of the scale's colours under words on a light panel: up to its end black is read on them, so that like colours have the same ink.
const UNDER_WORDS = 0.77;

/**
 * Relative luminance (WCAG 2.2).
 * @param {Rgb} color
 */
export function luminance(color) {
  const [r, g, b] = color.map((value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/**
 * @param {Rgb} one
 * @param {Rgb} other
 */
export function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** @type {(from: Rgb, to: Rgb, part: number) => Rgb} */
const mix = (from, to, part) => /** @type {Rgb} */ (from.map((value, i) => Math.round(value + (to[i] - value) * part)));

/**
 * The colour of a value on a map. Beyond the end of the scale it goes on, by how many times the end the value is: 2 ends are half of the way.
 * @param {number} t  value / end of the scale
 * @param {Rgb} neutral  what 0 looks like
 * @param {boolean} dark
 * @returns {Rgb}
 */
export function colored(t, neutral, dark) {
  const size = Math.abs(t);
  if (!(size > 1)) return diverging(t, neutral);
  return mix(diverging(Math.sign(t), neutral), BEYOND[dark ? "dark" : "light"][t > 0 ? "positive" : "negative"], 1 - 1 / size);
}

/**
 * The ground of a stretch of time.
 * @param {number} t  value / end of the scale
 * @param {boolean} dark
 */
export const ground = (t, dark) => colored(t, dark ? PANEL.dark : PANEL.light, dark);

/**
 * The ground of words, and their ink.
 * @param {number} t  value / end of the scale
 * @param {boolean} dark
 * @returns {{ground: Rgb, ink: Rgb}} black or white, whichever stands out more: on any ground one of them has 4.5:1, and up to the end of the scale it is
 *   that of the theme
 */
export function shade(t, dark) {
  const end = Math.max(1, Math.abs(t));
  const full = ground(t, dark);
  const under = dark ? full : mix(PANEL.light, full, UNDER_WORDS + (1 - UNDER_WORDS) * (1 - 1 / end));
  return { ground: under, ink: contrast(BLACK, under) >= contrast(WHITE, under) ? BLACK : WHITE };
}

// Hatching lets the panel through between its lines: what is within noise never gets the ink of a colour beyond the scale, which would not be read there.
const NOISE = 0.4;

/** @type {(t: number) => number} the place on the scale at which a value within noise is drawn */
export const faded = (t) => Math.max(-1, Math.min(1, NOISE * t));

/** @param {Rgb} color */
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
