/** A report that opens from disk: the page over records in its own file. The script in the file (boot.js) loads this module and calls `open`. */

import { createFileSource } from "./feed/file.js";
import { createSession } from "./feed/session.js";
import { STYLES, addStyles } from "./host/styles.js";
import { start } from "./views/start.js";

/**
 * @param {Record<string, string>} files  {path below frontend/: text}
 * @param {import("./types.d.ts").Archive} archive
 * @param {(packed: string) => Promise<ArrayBuffer>} unpack  from base64 and gzip
 */
export function open(files, archive, unpack) {
  addStyles(STYLES.map((path) => files[path]));
  const source = createFileSource(archive, unpack);
  const session = createSession(source, source.runs());
  document.getElementById("opening")?.remove();
  start(session);
}
