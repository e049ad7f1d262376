import assert from "node:assert/strict";
import test from "node:test";

import { append, decodeContainer } from "../../../frontend/feed/container.js";
import { encode } from "../encode.js";

test("every dtype comes back with its numbers and its shape", () => {
  const sent = {
    values: [new Float32Array([1.5, -2, Infinity, 0, 3, 4]), [2, 3]],
    steps: [new Int32Array([-1, 0, 1]), [3]],
    segments: [new Uint16Array([0, 65535, 7]), [1, 3]],
    images: [new Uint8Array([0, 255, 128, 1, 2]), [5]],
  };
  const { arrays } = decodeContainer(encode(sent));
  for (const [name, [array, shape]] of Object.entries(sent)) {
    assert.deepEqual(arrays[name].data, array);
    assert.deepEqual(arrays[name].shape, shape);
  }
});

test("NaN stays NaN", () => {
  const { arrays } = decodeContainer(encode({ values: [new Float32Array([NaN, 1]), [2]] }));
  assert.ok(Number.isNaN(arrays.values.data[0]));
  assert.equal(arrays.values.data[1], 1);
});

test("an array without elements is an empty array", () => {
  const { arrays } = decodeContainer(encode({ regions: [new Uint8Array(0), [0, 16, 28, 28]], steps: [new Int32Array([4]), [1]] }));
  assert.equal(arrays.regions.data.length, 0);
  assert.deepEqual(arrays.regions.shape, [0, 16, 28, 28]);
  assert.equal(arrays.steps.data[0], 4);
});

test("further keys of the header come with the arrays, names outside ASCII too", () => {
  const { header } = decodeContainer(encode({ steps: [new Int32Array([0]), [1]] }, { probes: [3, 7], scale: 2.5, note: "größte" }));
  assert.deepEqual(header, { probes: [3, 7], scale: 2.5, note: "größte" });
});

test("a reply that was cut short is refused with words, not read past its end", () => {
  const whole = encode({ values: [new Float32Array(8), [8]] });
  assert.throws(() => decodeContainer(whole.slice(0, whole.byteLength - 8)), /values ends past the reply/);
  assert.throws(() => decodeContainer(whole.slice(0, 20)), /cut short/);
  assert.throws(() => decodeContainer(new ArrayBuffer(2)), /hold no header/);
});

test("what is new follows what was there, and what was written anew since is replaced", () => {
  const epochs = (...steps) => decodeContainer(encode({ steps: [new Int32Array(steps), [steps.length]], values: [new Float32Array(steps.flatMap((step) => [step, step + 0.5])), [steps.length, 2]] }, { scale: steps.length }));
  const joined = append(epochs(-1, 0, 1, 2), 1, epochs(2, 3));
  assert.deepEqual([...joined.arrays.steps.data], [-1, 0, 1, 2, 3]);
  assert.deepEqual([...joined.arrays.values.data], [-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]);
  assert.deepEqual([joined.arrays.values.shape, joined.header.scale], [[5, 2], 2]);
});

test("replies of other shapes are not joined", () => {
  const of = (width) => decodeContainer(encode({ steps: [new Int32Array([0]), [1]], values: [new Float32Array(width), [1, width]] }));
  assert.throws(() => append(of(2), 0, of(3)), /values changed its shape/);
});
