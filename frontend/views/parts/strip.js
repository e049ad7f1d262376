/** A list that scrolls sideways, of which only what is in view is drawn. */

import { reveal } from "../../figures/layout.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").State} State */

/**
 * Place and width are read when they change, not when the page is drawn: reading them then makes the browser lay the
 * page out twice.
 * @typedef {object} Strip
 * @property {HTMLElement} track  what is drawn into; as wide as all items
 * @property {number} scroll  px scrolled
 * @property {number} room  px in view
 * @property {(item: number, index: number) => void} show  scrolls until an item of so many px shows whole
 * @property {() => void} again  draws what was drawn last
 */

/**
 * @param {HTMLElement} element  the strip is added to it
 * @param {(strip: Strip, data: Data, state: State) => void} draw  called for new data, and again when the strip is scrolled or resized
 * @returns {import("../../types.d.ts").Update}
 */
export function createStrip(element, draw) {
  const box = document.createElement("div");
  box.className = "strip";
  box.tabIndex = -1;
  const track = document.createElement("div");
  track.className = "track";
  box.append(track);
  element.append(box);

  /** @type {Strip} */
  const strip = {
    track,
    scroll: 0,
    room: 1000,
    show(item, index) {
      const place = reveal(strip.scroll, strip.room, item, index);
      if (place !== strip.scroll) box.scrollLeft = strip.scroll = place;
    },
    again() {
      if (last) draw(strip, ...last);
    },
  };
  /** @type {[Data, State] | null} */
  let last = null;
  const moved = () => {
    strip.scroll = box.scrollLeft;
    strip.room = box.clientWidth || strip.room;
    strip.again();
  };
  box.addEventListener("scroll", moved, { passive: true });
  new ResizeObserver(moved).observe(box);

  return (data, state) => {
    if (data.phase !== "ready") return;
    last = [data, state];
    draw(strip, data, state);
  };
}
