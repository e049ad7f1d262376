"""What an explainer is: fitted once to a design, then applied to a model's answers at every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from tb_xai_plugin.coalitions import Design


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


class Explainer(Protocol):
    """A frozen dataclass of options.

    Attributes:
        name: in records and on the page.
        law: the law of `coalitions.LAWS` that its coalitions must obey.
    """

    name: ClassVar[str]
    law: ClassVar[str]

    def fit(self, design: Design) -> Fitted:
        """Do all the work that does not need the model."""
