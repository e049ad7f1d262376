/** The server's records. The only module that fetches; what it answers are typed arrays with a way to look things up. */

import { largest } from "../figures/scale.js";
import { ABSENT } from "../model/cursor.js";
import { indexOf } from "../model/series.js";
import { append, decodeContainer } from "./container.js";

/** @typedef {import("../types.d.ts").Args} Args */
/** @typedef {import("../types.d.ts").Container} Container */
/** @typedef {import("../types.d.ts").Replies} Replies */
/** @typedef {import("../types.d.ts").Source} Source */

/**
 * An array of a container as the type the contract promises.
 * @template {import("../types.d.ts").NumberArray} T
 * @param {Container} container
 * @param {string} name
 * @param {new (...args: never[]) => T} Type
 * @returns {{data: T, shape: number[]}}
 */
function take(container, name, Type) {
  const array = container.arrays[name];
  if (!(array?.data instanceof Type)) throw new Error(`The server's reply has no ${Type.name} named ${name}.`);
  return { data: array.data, shape: array.shape };
}

/** @param {Container} container */
function positions(container) {
  return new Map((container.header.probes ?? []).map((probe, position) => [probe, position]));
}

/** Replies so far: what is drawn from one is drawn anew from another. */
let replies = 0;

/** Routes that answer in JSON. */
/** @type {ReadonlySet<import("../types.d.ts").Route>} */
const WORDS = new Set(["run", "events", "findings"]);

