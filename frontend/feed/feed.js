/**
 * The records that the browser holds. Views ask for replies; a missing reply is fetched, and the page is drawn again
 * when it arrives. Nothing is fetched twice, replies that are no longer used are dropped, and a run that has grown
 * switches to its new version in one step.
 */

import { Refused } from "./api.js";
import { createWatch, messageOf } from "./watch.js";

/** @typedef {import("../types.d.ts").Args} Args */
/** @typedef {import("../types.d.ts").Route} Route */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */
/** @typedef {import("../types.d.ts").RunRow} RunRow */

/**
 * A request and its reply. Its key contains the versions of the runs: a request that is made while a run switches versions is never
 * mixed with the old version.
 * @typedef {object} Entry
 * @property {Route} route
 * @property {Args} args  of the request
 * @property {Args} address  the same with the versions
 * @property {unknown} value  undefined while it is being fetched
 * @property {string} problem
 * @property {boolean} refused  whether the problem is that the record does not fit the request
 * @property {number} lastUsed  round in which it was last used
 * @property {boolean} held  by a run that is switching versions: not used yet
 * @property {AbortController} controller
 */

/** Replies that the page needs before it can draw. */
/** @type {ReadonlySet<Route>} */
export const VITAL = new Set(["run", "drift", "answers", "values", "probes", "pairing"]);
/** They take the server longest and are fetched after all others. The page does not wait for them; the old reply stays until the new one arrives. */
/** @type {ReadonlySet<Route>} */
const ANALYSES = new Set(["trust", "events", "compare", "findings", "repeats"]);
// A read that takes longer shows its progress.
const LONG_MS = 1000;
const BUDGET_BYTES = 256 * 2 ** 20;

/**
 * @param {import("../types.d.ts").Source} source
 * @param {() => void} changed  called when there is something new to draw
 * @param {Promise<RunRow[]> | null} first  the first reply, if it is already requested
 */
