"""What happened to each probe while a model learned, and since when: learned, forgotten, reason changed, onset, collapsed. numpy only.

One epoch after the other, and from what came before alone, so that a run that is still training has the events that it will have when it is
done; only the onset of a region is known for good at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin import noise, stability

KINDS = ("learned", "forgotten", "relearned", "reason changed", "onset", "collapsed")
OF_ANSWERS = KINDS[:3]

# A reason has changed where, over two epochs, it moved by more than noise and so many times what it moves in one as a rule …
TIMES_USUAL = 2
# … and so much of the whole explanation went elsewhere.
LEAST_CHANGE = 0.2

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

# So many epochs at the end have to be near the last one, and a quarter of all, to call it steady.
FEWEST_STEADY = 5

# An explanation is flat at this share of what it was of late; or at that one, where its squares are within so many times their noise.
FLAT = 1e-3
FAINT = 0.05
NOISE_ONLY = 2


@dataclass(frozen=True, order=True)
class Event:
    """Something that happened to one probe.

    Attributes:
        step: the epoch.
        probe: its number.
        kind: one of KINDS.
        explainer: whose values tell; "" where the predictions do.
        size: of "learned", "forgotten", "relearned" how far the true class's probability moved since the epoch before; of "reason changed" the
            total variation from the epoch before to the one after; of "onset" how far the region's share is above the lowest it had been; of
            "collapsed" the sum of |attribution| that is left, NaN where the model answers none.
        floor: what `size` had to exceed; 0 of predictions, which have no noise. Of "collapsed", what it fell below.
        region: of "onset"; "" of all others.
    """

    step: int
    probe: int
    kind: str
    explainer: str
    size: float
    floor: float
    region: str = ""


@dataclass(frozen=True, eq=False)
class Moment:
    """The explanations of one class at one epoch.

    Attributes:
        values: float64 (probes, players), NaN where there is no number.
        errors: (probes, players), standard errors; NaN where unknown.
        noise: (probes, numbers), sketches of the sampling errors; None where nothing is drawn.
        level: (probes,), coalitions that it is made from: of other ones, errors have nothing in common.
        classes: int (probes,), the class explained.
    """

    values: np.ndarray
    errors: np.ndarray
    noise: np.ndarray | None
    level: np.ndarray
    classes: np.ndarray

    def change_errors(self, other: Moment) -> np.ndarray:
        """(probes, players): standard errors of the difference; NaN where another class is explained."""
        sketches: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
        if self.noise is not None and other.noise is not None:
            sketches = self.noise * (self.level == other.level)[:, None], other.noise
        found = stability.change_errors(self.errors, other.errors, *sketches)
        return np.where((self.classes == other.classes)[:, None], found, np.nan)

    def replaced(self, which: np.ndarray, other: Moment) -> Moment:
        """With some probes of another. which: bool (probes,)."""
        rows = which[:, None]
        noise = None if self.noise is None or other.noise is None else np.where(rows, other.noise, self.noise)
        return Moment(
            *(np.where(rows, other.values, self.values), np.where(rows, other.errors, self.errors), noise),
            *(np.where(which, other.level, self.level), np.where(which, other.classes, self.classes)),
        )


class Predictions:
    """Follows the answers: "learned", "forgotten", "relearned"; right at an epoch and wrong at the next known one (Toneva et al. 2019), and the reverse."""

    def __init__(self, probes: int) -> None:
        self._was, self._ever, self._before = np.zeros(probes, dtype=bool), np.zeros(probes, dtype=bool), np.zeros(probes)

    def begin(self, probability: np.ndarray) -> None:
        """What the untrained model answers. That it is right by chance is nothing it has learned."""
        self._before = np.nan_to_num(probability)

    def follow(self, step: int, right: np.ndarray, known: np.ndarray, probability: np.ndarray) -> list[Event]:
        """Take one more epoch of training.

        Args:
            right, known: bool (probes,): whether the prediction is the label, and whether there is one.
            probability: (probes,) of the label.
        """
        found = []
        for probe in np.flatnonzero(known & (right != self._was)).tolist():
            kind = "forgotten" if self._was[probe] else "relearned" if self._ever[probe] else "learned"
            found.append(Event(step, probe, kind, "", float(probability[probe] - self._before[probe]), 0.0))
        self._was = np.where(known, right, self._was)
        self._ever |= self._was
        self._before = np.where(known, probability, self._before)
        return found


class Reasons:
    """Follows the explanations of one explainer: "reason changed" and "collapsed".

    A reason changed at an epoch where the probe was right before, then and at the next explained epoch, and the explanation moved between those two
    by a total variation above their sampling noise plus twice the median of its moves from epoch to epoch of late, and at least LEAST_CHANGE. So
    an epoch that is far off and comes back is none, and neither is an explanation that moves on slowly: that one is not steady.
    """

    def __init__(self, explainer: str) -> None:
        self.explainer = explainer
        self._begun = False
        self._untrained: np.ndarray | None = None
        self._moves: deque[np.ndarray] = deque(maxlen=noise.RECENT)
        self._sizes: deque[np.ndarray] = deque(maxlen=noise.RECENT)

    def begin(self, untrained: Moment) -> None:
        """What the untrained model's explanations are: where there is one, none at the first epoch is a collapse. How large it is says nothing."""
        self._untrained = np.nansum(np.abs(untrained.values), axis=-1) > 0

    def follow(self, step: int, now: Moment, right: np.ndarray, silent: np.ndarray) -> list[Event]:
        """Take one more epoch of training.

        Args:
            right: bool (probes,): whether the model answers with the label; of a regression, whether it answers.
            silent: bool (probes,): the model was asked and answers no number.

        Returns:
            Events that are certain now: of this epoch or of the one before.
        """
        if not self._begun:
            self._begin(now)
        there = np.isfinite(now.values).any(axis=-1)
        found = [*self._collapsed(step, now, there, silent), *self._changed(now, there, right)]
        self._moves.append(np.where(there, self._move, np.nan))
        self._move = np.where(there, self._moved(now), self._move)
        self._earlier = self._earlier.replaced(there, self._before)
        self._before, self._before_right = self._before.replaced(there, self._last), np.where(there, self._last_right, self._before_right)
        self._last, self._last_right = self._last.replaced(there, now), np.where(there, right, self._last_right)
        self._last_step = np.where(there, step, self._last_step)
        self._seen += there
        return found

    def _begin(self, now: Moment) -> None:
        probes = len(now.values)
        self._begun = True
        self._last = self._before = self._earlier = now
        self._last_right, self._before_right, self._alive, self._just = (np.zeros(probes, dtype=bool) for _ in range(4))
        if self._untrained is not None:
            self._alive = self._untrained
        self._last_step, self._fell_at, self._seen = np.full(probes, -1), np.full(probes, -1), np.zeros(probes, dtype=int)
        self._move, self._fell_size = np.full(probes, np.nan), np.zeros((probes, 2))

    def _moved(self, now: Moment) -> np.ndarray:
        """How far from the last epoch; NaN where there is none, or another class was explained."""
        known = (self._seen > 0) & (now.classes == self._last.classes)
        return np.where(known, stability.total_variation(now.values, self._last.values), np.nan)

    def _changed(self, now: Moment, there: np.ndarray, right: np.ndarray) -> Iterator[Event]:
        compared = there & right & self._last_right & self._before_right & (self._seen > 1)
        compared &= (now.classes == self._last.classes) & (now.classes == self._before.classes)
        changed = ongoing = np.zeros_like(there)
        if compared.any():
            size = stability.total_variation(now.values, self._before.values)
            sampling = noise.floor(now.values, self._before.values, now.change_errors(self._before), "tv")
            # Without known errors there is still what it moves as a rule.
            floor = np.maximum(np.nan_to_num(sampling) + TIMES_USUAL * self._usual(), LEAST_CHANGE)
            with np.errstate(invalid="ignore"):
                # Coming back from an epoch that was far off is no change.
                back = (self._seen > 2) & (stability.total_variation(now.values, self._earlier.values) <= floor)
                # The larger of the two moves says when; one change is one event, however many epochs it takes.
                ongoing = compared & (size > floor)
                changed = ongoing & ~back & (self._move >= self._moved(now)) & ~self._just
            for probe in np.flatnonzero(changed).tolist():
                yield Event(int(self._last_step[probe]), probe, "reason changed", self.explainer, float(size[probe]), float(floor[probe]))
        self._just = np.where(there, changed | (self._just & ongoing), self._just)

    def _usual(self) -> np.ndarray:
        """How far each explanation moved from epoch to epoch of late, the last move left out; infinite before that is known."""
        if not self._moves:
            return np.full(len(self._seen), np.inf)
        usual = noise.jitter(np.stack(self._moves))
        return np.where(np.isfinite(usual), usual, np.inf)

    def _collapsed(self, step: int, now: Moment, there: np.ndarray, silent: np.ndarray) -> Iterator[Event]:
        size, squares = np.nansum(np.abs(now.values), axis=-1), np.nansum(now.values**2, axis=-1)
        noises = NOISE_ONLY * np.nansum(np.where(np.isfinite(now.values), now.errors, 0).astype(np.float64) ** 2, axis=-1)
        usual = stability.quartiles(np.stack(self._sizes)[None])[1, 0] if self._sizes else np.zeros(len(size))
        fell_below = np.where(squares <= noises, FAINT, FLAT) * np.nan_to_num(usual)
        flat = there & (size <= fell_below)
        alive = there & ~flat
        lost = (silent | flat) & self._alive
        begins = lost & (self._fell_at < 0)
        self._fell_size = np.where(begins[:, None], np.stack([np.where(there, size, np.nan), fell_below], axis=-1), self._fell_size)
        self._fell_at = np.where(begins, step, self._fell_at)
        # One flat epoch may be chance, an answer that is no number is none.
        certain = lost & ((self._fell_at < step) | silent)
        for probe in np.flatnonzero(certain).tolist():
            yield Event(int(self._fell_at[probe]), probe, "collapsed", self.explainer, *self._fell_size[probe].tolist())
        self._fell_at = np.where(certain | alive, -1, self._fell_at)
        self._alive = (self._alive & ~certain) | alive
        self._sizes.append(np.where(alive, size, np.nan))


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
    mean = stability.mean_of_known(share)[:, None]
    _, which = _lowest_before(mean)
    before, before_errors = share[which[:, 0]], errors[which[:, 0]]
    rise = share[1:] - before
    there = np.isfinite(rise)
    count = np.maximum(there.sum(axis=1), 1)
    middle = stability.mean_of_known(rise)
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


def steady_since(distance: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """int (…,): the first place from which a distance to the final state stays within its floor; -1 where not for a quarter of the epochs, five at least.

    Fewer are what anything is that moves slowly: three steps back it is near where it ended. One epoch alone that strays decides nothing.

    distance, floor: (epochs, …), aligned; NaN (a gap, the final state itself) decides nothing.
    """
    if not len(distance):
        return np.full(distance.shape[1:], -1)
    epochs = np.arange(len(distance)).reshape(-1, *[1] * (distance.ndim - 1))
    with np.errstate(invalid="ignore"):
        far = distance > floor
    twice = far.copy()
    twice[1:] &= far[:-1]
    twice[0] = False
    first = np.where(twice, epochs, -1).max(axis=0) + 1
    first = first + np.take_along_axis(far, np.minimum(first, len(distance) - 1)[None], axis=0)[0]
    # And the final state itself, which has no distance.
    near = (np.isfinite(distance) & (epochs >= first)).sum(axis=0) + 1
    return np.where(near >= np.maximum(FEWEST_STEADY, (np.isfinite(distance).sum(axis=0) + 1) / 4), first, -1)
