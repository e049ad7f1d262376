/** One stop of the Tab key for many things: arrows go from one to the next, Enter presses. */

/**
 * The names beside rows of a chart: one of them, the kept one or else the first, is the stop.
 * @param {Element | null} group  of buttons
 */
export function roveNames(group) {
  if (!(group instanceof HTMLElement)) return;
  const names = [...group.querySelectorAll("button")];
  const focused = names.find((name) => name === document.activeElement);
  const stop = focused ?? names.find((name) => name.ariaPressed === "true") ?? names[0];
  for (const name of names) {
    const index = name === stop ? 0 : -1;
    // Written only where it is another: a step of the cursor changes none.
    if (name.getAttribute("tabindex") !== String(index)) name.tabIndex = index;
  }
  rove(group, () => [...group.querySelectorAll("button")], { back: ["ArrowUp"], on: ["ArrowDown"] });
}

/**
 * @param {HTMLElement} group
 * @param {() => HTMLElement[]} items  in their order, one of them with tabindex 0
 * @param {{back: string[], on: string[]}} keys  what goes back and on
 */
export function rove(group, items, { back, on }) {
  group.onkeydown = (event) => {
    const all = items();
    const at = all.findIndex((item) => item === event.target);
    if (at < 0) return;
    const by = back.includes(event.key) ? -1 : on.includes(event.key) ? 1 : 0;
    const press = event.key === "Enter" || event.key === " ";
    if ((!by && !press) || event.ctrlKey || event.metaKey || event.altKey) return;
    // The page's own arrows move the cursor, its Space plays.
    event.preventDefault();
    event.stopPropagation();
    if (press) all[at].click();
    else all[Math.max(0, Math.min(all.length - 1, at + by))].focus();
  };
}
