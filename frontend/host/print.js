/** The page on paper: all of it, on sheets of the window's size, in light colours. */

/** @type {(rules: CSSRuleList) => MediaList[]} the conditions of all rules that depend on the size of the window */
function sizeConditions(rules) {
  return Array.from(rules).flatMap((rule) => [
    ...(rule instanceof CSSMediaRule && /width|height/.test(rule.media.mediaText) ? [rule.media] : []),
    ...(rule instanceof CSSGroupingRule ? sizeConditions(rule.cssRules) : []),
  ]);
}

/**
 * Keeps all such rules as they are for the window: a browser asks the printer's usual paper, not the sheets that it prints on, and what is laid out anew no
 * longer fits what was drawn.
 * @returns {() => void} lets them follow the window again
 */
function keepSizes() {
  const conditions = Array.from(document.styleSheets, ({ cssRules }) => sizeConditions(cssRules)).flat();
  const before = conditions.map((media) => media.mediaText);
  const held = before.map((text) => matchMedia(text).matches);
  conditions.forEach((media, i) => {
    media.mediaText = held[i] ? "all" : "not all";
  });
  return () => conditions.forEach((media, i) => {
    media.mediaText = before[i];
  });
}

/**
 * @param {HTMLElement} root  of the page
 * @param {(on: boolean) => void} light  colours for paper, or those of before; drawn in the next frames
 * @returns {() => void} prints, once everything is drawn in light colours
 */
export function onPrint(root, light) {
  const size = document.createElement("style");
  const { classList } = document.documentElement;
  let dark = false;
  let follow = () => {};
  const plots = () => /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".plot"));

  const begin = () => {
    if (classList.contains("printing")) return;
    // Sheets as large as the window: nothing is laid out anew, and no picture is scaled.
    root.style.setProperty("--paper", `${window.innerWidth}px`);
    size.textContent = `@page { size: ${window.innerWidth}px ${window.innerHeight}px; margin: 0; }`;
    document.head.append(size);
    follow = keepSizes();
    // A curve is not drawn anew: its box stays as high as it is.
    for (const plot of plots()) plot.style.minHeight = `${plot.clientHeight}px`;
    // Words alone, where the browser's own command prints: what is drawn on canvases in this moment, Chromium leaves out together with what is around it.
    dark = classList.contains("dark");
    classList.remove("dark");
    classList.add("printing");
  };

  const end = () => {
    if (!classList.contains("printing")) return;
    classList.remove("printing");
    classList.toggle("dark", dark);
    size.remove();
    follow();
    for (const plot of plots()) plot.style.minHeight = "";
    root.style.removeProperty("--paper");
    light(false);
  };

  window.addEventListener("beforeprint", begin);
  window.addEventListener("afterprint", end);
  // Some browsers, and their tools, tell of paper in this way alone.
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? begin() : end()));

  return () => {
    light(true);
    // The frame that draws it, and one that shows it.
    const start = () => {
      window.print();
      // Where nothing was printed, no browser tells of an end.
      if (!classList.contains("printing")) light(false);
    };
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(start)));
  };
}
