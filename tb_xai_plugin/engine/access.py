"""The model and its outputs on the probes, as model-based explainers see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.models.predictors import Predictor
from tb_xai_plugin.probes import ProbeSet


@dataclass(frozen=True)
class Access:
    """See `explainers.contract.ModelAccess`."""

    model: Any
    probes: ProbeSet
    classes: int
    regression: bool
    targets: np.ndarray
    full: np.ndarray
    empty: np.ndarray
    predictor: Predictor

    def gradients(self, points: np.ndarray, probe: int) -> np.ndarray:
        return self.predictor.gradients(points, probe, self.targets[probe])

    def last_convolution(self, probe: int, layer: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        return self.predictor.last_convolution(probe, self.targets[probe], layer)
