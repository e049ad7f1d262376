/** The list of keys, over the page. */

import { choose, html, render } from "../html.js";
import { keysOf } from "../keyboard.js";

/** @type {import("../types.d.ts").View} */
export function helpView(element) {
  let open = false;
  return (data, state) => {
    const close = () => choose(element, { help: false });
    render(
      state.help &&
        html`<div class="veil" onClick=${close}>
          <div class="help" role="dialog" aria-modal="true" aria-label="Keys" onClick=${(/** @type {Event} */ event) => event.stopPropagation()}>
            <h2>Keys</h2>
            <dl>${keysOf(data.a?.info.probes.kind ?? "image").map(([keys, words]) => html`<div key=${keys}><dt>${keys.split(" ").map((key) => (key === "or" ? " or " : html`<kbd>${key}</kbd>`))}</dt><dd>${words}</dd></div>`)}</dl>
            <button type="button" class="button" onClick=${close}>Close</button>
          </div>
        </div>`,
      element,
    );
    if (state.help && !open) element.querySelector("button")?.focus();
    open = state.help;
  };
}
