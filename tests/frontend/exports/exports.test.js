import assert from "node:assert/strict";
import test from "node:test";

import { lines, shorten } from "../../../frontend/exports/captions.js";
import { fileName, safe } from "../../../frontend/exports/file.js";
import { filmGrid } from "../../../frontend/exports/grid.js";
import { RETURNED } from "../../../frontend/figures/steps.js";
import { epochsShown, thin } from "../../../frontend/figures/thinning.js";
import { frameLabel } from "../../../frontend/model/frames.js";

const steps = (/** @type {number} */ from, /** @type {number} */ to) => Array.from({ length: to - from }, (_, i) => from + i);
const square = (/** @type {number} */ size) => ({ width: size, height: size });

/** @type {(more: object) => never} */
const data = (more) => /** @type {never} */ ({ a: { name: "honest" }, b: null, probe: 3, cursor: { step: 9 }, ...more });

test("a file is called by its runs, its probe and its epoch", () => {
  assert.equal(fileName(data({}), "epoch", "png"), "tb-xai_honest_probe3_epoch9.png");
  assert.equal(fileName(data({ b: { name: "a/b c" } }), "filmstrip", "png"), "tb-xai_honest_vs_a-b-c_probe3_filmstrip.png");
  assert.equal(fileName(data({ cursor: { step: -1 } }), "epoch", "csv"), "tb-xai_honest_probe3_untrained.csv");
});

test("a file of the returned model is called so, also where nothing else was explained; a model explained once is the model", () => {
  const alone = { step: RETURNED, steps: [RETURNED] };
  assert.equal(fileName(data({ a: { name: "ema", info: { returned: { how: "averages" } } }, cursor: alone }), "epoch", "png"), "tb-xai_ema_probe3_returned.png");
  assert.equal(fileName(data({ a: { name: "forest", info: { returned: { how: "once" } } }, cursor: alone }), "epoch", "png"), "tb-xai_forest_probe3_model.png");
});

test("no name of a run leaves its folder, has markup or is endless", () => {
  assert.equal(safe("../../etc/passwd"), "etc-passwd");
  assert.equal(safe("<img src=x>|:*?\u0000"), "img-src-x");
  assert.equal(safe("größe_1.5"), "größe_1.5");
  assert.equal(safe("..."), "run");
  assert.ok(safe("x".repeat(300)).length <= 60);
});

test("a film that has room shows every epoch", () => {
  assert.deepEqual(thin(steps(-1, 12), 60), { places: steps(0, 13), every: 1, of: 12, last: false });
});

test("a long film is thinned evenly, and keeps the untrained model and the last epoch", () => {
  const { places, every, of, last } = thin(steps(-1, 200), 60);
  assert.deepEqual([every, of, last], [4, 200, true]);
  assert.deepEqual(places.slice(0, 4), [0, 1, 5, 9]);
  assert.equal(places.at(-1), 200);
  assert.equal(epochsShown({ places, every, of, last }), "every 4th of 200 epochs and the last");
});

test("no film is longer than it may be, whatever its epochs are", () => {
  for (const count of [1, 59, 60, 61, 119, 120, 121, 999, 1000, 12345]) {
    for (const first of [-1, 0]) {
      for (const most of [4, 60, 201]) {
        const { places } = thin(steps(first, first + count), most);
        assert.ok(places.length <= most, `${count} from ${first} at most ${most}`);
        assert.deepEqual([places[0], places.at(-1)], [0, count - 1]);
        assert.deepEqual(places, [...new Set(places)].sort((x, y) => x - y));
      }
    }
  }
});

test("two hundred epochs and the untrained model all fit into a GIF", () => {
  assert.equal(thin(steps(-1, 200), 201).every, 1);
});

test("frames of a film never overlap and stay on the sheet, which is at most 4096 pixels wide with its names", () => {
  for (const count of [1, 2, 13, 20, 21, 41, 60]) {
    for (const rows of [1, 2]) {
      const grid = filmGrid(count, rows, square);
      const seen = new Set();
      for (let i = 0; i < count; i++) {
        for (let row = 0; row < rows; row++) {
          const { x, y } = grid.place(i, row);
          assert.ok(x >= 0 && x + grid.frame.width <= grid.width && y >= 0 && y + grid.frame.height <= grid.height);
          seen.add(`${x} ${y}`);
        }
        assert.ok(grid.label(i).y > grid.place(i, rows - 1).y + grid.frame.height);
      }
      assert.equal(seen.size, count * rows);
      assert.ok(2 * (grid.width + 200) <= 4096);
    }
  }
});

test("lines of a film are equally long", () => {
  assert.deepEqual([1, 20, 21, 42, 60].map((count) => filmGrid(count, 1, square).perLine), [1, 20, 11, 14, 20]);
});

test("a frame is called by both epochs where the runs stand at different ones", () => {
  const side = (/** @type {string} */ letter) => ({ letter });
  const aligned = data({ a: side("A"), b: side("B"), cursor: { steps: [-1, 3, 4], epochs: { A: [-1, 3, 4], B: [-1, 5, -2] } } });
  assert.deepEqual([0, 1, 2].map((place) => frameLabel(aligned.cursor, [aligned.a, aligned.b], place)), ["untrained", "3 · 5", "4"]);
});

test("words that have no room end in an ellipsis, and lines take what fits", () => {
  const measure = (/** @type {string} */ text) => [...text].length;
  assert.equal(shorten("a long name", 20, measure), "a long name");
  assert.equal(shorten("a long name", 7, measure), "a long…");
  assert.equal(shorten("😀😀😀😀", 3, measure), "😀😀…");
  assert.deepEqual(lines(["one", "two", "three hundred"], 9, measure), ["one · two", "three hu…"]);
});
