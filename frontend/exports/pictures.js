/** One picture of an export, drawn as the page draws it. */

import { fit } from "../figures/layout.js";
import { difference } from "../figures/scale.js";
import { outlined } from "../model/areas.js";
import { epochOf } from "../model/cursor.js";
import { endFor, ofDifference } from "../model/look.js";
import { paint } from "../paint/picture.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

let drawn = 0;

/**
 * @param {Data} data
 * @param {State} state
 * @param {number} size  px of the longer side
 * @param {boolean} lines  outlines of segments and of the region too, as on the large pictures
 */
export function createPainter(data, state, size, lines) {
  const canvas = document.createElement("canvas");
  const { probe } = data;
  const at = (/** @type {Side} */ side, /** @type {number} */ place) => side.values(probe)?.at(epochOf(data.cursor, side.letter, place)) ?? null;

  /** @type {(side: Side, values: Float32Array | null, look?: State) => HTMLCanvasElement} */
  const draw = (side, values, look = state) => {
    const picture = side.picture(probe);
    if (!picture) throw new Error(`the image of probe ${probe} has not loaded yet; try again`);
    const { width, height } = fit(picture.width, picture.height, size);
    drawn += 1;
    paint(canvas, { width: width / devicePixelRatio, height: height / devicePixelRatio }, `export ${drawn}`, {
      picture,
      values,
      scale: state.lock ? endFor(data, side) : 0,
      lit: state.player === null ? [] : [state.player],
      region: lines ? (data.a?.info.regions.indexOf(data.region) ?? -1) : -1,
      area: lines ? outlined(state.areas, data.region, probe) : null,
      outlines: lines && state.outlines,
      look,
    });
    return canvas;
  };

  return {
    /** @type {(side: Side, place: number) => HTMLCanvasElement} valid until the next one is drawn */
    of: (side, place) => draw(side, at(side, place)?.values ?? null),
    /** @type {(a: Side, b: Side, place: number) => HTMLCanvasElement} a − b; hatched where they explain different classes */
    between(a, b, place) {
      const [one, other] = [at(a, place), at(b, place)];
      return draw(a, one && other && one.target === other.target && !b.apart ? difference(one.values, other.values) : null, ofDifference(state));
    },
  };
}

/**
 * @param {Data} data
 * @param {number} size
 */
export function boxOf(data, size) {
  const picture = data.a?.picture(data.probe);
  return picture ? fit(picture.width, picture.height, size) : { width: size, height: size };
}
