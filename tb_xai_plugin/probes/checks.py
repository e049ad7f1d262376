"""Checks that all kinds of probes share. `who` is the class that checks; every message begins with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np


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


# The longest unit, which stands beside numbers where there is little room.
LONGEST_UNIT = 24


def unit_of(who: str, given: object) -> str | None:
    """The unit of a regression's outputs, without spaces around it."""
    if given is None:
        return None
    if not isinstance(given, str):
        raise TypeError(f"{who}: unit is {given!r}; give a short string, e.g. unit='€/m²'.")
    unit = given.strip()
    if not unit or len(unit) > LONGEST_UNIT or not unit.isprintable():
        raise ValueError(f"{who}: unit is {given[:40]!r}; give 1 to {LONGEST_UNIT} characters that can be printed, e.g. unit='€/m²'.")
    return unit


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
