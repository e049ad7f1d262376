/** Views whose modules are loaded when they have something to draw. */

import { hasView } from "../../words/kinds.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").View} View */

/**
 * A view of some kinds of probes only (words/kinds.js): fetched when there is a probe of such a kind; without a room until then.
 * @param {string} name
 * @param {() => Promise<View>} load
 * @returns {View}
 */
export const ofKind = (name, load) => (element) =>
  later(element, load, (data) => {
    const wanted = hasView(data, name);
    if (data.phase === "ready") element.hidden = !wanted;
    return wanted;
  });

/**
 * A view that is fetched once the others have drawn.
 * @param {() => Promise<View>} load
 * @returns {View}
 */
export const soon = (load) => (element) =>
  later(element, async () => {
    // The page is drawn in one frame; a task begins after it.
    await new Promise((resolve) => setTimeout(resolve));
    return load();
  }, ({ phase }) => phase === "ready");

/**
 * @param {HTMLElement} element
 * @param {() => Promise<View>} load
 * @param {(data: Data) => boolean} isWanted
 * @returns {import("../../types.d.ts").Update}
 */
function later(element, load, isWanted) {
  /** @type {import("../../types.d.ts").Update | null} */
  let update = null;
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  let requested = false;
  return (data, state) => {
    if (update) {
      update(data, state);
      return;
    }
    if (!isWanted(data)) return;
    last = [data, state];
    if (requested) return;
    requested = true;
    load().then(
      (view) => {
        update = view(element);
        if (last) update(...last);
      },
      () => {
        requested = false; // TensorBoard may be restarting: the next drawing tries again
      },
    );
  };
}

/**
 * Loads something once for several callers; after a failure again.
 * @template T
 * @param {() => Promise<T>} load
 */
export function once(load) {
  /** @type {Promise<T> | null} */
  let coming = null;
  return () => {
    coming ??= load().catch((error) => {
      coming = null;
      throw error;
    });
    return coming;
  };
}
