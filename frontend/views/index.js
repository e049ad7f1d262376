/** Every view of the page, by the room it has there (page.js). A new one is a file and a line. */

import { classesView } from "./classes.js";
import { cursorView } from "./cursor.js";
import { exportView } from "./export.js";
import { explanationView } from "./explanation.js";
import { filmstripView } from "./filmstrip.js";
import { helpView } from "./help.js";
import { later } from "./later.js";
import { lookView } from "./look.js";
import { noticeView } from "./notice.js";
import { pairsView } from "./pairs.js";
import { picturesView } from "./pictures.js";
import { probesView } from "./probes.js";
import { probeTitleView } from "./probe-title.js";
import { readingView } from "./reading.js";
import { regionsView } from "./regions.js";
import { runsView } from "./runs.js";
import { statusView } from "./status.js";
import { trainingView } from "./training.js";

/** @type {Record<string, import("../types.d.ts").View>} */
export const VIEWS = {
  runs: runsView,
  explanation: explanationView,
  look: lookView,
  regions: regionsView,
  training: trainingView,
  cursor: cursorView,
  probes: probesView,
  "probe-title": probeTitleView,
  pictures: picturesView,
  bars: later(["tabular"], async () => (await import("./bars.js")).barsView),
  passage: later(["text"], async () => (await import("./passage.js")).passageView),
  signal: later(["sequence"], async () => (await import("./signal.js")).signalView),
  classes: classesView,
  pairs: pairsView,
  reading: readingView,
  filmstrip: filmstripView,
  evolution: later(["tabular", "text", "sequence"], async () => (await import("./evolution.js")).evolutionView),
  overview: later(["tabular"], async () => (await import("./overview.js")).overviewView),
  status: statusView,
  export: exportView,
  notice: noticeView,
  help: helpView,
};
