import assert from "node:assert/strict";
import test from "node:test";

import { playerAt } from "../../../frontend/figures/pointing.js";
import { playerName, stretch } from "../../../frontend/model/players.js";

const series = (...segments) => ({ kind: "sequence", length: segments.length, channels: 1, series: new Float32Array(segments.length), segments: Uint16Array.from(segments), regions: [] });
const probes = { kind: "sequence" };

test("a stretch of time is called by all its steps, as the record calls it", () => {
  // What SequenceProbes.player_names gives for the same segments.
  const signal = series(0, 0, 1, 1, 0, 0, 2);
  assert.deepEqual([0, 1, 2].map((player) => playerName(probes, signal, player)), ["steps 0–1, 4–5", "steps 2–3", "step 6"]);
  const often = series(0, 1, 0, 1, 0, 1, 0, 1, 0);
  assert.deepEqual([0, 1].map((player) => playerName(probes, often, player)), ["steps 0, 2, 4, … (5 steps)", "steps 1, 3, 5, … (4 steps)"]);
  assert.deepEqual(stretch(signal, 0), { first: 0, last: 5 });
  const padded = series(0xffff, 0, 0, 1, 0xffff, 0xffff);
  assert.deepEqual([0, 1].map((player) => playerName(probes, padded, player)), ["steps 1–2", "step 3"]);
  assert.equal(stretch(padded, 0xffff), null);
});

test("what is not here yet has a number", () => {
  assert.equal(playerName(probes, undefined, 3), "stretch 3");
  assert.equal(playerName(probes, series(0), 3), "stretch 3");
  assert.equal(stretch(series(0), 3), null);
});

test("players of probes with several images are called as the record calls them, and between images there is none", () => {
  const picture = { kind: "image", width: 3, height: 1, channels: 1, pixels: new Uint8Array(3), segments: Uint16Array.from([0, 0xffff, 1]), names: ["left", "right"], regions: [] };
  assert.equal(playerName({ kind: "image" }, picture, 1), "right");
  assert.equal(playerName({ kind: "image" }, { ...picture, names: null }, 1), "segment 1");
  const canvas = { getBoundingClientRect: () => ({ left: 0, top: 0, width: 30, height: 10 }) };
  const at = (x) => playerAt({ clientX: x, clientY: 5 }, picture, canvas);
  assert.deepEqual([at(5), at(15), at(25), at(35)], [0, null, 1, null]);
});
