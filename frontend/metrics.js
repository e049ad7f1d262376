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
