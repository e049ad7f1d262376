import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import test from "node:test";

import { MINIATURES, MODULES, REST } from "../../../frontend/host/preload.js";

const root = new URL("../../../frontend/", import.meta.url);

/** All that a module imports, and what that imports, itself among it. */
function reached(path, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const text = readFileSync(new URL(path, root), "utf8");
  for (const [, next] of text.matchAll(/^(?:import|export) [^;]*? from "(\.[^"]+)"/gm)) reached(posix.join(posix.dirname(path), next), found);
  return found;
}

test("the browser is told of the modules that the page is made of, and of no other", () => {
  const needed = new Set([...reached("feed/session.js"), ...reached("views/start.js")]);
  const known = reached("index.js");
  assert.ok(needed.size > 50 && known.size > 3);
  assert.deepEqual(MODULES.filter((path) => !needed.has(path)), []);
  // A view is one file and one line in the table; unnamed here it comes a little later.
  assert.deepEqual([...needed].filter((path) => !MODULES.includes(path) && !known.has(path) && !path.startsWith("views/")), []);
});

test("what is fetched after the first picture, or for cards of other kinds, is told of in one go", () => {
  const first = reached("feed/session.js", reached("views/start.js"));
  const beyond = (path) => [...reached(path)].filter((one) => !first.has(one) && !reached("index.js").has(one)).sort();
  assert.deepEqual([...REST].sort(), beyond("views/rest.js"));
  assert.deepEqual([...MINIATURES].sort(), beyond("paint/miniature.js"));
});
