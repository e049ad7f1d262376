/** Interactions of two players for the selected probe at the cursor, if the method has them. */

import { playerName } from "../../model/players.js";
import { signed } from "../../words/format.js";
import { playerNoun } from "../../words/kinds.js";
import { middle } from "../../words/names.js";
import { failure } from "../parts/failure.js";
import { choose, html, render } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Pair} Pair */
/** @typedef {import("../../types.d.ts").Pane} Pane */

const MOST = 3;
// Letters of a name in a pair.
const LONGEST = 14;

/** @type {import("../../types.d.ts").View} */
export function pairsView(element) {
  return (data, state) => {
    const panes = data.phase === "ready" ? data.panes.filter(({ side }) => side.info.interacting.includes(data.method)) : [];
    element.hidden = panes.length === 0;
    // If the highlighted pair has disappeared, its pointerleave event never fires.
    const present = panes.some((pane) => strongest(data, pane).some(({ players }) => players.join() === state.pair?.join()));
    if (state.pair && !present) choose(element, { pair: null });
    if (element.hidden) return;
    const button = (/** @type {Pane} */ { title, side }, /** @type {Pair} */ { players, strength }) => {
      const [one, other] = players;
      const { probes } = side.info;
      const content = side.content(data.probe);
      const numbered = probes.kind === "image" && !(content?.kind === "image" && content.names);
      const name = (/** @type {number} */ player) => (numbered ? String(player) : playerName(probes, content, player));
      const nouns = playerNoun(probes.kind, 2);
      const words = `${middle(name(one), LONGEST)} × ${middle(name(other), LONGEST)} ${signed(strength)}`;
      const lit = state.pair?.[0] === one && state.pair?.[1] === other;
      const show = () => choose(element, { pair: players });
      const hide = () => choose(element, { pair: null });
      return html`<button key=${players.join()} type="button" class=${lit ? "pair lit" : "pair"} onPointerEnter=${show} onPointerLeave=${hide} onFocus=${show} onBlur=${hide}
        aria-label=${`${title}: interaction of ${nouns} ${name(one)} and ${name(other)}: ${signed(strength)} ${side.unit} beyond their separate effects`}
        title=${`interaction of ${nouns} ${name(one)} and ${name(other)}, beyond their separate effects, in ${side.unit}`}>${words}</button>`;
    };
    render(
      html`<div class="pairs">
        ${failure(element, data, ["interactions"], "The interactions could not be read")}
        ${panes.map((pane) => {
          const pairs = strongest(data, pane);
          return html`<div key=${pane.title} class="pairs-row"><span class="note"><b style=${{ color: pane.side.color }}>${pane.title}</b> pairs</span>
            ${pairs.map((pair) => button(pane, pair))}${pairs.length === 0 && html`<span class="note">no pairs at this epoch</span>`}</div>`;
        })}
      </div>`,
      element,
    );
  };
}

/** @type {(data: import("../../types.d.ts").Data, pane: Pane) => Pair[]} */
const strongest = ({ probe }, { side, step }) => side.interactions()?.at(probe, step, MOST) ?? [];
