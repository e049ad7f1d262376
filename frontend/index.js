/** The XAI tab: TensorBoard loads this module in the tab's frame and calls `render`. */

import { createServerSource } from "./api.js";
import { assignColors } from "./color.js";
import { createFeed } from "./feed.js";
import { followTheme, followVisibility, onNavigation, onReload } from "./host.js";
import { listen } from "./listen.js";
import { derive } from "./model.js";
import { createPage, loadStyles } from "./page.js";
import { createPlayer } from "./player.js";
import { createStore } from "./state.js";
import { VIEWS } from "./views/index.js";

/** @typedef {import("./types.d.ts").Data} Data */

const STYLES = ["vendor/uPlot.min.css", "style.css", "controls.css", "rail.css", "training.css", "probes.css", "probe.css", "notices.css"];

const LIVE_CHECK_MS = 2000;

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
  let tick = 0;
  const playOn = createPlayer(store, () => ready?.cursor);

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
    root.ariaBusy = String(waiting || data.phase === "loading" || feed.state().pending);
    document.documentElement.classList.toggle("dark", state.dark);
    for (const update of updates) update(data, state);
    if (!ready || waiting) return;
    settle(ready);
    playOn();
    // Training that ends sends no word: what is live is looked at again.
    clearTimeout(tick);
    if (ready.live) tick = window.setTimeout(changed, LIVE_CHECK_MS);
  }

  /** What the page decided for the user stays decided when runs or epochs arrive. */
  function settle(/** @type {Data} */ data) {
    const state = store.get();
    if (state.a === null) store.set({ a: data.a?.run ?? null });
    if (state.b === null) store.set({ b: data.b?.run ?? "" });
    if (state.probe !== data.probe) store.set({ probe: data.probe });
    if (state.class !== data.explained) store.set({ class: data.explained });
  }

  listen(root, store, () => ready, feed.retry);
  followTheme((dark) => store.set({ dark }));
  followVisibility(root, feed.setVisible);
  onReload(feed.poll);
  onNavigation(store.reread);
  changed();
  await feed.poll();
}
