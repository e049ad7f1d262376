/** A small picture of one run at one epoch, as cards and filmstrip show it. */

import { fit } from "../figures/layout.js";
import { endFor } from "../model/look.js";
import { wipe } from "./canvas.js";
import { paint } from "./picture.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{side: Side, probe: number, step: number | null, size: number, lit: number[]}} what  step: null for none; size in CSS pixels; lit: players to outline
 * @param {Data} data
 * @param {State} state
 */
export function thumbnail(canvas, { side, probe, step, size, lit }, data, state) {
  const picture = side.picture(probe);
  const values = side.values(probe);
  const box = picture ? fit(picture.width, picture.height, size) : { width: size, height: size };
  if (!picture || !values || step === null) {
    // What it showed before was another method's, another run's, or another epoch's.
    wipe(canvas, box);
    return;
  }
  paint(canvas, box, [side.id, values.id, probe, step].join(), {
    picture,
    values: values.at(step)?.values ?? null,
    scale: state.lock ? endFor(data, side) : 0,
    lit,
    region: -1,
    outlines: false,
    look: state,
  });
}
