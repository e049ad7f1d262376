/** The page as a whole: what it knows, what the user chose, and when it is drawn. */

import { followTheme, followVisibility, onNavigation, onReload, takeFocus } from "./host.js";
import { listen } from "./listen.js";
import { createPage } from "./page.js";
import { createPlayer } from "./player.js";
import { VIEWS } from "./views/index.js";

/** @typedef {import("./types.d.ts").Data} Data */

const LIVE_CHECK_MS = 2000;

/** @param {import("./session.js").Session} session */
export function start({ store, feed, look, changed, drawWith }) {
  const { root, rooms } = createPage(Object.keys(VIEWS));
  const updates = Object.entries(VIEWS).map(([name, view]) => view(rooms[name]));
  /** @type {Data | null} */
  let ready = null;
  let tick = 0;
  const playOn = createPlayer(store, () => ready?.cursor);

  function draw() {
    const state = store.get();
    let { data, pending } = look();
    // While something else is on its way the page keeps what it shows: nothing jumps.
    const waiting = data.phase === "loading" && ready !== null;
    if (waiting && ready) data = { ...ready, runs: data.runs, problem: data.problem, reconnecting: data.reconnecting, reading: data.reading, failures: data.failures };
    else ready = data.phase === "ready" ? data : null;
    root.dataset.phase = data.phase;
    // Before it is known, two are more likely where there are two: the page is laid out for them from the start.
    const two = data.phase === "loading" ? state.b !== "" && data.runs.length !== 1 : data.b;
    root.dataset.runs = two ? "two" : "one";
    root.ariaBusy = String(waiting || data.phase === "loading" || pending);
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
    if (state.seeksBest && data.cursor.best !== null) store.set({ epoch: data.cursor.best, seeksBest: false });
    if (state.class !== data.explained) store.set({ class: data.explained });
  }

  listen(root, store, () => ready, feed.retry);
  followTheme((dark) => store.set({ dark }));
  followVisibility(root, (visible) => {
    feed.setVisible(visible);
    if (visible) takeFocus();
  });
  onReload(feed.poll);
  onNavigation(store.reread);
  drawWith(draw);
}
