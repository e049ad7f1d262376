"""FakeRun with what only some explainers have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from support.records import FakeRun


@dataclass
class DetailedRun(FakeRun):
    """A FakeRun of which SHAP has interactions."""

    interacting: tuple[str, ...] = ("shap",)

    @property
    def pairs(self) -> dict[int, np.ndarray]:
        return {step: truth.interactions["shap"] for step, truth in self.truth.items()}
