"""How much attribution two runs put on a region, compared with the repeats of their recipes: numbers and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.judgement import summaries
from tb_xai_plugin.judgement.shares import Share, share, share_inside
from tb_xai_plugin.judgement.words import percent

if TYPE_CHECKING:
    from tb_xai_plugin.records.asked import Region, Regional
    from tb_xai_plugin.records.series import Series, Target

# Recipes differ in a region where all runs of one are above all runs of the other. By chance that happens in two of all orders, so there must
# be at least so many orders. And the means must be at least so far apart.
LEAST_ORDERS = 20
LEAST_SHARES_APART = 0.02


@dataclass(frozen=True, eq=False)
class RegionPair:
    """How much attribution two runs put on one region.

    Attributes:
        shares: the share of each run.
        places: int (rows, 2), the index of each row in `Run.all_steps` of each run; -1 where it has none.
        seeds: mean shares of the repeats of each run's recipe, the run itself included, (repeats, rows) each; without rows of repeats where
            both runs have the same recipe, or one has none that is known.
        same_seed: the rows of `seeds` that have the same number in their names, (of the first recipe, of the second) each: such runs are pairs.
        asked: whether the region was not declared with the probes, but asked for.
    """

    shares: tuple[Share, Share]
    places: np.ndarray
    seeds: tuple[np.ndarray, np.ndarray]
    same_seed: tuple[tuple[int, int], ...] = ()
    asked: bool = False

    def now(self, row: int) -> list[float]:
        """The mean share of each run at a row; NaN where there is none."""
        sides = zip(self.shares, self.places[row].tolist(), strict=True)
        return [float(summaries.mean_of_known(share.share[place])) if place >= 0 else float("nan") for share, place in sides]

    def words(self, name: str, row: int) -> str:
        """Which run leans on the region where the other does not, or else how the recipes differ; "" where neither applies."""
        leans = [0 <= share.onset_of_run <= place for share, place in zip(self.shares, self.places[row].tolist(), strict=True)]
        one, now = int(leans[1]), self.now(row)
        if sum(leans) != 1 or not now[1 - one] < now[one] / 2:
            seeds = self.seeds_words(row)
            return f"{name}: {seeds}. " if seeds else ""
        few = self.shares[one].in_few_words(int(self.places[row, one]))
        put = f"{percent(now[one])}{' over all,' if few else ''} {self.shares[one].on_words()}"
        return f"{'AB'[one]} leans on {name}{few} ({put}), {'BA'[one]} does not ({percent(now[1 - one])}). "

    def seeds_words(self, row: int) -> str:
        """The ranges of both recipes, where all runs of one put more on the region than all runs of the other, or else each run of one more than the
        run of the other with the same seed; "" where that may be chance."""
        a, b = (shares[np.isfinite(shares)] for shares in (side[:, row] for side in self.seeds))
        if comb(len(a) + len(b), len(a)) < LEAST_ORDERS or not (a.max() < b.min() or b.max() < a.min()):
            return self._same_seed_words(row)
        if abs(a.mean() - b.mean()) < LEAST_SHARES_APART:
            return ""
        of_a, of_b = (f"{percent(shares.min())} to {percent(shares.max())}" for shares in (a, b))
        return f"{len(a)} runs of A's recipe put {of_a} there, {len(b)} runs of B's recipe {of_b}"

    def _same_seed_words(self, row: int) -> str:
        """Whether each run of one recipe puts more on the region than the run of the other recipe with the same seed; "" where that may be chance."""
        more = np.array([self.seeds[1][two, row] - self.seeds[0][one, row] for one, two in self.same_seed])
        more = more[np.isfinite(more)]
        # By chance, all differences have one sign in two of 2^n draws of signs.
        if 2 ** len(more) < LEAST_ORDERS or not (more.min() > 0 or more.max() < 0) or abs(more.mean()) < LEAST_SHARES_APART:
            return ""
        low, high = np.sort(np.abs(more))[[0, -1]]
        which, other = ("B", "A") if more[0] > 0 else ("A", "B")
        return f"with each of {len(more)} seeds, the run of {which}'s recipe puts {100 * low:.0f} to {100 * high:.0f} points more there than that of {other}'s"


def common_regions(run: Series, other: Series) -> list[str]:
    """Names of the regions that are the same in both runs. Comparable runs may have different regions: regions do not affect attributions."""
    both = [name for name in run.record["probes"]["regions"] if name in other.record["probes"]["regions"]]
    return [name for name in both if np.array_equal(run.inside(name), other.inside(name))]


def region_pairs(
    run: Series,
    other: Series,
    explainer: str,
    target: Target,
    places: np.ndarray,
    seeds: tuple[Sequence[Series], Sequence[Series]],
    beside: Callable[[Series, np.ndarray], np.ndarray],
    asked: Mapping[str, tuple[Regional, Region]],
    numbers: Mapping[str, str],
) -> dict[str, RegionPair]:
    """{name: the pair} of every common region, and of regions that were asked for.

    Args:
        places: int (rows, 2), see `RegionPair`.
        seeds: repeats of each run's recipe.
        beside: brings a series of a run, (all_steps, …), to the rows of the pair.
        asked: {name: (the run whose record says what it is, region)}, see `records.asked.of_both`.
        numbers: {name of a repeat: its number}, see `Repeats`.
    """

    def mean_shares(repeats: Sequence[Series], inside: np.ndarray) -> np.ndarray:
        means = []
        for repeat in repeats:
            means.append(np.full(len(places), np.nan))
            # A repeat that has just begun, or is damaged, is left out.
            with suppress(ArgumentError, RecordError):
                means[-1] = beside(repeat, _mean_share(repeat, inside, explainer, target))
        return np.stack(means) if means else np.empty((0, len(places)))

    same_seed = tuple(
        (one, two)
        for one, repeat in enumerate(seeds[0])
        for two, counterpart in enumerate(seeds[1])
        if numbers.get(repeat.name) and numbers.get(repeat.name) == numbers.get(counterpart.name)
    )
    pairs = {}
    of_both: dict[str, tuple[Regional, Region]] = {name: (run, name) for name in common_regions(run, other)}
    for name, (owner, region) in {**of_both, **asked}.items():
        inside = owner.inside(region)

        def of(side: Series, owner: Regional = owner, region: Region = region, inside: np.ndarray = inside) -> Share:
            # The same name may be another region's in the other record.
            same = isinstance(region, str) and (side is owner or region in of_both)
            return share(side, explainer, region, target) if same else share_inside(side, explainer, inside, target)

        shares = of(run), of(other)
        pairs[name] = RegionPair(shares, places, (mean_shares(seeds[0], inside), mean_shares(seeds[1], inside)), same_seed, name in asked)
    return pairs


def _mean_share(run: Series, inside: np.ndarray, explainer: str, target: Target) -> np.ndarray:
    """(all_steps,): the mean share over probes. Errors are not read: that would take as long again."""
    share = summaries.region_share(run.of_class(target, f"values/{explainer}")[0], inside)
    return summaries.mean_of_known(np.where(inside.any(axis=-1), share, np.nan))


def seeds_of(run: Series, other: Series, repeats: Sequence[tuple[Series, Series]]) -> tuple[Sequence[Series], Sequence[Series]]:
    """Repeats of each run's recipe, taken from pairs of repeats; none where both runs have the same recipe, or one has none that is known."""
    of_run, of_other = (
        {repeat.name: repeat for pair in repeats if side.name in {one.name for one in pair} for repeat in pair} for side in (run, other)
    )
    if not of_run or not of_other or of_run.keys() & of_other.keys():
        return (), ()
    return list(of_run.values()), list(of_other.values())


def leaning_words(regions: Mapping[str, RegionPair], row: int) -> str:
    """`RegionPair.words` of the region in which the runs differ most, of those that have any; "" where none has.

    Declared regions come first: what somebody asks besides takes none of them out of the verdict.
    """

    def order(name: str) -> tuple[bool, float]:
        one, other = regions[name].now(row)
        return regions[name].asked, -abs(one - other) if np.isfinite(one - other) else 0.0

    words = (regions[name].words(name, row) for name in sorted(regions, key=order))
    return next(filter(None, words), "")
