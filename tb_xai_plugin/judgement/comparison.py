"""Comparison of two runs: the distance of their explanations, whether noise or another seed explains it, and which probes to look at first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.judgement import alignment, differences, distances, history, noise
from tb_xai_plugin.judgement.alignment import ABSENT, Pairing, places_of, rows_at
from tb_xai_plugin.judgement.distances import MEASURES, ignoring_nan
from tb_xai_plugin.judgement.region_pairs import RegionPair, leaning_words, region_pairs, seeds_of
from tb_xai_plugin.judgement.repeats import Repeats, listed
from tb_xai_plugin.judgement.words import count_words, step_words
from tb_xai_plugin.plots import cards
from tb_xai_plugin.records import asked
from tb_xai_plugin.records.wire import RETURNED, UNTRAINED

if TYPE_CHECKING:
    from tb_xai_plugin.records.asked import Regions
    from tb_xai_plugin.records.series import Series, Target


# With fewer pairs of repeats, the effect of another seed is unknown.
FEWEST_PAIRS = 3
# The seed explains distances up to so many standard deviations above the mean distance between repeats. As a few pairs do not show their spread
# well, it also explains distances half as large again as the mean; with more than WELL_KNOWN pairs, this margin shrinks.
DEVIATIONS = 3
HALF_AGAIN = 0.5
WELL_KNOWN = 6
# Two runs differ by more than the seed explains where the typical probe does, or this share of probes, and at least two: an artefact may lie in
# only a few of them.
BEYOND_SHARE = 0.25

# Below this distance two explanations give the same reasons, even where the difference is significant: less than a tenth of the attribution map,
# or one of five top players, or a quarter of the size.
LEAST_APART = {"tv": 0.1, "cosine": 0.01, "spearman": 0.05, "top-k": 0.2, "magnitude": 0.1}

# What repeats say of two runs, in a verdict.
BEYOND = "the runs differ by more than the seed explains"
MAYBE = "the runs may differ by more than the seed explains"
WITHIN = "the runs differ by no more than the seed explains"
LITTLE = ", but too little to matter"

# A noise floor so many times as high as the least distance that matters could hide any difference.
HIDING = 2.5

# How a verdict names the probes whose prediction is the label in both runs.
BOTH_RIGHT = "that both runs get right"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The distance of two runs' explanations, one row a pair of epochs; see `Run.compare`.

    Attributes:
        run, other: the names of the two runs.
        explainer, measure, target: what was compared.
        pairing: which epoch of `other` each epoch of `run` is compared with.
        distance: float (rows, probes), in units of the measure; NaN where a run has no number, or the two explain different classes.
        floor: float (rows, probes), the noise floor of the distance; NaN where unknown.
        right: bool (rows, probes, 2), whether the prediction of each run is the label; of a regression, and without labels, whether its
            output is a number.
        values: float32 (2, rows, probes, players), the attributions of `run` and of `other`.
        errors: float32 (rows, probes, players), standard errors of their difference.
        repeats: float (pairs of repeats, rows, probes), distances between repeats of the same recipes; empty where none are known.
        labelled: whether predictions can be right: the probes have labels, and the model is a classifier.
        places: int (rows, 2), the index of each row in `Run.all_steps` of each run; -1 where it has none.
        regions: {name: the share of both runs}, of declared regions that are the same in both, and of those that were asked for.
        found: what the names of the runs say of repeats.
        comparable: True; see `SideBySide` for runs that can't be compared as a whole.
    """

    run: str
    other: str
    explainer: str
    measure: str
    target: Target
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
    found: Repeats = field(default_factory=Repeats)

    comparable = True

    def __repr__(self) -> str:
        epochs = count_words(int((~np.isin(self.steps, (UNTRAINED, RETURNED))).sum()), "epoch")
        return (
            f"Comparison({self.run!r}, {self.other!r}, {self.explainer!r}, {epochs}: {self.verdict() if len(self.steps) else 'none yet'})"
        )

    def _repr_html_(self) -> str:
        return cards.of_comparison(self)

    @property
    def steps(self) -> np.ndarray:
        """int64 (rows,): the epoch that names each row; the last is RETURNED, the returned models, where both runs have finished."""
        return self.pairing.steps

    @property
    def real(self) -> np.ndarray:
        """bool (rows, probes): whether the distance is above its noise floor; False where the floor is unknown."""
        with np.errstate(invalid="ignore"):
            real: np.ndarray = self.distance > self.floor
        return real

    @property
    def other_reasons(self) -> np.ndarray:
        """bool (rows, probes): whether the runs have different reasons for a probe.

        The distance is above its noise floor, as far as that is known, and large enough to matter: at least 0.1 for "tv".
        """
        with np.errstate(invalid="ignore"):
            above: np.ndarray = self.distance > np.nan_to_num(self.floor)
            return above & (self.distance >= self._least)

    @cached_property
    def beyond_repeats(self) -> np.ndarray:
        """bool (rows, probes): whether the runs have different reasons, at a distance larger than the seed explains.

        False where fewer than 3 pairs of repeats are known.
        """
        known = np.isfinite(self.repeats).sum(axis=0) >= FEWEST_PAIRS
        with np.errstate(invalid="ignore"):
            beyond: np.ndarray = self.other_reasons & known & (self.distance > _most_of_repeats(self.repeats))
        return beyond

    @property
    def _least(self) -> float:
        return LEAST_APART[self.measure]

    @cached_property
    def both_right(self) -> np.ndarray:
        """bool (rows, probes): whether both runs are right."""
        return np.asarray(self.right.all(axis=-1))

    @cached_property
    def changed(self) -> np.ndarray:
        """bool (rows, probes, players): players whose attribution differs by more than noise, with a false discovery rate of 5 %."""
        return noise.significant_changes(self.values[0] - self.values[1], self.errors, self.values[1])

    def changed_at(self, row: int) -> np.ndarray:
        """bool (probes, players): `changed` of one row."""
        here, there = self.values[:, row]
        return noise.significant_changes(here - there, self.errors[row], there)

    @property
    def typical(self) -> np.ndarray:
        """float (rows,): the median distance over the probes that both runs get right; over all probes where there is none."""
        return _typical(self.distance, _counted(self.distance, self.both_right))

    @property
    def typical_floor(self) -> np.ndarray:
        """float (rows,): the median noise floor over the same probes; NaN where none is known."""
        return _typical(self.floor, _counted(self.distance, self.both_right))

    @property
    def spread(self) -> np.ndarray | None:
        """float (rows, 3): the lowest, mean and highest `typical` distance between repeats, NaN where none has that epoch.

        None where no repeats are known.
        """
        if not len(self.repeats):
            return None
        return np.stack([ignoring_nan(statistic, self._between_repeats) for statistic in (np.nanmin, np.nanmean, np.nanmax)], axis=-1)

    @cached_property
    def _between_repeats(self) -> np.ndarray:
        return np.stack([_typical(distance, _counted(distance, self.both_right)) for distance in self.repeats])

    @property
    def grouped(self) -> dict[str, tuple[str, ...]]:
        """The repeats of both runs: {name of a recipe: the names of its runs}."""
        return self.found.only((self.run, self.other))

    def place(self, step: int | None = None) -> int:
        """The row of an epoch.

        Args:
            step: the epoch that names the row; by default the best epoch where runs are aligned by it, else the last with numbers. The
                returned model is the default only where there is nothing else.

        Raises:
            ArgumentError (a ValueError): a step that no row has, or runs without an explained epoch.
        """
        return self.pairing.row(step, np.isfinite(self.distance).any(axis=1), (self.run, self.other))

    def look_first(self, step: int | None = None) -> list[int]:
        """Numbers of the probes with different reasons, in the order in which to look at them.

        Probes that both runs get right come first, then those farthest above their noise floor. step: as in `place`.
        """
        row = self.place(step)
        above = self.distance[row] - np.nan_to_num(self.floor[row])
        probes = np.flatnonzero(self.other_reasons[row])
        return sorted(probes.tolist(), key=lambda probe: (not self.both_right[row, probe], -above[probe]))

    def verdict(self, step: int | None = None) -> str:
        """Whether the runs have the same reasons at an epoch, in a sentence or two.

        The most important comes first, because a narrow window cuts off the end. step: as in `place`.
        """
        row = self.place(step)
        compared, both = np.isfinite(self.distance[row]), self.both_right[row]
        if not compared.any():
            return self._nothing(row)
        counted = compared & both if (compared & both).any() else compared
        which = (
            f"probes {BOTH_RIGHT}"
            if self.labelled and both.any()
            else "probes, none of which both runs get right,"
            if self.labelled
            else "probes"
        )
        median = f"median distance {self.typical[row]:.2f}"
        known = counted & np.isfinite(self.floor[row])
        if not known.any():
            words = f"the explanations of {int(counted.sum())} {which} have the {median}; how much of it is noise is unknown"
        else:
            other = int((self.other_reasons[row] & known).sum())
            differ = "explanations of a different size" if self.measure == "magnitude" else "different reasons"
            words = f"{other or 'none'} of {int(known.sum())} {which} {'have' if other != 1 else 'has'} {differ}, {median}"
            if self._noise_hides(row, counted):
                floor = f"median noise floor {self.typical_floor[row]:.2f}"
                words = f"noise hides whether {int(known.sum())} {which} have {differ}: {median}, {floor} (give more evaluations)"
        beyond, names_probes, repeats = self._against_repeats(row)
        sentence = f"{beyond}{median if names_probes else words}{repeats}."
        if self.steps[row] == UNTRAINED:
            return f"Before training: {sentence}"
        if self.steps[row] == RETURNED and len(self.steps) > 1:
            return f"{leaning_words(self.regions, row)}The returned models: {sentence}"
        return leaning_words(self.regions, row) + sentence[0].upper() + sentence[1:]

    def outcome(self, step: int | None = None) -> str:
        """The verdict in one word: "same" | "different" | "unclear".

        Where three pairs of repeats are known, what they say: runs that differ by no more than the seed explains, or by too little to matter, are
        the same. Without them, runs are the same where no probe has different reasons, and different where a quarter of the probes has, and at least two:
        another seed may explain that. Where noise could hide any difference, it is unclear. step: as in `place`.
        """
        row = self.place(step)
        counted = _counted(self.distance, self.both_right)[row] & np.isfinite(self.distance[row])
        if not counted.any():
            return "unclear"
        distances = self._between_repeats[:, row] if len(self.repeats) else np.empty(0)
        distances = distances[np.isfinite(distances)]
        if len(distances) >= FEWEST_PAIRS:
            beyond, _ = self._beyond_seed(row, distances)
            return {MAYBE: "unclear", WITHIN: "same", BEYOND + LITTLE: "same"}.get(beyond, "different")
        if self._noise_hides(row, counted):
            return "unclear"
        other = int((self.other_reasons[row] & counted).sum())
        return "same" if not other else "different" if other >= max(min(2, counted.sum()), BEYOND_SHARE * counted.sum()) else "unclear"

    def _noise_hides(self, row: int, counted: np.ndarray) -> bool:
        """Whether no counted probe has different reasons, and noise is so large that it could hide any."""
        return not (self.other_reasons[row] & counted).any() and bool(self.typical_floor[row] > HIDING * self._least)

    def _nothing(self, row: int) -> str:
        if without := self.without(row):
            return f"There is nothing to compare: {without}."
        return "There is nothing to compare: no probe has numbers of the same class in both runs."

    def without(self, row: int) -> str:
        """Which runs have nothing at a row, in words; "" where both have something."""
        sides = ((self.run, self.pairing.here[row]), (self.other, self.pairing.there[row]))
        names = " and ".join(name for name, at in sides if at == ABSENT)
        return f"{names} explained no epoch that is aligned with {step_words(int(self.steps[row]))}" if names else ""

    def _against_repeats(self, row: int) -> tuple[str, bool, str]:
        """Whether the seed explains the distance, whether these words name a number of probes, and the distances between repeats, in words."""
        distances = self._between_repeats[:, row] if len(self.repeats) else np.empty(0)
        distances = distances[np.isfinite(distances)]
        if not len(distances):
            return "", False, f"; how far apart two seeds are is unknown ({self._how_to_mark()})"
        low, high = distances.min(), distances.max()
        between = f"{high:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"
        pairs = f"{count_words(len(distances), 'pair')} of repeats: {between}"
        if len(distances) < FEWEST_PAIRS:
            return "", False, f"; how far apart two seeds are is unknown from so few repeats ({pairs})"
        beyond, which = self._beyond_seed(row, distances)
        return f"{beyond}{which}: ", bool(which), f"; {pairs}"

    def _how_to_mark(self) -> str:
        """How repeats become known, in words."""
        if self.grouped:
            return f"known repeats: {listed(self.grouped)}; train three more"
        proposed = {name: names for name, names in self.found.proposed.items() if {self.run, self.other} & set(names)}
        if not proposed:
            return "train three of each recipe, named …-seed1, …-seed2, …-seed3"
        return f"if they are repeats, the pattern '{self.found.pattern}' groups {listed(proposed)}"

    def _beyond_seed(self, row: int, distances: np.ndarray) -> tuple[str, str]:
        """Whether the runs differ by more than the seed explains, and for how many probes where not for the typical one, in words."""
        typical = self.typical[row]
        if typical > max(_most_of_repeats(distances), np.nan_to_num(self.typical_floor[row])):
            return BEYOND + (LITTLE if typical < self._least else ""), ""
        counted = _counted(self.distance, self.both_right)[row] & np.isfinite(self.distance[row])
        beyond = int((self.beyond_repeats[row] & counted).sum())
        some = f"{beyond} of {int(counted.sum())} probes" + (f" {BOTH_RIGHT}" if self.labelled and self.both_right[row].any() else "")
        if beyond >= max(2, BEYOND_SHARE * counted.sum()):
            return BEYOND, f" on {some}"
        if typical > max(distances.max(), self._least, np.nan_to_num(self.typical_floor[row])):
            return MAYBE, ""
        return WITHIN, f", except on {some}" if beyond > 1 else ""


