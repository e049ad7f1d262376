/** Every view of the page, by the room it has there (page.js). A new one is a file and a line. */

import { REST, preload } from "../preload.js";
import { classesView } from "./classes.js";
import { cursorView } from "./cursor.js";
import { explanationView } from "./explanation.js";
import { ofKind, once, soon } from "./later.js";
import { lookView } from "./look.js";
import { noticeView } from "./notice.js";
import { picturesView } from "./pictures.js";
import { probesView } from "./probes.js";
import { probeTitleView } from "./probe-title.js";
import { runsView } from "./runs.js";
import { statusView } from "./status.js";

/** The views that come a moment after the first picture. */
export const later = once(() => {
  preload(REST);
  return import("./rest.js");
});

/** @type {Record<string, import("../types.d.ts").View>} */
export const VIEWS = {
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
  pictures: picturesView,
  bars: ofKind("bars", async () => (await import("./bars.js")).barsView),
  passage: ofKind("passage", async () => (await import("./passage.js")).passageView),
  signal: ofKind("signal", async () => (await import("./signal.js")).signalView),
  classes: classesView,
  pairs: soon(async () => (await later()).pairsView),
  reading: soon(async () => (await later()).readingView),
  filmstrip: soon(async () => (await later()).filmstripView),
  evolution: ofKind("evolution", async () => (await import("./evolution.js")).evolutionView),
  overview: ofKind("overview", async () => (await import("./overview.js")).overviewView),
  status: statusView,
  export: soon(async () => (await later()).exportView),
  notice: noticeView,
  help: soon(async () => (await later()).helpView),
};
