/** What the user chose, and its form in the URL: `#xai&p.xai.probe=3`, as TensorBoard keeps its plugins' state. */

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
/** @type {Field} */
const NAMES = {
  read: (text) => (text ? text.split(",").map(decodeURIComponent) : []),
  write: (/** @type {string[]} */ names) => names.map(encodeURIComponent).join(","),
};
/** @type {(...values: string[]) => Field} */
const oneOf = (...values) => ({ read: (text) => (values.includes(text) ? text : undefined), write: String });
/** @type {(low: number, high: number) => Field} */
const between = (low, high) => ({
  read: (text) => (/^\d+$/.test(text) ? Math.min(high, Math.max(low, Number(text))) : undefined),
  write: String,
});

/** @type {{[K in keyof State]?: Field}} */
const FIELDS = {
  a: TEXT,
  b: TEXT,
  set: TEXT,
  runs: NAMES,
  filter: TEXT,
  method: TEXT,
  class: { read: (text) => (/^(label|predicted|\d+)$/.test(text) ? text : undefined), write: String },
  probe: INTEGER,
  epoch: INTEGER,
  pin: INTEGER,
  sort: oneOf("order", "changed", "uncertain", "differ"),
  only: INTEGER,
  wrong: FLAG,
  disagree: FLAG,
  view: oneOf("overlay", "map", "image"),
  opacity: between(10, 100),
  strongest: between(1, 100),
  outlines: FLAG,
  lock: FLAG,
  region: TEXT,
  player: INTEGER,
  metric: TEXT,
  align: oneOf("epoch", "val_accuracy", "best"),
  film: oneOf("fit", "all"),
  evolution: oneOf("heat", "ranks"),
  gains: oneOf("strongest", "gained", "lost"),
  compare: oneOf("side", "swipe", "blink"),
  swipe: between(0, 100),
  form: oneOf("bars", "waterfall"),
  rank: oneOf("overall", "epoch", "logged"),
  areas: { read: readAreas, write: writeAreas },
  drift: oneOf("previous", "untrained", "final", "pinned", "apart"),
  repeats: TEXT,
  findings: oneOf("open", "closed"),
  events: oneOf("all", ...EVENT_KINDS),
};

/** @type {State} */
export const DEFAULTS = {
  a: null,
  b: null,
  set: null,
  runs: [],
  filter: "",
  method: null,
  class: "label",
  probe: null,
  epoch: null,
  pin: null,
  sort: "changed",
  only: null,
  wrong: false,
  disagree: false,
  view: "overlay",
  opacity: 80,
  strongest: 100,
  outlines: true,
  lock: true,
  region: null,
  player: null,
  metric: null,
  align: "epoch",
  film: "fit",
  evolution: "heat",
  gains: "strongest",
  compare: "side",
  swipe: 50,
  form: "bars",
  rank: "overall",
  areas: [],
  drift: "previous",
  repeats: "",
  findings: null,
  events: null,
  hover: null,
  pair: null,
  drawing: null,
  seeksBest: false,
  playing: false,
  help: false,
  dark: false,
  copied: false,
  window: [0, 12],
};

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
      const value = FIELDS[/** @type {keyof State} */ (key)]?.read(decodeURIComponent(text));
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
  const own = Object.entries(FIELDS).flatMap(([key, field]) => {
    const value = state[/** @type {keyof State} */ (key)];
    const text = value === null ? null : field.write(/** @type {never} */ (value));
    const standard = DEFAULTS[/** @type {keyof State} */ (key)];
    if (text === null || (standard !== null && field.write(/** @type {never} */ (standard)) === text)) return [];
    return [`${PREFIX}${key}=${encodeURIComponent(text)}`];
  });
  return `#${[TAB, ...own, ...others].join("&")}`;
}

/** @typedef {ReturnType<typeof createStore>} Store */

/**
 * The state, kept in step with the URL.
 * @param {() => void} changed  called after every change
 * @param {Pick<Window, "location" | "history">} window  whose URL people see
 */
export function createStore(changed, { location, history }) {
  /** @type {State} */
  let state = { ...DEFAULTS, ...readHash(location.hash) };
  let timer = 0;

  const write = () => {
    // Another of TensorBoard's tabs may be open; its URL is not ours to change.
    if (location.hash && pairs(location.hash)[0] !== TAB) return;
    history.replaceState(history.state, "", writeHash(location.hash, state));
  };

  return {
    get: () => state,
    /** @param {Change} change */
    set(change) {
      const keys = /** @type {(keyof State)[]} */ (Object.keys(change));
      if (keys.every((key) => Object.is(change[key], state[key]))) return;
      state = { ...state, ...change };
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
      const moment = Object.fromEntries(Object.entries(state).filter(([key]) => !(key in FIELDS)));
      state = { ...DEFAULTS, ...moment, ...linked };
      changed();
    },
    /** The address of exactly this view. */
    link: () => location.href.replace(/#.*$/, "") + writeHash(location.hash, state),
  };
}
