import assert from "node:assert/strict";
import test from "node:test";

import { RETURNED, isEpoch, onAxis } from "../../../frontend/figures/steps.js";
import { epochsShown, thin } from "../../../frontend/figures/thinning.js";
import { epochOf, moveTo } from "../../../frontend/model/cursor.js";
import { apart, frameLabel, hasReturned, holeLabel, sideAt } from "../../../frontend/model/frames.js";
import { orderProbes } from "../../../frontend/model/order.js";
import { cursorOf } from "../../../frontend/model/places.js";
import { chooseRuns, hasBegun, isLive } from "../../../frontend/model/runs.js";
import { epochCount, holes, lastEpoch } from "../../../frontend/model/series.js";
import { DEFAULTS, readHash, writeHash } from "../../../frontend/model/state.js";
import { epoch } from "../../../frontend/words/format.js";
import { returnedShort, returnedWords } from "../../../frontend/words/returned.js";

const epochs = (/** @type {number} */ from, /** @type {number} */ to) => Array.from({ length: to - from }, (_, i) => from + i);

/** @type {(steps: number[], returned?: object | null) => never} */
const info = (steps, returned = null) => /** @type {never} */ ({ steps, log_steps: steps.filter(isEpoch), missing: 0, returned });
const ONCE = { epoch: null, how: "once", step: RETURNED };

test("the step of the returned model is the server's", () => {
  assert.equal(RETURNED, 2147483647);
  assert.deepEqual([-1, 0, 999, RETURNED].map(isEpoch), [false, true, true, false]);
});

test("on an axis the returned model stands a little after the last epoch", () => {
  for (const last of [0, 1, 12, 130, 999]) {
    const place = onAxis([...epochs(-1, last + 1), RETURNED]);
    assert.deepEqual([place(-1), place(last)], [-1, last]);
    assert.ok(place(RETURNED) >= last + 1 && place(RETURNED) <= last + 1 + 0.1 * (last + 1));
  }
  assert.equal(onAxis([RETURNED])(RETURNED), 0);
});

test("it is no epoch, and opens no hole", () => {
  const steps = [-1, ...epochs(0, 12), RETURNED];
  assert.deepEqual([epochCount(steps), lastEpoch(steps)], [12, 11]);
  assert.deepEqual([epochCount([RETURNED]), lastEpoch([RETURNED]), epochCount([])], [0, -1, 0]);
  assert.deepEqual(holes(steps), []);
  assert.deepEqual(holes([0, 1, 2, 5, 6, RETURNED]), [3], "a hole among the epochs is still seen");
});

test("it is the last place of the cursor, which an open page follows", () => {
  const cursor = cursorOf(info([0, 1, RETURNED]), null, null, null);
  assert.deepEqual([cursor.steps, cursor.step, cursor.end], [[0, 1, RETURNED], RETURNED, RETURNED]);
  assert.deepEqual(moveTo(cursor, 2), { epoch: null });
  assert.equal(cursorOf(info([0, 1]), null, null, RETURNED).step, 1, "a link to it opens at the last epoch of a run that has none");
});

test("runs of which one has returned an explained epoch stand there in its row", () => {
  const pairing = /** @type {never} */ ({ steps: Int32Array.of(0, 1, RETURNED), here: Int32Array.of(0, 1, RETURNED), there: Int32Array.of(0, 1, 0), metric: "", best: null });
  const cursor = cursorOf(info([0, 1, RETURNED]), info([0, 1], { epoch: 0, how: "restored", step: 0 }), pairing, RETURNED);
  assert.deepEqual([epochOf(cursor, "A"), epochOf(cursor, "B")], [RETURNED, 0]);
  const sides = /** @type {never} */ ([{ letter: "A", info: info([0, 1, RETURNED]) }, { letter: "B", info: info([0, 1]) }]);
  assert.equal(frameLabel(cursor, sides, 2), "returned · 0");
  assert.equal(frameLabel(cursor, sides, 1), "1");
});

test("epochs that a run does not have go as far as the next epoch, and not to the returned model", () => {
  const ABSENT = -2;
  const pairing = /** @type {never} */ ({
    steps: Int32Array.of(0, 1, 5, RETURNED),
    here: Int32Array.of(0, 1, 5, RETURNED),
    there: Int32Array.of(0, ABSENT, ABSENT, 0),
    metric: "",
    best: null,
  });
  const [a, b] = [info([0, 1, 5, RETURNED]), info([0], { epoch: 0, how: "last", step: 0 })];
  const cursor = cursorOf(a, b, pairing, 0);
  const sides = /** @type {never[]} */ (/** @type {unknown} */ ([{ letter: "A", info: a }, { letter: "B", info: b }]));
  assert.deepEqual([0, 1, 2, 3].map((place) => holeLabel(cursor, [sides[1]], place)), [null, "1–4", null, null]);
  assert.deepEqual([0, 1, 2, 3].map((place) => holeLabel(cursor, sides, place)), [null, null, null, null]);
  assert.equal(frameLabel(cursor, [sides[1]], 2), "5");
});

