/** Training curves and curves of the explanations, on one axis of epochs. */

import { RETURNED } from "../../figures/steps.js";
import { epochOf } from "../../model/cursor.js";
import { hasReturned, isOnce } from "../../model/frames.js";
import { bestEpoch, lossOf, metricName, metrics } from "../../model/metrics.js";
import { groupsOf, meanAndSpread } from "../../model/repeats.js";
import { align, holesOf, indexOf, joinSteps } from "../../model/series.js";
import { inkOf } from "../../paint/canvas.js";
import { epoch, number, percent, tick } from "../../words/format.js";
import { createCurves } from "../parts/curves.js";
import { choose, html, render, select } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Side} Side */
/** @typedef {import("../../types.d.ts").Spread} Spread */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {import("../../paint/curves.js").Curves} Curves */
/** @typedef {import("../../types.d.ts").DriftFrom} DriftFrom */
/** @typedef {import("../../types.d.ts").Repeats["groups"]} Groups */

/**
 * @typedef {object} Chart
 * @property {string} name
 * @property {(side: Side) => ArrayLike<number>} steps
 * @property {(side: Side) => {values: ArrayLike<number | null>, dashed: boolean}[]} lines
 * @property {boolean} logged  whether it is a metric that Keras logged: the returned model has that of the epoch whose weights it has
 * @property {(side: Side) => number | null} best  the epoch that is marked as the best
 * @property {(side: Side) => Spread | undefined} spread  quartiles drawn as a band
 * @property {string} typical  the line over probes: "mean" or "median"; "" if the curve does not depend on probes
 * @property {(side: Side) => {steps: ArrayLike<number>, values: ArrayLike<number>} | undefined} floor  the noise floor
 * @property {(side: Side) => Omit<import("../../paint/curves.js").Mark, "color"> | null} mark  something that began at a step
 * @property {import("../../types.d.ts").Compared} [apart]  drawn instead of the runs' own lines
 * @property {number} scale  what values are multiplied by on the axis
 * @property {boolean} fromZero
 * @property {(value: number) => string} format  of a value in words
 */

/** What a drift is measured from, in words. */
/** @type {Record<DriftFrom, string>} */
const FROM = {
  previous: "drift since the previous epoch",
  untrained: "drift from the untrained model",
  final: "drift to the final epoch",
  pinned: "drift since the pinned epoch",
  apart: "distance of A and B",
};

/** The same where there is little room. */
/** @type {Record<DriftFrom, string>} */
const SHORT = { previous: "drift per epoch", untrained: "from untrained", final: "from final", pinned: "from pinned", apart: "A to B" };

/** @type {import("../../types.d.ts").View} */
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

  // In their order, whichever of them a run has first.
  for (const name of ["loss", "metric", "drift", "share"]) place(name).figure.hidden = true;

  const note = document.createElement("p");
  note.className = "note";
  note.hidden = true;
  element.append(note);

  return (data, state) => {
    if (data.phase !== "ready") return;
    const sides = [...data.others, ...(data.b ? [data.b] : []), ...(data.a ? [data.a] : [])];
    const keys = sides.flatMap(({ info }) => Object.keys(info.logs));
    const names = metrics(keys, data.a?.info.settings.model_output);
    const metric = names.find((name) => name === state.metric) ?? names[0];
    const from = driftChoices(data, state).find((one) => one === state.drift) ?? "previous";
    const curveless = sides.every(isOnce);
    const groups = data.repeats?.groups ?? [];
    note.hidden = !curveless;
    element.classList.toggle("curveless", curveless);
    note.textContent = `${data.b ? "Both models were" : "This model was"} explained once, without training: there are no epochs, and no curves over them.`;
    /** @type {Record<string, Chart>} */
    const charts = curveless ? {} : chartsOf(data, lossOf(keys), metric, from);
    for (const [name, { figure }] of places) figure.hidden = !(name in charts);
    for (const [name, chart] of Object.entries(charts)) {
      const spot = place(name);
      const key = JSON.stringify([chart.name, groups, state.dark, chart.apart?.id, sides.map((side) => [side.id, side.letter, side.color, chart.spread(side)?.id, chart.mark(side)])]);
      if (spot.key !== key || !spot.curves) {
        spot.key = key;
        spot.curves = chart.apart ? curveApart(chart.apart, data, key, state.dark) : curvesOf(chart, sides, key, groups);
      }
      const title = name === "drift"
        ? select({ label: "Drift", value: from, options: driftChoices(data, state).map((value) => ({ value, text: SHORT[value] })), choose: (_, value) => choose(element, { drift: /** @type {DriftFrom} */ (value) }) })
        : name === "metric" && names.length > 1
        ? select({ label: "Metric", value: metric, options: names.map((value) => ({ value, text: metricName(value) })), choose: (_, value) => choose(element, { metric: value }) })
        : html`<span class="ellipsis" title=${[chart.name, overProbes(data, chart)].filter(Boolean).join(": ")}>${chart.name}</span>`;
      render(caption(data, chart, title, groups), spot.caption);
      spot.plot.setAttribute("aria-label", description(data, chart, groups));
      spot.draw(spot.curves, data.cursor, state.dark);
    }
  };
}

