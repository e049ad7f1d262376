/** Run B beside a run A that explains other probes, or with other settings: nothing is subtracted, and B's features stand in A's rows. Pure. */

import { memo } from "./memo.js";

/** @typedef {import("../types.d.ts").Content} Content */
/** @typedef {import("../types.d.ts").ProbeValues} ProbeValues */
/** @typedef {import("../types.d.ts").RunInfo} RunInfo */
/** @typedef {import("../types.d.ts").Side} Side */

/** What a run has of a probe that is not among its own. */
/** @type {ProbeValues} */
const NONE = { id: -1, steps: new Int32Array(), players: 0, at: () => null };

/**
 * The numbers of B's players and features in A's places; -1 where B has none of that name.
 * @type {(a: RunInfo) => (b: RunInfo) => {players: number[], features: number[], info: RunInfo}}
 */
const framed = memo((/** @type {RunInfo} */ a) =>
  memo((/** @type {RunInfo} */ b) => {
    const places = (/** @type {string[] | undefined} */ own, /** @type {string[] | undefined} */ names) => (names ?? []).map((name) => (own ?? []).indexOf(name));
    const { features, categorical, player_of, player_names } = a.probes;
    const players = (player_names ?? []).length;
    return {
      players: places(b.probes.player_names, player_names),
      features: places(b.probes.features, features),
      info: { ...b, probes: { ...b.probes, features, categorical, player_of, player_names, players: b.probes.players.map(() => players) } },
    };
  }),
);

/** @type {<T extends Float32Array | Uint8Array>(array: T, places: number[], absent: number) => T} */
function moved(array, places, absent) {
  const made = /** @type {typeof array} */ (new /** @type {any} */ (array.constructor)(places.length));
  places.forEach((from, to) => (made[to] = from < 0 ? absent : array[from]));
  return made;
}

/**
 * Values in A's places, made once for each reply.
 * @type {(values: ProbeValues) => (players: number[]) => ProbeValues}
 */
const movedValues = memo((/** @type {ProbeValues} */ values) =>
  memo((/** @type {number[]} */ players) => ({
    ...values,
    players: players.length,
    at(/** @type {number} */ step) {
      const one = values.at(step);
      return one && { ...one, values: moved(one.values, players, NaN), errors: moved(one.errors, players, NaN) };
    },
  })),
);

/**
 * Whether a player of a probe is the same in both: the same segments, the same pieces of text. Features of tables are found by their names.
 * @param {Content | undefined} one
 * @param {Content | undefined} other
 */
function samePlayers(one, other) {
  if (one?.kind === "text" && other?.kind === "text") return JSON.stringify(one.pieces) === JSON.stringify(other.pieces);
  if (one?.kind === "image" && other?.kind === "image") return one.width === other.width && sameNumbers(one.segments, other.segments);
  return one?.kind === "sequence" && other?.kind === "sequence" && sameNumbers(one.segments, other.segments);
}

/** @type {(one: ArrayLike<number>, other: ArrayLike<number>) => boolean} */
const sameNumbers = (one, other) => one.length === other.length && Array.prototype.every.call(one, (number, i) => number === other[i]);

const samePlayersOf = memo((/** @type {Content} */ one) => memo((/** @type {Content} */ other) => samePlayers(one, other)));

// What functions of a probe give for one that the run lacks.
const BY_PROBE = new Map(/** @type {[string, unknown][]} */ ([["at", null], ["of", new Float32Array()], ["floor", NaN], ["rSquared", NaN], ["gap", NaN], ["error", NaN], ["untrained", NaN], ["untrainedFloor", NaN], ["warnings", []]]));

const counted = memo((/** @type {object} */ known) => memo((/** @type {RunInfo} */ { probes: { count } }) => {
  /** @type {PropertyDescriptorMap} */
  const own = {};
  for (const [name, value] of Object.entries(known)) {
    if (typeof value === "function" && BY_PROBE.has(name)) own[name] = { enumerable: true, value: (/** @type {number} */ probe, /** @type {number} */ step) => (probe < count ? value.call(known, probe, step) : BY_PROBE.get(name)) };
  }
  return Object.create(known, own);
}));

/**
 * What a run knows of its probes, without the probes that it lacks: the numbers of arrays do not end there. Made once for each reply.
 * @template {object} T
 * @param {T | undefined} known
 * @param {RunInfo} info
 * @returns {T | undefined}
 */
const ofOwn = (known, info) => known && counted(known)(info);

/**
 * @param {Side} side  B
 * @param {Side} first  A
 * @param {string} apart  why the two are not comparable
 * @returns {Side}
 */
export function beside(side, first, apart) {
  const a = first.info;
  const { count } = side.info.probes;
  const has = (/** @type {number} */ probe) => probe < count;
  const of = (/** @type {number} */ probe) => (has(probe) ? side.values(probe) : NONE);
  /** @type {Partial<Side>} */
  const own = {
    apart,
    own: side.info,
    ownEnd: side.unit !== first.unit,
    load: (probes, selected) => side.load(probes.filter(has), Math.min(selected, count - 1)),
    values: of,
    outputs: () => ofOwn(side.outputs(), side.info),
    sharesPlayers(probe) {
      if (a.probes.kind === "tabular") return true;
      const [one, other] = [first.content(probe), has(probe) ? side.content(probe) : undefined];
      return one !== undefined && other !== undefined && samePlayersOf(one)(other);
    },
  };
  for (const name of /** @type {const} */ (["predictions", "drift", "sincePin", "trust"])) Object.assign(own, { [name]: ofOwn(side[name], side.info) });
  Object.defineProperty(own, "fidelity", { enumerable: true, get: () => ofOwn(side.fidelity, side.info) });
  if (a.probes.kind === "tabular") {
    const { players, features, info } = framed(a)(side.info);
    own.info = info;
    own.values = (probe) => {
      const values = of(probe);
      return values && values !== NONE ? movedValues(values)(players) : values;
    };
    own.content = (probe) => rowIn(side.content(probe), players, features, a, side.info);
    Object.defineProperty(own, "importance", { enumerable: true, get: () => importanceIn(side.importance, players) });
    own.interactions = () => undefined;
  }
  return Object.create(side, Object.getOwnPropertyDescriptors(own));
}

/** @type {(content: Content | undefined, players: number[], features: number[], a: RunInfo, b: RunInfo) => Content | undefined} */
function rowIn(content, players, features, a, b) {
  if (content?.kind !== "tabular") return content;
  const values = moved(content.values, features, NaN);
  // A category has another code where the lists of categories differ.
  features.forEach((from, to) => {
    const [names, own] = [a.probes.categorical?.[to], b.probes.categorical?.[from]];
    if (names && own) values[to] = names.indexOf(own[values[to]]);
  });
  return { ...content, values, missing: moved(content.missing, features, 1), regions: content.regions.map((region) => moved(region, players, 0)) };
}

/** @type {(importance: import("../types.d.ts").Importance | undefined, players: number[]) => import("../types.d.ts").Importance | undefined} */
function importanceIn(importance, players) {
  if (!importance) return undefined;
  return {
    ...importance,
    at(step) {
      const mean = importance.at(step);
      return mean && moved(mean, players, NaN);
    },
  };
}
