"""Since when explanations are what they are at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import alignment, drift, noise
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.series import Series, Target

# So many epochs at the end have to be near the last one, and a quarter of all, to call it steady.
FEWEST_STEADY = 5


def steady_since(distance: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """int (…,): the first place from which a distance to the final state stays within its floor; -1 where not for a quarter of the epochs, five at least.

    Fewer are what anything is that moves slowly: three steps back it is near where it ended. One epoch alone that strays decides nothing.

    distance, floor: (epochs, …), aligned; NaN (a gap, the final state itself) decides nothing.
    """
    if not len(distance):
        return np.full(distance.shape[1:], -1)
    epochs = np.arange(len(distance)).reshape(-1, *[1] * (distance.ndim - 1))
    with np.errstate(invalid="ignore"):
        far = distance > floor
    twice = far.copy()
    twice[1:] &= far[:-1]
    twice[0] = False
    first = np.where(twice, epochs, -1).max(axis=0) + 1
    first = first + np.take_along_axis(far, np.minimum(first, len(distance) - 1)[None], axis=0)[0]
    # And the final state itself, which has no distance.
    near = (np.isfinite(distance) & (epochs >= first)).sum(axis=0) + 1
    return np.where(near >= np.maximum(FEWEST_STEADY, (np.isfinite(distance).sum(axis=0) + 1) / 4), first, -1)


# The run is steady when this share of its probes is.
MOST = 0.5

# An explanation is what it is at the end where it is not farther from that than noise and so many times what it moves in an epoch …
TIMES_UNREST = 1.5


# … or hardly at all: with shared coalitions, noise is far below what anybody cares for.
NEAR = {"tv": 0.05, "cosine": 0.0025}


# A metric is one number: by chance it strays farther. And a hundredth of it is one answer more or less.
TIMES_UNREST_OF_METRIC = 3


NEAR_OF_METRIC = 0.01


@dataclass(frozen=True, eq=False)
class Steady:
    """Since when explanations are what they are at the end.

    Attributes:
        step: int64 (probes,), the epoch; -2 (`alignment.ABSENT`) where they are not.
        of_run: the epoch at which half of the probes were steady; None: they are not.
        of_metric: the epoch from which the run's metric stays within its own unrest of its last value; None: it does not.
        metric: its name; "" where none was logged.
    """

    step: np.ndarray
    of_run: int | None
    of_metric: int | None
    metric: str


def steady(run: Series, explainer: str, measure: str, target: Target) -> Steady:
    """See `Run.steady_since`; kept."""
    return run.cached("steady", explainer, measure, target, make=lambda: _steady(run, explainer, measure, target))


def _steady(run: Series, explainer: str, measure: str, target: Target) -> Steady:
    """Near the final explanation, see `steady_since`: what it moves from epoch to epoch in the last quarter doesn't add up any more."""
    trained = run.all_steps != wire.UNTRAINED
    to_final, moved = (drift.drift(run, explainer, against, measure, target) for against in ("final", "previous"))
    unrest = np.nan_to_num(noise.jitter(_last_quarter(moved.distance[trained])))
    near = np.maximum(np.nan_to_num(to_final.floor[trained]) + TIMES_UNREST * unrest, NEAR.get(measure, 0))
    places = steady_since(to_final.distance[trained], near)
    asked = trained & (run.cost["level"] > 0)
    values = run.of_class(target, f"values/{explainer}")[0][asked]
    # What the model has no answer for any more is not what it was; one epoch alone decides nothing.
    places = np.where(np.isfinite(values[-2:]).any(axis=(0, -1)), places, -1)
    places = np.where(np.isfinite(to_final.distance[trained]).any(axis=0), places, -1)
    step = np.where(places >= 0, run.steps[places] if len(run.steps) else 0, alignment.ABSENT)
    settled = np.sort(np.where(step >= 0, step, np.iinfo(np.int64).max))
    half = settled[int(np.ceil(MOST * len(settled))) - 1] if len(settled) else np.iinfo(np.int64).max
    of_run = int(half) if half < np.iinfo(np.int64).max else None
    return Steady(step, of_run, *_steady_metric(run))


def _last_quarter(series: np.ndarray) -> np.ndarray:
    return series[-max(3, len(series) // 4) :]


def _steady_metric(run: Series) -> tuple[int | None, str]:
    metric = alignment.first_metric(run.logs)
    series = run.logs[metric] if metric else np.array([])
    there = np.flatnonzero(np.isfinite(series))
    if not len(there):
        return None, metric
    series, steps = series[there], run.steps[there]
    unrest = float(noise.jitter(_last_quarter(np.abs(np.diff(series)))))
    near = max(TIMES_UNREST_OF_METRIC * unrest, NEAR_OF_METRIC * float(np.abs(series[-1])))
    away = np.abs(series - series[-1])
    away[-1] = np.nan
    place = int(steady_since(away, np.full(len(away), near)))
    return (int(steps[place]) if place >= 0 else None), metric
