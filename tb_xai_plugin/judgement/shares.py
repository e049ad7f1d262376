"""The share of a region in the explanations of a run, with its errors and onsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import noise, onsets, summaries
from tb_xai_plugin.judgement.words import percent
from tb_xai_plugin.records import asked, wire
from tb_xai_plugin.records.asked import Region
from tb_xai_plugin.records.series import Series, Target

# What a region's own size is a part of.
WHOLES = {"image": "the image", "tabular": "the features", "text": "the tokens", "sequence": "the stretches"}

# A share of up to so many times a region's own size is little more than it.
LITTLE_MORE = 1.5


@dataclass(frozen=True, eq=False, repr=False)
class Share:
    """How much of a run's attribution lies in a region, and since when the run leans on it.

    Arrays are float (all_steps, probes) unless said, and NaN for probes that have no part of the region.

    Attributes:
        share: the share of |attribution| inside the region, 0 to 1.
        errors: standard errors of `share`, with the bias that noise adds to it; NaN where unknown.
        positive: the share of positive attribution, 0 to 1.
        pointed: 1 where the player with the largest value lies more than half inside, else 0 (the pointing game, Zhang et al. 2016); NaN
            where no value is positive.
        before, before_errors: (probes,), the share of the untrained model and its standard error; where that was not logged, the part that
            the region has of all players.
        own: (probes,), the region's own part of the image's pixels, or of the features, tokens or stretches of other probes.
        onset: int (probes,), the index into `all_steps` from which the share stays above its lowest earlier value by more than noise; -1
            where there is none.
        onset_of_run: the onset of the mean share; where that has none, of enough probes (see `onsets.onset_of_some`); -1 where there is none.
        in_few: whether `onset_of_run` is that of some probes and not of the mean.
        measured: whether `before` was measured; False where the untrained model was not logged.
        rise, least: (steps, probes), the rise of the share above its lowest earlier value, without the bias of noise, and the threshold that
            it must exceed; see `onsets.rises`.
        whole: what `own` is a part of, in words, e.g. "the image".
    """

    share: np.ndarray
    errors: np.ndarray
    positive: np.ndarray
    pointed: np.ndarray
    before: np.ndarray
    before_errors: np.ndarray
    own: np.ndarray
    onset: np.ndarray
    onset_of_run: int
    in_few: bool
    measured: bool
    rise: np.ndarray
    least: np.ndarray
    whole: str

    def in_few_words(self, place: int) -> str:
        """The words " in 3 of 16 probes", at an index of `all_steps`, where the onset is that of some probes; "" where it is that of the mean."""
        place = max(place, self.onset_of_run)  # before it, none leans on the region
        leaning = int(((self.onset >= 0) & (self.onset <= place)).sum())
        return f" in {leaning} of {int(np.isfinite(self.before).sum())} probes" if self.in_few else ""

    def on_words(self) -> str:
        """The region's own size, after a share on it, e.g. "on 4 % of the image"."""
        return f"on {percent(float(summaries.mean_of_known(self.own)))} of {self.whole}"

    def size_words(self, now: float) -> str:
        """The region's own size, compared with a share on it, at the end of a sentence."""
        own = float(summaries.mean_of_known(self.own))
        beside = "no more than its size," if now <= own else "little more than its size," if now <= LITTLE_MORE * own else "its size is"
        return f"{beside} {percent(own)} of {self.whole}"

    def __repr__(self) -> str:
        last = self.share[-1:][np.isfinite(self.share[-1:])]
        now = f"{last.mean():.1%} of |attribution| at the last" if len(last) else "none at the last"
        return f"Share({len(self.share)} steps of {self.share.shape[1]} probes; {now}; {int((self.onset >= 0).sum())} probes lean on it)"


def share(run: Series, explainer: str, region: Region, target: Target, chosen: Sequence[int] | None = None) -> Share:
    """See `Run.share`; cached for a named region and all probes. chosen: numbers of probes; None for all."""
    if not isinstance(region, str):
        return share_inside(run, explainer, run.inside(region, chosen), target, chosen)
    of_all = run.cached("share", explainer, region, target, make=lambda: share_inside(run, explainer, run.inside(region), target))
    every = chosen is None or list(chosen) == list(range(len(of_all.before)))
    return of_all if every else share_inside(run, explainer, run.inside(region, chosen), target, chosen)


