/** What the user does on the page: choices and commands of the views, and keys. */

import { copy } from "./clipboard.js";
import { frameAllows } from "./host.js";
import { keyChange } from "./keyboard.js";
import { isTaken } from "./typing.js";

/** @typedef {import("../types.d.ts").Change} Change */
/** @typedef {import("../types.d.ts").Command} Command */
/** @typedef {import("../types.d.ts").Data} Data */

const COPIED_MS = 2000;

/** @type {(event: KeyboardEvent) => boolean} Ctrl+P, on a Mac Cmd+P */
const asksToPrint = ({ key, ctrlKey, metaKey, altKey, shiftKey, defaultPrevented }) => key.toLowerCase() === "p" && ctrlKey !== metaKey && !altKey && !shiftKey && !defaultPrevented;

/**
 * @param {HTMLElement} root  of the page
 * @param {import("../model/state.js").Store} store
 * @param {() => Data | null} dataNow  null while the page is not ready
 * @param {{retry: () => void, print: () => void}} acts
 */
export function listen(root, store, dataNow, { retry, print }) {
  const change = (/** @type {Change} */ wanted) => {
    const cursor = dataNow()?.cursor;
    // Playing from the last epoch starts again at the first.
    const anew = wanted.playing && cursor && cursor.index === cursor.steps.length - 1;
    store.set(anew ? { ...wanted, epoch: cursor.steps[0] } : wanted);
  };

  /** @type {Record<Command, () => void>} */
  const commands = {
    retry,
    print,
    help: () => store.set({ help: true }),
    link: () => {
      const link = store.link();
      // Pressed again, the address that could not be copied goes away.
      if (store.get().copied) store.set({ copied: false });
      else
        void copy(link).then((done) => {
          store.set({ copied: done || link });
          if (done) setTimeout(() => store.set({ copied: false }), COPIED_MS);
        });
    },
  };

  // What is drawn anew under the pointer never tells that the pointer left it.
  /** @type {Node | null} the room in which something is under the pointer */
  let hovered = null;
  const leave = (/** @type {Node | null} */ to) => {
    if (!hovered || hovered.contains(to)) return;
    hovered = null;
    if (store.get().hover !== null) store.set({ hover: null });
  };
  document.addEventListener("pointerover", ({ target }) => leave(/** @type {Node} */ (target)));
  document.documentElement.addEventListener("pointerleave", () => leave(null));

  root.addEventListener("xai:choose", (event) => {
    const { detail, target } = /** @type {CustomEvent<Change>} */ (event);
    if (detail.hover !== undefined) hovered = detail.hover === null ? null : /** @type {Node} */ (target);
    change(detail);
  });
  root.addEventListener("xai:command", (event) => commands[/** @type {CustomEvent<Command>} */ (event).detail]());

  document.addEventListener("keydown", (event) => {
    const data = dataNow();
    if (!data) return;
    // The browser would print the page around this frame, cut at the window's edge, and dark pictures as they are.
    if (asksToPrint(event) && frameAllows("allow-modals") !== false) {
      event.preventDefault();
      print();
      return;
    }
    if (isTaken(event)) return;
    const wanted = keyChange(event, data, store.get());
    if (!wanted) return;
    event.preventDefault();
    change(wanted);
  });

  // A finger that goes on to scroll has moved the slider it began on: back.
  /** @type {{slider: HTMLInputElement, value: string} | null} */
  let touched = null;
  root.addEventListener("pointerdown", ({ target, pointerType }) => {
    const slider = target instanceof HTMLInputElement && target.type === "range" && pointerType === "touch" ? target : null;
    touched = slider && { slider, value: slider.value };
  });
  root.addEventListener("pointercancel", () => {
    if (!touched || touched.slider.value === touched.value) return;
    touched.slider.value = touched.value;
    touched.slider.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // A button that was clicked would keep the focus and take Space, which plays.
  root.addEventListener("click", (event) => {
    if (event.detail > 0 && event.target instanceof Element) event.target.closest("button")?.blur();
  });

  // A list used with the mouse would also keep the focus and react to digits and arrows. A list reached by keyboard keeps it.
  let pointed = false;
  root.addEventListener("pointerdown", () => (pointed = true));
  root.addEventListener("keydown", () => (pointed = false));
  root.addEventListener("change", ({ target }) => {
    if (pointed && target instanceof HTMLSelectElement) target.blur();
  });
}
