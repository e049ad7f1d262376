/** Decodes the inputs of the probes in a reply: images, rows of a table, texts, series. */

import { take } from "./tables.js";

/** @typedef {import("../types.d.ts").Container} Container */

/**
 * @param {Container} container
 * @returns {import("../types.d.ts").Content[]}
 */
export function contentsOf(container) {
  const { images, rows, series } = container.arrays;
  if (images) return pictures(container);
  if (rows) return tableRows(container);
  return series ? signals(container) : passages(container);
}

/** @param {Container} container */
function pictures(container) {
  const images = take(container, "images", Uint8Array);
  const segments = take(container, "segments", Uint16Array);
  const regions = take(container, "regions", Uint8Array);
  const [n, height, width, channels] = images.shape;
  const area = height * width;
  return Array.from({ length: n }, (_, i) => ({
    kind: /** @type {const} */ ("image"),
    width,
    height,
    channels,
    pixels: images.data.subarray(i * area * channels, (i + 1) * area * channels),
    segments: segments.data.subarray(i * area, (i + 1) * area),
    names: container.header.player_names?.[i] ?? null,
    regions: Array.from({ length: regions.shape[0] }, (_, region) => regions.data.subarray((region * n + i) * area, (region * n + i + 1) * area)),
  }));
}

/** @param {Container} container */
function tableRows(container) {
  const values = take(container, "rows", Float32Array);
  const missing = take(container, "missing", Uint8Array).data;
  const inside = memberships(container);
  const [n, d] = values.shape;
  return Array.from({ length: n }, (_, i) => ({
    kind: /** @type {const} */ ("tabular"),
    values: values.data.subarray(i * d, (i + 1) * d),
    missing: missing.subarray(i * d, (i + 1) * d),
    regions: inside(i),
  }));
}

/** @param {Container} container */
function signals(container) {
  const series = take(container, "series", Float32Array);
  const segments = take(container, "segments", Uint16Array).data;
  const inside = memberships(container);
  const [n, length, channels] = series.shape;
  return Array.from({ length: n }, (_, i) => ({
    kind: /** @type {const} */ ("sequence"),
    length,
    channels,
    series: series.data.subarray(i * length * channels, (i + 1) * length * channels),
    segments: segments.subarray(i * length, (i + 1) * length),
    names: container.header.player_names?.[i] ?? null,
    regions: inside(i),
  }));
}

/** @param {Container} container */
function passages(container) {
  const inside = memberships(container);
  return (container.header.pieces ?? []).map((pieces, i) => ({ kind: /** @type {const} */ ("text"), pieces, regions: inside(i) }));
}

/**
 * The part of each player inside each region, of the i-th probe of a reply.
 * @param {Container} container
 */
function memberships(container) {
  const { data, shape } = take(container, "regions", Float32Array);
  const [, regions, players] = shape;
  const row = (/** @type {number} */ place) => data.subarray(place * players, (place + 1) * players);
  return (/** @type {number} */ i) => Array.from({ length: regions }, (_, region) => row(i * regions + region));
}
