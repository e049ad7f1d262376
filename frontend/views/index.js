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

const rest = once(() => {
  preload(REST);
  return import("./rest.js");
});

/** @type {Record<string, import("../types.d.ts").View>} */
export const VIEWS = {
  runs: runsView,
  explanation: explanationView,
  look: lookView,
  regions: soon(async () => (await rest()).regionsView),
  training: soon(async () => (await rest()).trainingView),
  cursor: cursorView,
  events: soon(async () => (await rest()).eventsView),
  findings: soon(async () => (await rest()).findingsView),
  probes: probesView,
  "probe-title": probeTitleView,
  pictures: picturesView,
  bars: ofKind("bars", async () => (await import("./bars.js")).barsView),
  passage: ofKind("passage", async () => (await import("./passage.js")).passageView),
  signal: ofKind("signal", async () => (await import("./signal.js")).signalView),
  classes: classesView,
  pairs: soon(async () => (await rest()).pairsView),
  reading: soon(async () => (await rest()).readingView),
  filmstrip: soon(async () => (await rest()).filmstripView),
  evolution: ofKind("evolution", async () => (await import("./evolution.js")).evolutionView),
  overview: ofKind("overview", async () => (await import("./overview.js")).overviewView),
  status: statusView,
  export: soon(async () => (await rest()).exportView),
  notice: noticeView,
  help: soon(async () => (await rest()).helpView),
};
