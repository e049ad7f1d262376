/** An exported file: what it is made from, what it is called, and how it reaches the user's disk. */

import { isEpoch } from "../figures/steps.js";
import { hostWindow } from "../host/host.js";
import { isOnce } from "../model/frames.js";

/** @typedef {import("../types.d.ts").Data} Data */

/**
 * @typedef {object} Job
 * @property {Data} data
 * @property {import("../types.d.ts").State} state
 * @property {HTMLElement} root  of the page
 * @property {(words: string) => void} progress
 * @property {() => Promise<void>} breathe  lets the page draw and listen; throws if the user cancelled
 */
/** @typedef {(job: Job) => Promise<{blob: Blob, name: string}>} Export */

const LONGEST_NAME = 60;
// The browser reads the file after the click; ten seconds are more than enough.
const KEPT_MS = 10_000;

/**
 * tb-xai_honest_vs_shortcut_probe3_epoch9.png
 * @param {Data} data
 * @param {"epoch" | "filmstrip" | "epochs"} what
 * @param {"png" | "gif" | "csv"} ending
 */
export function fileName(data, what, ending) {
  const runs = [data.a, data.b].filter((side) => side !== null).map(({ name }) => safe(name));
  const { step } = data.cursor;
  const last = what === "epoch" ? (isEpoch(step) ? `epoch${step}` : step < 0 ? "untrained" : data.a && isOnce(data.a) ? "model" : "returned") : what;
  return `tb-xai_${runs.join("_vs_")}_probe${data.probe}_${last}.${ending}`;
}

/**
 * A name that every file system takes: names of runs are paths, and may be anything.
 * @param {string} name
 */
export function safe(name) {
  const kept = name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/\.{2,}/g, ".");
  return [...kept].slice(0, LONGEST_NAME).join("").replace(/^[-.]+|[-.]+$/g, "") || "run";
}

/**
 * Hands a file to the browser. Whether it reaches the disk, the browser does not tell.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  // In TensorBoard's own page: Firefox takes a download from a frame for a page that is to be shown there, which TensorBoard's policy forbids.
  const { document } = hostWindow();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
