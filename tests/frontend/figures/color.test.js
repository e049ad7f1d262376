import assert from "node:assert/strict";
import test from "node:test";

import { AGAINST, FOR, NEUTRAL, RUN_COLORS, diverging, emphasis, paletteNumber, tints } from "../../../frontend/figures/color.js";

/** Contrast as WCAG 2 defines it. */
function contrast(one, other) {
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(one), luminance(other)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

test("zero attribution is the neutral colour in either theme", () => {
  assert.deepEqual(diverging(0, NEUTRAL.light), NEUTRAL.light);
  assert.deepEqual(diverging(0, NEUTRAL.dark), NEUTRAL.dark);
});

test("the ends of the scale are pure crimson and blue, and nothing lies beyond them", () => {
  assert.deepEqual(diverging(1, NEUTRAL.light), FOR);
  assert.deepEqual(diverging(-1, NEUTRAL.light), AGAINST);
  assert.deepEqual(diverging(3, NEUTRAL.light), FOR);
});

test("a larger attribution never has less colour", () => {
  let last = -1;
  for (let t = 0; t <= 1; t += 0.01) {
    assert.ok(emphasis(t) > last);
    last = emphasis(t);
  }
});

test("zero and NaN get no tint, a sign gets its own colour, opacity is the alpha of the largest value", () => {
  const out = tints(new Float32Array([0, NaN, 2, -2, 1]), 2, 0.5, null);
  const of = (player) => [...out.slice(4 * player, 4 * player + 4)];
  assert.deepEqual(of(0), [0, 0, 0, 0]);
  assert.deepEqual(of(1), [0, 0, 0, 0]);
  assert.deepEqual(of(2), [...FOR, 128]);
  assert.deepEqual(of(3), [...AGAINST, 128]);
  assert.ok(of(4)[3] > 0 && of(4)[3] < 128);
});

test("players that are not shown get no tint, whatever their sign", () => {
  const out = tints(new Float32Array([0.5, -0.5, 1]), 1, 1, Uint8Array.of(0, 0, 1));
  assert.deepEqual([out[3], out[7], out[11]], [0, 0, 255]);
});

test("a name in any run's colour can be read on every background of either theme", () => {
  const grounds = { light: ["#ffffff", "#f0f1f2", "#f5f6f7"], dark: ["#303030", "#424242", "#3a3a3a"] };
  for (const [light, dark] of RUN_COLORS) {
    for (const ground of grounds.light) assert.ok(contrast(rgb(light), rgb(ground)) >= 4.5, `${light} on ${ground}`);
    for (const ground of grounds.dark) assert.ok(contrast(rgb(dark), rgb(ground)) >= 4.5, `${dark} on ${ground}`);
  }
});

test("a run has the same colour on every page, whatever runs there are, unless it meets one that has it", () => {
  const own = paletteNumber("seed-7", []);
  assert.equal(paletteNumber("seed-7", ["seed-7", "baseline"]), own);
  const twin = Array.from({ length: 100 }, (_, i) => `run-${i}`).find((run) => paletteNumber(run, []) === own);
  assert.notEqual(paletteNumber("seed-7", [twin, "seed-7"]), own);
  assert.equal(paletteNumber("seed-7", ["seed-7", twin]), own, "the one that comes first keeps it");
});

test("a twentieth of the scale is seen beside 0 on a dark map as well as on a light one", () => {
  for (const neutral of [NEUTRAL.light, NEUTRAL.dark]) {
    for (const t of [0.05, -0.05]) {
      const away = Math.hypot(...labOf(diverging(t, neutral)).map((part, i) => part - labOf(neutral)[i]));
      // 2.3 is just noticed.
      assert.ok(away > 4.6, `${t} on ${neutral}: ${away}`);
    }
  }
});

const lab = (hex) => labOf(rgb(hex));

/** CIE 1976 L*a*b* under D65. */
function labOf(color) {
  const [r, g, b] = color.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  const xyz = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883];
  const [x, y, z] = xyz.map((value) => (value > 216 / 24389 ? Math.cbrt(value) : (24389 / 27 * value + 16) / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

test("A and B are never taken for each other, and no other run for one of them while there are colours enough", () => {
  const difference = (one, other, theme) => Math.hypot(...lab(RUN_COLORS[one][theme]).map((part, i) => part - lab(RUN_COLORS[other][theme])[i]));
  const names = Array.from({ length: 60 }, (_, i) => `run-${i}`);
  for (const a of names) {
    for (const b of names) {
      if (a === b) continue;
      const [first, second, third] = [a, b, "another"].map((run) => paletteNumber(run, [a, b, "another"]));
      // 2.3 is just noticed.
      for (const theme of [0, 1]) {
        assert.ok(difference(first, second, theme) > 25, `${RUN_COLORS[first][theme]} ${RUN_COLORS[second][theme]}`);
        assert.ok(difference(first, third, theme) > 12 && difference(second, third, theme) > 12);
      }
    }
  }
});

test("runs that are drawn together have colours of their own, as many as there are", () => {
  const runs = Array.from({ length: 10 }, (_, i) => `run-${i}`);
  assert.equal(new Set(runs.map((run) => paletteNumber(run, runs))).size, 10);
  assert.ok(paletteNumber("one more", [...runs, "one more"]) < RUN_COLORS.length);
});
