import assert from "node:assert/strict";
import test from "node:test";

import { ofKind, once, soon } from "../../../frontend/views/parts/later.js";

const ready = (kind) => ({ phase: "ready", a: { info: { probes: { kind } } } });
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test("what several ask for is fetched once, and again after a failure", async () => {
  let asked = 0;
  const load = once(async () => {
    asked += 1;
    if (asked === 1) throw new Error("gone");
    return asked;
  });
  await assert.rejects(load());
  assert.deepEqual(await Promise.all([load(), load()]), [2, 2]);
  assert.equal(asked, 2);
});

test("a view of other probes is never fetched and has no room; one of these is drawn with the newest data", async () => {
  const drawn = [];
  let fetched = 0;
  const view = ofKind("passage", async () => {
    fetched += 1;
    return () => (data) => drawn.push(data);
  });
  const room = { hidden: false };
  const update = view(room);
  update(ready("image"), {});
  await settled();
  assert.deepEqual([fetched, room.hidden], [0, true]);
  const [first, second] = [ready("text"), ready("text")];
  update(first, {});
  update(second, {});
  await settled();
  assert.deepEqual([fetched, room.hidden, drawn.length, drawn[0] === second], [1, false, 1, true]);
});

test("a view that comes later is fetched after the page's first drawing, and again where that failed", async () => {
  const drawn = [];
  let fetched = 0;
  const update = soon(async () => {
    fetched += 1;
    if (fetched === 1) throw new Error("gone");
    return () => (data) => drawn.push(data);
  })({});
  update({ phase: "loading", a: null }, {});
  await settled();
  assert.equal(fetched, 0);
  update(ready("image"), {});
  assert.equal(fetched, 0);
  await settled();
  assert.deepEqual([fetched, drawn.length], [1, 0]);
  update(ready("image"), {});
  await settled();
  assert.deepEqual([fetched, drawn.length], [2, 1]);
});

test("a view that draws again by itself does not bring back the room that the page has hidden", async () => {
  const room = { hidden: false };
  let again = () => {};
  const update = ofKind("bars", async () => (element) => (data) => {
    again = () => draw(data);
    const draw = (what) => (element.drawn = what);
    draw(data);
  })(room);
  update(ready("tabular"), {});
  await settled();
  assert.equal(room.hidden, false);
  update(ready("text"), {});
  again(); // as when it is resized: a hidden room has no size
  assert.equal(room.hidden, true);
});
