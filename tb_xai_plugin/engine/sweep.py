"""One sweep of the model over all probes: what has to be asked, in as few calls as there can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.models.predictors import Predictor

# Of probes whose rows are asked for together.
TOGETHER_BYTES = 64 * 2**20

# Rows that stay where the model is between epochs; those above this are made and sent again each time.
KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Said:
    """What the model said about some rows.

    Attributes:
        answers: float32 (rows, columns).
        explained: float64 (rows, targets), what is explained of them; None where probes have targets of their own.
    """

    answers: np.ndarray
    explained: np.ndarray | None

    def __getitem__(self, rows: slice) -> Said:
        return Said(self.answers[rows], None if self.explained is None else self.explained[rows])

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.answers).all())


@dataclass(frozen=True)
class Heard:
    """What the model said about one probe.

    Attributes:
        masks: bool (coalitions, players), the coalitions of its design.
        asked: on what the masker asks for them.
        around: {explainer: on the inputs that it draws around the probe}.
        nobody: on the rows without a player, which all probes share; None where they share none.
        evaluations: of the model, those that fill up the last batch included.
    """

    masks: np.ndarray
    asked: Said
    around: dict[str, Said]
    nobody: Said | None
    evaluations: float


class Sweep:
    """Asks about every probe in turn.

    Args:
        plan: what there is to ask.
        predictor: whom.
        explained: of answers (rows, columns), what is explained; None where probes have targets of their own.
    """

    def __init__(self, plan: Plan, predictor: Predictor, explained: Callable[[np.ndarray], np.ndarray] | None) -> None:
        self._plan, self._predictor, self._explained = plan, predictor, explained
        self._level = 0
        self._kept: dict[int, Callable[[], np.ndarray]] = {}

    def __call__(self, level: int) -> Iterator[Heard]:
        """From the first `level` coalitions of each."""
        if level != self._level:
            self._level, self._kept = level, {}
        plan, room = self._plan, KEPT_BYTES
        for members in self._together():
            masks = [plan.designs[int(plan.probes.players[probe])].masks[:level] for probe in members]
            if plan.masker.stacked:
                room -= len(members) * self._bytes
                ask = self._kept.get(members[0]) or self._predictor.evaluate_rows(partial(self._rows, members, masks))
                if room >= 0:
                    self._kept[members[0]] = ask
                answers = ask()
            else:
                answers = self._predictor.evaluate(plan.masker.evaluated(masks[0]), members[0])
            yield from self._heard(masks, Said(answers, self._explained(answers) if self._explained else None))

    def _together(self) -> Iterator[Sequence[int]]:
        """Probes that are asked for at once: one after the other where each needs parts of its own on the device."""
        size = max(1, TOGETHER_BYTES // self._bytes) if self._plan.masker.stacked else 1
        count = len(self._plan.probes)
        for start in range(0, count, size):
            yield range(start, min(start + size, count))

    @property
    def _samples(self) -> int:
        return self._plan.samples_at(self._level)

    @property
    def _bytes(self) -> int:
        """Of a probe's rows."""
        plan = self._plan
        return plan.masker.nbytes * (plan.repeats * self._level + self._samples * len(plan.sampling))

    def _rows(self, members: Sequence[int], masks: list[np.ndarray]) -> np.ndarray:
        """All there is to ask about some probes, in the order of `_heard`."""
        plan, nobody = self._plan, self._plan.masker.empty_rows()
        rows = [] if nobody is None else [nobody]
        for probe, each in zip(members, masks, strict=True):
            rows.append(plan.masker.feed(plan.masker.evaluated(each), probe))
            # Of a table, what is drawn is as the model takes it, and so is what is fed.
            rows += [plan.neighbours(name, probe).first(self._samples).inputs for name in plan.sampling]
        return np.concatenate(rows)

    def _heard(self, masks: list[np.ndarray], said: Said) -> Iterator[Heard]:
        plan, nobody, at = self._plan, self._plan.masker.empty_rows(), 0

        def following(count: int) -> Said:
            nonlocal at
            at += count
            return said[at - count : at]

        alone = None if nobody is None else following(len(nobody))
        evaluations = -(-len(said.answers) // plan.batch) * plan.batch / len(masks)
        for each in masks:
            asked = following(len(each) * plan.repeats)
            yield Heard(each, asked, {name: following(self._samples) for name in plan.sampling}, alone, evaluations)
