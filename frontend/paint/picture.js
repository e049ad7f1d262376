/** Draws one probe with its attribution on a canvas, at the screen's resolution. */

import { GREYS, NEUTRAL, tints } from "../figures/color.js";
import { borders } from "../figures/outline.js";
import { isBlank, largest, strongestThreshold } from "../figures/scale.js";
import { memo } from "../model/memo.js";

/** @typedef {import("../types.d.ts").Picture} Picture */

// Up to this size an image is made of pixels that people want to see, and is enlarged without blur.
const PIXEL_ART = 64;
// Device pixels up to which an image is kept at the size in which it is shown.
const KEPT_SIZE = 256;
// Device pixels a pixel of the image takes from which on it need not be as wide as its neighbours to the last one.
const LARGE_PIXEL = 5;
// CSS px between the lines over what is within noise.
const NOISE_GAP = 5;
// Outlines may cover this part of a picture; where segments are so many that they would cover more, they fade.
const COVERED = 0.15;
// Paths that one picture keeps: those of its segments and of the players that were pointed at, at the sizes they are shown in.
const KEPT_PATHS = 200;

/**
 * @typedef {object} Content
 * @property {Picture} picture
 * @property {Float32Array | null} values  (players,); null where the epoch is not in the record
 * @property {number} scale  end of the shared colour scale; 0 gives the picture its own
 * @property {number[]} lit  players to outline
 * @property {Uint8Array | null} [noise]  (players,) 1 where a difference is within noise: hatched
 * @property {number} region  number of the region to outline; -1 for none
 * @property {number[] | null} [area]  corners of a drawn region to outline, in pixels of the image
 * @property {boolean} outlines
 * @property {Pick<import("../types.d.ts").State, "view" | "opacity" | "strongest" | "dark">} look
 */

/** @type {WeakMap<HTMLCanvasElement, string>} what each canvas shows, so that nothing is drawn twice */
const shown = new WeakMap();
/** @type {WeakMap<Picture, Map<string, HTMLCanvasElement>>} */
const bases = new WeakMap();
/** @type {WeakMap<Picture, Map<string, Edge>>} */
const paths = new WeakMap();
/** @type {WeakMap<Picture, Map<string, Uint16Array>>} */
const maps = new WeakMap();

/**
 * @typedef {object} Edge
 * @property {Path2D} path  in device pixels
 * @property {number} length  device pixels
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} box  in CSS pixels
 * @param {string} key  changes whenever the picture does
 * @param {Content} content
 */
export function paint(canvas, box, key, content) {
  const width = Math.round(box.width * devicePixelRatio);
  const height = Math.round(box.height * devicePixelRatio);
  const { look, lit, region, area, scale, outlines, noise } = content;
  const all = [key, width, height, look.view, look.opacity, look.strongest, look.dark, lit.join("+"), region, area?.join("+"), scale, outlines, noise?.join("")].join();
  if (shown.get(canvas) === all) return;
  shown.set(canvas, all);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    // As many pixels as the screen has there: at a ratio of 1.5 a box of 251 px would be stretched by half of one.
    canvas.style.width = `${width / devicePixelRatio}px`;
    canvas.style.height = `${height / devicePixelRatio}px`;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  drawBase(context, content, width, height);
  if (!content.values || isBlank(content.values)) {
    hatch(context, look.dark, width, height);
    return;
  }
  if (look.view !== "image") {
    drawTint(context, content.picture, content.values, content, width, height);
    if (noise?.includes(1)) hatchPlayers(context, content.picture, noise, look.dark, width, height);
  }
  drawLines(context, content, width, height);
}

/** @param {HTMLCanvasElement} canvas  shows nothing from now on */
export function wipe(canvas) {
  if (!shown.delete(canvas)) return;
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Content} content
 * @param {number} width
 * @param {number} height
 */
function drawBase(context, { picture, look }, width, height) {
  if (look.view === "map") {
    const [r, g, b] = look.dark ? NEUTRAL.dark : NEUTRAL.light;
    context.fillStyle = `rgb(${r} ${g} ${b})`;
    context.fillRect(0, 0, width, height);
    return;
  }
  const kind = look.view === "image" ? "stored" : look.dark ? "dark" : "light";
  const smooth = Math.max(picture.width, picture.height) > PIXEL_ART;
  if (width > KEPT_SIZE || height > KEPT_SIZE) {
    blit(context, base(picture, kind), width, height, smooth);
    return;
  }
  // Cards and frames are drawn at every step of the cursor; only their tint changes.
  const kept = bases.get(picture) ?? new Map();
  bases.set(picture, kept);
  const key = `${kind} ${width} ${height}`;
  let small = kept.get(key);
  if (!small) {
    small = document.createElement("canvas");
    small.width = width;
    small.height = height;
    blit(/** @type {CanvasRenderingContext2D} */ (small.getContext("2d")), base(picture, kind), width, height, smooth);
    kept.set(key, small);
  }
  context.drawImage(small, 0, 0);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Picture} picture
 * @param {Float32Array} values
 * @param {Content} content
 * @param {number} width
 * @param {number} height
 */
