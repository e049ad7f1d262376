/** The page as it is seen, as PNG. */

import { domToBlob } from "../vendor/modern-screenshot.js";
import { fileName } from "./file.js";

const LEAST_SCALE = 2;

/** @type {import("./file.js").Export} */
export async function view({ data, root, progress, breathe }) {
  progress("PNG…");
  await breathe();
  const inputs = [...root.querySelectorAll("input")];
  const lists = [...root.querySelectorAll("select")];
  const blob = await domToBlob(root, {
    scale: Math.max(LEAST_SCALE, devicePixelRatio),
    backgroundColor: getComputedStyle(document.body).backgroundColor,
    // The page's font is the system's; nothing is to be loaded.
    font: false,
    features: { copyScrollbar: false, restoreScrollPosition: true },
    // Buttons that concern the page itself are left out.
    filter: (node) => !(node instanceof Element && node.matches(".export, .status-end > *, .veil")),
    onCloneEachNode: (node) => {
      if (node instanceof HTMLElement) node.style.scrollbarWidth = "none";
    },
    onCloneNode: (copy) => {
      if (!(copy instanceof Element)) return;
      copy.querySelectorAll("input").forEach((input, i) => complete(input, inputs[i]));
      copy.querySelectorAll("select").forEach((list, i) => [...list.options].forEach((option, at) => option.toggleAttribute("selected", at === lists[i].selectedIndex)));
    },
  });
  await breathe();
  return { blob, name: fileName(data, "epoch", "png") };
}

/**
 * What a copy of the tree leaves out of its inputs: ticks, and the parts of sliders.
 * @param {HTMLInputElement} copy
 * @param {HTMLInputElement} input
 */
function complete(copy, input) {
  if (input.type === "checkbox") copy.toggleAttribute("checked", input.checked);
  if (input.type !== "range") return;
  const { width } = input.getBoundingClientRect();
  const color = (/** @type {string} */ name) => getComputedStyle(input).getPropertyValue(`--${name}`).trim();
  const part = (Number(input.value) - Number(input.min)) / (Number(input.max) - Number(input.min) || 1);
  const at = `${(6 + part * (width - 12)).toFixed(1)}px`;
  const slider = document.createElement("div");
  slider.className = copy.className;
  slider.style.cssText = copy.style.cssText;
  slider.style.display = "inline-block";
  slider.style.width = `${width}px`;
  slider.style.appearance = "none";
  slider.style.background = `radial-gradient(circle at ${at} 50%, ${color("accent")} 5.5px, transparent 6px), linear-gradient(to right, ${color("accent")} ${at}, ${color("line")} ${at}) center / 100% 3px no-repeat`;
  copy.replaceWith(slider);
}
