import assert from "node:assert/strict";
import test from "node:test";

import { countKinds, firstEpoch, isOfReasons, markerWords, markersOf, parted, placesOf, sizeWords, steadyWords, tally } from "../../../frontend/model/events.js";

const event = (step, probe, kind, more = {}) => ({ step, probe, kind, explainer: "", size: 0.5, floor: 0.2, region: "", ...more });
const cursorOf = (steps, epochs = { A: steps, B: steps }) => ({ steps, epochs, index: 0, step: steps[0] });

test("where there is room each epoch with events has a marker of its own, the gravest kind first", () => {
  const events = [event(0, 0, "learned"), event(0, 1, "learned"), event(2, 0, "reason changed"), event(2, 1, "forgotten"), event(2, 2, "reason changed")];
  assert.deepEqual(markersOf(events, cursorOf([-1, 0, 1, 2]), "A", 100), [
    { first: 1, last: 1, goal: 1, kinds: [{ kind: "learned", count: 2, probes: 2 }] },
    { first: 3, last: 3, goal: 3, kinds: [{ kind: "forgotten", count: 1, probes: 1 }, { kind: "reason changed", count: 2, probes: 2 }] },
  ]);
});

test("of a thousand epochs no more markers are drawn than have room, and none of the events is lost", () => {
  const steps = Array.from({ length: 1001 }, (_, i) => i - 1);
  const events = Array.from({ length: 5000 }, (_, i) => event(i % 1000, i % 500, i % 7 ? "learned" : "forgotten"));
  for (const most of [1, 7, 60, 1001]) {
    const markers = markersOf(events, cursorOf(steps), "A", most);
    assert.ok(markers.length <= most);
    assert.equal(markers.flatMap(({ kinds }) => kinds).reduce((sum, { count }) => sum + count, 0), events.length);
    for (const { first, last, goal } of markers) assert.ok(first <= goal && goal <= last);
  }
});

test("a click on a marker of several epochs goes to the one with the most events", () => {
  const steps = [0, 1, 2, 3];
  const [marker] = markersOf([event(1, 0, "learned"), event(2, 0, "learned"), event(2, 1, "learned"), event(3, 1, "learned")], cursorOf(steps), "A", 1);
  assert.equal(steps[marker.goal], 2);
});

test("an event of B stands where the cursor has B's epoch, and one that it has nowhere is not drawn", () => {
  const cursor = cursorOf([0, 1, 2], { A: [0, 1, 2], B: [4, 4, 9] });
  assert.deepEqual([...placesOf(cursor, "B")], [[4, 0], [9, 2]]);
  assert.deepEqual(markersOf([event(9, 0, "learned"), event(5, 0, "learned")], cursor, "B", 9).map(({ first }) => first), [2]);
});

test("a probe to which the same happens twice is one probe", () => {
  const [one] = markersOf([event(7, 1, "onset", { region: "left" }), event(7, 1, "onset", { region: "top" })], cursorOf([6, 7]), "A", 9);
  assert.deepEqual(one.kinds, [{ kind: "onset", count: 2, probes: 1 }]);
  assert.equal(markerWords(one, [6, 7], "A"), "epoch 7: onset on 1 probe (A)");
});

test("a marker in words names its epochs, what happened, on how many probes, and the run", () => {
  const [one] = markersOf([1, 2, 3].map((probe) => event(7, probe, "reason changed")), cursorOf([6, 7]), "A", 9);
  assert.equal(markerWords(one, [6, 7], "A"), "epoch 7: reason changed on 3 probes (A)");
  const [wide] = markersOf([event(6, 0, "learned"), event(7, 1, "forgotten")], cursorOf([6, 7]), "B", 1);
  assert.equal(markerWords(wide, [6, 7], "B"), "epochs 6–7: forgotten on 1 probe and learned on 1 probe (B)");
});

test("what happened at a run's first epoch is told apart: the untrained model is none, and a run may begin late", () => {
  const events = [event(0, 0, "learned"), event(0, 1, "reason changed"), event(3, 1, "forgotten")];
  const side = { info: { steps: [-1, 0, 1, 2, 3, 2 ** 31 - 1] }, events: { events } };
  assert.equal(firstEpoch(side), 0);
  assert.deepEqual(parted(side), { first: events.slice(0, 2), later: events.slice(2) });
  assert.equal(firstEpoch({ info: { steps: [7, 8] } }), 7);
  assert.deepEqual(parted({ info: { steps: [] } }), { first: [], later: [] });
  assert.deepEqual(["reason changed", "onset", "learned", "collapsed"].map(isOfReasons), [true, true, false, false]);
});

test("events are counted by kind", () => {
  const events = [event(0, 0, "learned"), event(0, 1, "learned"), event(1, 1, "collapsed")];
  assert.deepEqual(Object.fromEntries(countKinds(events)), { learned: 2, collapsed: 1 });
  assert.equal(tally(events), "2 learned, 1 collapsed");
});

test("the size of an event stands beside what it had to exceed", () => {
  assert.equal(sizeWords(event(1, 0, "reason changed", { size: 0.52, floor: 0.2 })), "52 % of the attribution moved; threshold 20 %");
  assert.equal(sizeWords(event(1, 0, "onset", { size: 0.3, floor: 0.05, region: "patch" })), "30 % more on patch; threshold 5 %");
  assert.equal(sizeWords(event(1, 0, "forgotten", { size: -0.4, floor: 0 })), "probability of the true class −0.40");
  assert.equal(sizeWords(event(1, 0, "collapsed", { size: null, floor: 1 })), "the model's output is not a number");
});

test("since when a run is steady is said of its explanations and of its metric, where there is one", () => {
  assert.equal(steadyWords({ probes: [], run: 6, metric: "val_accuracy", of_metric: 4 }), "explanations steady since epoch 6, val accuracy steady since epoch 4");
  assert.equal(steadyWords({ probes: [], run: null, metric: "", of_metric: null }), "explanations not steady yet");
});
