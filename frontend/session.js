/** What the page knows and what the user chose, kept up to date; what will be drawn is fetched before there is anything to draw it with. */

import { createFeed } from "./feed.js";
import { derive } from "./model.js";
import { createStore } from "./state.js";

/** @typedef {ReturnType<typeof createSession>} Session */

/**
 * @param {import("./types.d.ts").Source} source
 * @param {Promise<import("./types.d.ts").RunRow[]>} first  the runs, on their way
 */
export function createSession(source, first) {
  const store = createStore(changed);
  const feed = createFeed(source, changed, first);
  let frame = 0;
  /** @type {() => void} */
  let draw = look;

  function changed() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  /** What there is to show now; asks for what is missing. */
  function look() {
    const { rows, problem, reconnecting } = feed.state();
    feed.open();
    const data = derive({ rows, problem, reconnecting, now: Date.now() / 1000 }, store.get(), feed.ask);
    feed.close();
    const { pending, reading } = feed.state();
    return { data: { ...data, reading }, pending };
  }

  void feed.poll();
  return {
    store,
    feed,
    look,
    changed,
    /** @param {() => void} drawer  called at every change from now on */
    drawWith(drawer) {
      draw = drawer;
      changed();
    },
  };
}
