/** The regions logged with the probes: which one is highlighted, and how much of the attribution each run puts there. */

import { percent } from "../format.js";
import { choose, html, render } from "../html.js";
import { indexOf } from "../series.js";

/** @type {import("../types.d.ts").View} */
export function regionsView(element) {
  return (data) => {
    const regions = data.a?.info.regions ?? [];
    element.hidden = regions.length === 0;
    render(
      html`<div>
        <h2>Regions</h2>
        ${regions.map((name) => {
          const shown = name === data.region;
          return html`<label key=${name} class="check region" title=${name}>
            <input type="checkbox" checked=${shown} onChange=${() => choose(element, { region: shown ? "" : name })} />
            <span class="ellipsis">${name}<br /><span class="region-shares" title="median share of |attribution| inside the region, over probes">${shares(data, name)}</span></span>
          </label>`;
        })}
      </div>`,
      element,
    );
  };
}

/**
 * @param {import("../types.d.ts").Data} data
 * @param {string} region
 */
function shares(data, region) {
  return data.panes.map(({ title, side, step }) => {
    const share = side.shares.get(region);
    const value = share && share.median[indexOf(share.steps, step)];
    return html`<span key=${title}><b style=${{ color: side.color }}>${title}</b> ${percent(value)}</span>`;
  });
}
