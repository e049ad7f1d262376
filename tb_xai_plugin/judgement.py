"""What a run's explanations say about its training: floors of drift, changed players, regions with onset, events, when it became steady, what to trust.

Arrays are aligned with `Run.all_steps` and read as `stability`, `noise` and `events` define them; here they are only brought together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin import alignment, differences, events, noise, stability, wire
from tb_xai_plugin.events import Event, Moment

if TYPE_CHECKING:
    from tb_xai_plugin.reader import Run

Target = str | int

# The run is steady, or leans on a region, when so much of its probes does.
MOST = 0.5

# An explanation is what it is at the end where it is not farther from that than noise and so many times what it moves in an epoch …
TIMES_UNREST = 1.5
# … or hardly at all: with shared coalitions, noise is far below what anybody cares for.
NEAR = {"tv": 0.05, "cosine": 0.0025}
# A metric is one number: by chance it strays farther. And a hundredth of it is one answer more or less.
TIMES_UNREST_OF_METRIC = 3
NEAR_OF_METRIC = 0.01

# A picture deserves a word of warning from here on.
ADDITIVE_LEAST = 0.5  # R² of the fit
ERROR_MOST = 0.25
GAP_MOST = 0.1
FLOOR_MOST = 0.25
R_SQUARED = ("additive_r2", "unseen_r2")
GAPS = ("efficiency_gap", "completeness_gap")
# By definition, others need not sum to the answer.
ADD_UP = ("shap", "ig")


@dataclass(frozen=True, eq=False)
class Drift:
    """Distances from a reference, and what of them is noise; (all_steps, probes) each, NaN where there is nothing to compare: a gap, another class."""

    distance: np.ndarray
    floor: np.ndarray

    @property
    def real(self) -> np.ndarray:
        """bool: above the floor; False where the floor is unknown."""
        with np.errstate(invalid="ignore"):
            return self.distance > self.floor


def distances(run: Run, explainer: str, against: str | int, measure: str, target: Target) -> np.ndarray:
    """`Drift.distance` alone."""
    (values,), classes = run.of_class(target, f"values/{explainer}"), run.target_of(target)
    distance = stability.drift(values, run.all_steps, against, measure)  # complains of what there is not
    places = np.maximum(stability.references(values, run.all_steps, against), 0)
    return np.where(classes == np.take_along_axis(classes, places, axis=0), distance, np.nan)


def drift(run: Run, explainer: str, against: str | int, measure: str, target: Target) -> Drift:
    distance = distances(run, explainer, against, measure, target)
    (values,) = run.of_class(target, f"values/{explainer}")
    places = stability.references(values, run.all_steps, against)
    others = np.take_along_axis(values, np.maximum(places, 0)[..., None], axis=0)
    errors = differences.Places(run, explainer, target)(range(len(places)), places)
    return Drift(distance, np.where(np.isnan(distance), np.nan, noise.floor(values, others, errors, measure)))


def changed(run: Run, explainer: str, against: str | int, target: Target) -> np.ndarray:
    """bool (all_steps, probes, players): changed by more than noise since the reference."""
    (values,) = run.of_class(target, f"values/{explainer}")
    places = stability.references(values, run.all_steps, against)
    others = np.take_along_axis(values, np.maximum(places, 0)[..., None], axis=0)
    errors = differences.Places(run, explainer, target)(range(len(places)), places)
    return noise.really_changed(np.where(places[..., None] < 0, np.nan, values - others), errors, others)


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
        onset_of_run: the same of the mean over probes, or where that has none of enough of them, see `events.onset_of_some`; -1 where there is none.
        in_few: whether it is that of some probes and not of the mean.
        measured: False where `before` is only the region's size, for want of an untrained model.
        rise, least: (steps, probes), how far the share is above its lowest but for what noise adds to it, and what counts; see `events.rises`.
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


def share(run: Run, explainer: str, region: Any, target: Target, chosen: Sequence[int] | None = None) -> Share:
    which = slice(None) if chosen is None else list(chosen)
    values, errors = (array[:, which] for array in run.of_class(target, f"values/{explainer}", f"errors/{explainer}"))
    inside = run.inside(region, chosen)
    has = inside.any(axis=-1)
    found, found_errors, positive = (
        np.where(has, each, np.nan)
        for each in (
            stability.region_share(values, inside),
            noise.share_errors(values, errors, inside),
            stability.region_share(np.maximum(values, 0), inside),
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
    rise, least = events.rises(series, spreads)
    onset, of_mean = events.onset(rise, least), int(events.onset(*events.mean_rises(series, spreads)))
    of_run = of_mean if of_mean >= 0 else events.onset_of_some(onset, has)
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
    share, errors_of_share = stability.region_share(noise.without(values, errors), inside), noise.share_errors(values, errors, inside)
    if instead is not None:
        plain = stability.region_share(values, inside)
        share = np.where(np.isnan(share), plain, share)
        share, errors_of_share = np.where(np.isnan(plain), instead, share), np.where(np.isnan(plain), 0, errors_of_share)
    has = inside.any(axis=-1)
    return np.where(has, share, np.nan), np.where(has, errors_of_share, np.nan)


def _after(trained: np.ndarray, place: np.ndarray | int) -> np.ndarray:
    """From places among the trained steps to places among all."""
    return np.where(place >= 0, place + (~trained).sum(), -1)


def found_events(run: Run, explainer: str, target: Target) -> list[Event]:
    """All events of a run that one explainer and the predictions tell of, by epoch."""

    def found() -> list[Event]:
        return sorted([*_answered(run), *_reasons(run, explainer, target), *_onsets(run, explainer, target)])

    return run.judged("events", explainer, target, make=found)


def right(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """bool (all_steps, probes): whether the answer is the label, and whether there are both. Of a regression, or without labels, every answer is right."""
    predicted, labels = run.predicted(), run.record["probes"]["labels"]
    known = predicted >= 0
    if run.settings["regression"]:
        known = np.isfinite(run.answers()["probability"])
    if labels is None or run.settings["regression"]:
        return known, np.zeros_like(known)
    return known & (predicted == np.array(labels)), known


def _answered(run: Run) -> Iterator[Event]:
    were_right, known = right(run)
    probability, follower = run.answers()["label_probability"], events.Predictions(known.shape[1])
    if wire.UNTRAINED in run.all_steps:
        follower.begin(probability[0])
    for place in _asked(run):
        yield from follower.follow(int(run.all_steps[place]), were_right[place], known[place], probability[place])


def _reasons(run: Run, explainer: str, target: Target) -> Iterator[Event]:
    were_right, moments, follower = right(run)[0], moments_of(run, explainer, target), events.Reasons(explainer)
    silent = ~np.isfinite(run.answers()["probability"])
    if wire.UNTRAINED in run.all_steps:
        follower.begin(moments[0])
    for place in _asked(run):
        yield from follower.follow(int(run.all_steps[place]), moments[place], were_right[place], silent[place])


def _asked(run: Run) -> list[int]:
    """Places of the trained epochs at which the model was asked; where the logger failed, nobody knows."""
    return np.flatnonzero((run.all_steps != wire.UNTRAINED) & (run.cost["level"] > 0)).tolist()


def moments_of(run: Run, explainer: str, target: Target) -> list[Moment]:
    """At all steps."""
    sketches = [f"noise/{explainer}"] if run.record["details"][explainer]["sketched"] else []
    values, errors, *sketched = run.of_class(target, f"values/{explainer}", f"errors/{explainer}", *sketches)
    levels, classes = run.cost["level"], run.target_of(target)
    return [
        Moment(
            *(values[place].astype(np.float64), errors[place], sketched[0][place].astype(np.float64) if sketched else None),
            *(np.full(len(classes[place]), levels[place]), classes[place]),
        )
        for place in range(len(levels))
    ]


def _onsets(run: Run, explainer: str, target: Target) -> list[Event]:
    found = {name: run.all_region_share(explainer, name, target) for name in run.record["probes"]["regions"]}
    rises = {name: (each.rise, each.least) for name, each in found.items()}
    before_training = len(run.all_steps) - len(run.steps)
    places = {name: np.where(each.onset < 0, -1, each.onset - before_training) for name, each in found.items()}
    return events.onsets(run.steps, explainer, rises, places)


@dataclass(frozen=True, eq=False)
class Steady:
    """Since when explanations are what they are at the end.

    Attributes:
        step: int64 (probes,), the epoch; -2 (`alignment.ABSENT`) where they are not.
        of_run: the epoch at which half of the probes were steady; None: they are not.
        of_metric: the epoch from which the run's metric stays within its own unrest of its last value; None: it does not.
        metric: its name; "" where none was logged.
    """

    step: np.ndarray
    of_run: int | None
    of_metric: int | None
    metric: str


def steady(run: Run, explainer: str, measure: str, target: Target) -> Steady:
    """Near the final explanation, see `events.steady_since`: what it moves from epoch to epoch in the last quarter doesn't add up any more."""
    trained = run.all_steps != wire.UNTRAINED
    to_final, moved = (run.all_drift(explainer, against, measure, target) for against in ("final", "previous"))
    unrest = np.nan_to_num(noise.jitter(_last_quarter(moved.distance[trained])))
    near = np.maximum(np.nan_to_num(to_final.floor[trained]) + TIMES_UNREST * unrest, NEAR.get(measure, 0))
    places = events.steady_since(to_final.distance[trained], near)
    asked = trained & (run.cost["level"] > 0)
    values = run.of_class(target, f"values/{explainer}")[0][asked]
    # What the model has no answer for any more is not what it was; one epoch alone decides nothing.
    places = np.where(np.isfinite(values[-2:]).any(axis=(0, -1)), places, -1)
    places = np.where(np.isfinite(to_final.distance[trained]).any(axis=0), places, -1)
    step = np.where(places >= 0, run.steps[places] if len(run.steps) else 0, alignment.ABSENT)
    settled = np.sort(np.where(step >= 0, step, np.iinfo(np.int64).max))
    half = settled[int(np.ceil(MOST * len(settled))) - 1] if len(settled) else np.iinfo(np.int64).max
    of_run = int(half) if half < np.iinfo(np.int64).max else None
    return Steady(step, of_run, *_steady_metric(run))


