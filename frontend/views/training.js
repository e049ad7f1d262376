/** The curves of training above the explanations' own, on one axis of epochs. */

import { epochOf } from "../cursor.js";
import { createCurves } from "../curves.js";
import { epoch, number, percent, tick } from "../format.js";
import { choose, html, render, select } from "../html.js";
import { bestEpoch, metricName, metrics } from "../metrics.js";
import { align, holesOf, indexOf, joinSteps } from "../series.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").Spread} Spread */
/** @typedef {import("../types.d.ts").State} State */
/** @typedef {import("../curves.js").Curves} Curves */

/**
 * @typedef {object} Chart
 * @property {string} name
 * @property {(side: Side) => ArrayLike<number>} steps
 * @property {(side: Side) => {values: ArrayLike<number | null>, dashed: boolean}[]} lines
 * @property {(side: Side) => number | null} best  the epoch that is marked as the best
 * @property {(side: Side) => Spread | undefined} spread  quartiles drawn as a band
 * @property {number} scale  what values are multiplied by on the axis
 * @property {boolean} fromZero
 * @property {(value: number) => string} format  of a value in words
 */

/** @type {import("../types.d.ts").View} */
export function trainingView(element) {
  /** @type {Map<string, {figure: HTMLElement, caption: HTMLElement, plot: HTMLElement, draw: ReturnType<typeof createCurves>, key: string, curves: Curves | null}>} */
  const places = new Map();

  const place = (/** @type {string} */ name) => {
    let known = places.get(name);
    if (!known) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const plot = document.createElement("div");
      plot.className = "plot";
      plot.setAttribute("role", "img");
      figure.append(caption, plot);
      element.append(figure);
      known = { figure, caption, plot, draw: createCurves(plot), key: "", curves: null };
      places.set(name, known);
    }
    return known;
  };

  return (data, state) => {
    if (data.phase !== "ready") return;
    const sides = [...data.others, ...(data.b ? [data.b] : []), ...(data.a ? [data.a] : [])];
    const names = metrics(sides.flatMap(({ info }) => Object.keys(info.logs)));
    const metric = names.find((name) => name === state.metric) ?? names[0];
    const charts = chartsOf(data, metric);
    for (const [name, { figure }] of places) figure.hidden = !(name in charts);
    for (const [name, chart] of Object.entries(charts)) {
      const spot = place(name);
      const key = JSON.stringify([chart.name, sides.map((side) => [side.id, side.letter, side.color, chart.spread(side)?.id])]);
      if (spot.key !== key || !spot.curves) {
        spot.key = key;
        spot.curves = curvesOf(chart, sides, key);
      }
      const title = name === "metric" && names.length > 1
        ? select({ label: "Metric", value: metric, options: names.map((value) => ({ value, text: metricName(value) })), choose: (_, value) => choose(element, { metric: value }) })
        : html`<span class="ellipsis" title=${chart.name}>${chart.name}</span>`;
      render(caption(data, chart, title), spot.caption);
      spot.plot.setAttribute("aria-label", description(data, chart));
      spot.draw(spot.curves, data.cursor, state.dark);
    }
  };
}

/**
 * @param {Data} data
 * @param {string | undefined} metric
 * @returns {Record<string, Chart>} by the place they have on the page
 */
function chartsOf(data, metric) {
  const ofLogs = (/** @type {string} */ key) => (/** @type {Side} */ { info }) =>
    [{ values: info.logs[key], dashed: false }, { values: info.logs[`val_${key}`], dashed: true }].filter(({ values }) => values);
  const log = { steps: (/** @type {Side} */ { info }) => info.log_steps, spread: () => undefined, scale: 1, format: number, best: () => null };
  /** @type {(name: string, pick: (side: Side) => Spread | undefined, scale: number, format: (value: number) => string) => Chart} */
  const spread = (name, pick, scale, format) => ({
    name,
    steps: (side) => pick(side)?.steps ?? [],
    lines: (side) => [{ values: pick(side)?.median ?? [], dashed: false }],
    best: () => null,
    spread: pick,
    scale,
    fromZero: true,
    format,
  });
  return {
    loss: { ...log, name: "loss", lines: ofLogs("loss"), fromZero: true },
    ...(metric && { metric: { ...log, name: metricName(metric), lines: ofLogs(metric), fromZero: false, best: (side) => best(side, metric) } }),
    drift: spread("drift since the previous epoch", ({ drift }) => drift, 1, number),
    ...(data.region && { share: spread(`share on “${data.region}”, %`, ({ shares }) => shares.get(data.region), 100, percent) }),
  };
}

