"""Labels: what the user gave is kept as it is, and the head of the model decides how it is read.

One and the same array may be class numbers, sets of labels, or the true values of a regression. Before a model is known, the likeliest reading
is used, and only what is wrong for every model is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes.arguments import Labels

# A label counts as true from this probability on, and as given from this fraction on.
HALF = 0.5

# Rows of shares sum to 1 up to this much, the precision of float16.
SUM = 5e-3


@dataclass(frozen=True)
class Reading:
    """Labels as they are read. At most one of the first three is not None.

    Attributes:
        labels: int64 (n,) true classes.
        truth: float64 (n, outputs) true values of a regression.
        label_sets: bool (n, classes), whether each label is true, where a probe may have several labels or none.
        fractions: float64 (n, columns), the fractions from which labels or label sets were read.
        said: a sentence about this reading that the user should know; "" where there is nothing to say.
    """

    labels: np.ndarray | None = None
    truth: np.ndarray | None = None
    label_sets: np.ndarray | None = None
    fractions: np.ndarray | None = None
    said: str = ""

    def to_json(self) -> dict[str, Any]:
        """The content of the record. Keys that came after 0.1.0 are there only where they are needed; `label_sets` has the numbers of the true labels."""
        arrays = {"labels": self.labels, "truth": self.truth}
        known = {name: None if array is None else array.tolist() for name, array in arrays.items()}
        if self.label_sets is not None:
            known["label_sets"] = [np.flatnonzero(row).tolist() for row in self.label_sets]
            known["label_columns"] = self.label_sets.shape[1]
        if self.fractions is not None:
            known["label_fractions"] = self.fractions.tolist()
        return known

    @classmethod
    def from_json(cls, known: Any) -> Reading:
        """What `to_json` was called on."""
        dtypes = {"labels": np.int64, "truth": np.float64, "label_fractions": np.float64}
        arrays = {name: None if known.get(name) is None else np.array(known[name], dtype=dtype) for name, dtype in dtypes.items()}
        return cls(arrays["labels"], arrays["truth"], label_sets_in(known), arrays["label_fractions"])


def label_sets_in(known: Any) -> np.ndarray | None:
    """bool (n, classes), the label sets of a record's "probes"; None where it has none."""
    if known.get("label_sets") is None:
        return None
    sets = np.zeros((len(known["label_sets"]), known["label_columns"]), dtype=bool)
    for row, numbers in zip(sets, known["label_sets"], strict=True):
        row[numbers] = True
    return sets


