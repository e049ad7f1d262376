/** The message of a page without data, and the line above the page when something fails. */

import { copy } from "../host/clipboard.js";
import { plural } from "../words/format.js";
import { elsewhere, retry as again } from "./parts/failure.js";
import { html, render } from "./parts/html.js";

const COPIED_MS = 2000;

const SNIPPET = `import keras, tb_xai_plugin as xai

probes = xai.ImageProbes(x_test[:16], y_test[:16], class_names=names)
model.fit(x, y, validation_data=(x_test, y_test), epochs=20, callbacks=[
    keras.callbacks.TensorBoard("logs/baseline"),
    xai.ExplanationLogger("logs/baseline", probes),
])`;

/** @type {import("../types.d.ts").View} */
export function noticeView(element) {
  return (data) => {
    const retry = again(element);
    if (data.phase === "ready" || data.phase === "loading") {
      const trouble = data.reconnecting ? "TensorBoard does not respond; trying again. The page shows the last data received." : data.problem;
      const { reading, missing } = data;
      const words = trouble || (reading && `Reading the records: ${reading.done} of ${plural(reading.total, "part")}…`) || (data.phase === "ready" && missing);
      const parts = elsewhere(data);
      const message = [words, ...parts].filter(Boolean).join(" ");
      const failed = (trouble && !data.reconnecting) || parts.length > 0;
      render(message ? html`<p class="banner" role="status">${message} ${failed && !data.report && retry}</p>` : null, element);
      return;
    }
    render(html`<div class="notice" role="status">${{ empty, waiting, failed: () => failed(data.problem, retry) }[data.phase](data)}</div>`, element);
  };
}

function empty() {
  return html`<div>
    <h1>No explanations in this log directory</h1>
    <p>The XAI tab shows what a model looks at, epoch by epoch. It needs records that the callback writes while the model trains:</p>
    <div class="snippet"><pre><code>${SNIPPET}</code></pre>
      <button type="button" class="button" onClick=${(/** @type {Event} */ event) => copied(event)}>Copy</button></div>
    <p>They appear here within seconds of the first epoch. If they exist, check that TensorBoard's <code>--logdir</code> is the folder above the run.</p>
  </div>`;
}

/** @param {Event} event */
async function copied({ target }) {
  const button = /** @type {HTMLElement} */ (target);
  const done = await copy(SNIPPET);
  // Where the browser refuses, the keys for copying do it.
  const code = button.parentElement?.querySelector("code");
  if (!done && code) getSelection()?.selectAllChildren(code);
  const words = button.firstChild;
  if (!(words instanceof Text)) return;
  words.data = done ? "Copied ✓" : "Selected: copy it";
  setTimeout(() => {
    words.data = "Copy";
  }, COPIED_MS);
}

/** @param {import("../types.d.ts").Data} data */
function waiting(data) {
  const name = data.runs.find(({ letter }) => letter === "A")?.name;
  const why = data.problem && html`<p class="problem">${data.problem}</p>`;
  return html`<div><h1>Waiting for the first explanation</h1><p>“${name}” has started but has no explanation yet. The first one appears here when it is written.</p>${why}</div>`;
}

/**
 * @param {string} problem
 * @param {import("../types.d.ts").VNode} retry
 */
function failed(problem, retry) {
  return html`<div><h1>The records could not be read</h1><p class="problem">${problem}</p>${retry}</div>`;
}
