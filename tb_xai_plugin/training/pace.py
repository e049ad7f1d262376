"""Pace: `max_overhead` in one fit: the budget, the copy of the untrained weights, and the log lines about changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.models import state as weights
from tb_xai_plugin.training.budget import Budget, Schedule

logger = logging.getLogger("tb_xai_plugin")

# The untrained weights are copied until the first epoch has shown how long training takes. The untrained state of larger models is not explained.
LARGEST_KEPT_BYTES = 2**30

# The untrained model is explained if there is time for so many explanations: of itself, of one epoch in between, and of the last epoch.
FEWEST_WITH_UNTRAINED = 3

# Where a training is too short for any explanation within its share, the untrained model and the last epoch are explained all the same if each
# takes at most so many seconds: a record without any explanation is of no use.
QUICK = 5.0

# What the two ends take beyond the limit is said from this factor on.
WORTH_SAYING = 1.1

# Before the first explanation, its cost is estimated from one batch, times this factor.
CAUTION = 1.2


class Pace:
    """Keeps one fit's explanations within `share` of its training time.

    Args:
        share: the share of the training time, e.g. 0.05.
        plans: {probe set: its plan}; all probe sets are explained together.
        every: the number of epochs from one that is due to the next; None where that is not constant.
    """

    def __init__(self, share: float, plans: Mapping[str, Plan], every: int | None) -> None:
        self._plans, self._every = plans, every
        for plan in plans.values():
            for level in plan.levels[:-1]:
                plan.fit_rows(level)  # now: in the middle of a training it would look like the cost of an explanation
        self._budget = Budget(share, most_halvings=min(len(plan.levels) for plan in plans.values()) - 1)
        self._announced: Schedule | None = Schedule()  # the schedule that was announced last; None: there is no time for any
        self._weights: list[np.ndarray] | None = None
        self._engines: Mapping[str, Engine] = {}
        self._only_ends = False  # there is no time for any schedule, but the untrained model and the last epoch are explained
        self._ends_announced = False

    @contextmanager
    def billed(self) -> Iterator[None]:
        """The time spent inside counts as spent from the budget."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._budget.spent += time.perf_counter() - began

    def keep_untrained(self, model: Any) -> None:
        """Copy the weights of a model that has not been trained yet."""
        # Two copies exist for a moment: this one, and one of the current weights while the untrained ones are in the model.
        present = weights.as_arrays(model)
        size = 2 * sum(weight.nbytes for weight in present)
        if size > LARGEST_KEPT_BYTES:
            self._announce(
                f"the untrained model is not explained: with max_overhead that needs copies of its weights, which take {size / 2**30:.1f} GiB"
            )
            return
        self._weights = weights.copied(model)

    def decide(self, to_come: int, training_seconds: float, due: bool, due_after: int, engines: Mapping[str, Engine]) -> int | None:
        """The halvings of this epoch (see `Schedule`); None where it is not explained.

        Args:
            to_come: the number of epochs that follow in this fit.
            training_seconds: the training time of this epoch.
            due: whether this epoch is due by `every`; due_after: how many later epochs are.
            engines: {probe set: its engine}.
        """
        budget, self._engines = self._budget, engines
        budget.trained.append(training_seconds)
        if not budget.cost:
            budget.cost = CAUTION * sum(engine.seconds_expected() for engine in engines.values())
        # What was announced is kept, even if an explanation takes longer than expected: one end without the other does not show what was learned.
        quick = budget.cheapest <= QUICK or self._ends_announced
        if self._weights is not None and not quick and not budget.affords(FEWEST_WITH_UNTRAINED, to_come):
            self._weights = None
            self._announce("the untrained model is not explained: that would take more than max_overhead allows")
        schedule = budget.decide(to_come, due_after + (self._weights is not None)) if due else None
        self._only_ends = budget.short and quick
        if schedule is None and self._only_ends and due and not due_after:
            budget.since = 0
            return budget.most_halvings
        return None if schedule is None else schedule.halvings

    def halvings_at_end(self) -> int | None:
        """The halvings with which the returned model is explained after the last epoch; None where there is no time for it."""
        budget = self._budget
        if not budget.cost:
            return None
        if (halvings := budget.halvings_within(0)) is not None:
            return halvings
        if budget.cheapest <= QUICK:
            self._only_ends = True
            return budget.most_halvings
        self._announce(f"the returned model is not explained: that would take about {budget.cheapest:.1f} s, more than max_overhead allows")
        return None

    def changes(self, explained: bool) -> dict[str, str]:
        """{probe set: what changes from this epoch on}, which is also logged; empty where nothing changes.

        An epoch that is not explained changes nothing, unless none was explained before and there is no time even for one explanation.
        """
        short = self._budget.short and (self._only_ends or not explained)
        now = None if short else self._budget.schedule
        if now == self._announced or (not explained and not (short and self._announced == Schedule())):
            return {}
        self._announced = now
        self._ends_announced |= now is None and self._only_ends
        sentences = {name: self._sentence(plan, now) for name, plan in self._plans.items()}
        self._announce("; ".join(dict.fromkeys(sentences.values())))
        return sentences

    @property
    def untrained_due(self) -> bool:
        """Whether the untrained model, of which the weights are kept, is to be explained now."""
        return self._weights is not None

    @contextmanager
    def untrained(self, model: Any) -> Iterator[int]:
        """Inside, the model has its untrained weights, bit for bit. Yields the halvings of its explanation."""
        current = weights.copied(model)
        kept, self._weights = self._weights, None
        assert kept is not None, "untrained is entered only where untrained_due is True"
        try:
            weights.put_back(model, kept)
            halvings = self._budget.most_halvings if self._only_ends else self._budget.schedule.halvings
            began = time.perf_counter()
            yield halvings
            self.learn(time.perf_counter() - began, halvings, sum(engine.fixed_seconds for engine in self._engines.values()))
        finally:
            weights.put_back(model, current)

    def conclude(self) -> None:
        """Log at the end of training whether there was no time for any explanation, or what the two ends took beyond the limit."""
        budget = self._budget
        allowed = budget.share * sum(budget.trained)
        if self._only_ends and budget.spent > WORTH_SAYING * allowed:
            self._announce(
                f"explanations took {budget.spent:.2g} s in all, more than the {allowed:.2g} s that max_overhead={budget.share:g} of this training "
                "allows: the untrained model, the last epoch and the returned model are always explained where each takes only a few seconds"
            )
        if budget.since is None and budget.trained and budget.cost:
            self._announce(
                f"no epoch was explained: one explanation takes about {budget.cheapest:.1f} s, and max_overhead={budget.share:g} of this training "
                f"is {allowed:.1f} s, of which preparing took {budget.spent:.1f} s; give a larger max_overhead, fewer probes, or more epochs"
            )

    def learn(self, seconds: float, halvings: int, fixed: float) -> None:
        """Update the cost: one explanation of all probe sets took `seconds`, of which fewer evaluations would not have saved `fixed`."""
        self._budget.fixed = fixed
        self._budget.cost = fixed + max(seconds - fixed, 0) * 2**halvings

    def _sentence(self, plan: Plan, now: Schedule | None) -> str:
        limit = f"to keep max_overhead={self._budget.share:g}"
        if now is None and not self._only_ends:
            return f"nothing is explained until there is time for it, {limit}"
        if now is None:
            ends = "the untrained model and the last epoch are" if self._weights is not None else "the last epoch is"
            fewest = plan.levels[-1 - self._budget.most_halvings] * plan.repeats
            return f"only {ends} explained, with {fewest} evaluations per probe, until max_overhead={self._budget.share:g} leaves time for more"
        evaluations = f"{plan.levels[-1 - now.halvings] * plan.repeats} evaluations per probe" + (
            f" instead of {plan.levels[-1] * plan.repeats}" if now.halvings else ""
        )
        epochs = ""
        if now.stride > 1:
            epochs = f", every {now.stride * self._every} epochs" if self._every else f", one in {now.stride} of the epochs that are due"
        return f"{evaluations}{epochs}, {limit}"

    @staticmethod
    def _announce(sentence: str) -> None:
        logger.warning("ExplanationLogger: %s.", sentence)
