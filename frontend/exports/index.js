/** All exports, by their name in the menu. A new one is a file, a line here and one in the menu (views/export.js). Loaded when the menu opens. */

import { animation } from "./animation.js";
import { allNumbers, csvFile, shownNumbers } from "./csv.js";
import { fileName } from "./file.js";
import { filmstrip } from "./filmstrip.js";
import { view } from "./view.js";

/** @typedef {import("./file.js").Export} Export */

/** @type {Record<"view" | "filmstrip" | "animation" | "numbers" | "all-numbers", Export>} */
export const EXPORTS = {
  view,
  filmstrip,
  animation,
  numbers: async ({ data, state }) => ({ blob: csvFile(shownNumbers(data, state)), name: fileName(data, "epoch", "csv") }),
  "all-numbers": async ({ data, state }) => ({ blob: csvFile(allNumbers(data, state)), name: fileName(data, "epochs", "csv") }),
};
