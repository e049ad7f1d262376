"""Drift of a run: how far its explanations are from a reference, and what sampling noise explains of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import differences, distances, noise
from tb_xai_plugin.records.series import Series, Target


@dataclass(frozen=True, eq=False)
class Drift:
    """Distances from a reference, and what of them is noise; (all_steps, probes) each, NaN where there is nothing to compare: a gap, another class."""

    distance: np.ndarray
    floor: np.ndarray

    @property
    def real(self) -> np.ndarray:
        """bool: above the floor; False where the floor is unknown."""
        with np.errstate(invalid="ignore"):
            return self.distance > self.floor


def distance(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> np.ndarray:
    """`Drift.distance` alone."""
    (values,), classes = run.of_class(target, f"values/{explainer}"), run.target_of(target)
    found = distances.to_reference(values, run.all_steps, against, measure)  # raises where the reference does not exist
    places = np.maximum(distances.references(values, run.all_steps, against), 0)
    return np.where(classes == np.take_along_axis(classes, places, axis=0), found, np.nan)


def drift(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    """See `Run.drift` and `Run.noise_floor`; aligned with `all_steps`, and kept."""
    return run.cached("drift", explainer, against, measure, target, make=lambda: _drift(run, explainer, against, measure, target))


def _drift(run: Series, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    found = distance(run, explainer, against, measure, target)
    (values,) = run.of_class(target, f"values/{explainer}")
    places = distances.references(values, run.all_steps, against)
    others = np.take_along_axis(values, np.maximum(places, 0)[..., None], axis=0)
    errors = differences.Places(run, explainer, target)(range(len(places)), places)
    return Drift(found, np.where(np.isnan(found), np.nan, noise.floor(values, others, errors, measure)))


def changed(run: Series, explainer: str, against: str | int, target: Target) -> np.ndarray:
    """bool (all_steps, probes, players): changed by more than noise since the reference."""
    (values,) = run.of_class(target, f"values/{explainer}")
    places = distances.references(values, run.all_steps, against)
    others = np.take_along_axis(values, np.maximum(places, 0)[..., None], axis=0)
    errors = differences.Places(run, explainer, target)(range(len(places)), places)
    return noise.really_changed(np.where(places[..., None] < 0, np.nan, values - others), errors, others)
