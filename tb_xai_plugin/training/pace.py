"""Pace: what `max_overhead` means for one fit: the budget, the untrained weights kept for later, and the sentences that say what changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.models import weights
from tb_xai_plugin.training.budget import Budget, Schedule

logger = logging.getLogger("tb_xai_plugin")

# The untrained weights are kept until the first epoch has told how long training takes; larger models do without.
LARGEST_KEPT_BYTES = 2**30

# The untrained model is explained if there is time for so many explanations: itself, one on the way, and the last.
FEWEST_WITH_UNTRAINED = 3

# A training so short that its share is too little for anything still has its untrained model and its last epoch explained, where each takes no
# longer than so many seconds: who asks for a record is not served by one without anything in it.
QUICK = 5.0

# Before there has been an explanation, its cost is guessed from one batch, and rather too high.
CAUTION = 1.2


class Pace:
    """Keeps one fit's explanations within `share` of its training time.

    Args:
        share: e.g. 0.05.
        plans: of the probe sets, which are explained together.
        every: epochs from one that is due to the next; None where that is not so regular.
    """

    def __init__(self, share: float, plans: Mapping[str, Plan], every: int | None) -> None:
        self._plans, self._every = plans, every
        self._budget = Budget(share, rungs=min(len(plan.levels) for plan in plans.values()) - 1)
        self._said: Schedule | None = Schedule()  # what was announced last; None: there is no time for any
        self._weights: list[np.ndarray] | None = None
        self._engines: Mapping[str, Engine] = {}
        self._ends = False  # there is time for nothing, and the two ends are explained all the same
        self._ends_announced = False

    @contextmanager
    def billed(self) -> Iterator[None]:
        """What is done inside is paid from the budget."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._budget.spent += time.perf_counter() - began

    def keep_untrained(self, model: Any) -> None:
        """Copy the weights of a model that has not been trained yet."""
        # Two copies are held for a moment: these, and those of the day when they are put back.
        present = weights.as_arrays(model)
        size = 2 * sum(weight.nbytes for weight in present)
        if size > LARGEST_KEPT_BYTES:
            self._announce(
                f"the untrained model is not explained: with max_overhead that takes copies of its weights, {size / 2**30:.1f} GiB"
            )
            return
        self._weights = weights.copied(model)

    def decide(self, to_come: int, training_seconds: float, due: bool, due_after: int, engines: Mapping[str, Engine]) -> int | None:
        """How often the evaluations are halved at this epoch; None where it is not explained.

        to_come: epochs of the fit that follow. training_seconds: of this one. due: whether `every` has it explained; due_after: how many later ones.
        """
        budget, self._engines = self._budget, engines
        budget.trained.append(training_seconds)
        if not budget.cost:
            budget.cost = CAUTION * sum(engine.seconds_expected() for engine in engines.values())
        # What was announced once is kept, though an explanation may have turned out slower: the one end without the other shows nothing learnt.
        quick = budget.cheapest <= QUICK or self._ends_announced
        if self._weights is not None and not quick and not budget.affords(FEWEST_WITH_UNTRAINED, to_come):
            self._weights = None
            self._announce("the untrained model is not explained: that would take more than max_overhead allows")
        schedule = budget.decide(to_come, due_after + (self._weights is not None)) if due else None
        self._ends = budget.short and quick
        if schedule is None and self._ends and due and not due_after:
            budget.since = 0
            return budget.rungs
        return None if schedule is None else schedule.rung

    def changes(self, explained: bool) -> dict[str, str]:
        """{probe set: what is different from this epoch on}, announced; empty where nothing is.

        An epoch that is not explained changes nothing, unless there has been none yet and there is no time even for one.
        """
        short = self._budget.short and (self._ends or not explained)
        now = None if short else self._budget.schedule
        if now == self._said or (not explained and not (short and self._said == Schedule())):
            return {}
        self._said = now
        self._ends_announced |= now is None and self._ends
        sentences = {name: self._sentence(plan, now) for name, plan in self._plans.items()}
        self._announce("; ".join(dict.fromkeys(sentences.values())))
        return sentences

    @property
    def untrained_due(self) -> bool:
        """Whether the kept weights are to be explained now."""
        return self._weights is not None

    @contextmanager
    def untrained(self, model: Any) -> Iterator[int]:
        """The model has its untrained weights inside, bit for bit; yields how often evaluations are halved."""
        today = weights.copied(model)
        kept, self._weights = self._weights, None
        try:
            weights.put_back(model, kept)
            rung = self._budget.rungs if self._ends else self._budget.schedule.rung
            began = time.perf_counter()
            yield rung
            self.learn(time.perf_counter() - began, rung, sum(engine.fixed_seconds for engine in self._engines.values()))
        finally:
            weights.put_back(model, today)

    def conclude(self) -> None:
        """Say at the end of training if there was no time for a single explanation, or what it cost that there are some all the same."""
        budget = self._budget
        allowed = budget.share * sum(budget.trained)
        if self._ends and budget.spent > allowed:
            self._announce(
                f"preparing and explaining took {budget.spent:.1f} s, more than the {allowed:.1f} s that are max_overhead={budget.share:g} of this "
                "training: the untrained model and the last epoch are explained in any case where that is a matter of seconds"
            )
        if budget.since is None and budget.trained and budget.cost:
            self._announce(
                f"no epoch was explained: one explanation takes about {budget.cheapest:.1f} s, and max_overhead={budget.share:g} of this training "
                f"is {allowed:.1f} s, of which {budget.spent:.1f} s were spent on preparing; give a larger share, fewer probes, or more epochs"
            )

    def learn(self, seconds: float, rung: int, fixed: float) -> None:
        """One explanation of all probe sets took so long; `fixed` of it would have been the same with fewer evaluations."""
        self._budget.fixed = fixed
        self._budget.cost = fixed + max(seconds - fixed, 0) * 2**rung

    def _sentence(self, plan: Plan, now: Schedule | None) -> str:
        limit = f"to keep max_overhead={self._budget.share:g}"
        if now is None and not self._ends:
            return f"nothing is explained until there is time for it, {limit}"
        if now is None:
            ends = "the untrained model and the last epoch are" if self._weights is not None else "the last epoch is"
            fewest = plan.levels[-1 - self._budget.rungs] * plan.repeats
            return f"only {ends} explained, with {fewest} evaluations per probe, until max_overhead={self._budget.share:g} leaves time for more"
        evaluations = f"{plan.levels[-1 - now.rung] * plan.repeats} evaluations per probe" + (
            f" instead of {plan.levels[-1] * plan.repeats}" if now.rung else ""
        )
        epochs = ""
        if now.stride > 1:
            epochs = f", every {now.stride * self._every} epochs" if self._every else f", one in {now.stride} of the epochs that are due"
        return f"{evaluations}{epochs}, {limit}"

    @staticmethod
    def _announce(sentence: str) -> None:
        logger.warning("ExplanationLogger: %s.", sentence)
