/** From the records and the state to what the views draw: which runs, which epoch, which probes. Asks for what is missing. */

import { paletteNumber, runColor } from "../figures/color.js";
import { strongest } from "../figures/scale.js";
import { whyNotComparable } from "../words/compare.js";
import { sharedBeginning, shortName } from "../words/names.js";
import { ABSENT, epochOf } from "./cursor.js";
import { memo } from "./memo.js";
import { orderProbes } from "./order.js";
import { holesOf, indexOf, joinSteps, nearest } from "./series.js";
import { createSide, surveyed } from "./side.js";

/** @typedef {import("../types.d.ts").Ask} Ask */
/** @typedef {import("../types.d.ts").Cursor} Cursor */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pairing} Pairing */
/** @typedef {import("../types.d.ts").Pane} Pane */
/** @typedef {import("../types.d.ts").RunChoice} RunChoice */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */
/** @typedef {import("../types.d.ts").RunRow} RunRow */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").Situation} Situation */
/** @typedef {import("../types.d.ts").State} State */

// A run grows while its newest record is not older than so many of its usual epochs; before there are two, than a minute.
const LIVE_EPOCHS = 3;
const LEAST_LIVE_SECONDS = 10;
const FIRST_EPOCH_SECONDS = 60;

/** @type {Data} */
const NOTHING = {
  phase: "loading",
  problem: "",
  failures: [],
  reconnecting: false,
  reading: null,
  missing: "",
  runs: [],
  a: null,
  b: null,
  shared: "",
  others: [],
  panes: [],
  cursor: { step: 0, index: 0, steps: [], epochs: { A: [], B: [] }, metric: "", best: null, end: 0, following: true },
  pin: 0,
  difference: undefined,
  compared: undefined,
  findings: undefined,
  rested: null,
  live: false,
  method: "",
  explained: "label",
  region: "",
  probe: 0,
  order: [],
  scale: 0,
  player: null,
  lit: [],
};

/**
 * @param {Situation} situation
 * @param {State} state
 * @param {Ask} ask
 * @returns {Data}
 */
export function derive(situation, state, ask) {
  const { rows, problem, reconnecting, now, settled, rested } = situation;
  const shared = sharedBeginning(rows?.map(({ name }) => name) ?? []);
  /** @type {Data} */
  const nothing = { ...NOTHING, problem, reconnecting, shared };
  const pending = problem ? "failed" : "loading";
  if (!rows) return { ...nothing, phase: pending };
  if (!rows.length) return { ...nothing, phase: "empty" };

  const chosen = chooseRuns(rows, state, now);
  const list = (/** @type {RunRow | null} */ second, reasons = new Map()) => rows.map((row) => describe(row, chosen?.first, second, reasons, shared, state));
  if (!chosen) return { ...nothing, phase: "failed", problem: rows[0].error ?? "", runs: list(null) };

  const { first, second, set, method } = chosen;
  const info = ask("run", { run: first.run, set });
  const other = second ? ask("run", { run: second.run, set }) : undefined;
  if (!info || (second && !other)) prefetch([first, ...(second ? [second] : [])], set, method, state, ask);
  if (!info) return { ...nothing, phase: pending, runs: list(null) };
  if (!info.steps.length) return { ...nothing, phase: "waiting", problem: problem || (info.changes.at(-1)?.change ?? ""), runs: list(null) };

  const runs = list(second, chosen.reasons);
  if (second && !other && !problem) return { ...nothing, runs };

  const { region, explained } = topics(info, state);
  const colors = together(first, second, state);
  const side = (/** @type {RunInfo} */ of, /** @type {Side["letter"]} */ letter) =>
    createSide({ letter, info: of, label: shortName(of.name, shared), color: colorOf(of.run, colors, state), method, explained, region, areas: state.areas, pin: state.pin, from: state.drift, settled }, ask);
  const a = side(info, "A");
  const asked = other ? side(other, "B") : null;

  // The probe is known from the start where the user chose one: its numbers need not wait for the others' order.
  const known = state.probe === null ? null : Math.max(0, Math.min(state.probe, info.probes.count - 1));
  if (known !== null) for (const one of [a, asked]) one?.load([known], known);
  if (isIncomplete(a)) return { ...nothing, phase: pending, runs };
  if (asked && isIncomplete(asked) && !problem) return { ...nothing, runs };
  // Where B could not be read, A is still worth seeing.
  const b = asked && !isIncomplete(asked) ? asked : null;
  const pairing = pairingOf(a, b, state, ask);
  if (pairing === undefined && !problem) return { ...nothing, runs };

  const pair = b ? [a, b] : [a];
  const cursor = cursorOf(a.info, b?.info ?? null, pairing ?? null, state.epoch);
  const pin = info.steps[nearest(info.steps, state.pin ?? -1)];
  const panes = panesOf(a, b, cursor, pin);
  // A pinned epoch is the same run once more: for order and filters only the runs count.
  const explanation = { run: a.run, set, explainer: method, class: explained };
  const beside = b ? { ...explanation, other: b.run, by: state.align, ...(state.repeats && { repeats: state.repeats }) } : null;
  const compared = settled && beside ? ask("compare", beside) : undefined;
  // Cards stay where they are while the cursor moves.
  const order = orderProbes(panes.slice(0, pair.length), state, compared ? { compared, step: rested ?? cursor.step } : null);
  const probe = known ?? order[0] ?? 0;
  for (const one of pair) one.load([probe, ...order.slice(...state.window), ...surveyed(one.info)], probe);
  // Where a reply failed, the rest is drawn without it.
  if (!problem && pair.some((one) => !one.values(probe))) return { ...nothing, runs };

  const player = state.hover ?? state.player ?? strongestOf(panes, probe);
  return {
    ...nothing,
    phase: "ready",
    missing: missingRuns(rows, state, a.name),
    runs,
    a,
    b,
    others: othersOf(rows, pair, set, state, ask).map((one) => side(one, "")),
    panes,
    cursor,
    pin,
    difference: panes.length === 2 ? ask("difference", { run: a.run, set, explainer: method, class: explained, probes: String(probe), ...(b ? { other: b.run, by: state.align } : { at: String(pin) }) }) : undefined,
    compared,
    findings: settled && (!beside || compared) ? findingsOf(explanation, beside, cursor, rested, ask) : undefined,
    rested,
    live: cursor.following && [first, second].some((row) => row && isLive(row, now)),
    method,
    explained,
    region,
    probe,
    order,
    scale: Math.max(...pair.map((one) => one.scale())),
    player,
    lit: (info.interacting.includes(method) && state.pair) || (player === null ? [] : [player]),
  };
}

