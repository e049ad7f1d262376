"""Two runs side by side: how far apart their reasons are, whether that is more than noise and more than another seed would make, and where to look."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin import alignment, differences, judgement, noise, stability
from tb_xai_plugin.alignment import ABSENT, Pairing
from tb_xai_plugin.record import RecordError
from tb_xai_plugin.stability import MEASURES, ArgumentError
from tb_xai_plugin.wire import UNTRAINED

if TYPE_CHECKING:
    from tb_xai_plugin.reader import Run

# What tells repeats of one recipe apart, as a part of a run's name: "cnn-seed3", "cnn/run_2", "cnn trial 1".
REPEAT = r"(?:^|[-_/ .])(?:seed|run|repeat|rep|trial|try|fold)[-_=. ]*[0-9]+(?=$|[-_/ .])"

LONGEST_PATTERN = 200

# With fewer pairs of repeats, nobody can say what another seed makes.
FEWEST_PAIRS = 3
# More repeats hardly say more, and each is read: 28 pairs.
MOST_REPEATS = 8
# Another seed makes distances up to so many standard deviations above those between repeats, and, as few pairs don't tell a spread well, up to half
# as large again; less of that where more than six pairs are known.
DEVIATIONS = 3
HALF_AGAIN = 0.5
WELL_KNOWN = 6
# Two runs are farther apart than another seed makes where the typical probe is, or so many of them, two at least: an artefact may lie in few.
BEYOND_SHARE = 0.25

# All runs of one recipe above all of the other's: of so many orders, two are like that by chance. And they are to be so far apart, in the mean.
LEAST_ORDERS = 20
LEAST_SHARES_APART = 0.02

# Two explanations that are nearer to each other give the same reasons, however surely they differ: less than a tenth of the map,
# or one of five top players, or a quarter of the size.
LEAST_APART = {"tv": 0.1, "cosine": 0.01, "spearman": 0.05, "top-k": 0.2, "magnitude": 0.1}


@dataclass(frozen=True, eq=False)
class Leaning:
    """How two runs lean on a region, row by row.

    Attributes:
        share: float (rows, 2), mean over probes; NaN where there is none.
        leans: bool (rows, 2), from the run's onset on.
        probes: int (rows, 2), how many probes have their own onset by then; in_few: (2,), whether it is they alone that lean.
        of: how many have a part of it.
        seeds: (runs, rows) of the first run's recipe and of the other's, both among them: their `share`; without runs where the recipes are one or unknown.
    """

    share: np.ndarray
    leans: np.ndarray
    probes: np.ndarray
    in_few: tuple[bool, bool]
    of: int
    seeds: tuple[np.ndarray, np.ndarray]

    def words(self, name: str, row: int) -> str:
        """Which of both leans on it where the other does not; "" where that is no matter."""
        one = int(self.leans[row, 1])
        now, other = self.share[row, one], self.share[row, 1 - one]
        if self.leans[row].sum() != 1 or not other < now / 2:
            said = self.words_of_seeds(row)
            return f"{name}: {said}. " if said else ""
        few = f" in {self.probes[row, one]} of {self.of} probes" if self.in_few[one] else ""
        return f"{'AB'[one]} leans on {name}{few} ({percent(now)}{' over all' if few else ''}), {'BA'[one]} does not ({percent(other)}). "

    def words_of_seeds(self, row: int) -> str:
        """That all runs of one recipe put more on it than all of the other's; "" where they don't, or where that would be chance."""
        a, b = (each[np.isfinite(each)] for each in (side[:, row] for side in self.seeds))
        if comb(len(a) + len(b), len(a)) < LEAST_ORDERS or not (a.max() < b.min() or b.max() < a.min()):
            return ""
        if abs(a.mean() - b.mean()) < LEAST_SHARES_APART:
            return ""
        ranges = (f"{percent(each.min())} to {percent(each.max())}" for each in (a, b))
        return f"{len(a)} runs of A's recipe put {next(ranges)} there, {len(b)} of B's {next(ranges)}"


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
        regions: {name: how both lean on it}, of regions that are the same in both.
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
    regions: dict[str, Leaning]

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
        judged, beside = self._beside_repeats(row)
        if "probes" in judged:  # which says of how many
            words = apart
        said = f"{judged}{words}{beside}."
        if self.steps[row] == UNTRAINED:
            return f"Before training: {said}"
        apart_most = sorted(self.regions, key=lambda name: -abs(np.diff(self.regions[name].share[row])[0]))
        leaning = (self.regions[name].words(name, row) for name in apart_most)
        return next(filter(None, leaning), "") + said[0].upper() + said[1:]

    def _nothing(self, row: int) -> str:
        epoch = "the untrained model" if self.steps[row] == UNTRAINED else f"epoch {int(self.steps[row])}"
        without = [name for name, at in ((self.run, self.pairing.here[row]), (self.other, self.pairing.there[row])) if at == ABSENT]
        if without:
            return f"There is nothing to compare: {' and '.join(without)} explained nothing that stands beside {epoch}."
        return "There is nothing to compare: no probe has numbers in both, of the same class."

    def _beside_repeats(self, row: int) -> tuple[str, str]:
        """Whether it is more than another seed makes, and of what repeats that is known."""
        each = self._between_repeats[:, row] if len(self.repeats) else np.empty(0)
        each = each[np.isfinite(each)]
        if not len(each):
            return "", f"; how far apart two seeds would be is not known (it takes {FEWEST_PAIRS} pairs of other repeats)"
        low, high = each.min(), each.max()
        pairs = f"{len(each)} pair{'' if len(each) == 1 else 's'} of repeats: {f'{high:.2f}' if high - low < 0.005 else f'{low:.2f} to {high:.2f}'}"
        if len(each) < FEWEST_PAIRS:
            return "", f"; too few repeats tell how far apart two seeds would be ({pairs})"
        return f"{self._judged_by_repeats(row, each)}: ", f"; {pairs}"

    def _judged_by_repeats(self, row: int, each: np.ndarray) -> str:
        typical = self.typical[row]
        if typical > max(_most_of_repeats(each), np.nan_to_num(self.typical_floor[row])):
            return "more than another seed makes" if typical >= self._least else "more than another seed makes, too little to matter"
        counted = _counted(self.distance, self.both_right)[row] & np.isfinite(self.distance[row])
        beyond = int((self.beyond_repeats[row] & counted).sum())
        some = f"{beyond} of {int(counted.sum())} probes" + (
            " that both answer right" if self.labelled and self.both_right[row].any() else ""
        )
        if beyond >= max(2, BEYOND_SHARE * counted.sum()):
            return f"more than another seed makes for {some}"
        if typical > max(each.max(), self._least, np.nan_to_num(self.typical_floor[row])):
            return "perhaps more than another seed makes"
        return "no more than another seed makes" + (f", but for {some}" if beyond > 1 else "")


def compare(
    run: Run, other: Run, explainer: str, align: str, measure: str, target: str | int, repeats: Iterable[tuple[Run, Run]] = ()
) -> Comparison:
    """See `Run.compare`. repeats: pairs of runs of the same recipe."""
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    differences.refuse_incomparable(run, other, explainer)
    pairing = alignment.pair(run, other, align)
    values, distance = _distance(run, other, explainer, measure, target, pairing)
    errors = _errors(run, other, explainer, target, pairing)
    right = np.stack(
        [_rows(judgement.right(each)[0], places) for each, places in ((run, _here(run, pairing)), (other, _there(other, pairing)))], axis=-1
    )
    apart, repeats = [], list(repeats)
    for pair in repeats:
        # One that has just begun, or is damaged, is no reason not to compare two others.
        with suppress(ArgumentError, RecordError):
            apart.append(_apart(*pair, explainer, align, measure, target, pairing))
    return Comparison(
        *(run.name, other.name, explainer, measure, target, pairing, distance),
        floor=np.where(np.isnan(distance), np.nan, noise.floor(*values, errors, measure)),
        right=right,
        values=values,
        errors=errors,
        repeats=np.stack(apart) if apart else np.empty((0, *distance.shape)),
        labelled=run.record["probes"]["labels"] is not None and not run.settings["regression"],
        regions={
            name: _leaning(
                name, run, other, explainer, target, pairing, _seeds(name, run, other, explainer, align, target, pairing, repeats)
            )
            for name in common_regions(run, other)
        },
    )


def common_regions(run: Run, other: Run) -> list[str]:
    """Regions that are the same in both. They are no part of what makes runs comparable: one may lie elsewhere, or be of one run alone."""
    both = [name for name in run.record["probes"]["regions"] if name in other.record["probes"]["regions"]]
    return [name for name in both if np.array_equal(run.inside(name), other.inside(name))]


def _seeds(
    region: str,
    run: Run,
    other: Run,
    explainer: str,
    align: str,
    target: str | int,
    pairing: Pairing,
    repeats: Sequence[tuple[Run, Run]],
) -> tuple[np.ndarray, np.ndarray]:
    """See `Leaning.seeds`. repeats: pairs of runs of the same recipe."""
    recipes = [{each.name: each for pair in repeats if of.name in {one.name for one in pair} for each in pair} for of in (run, other)]
    if recipes[0].keys() & recipes[1].keys() or not all(recipes):
        recipes = [{}, {}]
    inside = run.inside(region)
    found = []
    for recipe_of in recipes:
        shares = []
        for repeat in recipe_of.values():
            with suppress(ArgumentError, RecordError):
                shares.append(_share_beside(repeat, inside, explainer, align, target, pairing))
        found.append(np.stack(shares) if shares else np.empty((0, len(pairing.steps))))
    return found[0], found[1]


def _share_beside(repeat: Run, inside: np.ndarray, explainer: str, align: str, target: str | int, beside: Pairing) -> np.ndarray:
    """(rows,): the mean share of a repeat at the rows of a pair, NaN where it has none; as of `_apart`."""
    pairing = alignment.pair(repeat, repeat, align)
    share = stability.region_share(repeat.of_class(target, f"values/{explainer}")[0], inside)
    share = stability.mean_of_known(np.where(inside.any(axis=-1), share, np.nan))
    found = np.full(len(beside.steps), np.nan)
    steps, wanted = (each.steps - (each.best or 0) for each in (pairing, beside))
    _, here, there = np.intersect1d(wanted, steps, return_indices=True)
    found[here] = _rows(share, _here(repeat, pairing))[there]
    return found


def _leaning(
    name: str, run: Run, other: Run, explainer: str, target: str | int, pairing: Pairing, seeds: tuple[np.ndarray, np.ndarray]
) -> Leaning:
    sides = (
        (run.all_region_share(explainer, name, target), _here(run, pairing)),
        (other.all_region_share(explainer, name, target), _there(other, pairing)),
    )
    return Leaning(
        share=np.stack([_rows(stability.mean_of_known(share.share), places) for share, places in sides], axis=-1),
        leans=np.stack([(share.onset_of_run >= 0) & (places >= share.onset_of_run) for share, places in sides], axis=-1),
        probes=np.stack([((share.onset >= 0) & (share.onset <= places[:, None])).sum(axis=1) for share, places in sides], axis=-1),
        in_few=tuple(share.in_few for share, _ in sides),
        of=int(np.isfinite(sides[0][0].before).sum()),
        seeds=seeds,
    )


def really_differ(run: Run, other: Run, explainer: str, target: str | int, pairing: Pairing) -> np.ndarray:
    """bool (rows, probes, players): players that differ by more than noise; see `noise.really_changed`."""
    values, _ = _distance(run, other, explainer, "tv", target, pairing)
    return noise.really_changed(values[0] - values[1], _errors(run, other, explainer, target, pairing), values[1])


def _errors(run: Run, other: Run, explainer: str, target: str | int, pairing: Pairing) -> np.ndarray:
    """(rows, probes, players): standard errors of differences."""
    return run.all_change_errors(explainer, other, pairing, target, range(run.record["shape"]["probes"]))


def _distance(run: Run, other: Run, explainer: str, measure: str, target: str | int, pairing: Pairing) -> tuple[np.ndarray, np.ndarray]:
    """Values (2, rows, probes, players), and distances (rows, probes)."""
    sides = ((run, _here(run, pairing)), (other, _there(other, pairing)))
    values = np.stack([_rows(each.of_class(target, f"values/{explainer}")[0], places) for each, places in sides])
    classes = [_rows(each.target_of(target), places) for each, places in sides]
    # Where they explain other classes there is nothing to subtract.
    return values, np.where(classes[0] == classes[1], MEASURES[measure](*values.astype(np.float64)), np.nan)


def _apart(run: Run, other: Run, explainer: str, align: str, measure: str, target: str | int, beside: Pairing) -> np.ndarray:
    """Distances of two repeats at the rows of another pair: (rows, probes), NaN where they have none.

    Rows that are counted from each run's best are found by how far they are from it.
    """
    pairing = alignment.pair(run, other, align)
    _, distance = _distance(run, other, explainer, measure, target, pairing)
    found = np.full((len(beside.steps), distance.shape[1]), np.nan)
    steps, wanted = (each.steps - (each.best or 0) for each in (pairing, beside))
    _, here, there = np.intersect1d(wanted, steps, return_indices=True)
    found[here] = distance[there]
    return found


def _here(run: Run, pairing: Pairing) -> np.ndarray:
    return np.where(pairing.here == ABSENT, -1, np.searchsorted(run.all_steps, pairing.here))


def _there(other: Run, pairing: Pairing) -> np.ndarray:
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


def percent(share: float) -> str:
    return "?" if not np.isfinite(share) else f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "below 1 %"


def recipe(name: str, pattern: str = REPEAT) -> str | None:
    """A run's name without what tells repeats apart, of several the last; None where it does not say that it is a repeat.

    Raises:
        ArgumentError (a ValueError): a pattern that is no regular expression.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ArgumentError(f"repeats: the pattern has {len(pattern)} characters; give at most {LONGEST_PATTERN}.")
    try:
        matches = [found for found in re.finditer(pattern, name, re.IGNORECASE) if found.group()]
    except re.error as error:
        raise ArgumentError(f"repeats: {pattern[:100]!r} is no regular expression ({error}); give e.g. '-seed[0-9]+'.") from error
    # A name that is nothing else says which run it is, and not of what.
    return name[: matches[-1].start()] + name[matches[-1].end() :] or None if matches else None


def repeats_of(names: Sequence[str], wanted: Iterable[str], pattern: str = REPEAT) -> list[tuple[str, str]]:
    """Pairs of names of repeats of the same recipe as one of `wanted`, of the first MOST_REPEATS of each recipe.

    Where those are repeats of each other, pairs without either of them: what is judged is no part of its own yardstick.
    """
    recipes, wanted = {name: recipe(name, pattern) for name in names}, list(wanted)
    asked = [recipe(name, pattern) for name in wanted]
    if len(wanted) > 1 and len(set(asked)) == 1:
        names = [name for name in names if name not in wanted]
    pairs = []
    for one in dict.fromkeys(asked):
        same = [name for name in names if recipes[name] is not None and recipes[name] == one][:MOST_REPEATS]
        pairs += combinations(same, 2)
    return pairs
