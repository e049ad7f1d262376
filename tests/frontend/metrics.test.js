import assert from "node:assert/strict";
import test from "node:test";

import { metricName, metrics } from "../../frontend/metrics.js";

test("accuracy comes first under any of Keras's names, the learning rate last, the loss has its own chart", () => {
  assert.deepEqual(metrics(["loss", "val_loss", "learning_rate", "f1_score", "val_sparse_categorical_accuracy", "sparse_categorical_accuracy"]), [
    "sparse_categorical_accuracy",
    "f1_score",
    "learning_rate",
  ]);
});

test("a metric that is logged for validation only is there once", () => {
  assert.deepEqual(metrics(["val_auc", "loss"]), ["auc"]);
});

test("without metrics there is none", () => {
  assert.deepEqual(metrics(["loss"]), []);
  assert.equal(metricName("mean_absolute_error"), "mean absolute error");
});
