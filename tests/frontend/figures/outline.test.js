import assert from "node:assert/strict";
import test from "node:test";

import { borders, frontiers } from "../../../frontend/figures/outline.js";

const length = (lines) => {
  let sum = 0;
  for (let i = 0; i < lines.length; i += 4) sum += Math.abs(lines[i] - lines[i + 2]) + Math.abs(lines[i + 1] - lines[i + 3]);
  return sum;
};

test("one segment has no inner border and a rim of its circumference", () => {
  assert.deepEqual(borders([0, 0, 0, 0, 0, 0], 3, 2, null), []);
  assert.equal(length(borders([1, 1, 1, 1, 1, 1], 3, 2, 0)), 10);
});

test("a grid of 7 × 7 segments on 28 × 28 pixels has 12 lines of 28 pixels", () => {
  const labels = Array.from({ length: 784 }, (_, i) => Math.floor(i / 28 / 4) * 7 + Math.floor((i % 28) / 4));
  const lines = borders(labels, 28, 28, null);
  assert.equal(lines.length / 4, 12);
  assert.equal(length(lines), 12 * 28);
});

test("the border's length is the number of neighbours that differ, on random labels", () => {
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 20; round++) {
    const width = 1 + Math.floor(random() * 12);
    const height = 1 + Math.floor(random() * 12);
    const labels = Array.from({ length: width * height }, () => Math.floor(random() * 3));
    let differing = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (x + 1 < width && labels[y * width + x] !== labels[y * width + x + 1]) differing += 1;
        if (y + 1 < height && labels[y * width + x] !== labels[(y + 1) * width + x]) differing += 1;
      }
    }
    assert.equal(length(borders(labels, width, height, null)), differing);
  }
});

/** Pixels of borders, each by its two ends. */
function units(/** @type {ArrayLike<number>} */ lines) {
  const found = new Set();
  for (let i = 0; i < lines.length; i += 4) {
    const [x1, y1, x2, y2] = [lines[i], lines[i + 1], lines[i + 2], lines[i + 3]];
    for (let x = x1; x < x2; x++) found.add(`${x} ${y1} ${x + 1} ${y1}`);
    for (let y = y1; y < y2; y++) found.add(`${x1} ${y} ${x1} ${y + 1}`);
  }
  return found;
}

test("the borders of any choice of labels are those of its own picture", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => Math.floor((below * (seed = (seed * 16807) % 2147483647)) / 2147483647);
  for (let round = 0; round < 100; round++) {
    const [width, height] = [1 + random(9), 1 + random(9)];
    const labels = Uint16Array.from({ length: width * height }, () => random(4));
    const mask = Array.from({ length: 4 }, () => random(3));
    const { lines, pairs } = frontiers(labels, width, height);
    const kept = lines.filter((_, i) => mask[pairs[2 * (i >> 2)]] !== mask[pairs[2 * (i >> 2) + 1]]);
    assert.deepEqual([...units(kept)].sort(), [...units(borders(labels.map((label) => mask[label]), width, height, null))].sort());
  }
});
