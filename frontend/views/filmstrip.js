/** The selected probe at every epoch, one row a run; a click moves the cursor. */

import { moveTo } from "../cursor.js";
import { epoch } from "../format.js";
import { choose, html, render } from "../html.js";
import { frameSize, inView, pictureSizes } from "../layout.js";
import { playerAt } from "../picture.js";
import { createStrip } from "../strip.js";
import { thumbnail } from "../thumbnail.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */

const LEAST = 40;
const GAP = 4;

/** @type {import("../types.d.ts").View} */
export function filmstripView(element) {
  const names = document.createElement("div");
  names.className = "film-names";
  element.append(names);
  let followed = "";

  return createStrip(element, (strip, data, state) => {
    const { cursor, probe } = data;
    const sides = [data.a, data.b].filter((side) => side !== null);
    const { frame: usual, largest } = pictureSizes(window.innerHeight, sides.length);
    const size = frameSize(strip.room, cursor.steps.length, { least: LEAST, usual, most: largest, gap: GAP });
    const item = size + GAP;
    element.style.setProperty("--frame", `${size}px`);
    element.style.setProperty("--largest", `${largest}px`);
    strip.track.style.width = `${cursor.steps.length * item - GAP}px`;
    // Follows the cursor when it moves; where the user scrolled to stays otherwise.
    const key = `${cursor.step} ${item} ${strip.room}`;
    if (key !== followed) {
      followed = key;
      strip.show(item, cursor.index);
    }
    render(html`<div>${sides.map((side) => html`<div key=${side.letter} class="film-name" title=${side.name}><b style=${{ color: side.color }}>${side.letter}</b> <span class="ellipsis">${side.label}</span></div>`)}</div>`, names);
    const [first, end] = inView(strip.scroll, strip.room, item, cursor.steps.length);
    const shown = cursor.steps.slice(first, end);
    render(html`<div>${shown.map((step, i) => frame(element, data, sides, step, first + i, item))}</div>`, strip.track);
    const frames = strip.track.querySelectorAll(".frame");
    // The strongest player changes from epoch to epoch: only what the user points at or keeps is lit here.
    const chosen = state.hover ?? state.player;
    const lit = state.pair ?? (chosen === null ? [] : [chosen]);
    shown.forEach((step, i) => {
      const canvases = frames[i].querySelectorAll("canvas");
      sides.forEach((side, row) => thumbnail(canvases[row], { side, probe, step, size, lit }, data, state));
    });
  });
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {Side[]} sides
 * @param {number} step
 * @param {number} index
 * @param {number} item
 */
function frame(element, data, sides, step, index, item) {
  const current = step === data.cursor.step;
  const pinned = data.panes.some(({ title }) => title === "pinned") && step === data.pin;
  return html`<button key=${step} type="button" tabindex="-1" class=${`frame${current ? " current" : ""}${pinned ? " pinned" : ""}`} title=${pinned ? "pinned: the reference" : undefined} style=${{ left: `${index * item}px` }}
    aria-label=${`Go to ${epoch(step)}`} aria-current=${current} onClick=${() => choose(element, { ...moveTo(data.cursor, index), playing: false })}
    onPointerLeave=${() => choose(element, { hover: null })}>
    ${sides.map((side) => html`<span key=${side.letter} class="picture"
      onPointerMove=${(/** @type {PointerEvent} */ event) => hover(element, event, side, data.probe)}>
      <canvas role="img" aria-label=${`${side.name} at ${epoch(step)}`}></canvas></span>`)}
    <span class="frame-step">${step < 0 ? "untrained" : step}</span>
  </button>`;
}

/** @type {(element: HTMLElement, event: PointerEvent, side: Side, probe: number) => void} */
function hover(element, event, side, probe) {
  const picture = side.picture(probe);
  const canvas = /** @type {HTMLElement} */ (event.currentTarget).querySelector("canvas");
  if (!picture || !canvas) return;
  choose(element, { hover: playerAt(event, picture, canvas) });
}
