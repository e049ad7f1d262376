/** The server's records. The only module that fetches. */

import { append, decodeContainer } from "./container.js";
import { READERS } from "./replies.js";

/** @typedef {import("../types.d.ts").Container} Container */
/** @typedef {import("../types.d.ts").Source} Source */

/** Routes that reply in JSON. */
/** @type {ReadonlySet<import("../types.d.ts").Route>} */
export const JSON_ROUTES = new Set(["run", "events", "findings", "repeats"]);

/** Routes whose arrays all have epochs as their first axis: of a grown run, only new epochs are fetched. */
/** @type {ReadonlySet<import("../types.d.ts").Route>} */
const GROWING = new Set(["values", "importance", "fidelity", "interactions", "answers", "outputs"]);

/** @type {WeakMap<object, Container>} the container that each reply was made from */
const containers = new WeakMap();

/** The server did not respond at all; its records may be intact. */
export class Unreachable extends Error {}

/** The server's sentence about a request that its record does not fit: it would be the same again. */
export class Refused extends Error {}

const SANDBOXED = "This page is in a sandboxed frame that keeps it from TensorBoard: give the frame “allow-same-origin”, or open TensorBoard in a tab of its own.";

/**
 * The last of sorted steps that is no later than another; null where there is none.
 * @param {ArrayLike<number>} steps
 * @param {number} until
 */
function lastUpTo(steps, until) {
  return Array.from(steps).findLast((step) => step <= until) ?? null;
}

/**
 * An address without a user's name and password: `fetch` refuses those. The browser sends what it has asked for once by itself.
 * @param {string} address
 */
function bare(address) {
  const url = new URL(address);
  url.username = url.password = "";
  return url;
}

/**
 * @param {string} base  address that the routes are relative to
 * @returns {Source}
 */
export function createServerSource(base) {
  const root = bare(base);
  /** @type {(route: string, args: Record<string, string>, signal?: AbortSignal) => Promise<Response>} */
  async function request(route, args, signal) {
    const url = new URL(route, root);
    for (const [name, value] of Object.entries(args)) url.searchParams.set(name, value);
    let response;
    try {
      response = await fetch(url, { signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      if (globalThis.origin === "null") throw new Error(SANDBOXED);
      throw new Unreachable("TensorBoard does not respond.");
    }
    if (response.ok) return response;
    // The plugin's own errors are one plain sentence; anything else would be a page of HTML.
    const plain = response.headers.get("content-type")?.startsWith("text/plain");
    const sentence = plain ? (await response.text()).trim() : "";
    if (sentence && response.status < 500) throw new Refused(sentence);
    throw new Error(sentence || `TensorBoard replied with status ${response.status} for “${route}”.`);
  }

  return {
    async runs(signal) {
      const { schema, runs } = await (await request("runs", {}, signal)).json();
      if (schema !== 1) throw new Error(`This page expects version 1 of the server's interface, but the server has version ${schema}: reload the browser.`);
      return runs;
    },
    async get(route, args, signal, before) {
      if (JSON_ROUTES.has(route)) return READERS[route](await (await request(route, args, signal)).json());
      const known = before && GROWING.has(route) ? containers.get(before.reply) : undefined;
      const until = known ? lastUpTo(known.arrays.steps.data, before?.until ?? -Infinity) : null;
      const response = await request(route, until === null ? args : { ...args, since: String(until) }, signal);
      const fresh = decodeContainer(await response.arrayBuffer());
      const container = known && until !== null ? append(known, until, fresh) : fresh;
      const reply = READERS[route](/** @type {never} */ (container));
      containers.set(reply, container);
      return reply;
    },
  };
}
