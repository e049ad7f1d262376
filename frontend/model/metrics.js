/** Which of Keras's epoch logs are drawn. Pure. */

// Keras keeps the name with which a metric was given: accuracy, acc, sparse_categorical_accuracy, …
const PREFERRED = [/acc/i, /auc|f1|precision|recall|iou|dice/i, /mae|mse|error|r2/i];
const SETTINGS = /^(lr|learning_rate)$/;

/** @type {(keys: string[]) => string[]} without the `val_` twins */
const untwinned = (keys) => [...new Set(keys.map((key) => key.replace(/^val_/, "")))];

/**
 * The loss that is drawn: where a loop of the user's own logs none of that name, the first that is called one.
 * @param {string[]} keys  of all runs' logs
 * @returns {string | undefined} without `val_`
 */
export function lossOf(keys) {
  const names = untwinned(keys);
  return names.includes("loss") ? "loss" : names.find((name) => /loss/i.test(name));
}

/**
 * Metrics other than the loss that is drawn; the one people look at first comes first, and those of the explained output before those of others.
 * @param {string[]} keys  of all runs' logs
 * @param {string | number} [output]  of several that the model has, the one that is explained
 * @returns {string[]} without the `val_` twins
 */
export function metrics(keys, output) {
  const names = untwinned(keys).filter((name) => name !== lossOf(keys));
  const others = (/** @type {string} */ name) => typeof output === "string" && names.some((one) => one.startsWith(`${output}_`)) && !name.startsWith(`${output}_`);
  const rank = (/** @type {string} */ name) => {
    const index = PREFERRED.findIndex((pattern) => pattern.test(name));
    if (SETTINGS.test(name)) return PREFERRED.length + 1;
    return index < 0 ? PREFERRED.length : index;
  };
  return names.sort((x, y) => Number(others(x)) - Number(others(y)) || rank(x) - rank(y));
}

/**
 * A metric's name for people: underscores are spaces.
 * @param {string} name
 */
export function metricName(name) {
  return name.replaceAll("_", " ");
}

/** Metrics for which less is better; the server uses the same list (alignment.py). */
const LESS = /loss|error|mae|mse|mape|msle|entropy|divergence|hinge|poisson|cosh|false_|perplexity|brier|(?:^|_)(?:wer|cer|eer|ece|nll|fid|fpr|fnr)(?:_|$)/i;

/**
 * The epoch with the best number of a metric, of equally good ones that of the smallest loss, then the first; null where there is none.
 * @param {ArrayLike<number>} steps
 * @param {ArrayLike<number | null>} series  aligned with steps
 * @param {string} metric
 * @param {ArrayLike<number | null>} losses  aligned with steps; empty where none were logged
 */
export function bestEpoch(steps, series, metric, losses = []) {
  const sign = LESS.test(metric) ? -1 : 1;
  const loss = (/** @type {number} */ i) => (Number.isFinite(losses[i] ?? NaN) ? Number(losses[i]) : Infinity);
  let best = -1;
  for (let i = 0; i < steps.length; i++) {
    const value = series[i];
    if (value === null || !Number.isFinite(value)) continue;
    const lead = best < 0 ? 1 : sign * (value - Number(series[best]));
    if (lead > 0 || (lead === 0 && loss(i) < loss(best))) best = i;
  }
  return best < 0 ? null : steps[best];
}
