/** The page's records and the user's choices, kept up to date. Fetching starts before the views are loaded. */

import { hostWindow } from "../host/host.js";
import { derive } from "../model/model.js";
import { createStore } from "../model/state.js";
import { createFeed } from "./feed.js";

/** @typedef {ReturnType<typeof createSession>} Session */

// The cursor rests after this time without a move.
const REST_MS = 300;

/**
 * @param {import("../types.d.ts").Source} source
 * @param {Promise<import("../types.d.ts").RunRow[]>} first  the runs, already requested
 */
export function createSession(source, first) {
  const report = source.report ?? null;
  const store = createStore(changed, hostWindow(), report?.fixed);
  const feed = createFeed(source, changed, first);
  let frame = 0;
  let settled = false;
  /** @type {number | null} */
  let rested = null;
  /** @type {number | null} the cursor's step, until it rests there */
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

  /** Analyses of an epoch are requested when the cursor rests there. */
  function follow(/** @type {number} */ step) {
    if (step === here) return;
    here = step;
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      rested = here;
      changed();
    }, REST_MS);
  }

  /** The data to show now; requests missing replies. */
  function look() {
    const { rows, problem, reconnecting } = feed.state();
    feed.open();
    const data = derive({ rows, problem, reconnecting, now: report ? Infinity : Date.now() / 1000, report, settled, rested }, store.get(), feed.ask);
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
    /** The first picture is drawn: less urgent requests start now. */
    settle() {
      settled = true;
      changed();
    },
    /** @param {() => void} drawer  called at every change */
    drawWith(drawer) {
      draw = drawer;
      changed();
    },
  };
}
