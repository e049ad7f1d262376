import assert from "node:assert/strict";
import test from "node:test";

import { contrast, faded, PANEL, shade } from "../../../frontend/figures/passage.js";
import { insideOf } from "../../../frontend/model/players.js";
import { exactly, isHidden, placeOf, shownOf, withinNoise } from "../../../frontend/model/shown.js";
import { DEFAULTS } from "../../../frontend/model/state.js";

test("contrast is WCAG's", () => {
  assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
  // The example of WCAG's techniques: #767676 on white passes AA with 4.54.
  assert.equal(contrast([118, 118, 118], [255, 255, 255]).toFixed(2), "4.54");
});

test("ink is read on every shade in both themes", () => {
  for (const dark of [false, true]) {
    for (let t = -8; t <= 8; t += 0.01) {
      const { ground, ink } = shade(t, dark);
      assert.ok(contrast(ground, ink) >= 4.5, `${t} ${dark}`);
      // Like colours have the same ink: it changes beyond the end of the scale only.
      if (Math.abs(t) <= 1) assert.deepEqual(ink, dark ? [255, 255, 255] : [0, 0, 0], `${t} ${dark}`);
    }
    assert.deepEqual(shade(0, dark).ground, dark ? PANEL.dark : PANEL.light);
  }
});

const values = (...numbers) => Float32Array.from(numbers);
const side = (letter, explained) => ({
  letter,
  info: { probes: { regression: false, class_names: ["bad", "good"], classes: 2 }, regions: ["director"] },
  values: () => ({ at: () => explained }),
  content: () => ({ kind: "text", pieces: [], regions: [values(0, 0.5, 0)] }),
});
const data = (a, b, errors, real = null) => ({
  panes: [{ title: "A", side: side("A", a), step: 3 }, { title: "B", side: side("B", b), step: 3 }],
  probe: 0,
  cursor: { step: 3 },
  scale: 4,
  difference: { at: () => errors, real: () => real },
});
const good = (...numbers) => ({ values: values(...numbers), errors: values(...numbers.map(() => 0.1)), target: 1 });

test("the difference is first less second on the shared scale, within noise where the server says so", () => {
  const [a, , apart] = shownOf(data(good(1, 2, 0), good(0.9, -2, NaN), values(0.1, 0.1, NaN), Uint8Array.of(0, 1, 0)), { ...DEFAULTS });
  assert.deepEqual([a.end, apart.end], [4, 4]);
  assert.equal(placeOf(apart, 1), 1);
  assert.equal(placeOf(a, 1), 0.5);
  assert.deepEqual([0, 1, 2].map((player) => withinNoise(apart, player)), [true, false, false]);
  assert.equal(withinNoise(a, 2), false, "a value alone is not said to be noise");
  assert.equal(exactly(apart, "“film”", 0), "“film”: A − B +0.10 ± 0.10, within noise");
  assert.equal(exactly(a, "“film”", 1), "“film”: +2.00 ± 0.10 for “good” · rank 1 of 3 · 67 % of the total");
  assert.equal(exactly(apart, "“film”", 2), "“film”: no number here");
});

test("values of different classes have no difference", () => {
  const shown = shownOf(data(good(1, 2), { ...good(1, 2), target: 0 }, null), { ...DEFAULTS });
  assert.equal(shown[2].values, null);
  assert.equal(placeOf(shown[2], 0), 0);
});

test("what is not among the strongest has no shade; an unlocked scale ends at the pane's own largest", () => {
  const [a] = shownOf(data(good(1, -2, 0.5, 0.1), good(1, 1, 1, 1), null), { ...DEFAULTS, lock: false, strongest: 50 });
  assert.equal(a.end, 2);
  assert.deepEqual([0, 1, 2, 3].map((player) => placeOf(a, player)), [0.5, -1, 0, 0]);
});

test("a region is the logged players that lie in it in part, or those that were drawn", () => {
  const one = side("A", null);
  assert.deepEqual([0, 1, 2].map(insideOf(one, [], "director", 0)), [false, true, false]);
  const areas = [{ name: "mine", probe: 4, points: [], players: [2] }];
  assert.deepEqual([0, 1, 2].map(insideOf(one, areas, "mine", 4)), [false, false, true]);
  assert.equal(insideOf(one, areas, "mine", 0)(2), false);
  assert.equal(insideOf(one, [], "", 0)(1), false);
});

test("the players of a region that is asked for by name are those that its share counts", () => {
  const areas = [{ name: "mine", probe: null, points: [], players: null, names: ["good"] }];
  const one = { ...side("A", null), shares: new Map([["mine", { inside: (probe, player) => probe === 4 && player === 1 }]]) };
  assert.deepEqual([0, 1, 2].map(insideOf(one, areas, "mine", 4)), [false, true, false]);
  const coming = { ...side("A", null), shares: new Map() };
  assert.deepEqual([0, 1, 2].map(insideOf(coming, areas, "mine", 4)), [false, false, false]);
});

test("words within noise are read on their hatching: on its lines and on the panel between them, however strong they are", () => {
  for (const dark of [false, true]) {
    for (let t = -50; t <= 50; t += 0.25) {
      const { ground, ink } = shade(faded(t), dark);
      for (const below of [ground, dark ? PANEL.dark : PANEL.light]) assert.ok(contrast(ink, below) >= 4.5, `${t} ${dark ? "dark" : "light"}`);
    }
  }
});

test("of words, those of the other sign and all but the strongest k are not shaded, and hidden where the rest is", () => {
  const numbers = data(good(1, -2, 0.5, 0.1), good(1, 1, 1, 1), null);
  const of = (/** @type {object} */ more) => shownOf(numbers, { ...DEFAULTS, ...more });
  const shaded = (/** @type {object} */ more, i = 0) => [0, 1, 2, 3].filter((player) => placeOf(of(more)[i], player));
  assert.deepEqual(shaded({ sign: "for" }), [0, 2, 3]);
  assert.deepEqual(shaded({ sign: "for", top: 2 }), [0, 2]);
  assert.deepEqual(shaded({ sign: "against", top: 2 }), [1]);
  assert.deepEqual(shaded({ top: 2, strongest: 1 }), [0, 1], "the number counts, whatever the part");
  // 1 - 1 = 0, -2 - 1 = -3, 0.5 - 1 = -0.5, 0.1 - 1 = -0.9
  assert.deepEqual(shaded({ sign: "for", top: 2 }, 2), [1, 3], "the difference keeps both signs");
  const [kept] = of({ sign: "for", top: 2 });
  const [hidden] = of({ sign: "for", top: 2, rest: "hide" });
  assert.deepEqual([0, 1, 2, 3].map((player) => isHidden(kept, player)), [false, false, false, false]);
  assert.deepEqual([0, 1, 2, 3].map((player) => isHidden(hidden, player)), [false, true, false, true]);
});
