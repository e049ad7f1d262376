/** One card per probe: attributions and prediction of each run, and the drift of its explanation. */

import { inView, pictureSizes } from "../../figures/layout.js";
import { MINIATURES, preload } from "../../host/preload.js";
import { RETURNED } from "../../figures/steps.js";
import { EM } from "../../host/text.js";
import { epochOf } from "../../model/cursor.js";
import { isOnce } from "../../model/frames.js";
import { memo } from "../../model/memo.js";
import { labelsOrPrediction, sortOf } from "../../model/order.js";
import { font } from "../../paint/canvas.js";
import { drawSpark, sparkAt } from "../../paint/spark.js";
import { thumbnail } from "../../paint/thumbnail.js";
import { className, epoch, inUnit, list, number, outputNumber, unitWords } from "../../words/format.js";
import { KINDS } from "../../words/kinds.js";
import { quotedApart, sharedBeginning, shortName } from "../../words/names.js";
import { probeName, shortProbeName } from "../../words/probes.js";
import { choose, html, render, select } from "../parts/html.js";
import { once } from "../parts/later.js";
import { shortPrediction } from "../parts/prediction.js";
import { createStrip } from "../parts/strip.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Pane} Pane */
/** @typedef {import("../../types.d.ts").State} State */
/** @typedef {typeof import("../../paint/miniature.js").miniature} Paint */

const GAP = 8;
const PADDING = 7 * EM;
// px of a name's letters; room of the mark for a change above noise; how wide a card is at least where its name is longer than its pictures are wide, and at most.
const NAME = 12;
const MARK = 16 * EM;
const LEAST = 124 * EM;
const MOST = 240 * EM;
const HALF = 0.65;
// Classes that are named in a reason.
const NAMED = 3;

const SORTS = [
  { value: "changed", text: "changed most", title: "how far each explanation went over the whole run, from epoch to epoch, the longest way first; of two runs, the one that went farther" },
  { value: "uncertain", text: "least certain", title: "the probability of the true class at this epoch (without labels, of the predicted one), the lowest first; of two runs, the lower one" },
  { value: "order", text: "as logged", title: "in the order of the record" },
];

/** Image cards do not need the module that draws the other kinds. */
const miniatures = once(() => {
  preload(MINIATURES);
  return import("../../paint/miniature.js");
});

const DIFFER = { value: "differ", text: "reasons differ, both right", title: "the distance of A and B above its noise at this epoch, the largest first; probes that both get right come before all others" };

const SORTS_PINNED = SORTS.map((sort) => (sort.value === "changed" ? { ...sort, text: "changed since the pin", title: "how far each explanation is from that of the pinned epoch, the farthest first; of two runs, the farther one" } : sort));

/** @type {import("../../types.d.ts").View} */
export function probesView(element) {
  const head = document.createElement("div");
  element.append(head);
  let selected = -1;
  const longestOf = nameWidths();
  const classesOf = classFilter();
  /** @type {typeof import("../../paint/miniature.js").miniature | null} */
  let miniature = null;

  return createStrip(element, (strip, data, state) => {
    const size = Math.round(pictureSizes(window.innerHeight, 2).card * EM);
    element.style.setProperty("--card", `${size}px`);
    const panes = data.b ? data.panes : data.panes.slice(0, 1);
    const pictures = panes.length * size + (panes.length - 1) * 4 + 2 * PADDING + 2;
    const { width, lines } = cardSize(pictures, longestOf(panes[0].side.info.probes), data.order.length, strip.room);
    element.style.setProperty("--lines", String(lines));
    const item = width + GAP;
    render(header(element, data, state, classesOf), head);
    strip.track.style.width = `${Math.max(0, data.order.length * item - GAP)}px`;
    if (data.probe !== selected) {
      selected = data.probe;
      const index = data.order.indexOf(selected);
      if (index >= 0) strip.show(item, index);
    }
    const range = inView(strip.scroll, strip.room, item, data.order.length);
    if (range[0] !== state.window[0] || range[1] !== state.window[1]) choose(element, { window: range });
    const shown = data.order.slice(...range);
    const cards = shown.map((probe, i) => card(element, data, panes, probe, { left: (range[0] + i) * item, width, lines }));
    render(html`<div>${cards}${shown.length === 0 && html`<p class="nothing">No probe passes the filter at ${epoch(data.cursor.step)}.</p>`}</div>`, strip.track);
    const cardElements = strip.track.querySelectorAll(".card");
    const paint = panes[0].side.info.probes.kind === "image" ? paintThumbnail : miniature;
    shown.forEach((probe, i) => fillCard(cardElements[i], data, state, panes, probe, size, width, paint));
    if (paint) return;
    void miniatures().then((module) => {
      miniature = module.miniature;
      strip.again();
    }, () => {});
  });
}

