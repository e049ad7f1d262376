"""Events of probes while a model learns: learned, forgotten, relearned, reason changed, onset, collapsed. numpy only.

Epochs are processed in order, and each from earlier epochs alone, so a run that is still training already has the events that it will have
when it is done. Only the onset of a region is final at the end of training.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tb_xai_plugin.judgement import distances, noise, summaries

KINDS = ("learned", "forgotten", "relearned", "reason changed", "onset", "collapsed")
OF_PREDICTIONS = KINDS[:3]

# A reason has changed where, over two epochs, it moved by more than the noise floor plus so many times its epoch-to-epoch variation …
TIMES_VARIATION = 2
# … and by at least this total variation.
LEAST_CHANGE = 0.2


# An explanation is flat below FLAT times its recent size; or below FAINT times, where its squared values are at most NOISE_ONLY times their noise.
FLAT = 1e-3
FAINT = 0.05
NOISE_ONLY = 2


@dataclass(frozen=True, order=True)
class Event:
    """Something that happened to one probe at one epoch.

    Attributes:
        step: the epoch, 0-based.
        probe: the probe's number.
        kind: "learned" | "forgotten" | "relearned" | "reason changed" | "onset" | "collapsed".
        explainer: the explainer whose values show it; "" where the predictions do.
        size: of "learned", "forgotten" and "relearned", the change of the true class's probability since the epoch before (of a probe with a set
            of labels, of the mean probability of what is true); of "reason
            changed", the total variation between the epoch before and the one after; of "onset", the rise of the region's share above its
            lowest earlier value; of "collapsed", the sum of |attribution| that is left, NaN where the model outputs no number.
        floor: the threshold that `size` exceeded; 0 for predictions, which have no noise. For "collapsed", the threshold that it fell below.
        region: the region of an "onset"; "" for all other kinds.
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
        noise: int8 (probes, numbers), what was logged of the sampling errors (see `wire.encode_noise`); None where nothing is drawn.
        level: (probes,), model evaluations per probe; errors at different levels are independent.
        classes: int (probes,), the explained class.
    """

    values: np.ndarray
    errors: np.ndarray
    noise: np.ndarray | None
    level: np.ndarray
    classes: np.ndarray

    @cached_property
    def unit(self) -> distances.Unit:
        """See `distances.unit`."""
        return distances.unit(self.values)

    def of(self, probes: np.ndarray) -> Moment:
        """Those of some probes alone. probes: their numbers."""
        sketches = None if self.noise is None else self.noise[probes]
        return Moment(self.values[probes], self.errors[probes], sketches, self.level[probes], self.classes[probes])

    def change_errors(self, other: Moment) -> np.ndarray:
        """(probes, players): standard errors of the difference; NaN where the two explain different classes."""
        return noise.errors_between(
            *(self.errors, other.errors, self.noise, other.noise),
            same_level=self.level == other.level,
            same_class=self.classes == other.classes,
        )

    def replaced(self, which: np.ndarray, other: Moment) -> Moment:
        """A copy with some probes taken from another moment. which: bool (probes,)."""
        if which.all():
            return other
        rows = which[:, None]
        noise = None if self.noise is None or other.noise is None else np.where(rows, other.noise, self.noise)
        return Moment(
            *(np.where(rows, other.values, self.values), np.where(rows, other.errors, self.errors), noise),
            *(np.where(which, other.level, self.level), np.where(which, other.classes, self.classes)),
        )


class Predictions:
    """Follows the predictions: "learned", "forgotten", "relearned".

    A probe is forgotten where its prediction was right at one epoch and is wrong at the next known one (Toneva et al. 2019), and learned or
    relearned in the reverse case. A probe with a set of labels is right where all of them are: its events are those of the whole set.
    """

    def __init__(self, probes: int) -> None:
        self._was_right, self._ever_right = np.zeros(probes, dtype=bool), np.zeros(probes, dtype=bool)
        self._before = np.zeros(probes)

    def begin(self, probability: np.ndarray) -> None:
        """Set the untrained model's probability of the label, (probes,). A prediction that is right by chance does not count as learned."""
        self._before = np.nan_to_num(probability)

    def follow(self, step: int, right: np.ndarray, known: np.ndarray, probability: np.ndarray) -> list[Event]:
        """Add one more epoch of training, and return its events.

        Args:
            right, known: bool (probes,): whether the prediction is the label, and whether there are a prediction and a label.
            probability: (probes,) of the label.
        """
        events = []
        for probe in np.flatnonzero(known & (right != self._was_right)).tolist():
            kind = "forgotten" if self._was_right[probe] else "relearned" if self._ever_right[probe] else "learned"
            events.append(Event(step, probe, kind, "", float(probability[probe] - self._before[probe]), 0.0))
        self._was_right = np.where(known, right, self._was_right)
        self._ever_right |= self._was_right
        self._before = np.where(known, probability, self._before)
        return events