def share_inside(run: Series, explainer: str, inside: np.ndarray, target: Target, chosen: Sequence[int] | None = None) -> Share:
    """The share of a region that has the part `inside` of each player of the chosen probes, see `Series.inside`."""
    which = slice(None) if chosen is None else list(chosen)
    values, errors = (array[:, which] for array in run.of_class(target, f"values/{explainer}", f"errors/{explainer}"))
    has = np.asarray(inside.any(axis=-1))
    measures = summaries.in_parts(lambda values, errors: _of_part(values, errors, inside), values, errors)
    plain, plain_errors, positive, pointed, debiased = (np.where(has, series, np.nan) for series in measures)

    untrained = run.all_steps == wire.UNTRAINED
    size = sizes(inside, np.array(run.record["probes"]["players"])[which])
    before, before_errors = size, np.zeros(len(size))
    measured = bool(untrained.any())
    if measured:
        # Where all its values are 0, for example because the last layer was initialised with zeros, the region's size takes the place.
        none = np.isnan(plain[untrained][0])
        before, before_errors = np.where(none, size, plain[untrained][0]), np.where(none, 0, plain_errors[untrained][0])
    shown_errors = np.hypot(plain_errors, np.nan_to_num(plain - debiased))
    first = debiased_share(values[untrained][0], errors[untrained][0], inside, size) if measured else (size, np.zeros(len(size)))
    # The first row is the untrained model, or the value that replaces it.
    series, series_errors = (
        np.concatenate([one[None], others[run.is_epoch]]) for one, others in zip(first, (debiased, plain_errors), strict=True)
    )
    rise, threshold = onsets.rises(series, series_errors)
    onset, of_mean = onsets.onset(rise, threshold), int(onsets.onset(*onsets.mean_rises(series, series_errors)))
    of_run = of_mean if of_mean >= 0 else onsets.onset_of_some(onset, has)
    return Share(
        *(plain, shown_errors, positive, pointed, before, before_errors, asked.size(run, inside, chosen)),
        onset=_after(untrained, onset),
        onset_of_run=int(_after(untrained, of_run)),
        in_few=of_mean < 0 <= of_run,
        measured=measured,
        rise=rise,
        least=threshold,
        whole=WHOLES[run.kind],
    )


def _of_part(values: np.ndarray, errors: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of a few epochs: the share, its errors, the share of positive attribution, the pointing game, and the share without the bias of noise."""
    strongest = np.where(np.isfinite(values), values, -np.inf)
    pointed = np.take_along_axis(np.broadcast_to(inside, values.shape), strongest.argmax(axis=-1)[..., None], axis=-1)[..., 0] > 0.5
    return (
        summaries.region_share(values, inside),
        noise.share_errors(values, errors, inside),
        summaries.region_share(np.maximum(values, 0), inside),
        np.where(strongest.max(axis=-1) > 0, pointed, np.nan),
        summaries.region_share(noise.debiased(values, errors), inside),
    )


def sizes(inside: np.ndarray, players: np.ndarray) -> np.ndarray:
    """(probes,): the size of a region, as its part of all players, 0 to 1; NaN for probes that have no part of it."""
    return np.where(inside.any(axis=-1), inside.sum(axis=-1) / players, np.nan)


def debiased_share(
    values: np.ndarray, errors: np.ndarray, inside: np.ndarray, instead: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A region's share without the bias of noise (see `noise.debiased`), and its standard errors: (…, probes) each.

    NaN for probes that have no part of the region.

    instead: (probes,), what replaces the share of a probe whose attributions are all 0 or missing; its error is 0.
    """
    share, errors_of_share = summaries.region_share(noise.debiased(values, errors), inside), noise.share_errors(values, errors, inside)
    if instead is not None:
        plain = summaries.region_share(values, inside)
        share = np.where(np.isnan(share), plain, share)
        share, errors_of_share = np.where(np.isnan(plain), instead, share), np.where(np.isnan(plain), 0, errors_of_share)
    has = inside.any(axis=-1)
    return np.where(has, share, np.nan), np.where(has, errors_of_share, np.nan)


def _after(untrained: np.ndarray, place: np.ndarray | int) -> np.ndarray:
    """Indices into `all_steps` of indices into `steps`; -1 stays -1. untrained: bool (all_steps,)."""
    return np.where(place >= 0, place + untrained.sum(), -1)
