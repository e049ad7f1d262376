import assert from "node:assert/strict";
import test from "node:test";

import { createDraft } from "../../../frontend/model/draft.js";

const IMAGE = { width: 8, height: 6 };
const drag = (draft, tool, ...points) => {
  draft.start(points[0]);
  for (const point of points.slice(1)) draft.move(point, tool, IMAGE);
};

test("a dragged box is seen while it is dragged and taken at the end", () => {
  const draft = createDraft();
  drag(draft, "box", [0.5, 0.5], [3.2, 9]);
  assert.deepEqual(draft.shape(), [0, 0, 4, 0, 4, 6, 0, 6]);
  assert.deepEqual(draft.finish("box", IMAGE), [0, 0, 4, 0, 4, 6, 0, 6]);
  assert.equal(draft.shape(), null);
});

test("a click draws nothing, and a lasso around no pixel's centre neither", () => {
  const draft = createDraft();
  draft.start([2, 2]);
  assert.equal(draft.finish("box", IMAGE), null);
  drag(draft, "lasso", [2.6, 2.6], [3.4, 2.6], [3.4, 3.4], [2.6, 3.4]);
  assert.equal(draft.finish("lasso", IMAGE), null);
});

test("a lasso stays inside the image", () => {
  const draft = createDraft();
  drag(draft, "lasso", [1, 1], [99, 1], [99, 99], [1, 99]);
  assert.deepEqual(draft.finish("lasso", IMAGE), [1, 1, 8, 1, 8, 6, 1, 6]);
});

test("arrows move a box that begins in the middle and stays inside; with Shift they size it", () => {
  const draft = createDraft();
  const press = (key, shiftKey = false) => draft.key({ key, shiftKey }, IMAGE);
  assert.equal(press("Enter"), false);
  press("ArrowLeft");
  assert.deepEqual(draft.shape(), [2, 2, 4, 2, 4, 4, 2, 4]);
  for (let i = 0; i < 9; i++) press("ArrowRight");
  for (let i = 0; i < 9; i++) press("ArrowUp");
  assert.deepEqual(draft.shape(), [6, 0, 8, 0, 8, 2, 6, 2]);
  for (let i = 0; i < 9; i++) press("ArrowLeft", true);
  assert.deepEqual(draft.shape(), [6, 0, 7, 0, 7, 2, 6, 2]);
  for (let i = 0; i < 9; i++) press("ArrowDown", true);
  assert.deepEqual(draft.finish("box", IMAGE), [6, 0, 7, 0, 7, 6, 6, 6]);
});
