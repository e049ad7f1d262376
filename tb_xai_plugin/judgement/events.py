"""What happened to each probe while a model learned, and since when: learned, forgotten, reason changed, onset, collapsed. numpy only.

One epoch after the other, and from what came before alone, so that a run that is still training has the events that it will have when it is
done; only the onset of a region is known for good at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import distances, noise, summaries

KINDS = ("learned", "forgotten", "relearned", "reason changed", "onset", "collapsed")
OF_ANSWERS = KINDS[:3]

# A reason has changed where, over two epochs, it moved by more than noise and so many times what it moves in one as a rule …
TIMES_USUAL = 2
# … and so much of the whole explanation went elsewhere.
LEAST_CHANGE = 0.2


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
        found = noise.change_errors(self.errors, other.errors, *sketches)
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
        return np.where(known, distances.total_variation(now.values, self._last.values), np.nan)

    def _changed(self, now: Moment, there: np.ndarray, right: np.ndarray) -> Iterator[Event]:
        compared = there & right & self._last_right & self._before_right & (self._seen > 1)
        compared &= (now.classes == self._last.classes) & (now.classes == self._before.classes)
        changed = ongoing = np.zeros_like(there)
        if compared.any():
            size = distances.total_variation(now.values, self._before.values)
            sampling = noise.floor(now.values, self._before.values, now.change_errors(self._before), "tv")
            # Without known errors there is still what it moves as a rule.
            floor = np.maximum(np.nan_to_num(sampling) + TIMES_USUAL * self._usual(), LEAST_CHANGE)
            with np.errstate(invalid="ignore"):
                # Coming back from an epoch that was far off is no change.
                back = (self._seen > 2) & (distances.total_variation(now.values, self._earlier.values) <= floor)
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
        usual = summaries.quartiles(np.stack(self._sizes)[None])[1, 0] if self._sizes else np.zeros(len(size))
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
