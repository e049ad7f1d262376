/** Draws one probe with its attribution on a canvas, at the screen's resolution. */

import { GREYS, NEUTRAL, tints } from "./color.js";
import { borders } from "./outline.js";
import { isBlank, largest, strongestThreshold } from "./scale.js";

/** @typedef {import("./types.d.ts").Picture} Picture */

// Up to this size an image is made of pixels that people want to see, and is enlarged without blur.
const PIXEL_ART = 64;
// Device pixels up to which an image is kept at the size in which it is shown.
const KEPT_SIZE = 256;

/**
 * @typedef {object} Content
 * @property {Picture} picture
 * @property {Float32Array | null} values  (players,); null where the epoch is not in the record
 * @property {number} scale  end of the shared colour scale; 0 gives the picture its own
 * @property {number[]} lit  players to outline
 * @property {number} region  number of the region to outline; -1 for none
 * @property {number[] | null} [area]  corners of a drawn region to outline, in pixels of the image
 * @property {boolean} outlines
 * @property {Pick<import("./types.d.ts").State, "view" | "opacity" | "strongest" | "dark">} look
 */

/** @type {WeakMap<HTMLCanvasElement, string>} what each canvas shows, so that nothing is drawn twice */
const shown = new WeakMap();
/** @type {WeakMap<Picture, Map<string, HTMLCanvasElement>>} */
const bases = new WeakMap();
/** @type {WeakMap<Picture, Map<string, Path2D>>} */
const paths = new WeakMap();

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} box  in CSS pixels
 * @param {string} key  changes whenever the picture does
 * @param {Content} content
 */
export function paint(canvas, box, key, content) {
  const width = Math.round(box.width * devicePixelRatio);
  const height = Math.round(box.height * devicePixelRatio);
  const { look, lit, region, area, scale, outlines } = content;
  const all = [key, width, height, look.view, look.opacity, look.strongest, look.dark, lit.join("+"), region, area?.join("+"), scale, outlines].join();
  if (shown.get(canvas) === all) return;
  shown.set(canvas, all);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${box.width}px`;
    canvas.style.height = `${box.height}px`;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  drawBase(context, content, width, height);
  if (!content.values || isBlank(content.values)) {
    hatch(context, look.dark, width, height);
    return;
  }
  if (look.view !== "image") drawTint(context, content.picture, content.values, content, width, height);
  drawLines(context, content, width, height);
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
  const layer = scratch("tint", picture.width, picture.height);
  const image = layer.createImageData(picture.width, picture.height);
  const pixels = new Uint32Array(image.data.buffer);
  const { segments } = picture;
  for (let i = 0; i < pixels.length; i++) pixels[i] = colors[segments[i]];
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
  if (outlines) stroke(path(picture, "segments", picture.segments, null, width, height), "rgb(128 128 128 / 0.5)", 1);
  const mask = picture.regions[region];
  const edge = area ? polygon(area, width / picture.width, height / picture.height) : mask && path(picture, `region ${region}`, mask, 0, width, height);
  if (edge) {
    stroke(edge, "rgb(0 0 0 / 0.6)", 2 * px);
    context.setLineDash([4 * px, 3 * px]);
    stroke(edge, "#fff", px);
    context.setLineDash([]);
  }
  for (const one of lit) {
    const edge = path(picture, `player ${one}`, picture.segments.map((player) => Number(player === one)), 0, width, height);
    stroke(edge, "rgb(0 0 0 / 0.85)", 3.5 * px);
    stroke(edge, "#fff", 1.5 * px);
  }
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
 * Draws a small image large. Without smoothing pixels stay sharp at any scale: they are first repeated a whole number
 * of times, then brought to size, so that none looks wider than its neighbour.
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLCanvasElement} source
 * @param {number} width
 * @param {number} height
 * @param {boolean} smooth
 */
function blit(context, source, width, height, smooth) {
  const times = Math.ceil(width / source.width);
  context.imageSmoothingQuality = "high";
  if (smooth || times <= 1) {
    context.imageSmoothingEnabled = true;
    context.drawImage(source, 0, 0, width, height);
    return;
  }
  const large = scratch("large", source.width * times, source.height * times);
  large.imageSmoothingEnabled = false;
  large.drawImage(source, 0, 0, large.canvas.width, large.canvas.height);
  context.imageSmoothingEnabled = true;
  context.drawImage(large.canvas, 0, 0, width, height);
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

/**
 * Borders at the screen's resolution, on whole pixels so that they are crisp.
 * @param {Picture} picture
 * @param {string} name
 * @param {ArrayLike<number>} labels
 * @param {number | null} outside
 * @param {number} width
 * @param {number} height
 */
function path(picture, name, labels, outside, width, height) {
  const known = paths.get(picture) ?? new Map();
  paths.set(picture, known);
  const key = `${name} ${width} ${height}`;
  const old = known.get(key);
  if (old) return old;
  const across = (/** @type {number} */ x) => Math.min(width - 0.5, Math.round((x * width) / picture.width) + 0.5);
  const down = (/** @type {number} */ y) => Math.min(height - 0.5, Math.round((y * height) / picture.height) + 0.5);
  const lines = borders(labels, picture.width, picture.height, outside);
  const result = new Path2D();
  for (let i = 0; i < lines.length; i += 4) {
    result.moveTo(across(lines[i]), down(lines[i + 1]));
    result.lineTo(across(lines[i + 2]), down(lines[i + 3]));
  }
  known.set(key, result);
  return result;
}

/**
 * @param {number[]} points  x, y, x, y, …
 * @param {number} across  what x is multiplied by
 * @param {number} down
 */
function polygon(points, across, down) {
  const result = new Path2D();
  for (let i = 0; i < points.length; i += 2) result.lineTo(points[i] * across, points[i + 1] * down);
  result.closePath();
  return result;
}

/**
 * Says that there is no number here.
 * @param {CanvasRenderingContext2D} context
 * @param {boolean} dark
 * @param {number} width
 * @param {number} height
 */
function hatch(context, dark, width, height) {
  const gap = 7 * devicePixelRatio;
  context.fillStyle = dark ? "rgb(48 48 48 / 0.72)" : "rgb(255 255 255 / 0.72)";
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
