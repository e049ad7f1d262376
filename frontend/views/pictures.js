/** The selected probe, large: A, B and their difference, all on one scale. */

import { className, epoch, method } from "../format.js";
import { choose, html, render } from "../html.js";
import { icon } from "../icons.js";
import { fit } from "../layout.js";
import { chief, isLow, reading, sentence } from "../measures.js";
import { paint, playerAt } from "../picture.js";
import { difference, isBlank } from "../scale.js";
import { answer } from "./answer.js";

/** @typedef {import("../types.d.ts").Attribution} Attribution */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pane} Pane */

/** @type {import("../types.d.ts").View} */
export function picturesView(element) {
  const frame = document.createElement("div");
  frame.className = "pictures";
  element.append(frame);
  let side = 200;
  /** @type {Parameters<import("../types.d.ts").Update> | null} */
  let last = null;
  new ResizeObserver(() => {
    const box = frame.querySelector(".picture");
    if (!box || !last || box.clientWidth === side) return;
    side = box.clientWidth;
    update(...last);
  }).observe(frame);

  /** @type {import("../types.d.ts").Update} */
  const update = (data, state) => {
    if (data.phase !== "ready") return;
    last = [data, state];
    const { panes, probe } = data;
    const complete = panes.every((pane) => pane.side.values(probe));
    const explained = panes.map((pane) => pane.side.values(probe)?.at(pane.step) ?? null);
    const picture = panes[0].side.picture(probe);
    const figures = panes.map((pane) => figure(pane.title, paneHead(element, pane, probe), blankReason(pane, probe, data.method), `attribution over the image: ${pane.side.name} at ${epoch(pane.step)}`, pane.side.color, trust(pane, probe)));
    const pair = panes.length === 2;
    const sameClass = explained[0]?.target === explained[1]?.target;
    if (pair) figures.push(figure("difference", differenceHead(panes, state.lock), differenceReason(panes, explained), "difference of the attributions, first minus second", "", null));
    else figures.push(html`<div key="alone" class="alone"><p>One epoch so far: nothing to compare it with yet. A second epoch, or a second run, appears here.</p></div>`);
    render(html`<div class="row">${figures}</div>`, frame);
    if (!picture || !complete) return;

    const box = fit(picture.width, picture.height, side);
    const values = explained.map((one) => one?.values ?? null);
    if (pair) values.push(values[0] && values[1] && sameClass ? difference(values[0], values[1]) : null);
    const key = [probe, data.method, state.class, ...panes.flatMap(({ side, step }) => [side.id, step])].join();
    frame.querySelectorAll("canvas").forEach((canvas, i) => {
      paint(canvas, box, `${key} ${i}`, {
        picture: panes[i]?.side.picture(probe) ?? picture,
        values: values[i],
        scale: state.lock ? data.scale : 0,
        lit: data.lit,
        region: data.a?.info.regions.indexOf(data.region) ?? -1,
        outlines: state.outlines,
        look: state,
      });
      canvas.onpointermove = (event) => choose(element, { hover: playerAt(event, picture, canvas) });
      canvas.onpointerleave = () => choose(element, { hover: null });
      canvas.onclick = (event) => {
        const player = playerAt(event, picture, canvas);
        choose(element, { player: player === state.player ? null : player });
      };
    });
  };
  return update;
}

/**
 * @param {string} key
 * @param {unknown} head
 * @param {string} blank  why there is no picture; "" where there is one
 * @param {string} name  what the picture encodes
 * @param {string} color
 * @param {unknown} foot
 */
function figure(key, head, blank, name, color, foot) {
  return html`<figure key=${key} class="view" style=${{ "--run": color }}>
    <figcaption>${head}</figcaption>
    <div class="picture">
      <canvas role="img" aria-label=${name}></canvas>
      ${blank && html`<p class="blank">${blank}</p>`}
    </div>
    ${foot}
  </figure>`;
}

/**
 * @param {HTMLElement} element
 * @param {Pane} pane
 * @param {number} probe
 */
function paneHead(element, pane, probe) {
  const { title, side, step } = pane;
  const single = title === "now" || title === "pinned";
  const pin = html`<button type="button" class="icon-button small" aria-label="Pin this epoch as the reference (p)" title="Pin this epoch as the reference (p)"
    onClick=${() => choose(element, { pin: step })}>${icon("pin")}</button>`;
  return html`<span class="pane-name" title=${side.name}><b class="run-ink">${title}</b> <span class="ellipsis">${single ? epoch(step) : side.label}</span>${title === "now" && pin}</span>
    <span class="answer">${answer(pane, probe)}</span>`;
}

/**
 * @param {Pane[]} panes
 * @param {boolean} lock
 */
function differenceHead([first, second], lock) {
  return html`<span><b>${first.title} − ${second.title}</b></span><span class="answer">${lock ? "same scale" : "own scale"}</span>`;
}

/**
 * How far the picture can be trusted: the number of the method's chief measure, and where it is low, in words.
 * @param {Pane} pane
 * @param {number} probe
 */
function trust({ side, step }, probe) {
  const { fidelity } = side;
  const numbers = fidelity?.at(probe, step);
  const measure = chief(fidelity?.measures ?? []);
  if (!fidelity || !numbers || !measure) return html`<p class="trust"></p>`;
  const value = numbers[fidelity.measures.indexOf(measure)];
  const all = fidelity.measures.map((name, i) => sentence(name, numbers[i])).join("\n");
  if (!Number.isFinite(value)) return html`<p class="trust"></p>`;
  return html`<p class=${isLow(measure, value) ? "trust low" : "trust ellipsis"} title=${all}>${isLow(measure, value) ? sentence(measure, value) : reading(measure, value)}</p>`;
}

/**
 * @param {Pane} pane
 * @param {number} probe
 * @param {string} explainer
 */
function blankReason({ side, step }, probe, explainer) {
  const values = side.values(probe);
  if (!values) return "";
  const explained = values.at(step);
  if (!explained) return `${epoch(step)} is not in this run's record`;
  if (explained.target < 0) return "this class was not logged";
  if (!isBlank(explained.values)) return "";
  const reason = side.info.gaps.find((gap) => gap.step === step)?.reason;
  if (reason) return `${epoch(step)}: ${reason}`;
  if (side.info.probes.regression) return `${method(explainer)} gives no values here`;
  // A method of the user's own may explain one class only.
  return `${method(explainer)} gives no values for “${className(side.info.probes, explained.target)}”: choose another class`;
}

/**
 * @param {Pane[]} panes
 * @param {(Attribution | null)[]} explained
 */
function differenceReason(panes, [first, second]) {
  if (!first || !second || isBlank(first.values) || isBlank(second.values)) return "nothing to subtract at this epoch";
  if (first.target === second.target) return "";
  const { probes } = panes[0].side.info;
  return `no difference: ${panes[0].title} explains “${className(probes, first.target)}”, ${panes[1].title} “${className(probes, second.target)}”`;
}
