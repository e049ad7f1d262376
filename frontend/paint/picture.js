/** Draws one probe with its attribution on a canvas, at the screen's resolution. */

import { HIDDEN, NEUTRAL, isLight, rgbOf, tints } from "../figures/color.js";
import { borders } from "../figures/outline.js";
import { chosen, isBlank, largest } from "../figures/scale.js";
import { hatch, isShown, resize } from "./canvas.js";
import { bordersOf, chosenEdge, edgeOf, polygon } from "./edges.js";
import { base, basesOf, blit, hasGaps, pixelsOf, scratch, segmentsAt } from "./pixels.js";

/** @typedef {import("../types.d.ts").ImageContent} ImageContent */

// Up to this size an image is made of pixels that people want to see, and is enlarged without blur.
const PIXEL_ART = 64;
// Device pixels up to which an image is kept at the size in which it is shown.
const KEPT_SIZE = 256;
// CSS px between the lines over what is within noise.
const NOISE_GAP = 5;
// Device-independent pixels up to which a picture is small: outlines in a colour are thin there.
const SMALL = 160;
// Outlines may cover this part of a picture; where segments are so many that they would cover more, they fade.
const COVERED = 0.15;

/**
 * @typedef {object} Painting
 * @property {ImageContent} picture
 * @property {Float32Array | null} values  (players,); null where the epoch is not in the record
 * @property {number} scale  end of the shared colour scale; 0 gives the picture its own
 * @property {number[]} lit  players to outline
 * @property {Uint8Array | null} [noise]  (players,) 1 where a difference is within noise: hatched
 * @property {number} region  number of the region to outline; -1 for none
 * @property {number[] | null} [area]  corners of a drawn region to outline, in pixels of the image
 * @property {boolean} outlines  of all segments
 * @property {Pick<import("../types.d.ts").State, "view" | "opacity" | "strongest" | "sign" | "top" | "rest" | "outlines" | "ink" | "dark">} look
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} box  in CSS pixels
 * @param {string} key  changes whenever the picture does
 * @param {Painting} painting
 */