/**
 * What the drift can be measured from.
 * @type {(data: Data, state: State) => DriftFrom[]}
 */
function driftChoices({ a, b }, { pin }) {
  return ["previous", ...(a && a.info.steps[0] < 0 ? [/** @type {const} */ ("untrained")] : []), "final", ...(pin === null ? [] : [/** @type {const} */ ("pinned")]), ...(b ? [/** @type {const} */ ("apart")] : [])];
}

/**
 * @param {Data} data
 * @param {string | undefined} loss
 * @param {string | undefined} metric
 * @param {DriftFrom} from
 * @returns {Record<string, Chart>} by the place they have on the page
 */
function chartsOf(data, loss, metric, from) {
  const ofLogs = (/** @type {string} */ key) => (/** @type {Side} */ { info }) =>
    [{ values: info.logs[key], dashed: false }, { values: info.logs[`val_${key}`], dashed: true }].filter(({ values }) => values);
  const log = { steps: (/** @type {Side} */ { info }) => info.log_steps, spread: () => undefined, typical: "", logged: true, floor: () => undefined, mark: () => null, scale: 1, format: number, best: () => null };
  /** @type {(name: string, pick: (side: Side) => Spread | undefined, scale: number, format: (value: number) => string) => Chart} */
  const spread = (name, pick, scale, format) => ({
    name,
    steps: (side) => pick(side)?.steps ?? [],
    lines: (side) => [{ values: pick(side)?.median ?? [], dashed: false }],
    logged: false,
    best: () => null,
    spread: pick,
    typical: "median",
    floor: () => undefined,
    mark: () => null,
    scale,
    fromZero: true,
    format,
  });
  return {
    ...(loss && { loss: { ...log, name: metricName(loss), lines: ofLogs(loss), fromZero: true, mark: returnedMark } }),
    ...(metric && { metric: { ...log, name: metricName(metric), lines: ofLogs(metric), fromZero: false, best: (side) => best(side, metric), mark: (side) => steadyMark(side, metric) } }),
    drift: from === "apart" ? apart(data) : {
      ...spread(FROM[from], ({ chosenDrift }) => chosenDrift, 1, number),
      floor: ({ chosenDrift }) => chosenDrift && { steps: chosenDrift.steps, values: chosenDrift.floorMedian },
      mark: (side) => steadyMark(side, ""),
    },
    ...(data.region && { share: {
      ...spread(`share on “${data.region}”, %`, ({ shares }) => shares.get(data.region), 100, percent),
      // As the findings and the Scalars dashboard have it; where few probes have a large share the median hides them.
      lines: (/** @type {Side} */ { shares }) => [{ values: shares.get(data.region)?.mean ?? [], dashed: false }],
      typical: "mean",
      mark: (/** @type {Side} */ { letter, shares }) => beginning(letter, shares.get(data.region)?.onset ?? null, "onset", false),
    } }),
  };
}

/** @type {(letter: Side["letter"], step: number | null, what: string, low: boolean) => Omit<import("../../paint/curves.js").Mark, "color"> | null} */
const beginning = (letter, step, what, low) => (letter === "" || step === null ? null : { step, text: `${what} ${letter}`, low });

/**
 * The epoch from which a run's explanations, or its metric, stay as they are at the end.
 * @param {Side} side
 * @param {string} metric  "" for the explanations
 */
function steadyMark({ letter, events }, metric) {
  if (!events) return null;
  const { run, metric: steadyMetric, of_metric } = events.steady;
  if (metric && steadyMetric.replace(/^val_/, "") !== metric) return null;
  return beginning(letter, metric ? of_metric : run, "steady", metric !== "");
}