/**
 * What is shown of all there is: A and B, a probe set, a method; null where no run can be read.
 * @param {RunRow[]} rows
 * @param {State} state
 * @param {number} now
 */
function chooseRuns(rows, state, now) {
  const readable = rows.filter((row) => !row.error);
  const first = readable.find(({ run }) => run === state.a) ?? firstRun(readable, now);
  if (!first) return null;
  const set = state.set !== null && first.sets.includes(state.set) ? state.set : first.sets[0];
  const method = methodOf(first.comparable[set], state.method);
  const reasons = compareRuns(readable, first, set, method);
  return { first, second: chooseSecond(readable, first, state.b, reasons), set, method, reasons };
}

/**
 * The region and the class that A can show: a link or the run before may name others.
 * @param {RunInfo} info
 * @param {State} state
 */
function topics(info, state) {
  const regions = [...info.regions, ...state.areas.map(({ name }) => name)];
  return {
    region: state.region === "" ? "" : (regions.find((name) => name === state.region) ?? regions[0] ?? ""),
    explained: /^[0-9]+$/.test(state.class) && Number(state.class) >= info.probes.classes ? "label" : state.class,
  };
}

/** @type {(side: Side) => boolean} whether the probes can't be put in order yet */
const isIncomplete = ({ answers, drift }) => !answers || !drift;

/**
 * Which epochs of A and B stand side by side, where those are not the same ones: then null; undefined while it is on its way.
 * @param {Side} a
 * @param {Side | null} b
 * @param {State} state
 * @param {Ask} ask
 */
function pairingOf(a, b, { align }, ask) {
  if (!b || (align === "epoch" && b.info.steps.join() === a.info.steps.join())) return null;
  return ask("pairing", { run: a.run, set: a.info.set, other: b.run, by: align });
}

/**
 * The runs whose curves are drawn besides those of A and B, as far as they have come.
 * @param {RunRow[]} rows
 * @param {Side[]} pair
 * @param {string} set
 * @param {State} state
 * @param {Ask} ask
 */
function othersOf(rows, pair, set, state, ask) {
  const shown = rows.filter(({ run, sets, error }) => !error && state.runs.includes(run) && pair.every((one) => one.run !== run) && sets.includes(set));
  return shown.flatMap(({ run }) => ask("run", { run, set }) ?? []);
}

