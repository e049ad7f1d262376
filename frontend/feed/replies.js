/** Turns each reply of the server into typed arrays with lookup functions. */

import { ABSENT } from "../model/cursor.js";
import { indexOf } from "../model/series.js";
import { contentsOf } from "./contents.js";
import { nextId, placing, positions, rowOf, spread, table, take } from "./tables.js";

/** @typedef {import("../types.d.ts").Container} Container */
/** @typedef {import("../types.d.ts").Replies} Replies */

/** @type {{[R in keyof Replies]: (body: R extends "run" | "events" | "findings" | "repeats" ? Replies[R] : Container) => Replies[R]}} */
export const READERS = {
  run: (info) => info,

  probes(container) {
    const of = contentsOf(container);
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
    const id = nextId();
    return {
      bytes: container.bytes,
      scale: container.header.scale ?? null,
      largest: container.header.largest ?? null,
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
    const values = take(container, "fidelity", Float32Array);
    const median = take(container, "median", Float32Array).data;
    const measures = container.header.measures ?? [];
    const [, n, count] = values.shape;
    return {
      bytes: container.bytes,
      measures,
      median: (step) => rowOf(median, count, indexOf(steps, step)),
      at: (probe, step) => rowOf(values.data, count, indexOf(steps, step) < 0 ? -1 : indexOf(steps, step) * n + probe),
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
    const [right, set] = ["right_labels", "predicted_set"].map((name) => (name in container.arrays ? take(container, name, Int32Array).data : null));
    const n = predicted.shape[1];
    return {
      bytes: container.bytes,
      steps,
      at(probe, step) {
        const index = indexOf(steps, step);
        if (index < 0) return null;
        const row = index * n + probe;
        return { predicted: predicted.data[row], probability: probability[row], label: label[row], ...(right && set && { right: right[row], set: set[row] }) };
      },
    };
  },

  importance(container) {
    const steps = take(container, "steps", Int32Array).data;
    const values = take(container, "importance", Float32Array);
    return { bytes: container.bytes, steps, at: (step) => rowOf(values.data, values.shape[1], indexOf(steps, step)) };
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
    const known = (/** @type {Float32Array} */ values, /** @type {number} */ step) => rowOf(values, share.count, indexOf(share.steps, step))?.filter(Number.isFinite) ?? [];
    const sum = (/** @type {ArrayLike<number>} */ values) => Array.from(values).reduce((total, value) => total + value, 0);
    const inside = container.arrays.inside ? take(container, "inside", Uint8Array) : null;
    const [one] = share.count === 1 ? (container.header.probes ?? [0]) : [];
    return {
      ...share,
      mean: take(container, "mean", Float32Array).data,
      counted: (step) => known(shares, step).length,
      // One probe has no quartiles: the band is its standard error.
      ...(one !== undefined && { lower: share.median.map((value, i) => value - errors(one, share.steps[i])), upper: share.median.map((value, i) => value + errors(one, share.steps[i])) }),
      errors,
      positive(step) {
        const values = known(positive, step);
        return sum(values) / values.length;
      },
      pointed: table(container, "pointed"),
      pointing(step) {
        const values = known(pointed, step);
        return { inside: sum(values), of: values.length };
      },
      onset: container.header.onset ?? null,
      inFew: container.header.in_few === true,
      onsetOf: (probe) => onsets[place(probe)] ?? ABSENT,
      before: (probe) => before[place(probe)] ?? NaN,
      measured: container.header.measured ?? false,
      own: ownSize(take(container, "own", Float32Array).data),
      whole: container.header.of ?? "",
      inside: (probe, player) => Boolean(inside && place(probe) >= 0 && player < inside.shape[1] && inside.data[place(probe) * inside.shape[1] + player]),
      unknown: container.header.unknown ?? [],
    };
  },

  trust(container) {
    const warnings = take(container, "warnings", Uint8Array);
    const names = container.header.warnings ?? [];
    const steps = take(container, "steps", Int32Array).data;
    const tables = Object.fromEntries(["r_squared", "gap", "error", "untrained", "untrained_floor"].map((name) => [name, table(container, name)]));
    return {
      bytes: container.bytes,
      measures: [container.header.r_squared ?? "", container.header.gap ?? ""].filter(Boolean),
      gap: tables.gap,
      rSquared: tables.r_squared,
      error: tables.error,
      untrained: tables.untrained,
      untrainedFloor: tables.untrained_floor,
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
      id: nextId(),
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

  events: (body) => body,
  findings: (body) => body,
  repeats: (body) => body,
};

/** @type {(sizes: Float32Array) => number} the mean over probes that have a part of a region */
function ownSize(sizes) {
  const known = sizes.filter(Number.isFinite);
  return known.reduce((sum, size) => sum + size, 0) / known.length;
}
