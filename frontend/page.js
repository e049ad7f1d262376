/** The page's rooms, one for each view, and the style sheets. */

const RAIL = ["runs", "explanation", "look", "regions"];

/** @type {(tag: string, className: string, ...children: HTMLElement[]) => HTMLElement} */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** @returns {{root: HTMLElement, rooms: Record<string, HTMLElement>}} */
export function createPage() {
  /** @type {Record<string, HTMLElement>} */
  const rooms = {};
  const room = (/** @type {string} */ name, tag = "section", className = "") => {
    rooms[name] = element(tag, `${name}-room ${className}`.trim());
    return rooms[name];
  };
  const rail = element("aside", "rail", ...RAIL.map((name) => room(name)));
  rail.setAttribute("aria-label", "Runs and settings");
  const reading = element("div", "reading-column", room("probe-title", "div"), room("classes", "div"), room("pairs", "div"), room("reading", "div"));
  const probe = element("section", "panel probe-panel", element("div", "probe-upper", room("pictures", "div"), reading), room("filmstrip", "div"));
  const body = element("div", "body", room("training", "section", "panel"), room("cursor", "section", "panel"), room("probes"), probe);
  const main = element("main", "main", room("notice", "div"), body);
  const root = element("div", "page", rail, main, room("status", "footer"), room("help", "div"));
  document.body.append(root);
  return { root, rooms };
}

/**
 * @param {string[]} paths  relative to this module
 * @returns {Promise<void>} when they are loaded: sizes are measured after that
 */
export async function loadStyles(paths) {
  await Promise.all(
    paths.map((path) => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL(path, import.meta.url).href;
      const loaded = new Promise((resolve) => {
        link.onload = link.onerror = resolve;
      });
      document.head.append(link);
      return loaded;
    }),
  );
}
