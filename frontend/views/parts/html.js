/** Templates, and the events with which a view reports what the user did. */

import { memo } from "../../model/memo.js";
import htm from "../../vendor/htm.module.js";
import { untranslated } from "../../host/translation.js";
import { h, render as draw } from "../../vendor/preact.module.js";
import { halves } from "../../words/names.js";

/**
 * Draws a template into an element.
 * @param {unknown} template
 * @param {Element} element
 */
export const render = (template, element) => untranslated(element, () => draw(/** @type {never} */ (template), element));

/** @type {(strings: TemplateStringsArray, ...values: unknown[]) => import("../../types.d.ts").VNode} */
export const html = /** @type {never} */ (htm.bind(/** @type {never} */ (h)));

/**
 * Reports a change of the state that the user made; the page listens for it (host/listen.js).
 * @param {EventTarget | null} target
 * @param {import("../../types.d.ts").Change} change
 */
export function choose(target, change) {
  target?.dispatchEvent(new CustomEvent("xai:choose", { bubbles: true, detail: change }));
}

/**
 * Reports a command of the user that is not a change of the state.
 * @param {EventTarget | null} target
 * @param {import("../../types.d.ts").Command} command
 */
export function command(target, command) {
  target?.dispatchEvent(new CustomEvent("xai:command", { bubbles: true, detail: command }));
}

/**
 * A group of buttons with one selected.
 * @param {{label: string, value: string, options: {value: string, text: string, title?: string, disabled?: boolean}[], choose: (event: Event, value: string) => void}} props
 */
export function segmented({ label, value, options, choose: chosen }) {
  return html`<span class="segmented" role="group" aria-label=${label}>
    ${options.map(
      (option) => html`<button key=${option.value} type="button" title=${option.title} aria-pressed=${option.value === value} disabled=${option.disabled}
        onClick=${(/** @type {Event} */ event) => chosen(event, option.value)}>${option.text}</button>`,
    )}
  </span>`;
}

/**
 * A name that may be longer than its place: what is left out is its middle, since names of a sweep differ at their ends. It is of its own direction: a name
 * in Hebrew or Arabic leaves what stands around it where it is.
 * @param {string} text
 */
export function named(text) {
  const [start, end] = halves(text);
  return html`<bdi translate=${false} class="named" style=${{ "--letters": [...text].length }}><span class="named-start">${start}</span>${end && html`<span class="named-end">${end}</span>`}</bdi>`;
}

/** @typedef {{value: string, text: string, disabled?: boolean, title?: string}} Option  title: of the list, while this is chosen */

/**
 * The same list of a thousand classes is not made anew at every step of the cursor. An entry of another text is another one: Chromium does not make a list
 * wider for the text of an entry that is not chosen.
 */
const entries = memo((/** @type {Option[]} */ options) => options.map(({ value, text, disabled }) => html`<option key=${`${value} ${text}`} value=${value} disabled=${disabled}>${text}</option>`));

/**
 * A drop-down list.
 * @param {{label: string, value: string, options: Option[], choose: (event: Event, value: string) => void}} props
 */
export function select({ label, value, options, choose: chosen }) {
  const change = (/** @type {Event} */ event) => chosen(event, /** @type {HTMLSelectElement} */ (event.target).value);
  const shown = options.find((option) => option.value === value);
  return html`<select aria-label=${label} title=${shown?.title ?? shown?.text} value=${value} onChange=${change}>${entries(options)}</select>`;
}
