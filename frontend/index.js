/** The XAI tab: TensorBoard loads this module in the tab's frame and calls `render`. */

import { createServerSource } from "./feed/api.js";
import { MODULES, preload } from "./host/preload.js";
import { loadStyles } from "./host/styles.js";

const STYLES = [
  "vendor/uPlot.min.css",
  "styles/page.css",
  "styles/controls.css",
  "styles/rail.css",
  "styles/training.css",
  "styles/probes.css",
  "styles/reading.css",
  "styles/filmstrip.css",
  "styles/probe.css",
  "styles/tables.css",
  "styles/texts.css",
  "styles/notices.css",
  "styles/export.css",
  "styles/judgement.css",
  "styles/contrast.css",
  "styles/print.css",
];

export async function render() {
  document.documentElement.lang = "en";
  document.title = "XAI";
  // The first requests run while the page's modules load.
  const source = createServerSource(document.baseURI);
  const first = source.runs();
  first.catch(() => {}); // the session handles it
  preload(MODULES);
  const session = import("./feed/session.js").then(({ createSession }) => createSession(source, first));
  const [{ start }] = await Promise.all([import("./views/start.js"), loadStyles(STYLES)]);
  start(await session);
}
