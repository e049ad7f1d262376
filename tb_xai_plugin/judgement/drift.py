"""Drift of a run: the distance of its explanations from a reference, and the noise floor of that distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import differences, distances, noise
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
    (values,), classes = run.of_class(target, f"values/{explainer}"), run.target_of(target)
    to_reference = distances.to_reference(values, run.all_steps, against, measure)  # raises where the reference does not exist
    places = np.maximum(distances.references(values, run.all_steps, against), 0)
    return np.where(classes == np.take_along_axis(classes, places, axis=0), to_reference, np.nan)


def drift(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    """See `Run.drift` and `Run.noise_floor`; aligned with `all_steps`, and cached."""
    return run.cached("drift", explainer, against, measure, target, make=lambda: _drift(run, explainer, against, measure, target))


def _drift(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    to_reference = distance(run, explainer, against, measure, target)
    values, others, errors, _ = _beside_reference(run, explainer, against, target)
    return Drift(to_reference, np.where(np.isnan(to_reference), np.nan, noise.floor(values, others, errors, measure)))


def changed(run: Series, explainer: str, against: str | int, target: Target) -> np.ndarray:
    """bool (all_steps, probes, players): players that changed by more than noise since the reference."""
    values, others, errors, places = _beside_reference(run, explainer, against, target)
    return noise.significant_changes(np.where(places[..., None] < 0, np.nan, values - others), errors, others)


def _beside_reference(
    run: Series, explainer: str, against: str | int, target: Target
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values, those of the reference, and standard errors of their difference, (all_steps, probes, players) each; and the reference's index.

    The index into `all_steps`, int (all_steps, probes), is -1 where there is no reference; the other arrays mean nothing there.
    """
    (values,) = run.of_class(target, f"values/{explainer}")
    places = distances.references(values, run.all_steps, against)
    others = np.take_along_axis(values, np.maximum(places, 0)[..., None], axis=0)
    errors = differences.ChangeErrors(run, explainer, target)(range(len(places)), places)
    return values, others, errors, places
