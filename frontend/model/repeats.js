/** Runs that repeat one recipe with another seed, drawn as one band: their mean, and how far they spread around it. Pure. */

/** The default pattern of the part of a name that differs between repeats; the server uses the same (judgement/repeats.py). */
export const USUAL = "(?:^|[-_/ .])(?:seed|run|repeat|rep|trial|try|fold)[-_=. ]*[0-9]+(?=$|[-_/ .])";

/** @type {Map<string, RegExp | null>} patterns that were read; null where one can't be */
const read = new Map();

/** @param {string} pattern */
function patternOf(pattern) {
  if (!read.has(pattern)) {
    try {
      read.set(pattern, new RegExp(pattern, "gi"));
    } catch {
      read.set(pattern, null);
    }
  }
  return read.get(pattern);
}

/**
 * A run's name without the last match of the pattern of repeats; null if nothing matches, or if the pattern is invalid.
 * @param {string} name
 * @param {string} pattern  "" for the usual
 */
export function recipe(name, pattern) {
  const known = patternOf(pattern || USUAL);
  const match = known ? [...name.matchAll(known)].filter(([text]) => text).pop() : undefined;
  return match ? name.slice(0, match.index) + name.slice(match.index + match[0].length) || null : null;
}

/**
 * Repeats of one recipe among the runs whose curves are drawn; of runs alone in theirs there is no band.
 * @template {{name: string, letter: string}} T
 * @param {T[]} sides
 * @param {string} pattern
 * @returns {{recipe: string, members: T[]}[]} those with at least two members, of which at least one is neither A nor B
 */
export function groupsOf(sides, pattern) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const side of sides) {
    const of = recipe(side.name, pattern);
    if (of !== null) groups.set(of, [...(groups.get(of) ?? []), side]);
  }
  return [...groups].filter(([, members]) => members.length > 1 && members.some(({ letter }) => letter === "")).map(([name, members]) => ({ recipe: name, members }));
}

/**
 * Mean and standard deviation of several series at each step; where fewer than two have a number there is no spread.
 * @param {(number | null | undefined)[][]} series  all of one length
 * @returns {{mean: (number | null)[], lower: (number | null)[], upper: (number | null)[]}}
 */
export function meanAndSpread(series) {
  /** @type {ReturnType<typeof meanAndSpread>} */
  const bands = { mean: [], lower: [], upper: [] };
  for (let i = 0; i < (series[0]?.length ?? 0); i++) {
    const values = series.flatMap((one) => (typeof one[i] === "number" ? [Number(one[i])] : []));
    const mean = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
    const spread = mean === null || values.length < 2 ? null : Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
    bands.mean.push(mean);
    bands.lower.push(mean === null || spread === null ? null : mean - spread);
    bands.upper.push(mean === null || spread === null ? null : mean + spread);
  }
  return bands;
}
