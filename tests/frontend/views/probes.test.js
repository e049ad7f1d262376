import assert from "node:assert/strict";
import test from "node:test";

globalThis.devicePixelRatio = 1;
globalThis.matchMedia = () => ({ addEventListener() {}, matches: false });
const { cardSize } = await import("../../../frontend/views/probes/probes.js");
const { reach } = await import("../../../frontend/views/probe/passage.js");

test("cards are as wide as their pictures where names are short", () => {
  assert.deepEqual(cardSize(146, 60, 14, 1100), { width: 146, lines: 1 });
});

test("cards grow where the strip has room for all of them, and show each name whole", () => {
  const { width, lines } = cardSize(80, 150, 4, 1600);
  assert.equal(lines, 1);
  assert.ok(width >= 150 && 4 * (width + 8) <= 1608);
});

test("names that have no room in one line get a second one", () => {
  for (const [pictures, longest] of [[80, 130], [146, 160], [146, 3000]]) {
    const { width, lines } = cardSize(pictures, longest, 40, 1100);
    assert.equal(lines, 2);
    assert.ok(width >= pictures && width <= 240);
  }
});

test("of a long text it is said which tokens are in view", () => {
  const tops = Array.from({ length: 470 }, (_, i) => 22 * Math.floor(i / 6));
  assert.equal(reach(tops, 0, 220), "1 to 60 of 470 tokens; scroll for the rest");
  assert.equal(reach(tops, 220, 220), "61 to 120 of 470 tokens; scroll for the rest");
  assert.equal(reach(tops.slice(0, 12), 0, 220), "");
});
