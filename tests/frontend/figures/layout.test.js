import assert from "node:assert/strict";
import test from "node:test";

import { abreast, fit, frameSize, inView, pictureSizes, reveal, spreadApart } from "../../../frontend/figures/layout.js";

test("an image keeps its proportions within its square", () => {
  assert.deepEqual(fit(28, 28, 64), { width: 64, height: 64 });
  assert.deepEqual(fit(200, 100, 64), { width: 64, height: 32 });
  assert.deepEqual(fit(1, 1000, 64), { width: 1, height: 64 });
});

test("what lies in view is within the range, and the range stays within the list", () => {
  assert.deepEqual(inView(0, 1000, 100, 500), [0, 11]);
  assert.deepEqual(inView(5000, 1000, 100, 500), [49, 61]);
  assert.deepEqual(inView(49900, 1000, 100, 500), [498, 500]);
  assert.deepEqual(inView(5000, 1000, 100, 3), [3, 3]);
});

test("an item in view does not move the strip; one outside comes in whole", () => {
  assert.equal(reveal(200, 1000, 100, 5), 200);
  assert.equal(reveal(600, 1000, 100, 5), 500);
  assert.equal(reveal(0, 1000, 100, 10), 100);
});

test("frames shrink until all epochs show, and no further", () => {
  const limits = { least: 40, usual: 60, most: 72, gap: 4 };
  assert.equal(frameSize(1070, 5, limits), 72);
  assert.equal(frameSize(1070, 21, limits), 46);
  assert.equal(frameSize(1070, 1000, limits), 60);
});

test("the few frames of two runs stand side by side where they fill the window so, and in no other case", () => {
  for (const width of [1024, 1440, 1920, 3840]) {
    for (let count = 1; count < 60; count++) {
      const window = { width, height: width / 1.6 };
      const room = width - 306;
      const size = abreast(window, count, 2);
      assert.equal(abreast(window, count, 1), 0);
      const inRows = count * (pictureSizes(window.height, 2).largest + 4) / room;
      if (size) assert.ok(2 * count * (size + 4) + 12 <= room && 2 * count * (size + 4) > Math.min(room * inRows, room - 4 * count), `${count} in ${width}`);
      else assert.ok(inRows >= 0.6 || (room - 12) / (2 * count) < 48.5, `${count} in ${width}`);
    }
  }
});

test("larger windows never get smaller pictures", () => {
  for (const rows of [1, 2]) {
    for (let height = 600; height < 2200; height += 50) {
      const smaller = pictureSizes(height, rows);
      for (const [name, size] of Object.entries(pictureSizes(height + 50, rows))) assert.ok(size >= smaller[name], name);
    }
  }
});

test("labels that lie on each other are moved apart and stay above the bottom", () => {
  const labels = [{ y: 98 }, { y: 10 }, { y: 97 }, { y: 99 }];
  spreadApart(labels, 12, 100);
  assert.deepEqual(labels.map(({ y }) => y), [10, 76, 88, 100]);
});