/**
 * The earlier epoch whose weights the returned model has.
 * @param {Side} side
 */
function returnedMark({ letter, info: { returned } }) {
  return beginning(letter, returned?.how === "restored" && Number(returned.epoch) >= 0 ? returned.epoch : null, "returned", false);
}

/**
 * The distance of A and B: one curve for both.
 * @param {Data} data
 * @returns {Chart}
 */
function apart({ compared }) {
  return {
    name: FROM.apart,
    steps: () => compared?.steps ?? [],
    lines: () => [{ values: compared?.typical ?? [], dashed: false }],
    logged: false,
    best: () => null,
    spread: () => undefined,
    typical: "median",
    floor: () => undefined,
    mark: () => null,
    scale: 1,
    fromZero: true,
    format: number,
    apart: compared,
  };
}

/**
 * @param {import("../../types.d.ts").Compared} compared
 * @param {Data} data
 * @param {string} key
 * @param {boolean} dark
 * @returns {Curves}
 */
function curveApart(compared, { cursor }, key, dark) {
  const axis = cursor.steps.filter((step) => step !== RETURNED);
  const color = inkOf(dark).ink;
  const grey = dark ? "#9e9e9e" : "#757575";
  const of = (/** @type {ArrayLike<number>} */ values) => align(axis, compared.steps, values, []);
  const noise = of(compared.typicalFloor);
  return {
    key,
    axis,
    fromZero: true,
    format: tick,
    returned: axis.length < cursor.steps.length,
    lines: [{ label: "", name: "distance of A and B", letter: "", color, dashed: false, thin: false, best: null, values: of(compared.typical), returned: numberAt(compared.steps, compared.typical, RETURNED) }],
    bands: [
      ...(compared.repeats ? [{ color: grey, lower: of(compared.lowest), upper: of(compared.highest) }] : []),
      { color: grey, lower: noise.map((value) => (typeof value === "number" ? 0 : value)), upper: noise, hatched: /** @type {const} */ ("rising") },
    ],
  };
}

/**
 * @param {Chart} chart
 * @param {Side[]} sides  drawn in this order: A last, above the others
 * @param {string} key
 * @param {Groups} groups  of repeats
 * @returns {Curves}
 */
function curvesOf(chart, sides, key, groups) {
  const all = joinSteps(sides.flatMap(({ info }) => [info.steps, info.log_steps, holesOf(info)]));
  const axis = all.filter((step) => step !== RETURNED);
  /** @type {(values: (number | null | undefined)[]) => (number | null | undefined)[]} */
  const scaled = (values) => values.map((value) => (typeof value === "number" ? value * chart.scale : value));
  // A model that was explained once stands beside every epoch.
  const along = (/** @type {Side} */ side, /** @type {ArrayLike<number | null>} */ values) =>
    scaled(isOnce(side) ? axis.map(() => atStep(chart, side, values, RETURNED)) : align(axis, chart.steps(side), values, holesOf(side.info)));
  const repeated = repeatsOf(chart, sides, groups, (side) => along(side, chart.lines(side).at(-1)?.values ?? []));
  // A and B keep their own lines beside the band.
  const merged = new Set(repeated.flatMap(({ members }) => members.filter(({ letter }) => letter === "")));
  return {
    key,
    axis,
    returned: sides.some(hasReturned),
    fromZero: chart.fromZero,
    format: tick,
    lines: [...repeated.map(({ line }) => line), ...sides.flatMap((side) => {
      const lines = merged.has(side) ? [] : chart.lines(side);
      return lines.map(({ values, dashed }, i) => ({
        // One name a run: at the end of its validation curve where there is one.
        label: i === lines.length - 1 ? side.letter : "",
        name: side.name,
        letter: side.letter,
        color: side.color,
        dashed,
        thin: side.letter === "",
        best: side.letter && i === lines.length - 1 ? chart.best(side) : null,
        constant: isOnce(side),
        // Where it has the weights of an explained epoch, it stands there.
        returned: hasReturned(side) || isOnce(side) ? scaled([atStep(chart, side, values, RETURNED)])[0] ?? null : null,
        values: along(side, values),
      }));
    })],
    marks: sides.flatMap((side) => {
      const mark = chart.mark(side);
      return mark ? [{ ...mark, color: side.color }] : [];
    }).reverse(),
    bands: [...repeated.map(({ band }) => band), ...sides.flatMap((side) => {
      const floor = side.letter ? chart.floor(side) : undefined;
      if (!floor) return [];
      const upper = align(axis, floor.steps, floor.values, holesOf(side.info));
      return [{ color: side.color, lower: upper.map((value) => (typeof value === "number" ? 0 : value)), upper, hatched: side.letter === "B" ? /** @type {const} */ ("falling") : /** @type {const} */ ("rising") }];
    }), ...sides.flatMap((side) => {
      const spread = side.letter ? chart.spread(side) : undefined;
      if (!spread) return [];
      const of = (/** @type {Float32Array} */ values) => scaled(align(axis, spread.steps, values, holesOf(side.info)));
      return [{ color: side.color, lower: of(spread.lower), upper: of(spread.upper) }];
    })],
  };
}

