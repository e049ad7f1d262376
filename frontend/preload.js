/** Tells the browser of all modules at once: each would otherwise be found only when the one that imports it has come. */

/** What the page is made of, first what fetches. A view that is not named here comes a little later. */
export const MODULES = [
  "session.js",
  "feed.js",
  "model.js",
  "color.js",
  "compare.js",
  "cursor.js",
  "names.js",
  "players.js",
  "order.js",
  "side.js",
  "areas.js",
  "state.js",
  "host.js",
  "start.js",
  "listen.js",
  "clipboard.js",
  "keyboard.js",
  "page.js",
  "player.js",
  "views/index.js",
  "views/classes.js",
  "format.js",
  "html.js",
  "vendor/htm.module.js",
  "vendor/preact.module.js",
  "views/cursor.js",
  "icons.js",
  "metrics.js",
  "views/export.js",
  "views/explanation.js",
  "views/filmstrip.js",
  "layout.js",
  "picture.js",
  "outline.js",
  "strip.js",
  "thinning.js",
  "thumbnail.js",
  "views/help.js",
  "views/look.js",
  "views/notice.js",
  "views/pairs.js",
  "views/pictures.js",
  "draft.js",
  "views/answer.js",
  "views/figure.js",
  "measures.js",
  "views/sketch.js",
  "views/stack.js",
  "views/probes.js",
  "views/probe-title.js",
  "views/reading.js",
  "curves.js",
  "vendor/uPlot.esm.js",
  "views/regions.js",
  "views/runs.js",
  "views/status.js",
  "views/training.js",
];

/** @param {string[]} paths  relative to this module */
export function preload(paths) {
  for (const path of paths) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = new URL(path, import.meta.url).href;
    document.head.append(link);
  }
}
