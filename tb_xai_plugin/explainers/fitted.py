"""Fitted: an explainer for one design, ready to be applied to a model's answers at every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Attribution:
    """k games explained at once (a game: one probe, one class).

    Attributes:
        values: float64 (players, k), in units of the answers.
        base: float64 (k,), the explainer's value of the empty coalition.
        errors: float64 (players, k), standard errors over the draw of the coalitions.
    """

    values: np.ndarray
    base: np.ndarray
    errors: np.ndarray


# Answers, float (evaluations, k), rows as in Design.masks -> Attribution.
Fitted = Callable[[np.ndarray], Attribution]
