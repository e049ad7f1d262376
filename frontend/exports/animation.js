/** The selected probe through all epochs as an animated GIF: A, B and their difference, with what a reader needs to know. */

import { NEUTRAL, diverging } from "../figures/color.js";
import { thin } from "../figures/thinning.js";
import { ofDifference } from "../model/look.js";
import { GIFEncoder, nearestColorIndex, quantize } from "../vendor/gifenc.esm.js";
import { caption, epochWords, legendWords, lines, sidesOf, title } from "./captions.js";
import { fileName } from "./file.js";
import { boxOf, createPainter } from "./pictures.js";
import { LEGEND, createSheet, readTheme } from "./sheet.js";

/** @typedef {[number, number, number]} Rgb */

// 200 epochs and the untrained model.
const MOST_FRAMES = 201;
const MARGIN = 14;
const GAP = 10;
const LINE = 17;
const HEAD = 22;
// Pixels of a picture: three stand side by side in an issue, one has more room.
const PICTURE = { one: 400, three: 280 };

const WHOLE_MS = 8000;
const LEAST_MS = 60;
const MOST_MS = 500;
const LAST_MS = 2500;

// One table for all frames, or colours would flicker; its last entry says "as before".
const COLORS = 255;
const LEGEND_COLORS = 33;
const SAMPLED_FRAMES = 8;
const SAMPLED_EVERY = 3;

/** @type {import("./file.js").Export} */
export async function animation({ data, state, progress, breathe }) {
  const thinned = thin(data.cursor.steps, MOST_FRAMES);
  const { places } = thinned;
  const draw = createFrames(data, state, thinned);
  const { canvas, context, theme } = draw.sheet;
  const pixelsOf = (/** @type {number} */ place) => {
    draw.frame(place);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };

  progress("GIF…");
  /** @type {number[]} */
  const samples = [];
  const named = [theme.panel, theme.ink, theme.muted, theme.line, theme.accent, ...sidesOf(data).map(({ color }) => color)];
  // Few pixels have these colours, and readers compare them: they are not left to chance.
  const fixed = [...named.map(rgb), ...Array.from({ length: LEGEND_COLORS }, (_, i) => diverging((2 * i) / (LEGEND_COLORS - 1) - 1, state.dark ? NEUTRAL.dark : NEUTRAL.light))];
  for (const place of spaced(places, SAMPLED_FRAMES)) {
    const pixels = pixelsOf(place);
    for (let i = 0; i < pixels.length; i += 4 * SAMPLED_EVERY) samples.push(pixels[i], pixels[i + 1], pixels[i + 2], 255);
    await breathe();
  }
  const palette = [...fixed, ...quantize(new Uint8Array(samples), COLORS - fixed.length)];
  await breathe();

  const gif = GIFEncoder();
  const index = createIndexer(palette);
  const delay = Math.max(LEAST_MS, Math.min(MOST_MS, WHOLE_MS / places.length));
  /** @type {Uint8Array | null} */
  let before = null;
  for (const [i, place] of places.entries()) {
    progress(`GIF ${i + 1} of ${places.length}`);
    const now = index(pixelsOf(place));
    const last = i === places.length - 1;
    gif.writeFrame(before ? changed(now, before, palette.length) : now, canvas.width, canvas.height, {
      ...(before ? { transparent: true, transparentIndex: palette.length } : { palette: [...palette, [0, 0, 0]], repeat: 0 }),
      delay: last ? LAST_MS : delay,
      dispose: 1,
    });
    before = now;
    await breathe();
  }
  gif.finish();
  return { blob: new Blob([gif.bytes()], { type: "image/gif" }), name: fileName(data, "epochs", "gif") };
}

/**
 * @param {import("../types.d.ts").Data} data
 * @param {import("../types.d.ts").State} state
 * @param {import("../figures/thinning.js").Thinned} thinned
 */