export function createFeed(source, changed, first = null) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Map<string, string>} version of each run that is shown */
  const versions = new Map();
  /** @type {Set<string>} runs that are switching versions */
  const upgrading = new Set();
  /** @type {Map<string, string>} runs that failed to switch, and why */
  const stuck = new Map();
  let round = 0;
  /** when the page began to wait for a reply; 0 if it does not wait */
  let waitingSince = 0;
  /** @type {Set<string>} requests made since then */
  const batch = new Set();
  /** @type {Map<string, {value: unknown, lastUsed: number}>} by request without versions: analyses that stay until newer ones arrive */
  const outdated = new Map();

  /**
   * Adds the versions to a request, so that the browser's cache can answer it.
   * @type {(args: Args, newer?: Map<string, string>) => Args}
   */
  function addressed(args, newer = new Map()) {
    const of = (/** @type {string} */ run) => newer.get(run) ?? versions.get(run) ?? "";
    return { ...args, version: of(args.run), ...(args.other && { other_version: of(args.other) }) };
  }

  /** @type {(route: Route, args: Args, address: Args) => Entry} */
  const entryOf = (route, args, address) => ({ route, args, address, value: undefined, problem: "", refused: false, lastUsed: round, held: false, controller: new AbortController() });

  /** @type {(entry: Entry, before?: {reply: never, until: number}) => Promise<void>} */
  async function load(entry, before) {
    try {
      entry.value = await source.get(entry.route, entry.address, entry.controller.signal, before);
      entry.problem = "";
    } catch (error) {
      if (entry.controller.signal.aborted) return;
      entry.problem = messageOf(error);
      entry.refused = error instanceof Refused;
    }
  }

  /**
   * Fetches the new part of all replies of a run, and switches when the last one has arrived. If one fails nothing changes; the next poll tries
   * again.
   */
  async function upgrade(/** @type {string} */ run, /** @type {string} */ version) {
    upgrading.add(run);
    const newer = new Map([[run, version]]);
    const shown = [...entries.values()].filter(({ route, args, lastUsed, value }) => lastUsed === round && value !== undefined && !ANALYSES.has(route) && (args.run === run || args.other === run));
    const fresh = shown.map((old) => ({ old, entry: { ...entryOf(old.route, old.args, addressed(old.args, newer)), held: true } }));
    for (const { entry } of fresh) entries.set(keyOf(entry.route, entry.address), entry);
    // First the run's length: steps that a resumed or restarted run wrote again must be fetched again.
    const [infos, others] = [true, false].map((first) => fresh.filter(({ entry }) => (entry.route === "run") === first));
    await Promise.all(infos.map(({ entry }) => load(entry)));
    /** @type {Map<string | undefined, number | undefined>} by probe set */
    const until = new Map(infos.map(({ old, entry }) => [old.args.set, grownFrom(/** @type {RunInfo} */ (old.value), /** @type {RunInfo} */ (entry.value))]));
    await Promise.all(
      others.map(({ old, entry }) => {
        const last = old.args.run === run ? until.get(old.args.set) : undefined;
        return load(entry, last === undefined ? undefined : { reply: /** @type {never} */ (old.value), until: last });
      }),
    );
    upgrading.delete(run);
    // What was asked of the old record may not fit one that was written anew, for example a pinned epoch: once it is shown, the page asks for what fits.
    for (const { entry } of fresh.filter(({ entry }) => entry.refused && entry.route !== "run")) {
      entry.problem = "";
      entries.delete(keyOf(entry.route, entry.address));
    }
    const problem = fresh.find(({ entry }) => entry.problem)?.entry.problem ?? "";
    if (problem) stuck.set(run, problem);
    else stuck.delete(run);
    for (const { entry } of fresh) entry.held = false;
    if (!problem) versions.set(run, version);
    // The old version is never requested again.
    for (const [key, { route, args, address, value, controller }] of entries) {
      const now = addressed(args);
      if (address.version === now.version && address.other_version === now.other_version) continue;
      controller.abort();
      entries.delete(key);
      if (ANALYSES.has(route) && value !== undefined) outdated.set(keyOf(route, args), { value, lastUsed: round });
    }
    changed();
  }

  /**
   * Comparisons are requested again when a run is added, grows or goes that may be a repeat of A or B: one that is recorded alike, or with a pattern of the
   * user's any. Until then the old reply stays. Which runs are repeats is asked again too.
   * @type {(before: RunRow[], now: RunRow[]) => void}
   */
  function forgetRepeats(before, now) {
    const known = new Set(before.map(({ run, version }) => `${run} ${version}`));
    const present = new Set(now.map(({ run }) => run));
    // New, grown, or gone.
    const moved = [...now.filter(({ run, version }) => !known.has(`${run} ${version}`)), ...before.filter(({ run }) => !present.has(run))];
    for (const [key, { route, args, value, controller }] of moved.length ? entries : []) {
      if (route !== "repeats" && (!ANALYSES.has(route) || !args.other)) continue;
      const recipeOf = (/** @type {RunRow} */ row) => row.recipes?.[args.set];
      const pair = now.filter(({ run }) => run === args.run || run === args.other);
      const recipes = new Set(pair.map(recipeOf));
      if (route !== "repeats" && !args.repeats && !moved.some((row) => recipes.has(recipeOf(row)))) continue;
      controller.abort();
      entries.delete(key);
      if (value !== undefined) outdated.set(keyOf(route, args), { value, lastUsed: round });
    }
  }

  /** A run that has grown switches versions; a new run starts with its first version. */
  function follow(/** @type {RunRow[]} */ before, /** @type {RunRow[]} */ now) {
    forgetRepeats(before, now);
    for (const { run, version } of now) {
      if (!versions.has(run)) versions.set(run, version);
      else if (versions.get(run) !== version && !upgrading.has(run)) void upgrade(run, version);
    }
  }

  const watch = createWatch(source, first, follow, changed);

  /**
   * Progress of a long read: replies received, of those requested since it began.
   * @param {number} now  ms
   */
  function reading(now) {
    if (!waitingSince || now - waitingSince < LONG_MS) return null;
    const missing = [...batch].filter((key) => entries.get(key)?.value === undefined && !entries.get(key)?.problem).length;
    return { done: batch.size - missing, total: batch.size };
  }

  const isPending = () => [...entries.values()].some((entry) => !ANALYSES.has(entry.route) && entry.value === undefined && !entry.problem && entry.lastUsed === round);

  const isLate = () => [...entries.values()].some((entry) => ANALYSES.has(entry.route) && entry.value === undefined && !entry.problem && entry.lastUsed === round);

  /** Requests of this round that failed. */
  const failed = () => [...entries.values()].filter((entry) => entry.problem && entry.lastUsed === round && !entry.held).map(({ route, args, problem: why }) => ({ route, args, problem: why }));

  return {
    poll: watch.poll,
    setVisible: watch.setVisible,
    /** Forgets what failed and tries again. */
    retry() {
      for (const [key, entry] of entries) if (entry.problem) entries.delete(key);
      stuck.clear();
      changed();
      void watch.poll();
    },
    state: () => ({
      rows: watch.rows(),
      reconnecting: watch.reconnecting(),
      /** whether a reply that is shown is still being fetched */
      pending: isPending(),
      /** whether an analysis is still being fetched */
      late: isLate(),
      reading: reading(performance.now()),
      /** why the page is not up to date; problems of a part are in `failures` */
      problem: watch.problem() || failed().find(({ route }) => VITAL.has(route))?.problem || [...stuck.values()][0] || "",
      failures: failed(),
    }),
    /** Starts a round of requests. */
    open() {
      round += 1;
    },
    /** @type {import("../types.d.ts").Ask} */
    ask(route, args, peek = false) {
      const address = addressed(args);
      const key = keyOf(route, address);
      let entry = entries.get(key);
      if (!entry && peek) return undefined;
      if (!entry) {
        entry = entryOf(route, args, address);
        entries.set(key, entry);
        if (!ANALYSES.has(route)) batch.add(key);
        void load(entry).then(changed);
      }
      entry.lastUsed = round;
      const before = entry.value === undefined && ANALYSES.has(route) ? outdated.get(keyOf(route, args)) : undefined;
      if (before) before.lastUsed = round;
      return /** @type {import("../types.d.ts").Replies[typeof route] | undefined} */ (entry.value ?? before?.value);
    },
    /** Ends the round. */
    close() {
      sweep(entries, round);
      for (const [key, { lastUsed }] of outdated) if (lastUsed < round) outdated.delete(key);
      if (!isPending()) {
        waitingSince = 0;
        batch.clear();
      } else if (!waitingSince) {
        waitingSince = performance.now();
        setTimeout(changed, LONG_MS);
      }
    },
  };
}