class Reasons:
    """Follows the explanations of one explainer: "reason changed" and "collapsed".

    The reason for a probe changed at an epoch where its prediction was right at the epoch before, at this one and at the next explained one,
    and the explanation moved between the epoch before and the next one by a total variation above their noise floor plus twice its recent
    epoch-to-epoch variation, and by at least LEAST_CHANGE. An explanation that returns after one epoch has not changed. Neither has one that
    moves slowly; such a run is not steady.
    """

    # Set at the first epoch; see `_begin`.
    _last: Moment  # at the last explained epoch, …
    _before: Moment  # … at the one before, …
    _earlier: Moment  # … and at the one before that
    _last_right: np.ndarray
    _before_right: np.ndarray
    _last_step: np.ndarray
    _explained: np.ndarray  # how many epochs each probe was explained at
    _last_move: np.ndarray  # total variation between the last two explained epochs
    _just_changed: np.ndarray  # whether the last change is still going on
    _alive: np.ndarray  # whether there is an explanation that could collapse
    _fell_at: np.ndarray  # the step of a collapse that is not certain yet, -1 where there is none
    _fell_size: np.ndarray  # (probes, 2), its size and floor

    def __init__(self, explainer: str) -> None:
        self.explainer = explainer
        self._begun = False
        self._untrained: np.ndarray | None = None
        self._moves: deque[np.ndarray] = deque(maxlen=noise.RECENT)
        self._sizes: deque[np.ndarray] = deque(maxlen=noise.RECENT)

    def begin(self, untrained: Moment) -> None:
        """Set the untrained model's explanations: a probe that has one, and none at the first epoch, has collapsed. Their size is not used."""
        self._untrained = np.nansum(np.abs(untrained.values), axis=-1) > 0

    def follow(self, step: int, now: Moment, right: np.ndarray, invalid: np.ndarray) -> list[Event]:
        """Add one more epoch of training.

        Args:
            right: bool (probes,): whether the prediction is the label; of a regression, whether the output is a number.
            invalid: bool (probes,): whether the model was evaluated and its output is not a number.

        Returns:
            Events that are certain now: of this epoch or of the one before.
        """
        if not self._begun:
            self._begin(now)
        known = summaries.known_rows(now.values)
        moved = self._moved(now)
        events = [*self._collapsed(step, now, known, invalid), *self._changed(now, known, right, moved)]
        self._moves.append(np.where(known, self._last_move, np.nan))
        self._last_move = np.where(known, moved, self._last_move)
        self._earlier = self._earlier.replaced(known, self._before)
        self._before, self._before_right = self._before.replaced(known, self._last), np.where(known, self._last_right, self._before_right)
        self._last, self._last_right = self._last.replaced(known, now), np.where(known, right, self._last_right)
        self._last_step = np.where(known, step, self._last_step)
        self._explained += known
        return events

    def _begin(self, now: Moment) -> None:
        probes = len(now.values)
        self._begun = True
        self._last = self._before = self._earlier = now
        self._last_right, self._before_right, self._alive, self._just_changed = (np.zeros(probes, dtype=bool) for _ in range(4))
        if self._untrained is not None:
            self._alive = self._untrained
        self._last_step, self._fell_at, self._explained = np.full(probes, -1), np.full(probes, -1), np.zeros(probes, dtype=int)
        self._last_move, self._fell_size = np.full(probes, np.nan), np.zeros((probes, 2))

    def _moved(self, now: Moment) -> np.ndarray:
        """Total variation since the last explained epoch; NaN where there is none, or another class was explained."""
        known = (self._explained > 0) & (now.classes == self._last.classes)
        return np.where(known, distances.variation_of_units(now.unit, self._last.unit), np.nan)

    def _changed(self, now: Moment, known: np.ndarray, right: np.ndarray, moved: np.ndarray) -> Iterator[Event]:
        """moved: `_moved` of `now`."""
        compared = known & right & self._last_right & self._before_right & (self._explained > 1)
        compared &= (now.classes == self._last.classes) & (now.classes == self._before.classes)
        changed, ongoing = np.zeros_like(known), np.zeros_like(known)
        size = distances.variation_of_units(now.unit, self._before.unit)
        with np.errstate(invalid="ignore"):
            far = np.flatnonzero(compared & (size > LEAST_CHANGE))  # the others are below their floor, whatever it is
        if len(far):
            floor = self._floor(now.of(far), far)
            with np.errstate(invalid="ignore"):
                # A return to the explanation of three epochs before is not a change.
                since = distances.total_variation(now.values[far], self._earlier.values[far])
                back = (self._explained[far] > 2) & (since <= floor)
                # The change is at the larger of the two moves; it is one event, however many epochs it takes.
                ongoing[far] = size[far] > floor
                changed[far] = ongoing[far] & ~back & (self._last_move[far] >= moved[far]) & ~self._just_changed[far]
            for place in np.flatnonzero(changed[far]).tolist():
                probe = int(far[place])
                yield Event(int(self._last_step[probe]), probe, "reason changed", self.explainer, float(size[probe]), float(floor[place]))
        self._just_changed = np.where(known, changed | (self._just_changed & ongoing), self._just_changed)

    def _floor(self, now: Moment, probes: np.ndarray) -> np.ndarray:
        """The threshold of a change between the explanations of some probes at the epoch before the last one, and `now`."""
        before = self._before.of(probes)
        sampling = noise.floor(now.values, before.values, now.change_errors(before), "tv", (now.noise, before.noise))
        # Where the errors are unknown, the variation alone is the floor.
        floor: np.ndarray = np.maximum(np.nan_to_num(sampling) + TIMES_VARIATION * self._variation(probes), LEAST_CHANGE)
        return floor

    def _variation(self, probes: np.ndarray) -> np.ndarray:
        """Recent epoch-to-epoch variation of some explanations, without the last move; infinite where it is not known yet."""
        if not self._moves:
            return np.full(len(probes), np.inf)
        variation = noise.variation(np.stack(self._moves)[:, probes])
        return np.where(np.isfinite(variation), variation, np.inf)

    def _collapsed(self, step: int, now: Moment, known: np.ndarray, invalid: np.ndarray) -> Iterator[Event]:
        size = summaries.sum_of_known(np.abs(now.values))
        sizes = np.stack(self._sizes) if self._sizes else np.zeros((1, len(size)))
        # No median of sizes is above their largest, so most epochs need no more than this.
        faint = known & (size <= FAINT * np.nan_to_num(np.fmax.reduce(sizes)))
        flat, fell_below = np.zeros_like(known), np.zeros(len(size))
        if faint.any() or invalid.any():
            squares = np.nansum(now.values**2, axis=-1)
            noise_squares = NOISE_ONLY * np.nansum(np.where(np.isfinite(now.values), now.errors, 0).astype(np.float64) ** 2, axis=-1)
            recent = summaries.quartiles(sizes[None])[1, 0]
            fell_below = np.where(squares <= noise_squares, FAINT, FLAT) * np.nan_to_num(recent)
            flat = known & (size <= fell_below)
        alive = known & ~flat
        lost = (invalid | flat) & self._alive
        begins = lost & (self._fell_at < 0)
        self._fell_size = np.where(begins[:, None], np.stack([np.where(known, size, np.nan), fell_below], axis=-1), self._fell_size)
        self._fell_at = np.where(begins, step, self._fell_at)
        # A single flat epoch may be chance. An output that is not a number is not.
        certain = lost & ((self._fell_at < step) | invalid)
        for probe in np.flatnonzero(certain).tolist():
            yield Event(int(self._fell_at[probe]), probe, "collapsed", self.explainer, *self._fell_size[probe].tolist())
        self._fell_at = np.where(certain | alive, -1, self._fell_at)
        self._alive = (self._alive & ~certain) | alive
        self._sizes.append(np.where(alive, size, np.nan))
