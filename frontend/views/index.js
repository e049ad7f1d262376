/** Every view of the page, by the room it has there (page.js). A new one is a file and a line. */

import { barsView } from "./bars.js";
import { classesView } from "./classes.js";
import { cursorView } from "./cursor.js";
import { evolutionView } from "./evolution.js";
import { exportView } from "./export.js";
import { explanationView } from "./explanation.js";
import { filmstripView } from "./filmstrip.js";
import { helpView } from "./help.js";
import { lookView } from "./look.js";
import { noticeView } from "./notice.js";
import { overviewView } from "./overview.js";
import { pairsView } from "./pairs.js";
import { passageView } from "./passage.js";
import { picturesView } from "./pictures.js";
import { probesView } from "./probes.js";
import { probeTitleView } from "./probe-title.js";
import { readingView } from "./reading.js";
import { regionsView } from "./regions.js";
import { runsView } from "./runs.js";
import { signalView } from "./signal.js";
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
  bars: barsView,
  passage: passageView,
  signal: signalView,
  classes: classesView,
  pairs: pairsView,
  reading: readingView,
  filmstrip: filmstripView,
  evolution: evolutionView,
  overview: overviewView,
  status: statusView,
  export: exportView,
  notice: noticeView,
  help: helpView,
};