/** @type {(route: Route, args: Args) => string} */
const keyOf = (route, args) => route + JSON.stringify(Object.entries(args).sort());

/**
 * The step up to which a grown run is unchanged; undefined if it was rewritten.
 * @param {RunInfo | undefined} before
 * @param {RunInfo | undefined} now
 */
function grownFrom(before, now) {
  if (!before?.steps?.length || !now?.steps) return undefined;
  const same = before.steps.every((step, i) => step === now.steps[i] && before.wall_times[i] === now.wall_times[i]);
  return same ? before.steps[before.steps.length - 1] : undefined;
}

/**
 * Aborts requests that this round did not use, and drops the oldest unused replies when memory runs out.
 * @param {Map<string, Entry>} entries
 * @param {number} round
 */
function sweep(entries, round) {
  let total = 0;
  const idle = [];
  for (const [key, entry] of entries) {
    if (entry.held) continue;
    if (entry.lastUsed < round && entry.value === undefined) {
      entry.controller.abort();
      entries.delete(key);
      continue;
    }
    const bytes = sizeOf(entry.value);
    total += bytes;
    if (entry.lastUsed < round) idle.push({ key, bytes, lastUsed: entry.lastUsed });
  }
  idle.sort((x, y) => x.lastUsed - y.lastUsed);
  for (const { key, bytes } of idle) {
    if (total <= BUDGET_BYTES) break;
    entries.delete(key);
    total -= bytes;
  }
}

/** @param {unknown} value */
function sizeOf(value) {
  return typeof value === "object" && value !== null && "bytes" in value ? Number(value.bytes) : 0;
}
