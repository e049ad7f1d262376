/** The selected text, each token shaded by its attribution: A, B and their difference, all on one scale. */

import { css, faded, shade } from "../../figures/passage.js";
import { rove } from "../../host/rove.js";
import { sideAt } from "../../model/frames.js";
import { insideOf } from "../../model/players.js";
import { exactly, isHidden, placeOf, shownOf, withinNoise } from "../../model/shown.js";
import { choose, html, render } from "../parts/html.js";
import { panesRow } from "./panes.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Passage} Passage */
/** @typedef {import("../../types.d.ts").State} State */

/** @typedef {{node: HTMLElement, player: number, drawn: string}} Token */

/** @type {WeakMap<HTMLElement, {content: Passage, tokens: Token[]}>} what each text shows: only tokens that change are touched */
const written = new WeakMap();

const KEYS = { back: ["ArrowLeft", "ArrowUp"], on: ["ArrowRight", "ArrowDown"] };
// Part of the scale from which on a token's sign is marked: what can hardly be seen needs no mark.
const LEAST_MARKED = 0.06;
// Characters up to which a text is set larger.
const SHORT = 200;

/** @type {import("../../types.d.ts").View} */
export function passageView(element) {
  const frame = document.createElement("div");
  frame.className = "passages";
  element.append(frame);

  return (data, state) => {
    const { panes, probe } = data;
    const box = (/** @type {import("../../types.d.ts").Pane | null} */ pane) =>
      html`<div class="passage-text" translate=${false} role="group" dir="auto" aria-label=${pane ? `attribution of each token: ${sideAt(pane.side, pane.step)}` : "difference of the attributions of each token, first minus second"}></div><p class="note passage-reach"></p>`;
    render(panesRow(element, data, state, box), frame);
    const shown = shownOf(data, state);
    frame.querySelectorAll(".passage-text").forEach((node, i) => {
      const side = panes[i]?.side ?? panes[0].side;
      const content = side.content(probe);
      if (!(node instanceof HTMLElement)) return;
      if (content?.kind !== "text") {
        // A probe that B lacks has no text.
        node.replaceChildren();
        const known = written.get(node);
        if (known) Object.assign(known, { content: null, tokens: [] });
        return;
      }
      const shares = side.sharesPlayers(probe);
      node.dataset.own = shares ? "" : "other";
      const tokens = write(node, content, element);
      follow(node, element, state);
      const inside = insideOf(side, state.areas, data.region, probe);
      paintTokens(tokens, shown[i], { dark: state.dark, lit: shares ? data.lit : [], inside });
      node.classList.toggle("unknown", !shown[i].values);
    });
  };
}

/**
 * The text as elements, made once.
 * @param {HTMLElement} node
 * @param {Passage} content
 * @param {HTMLElement} element
 */
function write(node, content, element) {
  const known = written.get(node);
  if (known?.content === content) return known.tokens;
  /** @type {Token[]} */
  const tokens = [];
  node.replaceChildren(
    ...content.pieces.map(([text, player]) => {
      if (player < 0) return document.createTextNode(text);
      const token = document.createElement("span");
      token.textContent = text;
      token.role = "button";
      token.tabIndex = tokens.length ? -1 : 0;
      token.dataset.player = String(player);
      tokens.push({ node: token, player, drawn: "" });
      return token;
    }),
  );
  node.scrollTop = 0;
  node.classList.toggle("short", content.pieces.reduce((sum, [text]) => sum + text.length, 0) <= SHORT);
  written.set(node, { content, tokens });
  rove(node, () => tokens.map((token) => token.node), KEYS);
  if (!known) addListeners(node, element);
  sayReach(node, tokens);
  return tokens;
}

/**
 * Which tokens of a long text are in view, below it.
 * @param {HTMLElement} node
 * @param {Token[]} tokens
 */
function sayReach(node, tokens) {
  const place = node.nextElementSibling;
  if (!place || !node.clientHeight) return;
  const words = node.scrollHeight > node.clientHeight + 1 ? reach(tokens.map(({ node: { offsetTop } }) => offsetTop - node.offsetTop), node.scrollTop, node.clientHeight) : "";
  if (place.textContent !== words) place.textContent = words;
}

