/** The list of runs: A, B, the runs whose curves are shown, and why a run is not comparable. */

import { isOnce } from "../../model/frames.js";
import { hasBegun } from "../../model/runs.js";
import { isFixed, isUnfolded, unfold } from "../../model/state.js";
import { choose, html, named, render, segmented } from "../parts/html.js";

/** @typedef {import("../../types.d.ts").Align} Align */
/** @typedef {import("../../types.d.ts").Data} Data */
/** @typedef {import("../../types.d.ts").RunChoice} RunChoice */
/** @typedef {import("../../types.d.ts").State} State */

/** @type {import("../../types.d.ts").View} */
export function runsView(element) {
  return (data, state) => {
    const { pattern, problem } = filter(state.filter);
    const runs = data.runs.filter(({ name, letter }) => letter || pattern.test(name));
    render(
      html`<div>
        <h2>Runs</h2>
        ${data.shared && html`<p class="note named-line" title=${data.shared}>all names begin with ${named(data.shared)}</p>`}
        <input type="search" class="filter" placeholder="Filter runs (regex)" aria-label="Filter runs by a regular expression"
          value=${state.filter} aria-invalid=${problem !== ""} aria-describedby="filter-problem"
          onInput=${(/** @type {InputEvent} */ event) => choose(element, { filter: /** @type {HTMLInputElement} */ (event.target).value })} />
        <p id="filter-problem" class="problem" role="status">${problem}</p>
        <ul class="runs">
          ${runs.filter((run) => !why(run)).map((run) => row(element, run, state))}
          ${groups(runs).map(([reason, apart]) => html`<li key=${reason} class=${apart[0].error === null ? "run-group" : "run-group damaged"}>
            <p class="note" title=${reason}>${reason}</p>
            <ul>${apart.map((run) => row(element, run, state))}</ul>
          </li>`)}
        </ul>
        ${data.a && data.b && ![data.a, data.b].some(isOnce) && !isFixed(data, "align") && alignment(element, data, state)}
        ${data.report && html`<p class="note report-note">${data.report.note}</p>`}
        ${!data.report && data.runs.length > 2 && repeats(element, data, state)}
        ${data.runs.length > runs.length && html`<p class="note">${data.runs.length - runs.length} hidden by the filter</p>`}
      </div>`,
      element,
    );
  };
}

/**
 * How the epochs of A and B are aligned.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function alignment(element, { a, b }, state) {
  const logs = [a, b].map((side) => Object.keys(side?.info.logs ?? {}));
  const validation = logs[0].filter((key) => key.startsWith("val_") && logs[1].includes(key));
  const accuracy = validation.includes("val_accuracy");
  const options = [
    { value: "epoch", text: "epoch", title: "the same epoch of both" },
    { value: "val_accuracy", text: accuracy ? "val acc" : "metric", disabled: !validation.length, title: validation.length ? `the epochs at which ${accuracy ? "the validation accuracy" : "the validation metric"} is closest` : "no validation metric was logged for both" },
    { value: "best", text: "best", title: "epochs counted from each run's best" },
  ];
  const chosen = (/** @type {Event} */ _, /** @type {string} */ value) => {
    const align = /** @type {Align} */ (value);
    choose(element, { align, seeksBest: align === "best" });
  };
  return html`<div class="field align"><span>Align by</span>${segmented({ label: "Align A and B by", value: state.align, options, choose: chosen })}</div>`;
}

/**
 * Which runs are repeats: selected repeats are drawn as one band, and their distance shows the effect of the seed. Where the server finds none, it
 * proposes a pattern for their names.
 * @param {HTMLElement} element
 * @param {Data} data
 * @param {State} state
 */
