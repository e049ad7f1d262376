"""Checks that all kinds of probes share. `who` is the class that checks; every message begins with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.probes.arguments import Labels


def names_of(who: str, given: object, what: str, count: int | None, things: str = "probes") -> list[str] | None:
    """Names as a list of str, from a list or from {number: name}; None where none are given.

    Args:
        what: the option's name.
        count: how many names there must be; None for any number.
        things: what is named, for the message.
    """
    if given is None:
        return None
    if isinstance(given, Mapping) and sorted(given) == list(range(len(given))):  # {class number: name}, as in many data sets
        given = [given[number] for number in range(len(given))]
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{who}: {what} is {given!r}; give a list of names.")
    names = [str(name) for name in given]
    if count is not None and len(names) != count:
        raise ValueError(f"{who}: {what} has {len(names)} entries for {count} {things}; give one name each.")
    return names


def labels_or_truth(who: str, labels: Labels | None, n: int, class_names: list[str] | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Read labels as classes or, where they are fractions, as the true values of a regression.

    Returns:
        (int64 (n,) class numbers, None), or (None, float64 (n, outputs) true values), or (None, None) where there are no labels.
    """
    numbers = None if labels is None else np.asarray(labels)
    if numbers is not None and numbers.dtype.kind == "f" and numbers.ndim in (1, 2) and len(numbers) == n and np.isfinite(numbers).all():
        columns = numbers.reshape(n, -1).astype(np.float64)
        # Rows that sum to 1 are one-hot, or meant to be.
        soft = columns.shape[1] > 1 and np.allclose(columns.sum(axis=1), 1)
        if not soft and (columns != np.floor(columns)).any():
            return None, columns
    return class_numbers(who, labels, n, class_names), None


def class_numbers(who: str, labels: Labels | None, n: int, class_names: list[str] | None) -> np.ndarray | None:
    """Class numbers, int64 (n,), from class numbers, class names or one-hot rows."""
    if labels is None:
        return None
    given: np.ndarray = np.asarray(labels)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.dtype.kind in "UO" and given.ndim == 1 and all(isinstance(label, str) for label in given.tolist()):
        given = _numbers_of(who, given.tolist(), class_names)
    if given.ndim not in (1, 2) or len(given) != n:
        raise ValueError(f"{who}: labels has shape {given.shape} for {n} probes; give one class number or one one-hot row per probe.")
    if given.ndim == 2:
        if not (np.isin(given, (0, 1)).all() and (given.sum(axis=1) == 1).all()):
            raise ValueError(f"{who}: labels has shape {given.shape} but its rows are not one-hot; give class numbers or one-hot rows.")
        given = given.argmax(axis=1)
    if given.dtype.kind not in "fiub" or not np.isfinite(given).all() or (given != np.floor(given)).any():
        raise ValueError(f"{who}: labels are not whole numbers; give class numbers, or finite numbers as the true values of a regression.")
    numbers: np.ndarray = given.astype(np.int64)
    if numbers.min() < 0:
        raise ValueError(f"{who}: label {numbers.min()} is below 0; give class numbers from 0.")
    if class_names is not None and numbers.max() >= len(class_names):
        raise ValueError(f"{who}: label {numbers.max()} has no name among {len(class_names)} class_names; give one name per class.")
    return numbers


def _numbers_of(who: str, labels: list[str], class_names: list[str] | None) -> np.ndarray:
    """Class numbers from names of classes."""
    unknown = [label for label in labels if label not in (class_names or [])]
    if unknown:
        reason = f"not among class_names {class_names[:20]}" if class_names else "a word, and there are no class_names"
        raise ValueError(f"{who}: label {unknown[0]!r} is {reason}; give class numbers, or class_names that contain every label.")
    assert class_names is not None
    return np.array([class_names.index(label) for label in labels])


def mapping(who: str, what: str, given: object, example: str) -> Mapping[Any, Any]:
    """An option that is a mapping; {} where it is None. example: a valid value, for the message."""
    if given is not None and not isinstance(given, Mapping):
        raise TypeError(f"{who}: {what} is {type(given).__name__}; give {example}.")
    return given or {}


def optional_callable(who: str, what: str, given: object, does: str) -> Callable[..., Any] | None:
    """An option that is a callable or None. does: what the callable must do, for the message."""
    if given is None:
        return None
    if not callable(given):
        raise TypeError(f"{who}: {what} is {type(given).__name__}; give a callable that {does}.")
    function: Callable[..., Any] = given
    return function


# The largest difference that float32 may round away, as a share of the range of the values.
MOST_LOST = 1e-4


def merged(values: np.ndarray) -> tuple[float, float] | None:
    """Two different numbers that float32 cannot tell apart, although they differ by more than MOST_LOST of the range; None if there are none.

    values: float64, finite.
    """
    distinct = np.unique(values)
    single = distinct.astype(np.float32)
    equal = np.flatnonzero(single[1:] == single[:-1])
    low, high = distinct[equal], distinct[equal + 1]
    lost = high - low > MOST_LOST * (distinct[-1] - distinct[0])
    return (float(low[lost][0]), float(high[lost][0])) if lost.any() else None
