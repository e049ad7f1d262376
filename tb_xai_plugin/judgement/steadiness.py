"""The epoch from which explanations stay close to the final ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import alignment, drift, noise
from tb_xai_plugin.records.series import Series, Target

# A run is called steady only if at least so many epochs at its end, and at least a quarter of all, are close to the last one.
FEWEST_STEADY = 5


def steady_since(distance: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """int (…,): the first index from which the distance to the final state stays within its floor; -1 where that holds for too few epochs.

    It must hold for a quarter of the epochs, and for five at least: anything that moves slowly is close to its final state for a few epochs.
    A single epoch above the floor does not count, two in a row do.

    distance, floor: (epochs, …), aligned; NaN (a gap, or the final state itself) is ignored.
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
    # Plus the final state itself, which has no distance.
    near = (np.isfinite(distance) & (epochs >= first)).sum(axis=0) + 1
    return np.where(near >= np.maximum(FEWEST_STEADY, (np.isfinite(distance).sum(axis=0) + 1) / 4), first, -1)


# The run is steady when this share of its probes is.
STEADY_SHARE = 0.5

# An explanation is close to the final one where the distance is at most the noise floor plus so many times the epoch-to-epoch variation …
TIMES_VARIATION = 1.5


# … or where it is below this distance: with shared coalitions, the noise is far below any distance of interest.
NEAR = {"tv": 0.05, "cosine": 0.0025}


# A metric is a single number, so it varies more by chance; and a hundredth of it is about one prediction more or less.
TIMES_VARIATION_OF_METRIC = 3


NEAR_OF_METRIC = 0.01


@dataclass(frozen=True, eq=False)
class Steady:
    """The epoch from which a run's explanations stay close to the final ones.

    Attributes:
        step: int64 (probes,), the epoch from which each probe's explanations are steady; -2 (`alignment.ABSENT`) where they are not.
        of_run: the epoch at which half of the probes were steady; None where they are not.
        of_metric: the epoch from which the run's metric stays close to its last value, up to its own epoch-to-epoch variation; None where
            it does not.
        metric: the name of that metric; "" where none was logged.
    """

    step: np.ndarray
    of_run: int | None
    of_metric: int | None
    metric: str


def steady(run: Series, explainer: str, measure: str, target: Target) -> Steady:
    """See `Run.steady_since`; cached."""
    return run.cached("steady", explainer, measure, target, make=lambda: _steady(run, explainer, measure, target))


def _steady(run: Series, explainer: str, measure: str, target: Target) -> Steady:
    """`steady_since` of the distances to the final explanation; the variation is that of the last quarter of the training."""
    is_epoch = run.is_epoch
    to_final, to_previous = (drift.distance(run, explainer, against, measure, target) for against in ("final", "previous"))
    variation = np.nan_to_num(noise.variation(_last_quarter(to_previous[is_epoch])))
    with np.errstate(invalid="ignore"):  # what is near without a floor is near with any
        far = is_epoch[:, None] & (to_final > np.maximum(TIMES_VARIATION * variation, NEAR.get(measure, 0)))
    floor = drift.floors_at(run, explainer, "final", measure, target, far)
    to_final, floor = to_final[is_epoch], floor[is_epoch]
    near = np.maximum(np.nan_to_num(floor) + TIMES_VARIATION * variation, NEAR.get(measure, 0))
    places = steady_since(to_final, near)
    evaluated = is_epoch & (run.cost["level"] > 0)
    values = run.of_class(target, f"values/{explainer}")[0][evaluated]
    # A probe that has no explanation in the last two epochs is not steady; a single gap does not count.
    places = np.where(np.isfinite(values[-2:]).any(axis=(0, -1)), places, -1)
    places = np.where(np.isfinite(to_final).any(axis=0), places, -1)
    step = np.where(places >= 0, run.steps[places] if len(run.steps) else 0, alignment.ABSENT)
    settled = np.sort(np.where(step >= 0, step, np.iinfo(np.int64).max))
    half = settled[int(np.ceil(STEADY_SHARE * len(settled))) - 1] if len(settled) else np.iinfo(np.int64).max
    of_run = int(half) if half < np.iinfo(np.int64).max else None
    return Steady(step, of_run, *_steady_metric(run))


def _last_quarter(series: np.ndarray) -> np.ndarray:
    return series[-max(3, len(series) // 4) :]


def _steady_metric(run: Series) -> tuple[int | None, str]:
    metric = alignment.first_metric(run.logs)
    series = run.logs[metric] if metric else np.array([])
    known = np.flatnonzero(np.isfinite(series))
    if not len(known):
        return None, metric
    series, steps = series[known], run.steps[known]
    variation = float(noise.variation(_last_quarter(np.abs(np.diff(series)))))
    near = max(TIMES_VARIATION_OF_METRIC * variation, NEAR_OF_METRIC * float(np.abs(series[-1])))
    distance = np.abs(series - series[-1])
    distance[-1] = np.nan
    place = int(steady_since(distance, np.full(len(distance), near)))
    return (int(steps[place]) if place >= 0 else None), metric