function createFrames(data, state, thinned) {
  const sides = sidesOf(data);
  const { places } = thinned;
  const size = data.b ? PICTURE.three : PICTURE.one;
  const box = boxOf(data, size);
  const columns = data.b ? 3 : 1;
  const sheet = createSheet(1, readTheme());
  const { theme } = sheet;
  const painter = createPainter(data, state, size, true);

  const inner = Math.max(columns * box.width + (columns - 1) * GAP, LEGEND.width);
  const width = inner + 2 * MARGIN;
  const colored = (data.b ? ofDifference(state) : state).view !== "image";
  const beside = colored && inner > 3 * LEGEND.width;
  const room = beside ? inner - LEGEND.width - 24 : inner;
  const parts = caption(data, state, thinned);
  if (data.b && state.sign !== "both" && colored) parts.push("A − B of both signs");
  if (state.outlines && data.region) parts.push(`dashed: ${data.region}`);
  const written = lines([title(data), ...parts], room, (text) => sheet.measure(text));
  const top = MARGIN + HEAD;
  const line = top + box.height + 10;
  const words = line + 24;
  const captionTop = words + 19;
  const legend = beside ? line + 14 : captionTop + written.length * LINE;
  const height = Math.max(captionTop + (written.length - 1) * LINE + 6, colored ? legend + LEGEND.height : 0) + MARGIN - 4;
  sheet.resize(width, height);
  const left = (/** @type {number} */ column) => MARGIN + column * (box.width + GAP);

  return {
    sheet,
    /** @param {number} place */
    frame(place) {
      sheet.clear();
      sides.forEach((side, i) => {
        const letter = data.b ? `${side.letter} ` : "";
        sheet.text(`${letter}${side.label}`, left(i), MARGIN + 12, { size: 13, bold: true, color: side.color, room: box.width });
        sheet.picture(painter.of(side, place), left(i), top, box);
      });
      if (data.a && data.b) {
        sheet.text("A − B", left(2), MARGIN + 12, { size: 13, bold: true });
        sheet.picture(painter.between(data.a, data.b, place), left(2), top, box);
      }
      const done = places.length > 1 ? places.indexOf(place) / (places.length - 1) : 1;
      sheet.box(MARGIN, line, inner, 2, theme.line);
      sheet.box(MARGIN, line, inner * done, 2, theme.accent);
      sheet.text(epochWords(data, place), MARGIN, words, { size: 14, bold: true, room });
      written.forEach((one, i) => sheet.text(one, MARGIN, captionTop + i * LINE, { color: theme.muted }));
      if (colored) sheet.legend(beside ? MARGIN + inner - LEGEND.width : MARGIN, legend, legendWords(data, state.lock), state.dark);
    },
  };
}

/**
 * So many of a list, evenly, the first and the last among them.
 * @param {number[]} list
 * @param {number} count
 */
function spaced(list, count) {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))]);
}

/**
 * @param {string} color  #rrggbb, or what the browser makes of it
 * @returns {Rgb}
 */
function rgb(color) {
  const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  context.fillStyle = color;
  const value = Number.parseInt(context.fillStyle.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * From pixels to numbers of the palette. A colour gets the same number in every frame.
 * @param {number[][]} palette
 */
function createIndexer(palette) {
  const known = new Int16Array(1 << 16).fill(-1);
  const bin = (/** @type {number} */ r, /** @type {number} */ g, /** @type {number} */ b) => ((r & 0xf8) << 8) | ((g & 0xfc) << 3) | (b >> 3);
  palette.forEach(([r, g, b], i) => {
    if (known[bin(r, g, b)] < 0) known[bin(r, g, b)] = i;
  });
  return (/** @type {Uint8ClampedArray} */ pixels) => {
    const out = new Uint8Array(pixels.length / 4);
    for (let i = 0; i < out.length; i++) {
      const at = 4 * i;
      const key = bin(pixels[at], pixels[at + 1], pixels[at + 2]);
      if (known[key] < 0) known[key] = nearestColorIndex(palette, [pixels[at], pixels[at + 1], pixels[at + 2]]);
      out[i] = known[key];
    }
    return out;
  };
}

/**
 * The pixels that changed; the others get the number that stands for "as before", which packs well.
 * @param {Uint8Array} now
 * @param {Uint8Array} before
 * @param {number} same
 */
function changed(now, before, same) {
  return now.map((value, i) => (value === before[i] ? same : value));
}
