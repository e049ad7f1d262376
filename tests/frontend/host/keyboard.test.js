import assert from "node:assert/strict";
import test from "node:test";

import { keyChange } from "../../../frontend/host/keyboard.js";

const cursor = { steps: [-1, 0, 1, 2, 3], index: 2, step: 1, end: 3, following: false };
const data = { phase: "ready", cursor, order: [4, 0, 2], probe: 0, a: { info: { explainers: ["lime", "shap"] } } };
const press = (key, more = {}, state = { help: false, playing: false }) => keyChange({ key, shiftKey: false, ...more }, data, state);

test("arrows move by one logged epoch, with Shift by ten, and stop at the ends", () => {
  assert.deepEqual(press("ArrowLeft"), { epoch: 0, playing: false });
  assert.deepEqual(press("ArrowLeft", { shiftKey: true }), { epoch: -1, playing: false });
  assert.deepEqual(press("Home"), { epoch: -1, playing: false });
});

test("the last epoch is followed, not pinned", () => {
  assert.deepEqual(press("End"), { epoch: null, playing: false });
  assert.deepEqual(press("ArrowRight", { shiftKey: true }), { epoch: null, playing: false });
});

test("probes follow the order of the cards and let go of the kept segment", () => {
  assert.deepEqual(press("ArrowUp"), { probe: 4, player: null, hover: null });
  assert.deepEqual(press("]"), { probe: 2, player: null, hover: null });
});

test("digits choose a method that is there, other keys do nothing", () => {
  assert.deepEqual(press("2"), { method: "shap" });
  assert.equal(press("3"), null);
  assert.equal(press("x"), null);
});

test("comma and full stop walk the segments from the strongest to the weakest and stop at the ends", () => {
  const values = () => ({ at: () => ({ values: new Float32Array([0.5, -2, NaN, 1]) }) });
  const walk = (player, key) => keyChange({ key, shiftKey: false }, { ...data, panes: [{ side: { values }, step: 1 }], player }, {});
  assert.deepEqual(walk(1, "."), { player: 3, hover: null });
  assert.deepEqual(walk(3, "."), { player: 0, hover: null });
  assert.deepEqual(walk(0, "."), { player: 0, hover: null });
  assert.deepEqual(walk(1, ","), { player: 1, hover: null });
});

test("Escape closes the help before it releases anything", () => {
  assert.deepEqual(press("Escape", {}, { help: true }), { help: false });
  assert.equal(press("Escape").player, null);
});

test("while a region is drawn, keys leave epochs and probes alone and Escape ends the drawing", () => {
  const drawing = { help: false, playing: false, drawing: "box" };
  for (const key of ["ArrowLeft", "ArrowDown", " ", "p", "2", "Home"]) assert.equal(press(key, {}, drawing), null, key);
  assert.deepEqual(press("Escape", {}, drawing), { drawing: null });
  assert.deepEqual(press("Escape", {}, { ...drawing, help: true }), { help: false });
});
