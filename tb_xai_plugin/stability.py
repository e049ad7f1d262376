"""How far explanations are from each other, how sure a change is, and how much of an explanation lies in a region. numpy only."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np


class ArgumentError(ValueError):
    """What was asked for does not exist; the message is one sentence that names what does."""


def total_variation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """0.5 sum_i |a_i / |a|_1 - b_i / |b|_1|, in [0, 1]: scale-free, 1 where nothing is shared or every sign is reversed."""
    size_a, size_b = _norm1(a), _norm1(b)
    distance = 0.5 * np.nansum(np.abs(a / size_a - b / size_b), axis=-1)
    return np.where(np.isnan(size_a + size_b)[..., 0], np.nan, distance)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - a.b / (|a| |b|), in [0, 2]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - np.nansum(a * b, axis=-1) / np.sqrt(np.nansum(a * a, axis=-1) * np.nansum(b * b, axis=-1))


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - Spearman's correlation of |a| and |b|, in [0, 2]; equal values share their mean rank."""
    ra, rb = _ranks(np.abs(a)), _ranks(np.abs(b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN rows stay NaN
        ra, rb = ra - np.nanmean(ra, axis=-1, keepdims=True), rb - np.nanmean(rb, axis=-1, keepdims=True)
    return cosine(ra, rb)


def top_k(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - |T_a & T_b| / |T_a | T_b| in [0, 1], T the ceil(n / 4) players with the largest |value|; of equal ones the first."""
    there = np.isfinite(a) & np.isfinite(b)
    count = there.sum(axis=-1, keepdims=True)
    top_a, top_b = (_places(np.where(there, -np.abs(values), np.inf)) < -(-count // 4) for values in (a, b))
    both, either = (top_a & top_b).sum(axis=-1), (top_a | top_b).sum(axis=-1)
    return np.where(count[..., 0] > 0, 1 - both / np.maximum(either, 1), np.nan)


def magnitude(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|log10 |a|_1 / |b|_1|: how far apart in size, whatever the shape; 1 is ten times as much."""
    return np.abs(np.log10(_norm1(a)) - np.log10(_norm1(b)))[..., 0]


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "tv": total_variation,
    "cosine": cosine,
    "spearman": spearman,
    "top-k": top_k,
    "magnitude": magnitude,
}


def drift(values: np.ndarray, steps: np.ndarray, against: str | int = "previous", measure: str = "tv") -> np.ndarray:
    """Distance of every explanation from a reference of the same run.

    Args:
        values: (epochs, probes, players), NaN where there is no number.
        steps: (epochs,), ascending; -1 is the untrained model.
        against: "previous" (the last step before that has numbers) | "untrained" | "final" | a step.
        measure: one of MEASURES.

    Returns:
        (epochs, probes), NaN where there is nothing to compare: at the first step, at the reference itself, in gaps.

    Raises:
        ArgumentError (a ValueError): an unknown measure or reference, or a step that is not there.
    """
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    places = references(values, steps, against)
    values = values.astype(np.float64)  # squares of a regression in dollars leave float32's range
    distance = MEASURES[measure](values, np.take_along_axis(values, np.maximum(places, 0)[..., None], axis=0))
    return np.where(places < 0, np.nan, distance)


def references(values: np.ndarray, steps: np.ndarray, against: str | int) -> np.ndarray:
    """int (epochs, probes): the place of what each explanation is compared with, -1 where there is nothing; see `drift`."""
    epochs, probes = values.shape[:2]
    if against == "previous":
        # The last earlier explanation that has numbers.
        there = np.isfinite(values).any(axis=-1)
        last = np.maximum.accumulate(np.where(there, np.arange(epochs)[:, None], -1), axis=0)
        return np.concatenate([np.full((min(epochs, 1), probes), -1), last[:-1]])
    if against == "final":
        # The last with numbers: a gap at the end is no final form.
        there = np.isfinite(values).any(axis=-1)
        places = np.where(there, np.arange(epochs)[:, None], -1).max(axis=0, initial=-1)
    else:
        place = _place(steps, against)
        places = np.full(probes, -1 if place is None else place)
    return np.where(np.arange(epochs)[:, None] == places, -1, places)


def _place(steps: np.ndarray, against: str | int) -> int | None:
    """Index of a step; None where the record has no untrained model, or no step at all."""
    if not len(steps):
        return None
    step = -1 if against == "untrained" else against
    if isinstance(step, str):
        raise ArgumentError(f"unknown reference {against!r}; choose 'previous', 'untrained', 'final' or a step.")
    found = np.flatnonzero(steps == step)
    if len(found):
        return int(found[0])
    if against == "untrained":
        return None
    raise ArgumentError(f"step {step} is not in the record, which has steps {steps[0]} to {steps[-1]}.")


def change_errors(errors: np.ndarray, others: np.ndarray, noise: np.ndarray | None, other_noise: np.ndarray | None) -> np.ndarray:
    """Standard errors of the difference of two attributions: sqrt(e^2 + f^2 - 2 r e f), r the correlation of their sampling errors.

    Args:
        errors, others: (..., players), standard errors of each.
        noise, other_noise: (..., numbers), their sketches (see `explainers.errors.sketch`): r is their cosine. None where the errors are
            independent, or there are none.

    Returns:
        float32 (..., players).
    """
    r = np.zeros((*errors.shape[:-1], 1))
    if noise is not None and other_noise is not None:
        a, b = noise.astype(np.float64), other_noise.astype(np.float64)
        length = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
        r = np.where(length > 0, (a * b).sum(axis=-1) / np.where(length > 0, length, 1), 0)[..., None]
    e, f = errors.astype(np.float64), others.astype(np.float64)
    # e^2 + f^2 - 2 r e f, written so that rounding can't make it negative.
    return np.sqrt((e - f) ** 2 + 2 * np.clip(1 - r, 0, 2) * e * f).astype(np.float32)


def mean_of_known(series: np.ndarray) -> np.ndarray:
    """Over the last axis, of what is there; NaN where nothing is."""
    there = np.isfinite(series)
    return np.where(there, series, 0).sum(axis=-1) / np.where(there.any(axis=-1), there.sum(axis=-1), np.nan)


def region_share(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Share of |attribution| inside a region, 0 to 1: sum_i f_i |phi_i| / sum_i |phi_i|.

    Args:
        values: (epochs, probes, players).
        inside: (probes, players), the part f_i of each player's area that lies inside.

    Returns:
        (epochs, probes), NaN where all attributions are 0 or missing.
    """
    magnitude = np.abs(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nansum(magnitude * inside, axis=-1) / _norm1(values)[..., 0]


def importance(values: np.ndarray) -> np.ndarray:
    """Mean |attribution| over probes: (epochs, players) of (epochs, probes, players), NaN where no probe has a number."""
    there = np.isfinite(values)
    total = np.where(there, np.abs(values), 0).sum(axis=1, dtype=np.float64)
    count = there.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def overlap(segments: np.ndarray, mask: np.ndarray, players: int) -> np.ndarray:
    """(probes, players): the part of each segment's area inside a mask, 0 for players that a probe does not have.

    segments: int (probes, H, W); mask: bool (H, W) or (probes, H, W).
    """
    part = np.zeros((len(segments), players))
    for probe, (labels, inside) in enumerate(zip(segments, np.broadcast_to(mask, segments.shape), strict=True)):
        area = np.bincount(labels.ravel(), minlength=players)
        part[probe] = np.bincount(labels[inside], minlength=players) / np.maximum(area, 1)
    return part


def quartiles(series: np.ndarray) -> np.ndarray:
    """Lower quartile, median, upper quartile over probes: (3, epochs, …) of (epochs, probes, …); NaN where no probe has a number."""
    if not series.size:
        return np.full((3, len(series), *series.shape[2:]), np.nan)
    # np.nanquantile takes 40 us for every row that lacks a number: here all at once, by linear interpolation as there.
    ordered = np.sort(np.moveaxis(series, 1, -1), axis=-1)  # NaN last
    there = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    place = np.array((0.25, 0.5, 0.75)) * np.maximum(there - 1, 0)
    below = np.floor(place).astype(np.intp)
    low = np.take_along_axis(ordered, below, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, np.maximum(there - 1, 0)), axis=-1)
    return np.moveaxis(low + (high - low) * (place - below), -1, 0)


def _norm1(values: np.ndarray) -> np.ndarray:
    """|a|_1 with a kept axis, NaN where it is 0 or there is no number."""
    norm = np.nansum(np.abs(values), axis=-1, keepdims=True)
    return np.where(norm > 0, norm, np.nan)


def _places(values: np.ndarray) -> np.ndarray:
    """Place of each number in ascending order along the last axis, from 0; equal ones in their order."""
    order = np.argsort(values, axis=-1, kind="stable")
    places = np.empty(order.shape, dtype=np.intp)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(values.shape[-1]), order.shape), axis=-1)
    return places


def _ranks(values: np.ndarray) -> np.ndarray:
    """Mean ranks along the last axis, NaN for NaN."""
    order = np.argsort(values, axis=-1)
    ordered, place = np.take_along_axis(values, order, axis=-1), np.arange(values.shape[-1])
    begins = np.ones(values.shape, dtype=bool)
    begins[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    ends = np.ones(values.shape, dtype=bool)
    ends[..., :-1] = begins[..., 1:]
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=-1)
    last = np.minimum.accumulate(np.where(ends, place, values.shape[-1])[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=-1)
    return np.where(np.isnan(values), np.nan, ranks)
