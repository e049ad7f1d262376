/** Dragging sideways with a finger: up and down scrolls the page (touch-action: pan-y in the styles). */

/** @type {{pointer: number, x: number, y: number} | null} a finger that may still mean to scroll */
let undecided = null;

/**
 * Whether an event of a pointer moves what lies below it. A mouse does at once; a finger when it goes sideways, or lifts without having scrolled.
 * @param {PointerEvent} event  pointerdown, pointermove or pointerup
 */
export function drags({ type, pointerType, pointerId, clientX, clientY, buttons }) {
  if (pointerType !== "touch") return type !== "pointerup" && (buttons & 1) === 1;
  if (type === "pointerdown") {
    undecided = { pointer: pointerId, x: clientX, y: clientY };
    return false;
  }
  if (undecided?.pointer === pointerId) {
    if (type === "pointermove" && Math.abs(clientX - undecided.x) <= Math.abs(clientY - undecided.y)) return false;
    undecided = null;
    return true;
  }
  return type === "pointermove" && (buttons & 1) === 1;
}
