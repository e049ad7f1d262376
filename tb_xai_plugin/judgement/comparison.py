"""Two runs side by side: how far apart their reasons are, whether that is more than noise and more than another seed would make, and where to look."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.judgement import alignment, differences, history, noise
from tb_xai_plugin.judgement.alignment import ABSENT, Pairing
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.judgement.region_pairs import RegionPair, leaning_words, region_pairs, seeds_of
from tb_xai_plugin.records.wire import UNTRAINED

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series


# With fewer pairs of repeats, nobody can say what another seed makes.
FEWEST_PAIRS = 3
# Another seed makes distances up to so many standard deviations above those between repeats, and, as few pairs don't tell a spread well, up to half
# as large again; less of that where more than six pairs are known.
DEVIATIONS = 3
HALF_AGAIN = 0.5
WELL_KNOWN = 6
# Two runs are farther apart than another seed makes where the typical probe is, or so many of them, two at least: an artefact may lie in few.
BEYOND_SHARE = 0.25

# Two explanations that are nearer to each other give the same reasons, however surely they differ: less than a tenth of the map,
# or one of five top players, or a quarter of the size.
LEAST_APART = {"tv": 0.1, "cosine": 0.01, "spearman": 0.05, "top-k": 0.2, "magnitude": 0.1}


@dataclass(frozen=True, eq=False, repr=False)
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
        repeats: float (pairs of repeats, rows, probes), how far apart other repeats of the same recipe are; empty where none are known.
        labelled: whether there is a right answer: labels, and classes.
        places: int (rows, 2), where a row is among `Run.all_steps` of each; -1 where it is in none.
        regions: {name: what both put on it}, of regions that are the same in both.
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
    labelled: bool
    places: np.ndarray
    regions: dict[str, RegionPair]

    def __repr__(self) -> str:
        return f"Comparison({self.run!r}, {self.other!r}, {self.explainer!r}, {len(self.steps)} epochs: {self.verdict() if len(self.steps) else 'none yet'})"

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
    def other_reasons(self) -> np.ndarray:
        """bool (rows, probes): farther apart than sampling noise, as far as that is known, and far enough to matter, see LEAST_APART."""
        with np.errstate(invalid="ignore"):
            above = self.distance > np.nan_to_num(self.floor)
            return above & (self.distance >= self._least)

    @cached_property
    def beyond_repeats(self) -> np.ndarray:
        """bool (rows, probes): other reasons, and farther apart than another seed makes; False where fewer than FEWEST_PAIRS pairs of repeats are known."""
        known = np.isfinite(self.repeats).sum(axis=0) >= FEWEST_PAIRS
        with np.errstate(invalid="ignore"):
            return self.other_reasons & known & (self.distance > _most_of_repeats(self.repeats))

    @property
    def _least(self) -> float:
        return LEAST_APART[self.measure]

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
        return _typical(self.distance, _counted(self.distance, self.both_right))

    @property
    def typical_floor(self) -> np.ndarray:
        """(rows,): the median floor over the same probes; NaN where none is known."""
        return _typical(self.floor, _counted(self.distance, self.both_right))

    @property
    def spread(self) -> np.ndarray | None:
        """(rows, 3): lowest, mean and highest `typical` distance between repeats, NaN where none has that epoch; None where no repeats are known."""
        if not len(self.repeats):
            return None
        return np.stack([_quietly(statistic, self._between_repeats) for statistic in (np.nanmin, np.nanmean, np.nanmax)], axis=-1)

    @cached_property
    def _between_repeats(self) -> np.ndarray:
        return np.stack([_typical(distance, _counted(distance, self.both_right)) for distance in self.repeats])

    def place(self, step: int | None = None) -> int:
        """The row of an epoch; by default that in which both are at their best, where rows are counted from there, else the last with numbers."""
        there = np.flatnonzero(np.isfinite(self.distance).any(axis=1) & ((self.steps != UNTRAINED) | (self.steps[-1:] == UNTRAINED)))
        if not len(self.steps):
            raise ArgumentError(f"{self.run} and {self.other} have no explained epoch yet.")
        if step is None and self.pairing.best is not None:
            step = self.pairing.best
        if step is None:
            return int(there[-1]) if len(there) else len(self.steps) - 1
        found = np.flatnonzero(self.steps == step)
        if not len(found):
            raise ArgumentError(f"step {step} is not among those of {self.run} and {self.other}: {self.steps.tolist()}.")
        return int(found[0])

    def look_first(self, step: int | None = None) -> list[int]:
        """Probes of other reasons, in the order in which to look: both right first, then those farthest above the floor."""
        row = self.place(step)
        above = self.distance[row] - np.nan_to_num(self.floor[row])
        probes = np.flatnonzero(self.other_reasons[row])
        return sorted(probes.tolist(), key=lambda probe: (not self.both_right[row, probe], -above[probe]))

    def verdict(self, step: int | None = None) -> str:
        """In a sentence or two, what matters first: a narrow window cuts the end off."""
        row = self.place(step)
        there, both = np.isfinite(self.distance[row]), self.both_right[row]
        if not there.any():
            return self._nothing(row)
        counted = there & both if (there & both).any() else there
        which = (
            "probes that both answer right"
            if self.labelled and both.any()
            else "probes, none of which both answer right,"
            if self.labelled
            else "probes"
        )
        apart = f"{self.typical[row]:.2f} apart (median)"
        known = counted & np.isfinite(self.floor[row])
        if not known.any():
            words = f"the reasons of {int(counted.sum())} {which} are {apart}; how much of it is noise is not known"
        else:
            other = int((self.other_reasons[row] & known).sum())
            differ = "explanations of another size" if self.measure == "magnitude" else "other reasons"
            words = f"{other or 'none'} of {int(known.sum())} {which} {'have' if other != 1 else 'has'} {differ}, {apart}"
        judged, counted_beyond, beside = self._beside_repeats(row)
        said = f"{judged}{apart if counted_beyond else words}{beside}."
        if self.steps[row] == UNTRAINED:
            return f"Before training: {said}"
        return leaning_words(self.regions, row) + said[0].upper() + said[1:]

    def _nothing(self, row: int) -> str:
        epoch = "the untrained model" if self.steps[row] == UNTRAINED else f"epoch {int(self.steps[row])}"
        without = [name for name, at in ((self.run, self.pairing.here[row]), (self.other, self.pairing.there[row])) if at == ABSENT]
        if without:
            return f"There is nothing to compare: {' and '.join(without)} explained nothing that stands beside {epoch}."
        return "There is nothing to compare: no probe has numbers in both, of the same class."

    def _beside_repeats(self, row: int) -> tuple[str, bool, str]:
        """Whether it is more than another seed makes, whether that says of how many probes, and of what repeats it is known."""
        each = self._between_repeats[:, row] if len(self.repeats) else np.empty(0)
        each = each[np.isfinite(each)]
        if not len(each):
            return "", False, f"; how far apart two seeds would be is not known (it takes {FEWEST_PAIRS} pairs of other repeats)"
        low, high = each.min(), each.max()
        pairs = f"{len(each)} pair{'' if len(each) == 1 else 's'} of repeats: {f'{high:.2f}' if high - low < 0.005 else f'{low:.2f} to {high:.2f}'}"
        if len(each) < FEWEST_PAIRS:
            return "", False, f"; too few repeats tell how far apart two seeds would be ({pairs})"
        judged, of_how_many = self._judged_by_repeats(row, each)
        return f"{judged}{of_how_many}: ", bool(of_how_many), f"; {pairs}"

    def _judged_by_repeats(self, row: int, each: np.ndarray) -> tuple[str, str]:
        typical = self.typical[row]
        if typical > max(_most_of_repeats(each), np.nan_to_num(self.typical_floor[row])):
            return "more than another seed makes" + (", too little to matter" if typical < self._least else ""), ""
        counted = _counted(self.distance, self.both_right)[row] & np.isfinite(self.distance[row])
        beyond = int((self.beyond_repeats[row] & counted).sum())
        some = f"{beyond} of {int(counted.sum())} probes" + (
            " that both answer right" if self.labelled and self.both_right[row].any() else ""
        )
        if beyond >= max(2, BEYOND_SHARE * counted.sum()):
            return "more than another seed makes", f" for {some}"
        if typical > max(each.max(), self._least, np.nan_to_num(self.typical_floor[row])):
            return "perhaps more than another seed makes", ""
        return "no more than another seed makes", f", but for {some}" if beyond > 1 else ""


def compare(
    run: Series, other: Series, explainer: str, align: str, measure: str, target: str | int, repeats: Iterable[tuple[Series, Series]] = ()
) -> Comparison:
    """See `Run.compare`. repeats: pairs of runs of the same recipe."""
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    differences.refuse_incomparable(run, other, explainer)
    pairing = alignment.pair(run, other, align)
    values, distance = _distance(run, other, explainer, measure, target, pairing)
    errors = _errors(run, other, explainer, target, pairing)
    right = np.stack(
        [_rows(history.right(each)[0], places) for each, places in ((run, _here(run, pairing)), (other, _there(other, pairing)))], axis=-1
    )
    apart, repeats = [], list(repeats)
    for pair in repeats:
        # One that has just begun, or is damaged, is no reason not to compare two others.
        with suppress(ArgumentError, RecordError):
            apart.append(_apart(*pair, explainer, align, measure, target, pairing))

    def beside(repeat: Series, series: np.ndarray) -> np.ndarray:
        return _beside(alignment.pair(repeat, repeat, align), series, pairing)

    places = np.stack([_here(run, pairing), _there(other, pairing)], axis=-1)
    return Comparison(
        *(run.name, other.name, explainer, measure, target, pairing, distance),
        floor=np.where(np.isnan(distance), np.nan, noise.floor(*values, errors, measure)),
        right=right,
        values=values,
        errors=errors,
        repeats=np.stack(apart) if apart else np.empty((0, *distance.shape)),
        labelled=run.record["probes"]["labels"] is not None and not run.settings["regression"],
        places=places,
        regions=region_pairs(run, other, explainer, target, places, seeds_of(run, other, repeats), beside),
    )


def really_differ(run: Series, other: Series, explainer: str, target: str | int, pairing: Pairing) -> np.ndarray:
    """bool (rows, probes, players): players that differ by more than noise; see `noise.really_changed`."""
    values, _ = _distance(run, other, explainer, "tv", target, pairing)
    return noise.really_changed(values[0] - values[1], _errors(run, other, explainer, target, pairing), values[1])


def _errors(run: Series, other: Series, explainer: str, target: str | int, pairing: Pairing) -> np.ndarray:
    """(rows, probes, players): standard errors of differences."""
    return differences.of_class(run, other, explainer, pairing, target, range(run.record["shape"]["probes"]))


def _distance(
    run: Series, other: Series, explainer: str, measure: str, target: str | int, pairing: Pairing
) -> tuple[np.ndarray, np.ndarray]:
    """Values (2, rows, probes, players), and distances (rows, probes)."""
    sides = ((run, _here(run, pairing)), (other, _there(other, pairing)))
    values = np.stack([_rows(each.of_class(target, f"values/{explainer}")[0], places) for each, places in sides])
    classes = [_rows(each.target_of(target), places) for each, places in sides]
    # Where they explain other classes there is nothing to subtract.
    return values, np.where(classes[0] == classes[1], MEASURES[measure](*values.astype(np.float64)), np.nan)


def _apart(run: Series, other: Series, explainer: str, align: str, measure: str, target: str | int, beside: Pairing) -> np.ndarray:
    """Distances of two repeats at the rows of another pair: (rows, probes), NaN where they have none."""
    pairing = alignment.pair(run, other, align)
    _, distance = _distance(run, other, explainer, measure, target, pairing)
    return _beside(pairing, distance, beside)


def _beside(pairing: Pairing, series: np.ndarray, beside: Pairing) -> np.ndarray:
    """A series (rows, …) of one pairing at the rows of another, NaN where it has none; rows counted from a best are found by how far they are from it."""
    found = np.full((len(beside.steps), *series.shape[1:]), np.nan)
    steps, wanted = (each.steps - (each.best or 0) for each in (pairing, beside))
    _, here, there = np.intersect1d(wanted, steps, return_indices=True)
    found[here] = series[there]
    return found


def _here(run: Series, pairing: Pairing) -> np.ndarray:
    return np.where(pairing.here == ABSENT, -1, np.searchsorted(run.all_steps, pairing.here))


def _there(other: Series, pairing: Pairing) -> np.ndarray:
    return np.where(pairing.there == ABSENT, -1, np.searchsorted(other.all_steps, pairing.there))


def _rows(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows at places; without a number at -1."""
    if not len(array):
        array = np.zeros((1, *array.shape[1:]), dtype=array.dtype)  # nothing is explained yet: all places are -1
    found = array[np.maximum(places, 0)]
    nothing = np.nan if found.dtype.kind == "f" else False if found.dtype.kind == "b" else -1
    return np.where((places >= 0).reshape(-1, *[1] * (found.ndim - 1)), found, found.dtype.type(nothing))


