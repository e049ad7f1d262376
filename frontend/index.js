/** The XAI tab: TensorBoard loads this module in the tab's frame and calls `render`. */

import { createServerSource } from "./api.js";
import { MODULES, preload } from "./preload.js";
import { loadStyles } from "./styles.js";

const STYLES = ["vendor/uPlot.min.css", "style.css", "controls.css", "rail.css", "training.css", "probes.css", "probe.css", "tables.css", "texts.css", "notices.css", "export.css", "judgement.css"];

export async function render() {
  document.documentElement.lang = "en";
  document.title = "XAI";
  // What is asked first is on its way while the page's own modules load, and what will be drawn while its views do.
  const source = createServerSource(document.baseURI);
  const first = source.runs();
  first.catch(() => {}); // whoever waits for it hears of it
  preload(MODULES);
  const session = import("./session.js").then(({ createSession }) => createSession(source, first));
  const [{ start }] = await Promise.all([import("./start.js"), loadStyles(STYLES)]);
  start(await session);
}
