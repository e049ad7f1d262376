/** Looks for new runs and new epochs every few seconds, as long as the page is in view. */

import { Unreachable } from "./api.js";

/** @typedef {import("../types.d.ts").RunRow} RunRow */

const POLL_MS = 4000;

/**
 * @param {import("../types.d.ts").Source} source
 * @param {Promise<RunRow[]> | null} first  the first look, where it is on its way already
 * @param {(before: RunRow[], now: RunRow[]) => void} follow  called with the runs of the last look and of this one
 * @param {() => void} changed  called when there is something new to draw
 */
export function createWatch(source, first, follow, changed) {
  /** @type {RunRow[] | null} */
  let rows = null;
  let problem = "";
  let reconnecting = false;
  let timer = 0;
  let visible = true;
  /** @type {Promise<void> | null} */
  let polling = null;

  /** Looks now, and every few seconds from now on. */
  function poll() {
    clearTimeout(timer);
    polling ??= lookOnce().finally(() => {
      polling = null;
      if (visible) timer = window.setTimeout(poll, POLL_MS);
    });
    return polling;
  }

  async function lookOnce() {
    try {
      const next = await (first ?? source.runs());
      const same = rows && JSON.stringify(rows) === JSON.stringify(next);
      const recovered = reconnecting || problem;
      follow(rows ?? next, next);
      rows = next;
      problem = "";
      reconnecting = false;
      if (!same || recovered) changed();
    } catch (error) {
      // Once there is a picture it stays; TensorBoard may be restarting.
      if (rows) reconnecting = error instanceof Unreachable || reconnecting;
      else problem = messageOf(error);
      changed();
    } finally {
      first = null;
    }
  }

  return {
    poll,
    /** @param {boolean} now */
    setVisible(now) {
      if (now === visible) return;
      visible = now;
      if (visible) void poll();
      else clearTimeout(timer);
    },
    rows: () => rows,
    problem: () => problem,
    reconnecting: () => reconnecting,
  };
}

/** @type {(error: unknown) => string} */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
