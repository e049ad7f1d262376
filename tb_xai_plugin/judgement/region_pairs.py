"""What two runs put on a region, beside what the seeds of their recipes do: numbers and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.judgement import summaries
from tb_xai_plugin.judgement.shares import Share, share

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

# All runs of one recipe above all of the other's: of so many orders, two are like that by chance. And they are to be so far apart, in the mean.
LEAST_ORDERS = 20
LEAST_SHARES_APART = 0.02


@dataclass(frozen=True, eq=False)
class RegionPair:
    """What two runs put on a region.

    Attributes:
        shares: of each run.
        places: int (rows, 2), where a row is in each; -1 where it is in none.
        seeds: (runs, rows) of the first run's recipe and of the other's, both among them: mean shares; without runs where the recipes are one or unknown.
    """

    shares: tuple[Share, Share]
    places: np.ndarray
    seeds: tuple[np.ndarray, np.ndarray]

    def now(self, row: int) -> list[float]:
        """The mean share of each; NaN where there is none."""
        sides = zip(self.shares, self.places[row].tolist(), strict=True)
        return [float(summaries.mean_of_known(share.share[place])) if place >= 0 else float("nan") for share, place in sides]

    def words(self, name: str, row: int) -> str:
        """Who leans on it where the other does not, or else what all seeds do; "" where that is no matter."""
        leans = [0 <= share.onset_of_run <= place for share, place in zip(self.shares, self.places[row].tolist(), strict=True)]
        one, now = int(leans[1]), self.now(row)
        if sum(leans) != 1 or not now[1 - one] < now[one] / 2:
            seeds = self.seeds_words(row)
            return f"{name}: {seeds}. " if seeds else ""
        few = self.shares[one].in_few_words(int(self.places[row, one]))
        return f"{'AB'[one]} leans on {name}{few} ({percent(now[one])}{' over all' if few else ''}), {'BA'[one]} does not ({percent(now[1 - one])}). "

    def seeds_words(self, row: int) -> str:
        """That all runs of one recipe put more on it than all of the other's; "" where they don't, or where that would be chance."""
        a, b = (each[np.isfinite(each)] for each in (side[:, row] for side in self.seeds))
        if comb(len(a) + len(b), len(a)) < LEAST_ORDERS or not (a.max() < b.min() or b.max() < a.min()):
            return ""
        if abs(a.mean() - b.mean()) < LEAST_SHARES_APART:
            return ""
        ranges = (f"{percent(each.min())} to {percent(each.max())}" for each in (a, b))
        return f"{len(a)} runs of A's recipe put {next(ranges)} there, {len(b)} of B's {next(ranges)}"


def common_regions(run: Series, other: Series) -> list[str]:
    """Regions that are the same in both. They are no part of what makes runs comparable: one may lie elsewhere, or be of one run alone."""
    both = [name for name in run.record["probes"]["regions"] if name in other.record["probes"]["regions"]]
    return [name for name in both if np.array_equal(run.inside(name), other.inside(name))]


def region_pairs(
    run: Series,
    other: Series,
    explainer: str,
    target: str | int,
    places: np.ndarray,
    seeds: tuple[Sequence[Series], Sequence[Series]],
    beside: Callable[[Series, np.ndarray], np.ndarray],
) -> dict[str, RegionPair]:
    """Of every common region.

    Args:
        places: int (rows, 2), see `RegionPair`.
        seeds: runs of the recipe of each.
        beside: brings a series of a run (all_steps, …) to the rows of the pair.
    """
    found = {}
    for name in common_regions(run, other):
        shares = share(run, explainer, name, target), share(other, explainer, name, target)
        inside = run.inside(name)
        means = [[], []]
        for of, side in zip(means, seeds, strict=True):
            for repeat in side:
                # One that has just begun, or is damaged, is no reason not to speak of others.
                with suppress(ArgumentError, RecordError):
                    of.append(beside(repeat, _mean_share(repeat, inside, explainer, target)))
        rows = np.empty((0, len(places)))
        found[name] = RegionPair(shares, places, tuple(np.stack(of) if of else rows for of in means))
    return found


def _mean_share(run: Series, inside: np.ndarray, explainer: str, target: str | int) -> np.ndarray:
    """(all_steps,), without the errors, which take as long to read again."""
    share = summaries.region_share(run.of_class(target, f"values/{explainer}")[0], inside)
    return summaries.mean_of_known(np.where(inside.any(axis=-1), share, np.nan))


def seeds_of(run: Series, other: Series, repeats: Sequence[tuple[Series, Series]]) -> tuple[Sequence[Series], Sequence[Series]]:
    """Runs of the recipe of each, of pairs of repeats; none where both are of one recipe, or one is of none that is known."""
    of_run, of_other = (
        {each.name: each for pair in repeats if side.name in {one.name for one in pair} for each in pair} for side in (run, other)
    )
    if not of_run or not of_other or of_run.keys() & of_other.keys():
        return (), ()
    return list(of_run.values()), list(of_other.values())


def leaning_words(regions: Mapping[str, RegionPair], row: int) -> str:
    """Of the region on which both are farthest apart, of those that are worth it; "" where none is."""

    def apart(name: str) -> float:
        one, other = regions[name].now(row)
        return abs(one - other) if np.isfinite(one - other) else 0.0

    said = (regions[name].words(name, row) for name in sorted(regions, key=apart, reverse=True))
    return next(filter(None, said), "")


def percent(share: float) -> str:
    return "?" if not np.isfinite(share) else f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "below 1 %"