def compare(
    run: Series,
    other: Series,
    explainer: str,
    align: str,
    measure: str,
    target: Target,
    found: Repeats | None = None,
    runs: Mapping[str, Series] | None = None,
    regions: Regions = None,
) -> Comparison:
    """See `Run.compare`. found: which of `runs`, {name: run}, are repeats."""
    found, runs = found or Repeats(), runs or {}
    pairs = [(runs[one], runs[two]) for one, two in found.pairs((run.name, other.name)) if one in runs and two in runs]
    repeats = [pair for pair in pairs if not any(differences.incomparable(run, repeat, explainer) for repeat in pair)]
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    differences.refuse_incomparable(run, other, explainer)
    wanted = asked.of_both(run, other, regions)
    pairing = alignment.with_returned(alignment.pair(run, other, align), run, other)
    values, distance = _distance(run, other, explainer, measure, target, pairing)
    errors = _errors(run, other, explainer, target, pairing)
    places = np.stack([places_of(run, pairing.here), places_of(other, pairing.there)], axis=-1)
    right = np.stack([rows_at(history.right(side)[0], of_side) for side, of_side in zip((run, other), places.T, strict=True)], axis=-1)
    of_repeats = []
    for pair in repeats:
        # A repeat that has just begun, or is damaged, is left out.
        with suppress(ArgumentError, RecordError):
            of_repeats.append(_distance_of_repeats(*pair, explainer, align, measure, target, pairing))

    def at_rows(repeat: Series, series: np.ndarray) -> np.ndarray:
        own = alignment.with_returned(alignment.pair(repeat, repeat, align), repeat, repeat)
        return _at_rows(own, rows_at(series, places_of(repeat, own.here)), pairing, once=repeat.once)

    return Comparison(
        *(run.name, other.name, explainer, measure, target, pairing, distance),
        floor=np.where(
            np.isnan(distance), np.nan, noise.floor(values[0], values[1], errors, measure, _logged(run, other, explainer, target, pairing))
        ),
        right=right,
        values=values,
        errors=errors,
        repeats=np.stack(of_repeats) if of_repeats else np.empty((0, *distance.shape)),
        labelled=run.labelled,
        places=places,
        regions=region_pairs(run, other, explainer, target, places, seeds_of(run, other, repeats), at_rows, wanted, found.numbers),
        found=found,
    )


