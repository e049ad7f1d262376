/** Colours: one diverging scale for attributions, one palette for runs. Pure arithmetic. */

/** @typedef {[number, number, number]} Rgb */

// Crimson and blue differ in lightness and hue for readers with any of the common colour deficiencies.
/** @type {Rgb} */
export const FOR = [200, 0, 64];
/** @type {Rgb} */
export const AGAINST = [16, 100, 210];

/**
 * Greys an image is drawn in under a tint: black and white are pulled in, so that a tint shows on both. In the dark
 * theme black melts into the page. The image keeps its polarity: what was lighter stays lighter.
 */
export const GREYS = { light: { black: 84, white: 255 }, dark: { black: 42, white: 242 } };

/** Bars of one colour, and what is written on them. On a dark panel the ends of the diverging scale are too dark for thin bars: they are lighter there. */
export const BARS = {
  light: { positive: "#c80040", negative: "#1064d2", on: "#fff" },
  dark: { positive: "#eb4874", negative: "#5c96f5", on: "#000" },
};

/** A feature's value from low to high: grey violet to yellow, by lightness first; none of it is a run's colour or an attribution's. */
const FEATURE_VALUES = {
  light: { low: /** @type {Rgb} */ ([84, 76, 124]), high: /** @type {Rgb} */ ([242, 200, 0]) },
  dark: { low: /** @type {Rgb} */ ([128, 118, 172]), high: /** @type {Rgb} */ ([255, 226, 64]) },
};

/** What stands where players are hidden: a grey with a little blue, so that it is not taken for one of the picture's own. */
export const HIDDEN = { light: /** @type {Rgb} */ ([206, 207, 211]), dark: /** @type {Rgb} */ ([74, 75, 79]) };

/** The colour of outlines in the picture that LIME's users know. */
export const YELLOW = "#ffff00";

