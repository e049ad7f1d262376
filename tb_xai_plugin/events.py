"""What happened to each probe while a model learned, and since when: learned, forgotten, reason changed, onset, collapsed. numpy only.

One epoch after the other, and from what came before alone, so that a run that is still training has the events that it will have when it is
done; only the onset of a region is known for good at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin import noise, stability

KINDS = ("learned", "forgotten", "relearned", "reason changed", "onset", "collapsed")

# A reason has changed where it is farther from what it was than noise and so many times what it moves in an epoch as a rule …
TIMES_USUAL = 3
# … and so much of the whole explanation went elsewhere.
LEAST_CHANGE = 0.2
# Before there are so many, nobody knows how far it moves as a rule.
FEWEST_MOVES = 3

# A region has its onset where its share is above the untrained model's by so many standard errors …
ERRORS_ABOVE = 3
# … and by so much; it ends where half of that is left.
LEAST_RISE = 0.05
ENDS = 0.5

# An explanation is flat at this share of the largest it has been; or at that one, where its squares are within so many times their noise.
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
            total variation since the reason was last steady; of "onset" how far the region's share is above the untrained model's; of
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


def answered(steps: Sequence[int], right: np.ndarray, known: np.ndarray, probability: np.ndarray) -> list[Event]:
    """ "learned", "forgotten", "relearned": right at an epoch and wrong at the next known one (Toneva et al. 2019), and the reverse.

    Args:
        steps: (epochs,) of training, the untrained model left out: it is right by chance.
        right, known: bool (epochs, probes): whether the prediction is the label, and whether there is one.
        probability: (epochs, probes) of the label.
    """
    found = []
    for probe in range(right.shape[1]):
        epochs = np.flatnonzero(known[:, probe])
        was, ever, before = False, False, 0.0
        for epoch in epochs.tolist():
            now, here = bool(right[epoch, probe]), float(probability[epoch, probe])
            if now != was:
                kind = "forgotten" if was else "relearned" if ever else "learned"
                found.append(Event(int(steps[epoch]), probe, kind, "", here - before, 0.0))
            was, ever, before = now, ever or now, here
    return sorted(found)


class Reasons:
    """Follows the explanations of one explainer: "reason changed" and "collapsed".

    A probe that is right has a reason, the explanation it had when it became right or when its reason last changed. It changes where, at this
    epoch and at the next explained one, the explanation is farther from that by total variation than sampling noise, plus three times the
    median of its last steps from epoch to epoch, and at least LEAST_CHANGE. An explanation that moves on slowly has a change once it has come far.
    """

    def __init__(self, explainer: str) -> None:
        self.explainer = explainer
        self._seen: list[tuple[int, np.ndarray]] = []
        self._moves: list[np.ndarray] = []

    def follow(
        self,
        step: int,
        values: np.ndarray,
        right: np.ndarray,
        silent: np.ndarray,
        errors: Callable[[np.ndarray], np.ndarray],
        own_errors: np.ndarray,
    ) -> list[Event]:
        """Take one more epoch.

        Args:
            values: (probes, players), NaN where there is no number.
            right: bool (probes,): whether the model answers with the label; of a regression, whether it answers.
            silent: bool (probes,): the model was asked and answers no number.
            errors: of places of earlier epochs (probes,), the standard errors (probes, players) of the difference to there.
            own_errors: (probes, players).

        Returns:
            Events that are certain now: of this epoch or of the one before.
        """
        values = values.astype(np.float64)
        if not self._seen:
            self._begin(len(values))
        place, there = len(self._seen), np.isfinite(values).any(axis=-1)
        self._seen.append((step, values))
        found = [*self._collapsed(step, values, there, silent, own_errors), *self._changed(place, values, there, right, errors)]
        self._moves.append(np.where(there & (self._last >= 0), self._distance(values, self._last), np.nan))
        self._last = np.where(there, place, self._last)
        return found

    def _begin(self, probes: int) -> None:
        self._last, self._reason, self._pending = (np.full(probes, -1) for _ in range(3))
        self._pending_size = np.zeros((probes, 2))
        self._largest, self._fell = np.zeros(probes), np.full(probes, -1)
        self._alive = np.zeros(probes, dtype=bool)
        self._fell_size = np.zeros((probes, 2))

    def _distance(self, values: np.ndarray, places: np.ndarray) -> np.ndarray:
        return stability.total_variation(values, self._at(places))

    def _at(self, places: np.ndarray) -> np.ndarray:
        return np.stack([self._seen[max(place, 0)][1][probe] for probe, place in enumerate(places.tolist())])

    def _changed(
        self, place: int, values: np.ndarray, there: np.ndarray, right: np.ndarray, errors: Callable[[np.ndarray], np.ndarray]
    ) -> Iterator[Event]:
        usual = self._usual()
        size = floor = np.full(len(values), np.nan)
        compared = there & right & (self._reason >= 0)
        if compared.any():
            size = self._distance(values, self._reason)
            sampling = noise.floor(values, self._at(self._reason), errors(np.maximum(self._reason, 0)), "tv")
            # Without known errors there is still what it moves as a rule.
            floor = np.maximum(np.nan_to_num(sampling) + TIMES_USUAL * usual, LEAST_CHANGE)
        far = compared & (size > floor)
        for probe in np.flatnonzero(far & (self._pending >= 0)).tolist():
            began = int(self._pending[probe])
            yield Event(self._seen[began][0], probe, "reason changed", self.explainer, *self._pending_size[probe].tolist())
            self._reason[probe], self._pending[probe], far[probe] = began, -1, False
        # One epoch that is far off is none: the next one decides. A gap decides nothing.
        self._pending_size[far] = np.stack([size, floor], axis=-1)[far]
        self._pending = np.where(far, place, np.where(there, -1, self._pending))
        self._reason = np.where(there, np.where(right, np.where(self._reason < 0, place, self._reason), -1), self._reason)

    def _usual(self) -> np.ndarray:
        """How far each explanation moved from epoch to epoch of late; infinite before that is known."""
        if not self._moves:
            return np.full(len(self._last), np.inf)
        moves = np.stack(self._moves[-noise.RECENT :])
        return np.where(np.isfinite(moves).sum(axis=0) >= FEWEST_MOVES, noise.jitter(moves), np.inf)

    def _collapsed(self, step: int, values: np.ndarray, there: np.ndarray, silent: np.ndarray, errors: np.ndarray) -> Iterator[Event]:
        size, squares = np.nansum(np.abs(values), axis=-1), np.nansum(values**2, axis=-1)
        noises = NOISE_ONLY * np.nansum(np.where(np.isfinite(values), errors, 0).astype(np.float64) ** 2, axis=-1)
        fell_below = np.where(squares <= noises, FAINT, FLAT) * self._largest
        flat = there & (size <= fell_below)
        lost = silent | flat
        alive = there & ~flat
        for probe in np.flatnonzero(lost & self._alive).tolist():
            now = (float(size[probe]) if there[probe] else np.nan, float(fell_below[probe]))
            if self._fell[probe] < 0:
                self._fell[probe], self._fell_size[probe] = step, now
            if self._fell[probe] < step or silent[probe]:
                yield Event(int(self._fell[probe]), probe, "collapsed", self.explainer, *self._fell_size[probe].tolist())
                self._alive[probe], self._fell[probe] = False, -1
        self._fell[alive] = -1
        self._alive |= alive
        self._largest = np.maximum(self._largest, np.where(there, size, 0))


def rises(share: np.ndarray, errors: np.ndarray, before: np.ndarray, before_errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far a region's share is above what it was before training, and what it has to exceed to count.

    share, errors: (epochs, …); before, before_errors: (…,), of the untrained model. An unknown error counts as none.
    """
    spread = np.sqrt(np.nan_to_num(errors) ** 2 + np.nan_to_num(before_errors) ** 2)
    return share - before, np.maximum(ERRORS_ABOVE * spread, LEAST_RISE)


