/** Every view of the page, by the room it has there (views/page.js). A new one is a file and a line. */

import { REST, preload } from "../host/preload.js";
import { isOnce } from "../model/frames.js";
import { hasView } from "../words/kinds.js";
import { noticeView } from "./notice.js";
import { afterwards, ofKind, once, shownIf, soon } from "./parts/later.js";
import { classesView } from "./probe/classes.js";
import { picturesView } from "./probe/pictures.js";
import { probeTitleView } from "./probe/title.js";
import { probesView } from "./probes/probes.js";
import { explanationView } from "./rail/explanation.js";
import { foldView } from "./rail/fold.js";
import { lookView } from "./rail/look.js";
import { runsView } from "./rail/runs.js";
import { statusView } from "./status.js";
import { cursorView } from "./training/cursor.js";

/** The views that come a moment after the first picture. */
export const later = once(() => {
  preload(REST);
  return import("./rest.js");
});

/** @type {Record<string, import("../types.d.ts").View>} */
export const VIEWS = {
  fold: foldView,
  runs: runsView,
  explanation: explanationView,
  look: lookView,
  regions: soon(async () => (await later()).regionsView),
  training: soon(async () => (await later()).trainingView),
  cursor: cursorView,
  events: soon(async () => (await later()).eventsView),
  findings: soon(async () => (await later()).findingsView),
  probes: probesView,
  "probe-title": probeTitleView,
  pictures: shownIf((data) => hasView(data, "pictures"), picturesView),
  bars: ofKind("bars", async () => (await import("./probe/bars.js")).barsView),
  passage: ofKind("passage", async () => (await import("./probe/passage.js")).passageView),
  signal: ofKind("signal", async () => (await import("./probe/signal.js")).signalView),
  classes: classesView,
  pairs: soon(async () => (await later()).pairsView),
  reading: soon(async () => (await later()).readingView),
  filmstrip: ofKind("filmstrip", afterwards(async () => (await later()).filmstripView)),
  // Of models that were explained once, its one column would repeat what stands above.
  evolution: ofKind("evolution", async () => (await import("./probe/evolution.js")).evolutionView, ({ panes }) => !panes.every(({ side }) => isOnce(side))),
  overview: ofKind("overview", async () => (await import("./probes/overview.js")).overviewView),
  status: statusView,
  export: soon(async () => (await later()).exportView),
  notice: noticeView,
  help: soon(async () => (await later()).helpView),
};
