"""Drift of a run: the distance of its explanations from a reference, and the noise floor of that distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import differences, distances, noise, summaries
from tb_xai_plugin.records.series import Series, Target


@dataclass(frozen=True, eq=False)
class Drift:
    """Distances of a run's explanations from a reference, with their noise floors.

    Attributes:
        distance: float64 (all_steps, probes), in units of the measure; NaN where there is nothing to compare (a gap, or another class).
        floor: float64 (all_steps, probes), the distance that sampling error alone stays below in 95 of 100 cases; NaN where errors are unknown too.
    """

    distance: np.ndarray
    floor: np.ndarray

    @property
    def real(self) -> np.ndarray:
        """bool (all_steps, probes): whether the distance is above its noise floor; False where the floor is unknown."""
        with np.errstate(invalid="ignore"):
            real: np.ndarray = self.distance > self.floor
        return real


def distance(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> np.ndarray:
    """`Drift.distance` alone."""
    (values,) = run.of_class(target, f"values/{explainer}")
    return _distance(run, values, _places(run, values, against, measure), measure, target)


def _places(run: Series, values: np.ndarray, against: str | int, measure: str) -> np.ndarray:
    """`distances.references`, once the measure is known to exist."""
    if measure not in distances.MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(distances.MEASURES)}.")
    return distances.references(values, run.all_steps, against)


def _distance(run: Series, values: np.ndarray, places: np.ndarray, measure: str, target: Target) -> np.ndarray:
    classes = run.target_of(target)
    same = classes == np.take_along_axis(classes, np.maximum(places, 0), axis=0)
    return np.where(same, distances.from_places(values, places, measure), np.nan)


def drift(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    """See `Run.drift` and `Run.noise_floor`; aligned with `all_steps`, and cached."""
    return run.cached("drift", explainer, against, measure, target, make=lambda: _drift(run, explainer, against, measure, target))


def _drift(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    (values,) = run.of_class(target, f"values/{explainer}")
    places = _places(run, values, against, measure)
    to_reference = _distance(run, values, places, measure, target)
    beside = _beside_reference(run, values, places, explainer, target)
    change_errors, probes = differences.ChangeErrors(run, explainer, target), np.arange(values.shape[1])
    floors = []
    for part, here, others, errors in beside:
        rows = np.arange(part.start, part.stop)[:, None]
        logged = change_errors.logged((rows, probes), (np.maximum(places[part], 0), probes))
        floors.append(noise.floor(here, others, errors, measure, logged))
    return Drift(to_reference, np.where(np.isnan(to_reference), np.nan, np.concatenate(floors) if floors else to_reference))


def floors_at(run: Series, explainer: str, against: str | int, measure: str, target: Target, which: np.ndarray) -> np.ndarray:
    """`Drift.floor` where it is wanted, NaN elsewhere. which: bool (all_steps, probes), where the distance is known."""
    (values,) = run.of_class(target, f"values/{explainer}")
    places = distances.references(values, run.all_steps, against)
    steps, probes = np.nonzero(which)
    change_errors, floors = differences.ChangeErrors(run, explainer, target), np.full(which.shape, np.nan)
    for part in summaries.parts(len(steps), values.shape[-1]):
        at = steps[part], probes[part]
        there = places[at], probes[part]
        floors[at] = noise.floor(values[at], values[there], change_errors.at(at, there), measure, change_errors.logged(at, there))
    return floors


def changed(run: Series, explainer: str, against: str | int, target: Target) -> np.ndarray:
    """bool (all_steps, probes, players): players that changed by more than noise since the reference."""
    (values,) = run.of_class(target, f"values/{explainer}")
    places = distances.references(values, run.all_steps, against)
    real = np.zeros(values.shape, dtype=bool)
    for part, here, others, errors in _beside_reference(run, values, places, explainer, target):
        change = np.where(places[part, :, None] < 0, np.nan, here - others)
        real[part] = noise.significant_changes(change, errors, others)
    return real


def _beside_reference(
    run: Series, values: np.ndarray, places: np.ndarray, explainer: str, target: Target
) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
    """A few epochs at a time: which; their values, those of the reference, and standard errors of the difference, (epochs, probes, players) each.

    places: the index of the reference among `all_steps`, int (all_steps, probes), -1 where there is none; the arrays mean nothing there.
    """
    change_errors, probes = differences.ChangeErrors(run, explainer, target), np.arange(values.shape[1])
    for part in summaries.parts(len(values), values[:1].size):
        errors = change_errors(range(part.start, part.stop), places[part])
        yield part, values[part], values[np.maximum(places[part], 0), probes], errors