function drawTint(context, picture, values, { look, scale }, width, height) {
  const end = scale || largest(values) || 1;
  const opacity = look.view === "map" ? 1 : look.opacity / 100;
  const colors = new Uint32Array(tints(values, end, opacity, strongestThreshold(values, look.strongest)).buffer);
  const [across, down] = [picture.width, picture.height].map((size, i) => Math.min(size, 2 * [width, height][i]));
  const players = segmentsAt(picture, across, down);
  const layer = scratch("tint", across, down);
  const image = pixelsOf(layer);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colors[players[i]];
  layer.putImageData(image, 0, 0);
  blit(context, layer.canvas, width, height, false);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Content} content
 * @param {number} width
 * @param {number} height
 */
function drawLines(context, { picture, lit, region, area, outlines }, width, height) {
  const px = devicePixelRatio;
  const stroke = (/** @type {Path2D} */ path, /** @type {string} */ color, /** @type {number} */ thickness) => {
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.stroke(path);
  };
  if (outlines) {
    // A dark line and a light one beside it: one of them shows, whatever lies below.
    const thin = Math.max(1, Math.floor(px / 1.5));
    const { path, length } = edgeOf(picture, "segments", () => borders(picture.segments, picture.width, picture.height, null), width, height, thin);
    const fade = Math.min(1, (COVERED * width * height) / (2 * thin * length));
    stroke(path, `rgb(0 0 0 / ${0.38 * fade})`, thin);
    context.translate(thin, thin);
    stroke(path, `rgb(255 255 255 / ${0.27 * fade})`, thin);
    context.translate(-thin, -thin);
  }
  const line = Math.round(px);
  const mask = picture.regions[region];
  const edge = area ? polygon(area, picture, width, height, line) : mask && edgeOf(picture, `region ${region}`, () => borders(mask, picture.width, picture.height, 0), width, height, line).path;
  if (edge) {
    stroke(edge, "rgb(0 0 0 / 0.6)", line + 2 * Math.max(1, Math.floor(px / 2)));
    context.setLineDash([4 * px, 3 * px]);
    stroke(edge, "#fff", line);
    context.setLineDash([]);
  }
  const bold = Math.round(1.5 * px);
  context.lineCap = "square"; // closes the corners of the darker line
  for (const one of lit) {
    const { path } = edgeOf(picture, `player ${one}`, () => bordersOf(picture, one), width, height, bold);
    stroke(path, "rgb(0 0 0 / 0.85)", bold + 2 * line);
    stroke(path, "#fff", bold);
  }
  context.lineCap = "butt";
}

/**
 * The image alone: as stored, or in the theme's greys so that the only colour on it is the attribution's.
 * @param {Picture} picture
 * @param {"stored" | "light" | "dark"} kind
 */