def onset(rise: np.ndarray, least: np.ndarray) -> np.ndarray:
    """int (…,): the first place from which on a rise counts and at least half of that is kept to the end; -1 where there is none.

    rise, least: (epochs, …) as `rises` gives them; NaN decides nothing.
    """
    with np.errstate(invalid="ignore"):
        above, below = rise > least, rise < ENDS * least
    # After the last epoch that is below.
    epochs = np.arange(len(rise)).reshape(-1, *[1] * (rise.ndim - 1))
    last_below = np.where(below, epochs, -1).max(axis=0, initial=-1)
    counts = above & (epochs > last_below)
    return np.where(counts.any(axis=0), counts.argmax(axis=0), -1) if len(rise) else np.full(rise.shape[1:], -1)


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
    """int (…,): the first place from which a distance to the final state stays within its floor; -1 where only the last one or two do.

    distance, floor: (epochs, …), aligned; NaN (a gap, the final state itself) decides nothing.
    """
    epochs = np.arange(len(distance)).reshape(-1, *[1] * (distance.ndim - 1))
    with np.errstate(invalid="ignore"):
        last_far = np.where(distance > floor, epochs, -1).max(axis=0, initial=-1)
    # Steady for two epochs is what anything is that moves slowly.
    return np.where(last_far + 1 < len(distance) - 2, last_far + 1, -1)