/** @type {{[R in keyof Replies]: (body: R extends "run" | "events" | "findings" ? Replies[R] : Container) => Replies[R]}} */
const READERS = {
  run: (info) => info,

  probes(container) {
    const of = (container.arrays.images ? pictures : container.arrays.rows ? rows : container.arrays.series ? signals : passages)(container);
    const position = positions(container);
    return { bytes: container.bytes, of: (probe) => of[position.get(probe) ?? -1] };
  },

  values(container) {
    const steps = take(container, "steps", Int32Array).data;
    const values = take(container, "values", Float32Array);
    const errors = take(container, "errors", Float32Array).data;
    const target = take(container, "target", Int32Array).data;
    const base = take(container, "base", Float32Array).data;
    const [, n, players] = values.shape;
    const position = positions(container);
    const id = ++replies;
    return {
      bytes: container.bytes,
      scale: container.header.scale ?? null,
      of(probe) {
        const i = position.get(probe);
        if (i === undefined) return undefined;
        return {
          id,
          steps,
          players,
          at(step) {
            const row = indexOf(steps, step) * n + i;
            if (row < 0) return null;
            const from = row * players;
            return {
              values: values.data.subarray(from, from + players),
              errors: errors.subarray(from, from + players),
              target: target[row],
              base: base[row],
            };
          },
        };
      },
    };
  },

  difference(container) {
    const steps = take(container, "steps", Int32Array).data;
    const errors = take(container, "errors", Float32Array);
    const real = take(container, "real", Uint8Array).data;
    const [, n, players] = errors.shape;
    const position = positions(container);
    const rowAt = (/** @type {number} */ probe, /** @type {number} */ step) => indexOf(steps, step) * n + (position.get(probe) ?? -Infinity);
    return {
      bytes: container.bytes,
      at(probe, step) {
        const row = rowAt(probe, step);
        return row < 0 ? null : errors.data.subarray(row * players, (row + 1) * players);
      },
      real(probe, step) {
        const row = rowAt(probe, step);
        return row < 0 ? null : real.subarray(row * players, (row + 1) * players);
      },
    };
  },

  fidelity(container) {
    const steps = take(container, "steps", Int32Array).data;
    const each = take(container, "fidelity", Float32Array);
    const median = take(container, "median", Float32Array).data;
    const measures = container.header.measures ?? [];
    const [, n, count] = each.shape;
    return {
      bytes: container.bytes,
      measures,
      median: (step) => rowOf(median, count, indexOf(steps, step)),
      at: (probe, step) => rowOf(each.data, count, indexOf(steps, step) < 0 ? -1 : indexOf(steps, step) * n + probe),
    };
  },

  interactions(container) {
    const steps = take(container, "steps", Int32Array).data;
    const players = take(container, "players", Int32Array).data;
    const strength = take(container, "strength", Float32Array);
    const [, n, count] = strength.shape;
    const position = positions(container);
    return {
      bytes: container.bytes,
      at(probe, step, most) {
        const row = indexOf(steps, step) * n + (position.get(probe) ?? -Infinity);
        if (row < 0) return [];
        return Array.from({ length: Math.min(most, count) }, (_, pair) => {
          const place = row * count + pair;
          return { players: /** @type {[number, number]} */ ([players[2 * place], players[2 * place + 1]]), strength: strength.data[place] };
        }).filter((pair) => pair.players[0] >= 0 && Number.isFinite(pair.strength));
      },
    };
  },

  pairing(container) {
    return {
      bytes: container.bytes,
      metric: container.header.metric ?? "",
      best: container.header.best ?? null,
      steps: take(container, "steps", Int32Array).data,
      here: take(container, "here", Int32Array).data,
      there: take(container, "there", Int32Array).data,
    };
  },

  outputs(container) {
    const steps = take(container, "steps", Int32Array).data;
    const full = take(container, "full", Float32Array);
    const targets = take(container, "targets", Int32Array);
    const [, n, classes] = full.shape;
    const position = positions(container);
    const place = (/** @type {number} */ probe, /** @type {number} */ step) => indexOf(steps, step) * n + (position.get(probe) ?? -Infinity);
    return {
      bytes: container.bytes,
      classes,
      steps,
      at(probe, step) {
        const row = place(probe, step);
        return row < 0 ? null : full.data.subarray(row * classes, (row + 1) * classes);
      },
      targets(probe, step) {
        const row = place(probe, step);
        return row < 0 ? null : new Set(targets.data.subarray(row * targets.shape[2], (row + 1) * targets.shape[2]).filter((target) => target >= 0));
      },
    };
  },

  answers(container) {
    const steps = take(container, "steps", Int32Array).data;
    const predicted = take(container, "predicted", Int32Array);
    const probability = take(container, "probability", Float32Array).data;
    const label = take(container, "label_probability", Float32Array).data;
    const n = predicted.shape[1];
    return {
      bytes: container.bytes,
      steps,
      at(probe, step) {
        const index = indexOf(steps, step);
        if (index < 0) return null;
        const row = index * n + probe;
        return { predicted: predicted.data[row], probability: probability[row], label: label[row] };
      },
    };
  },

  importance(container) {
    const steps = take(container, "steps", Int32Array).data;
    const each = take(container, "importance", Float32Array);
    return { bytes: container.bytes, steps, at: (step) => rowOf(each.data, each.shape[1], indexOf(steps, step)) };
  },

  drift(container) {
    const drift = spread(container, "drift");
    return { ...drift, floor: table(container, "floor"), floorMedian: take(container, "floor_quartiles", Float32Array).data.subarray(drift.steps.length, 2 * drift.steps.length) };
  },

  share(container) {
    const share = spread(container, "share");
    const onsets = take(container, "onsets", Int32Array).data;
    const before = take(container, "before", Float32Array).data;
    const place = placing(container);
    const errors = table(container, "errors");
    const [shares, positive, pointed] = ["share", "positive", "pointed"].map((name) => take(container, name, Float32Array).data);
    const known = (/** @type {Float32Array} */ each, /** @type {number} */ step) => rowOf(each, share.count, indexOf(share.steps, step))?.filter(Number.isFinite) ?? [];
    const sum = (/** @type {ArrayLike<number>} */ each) => Array.from(each).reduce((total, value) => total + value, 0);
    const [one] = share.count === 1 ? (container.header.probes ?? [0]) : [];
    return {
      ...share,
      mean: take(container, "mean", Float32Array).data,
      counted: (step) => known(shares, step).length,
      // Of one probe there are no quartiles: the band is its error.
      ...(one !== undefined && { lower: share.median.map((value, i) => value - errors(one, share.steps[i])), upper: share.median.map((value, i) => value + errors(one, share.steps[i])) }),
      errors,
      positive(step) {
        const each = known(positive, step);
        return sum(each) / each.length;
      },
      pointed: table(container, "pointed"),
      pointing(step) {
        const each = known(pointed, step);
        return { inside: sum(each), of: each.length };
      },
      onset: container.header.onset ?? null,
      inFew: container.header.in_few === true,
      onsetOf: (probe) => onsets[place(probe)] ?? ABSENT,
      before: (probe) => before[place(probe)] ?? NaN,
      measured: container.header.measured ?? false,
    };
  },

  trust(container) {
    const warnings = take(container, "warnings", Uint8Array);
    const names = container.header.warnings ?? [];
    const steps = take(container, "steps", Int32Array).data;
    const each = Object.fromEntries(["r_squared", "gap", "error", "untrained", "untrained_floor"].map((name) => [name, table(container, name)]));
    return {
      bytes: container.bytes,
      measures: [container.header.r_squared ?? "", container.header.gap ?? ""].filter(Boolean),
      gap: each.gap,
      rSquared: each.r_squared,
      error: each.error,
      untrained: each.untrained,
      untrainedFloor: each.untrained_floor,
      warnings(probe, step) {
        const row = (indexOf(steps, step) * warnings.shape[1] + probe) * names.length;
        return row < 0 ? [] : names.filter((_, i) => warnings.data[row + i]);
      },
    };
  },

  compare(container) {
    const steps = take(container, "steps", Int32Array).data;
    const right = take(container, "right", Uint8Array);
    const spread = take(container, "spread", Float32Array).data;
    const rows = steps.length;
    return {
      id: ++replies,
      bytes: container.bytes,
      steps,
      distance: table(container, "distance"),
      floor: table(container, "floor"),
      bothRight(probe, step) {
        const row = (indexOf(steps, step) * right.shape[1] + probe) * 2;
        return row >= 0 && right.data[row] === 1 && right.data[row + 1] === 1;
      },
      labelled: container.header.labelled === true,
      typical: take(container, "typical", Float32Array).data,
      typicalFloor: take(container, "typical_floor", Float32Array).data,
      lowest: Float32Array.from({ length: rows }, (_, row) => spread[3 * row]),
      highest: Float32Array.from({ length: rows }, (_, row) => spread[3 * row + 2]),
      repeats: container.header.repeats ?? 0,
    };
  },

  events: (found) => found,
  findings: (found) => found,
};

