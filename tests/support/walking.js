// What tests/support/walking.py runs in the page: waits until it rests, acts on it, and says all that is seen of it.

(() => {
  const page = () => document.querySelector(".page");
  const pause = (ms) => new Promise((resolve) => window.realTimeout(resolve, ms));
  const ACTED = "button, select, input, summary, canvas, [role=button], [role=slider]";

  const roomOf = (element) => element.closest("[class*='-room']")?.className.match(/(\S+)-room/)?.[1] ?? "page";
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;

  /** A name that the same control has on another page. */
  function keyOf(element) {
    const own = element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 40);
    return `${element.localName}.${[...element.classList].filter((name) => !/lit|chosen|current/.test(name)).join(".")} ${element.type ?? ""} “${own}”`;
  }

  /** @type {(element: Element, box: DOMRect) => boolean} whether a room is above or below what its scrolling box shows of it */
  function isAway(element, box) {
    const around = element.closest(".main").getBoundingClientRect();
    return box.top >= Math.min(innerHeight, around.bottom) - 1 || box.bottom <= Math.max(0, around.top) + 1;
  }

  const seenIn = (root) => [...root.querySelectorAll(ACTED)].filter((element) => !element.disabled && isSeen(element) && !element.closest(".export-menu"));

  /** What can be acted on, by room. */
  function controls() {
    const rooms = {};
    for (const element of seenIn(page())) (rooms[roomOf(element)] ??= []).push(keyOf(element));
    return rooms;
  }

  /** The control of a room with a name; the n-th of those that have it. */
  const find = (room, key, n) => {
    const all = seenIn(page()).filter((element) => roomOf(element) === room && keyOf(element) === key);
    return all[n % Math.max(1, all.length)];
  };

  /** Its middle, or another place in it, in the window; null where something else lies there. */
  function placeOf(room, key, n, across, down) {
    const element = find(room, key, n);
    if (!element) return null;
    const box = element.getBoundingClientRect();
    const [x, y] = [box.left + box.width * across, box.top + box.height * down];
    const top = document.elementFromPoint(x, y);
    return top && (element.contains(top) || top.contains(element)) ? { x, y } : null;
  }

  const WORDS = ["", "image", "a", "table|text", "(", "1"];
  const TYPED = { search: WORDS, text: WORDS, number: ["", "1", "3", "7", "0", "-2"], color: ["#ffff00", "#000000", "#12ab34"] };

  /** Uses a control as a keyboard or a finger would, without a pointer. */
  function use(room, key, n, part) {
    const element = find(room, key, n);
    if (!element) return false;
    const pick = (list) => list[Math.floor(part * list.length)];
    if (element instanceof HTMLSelectElement) {
      const option = pick([...element.options].filter(({ disabled }) => !disabled));
      if (!option) return false;
      element.value = option.value;
      element.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (element.type === "range") {
      const [low, high] = [Number(element.min), Number(element.max)];
      element.value = String(Math.round(low + part * (high - low)));
      element.dispatchEvent(new Event("input", { bubbles: true }));
      element.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (element.type in TYPED) {
      element.focus();
      element.value = pick(TYPED[element.type]);
      element.dispatchEvent(new Event("input", { bubbles: true }));
      element.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      element.click();
    }
    return true;
  }

  /** Ends what is of the moment and not in the address. */
  function calm() {
    document.activeElement?.blur();
    // Help and an address for copying take a key of their own.
    for (let i = 0; i < 3 && document.querySelector(".drawing"); i++) document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    for (const found of ["[aria-label^='Pause']", ".help .button"]) {
      const element = document.querySelector(found);
      if (element && isSeen(element)) element.click();
    }
    document.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
  }

  /** Changed pixels change it: FNV-1a over 32 bits at a time. */
  function digest(canvas) {
    if (!canvas.width || !canvas.height) return "nothing";
    const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height);
    const words = new Uint32Array(data.buffer);
    let hash = 0x811c9dc5;
    let any = 0;
    for (let i = 0; i < words.length; i++) {
      any |= words[i];
      hash = Math.imul(hash ^ words[i], 0x01000193);
    }
    // Its size counts only where something is drawn; that of its box is compared anyway.
    if (!any) return "nothing";
    return `${canvas.width}x${canvas.height} ${(hash >>> 0).toString(16)}`;
  }

  const NAMES = ["title", "aria-label", "aria-pressed", "aria-expanded", "aria-valuetext", "aria-current", "aria-invalid", "placeholder"];
  // What the pointer or the focus changes, and drawings that stand still when their neighbours move by a part of a px.
  const round = (px) => Math.round(px);

  /** One line for each thing that is seen: where it stands, what it says, what it is called, what is drawn in it. */
  function seen() {
    const lines = [];
    // What is not in view is drawn when it comes, and may be as high as before until then.
    const overview = page().querySelector(".overview-room");
    const away = overview && isSeen(overview) && isAway(overview, overview.getBoundingClientRect()) ? overview : null;
    const visit = (element, path) => {
      if (!isSeen(element) && element.localName !== "option") return;
      const box = element.getBoundingClientRect();
      const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("|");
      const names = NAMES.flatMap((name) => (element.getAttribute(name) ? `${name}=${element.getAttribute(name)}` : []));
      const state = [element.disabled && "disabled", element.checked && "checked", element.open && "open", element.value !== undefined && element.localName !== "option" && `value=${element.value}`].filter(Boolean);
      const drawn = element.localName === "canvas" ? digest(element) : "";
      const name = `${element.localName}.${element.getAttribute("class")?.trim().split(/\s+/).join(".") ?? ""}`;
      lines.push([`${path} ${name}`, [box.left, box.top, box.width, ...(element.contains(away) ? [] : [box.height])].map(round).join(" "), own, names.join(";"), state.join(";"), drawn].join(" · "));
      if (element === away) return;
      if (element.localName === "select") {
        lines.push(`${path} options · ${[...element.options].map(({ text, disabled }) => `${text}${disabled ? " (off)" : ""}`).join("|")}`);
        return;
      }
      const room = element.className.match?.(/(\S+)-room/)?.[1];
      for (const child of element.children) visit(child, room ?? path);
    };
    visit(page(), "");
    return lines;
  }

  function resting() {
    const root = page();
    if (!root || root.ariaBusy !== "false") return false;
    if (root.dataset.phase === "loading") return false;
    // An export says how far it is, and then that it was sent.
    const exports = root.querySelector(".export-button");
    if (exports && exports.textContent.trim() !== "export") return false;
    return root.dataset.phase !== "ready" || root.dataset.analysed === "true";
  }

  /** Waits until the page rests: nothing is fetched, and it stays as it is. */
  async function rest(seconds) {
    const end = performance.now() + 1000 * seconds;
    let before = "";
    while (performance.now() < end) {
      await new Promise(requestAnimationFrame);
      if (!resting()) {
        await pause(4);
        before = "";
        continue;
      }
      const now = seen().join("\n");
      if (now === before) return true;
      before = now;
      await pause(25);
    }
    return false;
  }

  const pathOf = (element) => {
    const path = [];
    for (let at = element; at !== document.documentElement; at = at.parentElement) path.unshift([...at.parentElement.children].indexOf(at));
    return path;
  };

  /** Where the reader scrolled to. */
  const scrolled = () => [...document.body.querySelectorAll("*")].filter(({ scrollTop, scrollLeft }) => scrollTop || scrollLeft).map((element) => [pathOf(element), element.scrollLeft, element.scrollTop]);

  /** Scrolls as on another page: everything else to its beginning. */
  function scrollAs(places) {
    const wanted = new Map(places.map(([path, left, top]) => [path.reduce((at, i) => at?.children[i], document.documentElement), [left, top]]));
    for (const element of document.body.querySelectorAll("*")) {
      const [left, top] = wanted.get(element) ?? [0, 0];
      if (element.scrollLeft !== left) element.scrollLeft = left;
      if (element.scrollTop !== top) element.scrollTop = top;
    }
  }

  window.walk = { controls, placeOf, use, calm, seen, rest, scrolled, scrollAs };
})();
