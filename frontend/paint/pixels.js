/** Images as canvases: in colours or in the theme's greys, at the size in which they are shown. */

import { GREYS } from "../figures/color.js";
import { NOBODY } from "../figures/outline.js";
import { memo } from "../model/memo.js";

/** @typedef {import("../types.d.ts").ImageContent} ImageContent */

// Device pixels a pixel of the image takes from which on it need not be as wide as its neighbours to the last one.
const LARGE_PIXEL = 5;

/** The canvases that were made of an image, by kind and size. */
export const basesOf = memo((/** @type {ImageContent} */ _) => /** @type {Map<string, HTMLCanvasElement>} */ (new Map()));

/** Whether there are pixels between images. */
export const hasGaps = memo((/** @type {ImageContent} */ { segments }) => segments.includes(NOBODY));

/** The player of each pixel of an image, by the size it is shown in. */
const mapsOf = memo((/** @type {ImageContent} */ _) => /** @type {Map<string, Uint16Array>} */ (new Map()));

/**
 * The image alone: as stored, or in the theme's greys so that the only colour on it is the attribution's.
 * @param {ImageContent} picture
 * @param {"stored" | "light" | "dark"} kind
 */
export function base(picture, kind) {
  const kinds = basesOf(picture);
  const known = kinds.get(kind);
  if (known) return known;
  const { width, height, channels, pixels, segments } = picture;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  const { black, white } = kind === "dark" ? GREYS.dark : GREYS.light;
  for (let i = 0; i < width * height; i++) {
    if (segments[i] === NOBODY) continue; // transparent
    const at = i * channels;
    const red = pixels[at];
    const green = channels > 1 ? pixels[at + 1] : red;
    const blue = channels > 1 ? pixels[at + 2] : red;
    const alpha = channels === 4 ? pixels[at + 3] : 255;
    if (kind === "stored") {
      image.data.set([red, green, blue, alpha], i * 4);
    } else {
      const luminance = ((0.2126 * red + 0.7152 * green + 0.0722 * blue) * alpha) / 255 + (255 - alpha);
      const grey = black + ((white - black) * luminance) / 255;
      image.data.set([grey, grey, grey, 255], i * 4);
    }
  }
  context.putImageData(image, 0, 0);
  kinds.set(kind, canvas);
  return canvas;
}

/**
 * Draws a small image large. Without smoothing pixels stay sharp at any scale: large ones begin on whole pixels of the screen; small ones are
 * first repeated a whole number of times, then brought to size, so that none looks wider than its neighbour.
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLCanvasElement} source
 * @param {number} width
 * @param {number} height
 * @param {boolean} smooth
 */
export function blit(context, source, width, height, smooth) {
  const times = Math.ceil(width / source.width);
  const large = width >= LARGE_PIXEL * source.width;
  context.imageSmoothingQuality = "high";
  if (smooth || large || times <= 1) {
    context.imageSmoothingEnabled = smooth || times <= 1;
    context.drawImage(source, 0, 0, width, height);
    return;
  }
  const repeated = scratch("repeated", source.width * times, source.height * times);
  repeated.imageSmoothingEnabled = false;
  repeated.drawImage(source, 0, 0, repeated.canvas.width, repeated.canvas.height);
  context.imageSmoothingEnabled = true;
  context.drawImage(repeated.canvas, 0, 0, width, height);
}

/** @type {Map<string, CanvasRenderingContext2D>} */
const scratches = new Map();

/**
 * A cleared canvas to draw on and throw away, kept for the next picture.
 * @param {string} name
 * @param {number} width
 * @param {number} height
 */
export function scratch(name, width, height) {
  let context = scratches.get(name);
  if (!context) {
    context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    scratches.set(name, context);
  }
  if (context.canvas.width !== width || context.canvas.height !== height) {
    context.canvas.width = width;
    context.canvas.height = height;
  } else {
    context.clearRect(0, 0, width, height);
  }
  return context;
}

/** @type {WeakMap<CanvasRenderingContext2D, ImageData>} */
const buffers = new WeakMap();

/**
 * Memory for all pixels of a canvas, to be overwritten.
 * @param {CanvasRenderingContext2D} context
 */
export function pixelsOf(context) {
  const { width, height } = context.canvas;
  let image = buffers.get(context);
  if (image?.width !== width || image.height !== height) {
    image = context.createImageData(width, height);
    buffers.set(context, image);
  }
  return image;
}

/**
 * The player of each pixel, in fewer pixels than the image has: a card needs no more.
 * @param {ImageContent} picture
 * @param {number} width  at most the image's
 * @param {number} height
 */
export function segmentsAt(picture, width, height) {
  const { segments } = picture;
  if (width === picture.width && height === picture.height) return segments;
  const known = mapsOf(picture);
  const key = `${width} ${height}`;
  let small = known.get(key);
  if (!small) {
    small = new Uint16Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      const row = Math.floor(((y + 0.5) * picture.height) / height) * picture.width;
      for (let x = 0; x < width; x++, i++) small[i] = segments[row + Math.floor(((x + 0.5) * picture.width) / width)];
    }
    known.set(key, small);
  }
  return small;
}
