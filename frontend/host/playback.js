/** Plays the epochs one after another. */

import { move } from "../model/cursor.js";

/** @typedef {import("../types.d.ts").Cursor} Cursor */

const LEAST_MS = 40;
const MOST_MS = 300;
const WHOLE_MS = 12000;

/**
 * @param {import("../model/state.js").Store} store
 * @param {() => Cursor | undefined} cursorNow
 * @returns {() => void} called when an epoch is drawn: the next one follows while the user lets it play
 */
export function createPlayback(store, cursorNow) {
  let timer = 0;

  const step = () => {
    timer = 0;
    const cursor = cursorNow();
    if (!cursor || !store.get().playing) return;
    if (cursor.index === cursor.steps.length - 1) store.set({ playing: false });
    else store.set(move(cursor, 1));
  };

  return () => {
    const cursor = cursorNow();
    if (!cursor || !store.get().playing || timer) return;
    timer = window.setTimeout(step, Math.min(MOST_MS, Math.max(LEAST_MS, WHOLE_MS / cursor.steps.length)));
  };
}