def significant_differences(run: Series, other: Series, explainer: str, target: Target, pairing: Pairing) -> np.ndarray:
    """bool (rows, probes, players): players whose attribution differs by more than noise; see `noise.significant_changes`."""
    values, _ = _distance(run, other, explainer, "tv", target, pairing)
    return noise.significant_changes(values[0] - values[1], _errors(run, other, explainer, target, pairing), values[1])


def _errors(run: Series, other: Series, explainer: str, target: Target, pairing: Pairing) -> np.ndarray:
    """float32 (rows, probes, players): standard errors of the differences."""
    return differences.of_class(run, other, explainer, pairing, target, range(run.record["shape"]["probes"]))


def _logged(run: Series, other: Series, explainer: str, target: Target, pairing: Pairing) -> noise.LoggedPair:
    """What was logged of the sampling errors of both sides, (rows, probes, numbers) each."""
    sides = ((run, pairing.here), (other, pairing.there))
    found = [
        None if (all_steps := differences.noise_of_class(side, explainer, target)) is None else rows_at(all_steps, places_of(side, steps))
        for side, steps in sides
    ]
    return found[0], found[1]


def _distance(run: Series, other: Series, explainer: str, measure: str, target: Target, pairing: Pairing) -> tuple[np.ndarray, np.ndarray]:
    """Values (2, rows, probes, players), and distances (rows, probes)."""
    sides = ((run, places_of(run, pairing.here)), (other, places_of(other, pairing.there)))
    values = np.stack([rows_at(side.of_class(target, f"values/{explainer}")[0], places) for side, places in sides])
    classes = [rows_at(side.target_of(target), places) for side, places in sides]
    # Explanations of different classes are not compared.
    return values, np.where(classes[0] == classes[1], distances.between(values[0], values[1], measure), np.nan)


