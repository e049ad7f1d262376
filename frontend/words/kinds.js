/** The kinds of probes: the nouns of their players, the views that show them, the words on their cards. Plain data; CONTRIBUTING.md explains how to add one. */

/** @typedef {import("../types.d.ts").Kind} Kind */

/**
 * @typedef {object} About
 * @property {[string, string]} nouns  one player, more of them
 * @property {string} drawn  what a probe is drawn as
 * @property {"canvas" | "span"} element  that a card's small rendering is made in
 * @property {string} card  what that rendering shows, in words
 * @property {number} rows  of its players over epochs that have room on any page: fewer where the page would not scroll without them
 * @property {string[]} views  those of the views that are of some kinds only (views/index.js)
 */

/** @type {Record<Kind, About>} */
export const KINDS = {
  image: { nouns: ["segment", "segments"], drawn: "picture", element: "canvas", card: "attribution over the image", rows: 0, views: ["pictures", "filmstrip"] },
  tabular: { nouns: ["feature", "features"], drawn: "chart", element: "canvas", card: "the features with the largest attribution", rows: 14, views: ["bars", "evolution", "overview"] },
  text: { nouns: ["token", "tokens"], drawn: "text", element: "span", card: "attribution of the words around the strongest one", rows: 8, views: ["passage", "evolution"] },
  sequence: { nouns: ["stretch", "stretches"], drawn: "chart", element: "canvas", card: "attribution over the series", rows: 8, views: ["signal", "evolution"] },
};

/** @type {(kind: Kind, count?: number) => string} */
export const playerNoun = (kind, count = 1) => KINDS[kind].nouns[count === 1 ? 0 : 1];

/**
 * Whether a view has something to show.
 * @param {import("../types.d.ts").Data} data
 * @param {string} view
 */
export const hasView = ({ phase, a }, view) => phase === "ready" && a !== null && KINDS[a.info.probes.kind].views.includes(view);
