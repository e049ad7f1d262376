import assert from "node:assert/strict";
import test from "node:test";

import { DEFAULTS, createStore, readHash, writeHash } from "../../../frontend/model/state.js";

const chosen = {
  ...DEFAULTS,
  a: "runs & more/xai",
  b: "",
  set: "zwölf=12",
  runs: ["a,b", "c%d"],
  filter: "^(seed|#)",
  method: "lime",
  class: "3",
  probe: 0,
  epoch: -1,
  pin: 4,
  sort: "uncertain",
  only: 7,
  wrong: true,
  disagree: true,
  view: "map",
  opacity: 35,
  strongest: 1,
  sign: "against",
  top: 5,
  rest: "hide",
  ink: "#ffff00",
  outlines: false,
  lock: false,
  region: "corner patch",
  player: 14,
  metric: "mae",
  align: "best",
  film: "all",
  compare: "swipe",
  swipe: 30,
  evolution: "ranks",
  gains: "lost",
  form: "waterfall",
  rank: "logged",
  drift: "apart",
  repeats: "-fold[0-9]+|x&y",
  findings: "open",
  events: "reason changed",
  first: "open",
  rail: "open",
  unfolded: ["bars", "a,b"],
  find: "cat & dog",
  blink: "second",
  areas: [{ name: "a:b;c,d&e", probe: 2, points: [0, 0, 8, 0, 8, 4.5] }],
};

// Of the moment: hover, playing and the like are in no link.
const MOMENT = ["hover", "pair", "drawing", "seeksBest", "playing", "help", "dark", "copied", "window"];

test("the choices below are none of the defaults, so that each has to be in the URL", () => {
  for (const key of Object.keys(DEFAULTS)) {
    if (!MOMENT.includes(key)) assert.notDeepEqual(chosen[key], DEFAULTS[key], key);
  }
});

test("every choice survives the way through the URL, whatever its characters", () => {
  assert.deepEqual({ ...DEFAULTS, ...readHash(writeHash("", chosen)) }, chosen);
});

test("defaults leave the URL empty but for the tab's name", () => {
  assert.equal(writeHash("", DEFAULTS), "#xai");
});

test("what is of the moment never gets into the URL", () => {
  const moment = { ...DEFAULTS, hover: 3, playing: true, help: true, dark: true, copied: true, window: [4, 9] };
  assert.equal(writeHash("", moment), "#xai");
});

test("other plugins' parts of the URL stay", () => {
  const hash = writeHash("#xai&p.xai.probe=9&runFilter=a&p.text.x=1", { ...DEFAULTS, probe: 2 });
  assert.equal(hash, "#xai&p.xai.probe=2&runFilter=a&p.text.x=1");
});

test("values that can't be read are left out, the rest counts", () => {
  const read = readHash("#xai&p.xai.probe=x&p.xai.view=hologram&p.xai.class=-1&p.xai.nothing=1&p.xai.a=%E0%A4%A&p.xai.epoch=5&p.xai.opacity=900");
  assert.deepEqual(read, { epoch: 5, opacity: 100 });
});

test("another probe releases what is under the pointer, another run also what is being drawn", () => {
  const window = { location: { hash: "", href: "" }, history: { replaceState() {} } };
  const store = createStore(() => {}, /** @type {never} */ (window));
  const begin = () => store.set({ hover: 3, pair: [1, 2], drawing: "box" });
  begin();
  store.set({ probe: 1 });
  assert.deepEqual([store.get().hover, store.get().pair, store.get().drawing], [null, null, "box"]);
  begin();
  store.set({ probe: 1, epoch: 4 });
  assert.equal(store.get().hover, 3, "the same probe");
  store.set({ a: "other/xai" });
  assert.deepEqual([store.get().hover, store.get().pair, store.get().drawing], [null, null, null]);
  store.set({ probe: 2, hover: 5 });
  assert.equal(store.get().hover, 5, "what is chosen with it stays");
});
