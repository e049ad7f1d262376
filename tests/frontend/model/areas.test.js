import assert from "node:assert/strict";
import test from "node:test";

import { areaArguments, box, covers, fits, freeName, readAreas, simplified, writeAreas } from "../../../frontend/model/areas.js";
import { DEFAULTS, readHash, writeHash } from "../../../frontend/model/state.js";

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
  for (const text of ["a", "a::1,2", "a::1,2,3,4,5", "a::1,2,3,4,5,x", "::1,2,3,4,5,6", "a:z:1,2,3,4,5,6", "a::0,0,8,0,8,8;a::0,0,4,0,4,4"]) assert.equal(readAreas(text), undefined, text);
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

test("an area covers a pixel where it holds its centre, as the server counts", () => {
  assert.equal(covers([3, 3, 3, 3, 3, 3], 8, 8), false);
  assert.equal(covers([0, 0, 9, 0, 18, 0], 28, 28), false);
  assert.equal(covers([2.6, 2.6, 3.4, 2.6, 3.4, 3.4, 2.6, 3.4], 8, 8), false, "between four centres");
  assert.equal(covers([2.4, 2.4, 2.6, 2.4, 2.6, 2.6, 2.4, 2.6], 8, 8), true, "around one");
  assert.equal(covers([20, 20, 24, 20, 24, 24, 20, 24], 28, 28), true);
  assert.equal(covers([20, 20, 24, 20, 24, 24, 20, 24], 8, 8), false, "outside");
  assert.equal(covers([-9, -9, 99, -9, 99, 99, -9, 99], 8, 8), true);
  // Twice around the same box is outside everywhere.
  const twice = [1, 1, 5, 1, 5, 5, 1, 5];
  assert.equal(covers([...twice, 1, 1, ...twice], 8, 8), false);
});

test("nothing is counted for a probe that a run does not have, or outside its images", () => {
  const probes = { kind: "image", players: [4, 4, 4], count: 3, width: 8, height: 8 };
  const area = { name: "a", probe: null, points: [0, 0, 2, 0, 2, 2] };
  assert.equal(fits(area, probes), true);
  assert.equal(fits({ ...area, probe: 2 }, probes), true);
  assert.equal(fits({ ...area, probe: 3 }, probes), false);
  assert.equal(fits({ ...area, points: [9, 9, 12, 9, 12, 12] }, probes), false);
});

test("names are free, short and never empty", () => {
  assert.equal(freeName("", ["area 1"]), "area 2");
  assert.equal(freeName("  patch ", ["patch", "patch 2"]), "patch 3");
  assert.equal(freeName("x".repeat(99), []).length, 40);
});

test("players that were chosen go through the address like polygons, and fit probes that have them", () => {
  const area = { name: "leak; id", probe: null, points: [], players: [3, 5] };
  assert.deepEqual(readAreas(writeAreas([area])), [area]);
  assert.deepEqual(areaArguments(area), { players: "3,5" });
  assert.equal(readAreas("x::p1.5"), undefined);
  const probes = { kind: "tabular", count: 2, players: [6, 6] };
  assert.equal(fits(area, probes), true);
  assert.equal(fits({ ...area, players: [6] }, probes), false);
  assert.equal(fits(area, { ...probes, kind: "image", width: 8, height: 8 }), false);
});