def _distance_of_repeats(run: Series, other: Series, explainer: str, align: str, measure: str, target: Target, rows: Pairing) -> np.ndarray:
    """Distances of two repeats at the rows of another pairing: (rows, probes), NaN where they have none."""
    pairing = alignment.with_returned(alignment.pair(run, other, align), run, other)
    _, distance = _distance(run, other, explainer, measure, target, pairing)
    return _at_rows(pairing, distance, rows, once=run.once and other.once)


def _at_rows(pairing: Pairing, series: np.ndarray, rows: Pairing, *, once: bool) -> np.ndarray:
    """A series (rows, …) of one pairing at the rows of another, NaN where it has none. Rows that are aligned by the best epoch keep their offset from it.

    A pairing of models that were explained once has one row, which stands for every other.
    """
    if once:
        return np.broadcast_to(series, (len(rows.steps), *series.shape[1:])).astype(np.float64)
    aligned = np.full((len(rows.steps), *series.shape[1:]), np.nan)
    steps, wanted = (np.where(pairs.steps == RETURNED, RETURNED, pairs.steps - (pairs.best or 0)) for pairs in (pairing, rows))
    _, to, origin = np.intersect1d(wanted, steps, return_indices=True)
    aligned[to] = series[origin]
    return aligned


def _most_of_repeats(distances: np.ndarray) -> np.ndarray:
    """(…,): the largest distance that the seed explains, from distances between repeats, (pairs, …); NaN with fewer than two."""
    if not len(distances):
        return np.full(distances.shape[1:], np.nan)
    mean, deviation = ignoring_nan(np.nanmean, distances), np.sqrt(ignoring_nan(np.nanvar, distances))
    count = np.maximum(np.isfinite(distances).sum(axis=0), 1)
    deviation = deviation * np.sqrt(count / np.maximum(count - 1, 1))
    again = 1 + HALF_AGAIN * np.minimum(1, WELL_KNOWN / count)
    most = np.maximum(ignoring_nan(np.nanmax, distances), np.maximum(mean + DEVIATIONS * deviation, again * mean))
    return np.where(np.isfinite(distances).sum(axis=0) > 1, most, np.nan)


def _counted(distance: np.ndarray, both_right: np.ndarray) -> np.ndarray:
    """bool (rows, probes): probes that both runs get right; all probes where there is none."""
    counted = both_right & np.isfinite(distance)
    chosen: np.ndarray = counted | ~counted.any(axis=1, keepdims=True)
    return chosen


def _typical(series: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return ignoring_nan(np.nanmedian, np.where(counted, series, np.nan), axis=1)