/**
 * @param {Chart} chart
 * @param {Side[]} sides  drawn in this order: A last, above the others
 * @param {string} key
 * @returns {Curves}
 */
function curvesOf(chart, sides, key) {
  const axis = joinSteps(sides.flatMap(({ info }) => [info.steps, info.log_steps, holesOf(info)]));
  const scaled = (/** @type {(number | null | undefined)[]} */ values) => values.map((value) => (typeof value === "number" ? value * chart.scale : value));
  return {
    key,
    axis,
    fromZero: chart.fromZero,
    format: tick,
    lines: sides.flatMap((side) => {
      const lines = chart.lines(side);
      return lines.map(({ values, dashed }, i) => ({
        // One name a run: at the end of its validation curve where there is one.
        label: i === lines.length - 1 ? side.letter : "",
        name: side.name,
        letter: side.letter,
        color: side.color,
        dashed,
        thin: side.letter === "",
        best: side.letter && i === lines.length - 1 ? chart.best(side) : null,
        values: scaled(align(axis, chart.steps(side), values, holesOf(side.info))),
      }));
    }),
    bands: sides.flatMap((side) => {
      const spread = side.letter ? chart.spread(side) : undefined;
      if (!spread) return [];
      const of = (/** @type {Float32Array} */ values) => scaled(align(axis, spread.steps, values, holesOf(side.info)));
      return [{ color: side.color, lower: of(spread.lower), upper: of(spread.upper) }];
    }),
  };
}

/**
 * The epoch at which a run's validation (where there is none, training) was best by a metric.
 * @param {Side} side
 * @param {string} metric
 */
function best({ info: { log_steps, logs } }, metric) {
  return bestEpoch(log_steps, logs[`val_${metric}`] ?? logs[metric] ?? [], metric);
}

/** @type {(chart: Chart, side: Side, step: number) => string[]} */
function readings(chart, side, step) {
  const index = indexOf(chart.steps(side), step);
  return chart.lines(side).map(({ values }) => chart.format(Number(values[index] ?? NaN)));
}

/** @type {(data: Data, chart: Chart, title: unknown) => import("../types.d.ts").VNode} */
function caption(data, chart, title) {
  const pair = [data.a, data.b].filter((side) => side !== null);
  const twins = pair.some((side) => chart.lines(side).length > 1);
  return html`<div class="chart-title">
    <span class="chart-name">${title}${twins && chart.name === "loss" && html`<span class="chart-lines" aria-hidden="true"><i></i> train <i class="dashed"></i> val</span>`}</span>
    <span class="chart-readings" title=${description(data, chart)}>
      ${twins && html`<span title="validation"><i class="dashed"></i></span>`}
      ${pair.map((side) => html`<span key=${side.letter}><b style=${{ color: side.color }}>${side.letter}</b> ${readings(chart, side, epochOf(data.cursor, side.letter)).at(-1)}</span>`)}
    </span>
  </div>`;
}

/** @type {(data: Data, chart: Chart) => string} */
function description(data, chart) {
  const all = [data.a, data.b, ...data.others].filter((side) => side !== null);
  const numbers = all.map((side) => {
    const top = chart.best(side);
    const words = `${side.letter} ${side.name}: ${readings(chart, side, epochOf(data.cursor, side.letter)).join(", validation ")}`.trim();
    return top === null ? words : `${words}; best at ${epoch(top)} (the ring): ${readings(chart, side, top).at(-1)}`;
  });
  return `${chart.name} over epochs. At ${epoch(data.cursor.step)}:\n${numbers.join("\n")}`;
}
