/** TensorBoard around the page: its window, its theme, its reload button, and whether the tab is in view. */

import { isLight } from "../figures/color.js";
import { focusedIn, takesText } from "./typing.js";

/** The window whose URL people see: TensorBoard's, or our own where the page is opened by itself or in a frame of any other page. */
export function hostWindow() {
  try {
    // Reading the document throws where the parent is of another origin.
    return window.parent.document.querySelector("tb-webapp") ? window.parent : window;
  } catch {
    return window;
  }
}

/**
 * Whether the frames around the page allow something that a sandbox forbids; null where a page of another origin keeps that to itself.
 * @param {"allow-downloads" | "allow-modals"} what
 * @returns {boolean | null}
 */
export function frameAllows(what) {
  try {
    for (let at = window; at !== at.parent; at = /** @type {Window & typeof globalThis} */ (at.parent)) {
      const frame = at.frameElement;
      if (!frame) return null;
      const sandbox = frame.getAttribute("sandbox");
      if (sandbox !== null && !sandbox.toLowerCase().split(/\s+/).includes(what)) return false;
    }
    return true;
  } catch {
    return null;
  }
}

/**
 * Where the user's own colours replace the page's (a contrast theme), they also tell whether it is dark.
 * @param {(dark: boolean) => void} changed  called now and whenever the theme changes
 */
export function followTheme(changed) {
  if (matchMedia("(forced-colors: active)").matches) {
    changed(isDarkCanvas());
    return;
  }
  const host = hostWindow();
  if (host !== window) {
    const { body } = host.document;
    const report = () => changed(body.classList.contains("dark-mode"));
    new MutationObserver(report).observe(body, { attributes: true, attributeFilter: ["class"] });
    report();
    return;
  }
  const preference = matchMedia("(prefers-color-scheme: dark)");
  preference.addEventListener("change", () => changed(preference.matches));
  changed(preference.matches);
}

/** Whether the system's paper is darker than a middle grey. */
function isDarkCanvas() {
  const swatch = document.createElement("i");
  swatch.style.cssText = "color: Canvas; forced-color-adjust: none";
  document.body.append(swatch);
  const [r, g, b] = (getComputedStyle(swatch).color.match(/\d+/g) ?? []).map(Number);
  swatch.remove();
  return !isLight([r, g, b]);
}

/**
 * A contrast theme was chosen, changed or left: rare, and all that is drawn has other colours then.
 * @param {() => void} changed
 */
export function onContrast(changed) {
  for (const query of ["(forced-colors: active)", "(prefers-contrast: more)"]) matchMedia(query).addEventListener("change", changed);
  // From one contrast theme to another, light and dark alone may tell.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => matchMedia("(forced-colors: active)").matches && changed());
}

/**
 * The window went to another screen, or was zoomed: what is drawn has too few pixels, or too many. Of a zoom that changes the size, `resize` tells too.
 * @param {() => void} changed
 */
export function onPixelRatio(changed) {
  let known = 0;
  const look = () => {
    if (known === devicePixelRatio) return;
    if (known) changed();
    known = devicePixelRatio;
    matchMedia(`(resolution: ${known}dppx)`).addEventListener("change", look, { once: true });
  };
  look();
}

/**
 * TensorBoard calls `reload` of the active plugin's frame when its reload button is pressed.
 * @param {() => void} reload
 */
export function onReload(reload) {
  try {
    if (window.frameElement) Object.assign(window.frameElement, { reload });
  } catch {
    // Framed by another origin: there is no reload button to connect to.
  }
}

/**
 * @param {() => void} changed  called when the user follows a link that only changes the URL's hash
 */
export function onNavigation(changed) {
  hostWindow().addEventListener("hashchange", changed);
}

/**
 * Whether the page is visible: TensorBoard keeps the frames of other tabs alive, with no height.
 * @param {Element} element
 * @param {(visible: boolean) => void} changed
 */
export function followVisibility(element, changed) {
  let onScreen = true;
  /** @type {boolean | null} */
  let reported = null;
  const report = () => {
    const visible = onScreen && window.innerHeight > 0 && document.visibilityState === "visible";
    if (visible !== reported) changed((reported = visible));
  };
  new IntersectionObserver((entries) => {
    onScreen = entries[entries.length - 1].isIntersecting;
    report();
  }).observe(element);
  // What has no height still counts as in view where it lies at an edge of it.
  window.addEventListener("resize", report);
  document.addEventListener("visibilitychange", report);
}

/** Takes the focus so that keys work at once, unless somebody else has it: a page around TensorBoard, a field of TensorBoard. */
export function takeFocus() {
  const host = hostWindow();
  if (host === window) return;
  takeFree();
  // In a tab of the browser that was opened behind another, and in a frame that nobody has clicked yet: later, if then nothing else takes it.
  if (!host.document.hasFocus()) host.addEventListener("focus", takeLater, { once: true });
}

const takeLater = () => void setTimeout(takeFree);

function takeFree() {
  const { document } = hostWindow();
  if (document.hasFocus() && isFree(document)) window.focus();
}

/**
 * Whether nothing in TensorBoard's page wants keys.
 * @param {Document} document
 */
function isFree(document) {
  const focused = focusedIn(document);
  if (!focused || focused === window.frameElement) return true;
  if (document.designMode === "on" || takesText(focused)) return false;
  return focused === document.body || focused.closest("[role=tab], [data-plugin-id]") !== null;
}
