/** Reads arrays of a reply, and the number of a probe at an epoch. */

import { largest } from "../figures/scale.js";
import { indexOf } from "../model/series.js";

/** @typedef {import("../types.d.ts").Container} Container */

/**
 * An array of a container as the type the contract promises.
 * @template {import("../types.d.ts").NumberArray} T
 * @param {Container} container
 * @param {string} name
 * @param {new (...args: never[]) => T} Type
 * @returns {{data: T, shape: number[]}}
 */
export function take(container, name, Type) {
  const array = container.arrays[name];
  if (!(array?.data instanceof Type)) throw new Error(`The server's reply has no ${Type.name} named ${name}.`);
  return { data: array.data, shape: array.shape };
}

/** @param {Container} container */
export function positions(container) {
  return new Map((container.header.probes ?? []).map((probe, position) => [probe, position]));
}

/** Number of replies so far: each reply has its own id, and views draw again when it changes. */
let replies = 0;

export const nextId = () => ++replies;

/**
 * Numbers of each probe at each epoch.
 * @param {Container} container
 * @param {string} name
 * @returns {import("../types.d.ts").Table} NaN where there is none
 */
export function table(container, name) {
  const steps = take(container, "steps", Int32Array).data;
  const { data, shape } = take(container, name, Float32Array);
  const place = placing(container);
  return (probe, step) => {
    const row = indexOf(steps, step);
    return row < 0 ? NaN : (data[row * shape[1] + place(probe)] ?? NaN);
  };
}

/** @type {(container: Container) => (probe: number) => number} position of a probe in a row; NaN if it is not in the reply */
export function placing({ header: { probes } }) {
  // If only some probes were requested, the reply lists them.
  return (probe) => (probes ? (probes.includes(probe) ? probes.indexOf(probe) : NaN) : probe);
}

/** @type {(data: Float32Array, width: number, row: number) => Float32Array | null} */
export function rowOf(data, width, row) {
  return row < 0 ? null : data.subarray(row * width, (row + 1) * width);
}

/**
 * @param {Container} container
 * @param {string} name
 * @returns {import("../types.d.ts").Spread}
 */
export function spread(container, name) {
  const steps = take(container, "steps", Int32Array).data;
  const values = take(container, name, Float32Array);
  const quartiles = take(container, "quartiles", Float32Array).data;
  const epochs = steps.length;
  const n = values.shape[1];
  // If only some probes were requested, the reply lists them.
  const chosen = container.header.probes;
  const place = (/** @type {number} */ probe) => (chosen ? chosen.indexOf(probe) : probe);
  return {
    id: nextId(),
    bytes: container.bytes,
    steps,
    lower: quartiles.subarray(0, epochs),
    median: quartiles.subarray(epochs, 2 * epochs),
    upper: quartiles.subarray(2 * epochs),
    count: n,
    largest: largest(values.data),
    at: table(container, name),
    of: (probe) => Float32Array.from(steps, (_, epoch) => (place(probe) < 0 ? NaN : values.data[epoch * n + place(probe)])),
  };
}
