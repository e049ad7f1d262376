/** Starts the page: connects the session, the views and the host, and draws. */

import { abreast } from "../figures/layout.js";
import { followTheme, followVisibility, onContrast, onNavigation, onPixelRatio, onReload, takeFocus } from "../host/host.js";
import { listen } from "../host/listen.js";
import { onPrint } from "../host/print.js";
import { EM } from "../host/text.js";
import { followTranslation } from "../host/translation.js";
import { createPlayback } from "../host/playback.js";
import { VIEWS, later } from "./index.js";
import { createPage } from "./page.js";
import { windowWidth } from "./rail/fold.js";

/** @typedef {import("../types.d.ts").Data} Data */

const LIVE_CHECK_MS = 2000;

/** @param {import("../feed/session.js").Session} session */
export function start({ store, feed, look, changed: redraw, settle, drawWith }) {
  const { root, rooms } = createPage(Object.keys(VIEWS));
  const updates = Object.entries(VIEWS).map(([name, view]) => view(rooms[name]));
  /** @type {Data | null} */
  let ready = null;
  let tick = 0;
  let settling = false;
  const playOn = createPlayback(store, () => ready?.cursor);

  function draw() {
    const state = store.get();
    let { data, pending, analysed } = look();
    // While new data is being fetched the page keeps what it shows: nothing jumps.
    const waiting = data.phase === "loading" && ready !== null;
    if (waiting && ready) data = { ...ready, runs: data.runs, problem: data.problem, reconnecting: data.reconnecting, reading: data.reading, failures: data.failures };
    else ready = data.phase === "ready" ? data : null;
    root.dataset.phase = data.phase;
    // Until the pair is known, two runs are assumed if there are two: the layout does not change later.
    const two = data.phase === "loading" ? state.b !== "" && data.runs.length !== 1 : data.b;
    root.dataset.runs = two ? "two" : "one";
    // The pictures have the height that a filmstrip of one row leaves: known before its view has come.
    const film = data.phase === "ready" && data.a?.info.probes.kind === "image" ? abreast({ width: windowWidth(state), height: window.innerHeight }, data.cursor.steps.length, data.b ? 2 : 1, EM) : 0;
    root.classList.toggle("film-abreast", film > 0);
    root.style.setProperty("--film-frame", `${film}px`);
    // Analyses arrive later; this mark tells when all of them are shown.
    root.dataset.analysed = String(analysed);
    root.ariaBusy = String(waiting || data.phase === "loading" || pending);
    document.documentElement.classList.toggle("dark", state.dark);
    for (const update of updates) update(data, state);
    if (!ready || waiting) return;
    decide(ready);
    if (!settling && !pending) {
      // Analyses take the server longest: the views' modules are loaded first.
      settling = true;
      later().then(settle, () => {
        settling = false;
      });
    }
    playOn();
    // The end of training sends no message: live runs are checked again.
    clearTimeout(tick);
    if (ready.live) tick = window.setTimeout(redraw, LIVE_CHECK_MS);
  }

  /** What the page decided for the user stays decided when runs or epochs arrive. */
  function decide(/** @type {Data} */ data) {
    const state = store.get();
    if (state.a === null) store.set({ a: data.a?.run ?? null });
    if (state.b === null) store.set({ b: data.b?.run ?? "" });
    // A link may name one run twice.
    if (state.b && state.b === state.a) store.set({ b: "" });
    if (state.probe !== data.probe) store.set({ probe: data.probe });
    if (state.seeksBest && data.cursor.best !== null) store.set({ epoch: data.cursor.best, seeksBest: false });
    if (state.class !== data.explained) store.set({ class: data.explained });
    // Begun on an image that was still shown while a run of another kind was on its way.
    if (state.drawing && data.a?.info.probes.kind !== "image") store.set({ drawing: null });
  }

  followTranslation(root);
  let dark = false;
  let onPaper = false;
  const paint = () => store.set({ dark: dark && !onPaper });

  followTheme((now) => {
    dark = now;
    paint();
  });
  const print = onPrint(root, (on) => {
    onPaper = on;
    paint();
  });
  listen(root, store, () => ready, { retry: feed.retry, print });
  followVisibility(root, (visible) => {
    feed.setVisible(visible);
    if (visible) takeFocus();
  });
  // What has room follows the window's size.
  window.addEventListener("resize", redraw);
  onPixelRatio(redraw);
  // The page is its address: a fresh one shows the same in the new colours.
  onContrast(() => {
    store.write();
    location.reload();
  });
  onReload(feed.poll);
  onNavigation(store.reread);
  drawWith(draw);
}