@dataclass(frozen=True)
class GivenLabels:
    """Labels as they were given, with what is wrong for every model refused.

    Attributes:
        who: the class that was given them; every message begins with it.
        numbers: float64 (n,) or (n, columns), columns > 1.
        words: whether they were names of classes.
        unknown_words: the names, where nothing tells the numbers of their classes yet; `numbers` is then empty.
    """

    who: str
    numbers: np.ndarray
    words: bool = False
    unknown_words: tuple[str, ...] = ()

    @classmethod
    def of(cls, who: str, labels: Labels | None, n: int, class_names: list[str] | None) -> GivenLabels | None:
        """Check labels of n probes; None where there are none.

        Raises:
            ValueError: labels that no model can have.
        """
        if labels is None:
            return None
        if _of_several_outputs(labels, n):
            raise ValueError(
                f"{who}: labels are several sets of labels; give one probe set with its own labels for each output, {{name of the output: probes}}, to one "
                "ExplanationLogger."
            )
        try:
            given: np.ndarray = np.asarray(labels)
        except ValueError as error:
            raise ValueError(
                f"{who}: labels are rows of different lengths; give one class number per probe, or a matrix of 0 and 1 with one column per class."
            ) from error
        words = given.dtype.kind in "UO" and given.size > 0 and all(isinstance(label, str) for label in given.ravel().tolist())
        if given.ndim > 1 and given[:1].size == 1:
            given = given.reshape(len(given))
        if given.ndim not in (1, 2) or len(given) != n or not given.size:
            raise ValueError(
                f"{who}: labels has shape {given.shape} for {n} probes; give one class number, one row of 0 and 1, or the true values of a regression "
                "per probe."
            )
        if words and class_names is None and given.ndim == 1:
            return cls(who, np.zeros(0), words, tuple(given.tolist()))  # the model may know the classes
        numbers = _numbers_of(who, given, class_names) if words else _finite(who, given)
        if numbers.ndim == 1 and class_names is not None and len(class_names) > 1 and _whole(numbers):
            # One number per probe and several names: classes, whatever the model.
            for wrong in numbers[(numbers < 0) | (numbers >= len(class_names))].tolist()[:1]:
                raise ValueError(
                    f"{who}: label {wrong:g} has no name among {len(class_names)} class_names; give one name per class, from class 0."
                )
        return cls(who, numbers, words)

    @classmethod
    def recorded(cls, who: str, reading: Reading) -> GivenLabels | None:
        """Labels from which a recorded reading follows; None where there are none."""
        known = [array for array in (reading.fractions, reading.label_sets, reading.truth, reading.labels) if array is not None]
        if not known:
            return None
        numbers = known[0].astype(np.float64)
        return cls(who, numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers)

    def unread(self) -> Reading:
        """The likeliest reading, before the model is known."""
        if self.unknown_words:
            return Reading()
        numbers = self.numbers
        if numbers.ndim == 1:
            return _classes(numbers) if _whole(numbers) and numbers.min() >= 0 else Reading(truth=numbers[:, None])
        binary, shares = _binary(numbers), _shares(numbers)
        if shares:
            return Reading(labels=numbers.argmax(axis=1), fractions=None if binary else numbers)
        return Reading(label_sets=numbers == 1) if binary else Reading(truth=numbers)

    def read_by(self, kind: str, columns: int) -> Reading:
        """Read the labels as a model with this head does.

        Args:
            kind: "softmax" | "logits" | "sigmoid" | "sigmoid logits" | "regression".
            columns: number of the model's outputs.

        Raises:
            ValueError: labels that do not fit the head, in one sentence.
        """
        if self.unknown_words:
            raise self._refusal(
                f"label {self.unknown_words[0]!r} is a word, and neither class_names nor the model (its classes_) tell which class it is; give class numbers, or "
                "class_names that contain every label"
            )
        if kind == "regression":
            return self._of_regression(columns)
        if kind in ("softmax", "logits"):
            return self._of_exclusive(columns, "probabilities" if kind == "softmax" else "logits")
        return self._of_one_sigmoid() if columns == 1 else self._of_sigmoids(columns)

    def _of_regression(self, columns: int) -> Reading:
        numbers, outputs = self.numbers, f"{columns} output{'s' if columns > 1 else ''} of a regression"
        if self.words or (numbers.ndim == 1 < columns and _whole(numbers) and numbers.min() >= 0):
            said = f"labels are classes, but the model has {outputs}: they are shown with the probes, and nothing is right or wrong"
            return Reading(labels=numbers.astype(np.int64), said=said)
        truth = numbers.reshape(len(numbers), -1)
        if truth.shape[1] == columns:
            return Reading(truth=truth)
        chosen = ", or choose one output with model_output=lambda outputs: outputs[:, :1]" if truth.shape[1] == 1 else ""
        what = f"are {_per_probe(numbers)}" if truth.shape[1] == 1 else f"has shape {numbers.shape}"
        raise self._refusal(
            f"labels {what}, but the model has {outputs}; give one number for each output, shape ({len(numbers)}, {columns}){chosen}"
        )

    def _of_exclusive(self, columns: int, outputs: str) -> Reading:
        """outputs: the option `head` that takes the model's outputs one by one."""
        numbers = self.numbers
        if numbers.ndim == 1:
            return self._class_numbers(columns)
        self._check_columns(columns)
        self._check_fractions(columns)
        if not _binary(numbers):
            return Reading(
                labels=numbers.argmax(axis=1), fractions=numbers, said=_said("the class with the largest fraction is the label of a probe")
            )
        several = np.flatnonzero(numbers.sum(axis=1) != 1)
        if len(several):
            count = int(numbers[several[0]].sum())
            raise self._refusal(
                f"labels are not one-hot: probe {several[0]} has {count or 'no'} label{'s' if count != 1 else ''}, but the model's {columns} classes "
                f"exclude each other; give one class number per probe, or head={outputs!r} if each output is a label of its own"
            )
        return Reading(labels=numbers.argmax(axis=1))

    def _of_one_sigmoid(self) -> Reading:
        numbers = self.numbers
        if numbers.ndim == 2:
            if numbers.shape[1] != 2 or not _shares(numbers):
                raise self._refusal(
                    f"labels has shape {numbers.shape}, but the model has one output, the probability of class 1; give 0 or 1 for each probe"
                )
            numbers = numbers[:, 1]
        wrong = numbers[(numbers < 0) | (numbers > 1)]
        if len(wrong):
            raise self._refusal(
                f"label {wrong[0]:g} is out of range: the model has 2 classes and one output, the probability of class 1; give labels 0 and 1, or "
                "head='regression' if this output is a number and no probability"
            )
        labels = (numbers >= HALF).astype(np.int64)
        if _whole(numbers):
            return Reading(labels=labels)
        said = _said(f"a probe is of class 1 where its fraction is at least {HALF}")
        return Reading(labels=labels, fractions=numbers[:, None], said=said)

    def _of_sigmoids(self, columns: int) -> Reading:
        numbers = self.numbers
        if numbers.ndim == 1:
            return self._class_numbers(columns)
        self._check_columns(columns)
        self._check_fractions(columns)
        sets = numbers >= HALF
        if _binary(numbers):
            return Reading(label_sets=sets)
        return Reading(label_sets=sets, fractions=numbers, said=_said(f"a label is true where its fraction is at least {HALF}"))

    def _class_numbers(self, columns: int) -> Reading:
        """Class numbers (n,), held against the classes of the model."""
        numbers = self.numbers
        if not _whole(numbers):
            raise self._refusal(
                f"labels are {_per_probe(numbers)}, but the model has {columns} classes; give class numbers, or one row of {columns} fractions per probe"
            )
        wrong = numbers[(numbers < 0) | (numbers >= columns)]
        if len(wrong):
            raise self._refusal(
                f"label {wrong[wrong.argmax()]:g} is out of range: the model has {columns} classes; give labels from 0 to {columns - 1}"
            )
        return _classes(numbers)

    def _check_columns(self, columns: int) -> None:
        if self.numbers.shape[1] != columns:
            raise self._refusal(
                f"labels has shape {self.numbers.shape}, but the model has {columns} classes; give class numbers, or rows with {columns} columns"
            )

    def _check_fractions(self, columns: int) -> None:
        low, high = self.numbers.min(), self.numbers.max()
        if low < 0 or high > 1:
            raise self._refusal(
                f"labels are numbers from {low:g} to {high:g}, but the model has {columns} classes; give class numbers or rows of 0 and 1, or "
                "head='regression' if the outputs are numbers and no classes"
            )

    def _refusal(self, sentence: str) -> ValueError:
        return ValueError(f"{self.who}: {sentence}.")


