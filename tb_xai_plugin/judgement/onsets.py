"""Onsets: the epoch from which a run leans on a region. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tb_xai_plugin.judgement import noise, summaries
from tb_xai_plugin.judgement.events import Event

# A region has its onset where its share is above the lowest it has been by so many standard errors …
ERRORS_ABOVE = 3


# … and by so much, of a run and of one probe; it ends where half of that is left.
LEAST_RISE = 0.05


LEAST_RISE_OF_PROBE = 0.1


ENDS = 0.5


# A run leans on a region too where so many of its probes do, two at least: an artefact may lie in few.
LEANING_SHARE = 0.15


# In shorter trainings a share that moves is one that rises.
FEWEST_FOR_UNREST = 12


def rises(share: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the share of a region is above the lowest it has been, for each probe, and what it has to exceed to count.

    The lowest of all earlier epochs, the first of which is the untrained model or what stands for it: that looks at a corner by chance, and has to
    unlearn it before it learns to look there. What counts is three standard errors, three times what the share moves from epoch to epoch in the
    last quarter of a training of some length, and LEAST_RISE_OF_PROBE. An unknown error counts as none.

    share, errors: (1 + epochs, probes).

    Returns:
        (epochs, probes) each.
    """
    lowest, which = _lowest_before(share)
    spread = np.sqrt(np.nan_to_num(errors[1:]) ** 2 + np.nan_to_num(np.take_along_axis(errors, which, axis=0)) ** 2)
    least = np.maximum(ERRORS_ABOVE * spread, LEAST_RISE_OF_PROBE)
    return share[1:] - lowest, np.maximum(least, ERRORS_ABOVE * _unrest(share))


def mean_rises(share: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of the mean over probes, (epochs,) each: the difference, probe by probe, from the epoch at which the mean was lowest.

    What is left to chance is which probes were taken, three standard errors of that, and what each explanation's own error leaves; LEAST_RISE.
    """
    mean = summaries.mean_of_known(share)[:, None]
    _, which = _lowest_before(mean)
    before, before_errors = share[which[:, 0]], errors[which[:, 0]]
    rise = share[1:] - before
    there = np.isfinite(rise)
    count = np.maximum(there.sum(axis=1), 1)
    middle = summaries.mean_of_known(rise)
    spread = np.sqrt(np.where(there, (rise - middle[:, None]) ** 2, 0).sum(axis=1) / np.maximum(count - 1, 1) / count)
    own = np.sqrt(np.where(there, np.nan_to_num(errors[1:]) ** 2 + np.nan_to_num(before_errors) ** 2, 0).sum(axis=1)) / count
    least = np.maximum(ERRORS_ABOVE * np.maximum(spread, own), LEAST_RISE)
    return middle, np.maximum(least, ERRORS_ABOVE * _unrest(mean)[0])


def _lowest_before(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest share of all earlier epochs, NaN where there is none, and where it was: (epochs, …) each of (1 + epochs, …)."""
    known = np.where(np.isfinite(share), share, np.inf)[:-1]
    epochs = np.arange(len(known)).reshape(-1, *[1] * (share.ndim - 1))
    lower = np.zeros(known.shape, dtype=bool)
    lower[1:] = known[1:] < np.minimum.accumulate(known)[:-1]
    which = np.maximum.accumulate(np.where(lower, epochs, 0))
    return np.take_along_axis(share, which, axis=0), which


def _unrest(share: np.ndarray) -> np.ndarray:
    """(…,): how far a share moves to and fro from epoch to epoch at the end of a training of some length; 0 of a short one.

    What it moves on evenly is no unrest: a model that leans on a region ever more does so from the beginning.
    """
    if len(share) <= FEWEST_FOR_UNREST:
        return np.zeros(share.shape[1:])
    moves = np.diff(share[-max(4, len(share) // 4) :], axis=0)
    return np.nan_to_num(noise.jitter(np.abs(moves - noise.jitter(moves))))


def onset(rise: np.ndarray, least: np.ndarray) -> np.ndarray:
    """int (…,): the first place from which on a rise counts and at least half of that is kept to the end; -1 where there is none.

    One epoch alone decides neither way: it begins where the next one keeps it, so never at the last, and ends where two in a row fall below.

    rise, least: (epochs, …) as `rises` gives them; NaN decides nothing.
    """
    if not len(rise):
        return np.full(rise.shape[1:], -1)
    with np.errstate(invalid="ignore"):
        above, below = rise > least, rise < ENDS * least
    followed, fallen = above.copy(), below.copy()
    followed[:-1] &= ~below[1:]
    followed[-1] = False
    fallen[1:] &= below[:-1]
    fallen[0] = False
    # After the last epoch that is below, and so was the one before.
    epochs = np.arange(len(rise)).reshape(-1, *[1] * (rise.ndim - 1))
    counts = followed & (epochs > np.where(fallen, epochs, -1).max(axis=0))
    return np.where(counts.any(axis=0), counts.argmax(axis=0), -1)


class Leaning:
    """Follows the share of one region in each probe: whose onset an epoch is, by `rises` and `onset`, as far as is known one epoch later.

    share, errors: (probes,), of the untrained model, or what stands for it.
    """

    def __init__(self, share: np.ndarray, errors: np.ndarray) -> None:
        self._shares = [share]
        self._lowest, self._lowest_errors = share, errors
        self._above, self._below, self._leaning = (np.zeros(share.shape, dtype=bool) for _ in range(3))

    def follow(self, share: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Take one more epoch. bool (probes,): whose onset was the epoch before."""
        self._shares.append(share)
        spread = np.sqrt(np.nan_to_num(errors) ** 2 + np.nan_to_num(self._lowest_errors) ** 2)
        unrest = _unrest(np.stack(self._shares)) if len(self._shares) > FEWEST_FOR_UNREST else 0
        least = np.maximum(np.maximum(ERRORS_ABOVE * spread, LEAST_RISE_OF_PROBE), ERRORS_ABOVE * unrest)
        with np.errstate(invalid="ignore"):
            rise = share - self._lowest
            above, below = rise > least, rise < ENDS * least
            lower = (share < self._lowest) | np.isnan(self._lowest)
        begun = self._above & ~below & ~self._leaning
        self._leaning = (self._leaning | begun) & ~(below & self._below)
        self._above, self._below = above, below
        self._lowest, self._lowest_errors = np.where(lower, share, self._lowest), np.where(lower, errors, self._lowest_errors)
        return begun


def onset_of_some(places: np.ndarray, has: np.ndarray) -> int:
    """The place from which on enough of those that have a part of a region lean on it, of their own `onset`s; -1 where there is none.

    places: int (probes,); has: bool (probes,).
    """
    found = np.sort(places[places >= 0])
    enough = max(min(2, int(has.sum())), int(np.ceil(LEANING_SHARE * has.sum())))
    return int(found[enough - 1]) if 0 < enough <= len(found) else -1


def onsets(
    steps: Sequence[int], explainer: str, regions: Mapping[str, tuple[np.ndarray, np.ndarray]], places: Mapping[str, np.ndarray]
) -> list[Event]:
    """Events of `onset`s. regions: {name: (rise, least)}, (epochs, probes); places: {name: (probes,)}."""
    return sorted(
        Event(int(steps[place]), probe, "onset", explainer, float(rise[place, probe]), float(least[place, probe]), name)
        for name, (rise, least) in regions.items()
        for probe, place in enumerate(places[name].tolist())
        if place >= 0
    )
