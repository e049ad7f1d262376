/** A message in place of a part whose reply failed; the rest of the page keeps working. */

import { VITAL } from "../../feed/feed.js";
import { command, html } from "./html.js";

/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").Route} Route */

/** Replies that a view has a place for; other parts are named in the line above the page. */
const PLACED = new Set(["outputs", "interactions", "difference", "findings", "compare", "events"]);

/**
 * @param {EventTarget} element
 * @param {Data} data
 * @param {Route[]} routes  of the part
 * @param {string} what  failed, as the beginning of a sentence
 */
export function failure(element, { failures, report }, routes, what) {
  const failed = failures.find(({ route }) => routes.includes(route));
  return failed ? html`<p class="part-failed" role="status">${what}: ${failed.problem} ${!report && retry(element)}</p>` : null;
}

/** @param {EventTarget} element */
export const retry = (element) => html`<button type="button" class="button" onClick=${() => command(element, "retry")}>Try again</button>`;

/**
 * Failures that have no place of their own, each sentence once.
 * @param {Data} data
 */
export function elsewhere({ failures }) {
  // Names that the record does not have are told beside the region.
  const words = failures.filter(({ route, args }) => !VITAL.has(route) && !PLACED.has(route) && !(route === "share" && args.names)).map(({ route, args, problem }) => `${partOf(route, args)} could not be read: ${problem}`);
  return [...new Set(words)];
}

/** @type {(route: Route, args: import("../../types.d.ts").Args) => string} */
function partOf(route, { region }) {
  if (route === "share") return region ? `The share on “${region}”` : "The share on a region that you drew";
  if (route === "events") return "The events";
  if (route === "fidelity" || route === "trust") return "The quality measures";
  return route === "importance" ? "The order of the features" : `“${route}”`;
}
