/**
 * A page that the browser translates. It takes each text out of the page and puts a `font` element with its translation there. The templates
 * still hold the text that was taken out: what they wrote into it would not be seen, and beside it they could put nothing.
 */

/** @type {WeakMap<Node, Text>} what stands in the place of a text: the text */
const originals = new WeakMap();
/** @type {Map<Text, {stand: ChildNode, data: string}>} texts that were taken out: what stands there, and what it is a translation of */
const replaced = new Map();

/** @type {MutationObserver | null} */
let observer = null;

/** @param {Element} root  of the page */
export function followTranslation(root) {
  observer = new MutationObserver(note);
  observer.observe(root, { childList: true, subtree: true });
}

/**
 * Remembers which `font` element stands for which text.
 * @param {MutationRecord[]} records
 */
function note(records) {
  for (const { removedNodes, addedNodes, previousSibling, nextSibling } of records) {
    for (const removed of removedNodes) {
      const text = originals.get(removed) ?? (removed instanceof Text ? removed : null);
      if (!text || text.isConnected) continue;
      // At once, or first added beside it and then the text removed.
      const stand = [...addedNodes, previousSibling, nextSibling].find((node) => node instanceof HTMLElement && node.localName === "font");
      if (stand instanceof HTMLElement && !originals.has(stand)) remember(text, stand);
    }
  }
}

/** @type {(text: Text, stand: HTMLElement) => void} */
function remember(text, stand) {
  originals.set(stand, text);
  replaced.set(text, { stand, data: replaced.get(text)?.data ?? text.data });
}

/**
 * Draws with every text in its own place: what the drawing leaves as it was has its translation back, and what it changes is there for the browser
 * to translate anew. Costs nothing on a page that is not translated.
 * @param {Element} element  that is drawn into
 * @param {() => void} draw
 */
export function untranslated(element, draw) {
  if (observer) note(observer.takeRecords());
  if (!replaced.size) {
    draw();
    return;
  }
  /** @type {Text[]} */
  const own = [];
  for (const [text, { stand }] of replaced) {
    if (!stand.isConnected) replaced.delete(text);
    else if (element.contains(stand)) {
      stand.replaceWith(text);
      own.push(text);
    }
  }
  try {
    draw();
  } finally {
    for (const text of own) {
      const { stand, data } = replaced.get(text) ?? {};
      if (stand && text.isConnected && text.data === data) text.replaceWith(stand);
      else replaced.delete(text);
    }
    // These changes were the page's own.
    observer?.takeRecords();
  }
}