def wanted_classes(
    labels: np.ndarray | None, label_sets: np.ndarray | None, outputs: np.ndarray, targets: Sequence[int] | None = None, *, regression: bool
) -> np.ndarray:
    """The class of each probe that "label" means.

    It is the true class; of several true labels, the first one that is explained; without a label, the class that the model finds likeliest (of
    the explained ones, where probes have sets of labels); of a regression, the first explained output.

    Args:
        labels: (n,) true classes, or None.
        label_sets: bool (n, classes), or None.
        outputs: (…, n, classes) probabilities.
        targets: the numbers of the explained classes, where they are the same for all probes; else None.
        regression: whether the model is a regression.

    Returns:
        int (…, n), -1 where there is neither a label nor an output that is a number.
    """
    if regression:
        return np.full(outputs.shape[:-1], min(targets) if targets else 0)
    if labels is not None:
        return np.broadcast_to(labels, outputs.shape[:-1])
    invalid = ~np.isfinite(outputs).all(axis=-1)
    if label_sets is None:
        return np.where(invalid, -1, np.nan_to_num(outputs).argmax(axis=-1))
    explained = np.arange(label_sets.shape[1]) if targets is None else np.sort(targets)
    likeliest = np.where(invalid, -1, explained[np.nan_to_num(outputs[..., explained]).argmax(axis=-1)])
    sets = label_sets[:, explained]
    return np.where(sets.any(axis=1), explained[sets.argmax(axis=1)], likeliest)


