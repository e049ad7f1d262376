import assert from "node:assert/strict";
import test from "node:test";

import { createFeed } from "../../frontend/feed.js";

const ARGS = { run: "a/xai" };
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A source whose one run can grow and whose replies can fail. */
function growing() {
  const source = { version: "1", failing: false, fetched: 0 };
  return Object.assign(source, {
    runs: async () => [{ run: ARGS.run, version: source.version }],
    get: async () => {
      source.fetched += 1;
      if (source.failing) throw new Error("no such file");
      return { version: source.version };
    },
  });
}

/** A feed that looks only when told to. */
async function shown(source) {
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  const draw = () => {
    feed.open();
    const reply = feed.ask("run", ARGS);
    feed.close();
    return reply;
  };
  draw();
  await settled();
  const look = async () => {
    await feed.poll();
    await settled();
  };
  return { feed, draw, look };
}

test("nothing is fetched twice, and a run that grew is shown anew", async () => {
  const source = growing();
  const { draw, look } = await shown(source);
  assert.deepEqual(draw(), { version: "1" });
  await look();
  assert.equal(source.fetched, 1);
  source.version = "2";
  await look();
  assert.deepEqual([draw(), source.fetched], [{ version: "2" }, 2]);
});

test("a run that grew while its replies failed keeps its picture and is tried again", async () => {
  const source = growing();
  const { feed, draw, look } = await shown(source);
  Object.assign(source, { version: "2", failing: true });
  await look();
  assert.deepEqual([draw(), feed.state().problem], [{ version: "1" }, "no such file"]);
  source.failing = false;
  await look();
  assert.deepEqual([draw(), feed.state().problem], [{ version: "2" }, ""]);
});

test("what nobody waits for any more is stopped on its way", async () => {
  let signal;
  const source = { runs: async () => [], get: (route, args, given) => ((signal = given), new Promise(() => {})) };
  const feed = createFeed(source, () => {});
  feed.open();
  feed.ask("run", ARGS);
  feed.close();
  assert.equal(signal.aborted, false);
  feed.open();
  feed.close();
  assert.equal(signal.aborted, true);
});
