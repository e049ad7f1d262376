"""One sweep of the model over all probes: what has to be asked, in as few calls as there can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.plan import Plan
from tb_xai_plugin.predictors import Predictor

# Of probes whose rows are asked for together.
TOGETHER_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Heard:
    """What the model said about one probe.

    Attributes:
        masks: bool (coalitions, players), the coalitions of its design.
        answers: float32 (asked, columns), on what the masker asks for them.
        around: {explainer: float32 (inputs, columns)}, on the inputs that explainers draw around it.
        evaluations: of the model, those that fill up the last batch included.
    """

    masks: np.ndarray
    answers: np.ndarray
    around: dict[str, np.ndarray]
    evaluations: float


def sweep(plan: Plan, predictor: Predictor, level: int) -> Iterator[Heard]:
    """Every probe in turn, from the first `level` coalitions."""
    for members in _together(plan, level):
        masks = [plan.designs[int(plan.probes.players[probe])].masks[:level] for probe in members]
        asked = [plan.masker.asked(each) for each in masks]
        if plan.masker.stacked:
            answers = _at_once(predictor.on_rows, [plan.masker.feed(each, probe) for each, probe in zip(asked, members, strict=True)])
        else:
            answers = [predictor.answers(each, probe) for each, probe in zip(asked, members, strict=True)]
        samples = plan.samples_at(level)
        around = {
            name: _at_once(predictor.on_inputs, [plan.neighbours(name, probe).first(samples).inputs for probe in members])
            for name in plan.sampling
        }
        evaluations = [sum(map(len, answers)), *(sum(map(len, each)) for each in around.values())]
        filled = sum(-(-each // plan.batch) * plan.batch for each in evaluations) / len(members)
        for place in range(len(members)):
            yield Heard(masks[place], answers[place], {name: each[place] for name, each in around.items()}, filled)


def _together(plan: Plan, level: int) -> Iterator[Sequence[int]]:
    """Probes that are asked for at once: one after the other where each needs parts of its own on the device."""
    size = 1
    if plan.masker.stacked:
        size = max(1, TOGETHER_BYTES // (plan.masker.nbytes * plan.repeats * level))
    for start in range(0, len(plan.probes), size):
        yield range(start, min(start + size, len(plan.probes)))


def _at_once(ask: Callable[[np.ndarray], np.ndarray], rows: list[np.ndarray]) -> list[np.ndarray]:
    """Ask for the rows of several probes in common batches."""
    return np.split(ask(np.concatenate(rows)), np.cumsum([len(each) for each in rows])[:-1])
