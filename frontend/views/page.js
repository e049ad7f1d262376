/** The page's rooms, one for each view. */

const RAIL = ["fold", "runs", "explanation", "look", "regions"];

/** @type {(tag: string, className: string, ...children: HTMLElement[]) => HTMLElement} */
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/**
 * @param {string[]} views  names; one that has no place of its own here gets a panel at the end of the page
 * @returns {{root: HTMLElement, rooms: Record<string, HTMLElement>}}
 */
export function createPage(views) {
  /** @type {Record<string, HTMLElement>} */
  const rooms = {};
  const room = (/** @type {string} */ name, tag = "section", className = "") => {
    rooms[name] = element(tag, `${name}-room ${className}`.trim());
    return rooms[name];
  };
  const rail = element("aside", "rail", ...RAIL.map((name) => room(name)));
  rail.setAttribute("aria-label", "Runs and settings");
  const reading = element("div", "reading-column", room("probe-title", "div"), room("classes", "div"), room("pairs", "div"), room("reading", "div"));
  const probe = element("section", "panel probe-panel", element("div", "probe-upper", room("pictures", "div"), room("bars", "div"), room("passage", "div"), room("signal", "div"), reading), room("filmstrip", "div"), room("evolution", "div"));
  const body = element("div", "body", room("training", "section", "panel"), room("cursor", "section", "panel"), room("events"), room("findings"), room("probes"), probe, room("overview", "section", "panel"));
  const main = element("main", "main", room("notice", "div"), body);
  const root = element("div", "page", rail, main, element("footer", "foot", room("status", "div"), room("export", "div")), room("help", "div"));
  body.append(...views.filter((name) => !rooms[name]).map((name) => room(name, "section", "panel added")));
  document.body.append(root);
  return { root, rooms };
}
