"""Means, quartiles and shares over probes and players. numpy only."""

from __future__ import annotations

import numpy as np


def mean_of_known(series: np.ndarray) -> np.ndarray:
    """Mean of the finite numbers along the last axis; NaN where there is none."""
    known = np.isfinite(series)
    mean: np.ndarray = np.where(known, series, 0).sum(axis=-1) / np.where(known.any(axis=-1), known.sum(axis=-1), np.nan)
    return mean


def quartiles(series: np.ndarray) -> np.ndarray:
    """Lower quartile, median, upper quartile over probes: (3, epochs, …) of (epochs, probes, …); NaN where no probe has a number."""
    if not series.size:
        return np.full((3, len(series), *series.shape[2:]), np.nan)
    # np.nanquantile takes 40 us for every row that lacks a number. This does all rows at once, with the same linear interpolation.
    ordered = np.sort(np.moveaxis(series, 1, -1), axis=-1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    place = np.array((0.25, 0.5, 0.75)) * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.intp)
    low = np.take_along_axis(ordered, below, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, np.maximum(count - 1, 0)), axis=-1)
    return np.moveaxis(low + (high - low) * (place - below), -1, 0)


def region_share(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Share of |attribution| inside a region, 0 to 1: sum_i f_i |phi_i| / sum_i |phi_i|.

    Args:
        values: (epochs, probes, players).
        inside: (probes, players), the part f_i of each player that lies inside the region, 0 to 1.

    Returns:
        (epochs, probes), NaN where all attributions are 0 or missing.
    """
    magnitude = np.abs(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: np.ndarray = np.nansum(magnitude * inside, axis=-1) / norm1(values)[..., 0]
    return share


def importance(values: np.ndarray) -> np.ndarray:
    """Mean |attribution| over probes: (epochs, players) of (epochs, probes, players), NaN where no probe has a number."""
    known = np.isfinite(values)
    total = np.where(known, np.abs(values), 0).sum(axis=1, dtype=np.float64)
    count = known.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def norm1(values: np.ndarray) -> np.ndarray:
    """|a|_1 along the last axis, which is kept with length 1; NaN where it is 0 or there is no number."""
    norm = np.nansum(np.abs(values), axis=-1, keepdims=True)
    return np.where(norm > 0, norm, np.nan)