/**
 * @param {number[]} tops  px of each token from the beginning of the text, in the order of the text
 * @param {number} from  px that are scrolled
 * @param {number} room  px in view
 */
export function reach(tops, from, room) {
  const first = tops.findIndex((top) => top >= from - 1);
  const last = tops.findLastIndex((top) => top < from + room - 4);
  if (first <= 0 && last === tops.length - 1) return "";
  return `${first + 1} to ${last + 1} of ${tops.length} tokens; scroll for the rest`;
}

/** @type {(node: HTMLElement, element: HTMLElement) => void} */
function addListeners(node, element) {
  const say = () => sayReach(node, written.get(node)?.tokens ?? []);
  new ResizeObserver(say).observe(node);
  node.addEventListener("scroll", say, { passive: true });
  const enter = (/** @type {Event} */ event) => choose(element, { hover: playerOf(event) });
  const leave = () => choose(element, { hover: null });
  node.addEventListener("pointerover", enter);
  node.addEventListener("focusin", enter);
  node.addEventListener("pointerleave", leave);
  node.addEventListener("focusout", leave);
  // The same words are broken into the same lines: all panes show the same of them.
  node.addEventListener("scroll", () => {
    for (const other of element.querySelectorAll(".passage-text")) if (other.scrollTop !== node.scrollTop) other.scrollTop = node.scrollTop;
  }, { passive: true });
  // It comes to rest on a whole line.
  node.addEventListener("scrollend", () => {
    const line = parseFloat(getComputedStyle(node).lineHeight);
    const top = Math.round(node.scrollTop / line) * line;
    if (Math.abs(top - node.scrollTop) > 0.5) node.scrollTop = top;
  });
  // The pointer takes no focus: the arrows still move the cursor then.
  node.addEventListener("mousedown", (event) => {
    if (playerOf(event) !== null) event.preventDefault();
  });
}

/** @param {Event} event */
function playerOf({ target }) {
  // A token of another text than A's is no player of A.
  const player = target instanceof HTMLElement && !target.closest("[data-own=other]") ? target.dataset.player : undefined;
  return player === undefined ? null : Number(player);
}

/**
 * A click keeps a token, another one releases it.
 * @param {HTMLElement} node
 * @param {HTMLElement} element
 * @param {State} state
 */
function follow(node, element, state) {
  node.onclick = (event) => {
    const player = playerOf(event);
    if (player !== null) choose(element, { player: player === state.player ? null : player });
  };
}

/**
 * @param {Token[]} tokens
 * @param {import("../../model/shown.js").Shown} shown
 * @param {{dark: boolean, lit: number[], inside: (player: number) => boolean}} look
 */
function paintTokens(tokens, shown, { dark, lit, inside }) {
  const chosen = tokens.find(({ player }) => lit.includes(player)) ?? tokens[0];
  for (const token of tokens) {
    const { node, player } = token;
    const t = placeOf(shown, player);
    const isLit = lit.includes(player);
    const noise = withinNoise(shown, player);
    const { ground, ink } = shade(noise ? faded(t) : t, dark);
    const marked = Math.abs(t) >= LEAST_MARKED;
    const classes = ["token", marked && !noise && (t > 0 ? "for" : "against"), noise && marked && "noise", inside(player) && "inside", isLit && "lit", isHidden(shown, player) && "hidden-token"].filter(Boolean).join(" ");
    const words = isLit ? exactly(shown, `“${node.textContent}”`, player) : "";
    const drawn = `${classes} ${ground} ${words} ${token === chosen}`;
    if (token.drawn === drawn) continue;
    token.drawn = drawn;
    node.className = classes;
    node.style.setProperty("--ground", t ? css(ground) : "transparent");
    node.style.color = t ? css(ink) : "";
    node.title = words;
    node.ariaLabel = words || null;
    node.tabIndex = token === chosen ? 0 : -1;
  }
}