/**
 * Of one run; or of a pair where the cursor rests, once it is compared: both take the server the same work, and it is done once.
 * @param {import("../types.d.ts").Args} alone
 * @param {import("../types.d.ts").Args | null} beside
 * @param {Cursor} cursor
 * @param {number | null} rested
 * @param {Ask} ask
 */
function findingsOf(alone, beside, cursor, rested, ask) {
  if (!beside) return ask("findings", alone);
  // Another pair may have no such epoch; the cursor rests anew in a moment.
  return rested === null || !cursor.steps.includes(rested) ? undefined : ask("findings", { ...beside, step: String(rested) });
}

/**
 * The runs that are drawn together: no two of them look alike.
 * @param {RunRow | undefined} first
 * @param {RunRow | null | undefined} second
 * @param {State} state
 */
function together(first, second, { runs }) {
  return [...new Set([...[first, second].flatMap((row) => (row ? [row.run] : [])), ...runs])];
}

/** @type {(run: string, drawn: string[], state: State) => string} */
function colorOf(run, drawn, { dark }) {
  return runColor(paletteNumber(run, drawn), dark);
}

/**
 * What a link names and nobody has or can read, in words; "" where all is there.
 * @param {RunRow[]} rows
 * @param {State} state
 * @param {string} shown  what is there instead
 */
function missingRuns(rows, { a, b }, shown) {
  const gone = [a, b].filter((run) => run && !rows.some((row) => row.run === run)).map((run) => `“${run?.replace(/\/xai$/, "")}”`);
  const parts = gone.length ? [`${gone.join(" and ")} ${gone.length > 1 ? "are" : "is"} not in this log directory`] : [];
  // Its sentence begins with its name.
  for (const { error } of rows.filter(({ run }) => run === a || run === b)) if (error) parts.push(error.replace(/\.$/, ""));
  return parts.length ? `${parts.join("; ")}; this is “${shown}”.` : "";
}

/**
 * A run in the list.
 * @param {RunRow} row
 * @param {RunRow | undefined} first
 * @param {RunRow | null | undefined} second
 * @param {Map<string, string>} reasons
 * @param {string} shared
 * @param {State} state
 * @returns {RunChoice}
 */
function describe(row, first, second, reasons, shared, state) {
  const letter = row.run === first?.run ? "A" : row.run === second?.run ? "B" : "";
  const shown = letter !== "" || state.runs.includes(row.run);
  return {
    ...row,
    label: shortName(row.name, shared),
    // A run that is not drawn has no colour: it would be mistaken for one that is.
    color: shown ? colorOf(row.run, together(first, second, state), state) : "var(--faint)",
    letter,
    shown,
    reason: row.error ?? reasons.get(row.run) ?? null,
  };
}

/**
 * The method that is shown: the chosen one where A has it, else SHAP, else the first.
 * @param {RunInfo["comparable"]} comparable  of A
 * @param {string | null} chosen
 */
function methodOf(comparable, chosen) {
  const explainers = Object.keys(comparable?.explainers ?? {});
  return [chosen, "shap"].find((name) => name && explainers.includes(name)) ?? explainers[0] ?? "";
}

/**
 * Why a run can't stand beside A ("" where it can).
 * @param {RunRow[]} rows
 * @param {RunRow} first
 * @param {string} set
 * @param {string} method  that is shown
 */
function compareRuns(rows, first, set, method) {
  const comparable = (/** @type {RunRow} */ row) => ({ comparable: row.comparable[set] });
  /** @type {Map<string, string>} */
  const reasons = new Map();
  for (const row of rows) {
    if (row.run === first.run) continue;
    if (!row.sets.includes(set)) reasons.set(row.run, `has no probe set “${set}”`);
    else reasons.set(row.run, row.last_step === null ? "has no epoch yet" : whyNotComparable(comparable(first), comparable(row), method));
  }
  return reasons;
}

/**
 * Asks for what the page needs of A and B in any case, before it knows more of them.
 * @param {RunRow[]} rows
 * @param {string} set
 * @param {string} method
 * @param {State} state
 * @param {Ask} ask
 */
function prefetch(rows, set, method, state, ask) {
  // Whether a run has a class of a certain number is not known yet.
  if (/^[0-9]/.test(state.class)) return;
  for (const { run } of rows) {
    ask("drift", { run, set, explainer: method, class: state.class });
    ask("answers", { run, set });
  }
}

/**
 * The run beside A: the chosen one where it can stand there, else the first that can.
 * @param {RunRow[]} rows
 * @param {RunRow} first
 * @param {string | null} chosen  "" for none
 * @param {Map<string, string>} reasons
 * @returns {RunRow | null}
 */
