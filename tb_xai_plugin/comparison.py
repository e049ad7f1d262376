"""Two runs side by side: how far apart their reasons are, whether that is more than noise and more than another seed would make, and where to look."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin import alignment, differences, judgement, noise
from tb_xai_plugin.alignment import ABSENT, Pairing
from tb_xai_plugin.stability import MEASURES, ArgumentError

if TYPE_CHECKING:
    from tb_xai_plugin.reader import Run

# What tells repeats of one recipe apart, as a part of a run's name: "cnn-seed3", "cnn/run_2", "cnn s=1".
REPEAT = r"(?:^|[-_/ .])(?:seed|run|repeat|rep|trial|try|fold|s|r)[-_=. ]*[0-9]+(?=$|[-_/ .])"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs, row by row of epochs that stand side by side; see `Run.compare`.

    Attributes:
        run, other: the runs' names.
        explainer, measure, target: what was compared.
        pairing: which epochs stand side by side.
        distance: float (rows, probes), NaN where one has no number or they explain other classes.
        floor: (rows, probes), what of it sampling noise makes; NaN where unknown.
        right: bool (rows, probes, 2), whether each answers with the label; of a regression, and without labels, whether it answers.
        values: float32 (2, rows, probes, players), of `run` and of `other`.
        errors: float32 (rows, probes, players), of their difference.
        repeats: float (pairs of repeats, rows, probes), how far apart repeats of the same recipe are; empty where none are known.
    """

    run: str
    other: str
    explainer: str
    measure: str
    target: str | int
    pairing: Pairing
    distance: np.ndarray
    floor: np.ndarray
    right: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    repeats: np.ndarray

    @property
    def steps(self) -> np.ndarray:
        """int64 (rows,): the epoch that each row is called by."""
        return self.pairing.steps

    @property
    def real(self) -> np.ndarray:
        """bool (rows, probes): farther apart than sampling noise; False where that is unknown."""
        with np.errstate(invalid="ignore"):
            return self.distance > self.floor

    @property
    def both_right(self) -> np.ndarray:
        """bool (rows, probes)."""
        return self.right.all(axis=-1)

    @cached_property
    def changed(self) -> np.ndarray:
        """bool (rows, probes, players): players that differ by more than noise, see `noise.really_changed`."""
        return noise.really_changed(self.values[0] - self.values[1], self.errors, self.values[1])

    @property
    def typical(self) -> np.ndarray:
        """(rows,): the median distance over probes that both answer right; over all where there is none."""
        return _typical(self.distance, self.both_right)

    @property
    def spread(self) -> np.ndarray | None:
        """(rows, 3): lowest, mean and highest `typical` distance between repeats; None where no repeats are known."""
        if not len(self.repeats):
            return None
        each = np.stack([_typical(distance, self.both_right) for distance in self.repeats])
        return np.stack([_quietly(statistic, each) for statistic in (np.nanmin, np.nanmean, np.nanmax)], axis=-1)

    def place(self, step: int | None = None) -> int:
        """The row of an epoch; the last one where both have numbers by default."""
        if step is None:
            there = np.flatnonzero(np.isfinite(self.distance).any(axis=1))
            return int(there[-1]) if len(there) else len(self.steps) - 1
        found = np.flatnonzero(self.steps == step)
        if not len(found):
            raise ArgumentError(f"step {step} is not among those of {self.run} and {self.other}: {self.steps.tolist()}.")
        return int(found[0])

    def look_first(self, step: int | None = None) -> list[int]:
        """Probes where the reasons differ really, in the order in which to look: both right first, then those farthest above the floor."""
        row = self.place(step)
        above = self.distance[row] - np.nan_to_num(self.floor[row])
        probes = np.flatnonzero(self.real[row])
        return sorted(probes.tolist(), key=lambda probe: (not self.both_right[row, probe], -above[probe]))

    def verdict(self, step: int | None = None) -> str:
        """One sentence."""
        row = self.place(step)
        real, both = self.real[row], self.both_right[row]
        count, differing = int(both.sum()), int((real & both).sum())
        if not np.isfinite(self.distance[row]).any():
            return "There is nothing to compare."
        if not count:
            return f"No probe is answered right by both; the explanations are {self.typical[row]:.2f} apart in the middle."
        words = f"{differing} of {count} probes that both answer right have other reasons, {self.typical[row]:.2f} apart in the middle"
        if self.spread is None:
            return f"{words}; how far apart two seeds would be is not known."
        low, _, high = self.spread[row]
        seeds = (
            f"repeats of the same recipe are {low:.2f} to {high:.2f} apart"
            if high - low >= 0.005
            else f"repeats of the same recipe are {high:.2f} apart"
        )
        return f"{words}; {seeds}: {'more than another seed makes' if self.typical[row] > high else 'no more than another seed makes'}."


