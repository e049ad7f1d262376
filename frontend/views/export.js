/** The export menu: pictures and numbers. */

import { frameAllows } from "../host/host.js";
import { command, html, render } from "./parts/html.js";

/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").State} State */
/** @typedef {keyof typeof import("../exports/index.js").EXPORTS} Name */

/** @type {{name: Name, text: string, note: string, images?: boolean}[]} images: made of images, so that other probes have none */
const ITEMS = [
  { name: "view", text: "This view as PNG", note: "the page as it is now" },
  { name: "filmstrip", text: "Filmstrip as PNG", note: "this probe at all epochs", images: true },
  { name: "animation", text: "Filmstrip as GIF", note: "this probe, epoch by epoch", images: true },
  { name: "numbers", text: "Numbers as CSV", note: "this probe at this epoch" },
  { name: "all-numbers", text: "Numbers of all epochs as CSV", note: "this probe" },
];

const SENT_MS = 2000;

/** @type {import("../types.d.ts").View} */
export function exportView(element) {
  let open = false;
  /** @type {[Data, State] | null} */
  let last = null;

  const draw = () => {
    const ready = last?.[0].phase === "ready";
    const { busy, sent } = job.state();
    const words = busy ? busy.words : sent || "export";
    const about = busy ? `${busy.words}: stop (Esc)` : "Export pictures and numbers";
    render(
      ready &&
        html`<div class="export" onKeyDown=${keyDown} onFocusOut=${left}>
          ${open && menu()}
          <button type="button" class="link export-button" aria-haspopup="menu" aria-expanded=${open} aria-label=${busy ? about : undefined} title=${about} onClick=${press}>${words}${busy && html` <span aria-hidden="true">✕</span>`}</button>
          <span class="unseen" role="status">${sent}</span>
        </div>`,
      element,
    );
  };

  const menu = () => html`<div class="export-menu">
    ${job.state().problem && html`<p class="problem" role="alert">${job.state().problem}</p>`}
    ${elsewhere()}
    <div role="menu" aria-label="Export">${ITEMS.filter(({ images }) => !images || last?.[0].a?.info.probes.kind === "image").map(
      ({ name, text, note }) => html`<button key=${name} type="button" role="menuitem" disabled=${!complete() || frameAllows("allow-downloads") === false} aria-label=${text} onClick=${() => start(name)}>
        <span>${text}</span> <span class="note">${note}</span></button>`,
    )}
      <button type="button" role="menuitem" disabled=${frameAllows("allow-modals") === false} aria-label="Print" onClick=${printed}><span>Print</span> <span class="note">the whole view, in light colours</span></button>
    </div>
  </div>`;

  /** Whether the numbers of the selected probe are here: after a change of run or method they may be on their way. */
  const complete = () => last !== null && last[0].panes.every(({ side }) => side.values(last?.[0].probe ?? 0) && side.content(last?.[0].probe ?? 0));

  const button = () => /** @type {HTMLElement | null} */ (element.querySelector(".export-button"));
  const items = () => [.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[role=menuitem]"))];

  /** @param {boolean} asked  by the user, whose focus goes to the menu */
  const show = (asked = true) => {
    open = true;
    // The export modules are large and rarely needed: they load while the user reads the menu.
    import("../exports/index.js").catch(() => {});
    document.addEventListener("pointerdown", outside, true);
    draw();
    if (asked) items()[0]?.focus();
  };

  /** @param {boolean} back  whether the focus goes back to the button */
  const hide = (back) => {
    open = false;
    job.forget();
    document.removeEventListener("pointerdown", outside, true);
    draw();
    if (back) button()?.focus();
  };

  const printed = () => {
    hide(true);
    command(element, "print");
  };

  const press = () => {
    if (job.state().busy) job.stop();
    else if (open) hide(true);
    else show();
  };

  const outside = (/** @type {PointerEvent} */ event) => {
    if (!element.contains(/** @type {Node} */ (event.target))) hide(false);
  };

  const left = (/** @type {FocusEvent} */ event) => {
    if (open && event.relatedTarget && !element.contains(/** @type {Node} */ (event.relatedTarget))) hide(false);
  };

  const keyDown = (/** @type {KeyboardEvent} */ event) => {
    if (!open && event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const all = items();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    /** @type {Record<string, () => void>} */
    const acts = {
      Escape: () => hide(true),
      ArrowDown: () => (open ? all[(at + 1) % all.length]?.focus() : show()),
      ArrowUp: () => (open ? all[(at <= 0 ? all.length : at) - 1]?.focus() : show()),
      Home: () => all[0]?.focus(),
      End: () => all[all.length - 1]?.focus(),
    };
    const act = acts[event.key];
    if (!act || job.state().busy) return;
    act();
    event.preventDefault();
    // The same keys move the page's cursor.
    event.stopPropagation();
  };

  /** @param {Name} name */
  const start = (name) => {
    if (!last || job.state().busy) return;
    hide(true);
    job.start(name, ...last, /** @type {HTMLElement} */ (element.closest(".page"))).then((problem) => {
      draw();
      // The menu takes the focus only if the user has not moved on.
      if (problem) show(document.hasFocus() && (element.contains(document.activeElement) || document.activeElement === document.body));
    });
  };

  const job = createJob(() => draw());

  return (data, state) => {
    last = [data, state];
    draw();
  };
}

/** Where files may not come out of the frame: what to do instead. A link would not do: a tab that a sandboxed frame opens has the same sandbox. */
function elsewhere() {
  const allowed = frameAllows("allow-downloads");
  if (allowed) return "";
  const words = allowed === false ? "This frame may not save files." : "If no file comes, the page around this frame forbids it.";
  return html`<p class="export-note">${words} Use “copy link”, open the address in a new tab, and export there.</p>`;
}

/**
 * One export at a time: how far it is, and a way to stop it.
 * @param {() => void} changed
 */
function createJob(changed) {
  let problem = "";
  let sent = "";
  /** @type {{words: string, stop: AbortController} | null} */
  let busy = null;

  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    busy?.stop.abort();
    event.stopPropagation();
  };

  const progress = (/** @type {string} */ words) => {
    if (!busy) return;
    busy.words = words;
    changed();
  };

  return {
    state: () => ({ busy, sent, problem }),
    stop: () => busy?.stop.abort(),
    forget() {
      problem = "";
    },
    /**
     * @param {Name} name
     * @param {Data} data
     * @param {State} state
     * @param {HTMLElement} root  of the page
     * @returns {Promise<string>} what went wrong, in a sentence; "" if nothing did
     */
    async start(name, data, state, root) {
      const stop = new AbortController();
      busy = { words: "exporting…", stop };
      changed();
      document.addEventListener("keydown", escape, true);
      try {
        const { EXPORTS } = await import("../exports/index.js");
        const { save } = await import("../exports/file.js");
        const made = await EXPORTS[name]({ data, state, root, progress, breathe: () => pause(stop.signal) });
        stop.signal.throwIfAborted();
        save(made.blob, made.name);
        // No browser tells whether a file reached the disk, nor whether a sandbox forbids it: that of a page of another origin, of the tab that opened this one, of a header.
        sent = "sent to the browser";
        setTimeout(() => {
          sent = "";
          changed();
        }, SENT_MS);
      } catch (error) {
        if (!stop.signal.aborted) problem = `The ${name.endsWith("numbers") ? "table" : "picture"} could not be created: ${error instanceof Error ? error.message : String(error)}`;
      }
      document.removeEventListener("keydown", escape, true);
      busy = null;
      return problem;
    },
  };
}

/**
 * Lets the page draw and handle events.
 * @param {AbortSignal} signal
 * @returns {Promise<void>} rejected if the user cancelled
 */
async function pause(signal) {
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}
