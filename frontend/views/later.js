/** Views of some kinds of probes only: fetched when there is a probe of such a kind. */

/** @typedef {import("../types.d.ts").Kind} Kind */
/** @typedef {import("../types.d.ts").View} View */

/**
 * @param {Kind[]} kinds
 * @param {() => Promise<View>} load
 * @returns {View}
 */
export function later(kinds, load) {
  return (element) => {
    /** @type {import("../types.d.ts").Update | null} */
    let update = null;
    /** @type {Parameters<import("../types.d.ts").Update> | null} */
    let last = null;
    return (data, state) => {
      if (update) {
        update(data, state);
        return;
      }
      const kind = data.a?.info.probes.kind;
      if (data.phase !== "ready" || !kind || !kinds.includes(kind)) {
        element.hidden = data.phase === "ready";
        return;
      }
      const first = last === null;
      last = [data, state];
      if (!first) return;
      void load().then((view) => {
        element.hidden = false;
        update = view(element);
        if (last) update(...last);
      });
    };
  };
}