test("a model that was explained once stands beside every epoch, and takes no part in its name", () => {
  const network = info([0, 1, 2]);
  const pairing = /** @type {never} */ ({ steps: Int32Array.of(0, 1, 2), here: Int32Array.of(0, 1, 2), there: Int32Array.of(RETURNED, RETURNED, RETURNED), metric: "", best: null });
  const cursor = cursorOf(network, info([RETURNED], ONCE), pairing, 1);
  const sides = /** @type {never} */ ([{ letter: "A", name: "network", info: network }, { letter: "B", name: "forest", info: info([RETURNED], ONCE) }]);
  assert.deepEqual([epochOf(cursor, "A"), epochOf(cursor, "B")], [1, RETURNED]);
  assert.equal(apart(cursor, sides, 1), null);
  assert.equal(frameLabel(cursor, sides, 1), "1");
  assert.deepEqual(sides.map((side) => sideAt(side, epochOf(cursor, side.letter))), ["network at epoch 1", "forest, explained once"]);
  assert.equal(frameLabel(cursorOf(info([RETURNED], ONCE), null, null, null), [sides[1]], 0), "the model");
});

test("an explanation of its own is told from that of an epoch, and of a model that was explained once", () => {
  const has = (/** @type {never} */ of) => hasReturned({ info: of });
  assert.deepEqual([has(info([0, RETURNED])), has(info([0, 1], { epoch: 1, how: "last", step: 1 })), has(info([RETURNED], ONCE)), has(info([]))], [true, false, false, false]);
});

test("a thinned film keeps it as its last frame, after the last epoch", () => {
  const steps = [...epochs(-1, 200), RETURNED];
  const thinned = thin(steps, 60);
  assert.deepEqual(thinned.places.slice(-2), [200, 201]);
  assert.equal(epochsShown(thinned), "every 4th of 200 epochs and the last");
  assert.deepEqual(thin([-1, 0, 1, RETURNED], 60), { places: [0, 1, 2, 3], every: 1, of: 2, last: false });
  assert.deepEqual(thin([RETURNED], 60).places, [0]);
  for (const count of [3, 59, 60, 61, 999]) {
    for (const most of [5, 60]) {
      const all = [...epochs(-1, count), RETURNED];
      const { places } = thin(all, most, count >> 1);
      assert.ok(places.length <= most, `${count} at most ${most}`);
      assert.deepEqual([places[0], places.at(-1)], [0, all.length - 1]);
    }
  }
});

test("links name it, and links of before open as they did", () => {
  const hash = writeHash("", { ...DEFAULTS, epoch: RETURNED, pin: RETURNED });
  assert.equal(hash, "#xai&p.xai.epoch=returned&p.xai.pin=returned");
  assert.deepEqual(readHash(hash), { epoch: RETURNED, pin: RETURNED });
  assert.deepEqual(readHash("#xai&p.xai.epoch=-1&p.xai.pin=130"), { epoch: -1, pin: 130 });
  assert.deepEqual(readHash("#xai&p.xai.epoch=latest"), {});
});

test("a run whose returned model is in the record is not live, and goes on when an epoch follows", () => {
  const row = { wall_time: 995, epoch_seconds: 20, returned: { epoch: 6, how: "restored" } };
  assert.equal(isLive(/** @type {never} */ (row), 1000), false);
  assert.equal(isLive(/** @type {never} */ ({ ...row, returned: null }), 1000), true);
  assert.equal(isLive(/** @type {never} */ ({ wall_time: 995, epoch_seconds: 20 }), 1000), true, "records of before say nothing");
});

test("a model that was explained once can be A alone, and B", () => {
  const row = (/** @type {string} */ run, /** @type {object} */ more) => ({ run, name: run, sets: ["probes"], comparable: { probes: { explainers: { shap: "1" } } }, version: "1", epochs: 0, last_step: null, wall_time: 1, epoch_seconds: null, error: null, returned: null, ...more });
  const forest = row("forest", { returned: { epoch: null, how: "once" } });
  const begun = row("begun", {});
  const network = row("network", { last_step: 3, epochs: 4 });
  assert.deepEqual([forest, begun, network].map(hasBegun), [true, false, true]);
  const choice = (/** @type {never[]} */ ...rows) => chooseRuns(rows, DEFAULTS, 1000);
  assert.deepEqual([choice(begun, forest)?.first.run, choice(begun, forest)?.second], ["forest", null]);
  assert.deepEqual([choice(forest, network)?.first.run, choice(forest, network)?.second?.run], ["network", "forest"]);
  assert.equal(choice(begun, forest)?.reasons.get("begun"), "has no epoch yet");
});

test("cards are ordered by the change over epochs: the returned model's own does not count", () => {
  const drift = (/** @type {number[][]} */ of) => ({ count: 2, steps: [0, 1, RETURNED], of: (/** @type {number} */ probe) => Float32Array.from(of[probe]) });
  const pane = { side: { info: { probes: { count: 2, labels: null, regression: false } }, drift: drift([[NaN, 0.1, 9], [NaN, 0.2, 0]]) }, step: 1 };
  assert.deepEqual(orderProbes(/** @type {never} */ ([pane]), { ...DEFAULTS, sort: "changed" }, null), [1, 0]);
});

test("its words", () => {
  assert.equal(epoch(RETURNED), "returned model");
  assert.equal(returnedWords({ epoch: 6, how: "restored" }), "epoch 6, restored");
  assert.equal(returnedWords({ epoch: 11, how: "last" }), "epoch 11, the last");
  assert.equal(returnedWords({ epoch: -1, how: "restored" }), "untrained, restored");
  assert.equal(returnedWords({ epoch: null, how: "averages" }), "moving averages of the optimizer, the weights of no epoch");
  assert.equal(returnedShort({ epoch: null, how: "changed" }), "changed weights");
  assert.equal(returnedWords({ epoch: null, how: "something of a later version" }), "something of a later version");
});