export function paint(canvas, box, key, painting) {
  const [width, height] = resize(canvas, box.width, box.height);
  const { look, lit, region, area, scale, outlines, noise } = painting;
  const all = ["picture", key, width, height, devicePixelRatio, look.view, look.opacity, look.strongest, look.sign, look.top, look.rest, look.outlines && look.ink, look.dark, lit.join("+"), region, area?.join("+"), scale, outlines, noise?.join("")].join();
  if (isShown(canvas, all)) return;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  drawBase(context, painting, width, height);
  if (!painting.values || isBlank(painting.values)) {
    cover(context, look.dark, width, height);
    return;
  }
  const picked = chosen(painting.values, look);
  const hidden = look.rest === "hide" ? picked : null;
  if (look.view !== "image" || hidden) drawTint(context, painting.picture, painting.values, painting, picked, width, height);
  const noisy = noise && hidden ? noise.map((one, player) => one & hidden[player]) : noise;
  if (look.view !== "image" && noisy?.includes(1)) hatchPlayers(context, painting.picture, noisy, look.dark, width, height);
  drawLines(context, painting, picked, width, height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Painting} painting
 * @param {number} width
 * @param {number} height
 */
function drawBase(context, { picture, look }, width, height) {
  if (look.view === "map") {
    const [r, g, b] = look.dark ? NEUTRAL.dark : NEUTRAL.light;
    context.fillStyle = `rgb(${r} ${g} ${b})`;
    context.fillRect(0, 0, width, height);
    if (hasGaps(picture)) {
      context.globalCompositeOperation = "destination-in";
      blit(context, base(picture, "light"), width, height, false);
      context.globalCompositeOperation = "source-over";
    }
    return;
  }
  const kind = look.view === "image" ? "stored" : look.dark ? "dark" : "light";
  const smooth = Math.max(picture.width, picture.height) > PIXEL_ART;
  if (width > KEPT_SIZE || height > KEPT_SIZE) {
    blit(context, base(picture, kind), width, height, smooth);
    return;
  }
  // Cards and frames are drawn at every step of the cursor; only their tint changes.
  const kept = basesOf(picture);
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
 * The tint of each segment, and a grey over those that are hidden.
 * @param {CanvasRenderingContext2D} context
 * @param {ImageContent} picture
 * @param {Float32Array} values
 * @param {Painting} painting
 * @param {Uint8Array | null} shown
 * @param {number} width
 * @param {number} height
 */
function drawTint(context, picture, values, { look, scale }, shown, width, height) {
  const end = scale || largest(values) || 1;
  const opacity = look.view === "map" ? 1 : look.opacity / 100;
  const bytes = look.view === "image" ? new Uint8ClampedArray(4 * values.length) : tints(values, end, opacity, shown);
  if (look.rest === "hide") shown?.forEach((one, player) => one || bytes.set([...(look.dark ? HIDDEN.dark : HIDDEN.light), 255], 4 * player));
  const colors = new Uint32Array(bytes.buffer);
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
 * @param {Painting} painting
 * @param {Uint8Array | null} shown
 * @param {number} width
 * @param {number} height
 */
function drawLines(context, { picture, values, look, lit, region, area, outlines }, shown, width, height) {
  const px = devicePixelRatio;
  const stroke = (/** @type {Path2D} */ path, /** @type {string} */ color, /** @type {number} */ thickness) => {
    context.strokeStyle = color;
    context.lineWidth = thickness;
    context.stroke(path);
  };
  const segments = () => borders(picture.segments, picture.width, picture.height, null);
  if (look.outlines && look.ink && values && (shown || outlines)) {
    const small = Math.max(width, height) <= SMALL * px;
    const thickness = Math.max(1, Math.round((small ? 1 : 2) * px));
    const { path } = shown ? chosenEdge(picture, values, shown, width, height, thickness) : edgeOf(picture, "segments", segments, width, height, thickness);
    // A rim, or yellow would not be seen on white.
    context.lineCap = "square";
    stroke(path, isLight(rgbOf(look.ink)) ? `rgb(0 0 0 / ${small ? 0.25 : 0.45})` : "rgb(255 255 255 / 0.6)", thickness + 2 * Math.max(1, Math.floor(px)));
    stroke(path, look.ink, thickness);
    context.lineCap = "butt";
  } else if (outlines) {
    // A dark line and a light one beside it: one of them shows, whatever lies below.
    const thin = Math.max(1, Math.floor(px / 1.5));
    const { path, length } = edgeOf(picture, "segments", segments, width, height, thin);
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
 * Fades and hatches what is within noise.
 * @param {CanvasRenderingContext2D} context
 * @param {ImageContent} picture
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
  cover(lines, dark, width, height, NOISE_GAP, 0.3);
  lines.globalCompositeOperation = "destination-in";
  blit(lines, mask.canvas, width, height, false);
  lines.globalCompositeOperation = "source-over";
  context.drawImage(lines.canvas, 0, 0);
}

/**
 * Fades and hatches all of it: what has no numbers.
 * @param {CanvasRenderingContext2D} context
 * @param {boolean} dark
 * @param {number} width
 * @param {number} height
 * @param {number} [apart]  CSS px from line to line
 * @param {number} [part]  how much of what lies below is covered
 */
function cover(context, dark, width, height, apart = 7, part = 0.72) {
  context.fillStyle = dark ? `rgb(48 48 48 / ${part})` : `rgb(255 255 255 / ${part})`;
  context.fillRect(0, 0, width, height);
  hatch(context, { x: 0, y: 0, width, height }, apart * devicePixelRatio, dark ? "rgb(190 190 190 / 0.55)" : "rgb(90 90 90 / 0.5)", devicePixelRatio);
}
