/** The XAI tab: TensorBoard loads this module in the tab's frame and calls `render`. */

import { createServerSource } from "./api.js";
import { copy } from "./clipboard.js";
import { assignColors } from "./color.js";
import { createFeed } from "./feed.js";
import { followTheme, followVisibility, onNavigation, onReload } from "./host.js";
import { keyChange, move } from "./keyboard.js";
import { derive } from "./model.js";
import { createPage, loadStyles } from "./page.js";
import { createStore } from "./state.js";
import { VIEWS } from "./views/index.js";

/** @typedef {import("./types.d.ts").Data} Data */

const STYLES = ["vendor/uPlot.min.css", "style.css", "controls.css", "rail.css", "training.css", "probes.css", "probe.css", "notices.css"];
const COPIED_MS = 2000;
const PLAY_MS = { least: 40, most: 300, whole: 12000 };

export async function render() {
  document.documentElement.lang = "en";
  document.title = "XAI";
  await loadStyles(STYLES);

  const { root, rooms } = createPage();
  const updates = Object.entries(VIEWS).map(([name, view]) => view(rooms[name]));
  const store = createStore(changed);
  const feed = createFeed(createServerSource(document.baseURI), changed);
  /** @type {Map<string, number>} */
  const colors = new Map();
  /** @type {Data | null} */
  let ready = null;
  let frame = 0;
  let player = 0;

  function changed() {
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    const state = store.get();
    const { rows, problem, reconnecting } = feed.state();
    assignColors(colors, rows?.map(({ run }) => run) ?? []);
    feed.open();
    let data = derive({ rows, problem, reconnecting, colors, now: Date.now() / 1000 }, state, feed.ask);
    feed.close();
    // While something else is on its way the page keeps what it shows: nothing jumps.
    const waiting = data.phase === "loading" && ready !== null;
    if (waiting && ready) data = { ...ready, runs: data.runs, problem, reconnecting };
    else ready = data.phase === "ready" ? data : null;
    root.dataset.phase = data.phase;
    root.dataset.runs = data.b ? "two" : "one";
    root.ariaBusy = String(waiting || data.phase === "loading");
    document.documentElement.classList.toggle("dark", state.dark);
    for (const update of updates) update(data, state);
    if (ready && !waiting) settle(ready);
  }

  /** What the page decided for the user stays decided when runs or epochs arrive. */
  function settle(/** @type {Data} */ data) {
    const state = store.get();
    if (state.a === null) store.set({ a: data.a?.run ?? null });
    if (state.b === null) store.set({ b: data.b?.run ?? "" });
    if (state.probe === null) store.set({ probe: data.probe });
    if (state.playing && !player) {
      const pause = Math.min(PLAY_MS.most, Math.max(PLAY_MS.least, PLAY_MS.whole / data.cursor.steps.length));
      player = window.setTimeout(play, pause);
    }
  }

  function play() {
    player = 0;
    if (!ready || !store.get().playing) return;
    const { cursor } = ready;
    if (cursor.index === cursor.steps.length - 1) store.set({ playing: false });
    else store.set(move(cursor, 1));
  }

  root.addEventListener("xai:choose", (event) => {
    const { detail: change } = /** @type {CustomEvent<import("./types.d.ts").Change>} */ (event);
    const atEnd = ready && ready.cursor.index === ready.cursor.steps.length - 1;
    // Playing from the end begins anew.
    store.set(change.playing && atEnd ? { ...change, epoch: ready?.cursor.steps[0] ?? null } : change);
  });

  root.addEventListener("xai:command", (event) => {
    const { detail: command } = /** @type {CustomEvent<import("./types.d.ts").Command>} */ (event);
    if (command === "retry") feed.retry();
    if (command === "help") store.set({ help: true });
    if (command === "link") {
      void copy(store.link()).then(() => {
        store.set({ copied: true });
        setTimeout(() => store.set({ copied: false }), COPIED_MS);
      });
    }
  });

  document.addEventListener("keydown", (event) => {
    if (!ready || event.ctrlKey || event.metaKey || event.altKey || takesKey(event)) return;
    const change = keyChange(event, ready, store.get());
    if (!change) return;
    event.preventDefault();
    root.dispatchEvent(new CustomEvent("xai:choose", { detail: change }));
  });

  // A button that was clicked would keep the focus and take Space, which plays.
  root.addEventListener("click", (event) => {
    if (event.detail > 0 && event.target instanceof Element) event.target.closest("button")?.blur();
  });

  followTheme((dark) => store.set({ dark }));
  followVisibility(root, feed.setVisible);
  onReload(feed.poll);
  onNavigation(store.reread);
  changed();
  await feed.poll();
}

/**
 * Whether the element in focus needs a key for itself: text is typed, a list is walked, a button is pressed.
 * @param {KeyboardEvent} event
 */
function takesKey({ target, key }) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLInputElement) {
    if (target.type === "checkbox") return key === " ";
    return target.type !== "range" || (target.id !== "epoch" && key.startsWith("Arrow"));
  }
  return target instanceof HTMLButtonElement && (key === " " || key === "Enter");
}
