/** The rail's own head: a button that folds it away, and when it is folded, what it would say, in one line. */

import { EM } from "../../host/text.js";
import { isTaken } from "../../host/typing.js";
import { className, method } from "../../words/format.js";
import { choose, html, named, render } from "../parts/html.js";
import { icon } from "../parts/icons.js";

/** @typedef {import("../../types.d.ts").Data} Data */

// As styles/rail.css has them: a narrow window has no room for the rail beside the page, a small one not even while it is open.
const NARROW = "(max-width: 68.75em)";
const SMALL = "(max-width: 56.25em)";

// Px of the rail where text has its usual size.
const WIDTH = 232;

/** @type {Map<string, MediaQueryList>} asked once: the answer is kept up to date by the browser */
const queries = new Map();

/** @param {string} query */
function mediaQuery(query) {
  let known = queries.get(query);
  if (!known) {
    known = matchMedia(query);
    queries.set(query, known);
  }
  return known;
}

/** @param {{rail: import("../../types.d.ts").State["rail"]}} state */
const isOpen = ({ rail }) => (rail ? rail === "open" : !mediaQuery(NARROW).matches);

/**
 * The width of a window that would have as much room beside a rail of the usual size.
 * @param {{rail: import("../../types.d.ts").State["rail"]}} state
 */
export function windowWidth(state) {
  const taken = isOpen(state) && !mediaQuery(SMALL).matches ? WIDTH * EM : 0;
  return window.innerWidth - taken + WIDTH;
}

/** @type {import("../../types.d.ts").View} */
export function foldView(element) {
  /** @type {Parameters<import("../../types.d.ts").Update> | null} */
  let last = null;
  const [narrow, small] = [NARROW, SMALL].map(mediaQuery);
  const resized = () => last && update(...last);
  narrow.addEventListener("change", resized);
  small.addEventListener("change", resized);
  const page = () => /** @type {HTMLElement | null} */ (element.closest(".page"));
  const over = () => page()?.dataset.rail === "over";
  const fold = () => choose(element, { rail: narrow.matches ? null : "folded" });

  // What lies over the page goes with Escape, and with a click beside it.
  const outside = (/** @type {PointerEvent} */ { target }) => {
    if (over() && target instanceof Element && !target.closest(".rail")) fold();
  };
  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !over()) return;
    fold();
    element.querySelector("button")?.focus();
    event.stopPropagation();
  };
  // So it does where nothing has the focus, unless the key ends something else.
  const escapeAnywhere = (/** @type {KeyboardEvent} */ event) => {
    const state = last?.[1];
    if (event.key !== "Escape" || !over() || isTaken(event) || state?.help || state?.drawing || typeof state?.copied === "string") return;
    fold();
    event.preventDefault();
  };
  document.addEventListener("pointerdown", outside);
  document.addEventListener("keydown", escapeAnywhere);
  requestAnimationFrame(() => element.parentElement?.addEventListener("keydown", escape));

  /** @type {import("../../types.d.ts").Update} */
  const update = (data, state) => {
    last = [data, state];
    // A sheet is as wide as the window, whatever paper the printer has (host/print.js).
    if (document.documentElement.classList.contains("printing")) return;
    const root = page();
    const open = isOpen(state);
    if (root) root.dataset.rail = !open ? "folded" : small.matches ? "over" : "beside";
    const label = open ? "Fold away runs and settings" : "Runs and settings";
    const toggle = () => (open ? fold() : choose(element, { rail: narrow.matches ? "open" : null }));
    const words = open ? [] : summary(data);
    render(
      html`<button type="button" class="icon-button rail-toggle" aria-expanded=${open} aria-label=${label} title=${label} onClick=${toggle}>${icon(open ? "fold" : "menu")}</button>
        ${words.length > 0 && html`<button type="button" class="rail-words" tabindex="-1" title=${`${words.map(({ letter, text }) => `${letter} ${text}`.trim()).join(" · ")}\n${label}`} onClick=${toggle}>${words.map(
          ({ letter, text, color }) => html`<span key=${letter || text} class=${letter ? "rail-run" : "rail-word"}>${letter && html`<b style=${{ color }}>${letter}</b> `}${named(text)}</span>`,
        )}</button>`}`,
      element,
    );
  };
  return update;
}

/**
 * What is chosen: runs, method and class.
 * @param {Data} data
 * @returns {{letter: string, text: string, color: string}[]}
 */
function summary({ phase, a, b, method: name, explained }) {
  if (phase !== "ready" || !a) return [];
  const { probes } = a.info;
  const runs = [a, b].flatMap((side) => (side ? [{ letter: b ? side.letter : "", text: side.label, color: side.color }] : []));
  const target = /^\d+$/.test(explained) ? `“${className(probes, Number(explained))}”` : explained === "label" ? (probes.labels || probes.label_sets ? "true label" : "") : "predicted class";
  return [...runs, ...[method(name), probes.regression && probes.classes === 1 ? "" : target].filter(Boolean).map((text) => ({ letter: "", text, color: "" }))];
}
