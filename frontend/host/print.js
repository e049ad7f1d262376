/** The page on paper: all of it, on sheets of the window's size, in light colours. */

/**
 * @param {HTMLElement} root  of the page
 * @param {{light: (on: boolean) => void, draw: () => void}} page  light: colours for paper, or those of before; draw: at once, in the colours of now
 */
export function onPrint(root, { light, draw }) {
  const size = document.createElement("style");
  let printing = false;

  const begin = () => {
    if (printing) return;
    printing = true;
    // Sheets as large as the window: nothing is laid out anew, and no picture is scaled.
    root.style.setProperty("--paper", `${window.innerWidth}px`);
    size.textContent = `@page { size: ${window.innerWidth}px ${window.innerHeight}px; margin: 0; }`;
    document.head.append(size);
    document.documentElement.classList.add("printing");
    light(true);
    draw();
  };

  const end = () => {
    if (!printing) return;
    printing = false;
    document.documentElement.classList.remove("printing");
    size.remove();
    root.style.removeProperty("--paper");
    light(false);
    draw();
  };

  window.addEventListener("beforeprint", begin);
  window.addEventListener("afterprint", end);
  // Some browsers, and their tools, tell of paper in this way alone.
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? begin() : end()));
}
