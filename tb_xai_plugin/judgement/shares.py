"""The share of a region in the explanations of a run, with its errors and onsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import noise, onsets, summaries
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.series import Region, Series, Target


@dataclass(frozen=True, eq=False, repr=False)
class Share:
    """What part of the explanations lies in a region; (all_steps, probes) each, NaN for probes that have no part of it.

    Attributes:
        share: of |attribution|, 0 to 1.
        errors: standard errors of it, with what noise adds to the share of many small values; NaN where unknown.
        positive: of positive attribution.
        pointed: float, 1 where the strongest positive player lies inside by more than half, else 0 (the pointing game); NaN without one.
        before, before_errors: (probes,), the share of the untrained model; where it has none, that of the region's players among all.
        onset: int (probes,), the place from which the share stays above the lowest it had been by more than noise; -1 where there is none.
        onset_of_run: the same of the mean over probes, or where that has none of enough of them, see `onsets.onset_of_some`; -1 where there is none.
        in_few: whether it is that of some probes and not of the mean.
        measured: False where `before` is only the region's size, for want of an untrained model.
        rise, least: (steps, probes), how far the share is above its lowest but for what noise adds to it, and what counts; see `onsets.rises`.
    """

    share: np.ndarray
    errors: np.ndarray
    positive: np.ndarray
    pointed: np.ndarray
    before: np.ndarray
    before_errors: np.ndarray
    onset: np.ndarray
    onset_of_run: int
    in_few: bool
    measured: bool
    rise: np.ndarray
    least: np.ndarray

    def in_few_words(self, place: int) -> str:
        """In how many probes at a place, where it is not a matter of the run as a whole; "" else."""
        leaning = int(((self.onset >= 0) & (self.onset <= place)).sum())
        return f" in {leaning} of {int(np.isfinite(self.before).sum())} probes" if self.in_few else ""

    def __repr__(self) -> str:
        last = self.share[-1:][np.isfinite(self.share[-1:])]
        now = f"{last.mean():.1%} of |attribution| at the last" if len(last) else "none at the last"
        return f"Share({len(self.share)} steps of {self.share.shape[1]} probes; {now}; {int((self.onset >= 0).sum())} probes lean on it)"


def share(run: Series, explainer: str, region: Region, target: Target, chosen: Sequence[int] | None = None) -> Share:
    """See `Run.share`; that of a named region and all probes is kept. chosen: numbers of probes; None for all."""
    if not isinstance(region, str):
        return _share(run, explainer, region, target, chosen)
    whole = run.cached("share", explainer, region, target, make=lambda: _share(run, explainer, region, target, None))
    every = chosen is None or list(chosen) == list(range(len(whole.before)))
    return whole if every else _share(run, explainer, region, target, chosen)


def _share(run: Series, explainer: str, region: Region, target: Target, chosen: Sequence[int] | None) -> Share:
    which = slice(None) if chosen is None else list(chosen)
    values, errors = (array[:, which] for array in run.of_class(target, f"values/{explainer}", f"errors/{explainer}"))
    inside = run.inside(region, chosen)
    has = inside.any(axis=-1)
    found, found_errors, positive = (
        np.where(has, each, np.nan)
        for each in (
            summaries.region_share(values, inside),
            noise.share_errors(values, errors, inside),
            summaries.region_share(np.maximum(values, 0), inside),
        )
    )
    strongest = np.where(np.isfinite(values), values, -np.inf)
    pointed = np.take_along_axis(np.broadcast_to(inside, values.shape), strongest.argmax(axis=-1)[..., None], axis=-1)[..., 0] > 0.5
    pointed = np.where(has & (strongest.max(axis=-1) > 0), pointed, np.nan)

    trained = run.all_steps != wire.UNTRAINED
    size = sizes(inside, np.array(run.record["probes"]["players"])[which])
    before, before_errors = size, np.zeros(len(size))
    measured = bool((~trained).any())
    if measured:
        # Where all its values are 0, as those of a last layer that begins with zeros, there is only the size.
        none = np.isnan(found[~trained][0])
        before, before_errors = np.where(none, size, found[~trained][0]), np.where(none, 0, found_errors[~trained][0])
    sure, sure_errors = sure_share(values, errors, inside)
    shown_errors = np.hypot(found_errors, np.nan_to_num(found - sure))
    first = sure_share(values[~trained][0], errors[~trained][0], inside, size) if measured else (size, np.zeros(len(size)))
    # From the untrained model on, or from what stands for it.
    series, spreads = (np.concatenate([one[None], each[trained]]) for one, each in zip(first, (sure, sure_errors), strict=True))
    rise, least = onsets.rises(series, spreads)
    onset, of_mean = onsets.onset(rise, least), int(onsets.onset(*onsets.mean_rises(series, spreads)))
    of_run = of_mean if of_mean >= 0 else onsets.onset_of_some(onset, has)
    return Share(
        *(found, shown_errors, positive, pointed, before, before_errors),
        onset=_after(trained, onset),
        onset_of_run=int(_after(trained, of_run)),
        in_few=of_mean < 0 <= of_run,
        measured=measured,
        rise=rise,
        least=least,
    )


def sizes(inside: np.ndarray, players: np.ndarray) -> np.ndarray:
    """(probes,): the part that a region has of all players; NaN of probes that have no part of it."""
    return np.where(inside.any(axis=-1), inside.sum(axis=-1) / players, np.nan)


def sure_share(
    values: np.ndarray, errors: np.ndarray, inside: np.ndarray, instead: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A region's share but for what noise adds to it, and its standard errors: (…, probes) each; NaN for probes that have no part of it.

    instead: (probes,), what stands for a share that can't be told, without an error.
    """
    share, errors_of_share = summaries.region_share(noise.without(values, errors), inside), noise.share_errors(values, errors, inside)
    if instead is not None:
        plain = summaries.region_share(values, inside)
        share = np.where(np.isnan(share), plain, share)
        share, errors_of_share = np.where(np.isnan(plain), instead, share), np.where(np.isnan(plain), 0, errors_of_share)
    has = inside.any(axis=-1)
    return np.where(has, share, np.nan), np.where(has, errors_of_share, np.nan)


def _after(trained: np.ndarray, place: np.ndarray | int) -> np.ndarray:
    """From places among the trained steps to places among all."""
    return np.where(place >= 0, place + (~trained).sum(), -1)
