/** The XAI tab: TensorBoard loads this module in the tab's frame and calls `render`. */

import { createServerSource } from "./feed/api.js";
import { MODULES, preload } from "./host/preload.js";
import { STYLES, loadStyles } from "./host/styles.js";

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
