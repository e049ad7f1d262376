/** Views whose modules are loaded when they have something to draw. */

import { hasView } from "../../words/kinds.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").View} View */

/**
 * A view that is drawn only where it has something to show. Whether its room is seen follows from the data alone, here and nowhere else: a view that
 * draws again by itself, for example when it is resized, can't bring back a room that the page has hidden.
 * @param {(data: Data) => boolean} isShown
 * @param {View} view
 * @returns {View}
 */
export const shownIf = (isShown, view) => (element) => {
  const update = view(element);
  return (data, state) => {
    const shown = isShown(data);
    element.hidden = data.phase === "ready" && !shown;
    if (shown) update(data, state);
  };
};

/**
 * A view of some kinds of probes only (words/kinds.js), fetched when there is a probe of such a kind.
 * @param {string} name
 * @param {() => Promise<View>} load
 * @param {(data: Data) => boolean} [also]  whether it has something to show of such probes
 * @returns {View}
 */
export const ofKind = (name, load, also = () => true) => shownIf((data) => hasView(data, name) && also(data), (element) => later(element, load));

/**
 * Waits until the page has drawn: it is drawn in one frame, and a task begins after it.
 * @template T
 * @param {() => Promise<T>} load
 */
export const afterwards = (load) => async () => {
  await new Promise((resolve) => setTimeout(resolve));
  return load();
};

/**
 * A view that is fetched once the others have drawn.
 * @param {() => Promise<View>} load
 * @returns {View}
 */
export const soon = (load) => (element) => later(element, afterwards(load), ({ phase }) => phase === "ready");

/**
 * @param {HTMLElement} element
 * @param {() => Promise<View>} load
 * @param {(data: Data) => boolean} [isWanted]  whether the module is needed now
 * @returns {import("../../types.d.ts").Update}
 */
function later(element, load, isWanted = () => true) {
  /** @type {import("../../types.d.ts").Update | null} */
  let update = null;
  /** @type {Parameters<import("../../types.d.ts").Update>} the newest: it is drawn when the module comes */
  let last;
  let requested = false;
  return (data, state) => {
    last = [data, state];
    if (update) {
      update(data, state);
      return;
    }
    if (requested || !isWanted(data)) return;
    requested = true;
    load().then(
      (view) => {
        update = view(element);
        update(...last);
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
