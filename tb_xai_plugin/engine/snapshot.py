"""The model's outputs on all coalitions, and the explanations made from them, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tb_xai_plugin.engine.explanation import Explanation


@dataclass(frozen=True)
class ModelOutputs:
    """The model's outputs on every evaluated coalition of every probe.

    Attributes:
        games: for each probe float64 (coalitions, targets), the explained output; NaN for a probe without finite outputs.
        targets: int32 (probes, targets), the explained classes.
        full: float32 (probes, classes), probabilities (for a regression, outputs) on the unmasked probes.
        empty: float32 (probes, classes), the same with every player absent.
        evaluations: number of evaluations on the coalitions, including those that fill up the last batch; gradients and curves are not counted.
        problem: why some numbers are missing, in one phrase; None where none is missing.
        rows: for each probe float64 (reference rows + evaluations, targets), the explained output on the rows of a table, in the order of `TableRows`; empty
            where no explainer works from them.
        sampled: {explainer that draws its own inputs: for each probe float64 (inputs, targets)}, the explained output on these inputs.
        chance: float64 (probes, targets), the standard deviation that chance gives to the explained output on one coalition; None where outputs do not
            depend on chance.
        block: the numbers of the probes, which are consecutive.
        not_finite: the number of probes without finite outputs, and that of those that lack them on the empty coalition alone.
    """

    games: list[np.ndarray]
    targets: np.ndarray
    full: np.ndarray
    empty: np.ndarray
    evaluations: int
    problem: str | None
    rows: list[np.ndarray] = field(default_factory=list)
    sampled: Mapping[str, list[np.ndarray]] = field(default_factory=dict)
    chance: np.ndarray | None = None
    block: range = range(0)
    not_finite: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Snapshot:
    """The explanations of all explainers at one moment.

    Attributes:
        explanations: {explainer: Explanation}.
        outputs: the model's outputs.
        level: number of coalitions per probe that the explanations are made from.
        failures: {explainer: the exception that it raised}; its numbers are NaN.
        repeats: model evaluations per coalition.
    """

    explanations: dict[str, Explanation]
    outputs: ModelOutputs
    level: int
    failures: Mapping[str, Exception] = field(default_factory=dict)
    repeats: int = 1

    @property
    def evaluations(self) -> int:
        """Model evaluations per probe."""
        return self.level * self.repeats

    @property
    def problem(self) -> str | None:
        """Why some numbers are missing, in one phrase; None where none is missing."""
        failed = [f"explainer {name!r} failed with {type(error).__name__}: {error}" for name, error in self.failures.items()]
        return "; ".join([*([self.outputs.problem] if self.outputs.problem else []), *failed]) or None


def problem_of(not_finite: int, only_empty: int, count: int, *, texts: bool) -> str | None:
    """Why some numbers are missing, in one phrase; None where none is missing.

    Args:
        not_finite: the number of probes without finite outputs; only_empty: of those that lack them on the empty coalition alone.
        count: the number of all probes; texts: whether they are texts.
    """
    if texts and not_finite and not_finite == only_empty:
        return (
            "the model returns NaN or infinity for a text with all its tokens absent, but not for the unmasked text; "
            "give mask_token= with a token that the model knows, e.g. '[UNK]', so that no text is empty"
        )
    return f"the model returned NaN or infinity for {not_finite} of {count} probes" if not_finite else None
