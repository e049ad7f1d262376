/** Draws how far a probe's explanation changes from epoch to epoch, as a small line on its card. */

import { RETURNED, onAxis } from "../figures/steps.js";
import { EM } from "../host/text.js";
import { cleared } from "./canvas.js";

// CSS px, as in styles/probes.css.
const HEIGHT = 16 * EM;

/** @type {(steps: number[], step: number) => number} where a step is on a sparkline, 0 to 1 */
export function sparkAt(steps, step) {
  const place = onAxis(steps);
  return (place(step) - place(steps[0])) / Math.max(1, place(steps[steps.length - 1]) - place(steps[0]));
}

/**
 * Drift over epochs, all cards on one scale.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} steps  of the cursor
 * @param {import("../types.d.ts").Pane[]} panes
 * @param {number} probe
 * @param {number} width  CSS px
 */
export function drawSpark(canvas, steps, panes, probe, width) {
  const key = [probe, steps[0], steps.at(-1), ...panes.flatMap(({ side }) => [side.color, side.drift?.id])].join();
  const context = cleared(canvas, width, HEIGHT, key);
  if (!context) return;
  context.lineWidth = 1.2;
  const top = Math.max(...panes.map(({ side }) => side.drift?.largest ?? 0)) || 1;
  for (const { side } of [...panes].reverse()) {
    if (!side.drift) continue;
    const values = side.drift.of(probe);
    context.beginPath();
    let open = false;
    side.drift.steps.forEach((step, i) => {
      const isNumber = Number.isFinite(values[i]);
      const x = sparkAt(steps, step) * width;
      const y = HEIGHT - 1.5 - (values[i] / top) * (HEIGHT - 3);
      if (step === RETURNED) {
        // No epoch: a dot apart from the line.
        if (isNumber) context.rect(x - 2, y - 1, 2, 2);
        return;
      }
      if (isNumber && open) context.lineTo(x, y);
      if (isNumber && !open) context.moveTo(x, y);
      open = isNumber;
    });
    context.strokeStyle = side.color;
    context.stroke();
  }
}
