/** The few icons of the page, drawn in the colour of the text around them. */

import { html } from "./html.js";

const PATHS = {
  first: "M6 6h2v12H6zm3.5 6 8.5 6V6z",
  back: "M15.5 18 9 12l6.5-6z",
  play: "M8 5v14l11-7z",
  pause: "M6 19h4V5H6zm8-14v14h4V5z",
  forward: "M8.5 6 15 12l-6.5 6z",
  last: "M6 18l8.5-6L6 6zM16 6h2v12h-2z",
  menu: "M4 6.5h16v1.8H4zm0 4.6h16v1.8H4zm0 4.6h16v1.8H4z",
  fold: "M18 7.4 16.6 6l-6 6 6 6 1.4-1.4-4.6-4.6zm-6 0L10.6 6l-6 6 6 6 1.4-1.4L7.4 12z",
  pin: "M16 9V4h1V2H7v2h1v5c0 1.66-1.34 3-3 3v2h5.97v7l1 1 1-1v-7H19v-2c-1.66 0-3-1.34-3-3z",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
