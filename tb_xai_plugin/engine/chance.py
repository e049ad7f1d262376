"""Chance: what it adds to standard errors where a model draws at random even in inference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted

# Draws of noise that go through an explainer: they give a standard error to about 1 / sqrt(2 DRAWS) of its size.
DRAWS = 64


def chance_of(outputs: Callable[[], np.ndarray]) -> np.ndarray:
    """The standard deviation of one output over chance, (targets,), from the same batch (rows, targets) evaluated twice."""
    first, second = outputs(), outputs()
    return np.asarray(np.sqrt(np.nanmean((first - second) ** 2, axis=0) / 2))


def with_chance(attribution: Attribution, fitted: Fitted, shape: tuple[int, ...], deviation: np.ndarray) -> Attribution:
    """The attribution with errors that include chance.

    An explainer is linear in the outputs, so noise in them passes through the same function. Sampled designs see a part of this noise in their own
    errors; complete ones, which draw nothing, see none.

    Args:
        attribution: from the outputs.
        fitted: the explainer.
        shape: of the outputs, (coalitions, probes, targets).
        deviation: float64 (probes, targets), see `chance_of`.
    """
    rng = np.random.default_rng(0)
    squares = np.zeros_like(attribution.values)
    for _ in range(DRAWS):
        squares += fitted(rng.normal(size=shape) * deviation).values ** 2
    return replace(attribution, errors=np.maximum(attribution.errors, np.sqrt(squares / DRAWS)))
