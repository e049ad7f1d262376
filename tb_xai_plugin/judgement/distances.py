"""Distances between explanations, and between each explanation and a reference of the same run. numpy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement.summaries import in_parts, known_rows, norm1, sum_of_known
from tb_xai_plugin.judgement.words import wrong_step
from tb_xai_plugin.records import wire


def ignoring_nan(statistic: Callable[..., Any], array: np.ndarray, axis: int = 0) -> np.ndarray:
    """A NumPy statistic that ignores NaN, along one axis; NaN, without NumPy's warning, where there is no number.

    Filters of warnings hold for all threads of a process: a server, which answers in several, would show some all the same.
    """
    empty = np.isnan(array).all(axis=axis)
    if empty.all():
        return np.full(empty.shape, np.nan)
    return np.where(empty, np.nan, statistic(np.where(np.expand_dims(empty, axis), 0, array), axis=axis))


def total_variation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """0.5 sum_i |a_i / |a|_1 - b_i / |b|_1|, in [0, 1]: independent of scale; 1 where a and b share nothing, or all signs are reversed."""
    return variation_of_units(unit(a), unit(b))


Unit = tuple[np.ndarray, np.ndarray]


def unit(values: np.ndarray) -> Unit:
    """Values divided by their |values|_1, and that size, without the axis of players; NaN where it is 0 or there is no number."""
    size = norm1(values)
    return values / size, size[..., 0]


def variation_of_units(a: Unit, b: Unit) -> np.ndarray:
    """`total_variation` of what `unit` returns."""
    distance = 0.5 * sum_of_known(np.abs(a[0] - b[0]))
    return np.where(np.isnan(a[1] + b[1]), np.nan, distance)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - a.b / (|a| |b|), in [0, 2]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        distance: np.ndarray = 1 - np.nansum(a * b, axis=-1) / np.sqrt(np.nansum(a * a, axis=-1) * np.nansum(b * b, axis=-1))
    return distance


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - Spearman's rank correlation of |a| and |b|, in [0, 2]; tied values have their mean rank."""
    ra, rb = _ranks(np.abs(a)), _ranks(np.abs(b))
    ra, rb = (ranks - ignoring_nan(np.nanmean, ranks, axis=-1)[..., None] for ranks in (ra, rb))
    return cosine(ra, rb)


def top_k(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 - |T_a & T_b| / |T_a | T_b|, in [0, 1]. T holds the ceil(n / 4) players with the largest |value|; of tied players the first."""
    known = np.isfinite(a) & np.isfinite(b)
    count = known.sum(axis=-1, keepdims=True)
    top_a, top_b = (_places(np.where(known, -np.abs(values), np.inf)) < -(-count // 4) for values in (a, b))
    both, either = (top_a & top_b).sum(axis=-1), (top_a | top_b).sum(axis=-1)
    return np.where(count[..., 0] > 0, 1 - both / np.maximum(either, 1), np.nan)


def magnitude(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|log10 (|a|_1 / |b|_1)|: the difference in size alone; 1 means that one is ten times as large."""
    distance: np.ndarray = np.abs(np.log10(norm1(a)) - np.log10(norm1(b)))[..., 0]
    return distance


MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "tv": total_variation,
    "cosine": cosine,
    "spearman": spearman,
    "top-k": top_k,
    "magnitude": magnitude,
}


def to_reference(values: np.ndarray, steps: np.ndarray, against: str | int = "previous", measure: str = "tv") -> np.ndarray:
    """Distance of every explanation from a reference of the same run.

    Args:
        values: (epochs, probes, players), NaN where there is no number.
        steps: (epochs,), ascending; -1 is the untrained model, and RETURNED the returned one.
        against: "previous" (the latest earlier step with numbers) | "untrained" | "final" (the last epoch with numbers) | a step.
        measure: one of MEASURES.

    Returns:
        (epochs, probes), NaN where there is nothing to compare: at the first step, at the reference itself, and in gaps.

    Raises:
        ArgumentError (a ValueError): an unknown measure or reference, or a step that is not in the record.
    """
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    return from_places(values, references(values, steps, against), measure)


def from_places(values: np.ndarray, places: np.ndarray, measure: str) -> np.ndarray:
    """(epochs, probes): the distance of every explanation from that of another epoch. places: its index, int (epochs, probes); -1 for none, NaN there."""

    def of_part(part: np.ndarray, at: np.ndarray) -> tuple[np.ndarray]:
        distance = between(part, values[np.maximum(at, 0), np.arange(values.shape[1])], measure)
        return (np.where(at < 0, np.nan, distance),)

    return in_parts(of_part, values, places)[0]


def between(values: np.ndarray, others: np.ndarray, measure: str) -> np.ndarray:
    """(epochs, probes): the distances of explanations, (epochs, probes, players) each, computed in float64, over a few epochs at a time."""

    def of_part(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray]:
        # Squares of a regression in dollars leave float32's range.
        return (MEASURES[measure](one.astype(np.float64), other.astype(np.float64)),)

    return in_parts(of_part, values, others)[0]


def references(values: np.ndarray, steps: np.ndarray, against: str | int) -> np.ndarray:
    """int (epochs, probes): the index of the reference of each explanation, -1 where it has none; see `to_reference`."""
    epochs, probes = values.shape[:2]
    if against == "previous":
        # The latest earlier explanation that has numbers.
        known = known_rows(values)
        last = np.maximum.accumulate(np.where(known, np.arange(epochs)[:, None], -1), axis=0)
        return np.concatenate([np.full((min(epochs, 1), probes), -1), last[:-1]])
    if against == "final":
        # The last epoch with numbers: a gap at the end is not the final state, and the returned model is no epoch.
        known = known_rows(values) & (steps != wire.RETURNED)[:, None]
        places = np.where(known, np.arange(epochs)[:, None], -1).max(axis=0, initial=-1)
    else:
        place = _place(steps, against)
        places = np.full(probes, -1 if place is None else place)
    return np.where(np.arange(epochs)[:, None] == places, -1, places)


def _place(steps: np.ndarray, against: str | int) -> int | None:
    """Index of a step; None where the record has no untrained model, or no steps."""
    if not len(steps):
        return None
    step = -1 if against == "untrained" else against
    if isinstance(step, str):
        raise ArgumentError(f"unknown reference {against!r}; choose 'previous', 'untrained', 'final' or a step.")
    matches = np.flatnonzero(steps == step)
    if len(matches):
        return int(matches[0])
    if against == "untrained":
        return None
    epochs = steps[steps != wire.RETURNED]
    choice = f"choose one of the steps from {epochs[0]} to {epochs[-1]}" if len(epochs) else "it has no epochs"
    raise ArgumentError(f"{wrong_step(step)} is not in the record; {choice}.")


def _places(values: np.ndarray) -> np.ndarray:
    """Position of each number in ascending order along the last axis, from 0; ties keep their order."""
    order = np.argsort(values, axis=-1, kind="stable")
    places = np.empty(order.shape, dtype=np.intp)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(values.shape[-1]), order.shape), axis=-1)
    return places


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, the mean rank for ties; NaN for NaN."""
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
