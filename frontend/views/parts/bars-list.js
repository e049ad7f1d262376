/** A list that scrolls downward, of which only what is in view is drawn: names beside canvases that stand still while rows pass. */

/**
 * @typedef {object} List
 * @property {HTMLElement} box  that scrolls
 * @property {HTMLElement} stage  what is drawn into; it covers the box and stays in view
 * @property {number} scroll  px
 * @property {number} height  px in view
 * @property {number} width
 * @property {(rows: number, row: number) => void} size  makes room for so many rows of so many px
 */

/**
 * @param {() => void} moved  called when it is scrolled or resized
 * @returns {List}
 */
export function createList(moved) {
  const box = document.createElement("div");
  box.className = "rows-box";
  const track = document.createElement("div");
  track.className = "rows-track";
  const stage = document.createElement("div");
  stage.className = "rows-stage";
  track.append(stage);
  box.append(track);

  /** @type {List} */
  const list = {
    box,
    stage,
    scroll: 0,
    height: 0,
    width: 0,
    size(rows, row) {
      const long = rows * row > list.height + 1;
      track.style.height = long ? `${rows * row}px` : "";
      // Keys scroll it too.
      if (long) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
      if (!long) list.scroll = 0;
    },
  };
  // Read when they change, not when the page is drawn: reading them then makes the browser lay it out twice.
  const measure = () => {
    list.scroll = box.scrollTop;
    const { clientHeight: height, clientWidth: width } = box;
    if (height) list.height = height;
    if (width) list.width = width;
    stage.style.height = `${list.height}px`;
    moved();
  };
  box.addEventListener("scroll", measure, { passive: true });
  // Arrows would go to the page's probes.
  box.addEventListener("keydown", (event) => {
    if (event.target === box && box.tabIndex === 0 && /^(Arrow(Up|Down)|Page(Up|Down))$/.test(event.key)) event.stopPropagation();
  });
  new ResizeObserver(measure).observe(box);
  return list;
}

/**
 * Whether an element is in the window: what is out of it need not be drawn.
 * @param {HTMLElement} element
 * @param {() => void} entered
 * @returns {() => boolean}
 */
export function watchView(element, entered) {
  let inView = false;
  new IntersectionObserver((entries) => {
    const now = entries[entries.length - 1].isIntersecting;
    const came = now && !inView;
    inView = now;
    if (came) entered();
  }, { rootMargin: "100px" }).observe(element);
  return () => inView;
}
