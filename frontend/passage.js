/** Colours under ink: how strongly a token or a stretch of time is shaded, and which ink is read on it. Pure. */

import { diverging } from "./color.js";

/** @typedef {import("./color.js").Rgb} Rgb */

/** What lies under a value of 0: the panel of either theme (style.css). */
export const PANEL = { light: /** @type {Rgb} */ ([255, 255, 255]), dark: /** @type {Rgb} */ ([48, 48, 48]) };

const BLACK = /** @type {Rgb} */ ([0, 0, 0]);
const WHITE = /** @type {Rgb} */ ([255, 255, 255]);

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

/**
 * @param {number} t  value / end of the scale, cut at ±1
 * @param {boolean} dark
 * @returns {{ground: Rgb, ink: Rgb}} black or white, whichever stands out more: on any ground one of them has 4.5:1
 */
export function shade(t, dark) {
  const ground = diverging(Math.max(-1, Math.min(1, t)), dark ? PANEL.dark : PANEL.light);
  return { ground, ink: contrast(BLACK, ground) >= contrast(WHITE, ground) ? BLACK : WHITE };
}

/** @param {Rgb} color */
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/**
 * The players of the selected region: of the logged ones by their part inside it, of drawn ones by number.
 * @param {import("./types.d.ts").Side} side
 * @param {import("./types.d.ts").Area[]} areas
 * @param {string} region
 * @param {number} probe
 * @returns {(player: number) => boolean}
 */
export function insideOf(side, areas, region, probe) {
  const content = side.content(probe);
  const logged = content && content.kind !== "image" ? content.regions[side.info.regions.indexOf(region)] : undefined;
  if (logged) return (player) => logged[player] > 0;
  const drawn = areas.find((area) => area.name === region && (area.probe === null || area.probe === probe))?.players;
  return (player) => Boolean(drawn?.includes(player));
}