def right_labels(label_sets: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many labels of each probe are right, int (…, n), and the mean probability that the model gives to what is true, (…, n).

    A label is right where its probability is at least HALF if it is true, and below HALF if it is not. Both are of outputs that are numbers.

    label_sets: bool (n, classes); outputs: (…, n, classes) probabilities.
    """
    return ((outputs >= HALF) == label_sets).sum(axis=-1), np.where(label_sets, outputs, 1 - outputs).mean(axis=-1)


def _classes(numbers: np.ndarray) -> Reading:
    return Reading(labels=numbers.astype(np.int64))


def _whole(numbers: np.ndarray) -> bool:
    return bool((numbers == np.floor(numbers)).all())


def _binary(numbers: np.ndarray) -> bool:
    return bool(((numbers == 0) | (numbers == 1)).all())


def _shares(numbers: np.ndarray) -> bool:
    """Whether rows are one-hot, or shares that sum to 1."""
    return bool((numbers >= 0).all() and (np.abs(numbers.sum(axis=1) - 1) <= SUM).all())


def _per_probe(numbers: np.ndarray) -> str:
    return "1 number per probe" if _whole(numbers) else "1 fraction per probe"


def _said(how: str) -> str:
    return f"labels are fractions: {how}, and the fractions are kept in the record"


def _finite(who: str, given: np.ndarray) -> np.ndarray:
    """Numbers as float64."""
    try:
        numbers = given.astype(np.float64) if given.dtype.kind in "fiubO" else None
    except (ValueError, TypeError):  # an array of objects with words or missing values among them
        numbers = None
    if numbers is None:
        wrong = next((label for label in given.ravel().tolist() if not isinstance(label, int | float)), given.ravel()[0])
        raise ValueError(f"{who}: labels have {wrong!r} among them; give numbers, or names of classes for all probes.")
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        probe = int(bad[0][0])
        raise ValueError(
            f"{who}: labels are not finite: that of probe {probe} is {numbers[tuple(bad[0])]:g}; give a number for every probe."
        )
    return numbers


def _of_several_outputs(labels: Any, n: int) -> bool:
    """Whether labels are those of several outputs: a dict, or a list of as many arrays, as `fit` takes them."""
    if isinstance(labels, Mapping):
        return True
    return isinstance(labels, list | tuple) and len(labels) != n and all(np.shape(part)[:1] == (n,) for part in labels)


def _numbers_of(who: str, given: np.ndarray, class_names: list[str] | None) -> np.ndarray:
    """Class numbers from names of classes."""
    if given.ndim != 1:
        raise ValueError(
            f"{who}: labels are words of shape {given.shape}; give one name per probe, or a matrix of 0 and 1 with one column per class."
        )
    labels = given.tolist()
    unknown = [label for label in labels if label not in (class_names or [])]
    if unknown:
        reason = f"not among class_names {class_names[:20]}" if class_names else "a word, and there are no class_names"
        raise ValueError(f"{who}: label {unknown[0]!r} is {reason}; give class numbers, or class_names that contain every label.")
    assert class_names is not None
    return np.array([class_names.index(label) for label in labels], dtype=np.float64)
