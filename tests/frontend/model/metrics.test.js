import assert from "node:assert/strict";
import test from "node:test";

import { bestEpoch, lossOf, metricName, metrics } from "../../../frontend/model/metrics.js";

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

test("of a model with several outputs, the metrics of the explained one come first", () => {
  const keys = ["loss", "age_loss", "age_mae", "sex_accuracy", "sex_loss", "val_sex_accuracy"];
  assert.equal(metrics(keys, "age")[0], "age_mae");
  assert.equal(metrics(keys, "sex")[0], "sex_accuracy");
  assert.equal(metrics(keys, "height")[0], "sex_accuracy", "an output without metrics of its own");
  assert.equal(metrics(keys, 1)[0], "sex_accuracy");
});

test("where nothing is called loss, the first that sounds like one is drawn, and is no metric then", () => {
  assert.equal(lossOf(["accuracy", "val_loss"]), "loss");
  assert.equal(lossOf(["d_loss", "g_loss"]), "d_loss");
  assert.deepEqual(metrics(["d_loss", "g_loss"]), ["g_loss"]);
  assert.equal(lossOf(["accuracy"]), undefined);
});

test("without metrics there is none", () => {
  assert.deepEqual(metrics(["loss"]), []);
  assert.equal(metricName("mean_absolute_error"), "mean absolute error");
});

test("the best epoch has the largest accuracy or the smallest loss; epochs without a number never win", () => {
  assert.equal(bestEpoch([0, 1, 4], [0.5, 0.9, null], "val_accuracy"), 1);
  assert.equal(bestEpoch([0, 1, 4], [0.5, NaN, 0.2], "val_loss"), 4);
  assert.equal(bestEpoch([0, 1], [null, null], "val_loss"), null);
  for (const less of ["val_binary_crossentropy", "kullback_leibler_divergence", "hinge", "val_mape", "false_positives", "val_perplexity", "wer", "val_ece"]) assert.equal(bestEpoch([0, 1], [3, 2], less), 1, less);
  for (const more of ["val_auc", "precision", "true_positives", "r2", "answer", "piece_recall"]) assert.equal(bestEpoch([0, 1], [3, 2], more), 0, more);
  assert.equal(bestEpoch([0, 1, 2], [0.9, 0.9, 0.1], "val_accuracy"), 0);
  assert.equal(bestEpoch([0, 1, 2, 3], [0.5, 0.9, 0.9, 0.9], "val_accuracy", [0.1, null, 0.4, 0.4]), 2, "of equals the smallest loss");
});
