import assert from "node:assert/strict";
import test from "node:test";

import { thin } from "../../../frontend/figures/thinning.js";

const steps = (count) => Array.from({ length: count }, (_, i) => i - 1);
const epochs = (thinned) => thinned.places.map((place) => place - 1);

test("a filmstrip of many epochs shows round ones, the first, the last and the cursor's", () => {
  const sixties = Array.from({ length: 17 }, (_, i) => 60 * i);
  assert.deepEqual(epochs(thin(steps(1001), 20)), [-1, ...sixties, 999]);
  assert.deepEqual(epochs(thin(steps(1001), 20, 334)), [-1, ...sixties.map((epoch) => (epoch === 360 ? 333 : epoch)), 999]);
  assert.deepEqual(epochs(thin(steps(4), 20, 2)), [-1, 0, 1, 2]);
  for (let place = 0; place < 1001; place++) {
    const shown = thin(steps(1001), 20, place).places;
    assert.ok(shown.includes(place) && shown.at(0) === 0 && shown.at(-1) === 1000 && shown.length <= 20, String(place));
    assert.ok(shown.every((one, i) => i === 0 || one > shown[i - 1]), String(place));
  }
  for (const count of [7, 50, 201, 300, 4001]) assert.ok(thin(steps(count), 20, 3).places.length <= 20);
});

test("of many epochs more than half as many as have room are shown", () => {
  for (let most = 8; most < 60; most++) for (const count of [100, 201, 333, 1001, 4001]) assert.ok(thin(steps(count), most).places.length > most / 2, `${count} in ${most}`);
});
