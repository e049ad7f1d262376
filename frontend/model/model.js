/** Derives what the views draw from the records and the state: runs, epoch, probes. Requests missing replies. */

import { chosen, strongest } from "../figures/scale.js";
import { askedArguments } from "./areas.js";
import { sharedBeginning, shortName, tellApart } from "../words/names.js";
import { beside } from "./beside.js";
import { epochOf } from "./cursor.js";
import { orderProbes } from "./order.js";
import { cursorOf } from "./places.js";
import { chooseRuns, colorOf, describe, isLive, missingRuns, together } from "./runs.js";
import { nearest } from "./series.js";
import { createSide, surveyed } from "./side.js";

/** @typedef {import("../types.d.ts").Ask} Ask */
/** @typedef {import("../types.d.ts").Cursor} Cursor */
/** @typedef {import("../types.d.ts").Data} Data */
/** @typedef {import("../types.d.ts").Pairing} Pairing */
/** @typedef {import("../types.d.ts").Pane} Pane */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */
/** @typedef {import("../types.d.ts").RunRow} RunRow */
/** @typedef {import("../types.d.ts").Side} Side */
/** @typedef {import("../types.d.ts").Situation} Situation */
/** @typedef {import("../types.d.ts").State} State */

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
  repeats: undefined,
  rested: null,
  report: null,
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
  const { rows, problem, reconnecting, now, report } = situation;
  const shared = sharedBeginning(rows?.map(({ name }) => name) ?? []);
  /** @type {Data} */
  const nothing = { ...NOTHING, problem, reconnecting, shared, report };
  const pending = problem ? "failed" : "loading";
  if (!rows) return { ...nothing, phase: pending };
  if (!rows.length) return { ...nothing, phase: "empty" };

  const chosen = chooseRuns(rows, state, now);
  const list = (/** @type {RunRow | null} */ second, reasons = new Map(), besides = new Set()) => rows.map((row) => describe(row, chosen?.first, second, reasons, besides, shared, state));
  if (!chosen) return { ...nothing, phase: "failed", problem: rows[0].error ?? "", runs: list(null) };

  const { first, second, apart, set, method } = chosen;
  const info = ask("run", { run: first.run, set });
  const other = second ? ask("run", { run: second.run, set }) : undefined;
  if (!info || (second && !other)) prefetch([first, ...(second ? [second] : [])], set, method, state, ask);
  if (!info) return { ...nothing, phase: pending, runs: list(null) };
  if (!info.steps.length) return { ...nothing, phase: "waiting", problem: problem || (info.changes.at(-1)?.change ?? ""), runs: list(null) };

  const runs = list(second, chosen.reasons, chosen.besides);
  if (second && !other && !problem) return { ...nothing, runs };

  const topic = topicsOf(info, state, report);
  const colors = together(first, second, state);
  const labels = tellApart([first, ...(second ? [second] : [])].map(({ name }) => name), shared);
  const side = (/** @type {RunInfo} */ of, /** @type {Side["letter"]} */ letter) =>
    createSide({ letter, info: of, label: of.run === first.run ? labels[0] : letter === "B" ? labels[1] : shortName(of.name, shared), color: colorOf(of.run, colors, state), method, ...topic, areas: state.areas, pin: state.pin, from: state.drift, settled: situation.settled }, ask);
  const a = side(info, "A");
  const shownAsB = other ? side(other, "B") : null;
  const candidate = shownAsB && apart ? beside(shownAsB, a, apart) : shownAsB;

  // A probe that the user chose is loaded at once: it does not wait for the order of the others.
  const known = state.probe === null ? null : Math.max(0, Math.min(state.probe, info.probes.count - 1));
  if (known !== null) for (const one of [a, candidate]) one?.load([known], known);
  if (isIncomplete(a)) return { ...nothing, phase: pending, runs };
  if (candidate && isIncomplete(candidate) && !problem) return { ...nothing, runs };
  // If B could not be read, A is shown alone.
  const b = candidate && !isIncomplete(candidate) ? candidate : null;
  const pairing = pairingOf(a, b, state, ask);
  if (pairing === undefined && !problem) return { ...nothing, runs };

  const drawn = viewOf({ a, b, pairing: pairing ?? null, known, method, ...topic }, situation, state, ask);
  if (!drawn) return { ...nothing, runs };
  const { cursor } = drawn;
  return {
    ...nothing,
    ...drawn,
    phase: "ready",
    missing: missingRuns(rows, state, a.name, chosen.reasons, chosen.besides),
    runs,
    repeats: situation.settled && rows.length > 2 ? ask("repeats", { run: first.run, set, ...(state.repeats && { repeats: state.repeats }) }) : undefined,
    others: othersOf(rows, b ? [a, b] : [a], set, state, ask).map((one) => side(one, "")),
    live: cursor.following && [first, second].some((row) => row && isLive(row, now)),
  };
}

/**
 * What is drawn of A and B at the cursor; null while the probe's values are being fetched.
 * @param {{a: Side, b: Side | null, pairing: Pairing | null, known: number | null, method: string, region: string, explained: string}} chosen  known: the probe that the user chose
 * @param {Situation} situation
 * @param {State} state
 * @param {Ask} ask
 */