def _last_quarter(series: np.ndarray) -> np.ndarray:
    return series[-max(3, len(series) // 4) :]


def _steady_metric(run: Run) -> tuple[int | None, str]:
    metric = alignment.first_metric(run.logs)
    series = run.logs[metric] if metric else np.array([])
    there = np.flatnonzero(np.isfinite(series))
    if not len(there):
        return None, metric
    series, steps = series[there], run.steps[there]
    unrest = float(noise.jitter(_last_quarter(np.abs(np.diff(series)))))
    near = max(TIMES_UNREST_OF_METRIC * unrest, NEAR_OF_METRIC * float(np.abs(series[-1])))
    away = np.abs(series - series[-1])
    away[-1] = np.nan
    place = int(events.steady_since(away, np.full(len(away), near)))
    return (int(steps[place]) if place >= 0 else None), metric


@dataclass(frozen=True, eq=False, repr=False)
class Trust:
    """How far each explanation can be trusted; (all_steps, probes) each, NaN where not known.

    Attributes:
        r_squared: how much of how the answers vary the players' sum explains; the measure is `r_squared_name`, "" where there is none.
        gap: |sum of values - what they should add up to|, relative; `gap_name`.
        error: length of the standard errors over that of the values, as vectors.
        untrained: total variation from the untrained model; `untrained_floor`: what of it is noise.
    """

    r_squared: np.ndarray
    r_squared_name: str
    gap: np.ndarray
    gap_name: str
    error: np.ndarray
    untrained: np.ndarray
    untrained_floor: np.ndarray

    def __repr__(self) -> str:
        return f"Trust({len(self.error)} steps of {self.error.shape[1]} probes; {', '.join(f'{name}: {int(each.sum())}' for name, each in self.warnings.items())})"

    @property
    def warnings(self) -> dict[str, np.ndarray]:
        """{what is wrong: bool (all_steps, probes)}."""
        with np.errstate(invalid="ignore"):
            return {
                "not additive": self.r_squared < ADDITIVE_LEAST,
                "does not add up": self.gap > GAP_MOST,
                "uncertain": self.error > ERROR_MOST,
                # Where noise hides any difference, that none is seen says nothing.
                "like the untrained model": (self.untrained <= self.untrained_floor) & (self.untrained_floor < FLOOR_MOST),
            }


def trust(run: Run, explainer: str, target: Target) -> Trust:
    values, errors = run.of_class(target, f"values/{explainer}", f"errors/{explainer}")
    nothing = np.full(values.shape[:2], np.nan)
    measures = run.measures(explainer)
    wanted = (R_SQUARED, GAPS if explainer in ADD_UP else ())
    names = [next((name for name in each if name in measures), "") for each in wanted]
    each = run.of_class(target, f"fidelity/{explainer}")[0] if measures else None
    r_squared, gap = (nothing if not name or each is None else each[..., measures.index(name)] for name in names)
    size, noise_size = (np.sqrt(np.nansum(array.astype(np.float64) ** 2, axis=-1)) for array in (values, errors))
    known = np.isfinite(errors).any(axis=-1) & (size > 0)
    since = run.all_drift(explainer, "untrained", "tv", target)
    return Trust(
        *(r_squared, names[0], gap, names[1]),
        error=np.where(known, noise_size / np.where(size > 0, size, 1), np.nan),
        untrained=since.distance,
        untrained_floor=since.floor,
    )
