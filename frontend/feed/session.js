/** What the page knows and what the user chose, kept up to date; what will be drawn is fetched before there is anything to draw it with. */

import { hostWindow } from "../host/host.js";
import { derive } from "../model/model.js";
import { createStore } from "../model/state.js";
import { createFeed } from "./feed.js";

/** @typedef {ReturnType<typeof createSession>} Session */

// A cursor that stays so long has come to rest.
const REST_MS = 300;

/**
 * @param {import("../types.d.ts").Source} source
 * @param {Promise<import("../types.d.ts").RunRow[]>} first  the runs, on their way
 */
export function createSession(source, first) {
  const store = createStore(changed, hostWindow());
  const feed = createFeed(source, changed, first);
  let frame = 0;
  let settled = false;
  /** @type {number | null} */
  let rested = null;
  /** @type {number | null} where the cursor is, and may come to rest */
  let here = null;
  let timer = 0;
  /** @type {() => void} */
  let draw = look;

  function changed() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }

  /** What is judged of an epoch is asked for when the cursor stays there. */
  function follow(/** @type {number} */ step) {
    if (step === here) return;
    here = step;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      rested = here;
      changed();
    }, REST_MS);
  }

  /** What there is to show now; asks for what is missing. */
  function look() {
    const { rows, problem, reconnecting } = feed.state();
    feed.open();
    const data = derive({ rows, problem, reconnecting, now: Date.now() / 1000, settled, rested }, store.get(), feed.ask);
    feed.close();
    const { pending, late, reading, failures } = feed.state();
    if (data.phase === "ready") follow(data.cursor.step);
    const analysed = settled && !late && (!data.b || rested === data.cursor.step);
    return { data: { ...data, reading, failures }, pending, analysed };
  }

  void feed.poll();
  return {
    store,
    feed,
    look,
    changed,
    /** The page stands: what can be later is asked for from now on. */
    settle() {
      settled = true;
      changed();
    },
    /** @param {() => void} drawer  called at every change from now on */
    drawWith(drawer) {
      draw = drawer;
      changed();
    },
  };
}
