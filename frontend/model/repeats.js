/** Runs that repeat one recipe with another seed, drawn as one band: their mean, and how far they spread around it. Pure. */

/**
 * Repeats of one recipe among the runs whose curves are drawn; of runs alone in theirs there is no band.
 * @template {{run: string, letter: string}} T
 * @param {T[]} sides
 * @param {import("../types.d.ts").Repeats["groups"]} groups  as the server found them
 * @returns {{recipe: string, members: T[]}[]} those with at least two members, of which at least one is neither A nor B
 */
export function groupsOf(sides, groups) {
  return groups
    .map(({ recipe, runs }) => ({ recipe, members: sides.filter(({ run }) => runs.includes(run)) }))
    .filter(({ members }) => members.length > 1 && members.some(({ letter }) => letter === ""));
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
