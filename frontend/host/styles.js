/** Loads the style sheets. */

/** All sheets of the page, in the order in which later ones win. */
export const STYLES = [
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

/**
 * @param {string[]} paths  below frontend/
 * @returns {Promise<void>} when they are loaded: sizes are measured after that
 */
export async function loadStyles(paths) {
  await Promise.all(
    paths.map((path) => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL(`../${path}`, import.meta.url).href;
      const loaded = new Promise((resolve) => {
        link.onload = link.onerror = resolve;
      });
      document.head.append(link);
      return loaded;
    }),
  );
}

/**
 * Style sheets that are there already, as texts.
 * @param {string[]} texts
 */
export function addStyles(texts) {
  for (const text of texts) {
    const sheet = document.createElement("style");
    sheet.textContent = text;
    document.head.append(sheet);
  }
}
