/** What the user chose, and its form in the URL: `#xai&p.xai.probe=3`, as TensorBoard keeps its plugins' state. */

import { RETURNED } from "../figures/steps.js";
import { readAreas, writeAreas } from "./areas.js";

/** @typedef {import("../types.d.ts").State} State */
/** @typedef {import("../types.d.ts").Change} Change */

/** @type {import("../types.d.ts").EventKind[]} what happens to a probe, in the order in which it is listed */
export const EVENT_KINDS = ["learned", "relearned", "forgotten", "reason changed", "onset", "collapsed"];

const TAB = "xai";
const PREFIX = `p.${TAB}.`;
// Browsers refuse more than about a hundred URL changes in half a minute; playing and dragging make more.
const WRITE_AFTER_MS = 300;

/**
 * How a field is read from the URL and written to it; `read` returns undefined for a text that it can't read.
 * @typedef {{read: (text: string) => unknown, write: (value: never) => string}} Field
 */

/** @type {Field} */
const TEXT = { read: (text) => text, write: (/** @type {string} */ value) => value };
/** @type {Field} */
const FLAG = { read: (text) => text === "1", write: (/** @type {boolean} */ value) => (value ? "1" : "0") };
/** @type {Field} */
const INTEGER = { read: (text) => (/^-?\d+$/.test(text) ? Number(text) : undefined), write: String };
/** @type {Field} an epoch, or the returned model by its name */
const STEP = { read: (text) => (text === "returned" ? RETURNED : INTEGER.read(text)), write: (/** @type {number} */ value) => (value === RETURNED ? "returned" : String(value)) };
/** @type {Field} */
const NAMES = {
  read: (text) => (text ? text.split(",").map(decodeURIComponent) : []),
  write: (/** @type {string[]} */ names) => names.map(encodeURIComponent).join(","),
};
/** @type {Field} how many of the strongest are shown */
const COUNT = { read: (text) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined), write: String };
/** @type {Field} */
const COLOR = { read: (text) => (/^#[0-9a-f]{6}$/i.test(text) ? text.toLowerCase() : undefined), write: String };
/** Of the moment: not in the URL. */
const MOMENT = null;
/** @type {(...values: string[]) => Field} */
const oneOf = (...values) => ({ read: (text) => (values.includes(text) ? text : undefined), write: String });
/** @type {(low: number, high: number) => Field} */
const between = (low, high) => ({
  read: (text) => (/^\d+$/.test(text) ? Math.min(high, Math.max(low, Number(text))) : undefined),
  write: String,
});

/** @type {{[K in keyof State]: [Field | null, State[K]]}} how each field is written in the URL, and its default */
const FIELDS = {
  a: [TEXT, null],
  b: [TEXT, null],
  set: [TEXT, null],
  runs: [NAMES, []],
  filter: [TEXT, ""],
  method: [TEXT, null],
  class: [{ read: (text) => (/^(label|predicted|\d+)$/.test(text) ? text : undefined), write: String }, "label"],
  probe: [INTEGER, null],
  epoch: [STEP, null],
  pin: [STEP, null],
  sort: [oneOf("order", "changed", "uncertain", "error", "differ"), "changed"],
  only: [INTEGER, null],
  wrong: [FLAG, false],
  disagree: [FLAG, false],
  view: [oneOf("overlay", "map", "image"), "overlay"],
  opacity: [between(10, 100), 80],
  strongest: [between(1, 100), 100],
  sign: [oneOf("both", "for", "against"), "both"],
  top: [COUNT, null],
  rest: [oneOf("show", "hide"), "show"],
  outlines: [FLAG, true],
  ink: [COLOR, null],
  lock: [FLAG, true],
  region: [TEXT, null],
  player: [INTEGER, null],
  metric: [TEXT, null],
  align: [oneOf("epoch", "val_accuracy", "best"), "epoch"],
  film: [oneOf("fit", "all"), "fit"],
  evolution: [oneOf("heat", "ranks"), "heat"],
  gains: [oneOf("strongest", "gained", "lost"), "strongest"],
  compare: [oneOf("side", "swipe", "blink"), "side"],
  swipe: [between(0, 100), 50],
  form: [oneOf("bars", "waterfall"), "bars"],
  rank: [oneOf("overall", "epoch", "logged"), "overall"],
  areas: [{ read: readAreas, write: writeAreas }, []],
  drift: [oneOf("previous", "untrained", "final", "pinned", "apart"), "previous"],
  repeats: [TEXT, ""],
  findings: [oneOf("open", "closed"), null],
  events: [oneOf("all", ...EVENT_KINDS), null],
  first: [oneOf("folded", "open"), "folded"],
  rail: [oneOf("open", "folded"), null],
  unfolded: [NAMES, []],
  find: [TEXT, ""],
  blink: [oneOf("first", "second", "both"), null],
  hover: [MOMENT, null],
  pair: [MOMENT, null],
  drawing: [MOMENT, null],
  seeksBest: [MOMENT, false],
  playing: [MOMENT, false],
  help: [MOMENT, false],
  dark: [MOMENT, false],
  copied: [MOMENT, false],
  window: [MOMENT, [0, 12]],
};

/** @type {(state: State, name: "bars" | "evolution" | "overview" | "repeats") => boolean} whether all rows of a chart are shown, or a fold is open */
export const isUnfolded = ({ unfolded }, name) => unfolded.includes(name);

/** @type {(state: State, name: Parameters<typeof isUnfolded>[1], open: boolean) => Change} */
export const unfold = ({ unfolded }, name, open) => ({ unfolded: [...unfolded.filter((one) => one !== name), ...(open ? [name] : [])] });

/** @type {(data: Pick<import("../types.d.ts").Data, "report">, key: keyof State) => boolean} whether a report leaves no choice */
export const isFixed = ({ report }, key) => report !== null && key in report.fixed;

/** @type {State} */
export const DEFAULTS = /** @type {never} */ (Object.fromEntries(Object.entries(FIELDS).map(([key, [, standard]]) => [key, standard])));

/**
 * What was under the pointer is gone with the probe, and what was being drawn with the run: the browser does not tell that an element under the pointer
 * has gone, and keys that would draw would do nothing else.
 * @param {State} state
 * @param {Change} change
 * @returns {Change}
 */
function released(state, change) {
  const differs = (/** @type {keyof State} */ key) => key in change && change[key] !== state[key];
  const run = differs("a") || differs("set");
  return { ...((run || differs("probe")) && { hover: null, pair: null }), ...(run && { drawing: null }) };
}

/** @param {string} hash */
const pairs = (hash) => hash.replace(/^#/, "").split("&").filter(Boolean);

/**
 * @param {string} hash  of the page's URL
 * @returns {Change} the fields that it holds and that can be read
 */
export function readHash(hash) {
  /** @type {Record<string, unknown>} */
  const change = {};
  for (const pair of pairs(hash)) {
    const [name, text = ""] = pair.split("=", 2);
    if (!name.startsWith(PREFIX)) continue;
    try {
      const key = decodeURIComponent(name.slice(PREFIX.length));
      const value = FIELDS[/** @type {keyof State} */ (key)]?.[0]?.read(decodeURIComponent(text));
      if (value !== undefined) change[key] = value;
    } catch {
      continue; // a URL cut in the middle of an escape: the rest of it still counts
    }
  }
  return change;
}

/**
 * @param {string} hash  the present one; what other plugins keep there stays
 * @param {State} state
 * @returns {string} the same hash with this state in it; fields at their default are left out
 */
export function writeHash(hash, state) {
  const others = pairs(hash).filter((pair) => pair !== TAB && !pair.startsWith(PREFIX));
  const own = Object.entries(FIELDS).flatMap(([key, [field, standard]]) => {
    const value = state[/** @type {keyof State} */ (key)];
    if (field === MOMENT || value === null) return [];
    const text = field.write(/** @type {never} */ (value));
    if (standard !== null && field.write(/** @type {never} */ (standard)) === text) return [];
    return [`${PREFIX}${key}=${encodeURIComponent(text)}`];
  });
  return `#${[TAB, ...own, ...others].join("&")}`;
}

/**
 * The address of exactly this view, without a user's name and password.
 * @param {Pick<Location, "href" | "hash">} location
 * @param {State} state
 */
export const addressOf = ({ href, hash }, state) => href.replace(/#.*$/, "").replace(/^(\w+:\/\/)[^/]*@/, "$1") + writeHash(hash, state);

/** @typedef {ReturnType<typeof createStore>} Store */

/**
 * The state, kept in step with the URL.
 * @param {() => void} changed  called after every change
 * @param {Pick<Window, "location" | "history">} window  whose URL people see
 * @param {Change} fixed  what stays as it is, whatever is chosen or linked
 */
export function createStore(changed, { location, history }, fixed = {}) {
  /** @type {State} */
  let state = { ...DEFAULTS, ...readHash(location.hash), ...fixed };
  let timer = 0;

  const write = () => {
    // Another of TensorBoard's tabs may be open; its URL is not ours to change.
    if (location.hash && pairs(location.hash)[0] !== TAB) return;
    try {
      // The whole path: a hash alone would be taken relative to the page's base, which is another address.
      history.replaceState(history.state, "", location.pathname + location.search + writeHash(location.hash, state));
    } catch {
      // Refused where the page has no origin of its own (a sandbox), or after very many changes: the next one writes it all.
    }
  };

  return {
    get: () => state,
    /** Into the URL, without waiting. */
    write,
    /** @param {Change} change */
    set(change) {
      const keys = /** @type {(keyof State)[]} */ (Object.keys(change));
      if (keys.every((key) => Object.is(change[key], state[key]))) return;
      state = { ...state, ...released(state, change), ...change, ...fixed };
      clearTimeout(timer);
      timer = setTimeout(write, WRITE_AFTER_MS);
      changed();
    },
    /** The user followed a link to this tab, or came back to it from another one. */
    reread() {
      if (pairs(location.hash)[0] !== TAB) return;
      const linked = readHash(location.hash);
      if (!Object.keys(linked).length) {
        write();
        return;
      }
      const moment = Object.fromEntries(Object.entries(state).filter(([key]) => FIELDS[/** @type {keyof State} */ (key)][0] === MOMENT));
      state = { ...DEFAULTS, ...moment, ...linked, ...fixed };
      changed();
    },
    link: () => addressOf(location, state),
  };
}