def compare(
    run: Run, other: Run, explainer: str, align: str, measure: str, target: str | int, repeats: Iterable[tuple[Run, Run]] = ()
) -> Comparison:
    """See `Run.compare`. repeats: pairs of runs of the same recipe."""
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    differences.refuse_incomparable(run, other, explainer)
    pairing = alignment.pair(run, other, align)
    values, errors, distance = _beside(run, other, explainer, measure, target, pairing)
    right = np.stack(
        [_rows(judgement.right(each)[0], places) for each, places in ((run, _here(run, pairing)), (other, _there(other, pairing)))], axis=-1
    )
    apart = [_apart(*pair, explainer, align, measure, target, pairing.steps) for pair in repeats]
    return Comparison(
        *(run.name, other.name, explainer, measure, target, pairing, distance),
        floor=np.where(np.isnan(distance), np.nan, noise.floor(*values, errors, measure)),
        right=right,
        values=values,
        errors=errors,
        repeats=np.stack(apart) if apart else np.empty((0, *distance.shape)),
    )


def really_differ(run: Run, other: Run, explainer: str, target: str | int, pairing: Pairing) -> np.ndarray:
    """bool (rows, probes, players): players that differ by more than noise; see `noise.really_changed`."""
    values, errors, _ = _beside(run, other, explainer, "tv", target, pairing)
    return noise.really_changed(values[0] - values[1], errors, values[1])


def _beside(
    run: Run, other: Run, explainer: str, measure: str, target: str | int, pairing: Pairing
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (2, rows, probes, players), errors of their difference, and distances."""
    values = []
    for each, places in ((run, _here(run, pairing)), (other, _there(other, pairing))):
        values.append(_rows(each.of_class(target, f"values/{explainer}")[0], places))
    errors = run.all_change_errors(explainer, other, pairing, target, range(run.record["shape"]["probes"]))
    distance = MEASURES[measure](*(each.astype(np.float64) for each in values))
    # Where they explain other classes there is no error and nothing to subtract.
    same = _rows(run.target_of(target), _here(run, pairing)) == _rows(other.target_of(target), _there(other, pairing))
    return np.stack(values), errors, np.where(same, distance, np.nan)


def _apart(run: Run, other: Run, explainer: str, align: str, measure: str, target: str | int, steps: np.ndarray) -> np.ndarray:
    """Distances of two repeats at the epochs of another pair: (rows, probes), NaN where they have none."""
    pairing = alignment.pair(run, other, align)
    _, _, distance = _beside(run, other, explainer, measure, target, pairing)
    found = np.full((len(steps), distance.shape[1]), np.nan)
    _, here, there = np.intersect1d(steps, pairing.steps, return_indices=True)
    found[here] = distance[there]
    return found


def _here(run: Run, pairing: Pairing) -> np.ndarray:
    return np.where(pairing.here == ABSENT, -1, np.searchsorted(run.all_steps, pairing.here))


def _there(other: Run, pairing: Pairing) -> np.ndarray:
    return np.where(pairing.there == ABSENT, -1, np.searchsorted(other.all_steps, pairing.there))


def _rows(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows at places; without a number at -1."""
    found = array[np.maximum(places, 0)]
    nothing = np.nan if found.dtype.kind == "f" else False if found.dtype.kind == "b" else -1
    return np.where((places >= 0).reshape(-1, *[1] * (found.ndim - 1)), found, found.dtype.type(nothing))


def _typical(distance: np.ndarray, both_right: np.ndarray) -> np.ndarray:
    counted = np.where(both_right & np.isfinite(distance), distance, np.nan)
    nobody = np.isnan(counted).all(axis=1, keepdims=True)
    return _quietly(np.nanmedian, np.where(nobody, distance, counted), axis=1)


def _quietly(statistic: object, array: np.ndarray, axis: int = 0) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN slices stay NaN
        return statistic(array, axis=axis)  # type: ignore[operator]


def recipe(name: str, pattern: str = REPEAT) -> str | None:
    """A run's name without what tells repeats apart; None where it does not say that it is a repeat.

    Raises:
        ArgumentError (a ValueError): a pattern that is no regular expression.
    """
    try:
        found = re.search(pattern, name, re.IGNORECASE)
    except re.error as error:
        raise ArgumentError(f"repeats: {pattern[:100]!r} is no regular expression ({error}); give e.g. '-seed[0-9]+'.") from error
    return name[: found.start()] + name[found.end() :] if found and found.group() else None


def repeats_of(names: Sequence[str], wanted: Iterable[str], pattern: str = REPEAT) -> list[tuple[str, str]]:
    """Pairs of names of repeats of the same recipe as one of `wanted`."""
    recipes = {name: recipe(name, pattern) for name in names}
    asked = {recipe(name, pattern) for name in wanted} - {None}
    return [(a, b) for a, b in combinations(names, 2) if recipes[a] in asked and recipes[a] == recipes[b]]
