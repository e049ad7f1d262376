"""Onsets: the epoch from which a run leans on a region, that is, gives it clearly more attribution than at its lowest. numpy only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tb_xai_plugin.judgement import noise, summaries
from tb_xai_plugin.judgement.events import Event

# A region has its onset where its share is above its lowest value so far by so many standard errors …
ERRORS_ABOVE = 3


# … and by at least this much, for the mean of a run and for one probe. It ends where less than half of that rise is left.
LEAST_RISE = 0.05


LEAST_RISE_OF_PROBE = 0.1


ENDS = 0.5


# A run also leans on a region where this share of its probes does, and at least two: an artefact may lie in only a few of them.
LEANING_SHARE = 0.15


# In a training of at most so many epochs, the epoch-to-epoch variation can't be told from a rise, and counts as 0.
FEWEST_FOR_VARIATION = 12


def rises(share: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rise of a region's share above its lowest earlier value, for each probe, and the threshold that the rise must exceed.

    The lowest value is taken over all earlier epochs, beginning with the untrained model (or the value that replaces it). An untrained model
    may attend to a corner by chance, and has to unlearn that before it learns to. The threshold is the largest of three standard errors,
    three times the epoch-to-epoch variation (see `_variation`), and LEAST_RISE_OF_PROBE. An unknown error counts as 0.

    share, errors: (1 + epochs, probes); the first row is the untrained model.

    Returns:
        The rise and the threshold, (epochs, probes) each.
    """
    lowest, which = _lowest_before(share)
    return share[1:] - lowest, _threshold(errors[1:], np.take_along_axis(errors, which, axis=0), _variation(share))


def _threshold(errors: np.ndarray, lowest_errors: np.ndarray, variation: np.ndarray | float) -> np.ndarray:
    """The threshold of `rises`, from the errors of the share now and at its lowest."""
    error = np.sqrt(np.nan_to_num(errors) ** 2 + np.nan_to_num(lowest_errors) ** 2)
    threshold: np.ndarray = np.maximum(np.maximum(ERRORS_ABOVE * error, LEAST_RISE_OF_PROBE), ERRORS_ABOVE * variation)
    return threshold


