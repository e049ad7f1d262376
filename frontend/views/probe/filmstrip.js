/** The selected probe at every epoch, one row a run; a click moves the cursor. */

import { BETWEEN_BLOCKS, FRAME_GAP as GAP, abreast, frameSize, inView, pictureSizes } from "../../figures/layout.js";
import { playerAt } from "../../figures/pointing.js";
import { RETURNED } from "../../figures/steps.js";
import { ordinal, thin } from "../../figures/thinning.js";
import { EM } from "../../host/text.js";
import { epochOf, moveTo } from "../../model/cursor.js";
import { frameLabel, holeLabel, isOnce, sideAt } from "../../model/frames.js";
import { thumbnail } from "../../paint/thumbnail.js";
import { epoch } from "../../words/format.js";
import { choose, html, named, render } from "../parts/html.js";
import { createStrip } from "../parts/strip.js";
import { windowWidth } from "../rail/fold.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */

const LEAST = 48 * EM;

/** @type {import("../../types.d.ts").View} */
export function filmstripView(element) {
  const names = document.createElement("div");
  names.className = "film-names";
  element.append(names);
  let followed = "";

  return createStrip(element, (strip, data, state) => {
    const { cursor, probe } = data;
    const sides = [data.a, data.b].filter((side) => side !== null);
    const { frame: usual, largest } = pictureSizes(window.innerHeight, sides.length);
    const count = cursor.steps.length;
    const thinned = thin(cursor.steps, Math.floor(strip.room / (LEAST + GAP)), cursor.index);
    const fits = thinned.every === 1;
    const places = fits || state.film === "all" ? null : thinned.places;
    const beside = abreast({ width: windowWidth(state), height: window.innerHeight }, count, sides.length, EM);
    const size = beside || frameSize(strip.room, places?.length ?? count, { least: LEAST, usual, most: largest, gap: GAP });
    const item = size + GAP;
    element.style.setProperty("--frame", `${size}px`);
    element.style.setProperty("--largest", `${beside || largest}px`);
    // Frames of both runs in one block, or a block each.
    const blocks = beside ? sides.map((side) => [side]) : [sides];
    const block = (places?.length ?? count) * item - GAP;
    strip.track.style.width = `${blocks.length * (block + BETWEEN_BLOCKS) - BETWEEN_BLOCKS}px`;
    // Follows the cursor when it moves; where the user scrolled to stays otherwise.
    const key = `${cursor.step} ${item} ${strip.room} ${Boolean(places)}`;
    if (key !== followed) {
      followed = key;
      strip.show(item, places ? 0 : cursor.index);
    }
    render(
      html`<div>
        ${sides.map((side) => html`<div key=${side.letter} class="film-name" title=${side.name}>${letterAndName(side)}</div>`)}
        ${!fits && reach(element, places ? thinned.every : 1, count)}
      </div>`,
      names,
    );
    const [first, end] = places ? [0, places.length] : beside ? [0, count] : inView(strip.scroll, strip.room, item, count);
    const shown = places ?? Array.from({ length: end - first }, (_, i) => first + i);
    const left = (/** @type {number} */ k) => k * (block + BETWEEN_BLOCKS);
    render(
      html`<div>${blocks.map((own, k) => [
        beside > 0 && html`<div key=${own[0].letter} class="film-label" style=${{ left: `${left(k)}px`, maxWidth: `${block}px` }} title=${own[0].name}>${letterAndName(own[0])}</div>`,
        ...shown.map((index, i) => frame(element, data, own, index, left(k) + (first + i) * item)),
      ])}</div>`,
      strip.track,
    );
    const frames = strip.track.querySelectorAll(".frame");
    // The strongest player changes from epoch to epoch: only what the user points at or keeps is lit here.
    const chosen = state.hover ?? state.player;
    const lit = state.pair ?? (chosen === null ? [] : [chosen]);
    blocks.forEach((own, k) => shown.forEach((index, i) => {
      const canvases = frames[k * shown.length + i].querySelectorAll("canvas");
      own.forEach((side, row) => {
        // A model that was explained once is the same at every epoch: it stands where the cursor is.
        const step = isOnce(side) && index !== cursor.index ? null : epochOf(cursor, side.letter, index);
        thumbnail(canvases[row], { side, probe, step, size, lit }, data, state);
      });
    }));
  });
}

/** @param {Side} side */
const letterAndName = ({ letter, label, color }) => html`<b style=${{ color }}>${letter}</b> ${named(label)}`;

/**
 * How many of the epochs are in the strip, and the way to the others.
 * @param {HTMLElement} element
 * @param {number} stride  1 where all are
 * @param {number} count
 */
function reach(element, stride, count) {
  const words = stride > 1 ? `every ${ordinal(stride)} ▸` : "◂ all epochs";
  const other = stride > 1 ? `show all ${count} epochs side by side` : "show as many epochs as fit";
  return html`<button type="button" class="link film-reach" title=${other} aria-label=${`${words}; ${other}`} onClick=${() => choose(element, { film: stride > 1 ? "all" : "fit" })}>${words}</button>`;
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {Side[]} sides
 * @param {number} index  place of the cursor
 * @param {number} left  px
 */
function frame(element, data, sides, index, left) {
  const { cursor } = data;
  const step = cursor.steps[index];
  const current = index === cursor.index;
  const pinned = data.panes.some(({ title }) => title === "pinned") && step === data.pin;
  const own = sides.map(({ letter }) => epochOf(cursor, letter, index));
  const words = holeLabel(cursor, sides, index) ?? frameLabel(cursor, sides, index);
  return html`<button key=${left} type="button" tabindex="-1" class=${`frame${current ? " current" : ""}${pinned ? " pinned" : ""}`} title=${pinned ? "pinned: the reference" : undefined} style=${{ left: `${left}px` }}
    aria-label=${sides.every(isOnce) ? "The model" : `Go to ${epoch(step)}${step === RETURNED && words !== "returned" ? `: ${words}` : ""}`} aria-current=${current} onClick=${() => choose(element, { ...moveTo(cursor, index), playing: false })}
    onPointerLeave=${() => choose(element, { hover: null })}>
    ${sides.map((side, row) => html`<span key=${side.letter} class="picture"
      onPointerMove=${(/** @type {PointerEvent} */ event) => hover(element, event, side, data.probe)}>
      <canvas role="img" aria-label=${isOnce(side) && !current ? `${side.name}: the same at every epoch` : sideAt(side, own[row])}></canvas></span>`)}
    <span class="frame-step">${words}</span>
  </button>`;
}

/** @type {(element: HTMLElement, event: PointerEvent, side: Side, probe: number) => void} */
function hover(element, event, side, probe) {
  const picture = side.picture(probe);
  const canvas = /** @type {HTMLElement} */ (event.currentTarget).querySelector("canvas");
  if (!picture || !canvas) return;
  choose(element, { hover: playerAt(event, picture, canvas) });
}
