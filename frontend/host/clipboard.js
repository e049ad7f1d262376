/** Copying text, also where the page is not served over a secure connection. */

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether it was copied: a frame may be refused
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not there, or refused for a frame: the older way may still work.
    return copyFrom(text);
  }
}

/** @param {string} text */
function copyFrom(text) {
  const { activeElement } = document;
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed"; // nothing scrolls to it
  document.body.append(area);
  area.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch {
    // Some browsers throw instead of saying no.
  }
  area.remove();
  if (activeElement instanceof HTMLElement) activeElement.focus({ preventScroll: true });
  return done;
}
