import assert from "node:assert/strict";
import test from "node:test";

import { Refused } from "../../../frontend/feed/api.js";
import { createFeed } from "../../../frontend/feed/feed.js";

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

/** A run whose record grows by a step at a time; every request for its values is remembered. */
async function training(steps) {
  const requests = [];
  const source = {
    steps,
    wall_times: steps.map((step) => 100 + step),
    runs: async () => [{ run: ARGS.run, version: JSON.stringify([source.steps, source.wall_times]) }],
    get: async (route, args, signal, before) => {
      if (route === "run") return { steps: source.steps, wall_times: source.wall_times };
      requests.push(before?.until);
      return { steps: source.steps };
    },
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  const draw = () => {
    feed.open();
    feed.ask("run", ARGS);
    const values = feed.ask("values", ARGS);
    feed.close();
    return values;
  };
  draw();
  await settled();
  const look = async (change) => {
    Object.assign(source, change);
    await feed.poll();
    await settled();
    return draw();
  };
  return { look, requests };
}

test("of a run that grew only what came after the last known step is fetched", async () => {
  const { look, requests } = await training([-1, 0, 1]);
  await look({ steps: [-1, 0, 1, 2], wall_times: [99, 100, 101, 102] });
  assert.deepEqual(requests, [undefined, 1]);
});

test("a run that was written anew is fetched whole", async () => {
  const { look, requests } = await training([-1, 0, 1]);
  await look({ steps: [-1, 0, 1], wall_times: [99, 500, 501] });
  await look({ steps: [-1, 0], wall_times: [99, 500] });
  assert.deepEqual(requests, [undefined, undefined, undefined]);
});

test("replies are asked for by the version that is shown, so that the browser may keep them", async () => {
  const asked = [];
  const source = {
    runs: async () => [{ run: "a", version: "7" }, { run: "b", version: "9" }],
    get: async (route, args) => (asked.push(args), {}),
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  feed.open();
  feed.ask("difference", { run: "a", other: "b" });
  feed.ask("run", { run: "b" });
  feed.close();
  assert.deepEqual(asked, [{ run: "a", other: "b", version: "7", other_version: "9" }, { run: "b", version: "9" }]);
});

test("a read that takes long says how far it is", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  context.mock.method(performance, "now", () => now);
  const answers = [];
  const source = { runs: async () => [], get: () => new Promise((resolve) => answers.push(resolve)) };
  let drawn = 0;
  const feed = createFeed(source, () => (drawn += 1));
  const draw = () => {
    feed.open();
    for (const run of ["a", "b", "c"]) feed.ask("run", { run });
    feed.close();
  };
  now = 5;
  draw();
  assert.equal(feed.state().reading, null);
  now = 1200;
  context.mock.timers.tick(1200);
  assert.equal(drawn, 1);
  assert.deepEqual(feed.state().reading, { done: 0, total: 3 });
  answers[1]({});
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(feed.state().reading, { done: 1, total: 3 });
  answers[0]({});
  answers[2]({});
  await new Promise((resolve) => setImmediate(resolve));
  draw();
  assert.equal(feed.state().reading, null);
});

test("what is asked for while a run changes over does not stay at the old version", async () => {
  const source = { version: "1", hold: [] };
  const asked = [];
  source.runs = async () => [{ run: "a", version: source.version }];
  source.get = (route, args) => {
    asked.push(`${route} ${args.probe ?? ""} ${args.version}`);
    const reply = { steps: [0], wall_times: [1], of: args.version };
    return source.slow ? new Promise((resolve) => source.hold.push(() => resolve(reply))) : Promise.resolve(reply);
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  const draw = (probe) => {
    feed.open();
    const replies = [feed.ask("run", { run: "a" }), feed.ask("values", { run: "a", probe })];
    feed.close();
    return replies.map((reply) => reply?.of);
  };
  draw("3");
  await settled();
  assert.deepEqual(draw("3"), ["1", "1"]);
  Object.assign(source, { version: "2", slow: true });
  await feed.poll();
  await settled();
  source.slow = false;
  draw("4"); // the user goes on while the new epochs are on their way
  await settled();
  assert.deepEqual(draw("4"), ["1", "1"]);
  while (source.hold.length) {
    source.hold.shift()();
    await settled();
  }
  draw("4");
  await settled();
  assert.deepEqual(draw("4"), ["2", "2"]);
  assert.ok(asked.includes("values 4 2"));
});

test("a change that failed half way leaves nothing of itself behind", async () => {
  const untils = [];
  const source = { steps: [0, 1, 2], wall_times: [1, 2, 3], failing: false };
  source.runs = async () => [{ run: "a", version: JSON.stringify(source.wall_times) }];
  source.get = async (route, args, signal, before) => {
    if (route === "run") return { steps: source.steps, wall_times: source.wall_times };
    untils.push(before?.until);
    if (source.failing) throw new Error("no such file");
    return { steps: source.steps, of: source.wall_times[0] };
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  const draw = () => {
    feed.open();
    const replies = [feed.ask("run", { run: "a" }), feed.ask("values", { run: "a" })];
    feed.close();
    return replies;
  };
  draw();
  await settled();
  Object.assign(source, { wall_times: [10, 20, 30], failing: true }); // restarted, and not to be read for a moment
  await feed.poll();
  await settled();
  assert.deepEqual(draw().map(({ wall_times, of }) => wall_times?.[0] ?? of), [1, 1], "both as they were");
  assert.equal(feed.state().problem, "no such file");
  Object.assign(source, { steps: [0, 1, 2, 3], wall_times: [10, 20, 30, 40], failing: false });
  await feed.poll();
  await settled();
  assert.deepEqual(draw().map(({ wall_times, of }) => wall_times?.[0] ?? of), [10, 10]);
  assert.equal(feed.state().problem, "");
  assert.deepEqual(untils, [undefined, undefined, undefined]);
});

test("a record that was written anew is shown though it does not fit what was asked of the old one", async () => {
  const runs = { 1: { steps: [-1, 0], wall_times: [1, 2] }, 2: { steps: [3, 4], wall_times: [7, 8] } };
  const source = {
    version: "1",
    runs: async () => [{ run: ARGS.run, version: source.version }],
    get: async (route, args) => {
      const info = runs[args.version];
      if (route === "run") return info;
      if (!info.steps.includes(Number(args.at))) throw new Refused(`step ${args.at} was not explained`);
      return { at: args.at };
    },
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  const draw = () => {
    feed.open();
    const info = feed.ask("run", ARGS);
    const reply = info && feed.ask("difference", { ...ARGS, at: String(info.steps[0]) });
    feed.close();
    return [info?.steps[0], reply?.at, feed.state().problem, feed.state().failures.length];
  };
  const look = async () => {
    await feed.poll();
    for (let i = 0; i < 3; i++) {
      draw();
      await settled();
    }
    return draw();
  };
  assert.deepEqual(await look(), [-1, "-1", "", 0]);
  source.version = "2";
  assert.deepEqual(await look(), [3, "3", "", 0]);
});

test("a part that failed is told by itself, once more asked for it comes, and the page has no problem", async () => {
  let failing = true;
  const source = {
    runs: async () => [{ run: "a", version: "1" }],
    get: async (route) => {
      if (failing && route === "share") throw new Error("the masks are damaged");
      return { bytes: 0, route };
    },
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  const draw = () => {
    feed.open();
    const replies = ["run", "share"].map((route) => feed.ask(route, { run: "a", region: "left" })?.route);
    feed.close();
    return replies;
  };
  draw();
  await settled();
  assert.deepEqual(draw(), ["run", undefined]);
  assert.equal(feed.state().problem, "");
  assert.deepEqual(feed.state().failures, [{ route: "share", args: { run: "a", region: "left" }, problem: "the masks are damaged" }]);
  failing = false;
  feed.retry();
  draw();
  await settled();
  assert.deepEqual([draw(), feed.state().failures], [["run", "share"], []]);
});

test("what judges keeps nobody waiting, and of a run that grew the old reply stands until the new one is here", async () => {
  let version = "1";
  /** @type {((reply: unknown) => void)[]} */
  const waiting = [];
  const source = {
    runs: async () => [{ run: ARGS.run, version }],
    get: (route, args) => (route === "events" ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve({ steps: [0], wall_times: [0], version: args.version })),
  };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  await feed.poll();
  const draw = () => {
    feed.open();
    const replies = [feed.ask("run", ARGS), feed.ask("events", ARGS)];
    feed.close();
    return replies;
  };
  draw();
  await settled();
  draw();
  assert.deepEqual([feed.state().pending, feed.state().late], [false, true]);
  waiting[0]({ events: "old" });
  await settled();
  assert.deepEqual(draw()[1], { events: "old" });
  version = "2";
  await feed.poll();
  await settled();
  const [run, events] = draw();
  assert.deepEqual([run.version, events], ["2", { events: "old" }]);
  assert.equal(waiting.length, 2, "the new version is asked for once the rest has changed over");
  waiting[1]({ events: "new" });
  await settled();
  assert.deepEqual(draw()[1], { events: "new" });
});

test("two runs are judged anew when a repeat of one of them is there, has grown, or has gone, and not for any other run", async () => {
  const row = (name, recipe) => ({ run: `${name}/xai`, name, version: "1", recipes: { probes: recipe } });
  const rows = [row("a-seed1", "same"), row("b-seed1", "same")];
  let judged = 0;
  const source = { runs: async () => rows.map((row) => ({ ...row })), get: async () => ({ judged: (judged += 1) }) };
  const feed = createFeed(source, () => {});
  feed.setVisible(false);
  const look = async () => {
    await feed.poll();
    await settled();
    feed.open();
    const reply = feed.ask("compare", { run: "a-seed1/xai", other: "b-seed1/xai", set: "probes" });
    feed.close();
    await settled();
    return reply;
  };
  await look();
  rows.push(row("c-seed1", "other"));
  assert.deepEqual(await look(), { judged: 1 });
  rows.push(row("b-seed2", "same"));
  assert.deepEqual([await look(), judged], [{ judged: 1 }, 2], "the old reply stands until the new one is here");
  assert.deepEqual(await look(), { judged: 2 });
  rows[3].version = "2";
  await look();
  assert.deepEqual(await look(), { judged: 3 });
  rows.splice(2, 1);
  await look();
  assert.deepEqual(await look(), { judged: 3 }, "another recipe's");
  rows.pop();
  await look();
  assert.deepEqual(await look(), { judged: 4 });
});
