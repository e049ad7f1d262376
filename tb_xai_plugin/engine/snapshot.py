"""What the model said on all coalitions, and what all explainers make of it at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tb_xai_plugin.engine.explanation import Explanation


@dataclass(frozen=True)
class Answers:
    """What the model said on every coalition of every probe.

    Attributes:
        games: for each probe float64 (its coalitions, targets), what is explained; NaN for a probe without finite answers.
        targets: int32 (probes, targets), the explained classes.
        full, empty: float32 (probes, classes), probabilities (a regression: the output) on the whole probe and with every player absent.
        evaluations: on the coalitions; the last batch is filled up. Gradients and curves are not counted.
        problem: why some numbers are missing, in one phrase; None where all are there.
        sampled: {explainer that draws inputs of its own: for each probe float64 (inputs, targets)}.
    """

    games: list[np.ndarray]
    targets: np.ndarray
    full: np.ndarray
    empty: np.ndarray
    evaluations: int
    problem: str | None
    sampled: Mapping[str, list[np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """All explainers at one moment.

    Attributes:
        explanations: {explainer: Explanation}.
        answers: of the model.
        level: coalitions per probe that the explanations are made from.
        failures: {explainer: what it raised}; its numbers are NaN.
        repeats: evaluations of the model for each coalition.
    """

    explanations: dict[str, Explanation]
    answers: Answers
    level: int
    failures: Mapping[str, Exception] = field(default_factory=dict)
    repeats: int = 1

    @property
    def evaluations(self) -> int:
        """Per probe."""
        return self.level * self.repeats

    @property
    def problem(self) -> str | None:
        """Why some numbers are missing, in one phrase; None where all are there."""
        failed = [f"explainer {name!r} failed with {type(error).__name__}: {error}" for name, error in self.failures.items()]
        return "; ".join([*([self.answers.problem] if self.answers.problem else []), *failed]) or None
