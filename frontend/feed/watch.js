/** Polls for new runs and epochs every few seconds while the page is visible. */

import { Unreachable } from "./api.js";

/** @typedef {import("../types.d.ts").RunRow} RunRow */

const POLL_MS = 4000;

/**
 * @param {import("../types.d.ts").Source} source
 * @param {Promise<RunRow[]> | null} first  the first reply, if it is already requested
 * @param {(before: RunRow[], now: RunRow[]) => void} follow  called with the runs of the previous poll and of this one
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

  /** Polls now and then every few seconds. */
  function poll() {
    clearTimeout(timer);
    polling ??= lookOnce().finally(() => {
      polling = null;
      // A file stays as it is.
      if (visible && !source.report) timer = window.setTimeout(poll, POLL_MS);
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
      // A page that has data keeps it: TensorBoard may be restarting.
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