def _most_of_repeats(apart: np.ndarray) -> np.ndarray:
    """(…,): how far apart another seed makes two runs, of distances between repeats (pairs, …); NaN of fewer than two."""
    if not len(apart):
        return np.full(apart.shape[1:], np.nan)
    mean, deviation = _quietly(np.nanmean, apart), np.sqrt(_quietly(np.nanvar, apart))
    count = np.maximum(np.isfinite(apart).sum(axis=0), 1)
    deviation = deviation * np.sqrt(count / np.maximum(count - 1, 1))
    again = 1 + HALF_AGAIN * np.minimum(1, WELL_KNOWN / count)
    most = np.maximum(_quietly(np.nanmax, apart), np.maximum(mean + DEVIATIONS * deviation, again * mean))
    return np.where(np.isfinite(apart).sum(axis=0) > 1, most, np.nan)


def _counted(distance: np.ndarray, both_right: np.ndarray) -> np.ndarray:
    """bool (rows, probes): those that both answer right; all where there is none."""
    counted = both_right & np.isfinite(distance)
    return counted | ~counted.any(axis=1, keepdims=True)


def _typical(series: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return _quietly(np.nanmedian, np.where(counted, series, np.nan), axis=1)


def _quietly(statistic: object, array: np.ndarray, axis: int = 0) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN slices stay NaN
        return statistic(array, axis=axis)  # type: ignore[operator]
