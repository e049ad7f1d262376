import assert from "node:assert/strict";
import test from "node:test";

import { isRight, orderProbes, sortOf } from "../../../frontend/model/order.js";

const ALL = { sort: "order", only: null, wrong: false, disagree: false };

/** A run of four probes at one step. */
function pane({ labels = [0, 1, 2, 0], predicted = [0, 1, 0, 0], certainty = [0.9, 0.5, 0.2, 0.99], drift = [[0, 0], [1, 1], [NaN, 0.5], [0, 3]] } = {}) {
  return {
    step: 5,
    side: {
      info: { probes: { count: 4, labels } },
      predictions: { at: (probe) => ({ predicted: predicted[probe], probability: certainty[probe], label: certainty[probe] }) },
      drift: { count: 4, steps: drift[0].map((_, step) => step), of: (probe) => Float32Array.from(drift[probe]) },
    },
  };
}

test("as logged is the order of the record", () => {
  assert.deepEqual(orderProbes([pane()], ALL), [0, 1, 2, 3]);
});

test("changed most sums the drift of all epochs, NaN counts nothing", () => {
  assert.deepEqual(orderProbes([pane()], { ...ALL, sort: "changed" }), [3, 1, 2, 0]);
});

test("of two runs the one that changed more counts", () => {
  const calm = pane({ drift: [[0], [0], [0], [0]] });
  const other = pane({ drift: [[9], [0], [0], [0]] });
  assert.equal(orderProbes([calm, other], { ...ALL, sort: "changed" })[0], 0);
});

test("least certain comes first", () => {
  assert.deepEqual(orderProbes([pane()], { ...ALL, sort: "uncertain" }), [2, 1, 0, 3]);
});

test("filters keep a class, what is wrong in either run, and what the runs answer differently", () => {
  assert.deepEqual(orderProbes([pane()], { ...ALL, only: 0 }), [0, 3]);
  assert.deepEqual(orderProbes([pane()], { ...ALL, wrong: true }), [2]);
  const other = pane({ predicted: [0, 1, 2, 1] });
  assert.deepEqual(orderProbes([pane(), other], { ...ALL, wrong: true }), [2, 3]);
  assert.deepEqual(orderProbes([pane(), other], { ...ALL, disagree: true }), [2, 3]);
});

test("without labels nothing is right or wrong", () => {
  assert.equal(isRight(pane({ labels: null }), 0), null);
  assert.equal(isRight(pane(), 2), false);
  assert.equal(isRight(pane({ predicted: [-1, 0, 0, 0] }), 0), null);
});

test("with a pinned epoch it is the last distance from there that counts", () => {
  const pinned = pane();
  pinned.side.sincePin = { of: (probe) => Float32Array.from([[0.2, 0.4], [0.9, NaN], [0.1, 0.1], [0, 0]][probe]) };
  assert.deepEqual(orderProbes([pinned], { ...ALL, sort: "changed" }), [1, 0, 2, 3]);
});

test("reasons that differ most above their noise come first, those of probes that both answer right before all others", () => {
  const distance = [0.3, 0.9, 0.5, NaN];
  const floor = [0.1, 0.1, 0.4, 0.1];
  const compared = { distance: (probe) => distance[probe], floor: (probe) => floor[probe], bothRight: (probe) => probe !== 1 };
  assert.deepEqual(orderProbes([pane(), pane()], { ...ALL, sort: "differ" }, { compared, step: 5 }), [0, 2, 1, 3]);
  assert.deepEqual(orderProbes([pane(), pane()], { ...ALL, sort: "differ" }), orderProbes([pane(), pane()], { ...ALL, sort: "changed" }), "before it is known");
});

/** A run of four probes with sets of three labels: how many are right, which are predicted. */
function ofSets({ right = [3, 2, 3, -1], set = [5, 6, 0, 0], label = [0.9, 0.6, 0.8, NaN], predicted = [0, 1, 2, -1] } = {}) {
  return {
    step: 5,
    side: {
      info: { probes: { count: 4, classes: 3, labels: null, label_sets: [[0, 2], [1], [], [2]] } },
      predictions: { at: (probe) => ({ predicted: predicted[probe], probability: 0.9, label: label[probe], right: right[probe], set: set[probe] }) },
    },
  };
}

test("a probe with several labels is right where all of them are", () => {
  assert.deepEqual([0, 1, 2, 3].map((probe) => isRight(ofSets(), probe)), [true, false, true, null]);
});

test("what has most wrong labels comes first, then what is least certain", () => {
  assert.deepEqual(orderProbes([ofSets()], { ...ALL, sort: "uncertain" }), [1, 2, 0, 3]);
  assert.deepEqual(orderProbes([ofSets({ right: [2, 3, 1, 0], label: [0.99, 0.51, 0.98, 0.97], predicted: [0, 1, 2, 2] })], { ...ALL, sort: "uncertain" }), [3, 2, 0, 1]);
});

test("of sets of labels a probe passes the filter of each of its classes", () => {
  assert.deepEqual([0, 1, 2].map((only) => orderProbes([ofSets()], { ...ALL, only })), [[0], [1], [0, 3]]);
  assert.deepEqual(orderProbes([ofSets()], { ...ALL, wrong: true }), [1]);
});

test("two runs disagree where they predict different sets, though the likeliest label is one", () => {
  assert.deepEqual(orderProbes([ofSets(), ofSets({ set: [5, 2, 1, 0] })], { ...ALL, disagree: true }), [1, 2]);
});

test("of a regression the largest error comes first, an output that is no number last", () => {
  const probes = { count: 4, labels: null, regression: true, truth: [[1, -3], [2, 0], [-5, 0], [4, 0]] };
  const outputs = [1.5, -2, -5, NaN];
  const predictions = { at: (/** @type {number} */ probe) => ({ predicted: Number.isNaN(outputs[probe]) ? -1 : 0, probability: outputs[probe], label: NaN }) };
  assert.deepEqual(orderProbes([{ step: 0, side: { info: { probes }, predictions } }], { ...ALL, sort: "uncertain" }), [1, 0, 2, 3]);
});

test("an order by error and one by certainty are one, whatever a link calls it", () => {
  const errors = { regression: true, truth: [[1], [2]] };
  for (const sort of ["uncertain", "error"]) {
    assert.equal(sortOf({ sort }, errors), "error");
    assert.equal(sortOf({ sort }, { regression: true, truth: null }), "uncertain");
    assert.equal(sortOf({ sort }, { labels: [0, 1] }), "uncertain");
  }
  assert.equal(sortOf({ sort: "changed" }, errors), "changed");
});
