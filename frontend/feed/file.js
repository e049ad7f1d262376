/** Records that travel in the page's own file, a report: replies of the server, made when the file was written. */

import { JSON_ROUTES, Refused } from "./api.js";
import { decodeContainer } from "./container.js";
import { READERS } from "./replies.js";

/** @typedef {import("../types.d.ts").Archive} Archive */
/** @typedef {import("../types.d.ts").Route} Route */

/** Routes whose reply on all probes has what a request for some of them needs. */
/** @type {ReadonlySet<string>} */
const OF_ALL_PROBES = new Set(["probes", "values", "difference", "interactions", "outputs"]);

/** @type {(route: string, args: Record<string, string>) => string} the same for all requests that one reply answers: a file has one version of each run */
function keyOf(route, { version: _, other_version: __, probes, ...args }) {
  const named = OF_ALL_PROBES.has(route) || probes === undefined ? args : { ...args, probes };
  return JSON.stringify([route, ...Object.entries(named).sort()]);
}

/**
 * @param {Archive} archive
 * @param {(packed: string) => Promise<ArrayBuffer>} unpack  from base64 and gzip
 * @returns {import("../types.d.ts").Source}
 */
export function createFileSource({ report, requests, bodies }, unpack) {
  const places = new Map(requests.map(([route, args, body]) => [keyOf(route, args), body]));
  /** @type {Map<string, Promise<unknown>>} by key: a reply is read once, however many lists of probes ask for it */
  const replies = new Map();

  /** @type {(route: string, args: Record<string, string>, read: (body: ArrayBuffer) => unknown) => Promise<any>} */
  async function reply(route, args, read) {
    const key = keyOf(route, args);
    const place = places.get(key);
    if (typeof place === "string") throw new Refused(place);
    if (place === undefined) throw new Refused("this report leaves it out.");
    const known = replies.get(key) ?? unpack(bodies[place]).then(read);
    replies.set(key, known);
    return known;
  }

  const json = (/** @type {ArrayBuffer} */ body) => JSON.parse(new TextDecoder().decode(body));

  return {
    report,
    runs: async () => (await reply("runs", {}, json)).runs,
    get: (route, args) => reply(route, args, (body) => READERS[route](/** @type {never} */ (JSON_ROUTES.has(route) ? json(body) : decodeContainer(body)))),
  };
}