/**
 * Numbers of each probe at each epoch.
 * @param {Container} container
 * @param {string} name
 * @returns {import("../types.d.ts").Table} NaN where there is none
 */
function table(container, name) {
  const steps = take(container, "steps", Int32Array).data;
  const { data, shape } = take(container, name, Float32Array);
  const place = placing(container);
  return (probe, step) => {
    const row = indexOf(steps, step);
    return row < 0 ? NaN : (data[row * shape[1] + place(probe)] ?? NaN);
  };
}

/** @type {(container: Container) => (probe: number) => number} where a probe stands in a row; NaN where it is not in it */
function placing({ header: { probes } }) {
  // Where only some probes were asked for, the reply says which.
  return (probe) => (probes ? (probes.includes(probe) ? probes.indexOf(probe) : NaN) : probe);
}

/** @param {Container} container */
function pictures(container) {
  const images = take(container, "images", Uint8Array);
  const segments = take(container, "segments", Uint16Array);
  const regions = take(container, "regions", Uint8Array);
  const [n, height, width, channels] = images.shape;
  const area = height * width;
  return Array.from({ length: n }, (_, i) => ({
    kind: /** @type {const} */ ("image"),
    width,
    height,
    channels,
    pixels: images.data.subarray(i * area * channels, (i + 1) * area * channels),
    segments: segments.data.subarray(i * area, (i + 1) * area),
    regions: Array.from({ length: regions.shape[0] }, (_, region) => regions.data.subarray((region * n + i) * area, (region * n + i + 1) * area)),
  }));
}

/** @param {Container} container */
function rows(container) {
  const values = take(container, "rows", Float32Array);
  const missing = take(container, "missing", Uint8Array).data;
  const inside = memberships(container);
  const [n, d] = values.shape;
  return Array.from({ length: n }, (_, i) => ({
    kind: /** @type {const} */ ("tabular"),
    values: values.data.subarray(i * d, (i + 1) * d),
    missing: missing.subarray(i * d, (i + 1) * d),
    regions: inside(i),
  }));
}

/** @param {Container} container */
function signals(container) {
  const series = take(container, "series", Float32Array);
  const segments = take(container, "segments", Uint16Array).data;
  const inside = memberships(container);
  const [n, length, channels] = series.shape;
  return Array.from({ length: n }, (_, i) => ({
    kind: /** @type {const} */ ("sequence"),
    length,
    channels,
    series: series.data.subarray(i * length * channels, (i + 1) * length * channels),
    segments: segments.subarray(i * length, (i + 1) * length),
    regions: inside(i),
  }));
}

