"""One sweep of the model over all probes: all evaluations, in as few calls as possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tb_xai_plugin.engine.plan import CHUNK, Plan
from tb_xai_plugin.models.predictors import Predictor

# Most bytes of rows that are evaluated together.
TOGETHER_BYTES = 64 * 2**20

# Most bytes of rows that stay on the model's device between epochs; further rows are made and sent again each time.
KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class RowOutputs:
    """The model's outputs on some rows.

    Attributes:
        raw: float32 (rows, columns), the outputs themselves.
        explained: float64 (rows, targets), the explained output; None where each probe has its own targets.
    """

    raw: np.ndarray
    explained: np.ndarray | None

    def __getitem__(self, rows: slice) -> RowOutputs:
        return RowOutputs(self.raw[rows], None if self.explained is None else self.explained[rows])

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.raw).all())


@dataclass(frozen=True)
class ProbeOutputs:
    """The model's outputs for one probe.

    Attributes:
        masks: bool (coalitions, players), the coalitions of its design.
        coalitions: outputs on the rows that the masker evaluates for them.
        samples: {explainer: outputs on the inputs that it draws around the probe}.
        empty: outputs on the rows of the empty coalition that all probes share; None where they share none.
        evaluations: number of model evaluations, including those that fill up the last batch.
    """

    masks: np.ndarray
    coalitions: RowOutputs
    samples: dict[str, RowOutputs]
    empty: RowOutputs | None
    evaluations: float


class Sweep:
    """Evaluates the model on all coalitions, one probe after the other.

    Args:
        plan: the coalitions, and the inputs that explainers draw.
        predictor: the model.
        explained: raw outputs (rows, columns) -> explained output (rows, targets); None where each probe has its own targets.
    """

    def __init__(self, plan: Plan, predictor: Predictor, explained: Callable[[np.ndarray], np.ndarray] | None) -> None:
        self._plan, self._predictor, self._explained = plan, predictor, explained
        self._level = 0
        self._kept: dict[int, Callable[[], np.ndarray]] = {}

    def __call__(self, level: int, block: range) -> Iterator[ProbeOutputs]:
        """Evaluate the first `level` coalitions of each probe of a block."""
        if level != self._level:
            self._level, self._kept = level, {}
        plan, room = self._plan, KEPT_BYTES
        for members in self._together(block):
            masks = [plan.masks(probe, level) for probe in members]
            if plan.masker.stacked:
                room -= len(members) * self._bytes
                evaluate = self._kept.get(members[0]) or self._predictor.evaluate_rows(partial(self._rows, members, masks))
                if room >= 0:
                    self._kept[members[0]] = evaluate
                raw = evaluate()
            else:
                raw = self._predictor.evaluate(plan.masker.evaluated(masks[0]), members[0])
            yield from self._by_probe(masks, RowOutputs(raw, self._explained(raw) if self._explained else None))

    def _together(self, block: range) -> Iterator[Sequence[int]]:
        """Probes of a block that are evaluated in one call."""
        size = _size(self._plan, self._bytes)
        for start in range(block.start, block.stop, size):
            yield range(start, min(start + size, block.stop))

    @property
    def _samples(self) -> int:
        return self._plan.samples_at(self._level)

    @property
    def _bytes(self) -> int:
        return _bytes(self._plan, self._level)

    def _rows(self, members: Sequence[int], masks: list[np.ndarray]) -> np.ndarray:
        """All rows to evaluate for some probes, in the order of `_by_probe`."""
        plan, empty = self._plan, self._plan.masker.empty_rows()
        rows = [] if empty is None else [plan.masker.placed(empty, members[0])]
        for probe, coalitions in zip(members, masks, strict=True):
            rows.append(plan.masker.feed(plan.masker.evaluated(coalitions), probe))
            # Only tables have such explainers. Their drawn rows, like the masked ones, are as the model takes them.
            rows += [plan.masker.placed(plan.neighbours(name, probe).first(self._samples).inputs, probe) for name in plan.sampling]
        return np.concatenate(rows)

    def _by_probe(self, masks: list[np.ndarray], outputs: RowOutputs) -> Iterator[ProbeOutputs]:
        """Split the outputs on `_rows` by probe."""
        plan, empty_rows, at = self._plan, self._plan.masker.empty_rows(), 0

        def following(count: int) -> RowOutputs:
            nonlocal at
            at += count
            return outputs[at - count : at]

        empty = None if empty_rows is None else following(len(empty_rows))
        evaluations = -(-len(outputs.raw) // plan.batch) * plan.batch / len(masks)
        for coalitions in masks:
            on_coalitions = following(len(coalitions) * plan.repeats)
            samples = {name: following(self._samples) for name in plan.sampling}
            yield ProbeOutputs(coalitions, on_coalitions, samples, empty, evaluations)


def blocks(plan: Plan, least: int = 1) -> list[range]:
    """Parts of the probes that can be explained one by one with the numbers that they have among all: batches and products of matrices are the same.

    Args:
        least: the least number of probes in a block; the last one may have fewer.

    Returns:
        All probes as one block where explainers work on the model itself, or curves are measured.
    """
    count = len(plan.probes)
    if plan.model_based or plan.curves:
        return [range(count)]
    unit = max(CHUNK, _size(plan, _bytes(plan, plan.evaluations)))
    size = -(-least // unit) * unit
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _bytes(plan: Plan, level: int) -> int:
    """Bytes of a probe's rows."""
    return plan.masker.nbytes * (plan.repeats * level + plan.samples_at(level) * len(plan.sampling))


def _size(plan: Plan, nbytes: int) -> int:
    """The number of probes that are evaluated in one call; 1 where each needs its own parts on the device. It divides CHUNK, or is a multiple of it."""
    if not plan.masker.stacked or plan.masker.alone:
        return 1
    size = max(1, TOGETHER_BYTES // nbytes)
    return size // CHUNK * CHUNK if size >= CHUNK else int(2 ** (size.bit_length() - 1))
