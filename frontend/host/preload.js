/** Tells the browser about all modules at once; otherwise it would find each one only after loading the module that imports it. */

/** The modules of the first picture, those that fetch first. A view that is not listed here loads a little later. */
export const MODULES = [
  "feed/session.js",
  "feed/feed.js",
  "feed/watch.js",
  "model/model.js",
  "model/beside.js",
  "model/runs.js",
  "model/places.js",
  "figures/color.js",
  "words/compare.js",
  "model/cursor.js",
  "words/names.js",
  "words/kinds.js",
  "words/chosen.js",
  "model/order.js",
  "model/side.js",
  "model/areas.js",
  "model/state.js",
  "model/look.js",
  "host/host.js",
  "host/text.js",
  "views/start.js",
  "host/listen.js",
  "host/translation.js",
  "host/clipboard.js",
  "host/drag.js",
  "host/print.js",
  "host/keyboard.js",
  "host/typing.js",
  "views/page.js",
  "host/playback.js",
  "views/index.js",
  "views/probe/classes.js",
  "words/format.js",
  "words/truth.js",
  "words/probes.js",
  "views/parts/html.js",
  "vendor/htm.module.js",
  "vendor/preact.module.js",
  "views/training/cursor.js",
  "model/events.js",
  "views/parts/icons.js",
  "model/metrics.js",
  "views/rail/explanation.js",
  "views/rail/fold.js",
  "views/parts/failure.js",
  "figures/layout.js",
  "figures/steps.js",
  "words/returned.js",
  "model/frames.js",
  "paint/picture.js",
  "paint/canvas.js",
  "paint/pixels.js",
  "paint/edges.js",
  "figures/pointing.js",
  "figures/outline.js",
  "views/parts/strip.js",
  "paint/spark.js",
  "paint/thumbnail.js",
  "views/rail/look.js",
  "views/notice.js",
  "views/probe/pictures.js",
  "model/draft.js",
  "views/parts/prediction.js",
  "views/probe/figure.js",
  "words/measures.js",
  "model/shown.js",
  "views/parts/sketch.js",
  "views/probe/stack.js",
  "views/probes/probes.js",
  "views/probe/title.js",
  "views/rail/runs.js",
  "views/status.js",
  "views/parts/later.js",
];

/** The modules that load after the first picture (views/rest.js). */
export const REST = ["views/rest.js", "views/training/events.js", "model/players.js", "model/repeats.js", "views/export.js", "views/probe/filmstrip.js", "views/training/findings.js", "figures/thinning.js", "views/help.js", "views/probe/pairs.js", "views/probe/reading.js", "views/rail/regions.js", "views/training/training.js", "views/parts/curves.js", "paint/curves.js", "figures/axis.js", "vendor/uPlot.esm.js"];

/** The modules that draw the cards of rows, texts and series (paint/miniature.js). */
export const MINIATURES = ["paint/miniature.js", "figures/bars.js", "paint/miniature-kinds.js", "figures/cards.js", "figures/passage.js", "model/players.js", "paint/signal.js", "figures/signal.js", "figures/axis.js"];

/** @param {string[]} paths  below frontend/ */
export function preload(paths) {
  // The modules of a report lie in its own file: there is nothing to fetch.
  if (!/^https?:/.test(import.meta.url)) return;
  for (const path of paths) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = new URL(`../${path}`, import.meta.url).href;
    document.head.append(link);
  }
}
