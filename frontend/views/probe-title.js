/** Which probe is shown large, and the way to its neighbours. */

import { probeName } from "../format.js";
import { choose, html, render } from "../html.js";

/** @type {import("../types.d.ts").View} */
export function probeTitleView(element) {
  return (data) => {
    if (data.phase !== "ready" || !data.a) return;
    const name = probeName(data.a.info.probes, data.probe);
    const position = data.order.indexOf(data.probe);
    const step = (/** @type {number} */ by) => {
      const next = data.order[position + by];
      if (next !== undefined) choose(element, { probe: next, player: null, hover: null });
    };
    render(
      html`<div class="probe-title">
        <h2 class="ellipsis" title=${name}>Probe ${name}</h2>
        ${!data.a.info.probes.regression && html`<span class="note">click a class to explain it</span>`}
        <button type="button" class="icon-button text" aria-label="Previous probe (↑)" title="Previous probe (↑)" disabled=${position <= 0} onClick=${() => step(-1)}>‹</button>
        <button type="button" class="icon-button text" aria-label="Next probe (↓)" title="Next probe (↓)" disabled=${position < 0 || position >= data.order.length - 1} onClick=${() => step(1)}>›</button>
      </div>`,
      element,
    );
  };
}