function chooseSecond(rows, first, chosen, reasons) {
  if (chosen === "") return null;
  const candidates = chosen === null ? rows : rows.filter(({ run }) => run === chosen);
  return candidates.find((row) => row !== first && reasons.get(row.run) === "") ?? null;
}

/**
 * @param {RunInfo} a
 * @param {RunInfo | null} b
 * @param {Pairing | null} pairing  null where every epoch of one stands beside the same of the other
 * @param {number | null} epoch  null follows the end
 * @returns {Cursor}
 */
function cursorOf(a, b, pairing, epoch) {
  const { steps, epochs } = pairing ? paired(pairing)(a) : b ? sameEpochs(a)(b) : alone(a);
  const both = (/** @type {number} */ _, /** @type {number} */ i) => epochs.A[i] !== ABSENT && (!b || epochs.B[i] !== ABSENT);
  const end = steps[steps.findLastIndex((step, i) => both(step, i))] ?? steps[steps.length - 1];
  const index = nearest(steps, epoch ?? end);
  return { step: steps[index], index, steps, epochs, metric: pairing?.metric ?? "", best: pairing?.best ?? null, end, following: epoch === null };
}

/** @typedef {Pick<Cursor, "steps" | "epochs">} Places */

/** @type {(steps: number[], has: (step: number) => boolean) => number[]} */
const where = (steps, has) => steps.map((step) => (has(step) ? step : ABSENT));

// The first epoch of a hole has a place of its own: what is missing is shown as missing.

/** @type {(a: RunInfo) => Places} */
const alone = memo((a) => {
  const steps = joinSteps([a.steps, holesOf(a)]);
  const own = where(steps, (step) => indexOf(a.steps, step) >= 0);
  return { steps, epochs: { A: own, B: own } };
});

/** @type {(a: RunInfo) => (b: RunInfo) => Places} */
const sameEpochs = memo((/** @type {RunInfo} */ a) =>
  memo((/** @type {RunInfo} */ b) => {
    const steps = joinSteps([a, b].flatMap((info) => [info.steps, holesOf(info)]));
    const of = (/** @type {RunInfo} */ info) => where(steps, (step) => indexOf(info.steps, step) >= 0);
    return { steps, epochs: { A: of(a), B: of(b) } };
  }),
);

/** @type {(pairing: Pairing) => (a: RunInfo) => Places} */
const paired = memo((/** @type {Pairing} */ pairing) =>
  memo((/** @type {RunInfo} */ a) => {
    const steps = joinSteps([pairing.steps, holesOf(a)]);
    const of = (/** @type {Int32Array} */ own) => steps.map((step) => own[indexOf(pairing.steps, step)] ?? ABSENT);
    return { steps, epochs: { A: of(pairing.here), B: of(pairing.there) } };
  }),
);

/**
 * @param {Side} a
 * @param {Side | null} b
 * @param {Cursor} cursor
 * @param {number} pin
 * @returns {Pane[]}
 */
function panesOf(a, b, cursor, pin) {
  const step = epochOf(cursor, "A");
  if (b) return [{ title: "A", side: a, step }, { title: "B", side: b, step: epochOf(cursor, "B") }];
  if (a.info.steps.length === 1) return [{ title: "A", side: a, step }];
  return [{ title: "now", side: a, step }, { title: "pinned", side: a, step: pin }];
}

/**
 * Whether a run still grows: a record has no end mark, but its newest epoch is not much older than its epochs take.
 * @param {RunRow} row
 * @param {number} now
 */
export function isLive({ wall_time, epoch_seconds }, now) {
  const patience = epoch_seconds === null ? FIRST_EPOCH_SECONDS : Math.max(LEAST_LIVE_SECONDS, LIVE_EPOCHS * epoch_seconds);
  return wall_time !== null && now - wall_time < patience;
}

/**
 * The run to begin with: the newest of those that train now, else the first that has something to show.
 * @param {RunRow[]} rows
 * @param {number} now
 * @returns {RunRow | undefined}
 */
function firstRun(rows, now) {
  const live = rows.filter((row) => row.last_step !== null && isLive(row, now)).sort((x, y) => Number(y.wall_time) - Number(x.wall_time));
  return live[0] ?? rows.find((row) => row.last_step !== null) ?? rows[0];
}

/**
 * The strongest player at the cursor, of the first pane that has numbers there.
 * @param {Pane[]} panes
 * @param {number} probe
 */
function strongestOf(panes, probe) {
  for (const { side, step } of panes) {
    const explained = side.values(probe)?.at(step);
    const player = explained ? strongest(explained.values) : null;
    if (player !== null) return player;
  }
  return null;
}