/**
 * The ticked repeats of a recipe as one band with their mean, A and B among them.
 * @param {Chart} chart
 * @param {Side[]} sides
 * @param {Groups} groups
 * @param {(side: Side) => (number | null | undefined)[]} values  of a run, on the chart's axis
 */
function repeatsOf(chart, sides, groups, values) {
  return groupsOf(sides, groups).flatMap(({ recipe, members }) => {
    const drawn = members.filter((side) => chart.lines(side).length);
    if (drawn.length < 2) return [];
    const { mean, lower, upper } = meanAndSpread(drawn.map(values));
    const { color } = drawn.find(({ letter }) => letter !== "") ?? drawn[0];
    const line = { label: "", name: `mean of ${drawn.length} repeats of ${recipe}`, letter: /** @type {const} */ (""), color, dashed: false, thin: true, best: null, values: mean };
    return [{ members, line, band: { color, lower, upper } }];
  });
}

/**
 * The epoch at which a run's validation (where there is none, training) was best by a metric.
 * @param {Side} side
 * @param {string} metric
 */
function best({ info: { log_steps, logs } }, metric) {
  const prefix = logs[`val_${metric}`] ? "val_" : "";
  return bestEpoch(log_steps, logs[prefix + metric] ?? [], metric, logs[`${prefix}loss`]);
}

/** @type {(chart: Chart, side: Side, step: number) => string[]} */
function readings(chart, side, step) {
  return chart.lines(side).map(({ values }) => chart.format(atStep(chart, side, values, step) ?? NaN));
}

/** @type {(chart: Chart, side: Side) => boolean} whether a run can have a number there: one that was explained once has no loss, and no drift */
const shows = (chart, side) => !isOnce(side) || chart.lines(side).some(({ values }) => atStep(chart, side, values, RETURNED) !== null);

/** @type {(chart: Chart, side: Side, values: ArrayLike<number | null>, step: number) => number | null} the number of a run at a step; null where there is none */
function atStep(chart, side, values, step) {
  const equal = chart.logged && step === RETURNED ? side.info.returned?.epoch : null;
  return numberAt(chart.steps(side), values, equal ?? step);
}

