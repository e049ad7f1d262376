/** Whose keys are whose: what is typed into a field, chosen from a list or pressed on a button is not the page's. */

// These take no text; all other inputs do, or have a window of their own.
const UNTYPED = new Set(["range", "checkbox", "radio", "button", "submit", "reset", "image", "file"]);

/**
 * The element that has the focus, through open shadow roots.
 * @param {Document} document
 */
export function focusedIn(document) {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused;
}

/**
 * Elements of another window are not instances of this one's classes: they are told by their names.
 * @param {Element} element
 */
export function takesText(element) {
  const { localName } = element;
  if (localName === "input") return !UNTYPED.has(/** @type {HTMLInputElement} */ (element).type);
  // An element of somebody else's making may hold a field that nobody outside sees.
  return localName === "textarea" || localName.includes("-") || /** @type {HTMLElement} */ (element).isContentEditable === true;
}

/**
 * Whether a key belongs to the element in focus, or to the browser, and not to the page.
 * @param {KeyboardEvent} event
 */
export function isTaken(event) {
  // Composing a word with an input method: keys choose among candidates. Some browsers tell by the code alone.
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return true;
  // AltGr types a character; Windows reports it as Ctrl and Alt.
  const types = event.key.length === 1 && event.getModifierState("AltGraph");
  if (event.metaKey || ((event.ctrlKey || event.altKey) && !types)) return true;
  const [target] = event.composedPath();
  return target instanceof Element && needs(target, event.key);
}

/** @type {(element: Element, key: string) => boolean} */
function needs(element, key) {
  if (takesText(element)) return true;
  const press = key === " " || key === "Enter";
  switch (element.localName) {
    case "select":
      // Up and down walk a list; left and right would too, and change the explained class without notice.
      return key !== "ArrowLeft" && key !== "ArrowRight";
    case "input": {
      const { type, id } = /** @type {HTMLInputElement} */ (element);
      if (type !== "range") return press || (type === "radio" && key.startsWith("Arrow"));
      return id !== "epoch" && /^(Arrow|Home$|End$|Page)/.test(key);
    }
    case "button":
    case "summary":
      return press;
    case "a":
      return key === "Enter";
    default:
      return false;
  }
}