function base(picture, kind) {
  const kinds = bases.get(picture) ?? new Map();
  bases.set(picture, kinds);
  const known = kinds.get(kind);
  if (known) return known;
  const { width, height, channels, pixels } = picture;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  const { black, white } = kind === "dark" ? GREYS.dark : GREYS.light;
  for (let i = 0; i < width * height; i++) {
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
function blit(context, source, width, height, smooth) {
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
function scratch(name, width, height) {
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
function pixelsOf(context) {
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
 * @param {Picture} picture
 * @param {number} width  at most the image's
 * @param {number} height
 */
function segmentsAt(picture, width, height) {
  const { segments } = picture;
  if (width === picture.width && height === picture.height) return segments;
  const known = maps.get(picture) ?? new Map();
  maps.set(picture, known);
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

/**
 * Where a place of the image lies on the screen, so that a line of that thickness there covers whole pixels of it and stays inside.
 * @param {number} at  in pixels of the image
 * @param {number} image  its size
 * @param {number} screen  its size in device pixels
 * @param {number} thickness  in device pixels
 */
function place(at, image, screen, thickness) {
  const middle = (thickness % 2) / 2;
  return Math.min(screen - thickness / 2, Math.max(thickness / 2, Math.round((at * screen) / image) + middle));
}

/**
 * Borders at the screen's resolution, on whole pixels so that they are crisp.
 * @param {Picture} picture
 * @param {string} name
 * @param {() => number[]} find  the borders, as `borders` has them
 * @param {number} width
 * @param {number} height
 * @param {number} thickness  of the line
 * @returns {Edge}
 */
function edgeOf(picture, name, find, width, height, thickness) {
  const known = paths.get(picture) ?? new Map();
  paths.set(picture, known);
  const key = `${name} ${width} ${height} ${thickness}`;
  const old = known.get(key);
  if (old) return old;
  const lines = find();
  const path = new Path2D();
  let length = 0;
  for (let i = 0; i < lines.length; i += 4) {
    const [x1, x2] = [lines[i], lines[i + 2]].map((x) => place(x, picture.width, width, thickness));
    const [y1, y2] = [lines[i + 1], lines[i + 3]].map((y) => place(y, picture.height, height, thickness));
    path.moveTo(x1, y1);
    path.lineTo(x2, y2);
    length += Math.abs(x2 - x1) + Math.abs(y2 - y1);
  }
  if (known.size >= KEPT_PATHS) known.clear();
  const edge = { path, length };
  known.set(key, edge);
  return edge;
}

/** Where each player lies: left, top, right + 1, bottom + 1. */
const bounds = memo((/** @type {Picture} */ { segments, width }) => {
  /** @type {number[][]} */
  const boxes = [];
  for (let i = 0; i < segments.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const box = (boxes[segments[i]] ??= [x, y, x + 1, y + 1]);
    if (x < box[0]) box[0] = x;
    if (x >= box[2]) box[2] = x + 1;
    box[3] = y + 1;
  }
  return boxes;
});

/**
 * The rim of one player.
 * @param {Picture} picture
 * @param {number} player
 */
function bordersOf(picture, player) {
  const [left, top, right, bottom] = bounds(picture)[player] ?? [0, 0, 0, 0];
  const [width, height] = [right - left, bottom - top];
  const own = new Uint8Array(width * height);
  for (let i = 0; i < own.length; i++) own[i] = Number(picture.segments[(top + Math.floor(i / width)) * picture.width + left + (i % width)] === player);
  return borders(own, width, height, 0).map((at, i) => at + (i % 2 ? top : left));
}

/**
 * @param {number[]} points  x, y, x, y, … in pixels of the image
 * @param {Picture} picture
 * @param {number} width
 * @param {number} height
 * @param {number} thickness  of the line
 */
function polygon(points, picture, width, height, thickness) {
  const result = new Path2D();
  for (let i = 0; i < points.length; i += 2) result.lineTo(place(points[i], picture.width, width, thickness), place(points[i + 1], picture.height, height, thickness));
  result.closePath();
  return result;
}

/**
 * Fades and hatches what is within noise.
 * @param {CanvasRenderingContext2D} context
 * @param {Picture} picture
 * @param {Uint8Array} noise  (players,)
 * @param {boolean} dark
 * @param {number} width
 * @param {number} height
 */
function hatchPlayers(context, picture, noise, dark, width, height) {
  const mask = scratch("mask", picture.width, picture.height);
  const image = pixelsOf(mask);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = noise[picture.segments[i]] ? 0xff000000 : 0;
  mask.putImageData(image, 0, 0);
  const lines = scratch("hatch", width, height);
  lines.globalCompositeOperation = "source-over";
  hatch(lines, dark, width, height, NOISE_GAP, 0.3);
  lines.globalCompositeOperation = "destination-in";
  blit(lines, mask.canvas, width, height, false);
  lines.globalCompositeOperation = "source-over";
  context.drawImage(lines.canvas, 0, 0);
}

/**
 * Says that there is no number here.
 * @param {CanvasRenderingContext2D} context
 * @param {boolean} dark
 * @param {number} width
 * @param {number} height
 * @param {number} [apart]  CSS px from line to line
 * @param {number} [cover]  how much of what lies below is covered
 */
function hatch(context, dark, width, height, apart = 7, cover = 0.72) {
  const gap = apart * devicePixelRatio;
  context.fillStyle = dark ? `rgb(48 48 48 / ${cover})` : `rgb(255 255 255 / ${cover})`;
  context.fillRect(0, 0, width, height);
  context.beginPath();
  for (let x = -height; x < width; x += gap) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.strokeStyle = dark ? "rgb(190 190 190 / 0.55)" : "rgb(90 90 90 / 0.5)";
  context.lineWidth = devicePixelRatio;
  context.stroke();
}

/**
 * Where the pointer is: x, y in pixels of the image.
 * @param {MouseEvent} event
 * @param {Picture} picture
 * @param {HTMLElement} canvas  that shows the picture
 */
export function pointAt(event, picture, canvas) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * picture.width, ((event.clientY - box.top) / box.height) * picture.height];
}

/**
 * The player under the pointer.
 * @param {MouseEvent} event
 * @param {Picture} picture
 * @param {HTMLElement} canvas  that shows the picture
 */
export function playerAt(event, picture, canvas) {
  const [x, y] = pointAt(event, picture, canvas).map(Math.floor);
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return null;
  return picture.segments[y * picture.width + x];
}