function viewOf({ a, b, pairing, known, method, region, explained }, { problem, settled, rested }, state, ask) {
  const pair = b ? [a, b] : [a];
  const cursor = cursorOf(a.info, b?.info ?? null, pairing, state.epoch);
  const pin = a.info.steps[nearest(a.info.steps, state.pin ?? -1)];
  const panes = panesOf(a, b, cursor, pin);
  const explanation = { run: a.run, set: a.info.set, explainer: method, class: explained };
  const pairArguments = b ? { ...explanation, other: b.run, by: state.align } : null;
  const asked = askedArguments(state.areas, a.info.probes, b?.apart ? b.own.probes : undefined);
  const comparison = pairArguments && { ...pairArguments, ...asked, ...(state.repeats && { repeats: state.repeats }) };
  // Runs that are not comparable stand side by side: nothing is subtracted, and each has its own order.
  const apart = b !== null && b.apart !== "";
  const compared = settled && comparison && !apart ? ask("compare", comparison) : undefined;
  // A pinned epoch belongs to the same run, so order and filters use the runs only. Cards keep their places while the cursor moves.
  const order = orderProbes(panes.slice(0, pair.length), state, compared ? { compared, step: rested ?? cursor.step } : null);
  const probe = known ?? order[0] ?? 0;
  for (const one of pair) one.load([probe, ...order.slice(...state.window), ...surveyed(one.info)], probe);
  // If a reply failed, the rest is drawn without it.
  if (!problem && pair.some((one) => !one.values(probe))) return null;

  const player = state.hover ?? state.player ?? strongestOf(panes, probe, state);
  return {
    a,
    b,
    panes,
    cursor,
    pin,
    difference: panes.length === 2 && !apart ? ask("difference", { ...(pairArguments ?? { ...explanation, at: String(pin) }), probes: String(probe) }) : undefined,
    compared,
    findings: settled && (!comparison || compared || apart) ? findingsOf({ ...explanation, ...asked }, comparison, cursor, rested, ask) : undefined,
    rested,
    method,
    explained,
    region,
    probe,
    order,
    scale: Math.max(...pair.filter(({ ownEnd }) => !ownEnd).map((one) => one.scale())),
    player,
    lit: (a.info.interacting.includes(method) && state.pair) || (player === null ? [] : [player]),
  };
}

/**
 * The region and the class that A can show: a link or the previous run may name others.
 * @param {RunInfo} info
 * @param {State} state
 * @param {import("../types.d.ts").Report | null} report
 */
function topicsOf(info, state, report) {
  const regions = [...info.regions, ...state.areas.map(({ name }) => name)];
  return {
    region: state.region === "" ? "" : (regions.find((name) => name === state.region) ?? regions[0] ?? ""),
    explained: (/^[0-9]+$/.test(state.class) && Number(state.class) >= info.probes.classes) || (report && !report.classes.includes(state.class)) ? "label" : state.class,
  };
}

/** @type {(side: Side) => boolean} whether data for the order of the probes is missing */
const isIncomplete = ({ predictions, drift }) => !predictions || !drift;

/**
 * Which epochs of A and B are compared; null if they are the same epochs, undefined while the reply is being fetched.
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
 * Further runs whose curves are drawn, as far as they are loaded.
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
 * Findings of one run, or of a pair at the epoch where the cursor rests. They are requested after the comparison, which shares the server's work.
 * @param {import("../types.d.ts").Args} alone
 * @param {import("../types.d.ts").Args | null} comparison  of the pair; null where there is one run
 * @param {Cursor} cursor
 * @param {number | null} rested
 * @param {Ask} ask
 */
function findingsOf(alone, comparison, cursor, rested, ask) {
  if (!comparison) return ask("findings", alone);
  // A new pair may lack this epoch; the cursor will rest again soon.
  return rested === null || !cursor.steps.includes(rested) ? undefined : ask("findings", { ...comparison, step: String(rested) });
}

/**
 * Requests replies of A and B that the page always needs, before their details are known.
 * @param {RunRow[]} rows
 * @param {string} set
 * @param {string} method
 * @param {State} state
 * @param {Ask} ask
 */
function prefetch(rows, set, method, state, ask) {
  // It is not known yet whether the run has a class with this number.
  if (/^[0-9]/.test(state.class)) return;
  for (const { run } of rows) {
    ask("drift", { run, set, explainer: method, class: state.class });
    ask("answers", { run, set });
  }
}

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
 * The strongest player at the cursor, of the first pane that has numbers there: of those that are shown, where there are any.
 * @param {Pane[]} panes
 * @param {number} probe
 * @param {State} state
 */
function strongestOf(panes, probe, state) {
  for (const { side, step } of panes) {
    if (!side.sharesPlayers(probe)) continue;
    const explained = side.values(probe)?.at(step);
    const picked = explained && chosen(explained.values, state);
    const player = explained ? ((picked && strongest(explained.values.map((value, i) => value * picked[i]))) ?? strongest(explained.values)) : null;
    if (player !== null) return player;
  }
  return null;
}
