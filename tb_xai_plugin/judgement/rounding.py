"""Numbers of two runs that are the same but for rounding, as after the same preparation in another order, or in another precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Numbers are the same if they differ by less than this part of the range of all of them.
ROUNDING = 1e-5


def _tolerance(numbers: np.ndarray) -> float:
    known = numbers[np.isfinite(numbers)].astype(np.float64)
    return ROUNDING * float(np.ptp(known)) if known.size else 0.0


def without_rounding(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """`two`, equal to `one` wherever it differs by rounding alone. Both of one shape; whole numbers are returned as they are."""
    if one.dtype.kind != "f" or two.dtype.kind != "f":
        return two
    tolerance = max(_tolerance(one), _tolerance(two))
    with np.errstate(invalid="ignore"):  # inf - inf
        near = np.abs(one.astype(np.float64) - two) <= tolerance
    return np.where(near, one, two)


def take_as_same(columns: Sequence[np.ndarray]) -> bool:
    """Make numbers of a column equal that differ by rounding alone, in the columns of two tables; whether there were any.

    columns: two arrays of bytes, each the text of a number or of something else, which stays; they are changed.
    """
    numbers = np.concatenate([[_number(cell) for cell in column] for column in columns])
    order = np.argsort(numbers, kind="stable")[: int(np.isfinite(numbers).sum())]  # NaN comes last
    if not len(order):
        return False
    first = order[_first_of_each(numbers[order], _tolerance(numbers))]
    if np.array_equal(numbers[order], numbers[first]):
        return False
    cells = np.concatenate(columns)
    cells[order] = cells[first]
    start = 0
    for column in columns:
        column[:] = cells[start : start + len(column)]
        start += len(column)
    return True


def _first_of_each(ascending: np.ndarray, tolerance: float) -> np.ndarray:
    """For each number the place of the smallest that it is the same as. Of many numbers close together, the first and the last are not the same."""
    places = np.arange(len(ascending))
    ends = np.searchsorted(ascending, ascending + tolerance, side="right")
    start = 0
    while start < len(ascending):
        places[start : ends[start]] = start
        start = int(ends[start])
    return places


def _number(cell: bytes) -> float:
    """NaN for what is no finite number."""
    try:
        number = float(cell)
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan
