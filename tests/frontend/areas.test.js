import assert from "node:assert/strict";
import test from "node:test";

import { box, freeName, hasArea, readAreas, simplified, writeAreas } from "../../frontend/areas.js";
import { DEFAULTS, readHash, writeHash } from "../../frontend/state.js";

test("areas of any name come back from the URL as they were", () => {
  const areas = [
    { name: "a:b;c,d%20&=#<i>“ü”", probe: null, points: [0, 0, 8, 0, 8, 4.5] },
    { name: "area 2", probe: 3, points: [1, 1, 2, 1, 2, 2, 1, 2] },
  ];
  assert.deepEqual(readAreas(writeAreas(areas)), areas);
  assert.deepEqual(readHash(writeHash("#xai", { ...DEFAULTS, areas })).areas, areas);
  assert.deepEqual(readAreas(""), []);
});

test("an area that can't be read is left out with all the others", () => {
  for (const text of ["a", "a::1,2", "a::1,2,3,4,5", "a::1,2,3,4,5,x", "::1,2,3,4,5,6", "a:z:1,2,3,4,5,6"]) assert.equal(readAreas(text), undefined, text);
  assert.equal(readHash("#xai&p.xai.areas=%25E0%25A4%25A").areas, undefined);
});

test("a box has its corners on the edges of the pixels that were dragged over, inside the image", () => {
  assert.deepEqual(box([1.2, 1.9], [3.1, 2.2], 8, 8), [1, 1, 4, 1, 4, 3, 1, 3]);
  assert.deepEqual(box([3.1, 2.2], [1.2, 1.9], 8, 8), [1, 1, 4, 1, 4, 3, 1, 3]);
  assert.deepEqual(box([-5, -5], [99, 99], 8, 6), [0, 0, 8, 0, 8, 6, 0, 6]);
  assert.deepEqual(box([2.5, 2.5], [2.5, 2.5], 8, 8), [2, 2, 3, 2, 3, 3, 2, 3]);
  assert.deepEqual(box([8, 8], [8, 8], 8, 8), [7, 7, 8, 7, 8, 8, 7, 8]);
});

test("a circle drawn by hand keeps its area and has at most sixty corners", () => {
  const points = Array.from({ length: 720 }, (_, i) => [50 + 30 * Math.cos((i * Math.PI) / 360), 50 + 30 * Math.sin((i * Math.PI) / 360)]).flat();
  const few = simplified(points, 100);
  assert.ok(few.length <= 120 && few.length >= 12, few.length);
  let twice = 0;
  for (let i = 0; i < few.length; i += 2) twice += few[i] * few[(i + 3) % few.length] - few[(i + 2) % few.length] * few[i + 1];
  assert.ok(Math.abs(Math.abs(twice) / 2 / (Math.PI * 900) - 1) < 0.05, twice);
});

test("a click or a stroke is no area", () => {
  assert.equal(hasArea([3, 3, 3, 3]), false);
  assert.equal(hasArea([0, 0, 9, 0, 18, 0]), false);
  assert.equal(hasArea([0, 0, 2, 0, 2, 2, 0, 2]), true);
});

test("names are free, short and never empty", () => {
  assert.equal(freeName("", ["area 1"]), "area 2");
  assert.equal(freeName("  patch ", ["patch", "patch 2"]), "patch 3");
  assert.equal(freeName("x".repeat(99), []).length, 40);
});