function repeats(element, data, state) {
  const { repeats: pattern } = state;
  // The server reads the pattern: Python's regular expressions are not those of browsers.
  const why = pattern && (data.failures.find(({ route }) => route === "repeats" || route === "compare" || route === "findings")?.problem ?? "");
  const change = (/** @type {Event} */ event) => choose(element, { repeats: /** @type {HTMLInputElement} */ (event.target).value.trim() });
  // What is being typed stays when the page is drawn again, by a reply or a new epoch.
  const field = element.querySelector(".repeats input");
  const typed = field instanceof HTMLInputElement && field === element.ownerDocument.activeElement ? field.value : pattern;
  const { groups, pattern: proposal, proposed } = data.repeats ?? { groups: [], pattern: "", proposed: [] };
  const note = groups.length ? `taken as repeats: ${groups.map(groupWords).join(", ")}; selected ones are drawn as one band: mean ± spread` : data.repeats ? "no repeats found" : "";
  const open = pattern !== "" || isUnfolded(state, "repeats");
  const turn = (/** @type {Event} */ event) => {
    event.preventDefault();
    // With a pattern in use it stays open.
    choose(element, unfold(state, "repeats", !open));
  };
  return html`<details class="repeats" open=${open}>
    <summary onClick=${turn} title="runs of one recipe that differ in their seed">repeats …</summary>
    <input type="text" placeholder="found by name" aria-label="Regular expression for the part of a run's name that differs between repeats" value=${typed}
      aria-invalid=${why !== ""} aria-describedby="repeats-note" onChange=${change} />
    <p id="repeats-note" class=${why ? "problem" : "note"} role="status" title=${groups.map((group) => namesOf(group, data)).join("\n")}>${why || note}</p>
    ${proposal && !why && html`<p class="note" title=${proposed.map((group) => namesOf(group, data)).join("\n")}>
      If they are repeats: <button type="button" class="link" onClick=${() => choose(element, { repeats: proposal })}>use ${proposal}</button> for ${proposed.map(groupWords).join(", ")}
    </p>`}
  </details>`;
}

/** @type {(group: import("../../types.d.ts").Repeats["groups"][number]) => string} */
const groupWords = ({ recipe, runs }) => `${recipe} (${runs.length})`;

/** @type {(group: import("../../types.d.ts").Repeats["groups"][number], data: Data) => string} */
const namesOf = ({ recipe, runs }, data) => `${recipe}: ${runs.map((run) => data.runs.find((row) => row.run === run)?.name ?? run).join(", ")}`;

/**
 * @param {string} text
 * @returns {{pattern: RegExp, problem: string}} an invalid pattern hides nothing
 */
function filter(text) {
  try {
    return { pattern: new RegExp(text, "i"), problem: "" };
  } catch {
    return { pattern: /^/, problem: "not a regular expression: no run is filtered" };
  }
}

/**
 * Why a run is not comparable with A; "" if it is, or if it is A.
 * @param {RunChoice} run
 */
function why(run) {
  const { error, letter, reason } = run;
  if (error !== null) return error;
  if (!hasBegun(run)) return "no epoch yet";
  return letter !== "A" && reason ? `not comparable: ${reason}` : "";
}

/**
 * Runs that are not comparable with A, by reason.
 * @param {RunChoice[]} runs
 */
function groups(runs) {
  /** @type {Map<string, RunChoice[]>} */
  const byReason = new Map();
  for (const run of runs) {
    const reason = why(run);
    if (reason) byReason.set(reason, [...(byReason.get(reason) ?? []), run]);
  }
  return [...byReason];
}

/**
 * @param {HTMLElement} element
 * @param {RunChoice} run
 * @param {State} state
 */
function row(element, run, state) {
  const silent = run.error !== null || !hasBegun(run);
  const note = why(run);
  const toggle = (/** @type {boolean} */ on) =>
    choose(element, { runs: on ? [...state.runs, run.run] : state.runs.filter((name) => name !== run.run) });
  return html`<li key=${run.run} class=${note ? "run muted" : "run"} style=${{ "--run": run.color }}>
    <label class="run-name" title=${run.name}>
      <input type="checkbox" checked=${run.shown} disabled=${silent || run.letter !== ""}
        aria-label=${`Show the curves of ${run.name}`}
        onChange=${(/** @type {Event} */ event) => toggle(/** @type {HTMLInputElement} */ (event.target).checked)} />
      ${named(run.label)}
    </label>
    <button type="button" class="letter" aria-pressed=${run.letter === "A"} disabled=${silent}
      aria-label=${`${run.name} as run A`} title="Show as run A"
      onClick=${() => choose(element, { a: run.run, b: run.letter === "B" ? "" : state.b, player: null })}>A</button>
    <button type="button" class="letter" aria-pressed=${run.letter === "B"} disabled=${run.letter === "A" || (note !== "" && !run.beside)}
      aria-label=${`${run.name} as run B`} title=${run.letter === "B" ? "Show A alone" : run.beside ? `Show as run B, beside A; nothing is subtracted (${note})` : note || "Show as run B, beside A"}
      onClick=${() => choose(element, { b: run.letter === "B" ? "" : run.run })}>B</button>
  </li>`;
}
