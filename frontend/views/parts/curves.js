/** A small chart of curves over epochs with the page's cursor on it. */

import { nearestLine } from "../../figures/axis.js";
import { RETURNED, onAxis } from "../../figures/steps.js";
import { drags } from "../../host/drag.js";
import { EM } from "../../host/text.js";
import { epochOf, moveTo } from "../../model/cursor.js";
import { indexOf, nearest } from "../../model/series.js";
import { dataOf, optionsOf } from "../../paint/curves.js";
import uPlot from "../../vendor/uPlot.esm.js";
import { choose } from "./html.js";

/** @typedef {import("../../paint/curves.js").Curves} Curves */

// So near a curve, in px, the pointer means it.
const NEAR = 12 * EM;

/**
 * @param {HTMLElement} element
 * @returns {(curves: Curves, cursor: import("../../types.d.ts").Cursor, dark: boolean) => void}
 */
export function createCurves(element) {
  /** @type {uPlot | null} */
  let plot = null;
  /** @type {Curves} */
  let shown;
  /** @type {import("../../types.d.ts").Cursor} */
  let at;
  let key = "";
  const line = document.createElement("div");
  line.className = "chart-cursor";
  /** @type {HTMLElement[]} */
  let dots = [];
  // As the browser last told. While others are being drawn, what stands around the plot is not yet what it will be, and of a size that is again what it was
  // the browser tells nothing.
  /** @type {{width: number, height: number} | null} */
  let size = null;

  const place = () => {
    if (!plot) return;
    const x = onAxis(shown.axis);
    line.hidden = at.step === RETURNED ? !shown.returned : indexOf(shown.axis, at.step) < 0;
    if (!line.hidden) line.style.transform = `translateX(${plot.valToPos(x(at.step), "x")}px)`;
    shown.lines.forEach(({ letter, values, returned, constant }, i) => {
      const step = constant ? at.step : epochOf(at, letter);
      const value = step === RETURNED ? returned : values[indexOf(shown.axis, step)];
      dots[i].hidden = value === null || value === undefined;
      if (value !== null && value !== undefined) dots[i].style.transform = `translate(${plot?.valToPos(x(step), "x")}px, ${plot?.valToPos(value, "y")}px)`;
    });
  };

  const tag = createTag();

  const drag = (/** @type {PointerEvent} */ event) => {
    if (!plot || !drags(event) || !at.steps.length) return;
    const box = plot.over.getBoundingClientRect();
    const step = plot.posToVal(event.clientX - box.left, "x");
    choose(element, { ...moveTo(at, nearest(at.steps.map(onAxis(shown.axis)), step)), playing: false });
  };

  const build = (/** @type {boolean} */ dark) => {
    plot?.destroy();
    const box = size ?? { width: element.clientWidth, height: element.clientHeight };
    plot = new uPlot(optionsOf(box, shown, dark, place), dataOf(shown), element);
    dots = shown.lines.map(({ color, thin }) => {
      const dot = document.createElement("div");
      dot.className = thin ? "chart-dot thin" : "chart-dot";
      dot.style.setProperty("--run", color);
      return dot;
    });
    plot.over.append(line, ...dots, tag.element);
    plot.over.addEventListener("pointerdown", (event) => {
      plot?.over.setPointerCapture(event.pointerId);
      drag(event);
    });
    plot.over.addEventListener("pointermove", (event) => {
      drag(event);
      if (plot) tag.point(event, plot, shown);
    });
    plot.over.addEventListener("pointerup", drag);
    plot.over.addEventListener("pointerleave", () => {
      tag.element.hidden = true;
    });
  };

  new ResizeObserver(() => {
    if (!element.clientWidth) return;
    size = { width: element.clientWidth, height: element.clientHeight };
    plot?.setSize(size);
  }).observe(element);

  return (curves, cursor, dark) => {
    at = cursor;
    const next = `${curves.key} ${dark} ${devicePixelRatio}`;
    if (next !== key) {
      key = next;
      shown = curves;
      build(dark);
    }
    place();
  };
}

/** The name and number of the curve that the pointer is near: colours alone don't tell twenty runs apart. */
function createTag() {
  const element = document.createElement("div");
  element.className = "chart-tag";
  element.hidden = true;

  const point = (/** @type {PointerEvent} */ event, /** @type {uPlot} */ plot, /** @type {Curves} */ { axis, lines, format, returned }) => {
    if (!axis.length) return;
    const box = plot.over.getBoundingClientRect();
    const places = [...axis, ...(returned ? [RETURNED] : [])].map(onAxis(axis));
    const index = nearest(places, plot.posToVal(event.clientX - box.left, "x"));
    // The returned model's number is no part of the line.
    const numbers = lines.map((line) => (index < axis.length ? line.values[index] : line.returned));
    const heights = numbers.map((value) => (typeof value === "number" ? plot.valToPos(value, "y") : NaN));
    const nearby = nearestLine(heights, event.clientY - box.top, NEAR);
    const line = lines[nearby ?? -1];
    element.hidden = !line?.name;
    if (nearby === null || !line?.name) return;
    element.textContent = `${line.name}${line.dashed ? " (validation)" : ""}: ${format(Number(Number(numbers[nearby]).toPrecision(3)))}`;
    element.style.setProperty("--run", line.color);
    const x = plot.valToPos(places[index], "x");
    element.style.transform = `translate(${x}px, ${heights[nearby]}px) translate(${x > box.width / 2 ? "calc(-100% - 8px)" : "8px"}, ${heights[nearby] < 22 ? "4px" : "calc(-100% - 4px)"})`;
  };
  return { element, point };
}