/** @type {(hex: string) => Rgb} of #rrggbb */
export const rgbOf = (hex) => /** @type {Rgb} */ ([1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** @type {(color: Rgb) => boolean} whether it is lighter than a middle grey */
export const isLight = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b > 127;

/** What zero looks like on a map. */
export const NEUTRAL = { light: /** @type {Rgb} */ ([244, 244, 246]), dark: /** @type {Rgb} */ ([64, 64, 66]) };

/**
 * Run colours, as [light theme, dark theme]: clear of crimson and blue (attribution) and of orange (TensorBoard's
 * colour of what is selected), at least 4.5:1 on any background of either theme: run names are written in them.
 */
export const RUN_COLORS = [
  ["#00786e", "#2dc5b7"],
  ["#647200", "#b7c840"],
  ["#8a3fc4", "#ca9df2"],
  ["#8a5a3c", "#d2a789"],
  ["#5b6773", "#a9b6c2"],
  ["#2e7b31", "#79c97d"],
  ["#826816", "#dcc06a"],
  ["#5c4d9a", "#b3a9e4"],
  ["#a8409a", "#ea9fe0"],
  ["#2a7289", "#86c5da"],
];

/**
 * How much colour a value gets. Slightly concave: a fifth of the largest value is still seen on a grey picture.
 * @param {number} t  |value| / largest, 0 to 1
 */
export function emphasis(t) {
  return Math.min(1, t) ** 0.8;
}

/**
 * The same on a map. From a dark middle the first steps toward a dark end are hardly seen: there they are larger.
 * @param {number} t
 * @param {Rgb} neutral
 */
const departure = (t, neutral) => (neutral[0] < 128 ? Math.min(1, t) ** 0.55 : emphasis(t));

/**
 * The colour of a value on a map.
 * @param {number} t  value / largest, -1 to 1
 * @param {Rgb} neutral
 * @returns {Rgb}
 */
export function diverging(t, neutral) {
  const [r, g, b] = t > 0 ? FOR : AGAINST;
  const weight = departure(Math.abs(t), neutral);
  const mix = (/** @type {number} */ from, /** @type {number} */ to) => Math.round(from + (to - from) * weight);
  return [mix(neutral[0], r), mix(neutral[1], g), mix(neutral[2], b)];
}

/**
 * The tint of each player: colour by sign, alpha by size. Zero has no tint; NaN has none either.
 * @param {Float32Array} values  (players,)
 * @param {number} largest  end of the scale; > 0
 * @param {number} opacity  alpha of the largest value, 0 to 1
 * @param {Uint8Array | null} shown  (players,) 1 where a player is shown: others get no tint; null where all are
 * @returns {Uint8ClampedArray} (players, 4) RGBA
 */
export function tints(values, largest, opacity, shown) {
  const out = new Uint8ClampedArray(values.length * 4);
  for (let player = 0; player < values.length; player++) {
    const value = values[player];
    const size = Math.abs(value);
    if (!(size > 0) || shown?.[player] === 0) continue;
    const [r, g, b] = value > 0 ? FOR : AGAINST;
    const at = player * 4;
    out[at] = r;
    out[at + 1] = g;
    out[at + 2] = b;
    out[at + 3] = 255 * opacity * emphasis(size / largest);
  }
  return out;
}

/**
 * Stops of the legend's bar, from the most negative to the most positive.
 * @param {boolean} dark
 */
export function legendStops(dark) {
  const neutral = dark ? NEUTRAL.dark : NEUTRAL.light;
  return Array.from({ length: 21 }, (_, i) => `rgb(${diverging(i / 10 - 1, neutral).join(" ")})`).join(", ");
}

/**
 * The colour of a feature's value among those of all probes.
 * @param {number} t  0 (low) to 1 (high)
 * @param {boolean} dark
 */
export function featureColor(t, dark) {
  const { low, high } = FEATURE_VALUES[dark ? "dark" : "light"];
  const at = Math.min(1, Math.max(0, t));
  return `rgb(${low.map((from, i) => Math.round(from + (high[i] - from) * at)).join(" ")})`;
}

/**
 * A run's palette number: by its name alone, so that it is the same on every page. Where runs that are drawn together would share one, or one would
 * be taken for that of A or B, the later ones take the next that is free; more runs than colours share again.
 * @param {string} run
 * @param {string[]} together  runs that are drawn, the most important first
 */
export function paletteNumber(run, together) {
  const count = RUN_COLORS.length;
  /** @type {number[]} */
  const taken = [];
  for (const other of together) {
    const own = hash(other) % count;
    const free = Array.from({ length: count }, (_, i) => (own + i) % count).filter((one) => !taken.includes(one));
    const number = free.find((one) => taken.slice(0, 2).every((first) => unlike(one, first))) ?? free[0] ?? own;
    if (other === run) return number;
    taken.push(number);
  }
  return hash(run) % count;
}

// Distance in OKLab, both themes together, from which two thin lines can be told apart.
const UNLIKE = 0.3;

/** @type {(one: number, other: number) => boolean} */
function unlike(one, other) {
  const apart = [0, 1].map((theme) => {
    const [x, y] = [one, other].map((number) => oklab(RUN_COLORS[number][theme]));
    return Math.hypot(...x.map((part, i) => part - y[i]));
  });
  return apart[0] + apart[1] >= UNLIKE;
}

/**
 * Lightness, green to red, blue to yellow: https://bottosson.github.io/posts/oklab.
 * @param {string} hex
 */
function oklab(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/**
 * FNV-1a, mixed once more: its low bits alone are alike for names that are.
 * @param {string} text
 */
function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d) >>> 0;
  return (value ^ (value >>> 15)) >>> 0;
}

/**
 * @param {number} number  palette number
 * @param {boolean} dark
 */
export function runColor(number, dark) {
  return RUN_COLORS[number % RUN_COLORS.length][dark ? 1 : 0];
}
