"""Series of whole numbers: whether they may be ids, such as numbers of words, and which id pads them."""

from __future__ import annotations

import numpy as np

# Where the padding id also occurs inside series, it must be this many times as frequent at their ends.
MORE_AT_ENDS = 4


def may_be_ids(series: np.ndarray) -> bool:
    """Whether series (n, T) or (n, T, C) may be ids: whole numbers from 0 that are not one-hot, and, where floats hold them, padded with zeros."""
    if series.dtype.kind not in "iuf" or series.min() < 0 or (series.dtype.kind == "f" and (series != np.floor(series)).any()):
        return False
    if series.ndim == 3 and series.shape[2] > 1 and series.max() <= 1:
        return False
    if series.dtype.kind in "iu":
        return True
    # Counts and prices in floats are common. Ids have different lengths, and no zero but at their ends.
    runs = _runs(series, 0)
    return bool(series.ndim == 2 and series.max() > 1 and len({*runs.sum(axis=1).tolist()}) > 1 and not _inside(series, 0, runs))


def padding_of(series: np.ndarray) -> float | None:
    """The id with which series end or begin, (n, T) or (n, T, C); 0 first of all. None where no padding is seen."""
    candidates = {0.0} | {float(value) for end in (series[:, 0], series[:, -1]) for value in np.unique(end)[:100]}
    seen = []
    for value in sorted(candidates):
        runs = _runs(series, value)
        inside, at_ends = _inside(series, value, runs), int(runs.sum())
        # A token that begins every series is alone there in all of them.
        alone = runs.max() <= 1 and (value != 0 or len(series) == 1 or bool((runs == 1).all(axis=0).any()))
        # Other ids than 0 stand twice at an end by luck, too, but neither in several series nor with all others ending alike.
        longest = runs.max(axis=1)
        by_luck = value != 0 and (longest >= 2).sum() < max(2, len(series) // 4) and longest.min() < 1
        if at_ends and not alone and not by_luck and inside * MORE_AT_ENDS <= (at_ends if value == 0 else 0):
            seen.append((runs.max() > 1, value == 0, at_ends, value))
    return max(seen)[-1] if seen else None


def content(series: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """bool (n, T): the steps between the padding at both ends of series (n, T, C). padding: (1 or n, T, C), the values that pad."""
    differs = (series != padding).any(axis=-1)
    after = np.maximum.accumulate(differs, axis=1)
    before = np.maximum.accumulate(differs[:, ::-1], axis=1)[:, ::-1]
    return np.logical_and(after, before)


def _runs(series: np.ndarray, value: float) -> np.ndarray:
    """int (n, 2): how many steps at the beginning and at the end of each series have a value in all channels."""
    equal = (series == value).reshape(*series.shape[:2], -1).all(axis=-1)
    runs = np.stack([np.minimum.accumulate(ends, axis=1).sum(axis=1) for ends in (equal, equal[:, ::-1])], axis=1)
    runs[equal.all(axis=1), 0] = 0  # counted once
    return runs


def _inside(series: np.ndarray, value: float, runs: np.ndarray) -> int:
    """How many steps of the value are not at the ends."""
    equal = (series == value).reshape(*series.shape[:2], -1).all(axis=-1)
    return int(equal.sum() - runs.sum())