/** @type {(steps: ArrayLike<number>, values: ArrayLike<number | null>, step: number) => number | null} */
function numberAt(steps, values, step) {
  const value = values[indexOf(steps, step)];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/**
 * How many probes the line is of; 0 if the curve does not depend on probes, or if unknown.
 * @type {(data: Data, chart: Chart) => number}
 */
const probesOf = ({ a, b }, chart) => Math.max(0, ...[a, b].map((side) => (side && chart.spread(side)?.count) ?? 0));

/**
 * What the line and the band show over many probes.
 * @type {(data: Data, chart: Chart) => string}
 */
function overProbes(data, chart) {
  const count = probesOf(data, chart);
  if (!count) return "";
  // Of one probe there are no quartiles (feed/replies.js).
  if (count === 1) return chart.typical === "mean" ? "one probe; the band is its standard error" : "one probe";
  return `the line is the ${chart.typical} over probes, the band their middle half`;
}

/** @type {(data: Data, chart: Chart, title: unknown, groups: Groups) => import("../../types.d.ts").VNode} */
function caption(data, chart, title, groups) {
  const pair = [data.a, data.b].filter((side) => side !== null);
  const twins = pair.some((side) => chart.lines(side).length > 1);
  const noise = chart.apart !== undefined || pair.some((side) => chart.floor(side));
  return html`<div class="chart-title">
    <span class="chart-name">${title}${twins && chart.mark === returnedMark && html`<span class="chart-lines" aria-hidden="true"><i></i> train <i class="dashed"></i> val</span>`}${noise && html`<span class="chart-lines noise-words" title="hatched: sampling error alone stays below it in 95 of 100 cases"><span class="noise-key" aria-hidden="true"></span>noise</span>`}${chart.typical === "mean" && probesOf(data, chart) > 1 && html`<span class="chart-lines" title=${overProbes(data, chart)}>mean</span>`}</span>
    <span class="chart-readings" title=${description(data, chart, groups)}>
      ${twins && html`<span title="validation"><i class="dashed"></i></span>`}
      ${chart.apart ? readings(chart, pair[0], data.cursor.step) : pair.filter((side) => shows(chart, side)).map((side) => html`<span key=${side.letter}><b style=${{ color: side.color }}>${side.letter}</b> ${readings(chart, side, epochOf(data.cursor, side.letter)).at(-1)}</span>`)}
    </span>
  </div>`;
}

/**
 * Mean and spread of the ticked repeats at the cursor.
 * @type {(data: Data, chart: Chart, groups: Groups) => string[]}
 */
function repeatWords(data, chart, groups) {
  const { step } = data.cursor;
  const sides = [data.a, data.b, ...data.others].filter((side) => side !== null);
  return groupsOf(sides, groups).flatMap(({ recipe, members }) => {
    const drawn = members.filter((side) => chart.lines(side).length);
    const { mean, upper } = meanAndSpread(drawn.map((side) => [chart.lines(side).at(-1)?.values[indexOf(chart.steps(side), step)] ?? null]));
    const [middle, top] = [mean[0], upper[0]];
    return middle === null || top === null ? [] : [`mean of ${drawn.length} repeats of ${recipe}: ${chart.format(middle)} ± ${chart.format(top - middle)}`];
  });
}

/** @type {(data: Data, chart: Chart, groups: Groups) => string} */
function description(data, chart, groups) {
  if (chart.apart) return apartWords(chart.apart, data);
  const all = [data.a, data.b, ...data.others].filter((side) => side !== null).filter((side) => shows(chart, side));
  const numbers = all.map((side) => {
    const top = chart.best(side);
    const words = `${side.letter} ${side.name}: ${readings(chart, side, epochOf(data.cursor, side.letter)).join(", validation ")}`.trim();
    const mark = chart.mark(side);
    const floor = side.letter ? chart.floor(side) : undefined;
    const noise = floor?.values[indexOf(floor.steps, epochOf(data.cursor, side.letter))];
    return [
      words,
      ...(top === null ? [] : [`best at ${epoch(top)} (the ring): ${readings(chart, side, top).at(-1)}`]),
      ...(typeof noise === "number" && Number.isFinite(noise) ? [`noise (hatched) up to ${chart.format(noise)}`] : []),
      ...(mark ? [`${mark.text.replace(/ [AB]$/, "")}${mark.text.startsWith("returned") ? `: ${epoch(mark.step)}` : ` from ${epoch(mark.step)} on`}`] : []),
    ].join("; ");
  });
  const about = overProbes(data, chart);
  return `${chart.name} over epochs${about && `; ${about}`}. At ${epoch(data.cursor.step)}:\n${[...numbers, ...repeatWords(data, chart, groups)].join("\n")}`;
}

/**
 * The distance of A and B at the cursor.
 * @param {import("../../types.d.ts").Compared} compared
 * @param {Data} data
 */
function apartWords(compared, { a, cursor }) {
  const place = indexOf(compared.steps, cursor.step);
  const right = compared.labelled && Array.from({ length: a?.info.probes.count ?? 0 }, (_, probe) => probe).some((probe) => compared.bothRight(probe, cursor.step));
  const repeats = compared.repeats && Number.isFinite(compared.lowest[place]) ? `; repeats of the same recipe (grey) differ by ${number(compared.lowest[place])} to ${number(compared.highest[place])}` : "";
  return `Distance of A and B over epochs, median over probes${right ? " that both predict correctly" : ""}. At ${epoch(cursor.step)}: ${number(compared.typical[place])}; noise (hatched) up to ${number(compared.typicalFloor[place])}${repeats}`;
}
