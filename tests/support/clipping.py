"""Reads every text on the page as a reader does: what is cut without its whole text at hand, and what lies over something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import Page

from .browsing import READY
from .records import TensorBoard

# Before the page: remembers what canvases are written on.
RECORDER = """
(() => {
  const kept = new Map();
  window.writtenOnCanvases = kept;
  const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, most) {
    const { width, actualBoundingBoxLeft: left, actualBoundingBoxRight: right, actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = this.measureText(text);
    const narrow = most && width > most ? most / width : 1;
    const { a, d, e, f } = this.getTransform();
    const box = { left: a * (x - left * narrow) + e, right: a * (x + right * narrow) + e, top: d * (y - up) + f, bottom: d * (y + down) + f };
    if (String(text).trim()) kept.set(this.canvas, [...(kept.get(this.canvas) ?? []), { text: String(text), ...box }]);
    return most === undefined ? fillText.call(this, text, x, y) : fillText.call(this, text, x, y, most);
  };
  CanvasRenderingContext2D.prototype.clearRect = function (x, y, width, height) {
    if (width >= this.canvas.width / devicePixelRatio && height >= this.canvas.height / devicePixelRatio) kept.delete(this.canvas);
    return clearRect.call(this, x, y, width, height);
  };
  for (const side of ["width", "height"]) {
    const own = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, side);
    Object.defineProperty(HTMLCanvasElement.prototype, side, { ...own, set(value) { kept.delete(this); own.set.call(this, value); } });
  }
})();
"""

READER = """
() => {
  const TOLERANCE = 1.5;
  // Marks of direction have no width, and a title has none of them.
  const plain = (text) => text.replace(/[\\u2068\\u2069]/g, "").replace(/\\s+/g, " ").trim();
  const path = (node) => {
    const names = [];
    for (let at = node; at && at !== document.body && names.length < 4; at = at.parentElement) if (typeof at.className === "string" && at.className) names.unshift("." + at.className.trim().split(/\\s+/).join("."));
    return names.join(" ");
  };
  const atHand = (node, text) => {
    for (let at = node; at && at !== document.body; at = at.parentElement) {
      // A name that lost its middle has both ends there.
      for (const whole of [at.getAttribute("title"), at.getAttribute("aria-label")]) if (whole && text.split("…").every((part) => plain(whole).includes(part.trim()))) return true;
    }
    return false;
  };
  const clips = new Map();
  const clipOf = (element) => {
    let clip = clips.get(element);
    if (clip === undefined) {
      const { overflowX, overflowY } = getComputedStyle(element);
      const [x, y] = [overflowX, overflowY].map((way) => (way === "visible" ? "" : way === "auto" || way === "scroll" ? "scrolls" : "cuts"));
      clip = !x && !y ? null : { x, y, box: inner(element) };
      clips.set(element, clip);
    }
    return clip;
  };
  const inner = (element) => {
    const { left, top } = element.getBoundingClientRect();
    return { left: left + element.clientLeft, top: top + element.clientTop, right: left + element.clientLeft + element.clientWidth, bottom: top + element.clientTop + element.clientHeight };
  };
  const main = document.querySelector(".main");
  const rail = document.querySelector(".rail");
  const lines = [];
  const cut = [];
  let read = 0;
  const walker = document.createTreeWalker(document.querySelector(".page"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = plain(node.data);
    const parent = node.parentElement;
    if (!text || parent.closest("select, option, .unseen, svg, textarea") || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter(({ width, height }) => width > 0.5 && height > 0.5);
    if (!rects.length) continue;
    let seen = rects.map(({ left, right, top, bottom }) => ({ left, right, top, bottom }));
    let lost = 0;
    for (let at = parent; at; at = at.parentElement) {
      // What is cut is inside the box that is laid out with it; boxes that are fixed belong to the window.
      const clip = at === document.documentElement || at === document.body ? null : clipOf(at);
      if (clip) {
        const { x, y, box } = clip;
        const kept = [];
        for (const line of seen) {
          const outside = (x && (line.right <= box.left || line.left >= box.right)) || (y && (line.bottom <= box.top + 1 || line.top >= box.bottom - 1));
          const over = Math.max(x === "cuts" ? Math.max(box.left - line.left, line.right - box.right) : 0, y === "cuts" ? Math.max(box.top - line.top, line.bottom - box.bottom) - 3 : 0);
          if (over > TOLERANCE) lost = Math.max(lost, over);
          if (outside && at !== main && at !== rail) continue;
          kept.push(at === main || at === rail ? line : { left: x ? Math.max(line.left, box.left) : line.left, right: x ? Math.min(line.right, box.right) : line.right, top: y ? Math.max(line.top, box.top) : line.top, bottom: y ? Math.min(line.bottom, box.bottom) : line.bottom });
        }
        seen = kept;
      }
      if (getComputedStyle(at).position === "fixed") break;
    }
    // A note that has no room at all shows whole or not at all.
    if (!seen.length) continue;
    read += 1;
    const hidden = getComputedStyle(parent).textOverflow === "ellipsis" && parent.scrollWidth > parent.clientWidth + 1;
    const off = seen.some(({ left, right }) => right > innerWidth + TOLERANCE || left < -TOLERANCE) && !rects.every(() => [...ancestors(parent)].some((at) => clipOf(at)?.x === "scrolls"));
    if ((lost > 0 || hidden || off) && !atHand(parent, text)) cut.push({ text, where: path(parent), by: Math.round(lost) });
    for (const line of seen) if (line.right - line.left > 2 && line.bottom - line.top > 3) lines.push({ ...line, node, parent, text });
  }
  function* ancestors(element) { for (let at = element; at && at !== document.body; at = at.parentElement) yield at; }
  // Of two texts that share more than the air around their letters.
  const over = [];
  const floats = (element) => element.closest(".banner, .veil, .export-menu, .tip, .chart-tag, .evolution-tip, .blank, .rail, .foot, .main");
  lines.sort((one, other) => one.top - other.top);
  lines.forEach((one, i) => {
    for (let j = i + 1; j < lines.length && lines[j].top < one.bottom; j++) {
      const other = lines[j];
      if (one.node === other.node || floats(one.parent) !== floats(other.parent)) continue;
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      const least = Math.min(one.bottom - one.top, other.bottom - other.top);
      if (wide > 2 && high > 0.35 * least) over.push({ text: one.text, other: other.text, where: path(one.parent), by: [wide, high].map(Math.round).join("x") });
    }
  });
  for (const [canvas, texts] of window.writtenOnCanvases) {
    if (!canvas.isConnected || !canvas.checkVisibility({ visibilityProperty: true }) || !canvas.getBoundingClientRect().width) continue;
    texts.forEach((one, i) => {
      read += 1;
      const lost = Math.max(-one.left, one.right - canvas.width, -one.top, one.bottom - canvas.height);
      if (lost > TOLERANCE * devicePixelRatio) cut.push({ text: one.text, where: `canvas in ${path(canvas)}`, by: Math.round(lost) });
      for (const other of texts.slice(i + 1)) {
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 2 && high > 2) over.push({ text: one.text, other: other.text, where: `canvas in ${path(canvas)}`, by: [wide, high].map(Math.round).join("x") });
      }
    });
  }
  return { read, cut, over };
}
"""

# Two frames, and what observers of sizes draw after them.
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 120))))"


@dataclass(frozen=True)
class Reading:
    """What one look at the page found.

    Attributes:
        read: texts that are in view or a scroll away.
        cut: of them, those that are cut and stand nowhere whole: {text, where, by px}.
        over: pairs of them that lie over each other: {text, other, where, by px}.
    """

    read: int
    cut: list[dict[str, object]]
    over: list[dict[str, object]]

    @property
    def problems(self) -> list[str]:
        return [f"cut by {one['by']} px: {one['text']!s:.80} ({one['where']})" for one in self.cut] + [
            f"over each other by {one['by']} px: {one['text']!s:.60} | {one['other']!s:.60} ({one['where']})" for one in self.over
        ]


def open_alone(page: Page, server: TensorBoard, state: Mapping[str, str]) -> None:
    """The page without TensorBoard's own around it: all of the window is its own."""
    page.add_init_script(RECORDER)
    fields = "".join(f"&p.xai.{name}={quote(value, safe='')}" for name, value in state.items())
    page.goto(f"{server.url}/data/plugin_entry.html?name=xai#xai{fields}")
    page.locator(READY).wait_for()


def read_page(page: Page, width: int, height: int) -> Reading:
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(SETTLED)
    return Reading(**page.evaluate(READER))
