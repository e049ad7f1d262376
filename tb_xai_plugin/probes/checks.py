"""Checks that all kinds of probes share; who asks is the first word of every sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np


def names_of(who: str, names: Sequence[str] | None, what: str, count: int | None, things: str = "probes") -> list[str] | None:
    """A list of str. count: how many there must be; None for any. things: what is counted."""
    if names is None:
        return None
    if isinstance(names, Mapping) and sorted(names) == list(range(len(names))):  # {class number: name}, as many data sets have it
        names = [names[number] for number in range(len(names))]
    if isinstance(names, str | Mapping) or not isinstance(names, Iterable):
        raise TypeError(f"{who}: {what} is {names!r}; give a list of names.")
    names = [str(name) for name in names]
    if count is not None and len(names) != count:
        raise ValueError(f"{who}: {what} has {len(names)} entries for {count} {things}; give one name each.")
    return names


def labels_or_truth(who: str, labels: Any, n: int, class_names: list[str] | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Class numbers, int64 (n,); or, of fractions, what a regression should answer, float64 (n, outputs). None for what they are not."""
    numbers = None if labels is None else np.asarray(labels)
    if numbers is not None and numbers.dtype.kind == "f" and numbers.ndim in (1, 2) and len(numbers) == n and np.isfinite(numbers).all():
        columns = numbers.reshape(n, -1).astype(np.float64)
        # Rows that sum to 1 are one-hot, or were meant to be.
        soft = columns.shape[1] > 1 and np.allclose(columns.sum(axis=1), 1)
        if not soft and (columns != np.floor(columns)).any():
            return None, columns
    return class_numbers(who, labels, n, class_names), None


def class_numbers(who: str, labels: Any, n: int, class_names: list[str] | None) -> np.ndarray | None:
    """Class numbers, int64 (n,), from class numbers or one-hot rows."""
    if labels is None:
        return None
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind in "UO" and labels.ndim == 1 and all(isinstance(label, str) for label in labels.tolist()):
        labels = _numbers_of(who, labels.tolist(), class_names)
    if labels.ndim not in (1, 2) or len(labels) != n:
        raise ValueError(f"{who}: labels has shape {labels.shape} for {n} probes; give one class number, or one one-hot row, each.")
    if labels.ndim == 2:
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise ValueError(f"{who}: labels has shape {labels.shape} but its rows are not one-hot; give class numbers or one-hot rows.")
        labels = labels.argmax(axis=1)
    if labels.dtype.kind not in "fiub" or not np.isfinite(labels).all() or (labels != np.floor(labels)).any():
        raise ValueError(f"{who}: labels are not whole numbers; give class numbers, or the finite numbers that a regression should answer.")
    labels = labels.astype(np.int64)
    if labels.min() < 0:
        raise ValueError(f"{who}: label {labels.min()} is below 0; give class numbers from 0.")
    if class_names is not None and labels.max() >= len(class_names):
        raise ValueError(f"{who}: label {labels.max()} has no name among {len(class_names)} class_names; give one name a class.")
    return labels


def _numbers_of(who: str, labels: list[str], class_names: list[str] | None) -> np.ndarray:
    """Class numbers of names of classes."""
    unknown = [label for label in labels if label not in (class_names or [])]
    if unknown:
        among = f"none of class_names, {class_names[:20]}" if class_names else "a word"
        raise ValueError(f"{who}: label {unknown[0]!r} is {among}; give class numbers, or class_names that have all labels.")
    assert class_names is not None
    return np.array([class_names.index(label) for label in labels])


def mapping(who: str, what: str, given: Mapping[str, Any] | None, example: str) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{who}: {what} is {type(given).__name__}; give {example}.")
    return given or {}


def optional_callable(who: str, what: str, given: Any, does: str) -> Callable[..., Any] | None:
    if given is not None and not callable(given):
        raise TypeError(f"{who}: {what} is {type(given).__name__}; give a callable that {does}.")
    return given


# Of the range of some numbers: what float32 may lose of them, as rounding.
MOST_LOST = 1e-4


def merged(values: np.ndarray) -> tuple[float, float] | None:
    """Two different numbers, if there are some, that are one in float32, though they are apart by more than MOST_LOST of the whole range.

    values: float64, finite.
    """
    distinct = np.unique(values)
    single = distinct.astype(np.float32)
    same = np.flatnonzero(single[1:] == single[:-1])
    low, high = distinct[same], distinct[same + 1]
    apart = high - low > MOST_LOST * (distinct[-1] - distinct[0])
    return (float(low[apart][0]), float(high[apart][0])) if apart.any() else None
