"""The predictions of a record: which class the model finds likeliest, and how many labels are right."""

from __future__ import annotations

import numpy as np

from tb_xai_plugin.probes.labels import HALF, right_labels, wanted_classes
from tb_xai_plugin.records.record import Record, array_of


class Predictions(Record):
    """A record with its predictions, aligned with all explained steps, `all_steps`."""

    def predicted(self) -> np.ndarray:
        """int32 (all_steps, probes): the class with the largest probability; of a regression, its first explained output; -1 where the output is not a number."""
        return self.answers()["predicted"]

    def answers(self) -> dict[str, np.ndarray]:
        """The model's predictions, without the probabilities of all classes: {name: (all_steps, probes)}.

        "predicted", int32, as `predicted`; "probability" of that class (of a regression, the output) and "label_probability", of the true
        class, both float32 and NaN where there is none. Where probes have sets of labels, "label_probability" is the mean over labels of the
        probability of what is true; "right_labels", int32, is the number of labels that are right, -1 where the output is not a number; and
        "predicted_set", int32, is a hash of which labels are predicted: equal where they are the same.
        """
        return {name: array for name, array in self._predictions().items() if name != "label"}

    def _predictions(self) -> dict[str, np.ndarray]:
        """`answers`, and for sets of labels "label", int32, the class that "label" means in `wanted_class`."""
        with self._lock, self._damage():
            if "predictions/predicted" not in self._arrays:
                self._arrays |= {f"predictions/{name}": array for name, array in self._read_predictions().items()}
            names = ("predicted", "probability", "label_probability", "label", "right_labels", "predicted_set")
            return {name: self._arrays[f"predictions/{name}"] for name in names if f"predictions/{name}" in self._arrays}

    def _read_predictions(self) -> dict[str, np.ndarray]:
        shape = (len(self._explained), self.record["shape"]["probes"])
        labels, sets = (self.record["probes"]["labels"], self.label_sets) if self.labelled else (None, None)
        numbers = ("predicted", *("label", "right_labels", "predicted_set") * (sets is not None))
        arrays = {name: np.full(shape, -1, dtype=np.int32) for name in numbers}
        arrays |= {name: np.full(shape, np.nan, dtype=np.float32) for name in ("probability", "label_probability")}
        first = min(self.record["targets"] or [0])
        for _, probes, read in self._blocks(["outputs"]):
            counting = self._counting(read["outputs"])
            if not counting:
                continue
            places, full = list(counting), np.stack([array_of(datum)[:, 0] for datum in counting.values()])
            invalid = np.isnan(full).any(axis=-1)
            predicted = np.where(invalid, -1, first if self.settings["regression"] else np.nan_to_num(full).argmax(axis=-1))
            arrays["predicted"][places, probes] = predicted
            arrays["probability"][places, probes] = np.take_along_axis(full, np.maximum(predicted, 0)[..., None], axis=2)[..., 0]
            if labels is not None:
                arrays["label_probability"][places, probes] = full[:, np.arange(full.shape[1]), labels[probes]]
            elif sets is not None:
                right, arrays["label_probability"][places, probes] = right_labels(sets[probes], full)
                arrays["right_labels"][places, probes] = np.where(invalid, -1, right)
                arrays["predicted_set"][places, probes] = _set_hash(full >= HALF)
                arrays["label"][places, probes] = wanted_classes(None, sets[probes], full, self.record["targets"], regression=False)
        return arrays


def _set_hash(sets: np.ndarray) -> np.ndarray:
    """int (…,): sums of fixed random numbers of the members of bool (…, classes), below 2**31."""
    numbers = np.random.default_rng(0).integers(2**31, size=sets.shape[-1])
    return np.asarray((sets @ numbers) % 2**31)
