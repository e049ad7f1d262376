/** Tells the browser of all modules at once: each would otherwise be found only when the one that imports it has come. */

/** What the page is made of, first what fetches. A view that is not named here comes a little later. */
export const MODULES = [
  "session.js",
  "feed.js",
  "repeats.js",
  "model.js",
  "color.js",
  "compare.js",
  "cursor.js",
  "names.js",
  "kinds.js",
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
  "views/explanation.js",
  "views/failure.js",
  "layout.js",
  "picture.js",
  "outline.js",
  "strip.js",
  "thumbnail.js",
  "views/look.js",
  "views/notice.js",
  "views/pictures.js",
  "draft.js",
  "views/answer.js",
  "views/figure.js",
  "measures.js",
  "noise.js",
 
  "views/sketch.js",
  "views/stack.js",
  "views/probes.js",
  "views/probe-title.js",
  "views/runs.js",
  "views/status.js",
  "views/later.js",
];

/** What comes after the first picture (views/rest.js). */
export const REST = ["views/rest.js", "views/events.js", "events.js", "views/export.js", "views/filmstrip.js", "views/findings.js", "frames.js", "thinning.js", "views/help.js", "views/pairs.js", "views/reading.js", "views/regions.js", "views/training.js", "curves.js", "axis.js", "vendor/uPlot.esm.js"];

/** What draws the cards of rows, texts and series (miniature.js). */
export const MINIATURES = ["miniature.js", "bars.js", "cards-paint.js", "cards.js", "passage.js", "shown.js", "signal-paint.js", "signal.js", "canvas.js", "axis.js"];

/** @param {string[]} paths  relative to this module */
export function preload(paths) {
  for (const path of paths) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = new URL(path, import.meta.url).href;
    document.head.append(link);
  }
}