/** @type {Paint} */
const paintThumbnail = (place, what, data, state) => {
  if (place instanceof HTMLCanvasElement) thumbnail(place, { ...what, lit: [] }, data, state);
};

/** The entries of the filter by class, with the number of probes of each; made anew when the numbers change. */
function classFilter() {
  let known = "";
  /** @type {import("../parts/html.js").Option[]} */
  let options = [];
  return (/** @type {Data} */ data, /** @type {number | null} */ only) => {
    const { probes } = data.panes[0].side.info;
    const counts = new Array(probes.classes).fill(0);
    for (let probe = 0; probe < probes.count; probe++) {
      for (const number of labelsOrPrediction(data.panes[0], probe)) if (number >= 0) counts[number] += 1;
    }
    const key = JSON.stringify([data.a?.id, only, counts]);
    if (key === known) return options;
    known = key;
    // Of a thousand classes only those that have probes are worth a line.
    const present = [...counts.keys()].filter((i) => counts[i] > 0 || i === only);
    options = [{ value: "", text: "all classes" }, ...present.map((i) => ({ value: String(i), text: `${className(probes, i)} (${counts[i]})` }))];
    return options;
  };
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 * @param {ReturnType<typeof classFilter>} classesOf
 */
function header(element, data, state, classesOf) {
  const { probes } = data.panes[0].side.info;
  const classes = probes.regression ? [] : classesOf(data, state.only);
  const filter = (/** @type {Event} */ _, /** @type {string} */ value) => {
    const only = value === "" ? null : Number(value);
    const hidden = only !== null && !labelsOrPrediction(data.panes[0], data.probe).includes(only);
    choose(element, hidden ? { only, probe: null, player: null, hover: null } : { only });
  };
  const check = (/** @type {"wrong" | "disagree"} */ field, /** @type {string} */ text, title = "") =>
    html`<label class="check" title=${title}><input type="checkbox" checked=${state[field]} onChange=${() => choose(element, { [field]: !state[field] })} />${text}</label>`;
  return html`<div class="bar">
    <h2>Probes</h2>
    <label class="inline">sort ${select({ label: "Sort probes by", value: sortOf(state, probes), options: sorts(data, state), choose: (_, value) => choose(element, { sort: /** @type {import("../../types.d.ts").Sort} */ (value) }) })}</label>
    ${!probes.regression && probes.classes > 1 && html`<label class="inline">class ${select({ label: "Show probes of", value: state.only === null ? "" : String(state.only), options: classes, choose: filter })}</label>`}
    ${(probes.labels || probes.label_sets) && !probes.regression && check("wrong", "wrong only")}
    ${probes.regression && probes.truth && check("wrong", "larger errors only", "probes whose error is larger than the mean size of all errors")}
    ${data.b && !probes.regression && check("disagree", "A and B disagree")}
    ${hatched(element, data, state)}
    ${probes.regression && html`<span class="note">${data.a && numbersOfCards(data.a, data.b)}</span>`}
    <span class="count">${data.order.length} of ${probes.count}</span>
  </div>`;
}

/**
 * Which numbers of a regression stand on the cards.
 * @param {NonNullable<Data["a"]>} a
 * @param {Data["b"]} b
 */
function numbersOfCards(a, b) {
  const units = unitWords([a, b].map((side) => side && { letter: side.letter, unit: side.info.probes.unit ?? "" }));
  return `${a.info.probes.truth ? (b ? "error: output − true value" : "output and its error (output − true value)") : "output"}${units && `, in ${units}`}`;
}

/** @type {(probes: import("../../types.d.ts").ProbeSetInfo) => string} what the order by certainty is called; "" for its own name */
const uncertainWords = ({ label_sets: sets, regression, truth }) => (sets ? "most labels wrong" : regression && truth ? "largest error" : "");

/** @type {(data: Data, state: State) => import("../parts/html.js").Option[]} */
function sorts({ a, b }, { pin, sort }) {
  const uncertain = a && uncertainWords(a.info.probes);
  const known = (pin === null ? SORTS : SORTS_PINNED).map((one) => (one.value !== "uncertain" || !uncertain ? one : a?.info.probes.regression ? { value: "error", text: uncertain, title: "output − true value at this epoch, the largest first, whatever its sign" } : { ...one, text: uncertain, title: "labels predicted rightly at this epoch, the fewest first" }));
  const listed = a && !b && isOnce(a) ? known.flatMap((one) => (one.value === "uncertain" || one.value === "error" ? [one] : one.value === (sort === "order" ? "order" : "changed") ? [{ ...one, text: "as logged", title: "in the order of the record" }] : [])) : known;
  return b || sort === "differ" ? [...listed, DIFFER] : listed;
}

/**
 * Whether a card's difference exceeds noise: A from B, or this epoch from the previous one.
 * @param {Data} data
 * @param {number} probe
 */
function change({ a, b, compared, cursor }, probe) {
  const drift = a?.drift;
  const step = epochOf(cursor, "A");
  const distance = b ? compared?.distance(probe, cursor.step) : drift?.at(probe, step);
  const floor = b ? compared?.floor(probe, cursor.step) : drift?.floor(probe, step);
  if (distance === undefined || floor === undefined || !Number.isFinite(distance) || !Number.isFinite(floor)) return null;
  const real = distance > floor;
  const what = b ? `A and B differ by ${number(distance)}` : `changed by ${number(distance)} since the ${step === RETURNED ? "last" : "previous"} epoch`;
  const words = `${what}: ${real ? "more than" : "within"} noise (${number(floor)})`;
  return html`<span class=${real ? "card-change real" : "card-change"} title=${words} role="img" aria-label=${words}>${real ? "≠" : "≈"}</span>`;
}

/** @type {(pane: Pane, probe: number) => boolean} whether the epoch was explained, and that class was not */
const isUnexplained = ({ side, step }, probe) => (side.values(probe)?.at(step)?.target ?? 0) < 0 && !side.info.gaps.some((gap) => gap.step === step);

/**
 * Why a card is hatched whose class was not explained.
 * @param {string} wanted  as the server takes it
 * @param {import("../../types.d.ts").RunInfo} info
 */
function unexplained(wanted, { settings: { classes }, probes }) {
  if (Array.isArray(classes) && classes.length <= NAMED) return `only ${list(classes.map((one) => `“${className(probes, one)}”`))} ${classes.length > 1 ? "were" : "was"} explained`;
  return `${/^\d+$/.test(wanted) ? `“${className(probes, Number(wanted))}”` : "its class"} was not explained`;
}

/**
 * Written once for all visible cards, with a button for a class that all of them have.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function hatched(element, data, state) {
  const { info } = data.panes[0].side;
  const panes = data.b ? data.panes : data.panes.slice(0, 1);
  if (!data.order.slice(...state.window).some((probe) => panes.some((pane) => isUnexplained(pane, probe)))) return "";
  const { classes } = info.settings;
  const words = `hatched: ${unexplained(data.explained, info)}`;
  const first = Array.isArray(classes) && data.explained !== String(classes[0]) ? classes[0] : null;
  return html`<span class="note ellipsis hatched" role="status" title=${words}>${words}</span>
    ${first !== null && html`<button type="button" class="link note" onClick=${() => choose(element, { class: String(first) })}>explain “${className(info.probes, first)}” for all</button>`}`;
}

/**
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {Pane[]} panes
 * @param {number} probe
 * @param {{left: number, width: number, lines: number}} place
 */
function card(element, data, panes, probe, { left, width, lines }) {
  const { probes } = panes[0].side.info;
  const name = probeName(probes, probe);
  const chosen = probe === data.probe;
  const why = panes.some((pane) => isUnexplained(pane, probe)) ? `\nhatched: ${unexplained(data.explained, panes[0].side.info)}` : "";
  return html`<button key=${probe} type="button" class=${chosen ? "card chosen" : "card"} aria-pressed=${chosen} title=${`${name}${trueValues(probes, probe)}${why}`}
    style=${{ left: `${left}px`, width: `${width}px` }} onClick=${() => choose(element, { probe, player: null, hover: null })}>
    <span class="card-name"><bdi dir="ltr" translate=${false} class=${lines > 1 ? "card-words" : "ellipsis"} title=${cardName(probes, probe)}>${quotedApart(cardName(probes, probe))}</bdi>${change(data, probe)}</span>
    <span class="card-halves">
      ${panes.map((pane) => html`<span key=${pane.title} class="half" style=${{ "--run": pane.side.color }}>
        <span class="picture">
          ${KINDS[probes.kind].element === "span" ? html`<span class="card-text" translate=${false} role="img" dir="auto" aria-label=${drawn(pane, probe, name)}></span>` : html`<canvas role="img" aria-label=${drawn(pane, probe, name)}></canvas>`}
        </span>
        <span class="half-bar"></span>
        <span class="half-words">${panes.length > 1 && html`<b>${pane.title}</b>`}${shortPrediction(pane, probe, panes.length > 1)}</span>
      </span>`)}
    </span>
    <span class="spark" hidden=${panes.every(({ side }) => isOnce(side))}>
      <canvas role="img" aria-label="change of the explanation since the previous epoch, over epochs"></canvas>
      <span class="spark-cursor" style=${{ left: `${sparkAt(data.cursor.steps, data.cursor.step) * 100}%` }}></span>
    </span>
  </button>`;
}

/** @type {(probes: import("../../types.d.ts").ProbeSetInfo, probe: number) => string} the true values of a regression, as a line of a tooltip */
const trueValues = (probes, probe) => (probes.regression && probes.truth ? `\ntrue value ${probes.truth[probe].map((value) => inUnit(outputNumber(value), probes.unit)).join(", ")}` : "");

/** @type {(probes: import("../../types.d.ts").ProbeSetInfo) => string} what the names of all classes begin with */
const sharedByClasses = memo(({ class_names: names }) => sharedBeginning(names ?? []));

/**
 * A probe's name on its card: the common beginning of all class names is left out.
 * @param {import("../../types.d.ts").ProbeSetInfo} probes
 * @param {number} probe
 */
function cardName(probes, probe) {
  return shortProbeName(probes, probe, (number) => shortName(className(probes, number), sharedByClasses(probes)));
}

/** How wide the names are: measured once for each set of probes. */
function nameWidths() {
  const ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  /** @type {WeakMap<import("../../types.d.ts").ProbeSetInfo, number>} px of the longest name */
  const known = new WeakMap();
  return (/** @type {import("../../types.d.ts").ProbeSetInfo} */ probes) => {
    let longest = known.get(probes);
    if (longest === undefined) {
      ruler.font = font(NAME);
      longest = Math.ceil(Math.max(0, ...Array.from({ length: probes.count }, (_, probe) => ruler.measureText(cardName(probes, probe)).width)));
      known.set(probes, longest);
    }
    return longest;
  };
}

/**
 * How wide cards are, and how many lines a name has. They are as wide as their pictures; where names are longer, as wide as these where the strip has room for all cards,
 * and else somewhat wider, with a second line.
 * @param {number} pictures  px of a card that has room for its pictures only
 * @param {number} longest  px of the longest name
 * @param {number} count  cards
 * @param {number} room  px of the strip
 * @returns {{width: number, lines: number}}
 */
export function cardSize(pictures, longest, count, room) {
  const whole = longest + 2 * PADDING + MARK;
  if (whole <= pictures) return { width: pictures, lines: 1 };
  const each = Math.floor((room + GAP) / Math.max(1, count)) - GAP;
  if (whole <= each) return { width: Math.min(whole, MOST), lines: whole <= MOST ? 1 : 2 };
  // A name breaks where a word ends: of two lines, about the last third stays empty.
  const wanted = Math.ceil(longest * HALF) + 2 * PADDING + MARK;
  return { width: Math.max(pictures, Math.min(wanted, Math.max(LEAST, each), MOST)), lines: 2 };
}

/**
 * @param {Element} card
 * @param {Data} data
 * @param {State} state
 * @param {Pane[]} panes
 * @param {number} probe
 * @param {number} size  px of a picture
 * @param {number} width  px of the card
 * @param {Paint | null} paint  null before it has come
 */
function fillCard(card, data, state, panes, probe, size, width, paint) {
  const [spark] = card.querySelectorAll(".spark canvas");
  const places = card.querySelectorAll(".picture > *");
  panes.forEach(({ side, step }, i) => paint?.(/** @type {HTMLElement} */ (places[i]), { side, probe, step, size }, data, state));
  drawSpark(/** @type {HTMLCanvasElement} */ (spark), data.cursor.steps, panes, probe, width - 2 * PADDING - 2);
}

/** @type {(pane: Pane, name: string) => string} */
const encoded = ({ title, side }, name) => `${title} ${side.name}: ${KINDS[side.info.probes.kind].card} of ${name}`;

/** @type {(pane: Pane, probe: number, name: string) => string} */
const drawn = (pane, probe, name) => (probe < pane.side.info.probes.count ? encoded(pane, name) : `${pane.title} ${pane.side.name} has no probe ${probe}`);
