/** A small drawing of a row, a text or a series of one run at one epoch, as cards show it. */

import { meanSizes } from "../figures/bars.js";
import { chosen, isBlank, largest, strongest } from "../figures/scale.js";
import { endFor } from "../model/look.js";
import { drawMiniature, emptyMiniature } from "./miniature-kinds.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").State} State */

/**
 * @param {HTMLElement} place  a canvas; for texts any other element
 * @param {{side: Side, probe: number, step: number, size: number}} what
 * @param {Data} data
 * @param {State} state
 */
export function miniature(place, { side, probe, step, size }, data, state) {
  const content = side.content(probe);
  const record = side.values(probe);
  const values = record?.at(step)?.values;
  if (!content || !record) {
    emptyMiniature(place, size);
    return;
  }
  const known = values && !isBlank(values) ? values : null;
  drawMiniature(place, [side.id, record.id, probe, step, known !== null].join(), {
    size,
    probes: side.info.probes,
    content,
    shown: { values: known, end: (state.lock && endFor(data, side)) || (known && largest(known)) || 1, chosen: known && chosen(known, state), hide: state.rest === "hide" },
    dark: state.dark,
    lead: content.kind === "text" ? leader(content, record) : null,
  });
}

/** @type {WeakMap<import("../types.d.ts").Content, {id: number, player: number | null}>} */
const leaders = new WeakMap();

/**
 * The player that is strongest over all epochs: cards don't change their excerpt as the cursor moves.
 * @param {import("../types.d.ts").Content} content
 * @param {import("../types.d.ts").ProbeValues} record
 */
function leader(content, record) {
  const known = leaders.get(content);
  if (known?.id === record.id) return known.player;
  const player = strongest(Float32Array.from(meanSizes([record], record.players)));
  leaders.set(content, { id: record.id, player });
  return player;
}
