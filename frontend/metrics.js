/** Which of Keras's epoch logs are drawn. Pure. */

// Keras names the metric as it was asked for: accuracy, acc, sparse_categorical_accuracy, …
const PREFERRED = [/acc/i, /auc|f1|precision|recall|iou|dice/i, /mae|mse|error|r2/i];
const SETTINGS = /^(lr|learning_rate)$/;

/**
 * Metrics other than the loss; the one people look at first comes first.
 * @param {string[]} keys  of all runs' logs
 * @returns {string[]} without the `val_` twins
 */
export function metrics(keys) {
  const names = [...new Set(keys.map((key) => key.replace(/^val_/, "")))].filter((name) => name !== "loss");
  const rank = (/** @type {string} */ name) => {
    const found = PREFERRED.findIndex((pattern) => pattern.test(name));
    if (SETTINGS.test(name)) return PREFERRED.length + 1;
    return found < 0 ? PREFERRED.length : found;
  };
  return names.sort((x, y) => rank(x) - rank(y));
}

/**
 * A metric's name for people: underscores are spaces.
 * @param {string} name
 */
export function metricName(name) {
  return name.replaceAll("_", " ");
}

/** Metrics of which less is better; the server counts with the same (alignment.py). */
const LESS = /loss|error|mae|mse|mape|msle|entropy|divergence|hinge|poisson|cosh|false_/i;

/**
 * The epoch with the best number of a metric; null where there is none.
 * @param {ArrayLike<number>} steps
 * @param {ArrayLike<number | null>} series  aligned with steps
 * @param {string} metric
 */
export function bestEpoch(steps, series, metric) {
  const sign = LESS.test(metric) ? -1 : 1;
  let best = null;
  let top = -Infinity;
  for (let i = 0; i < steps.length; i++) {
    const value = series[i];
    if (value === null || !Number.isFinite(value) || sign * value <= top) continue;
    top = sign * value;
    best = steps[i];
  }
  return best;
}
