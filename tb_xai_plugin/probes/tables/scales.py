"""Columns as numbers, and numbers as values of a column again: whole numbers, truths, times, decimals and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from tb_xai_plugin.probes.tables.libraries import Library, objects

# How many units of a time are in a day; times are numbers of days since the earliest one, which float32 holds well.
PER_DAY = {"D": 1, "h": 24, "m": 1440, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Grid:
    """The numbers that stand for a value of a column: multiples of a step between two bounds.

    Attributes:
        step: the distance between two neighbours, above 0.
        low, high: the bounds.
    """

    step: float
    low: float = -np.inf
    high: float = np.inf

    def nearest(self, numbers: np.ndarray) -> np.ndarray:
        """The nearest numbers of the grid, float64."""
        return np.asarray(np.clip(np.rint(numbers / self.step) * self.step, self.low, self.high))


@dataclass(frozen=True)
class Scale:
    """How the values of a column are numbers.

    Attributes:
        numbers: float64 (rows,), NaN where a value is missing.
        keys: (rows,), equal where the values are, and in the same order as they are; exact, unlike `numbers`.
        back: numbers -> the nearest values, as a column of the table's library in the column's dtype.
        grid: the numbers that stand for a value; None where all do.
        times: whether the numbers are days.
        start: of days, the date and time of 0 in ISO 8601; "" for durations.
    """

    numbers: np.ndarray
    keys: np.ndarray
    back: Callable[[np.ndarray], Any]
    grid: Grid | None = None
    times: bool = False
    start: str = ""


def scale_of(library: Library, column: Any, values: np.ndarray, missing: np.ndarray) -> Scale | None:
    """The scale of a column; None where its values are words. values, missing: its plain values."""
    empty = library.take(column, np.zeros(0, dtype=np.int64))
    kind = values.dtype.kind
    if kind in "biuf":
        numbers = np.where(missing, np.nan, values.astype(np.float64))
        grid = _grid_of(values.dtype)
        return Scale(numbers, values, partial(_numbers_back, library, empty, values.dtype, grid), grid)
    if kind in "mM":
        return _of_times(library, empty, values, missing)
    return _of_objects(library, empty, values, missing)


# Functions of the module, used with `partial`: closures could not be pickled, nor the probes that hold them.
def _numbers_back(library: Library, empty: Any, dtype: np.dtype[Any], grid: Grid | None, given: np.ndarray) -> Any:
    there = given if grid is None else grid.nearest(given)
    return library.like(there >= 0.5 if dtype.kind == "b" else there.astype(dtype), empty)


def _times_back(library: Library, empty: Any, dtype: np.dtype[Any], per_step: float, step: int, earliest: int, given: np.ndarray) -> Any:
    whole = np.rint(given * per_step).astype(np.int64) * step + earliest
    return library.like(whole.view(dtype), empty)


def _objects_back(library: Library, empty: Any, from_number: Callable[[float], Any], given: np.ndarray) -> Any:
    return library.like(objects([from_number(number) for number in given.tolist()]), empty)


def _grid_of(dtype: np.dtype[Any]) -> Grid | None:
    if dtype.kind == "b":
        return Grid(1, 0, 1)
    if dtype.kind == "f":
        return None
    # The largest float that is not above the largest whole number.
    highest = np.iinfo(dtype).max
    return Grid(1, float(np.iinfo(dtype).min), float(highest) if highest < 2**53 else float(np.nextafter(float(highest), 0)))


def _of_times(library: Library, empty: Any, values: np.ndarray, missing: np.ndarray) -> Scale | None:
    unit, count = np.datetime_data(values.dtype)
    if unit not in PER_DAY:
        return None
    per_day = PER_DAY[unit] / count
    keys = values.view(np.int64)
    present = keys[~missing]
    earliest = int(present.min()) if len(present) else 0
    since = np.where(missing, 0, keys - earliest)
    step = max(int(np.gcd.reduce(since)), 1)
    back = partial(_times_back, library, empty, values.dtype, per_day / step, step, earliest)
    start = str(np.int64(earliest).view(values.dtype)) if values.dtype.kind == "M" else ""
    return Scale(np.where(missing, np.nan, since / per_day), keys, back, Grid(step / per_day), times=True, start=start)


def _of_objects(library: Library, empty: Any, values: np.ndarray, missing: np.ndarray) -> Scale | None:
    """The scale of Python objects: numbers of any kind, or times of one kind."""
    present, start = values[~missing].tolist(), ""
    # True is 1, and stays True.
    kinds: dict[type, Any] = {type(value): value for value in present}
    if all(issubclass(kind, Real | Decimal | np.number | np.bool_) for kind in kinds):
        to_number: Callable[[Any], float] = float
        from_number, grid, times = _number_maker(set(kinds))
    elif len(kinds) == 1 and issubclass(next(iter(kinds)), date | timedelta):
        try:
            earliest = min(present)
            to_number = lambda value: (value - earliest) / DAY  # noqa: E731
            distances = {round(to_number(value) * PER_DAY["us"]) for value in present}
        except TypeError:  # some times have a zone, and some have none
            return None
        step = max(int(np.gcd.reduce(list(distances))), 1)
        grid, times = Grid(step / PER_DAY["us"]), True
        from_number = partial(_later, earliest, step)
        start = earliest.isoformat() if isinstance(earliest, date) else ""
    else:
        return None
    numbers = np.full(len(values), np.nan)
    numbers[~missing] = [to_number(value) for value in present]
    known = {(type(value), value): number for value, number in zip(present, numbers[~missing].tolist(), strict=True)}
    ranks = {key: rank for rank, key in enumerate(sorted(known, key=lambda key: (known[key], repr(key))))}
    keys = np.zeros(len(values), dtype=np.int64)
    keys[~missing] = [ranks[type(value), value] for value in present]
    return Scale(numbers, keys, partial(_objects_back, library, empty, from_number), grid, times, start)


def _later(earliest: Any, step: int, number: float) -> Any:
    """A number of days after a time. step: of the column, in microseconds."""
    return earliest + timedelta(microseconds=round(number * PER_DAY["us"] / step) * step)


def _truth(kind: type, number: float) -> Any:
    return kind(number >= 0.5)


def _whole(kind: type, number: float) -> Any:
    return kind(round(number))


def _decimal(number: float) -> Decimal:
    """The shortest decimal that float32 takes for this number."""
    return Decimal(str(np.float32(number)))


def _fraction(number: float) -> Fraction:
    return Fraction(number).limit_denominator(10**6)


def _number_maker(kinds: set[type]) -> tuple[Callable[[float], Any], Grid | None, bool]:
    """What makes a Python number of a float, for a column of such numbers; and the grid of the column."""
    truths = (bool, np.bool_)
    if kinds and kinds <= set(truths):
        return partial(_truth, next(iter(kinds))), Grid(1, 0, 1), False
    if kinds and all(issubclass(kind, int | np.integer | np.bool_) for kind in kinds):
        kind = next(kind for kind in kinds if kind not in truths)
        return partial(_whole, kind), Grid(1), False
    for kind in kinds:
        if issubclass(kind, Decimal):
            return _decimal, None, False
        if issubclass(kind, Fraction):
            return _fraction, None, False
    return float, None, False


def distinct_codes(numbers: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """float32 codes for different numbers, all of them different: those that float32 makes equal take neighbouring codes.

    numbers: float64 (m,); rank: int (m,), different for each; the lower it is, the nearer is the code to the number.
    """
    # As whole numbers, float32 numbers are in the same order, and neighbours differ by 1.
    bits = (numbers.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)
    place = np.where(bits < 0, -(2**31) - bits, bits)
    order = np.lexsort((rank, place))
    place = place[order]
    first = np.concatenate([[True], place[1:] != place[:-1]])
    turn = np.arange(len(place)) - np.maximum.accumulate(np.where(first, np.arange(len(place)), 0))
    place = place + np.where(turn % 2 == 1, 1, -1) * ((turn + 1) // 2)  # 0, 1, -1, 2, -2, …
    # Two such groups may meet.
    ascending = np.argsort(place, kind="stable")
    counted = np.arange(len(place))
    place[ascending] = np.maximum.accumulate(place[ascending] - counted) + counted
    codes = np.empty(len(place), dtype=np.int64)
    codes[order] = place
    return np.where(codes < 0, -(2**31) - codes, codes).astype(np.int32).view(np.float32)