/** @param {Container} container */
function passages(container) {
  const inside = memberships(container);
  return (container.header.pieces ?? []).map((pieces, i) => ({ kind: /** @type {const} */ ("text"), pieces, regions: inside(i) }));
}

/**
 * The part of each player inside each region, of the i-th probe of a reply.
 * @param {Container} container
 */
function memberships(container) {
  const { data, shape } = take(container, "regions", Float32Array);
  const [, regions, players] = shape;
  const row = (/** @type {number} */ place) => data.subarray(place * players, (place + 1) * players);
  return (/** @type {number} */ i) => Array.from({ length: regions }, (_, region) => row(i * regions + region));
}

/** @type {(data: Float32Array, width: number, row: number) => Float32Array | null} */
function rowOf(data, width, row) {
  return row < 0 ? null : data.subarray(row * width, (row + 1) * width);
}

/**
 * @param {Container} container
 * @param {string} name
 * @returns {import("../types.d.ts").Spread}
 */
function spread(container, name) {
  const steps = take(container, "steps", Int32Array).data;
  const each = take(container, name, Float32Array);
  const quartiles = take(container, "quartiles", Float32Array).data;
  const epochs = steps.length;
  const n = each.shape[1];
  // Where only some probes were asked for, the reply says which.
  const chosen = container.header.probes;
  const place = (/** @type {number} */ probe) => (chosen ? chosen.indexOf(probe) : probe);
  return {
    id: ++replies,
    bytes: container.bytes,
    steps,
    lower: quartiles.subarray(0, epochs),
    median: quartiles.subarray(epochs, 2 * epochs),
    upper: quartiles.subarray(2 * epochs),
    count: n,
    largest: largest(each.data),
    at: table(container, name),
    of: (probe) => Float32Array.from(steps, (_, epoch) => (place(probe) < 0 ? NaN : each.data[epoch * n + place(probe)])),
  };
}

/** Routes whose arrays all begin with the epochs: of a run that grew, only the new ones are fetched. */
/** @type {ReadonlySet<import("../types.d.ts").Route>} */
const GROWING = new Set(["values", "importance", "fidelity", "interactions", "answers", "outputs"]);

/** @type {WeakMap<object, Container>} what each reply was made from */
const containers = new WeakMap();

/** The server did not answer at all; its records may be all right. */
export class Unreachable extends Error {}

/**
 * The last of sorted steps that is no later than another; null where there is none.
 * @param {ArrayLike<number>} steps
 * @param {number} until
 */
function lastUpTo(steps, until) {
  return Array.from(steps).findLast((step) => step <= until) ?? null;
}

/**
 * @param {string} base  address that the routes are relative to
 * @returns {Source}
 */
export function createServerSource(base) {
  /** @type {(route: string, args: Record<string, string>, signal?: AbortSignal) => Promise<Response>} */
  async function request(route, args, signal) {
    const url = new URL(route, base);
    for (const [name, value] of Object.entries(args)) url.searchParams.set(name, value);
    let response;
    try {
      response = await fetch(url, { signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Unreachable("TensorBoard does not answer.");
    }
    if (response.ok) return response;
    // The plugin's own errors are one plain sentence; anything else would be a page of HTML.
    const plain = response.headers.get("content-type")?.startsWith("text/plain");
    const sentence = plain ? (await response.text()).trim() : "";
    throw new Error(sentence || `TensorBoard answered ${response.status} for “${route}”.`);
  }

  return {
    async runs(signal) {
      const { schema, runs } = await (await request("runs", {}, signal)).json();
      if (schema !== 1) throw new Error(`This page speaks version 1 of the server's interface, the server ${schema}: reload the browser.`);
      return runs;
    },
    async get(route, args, signal, before) {
      if (WORDS.has(route)) return READERS[route](await (await request(route, args, signal)).json());
      const known = before && GROWING.has(route) ? containers.get(before.reply) : undefined;
      const until = known ? lastUpTo(known.arrays.steps.data, before?.until ?? -Infinity) : null;
      const response = await request(route, until === null ? args : { ...args, since: String(until) }, signal);
      const fresh = decodeContainer(await response.arrayBuffer());
      const container = known && until !== null ? append(known, until, fresh) : fresh;
      const reply = READERS[route](/** @type {never} */ (container));
      containers.set(reply, container);
      return reply;
    },
  };
}
