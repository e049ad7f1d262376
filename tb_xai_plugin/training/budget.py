"""Budget: keeps explanations within a share of the training time, first with fewer evaluations, then with fewer epochs."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import numpy as np

# Training may stop early, so the budget counts on at most this many further epochs, or on as many as there have been.
EPOCHS_COUNTED_ON = 10

# The first epoch also compiles the training step: that takes some seconds, and at most about half of the epoch.
COMPILING = 3.0

# A schedule is kept until there is no time for it, or until it uses less than half of the available time: epochs of changing schedules are hard to
# compare. A new schedule then uses PART_TAKEN_UP of that time.
WASTED_BELOW = 0.5
PART_TAKEN_UP = 0.8

# Evaluations are not halved where that saves less than a tenth of the cost.
WORTH_HALVING = 1.1


@dataclass(frozen=True)
class Schedule:
    """How many evaluations an explanation has, and how many epochs are explained.

    Attributes:
        halvings: how many times the evaluations are halved; 0 is all evaluations.
        stride: one in so many of the epochs that are due is explained.
    """

    halvings: int = 0
    stride: int = 1


@dataclass
class Budget:
    """Decides, at the end of each epoch that is due, whether it is explained and how. All times are in seconds.

    Attributes:
        share: the share of the training time that may be spent on explanations, e.g. 0.05.
        most_halvings: the most that a schedule can have.
        cost: the time of one explanation with all evaluations: measured, or an estimate before the first.
        fixed: the part of `cost` that fewer evaluations do not save.
        spent: the time spent so far on anything that is not training.
        trained: the training time of each epoch so far.
        schedule: the current schedule.
        since: the number of due epochs since the last one that was explained; None before the first.
        short: whether there is no time even for one explanation.
    """

    share: float
    most_halvings: int
    cost: float = 0.0
    fixed: float = 0.0
    spent: float = 0.0
    trained: list[float] = field(default_factory=list)
    schedule: Schedule = field(default_factory=Schedule)
    since: int | None = None
    short: bool = False

    def affords(self, explanations: int, to_come: int) -> bool:
        """Whether there is time for so many explanations at their cheapest, with `to_come` epochs after this one."""
        return explanations * self._cost_of(self.most_halvings) <= self._left(to_come)

    def decide(self, to_come: int, due_to_come: int) -> Schedule | None:
        """The schedule with which the epoch that has just ended is explained; None where it is not explained.

        to_come: the number of epochs that follow in this fit; due_to_come: how many of them are due.
        """
        left = self._left(to_come)
        counted = self._counted(to_come)
        due = 1 + (ceil(due_to_come * counted / to_come) if to_come else 0)
        needed = self._cost_of(self.schedule.halvings) * ceil(due / self.schedule.stride)
        # Time that was saved earlier does not make the schedule denser: that schedule could not be kept.
        lasting = min(left, self.share * self._epoch_expected() * (1 + counted))
        if needed > left:
            self.schedule = self._within(left, due)
        elif needed < WASTED_BELOW * lasting and self.schedule != Schedule():
            self.schedule = self._within(PART_TAKEN_UP * lasting, due)
        # The last epoch matters most: it is explained out of turn, and time is reserved for it.
        if self.since is not None:
            self.since += 1
        waits = self.since is not None and self.since < self.schedule.stride and due_to_come > 0
        self.short = self._cost_of(self.schedule.halvings) * (2 if due_to_come else 1) > left
        if waits or self.short:
            return None
        self.since = 0
        return self.schedule

    def halvings_within(self, to_come: int) -> int | None:
        """The fewest halvings of one more explanation for which there is time; None where there is none. to_come: the epochs that follow."""
        left = self._left(to_come)
        return next((halvings for halvings in range(self.most_halvings + 1) if self._cost_of(halvings) <= left), None)

    @property
    def cheapest(self) -> float:
        """Seconds of an explanation with the fewest evaluations."""
        return self._cost_of(self.most_halvings)

    def _cost_of(self, halvings: int) -> float:
        return self.fixed + (self.cost - self.fixed) / 2.0**halvings

    def _left(self, to_come: int) -> float:
        """The time that may be spent on this epoch and on the epochs to come that are counted on."""
        return self.share * (sum(self.trained) + self._epoch_expected() * self._counted(to_come)) - self.spent

    def _epoch_expected(self) -> float:
        first, *others = self.trained
        return float(np.median(others)) if others else max(first / 2, first - COMPILING)

    def _counted(self, to_come: int) -> int:
        return min(to_come, max(EPOCHS_COUNTED_ON, len(self.trained)))

    def _within(self, left: float, due: int) -> Schedule:
        """The least reduced schedule for which the time that is left is enough for so many due epochs."""
        for halvings in range(self.most_halvings + 1):
            if self._cost_of(halvings) * due <= left:
                return Schedule(halvings)
        # Evaluations are halved only where that saves time: the cost of gradients does not depend on them.
        halvings = next(
            halvings
            for halvings in range(self.most_halvings + 1)
            if self._cost_of(halvings) <= WORTH_HALVING * self._cost_of(self.most_halvings)
        )
        return Schedule(halvings, ceil(due / max(int(left / self._cost_of(halvings)), 1)))
