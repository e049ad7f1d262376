/** The binary container of the server's arrays: a JSON header, then little-endian arrays (tb_xai_plugin/serving/http_api.md). */

/** @typedef {import("../types.d.ts").Container} Container */

const TYPES = { float32: Float32Array, int32: Int32Array, uint16: Uint16Array, uint8: Uint8Array };

/**
 * The epochs of one reply followed by the later ones of another; all arrays begin with the epochs.
 * @param {Container} before  of it, epochs up to the step `until` are kept
 * @param {number} until
 * @param {Container} after  its header counts
 * @returns {Container}
 */
export function append(before, until, after) {
  const kept = [...before.arrays.steps.data].filter((step) => step <= until).length;
  /** @type {Container["arrays"]} */
  const arrays = {};
  let bytes = 0;
  for (const [name, { data: later, shape }] of Object.entries(after.arrays)) {
    const { data: earlier, shape: old } = before.arrays[name];
    if (old.slice(1).join() !== shape.slice(1).join()) throw new Error(`array container: ${name} changed its shape from ${old} to ${shape}`);
    const size = shape.slice(1).reduce((product, length) => product * length, 1);
    const Type = /** @type {new (length: number) => typeof later} */ (later.constructor);
    const data = new Type((kept + shape[0]) * size);
    data.set(earlier.subarray(0, kept * size));
    data.set(later, kept * size);
    arrays[name] = { data, shape: [kept + shape[0], ...shape.slice(1)] };
    bytes += data.byteLength;
  }
  return { header: after.header, arrays, bytes };
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {Container} arrays are views on `buffer`, not copies
 */
export function decodeContainer(buffer) {
  if (buffer.byteLength < 4) throw new Error(`array container: ${buffer.byteLength} bytes hold no header`);
  const length = new DataView(buffer).getUint32(0, true);
  const start = 4 + length;
  if (start > buffer.byteLength) {
    throw new Error(`array container: the header takes ${length} bytes of ${buffer.byteLength}; the reply was cut short`);
  }
  const { arrays: described, ...header } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  /** @type {Container["arrays"]} */
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(described)) {
    const Type = TYPES[/** @type {keyof typeof TYPES} */ (dtype)];
    if (!Type) throw new Error(`array container: ${name} has unknown dtype ${dtype}`);
    const count = shape.reduce((/** @type {number} */ product, /** @type {number} */ size) => product * size, 1);
    if (start + offset + count * Type.BYTES_PER_ELEMENT > buffer.byteLength) {
      throw new Error(`array container: ${name} ends past the reply; it was cut short`);
    }
    arrays[name] = { data: new Type(buffer, start + offset, count), shape };
  }
  return { header, arrays, bytes: buffer.byteLength };
}
