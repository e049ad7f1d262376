/** Loads the style sheets. */

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