def mean_rises(share: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`rises` of the mean over probes, (epochs,) each: the mean of each probe's rise since the epoch at which the mean was lowest.

    The threshold is the largest of three standard errors, three times the epoch-to-epoch variation of the mean, and LEAST_RISE. The standard
    error is that of the choice of probes, or that of the explanations' own sampling errors where it is larger.
    """
    mean = summaries.mean_of_known(share)[:, None]
    _, which = _lowest_before(mean)
    before, before_errors = share[which[:, 0]], errors[which[:, 0]]
    rise = share[1:] - before
    known = np.isfinite(rise)
    count = np.maximum(known.sum(axis=1), 1)
    mean_rise = summaries.mean_of_known(rise)
    of_probes = np.sqrt(np.where(known, (rise - mean_rise[:, None]) ** 2, 0).sum(axis=1) / np.maximum(count - 1, 1) / count)
    of_sampling = np.sqrt(np.where(known, np.nan_to_num(errors[1:]) ** 2 + np.nan_to_num(before_errors) ** 2, 0).sum(axis=1)) / count
    threshold = np.maximum(ERRORS_ABOVE * np.maximum(of_probes, of_sampling), LEAST_RISE)
    return mean_rise, np.maximum(threshold, ERRORS_ABOVE * _variation(mean)[0])


def _lowest_before(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest share of all earlier epochs, NaN where there is none, and its epoch's index: (epochs, …) each of (1 + epochs, …)."""
    known = np.where(np.isfinite(share), share, np.inf)[:-1]
    epochs = np.arange(len(known)).reshape(-1, *[1] * (share.ndim - 1))
    lower = np.zeros(known.shape, dtype=bool)
    lower[1:] = known[1:] < np.minimum.accumulate(known)[:-1]
    which = np.maximum.accumulate(np.where(lower, epochs, 0))
    return np.take_along_axis(share, which, axis=0), which


def _variation(share: np.ndarray) -> np.ndarray:
    """(…,): epoch-to-epoch variation of a share in the last quarter of a training; 0 for a short training.

    A steady trend is not variation and is subtracted: a model may lean on a region more and more from the beginning.
    """
    if len(share) <= FEWEST_FOR_VARIATION:
        return np.zeros(share.shape[1:])
    steps = np.diff(share[-max(4, len(share) // 4) :], axis=0)
    around_trend: np.ndarray = np.nan_to_num(noise.variation(np.abs(steps - noise.variation(steps))))
    return around_trend


def _above_and_below(rise: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a rise exceeds its threshold, and where it is below the part of it that has to be kept; neither for NaN."""
    with np.errstate(invalid="ignore"):
        return rise > threshold, rise < ENDS * threshold


def onset(rise: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """int (…,): the first index at which a rise exceeds its threshold and from which at least half of the threshold is kept to the end; -1 if none.

    A single epoch decides nothing: the onset needs a next epoch that keeps the rise, so it is never the last epoch, and it ends only where two
    epochs in a row fall below.

    rise, threshold: (epochs, …), the rise and its threshold, as `rises` returns them; NaN is ignored.
    """
    if not len(rise):
        return np.full(rise.shape[1:], -1)
    above, below = _above_and_below(rise, threshold)
    kept, ended = above.copy(), below.copy()
    kept[:-1] &= ~below[1:]
    kept[-1] = False
    ended[1:] &= below[:-1]
    ended[0] = False
    # Only after the last two epochs in a row that are below.
    epochs = np.arange(len(rise)).reshape(-1, *[1] * (rise.ndim - 1))
    counts = kept & (epochs > np.where(ended, epochs, -1).max(axis=0))
    return np.where(counts.any(axis=0), counts.argmax(axis=0), -1)


class Leaning:
    """Follows the share of one region in each probe while a model trains, and reports onsets one epoch later, by the rules of `rises` and `onset`.

    share, errors: (probes,), of the untrained model, or the values that replace it.
    """

    def __init__(self, share: np.ndarray, errors: np.ndarray) -> None:
        self._shares = [share]
        self._lowest, self._lowest_errors = share, errors
        self._above, self._below, self._leaning = (np.zeros(share.shape, dtype=bool) for _ in range(3))

    def follow(self, share: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """Add one more epoch. Returns bool (probes,): which probes had their onset at the epoch before."""
        self._shares.append(share)
        variation = _variation(np.stack(self._shares)) if len(self._shares) > FEWEST_FOR_VARIATION else 0
        above, below = _above_and_below(share - self._lowest, _threshold(errors, self._lowest_errors, variation))
        with np.errstate(invalid="ignore"):
            lower = (share < self._lowest) | np.isnan(self._lowest)
        begun: np.ndarray = self._above & ~below & ~self._leaning
        self._leaning = (self._leaning | begun) & ~(below & self._below)
        self._above, self._below = above, below
        self._lowest, self._lowest_errors = np.where(lower, share, self._lowest), np.where(lower, errors, self._lowest_errors)
        return begun


def onset_of_some(places: np.ndarray, has: np.ndarray) -> int:
    """The first index at which enough probes lean on a region, by their own onsets; -1 where there is none.

    places: int (probes,), the onset of each probe, -1 where it has none; has: bool (probes,), whether a probe has a part of the region.
    """
    in_order = np.sort(places[places >= 0])
    enough = max(min(2, int(has.sum())), int(np.ceil(LEANING_SHARE * has.sum())))
    return int(in_order[enough - 1]) if 0 < enough <= len(in_order) else -1


def onsets(
    steps: np.ndarray, explainer: str, regions: Mapping[str, tuple[np.ndarray, np.ndarray]], places: Mapping[str, np.ndarray]
) -> list[Event]:
    """The "onset" events of regions. steps: (epochs,); regions: {name: (rise, threshold)}, (epochs, probes); places: {name: (probes,)} of `onset`."""
    return sorted(
        Event(int(steps[place]), probe, "onset", explainer, float(rise[place, probe]), float(threshold[place, probe]), name)
        for name, (rise, threshold) in regions.items()
        for probe, place in enumerate(places[name].tolist())
        if place >= 0
    )
