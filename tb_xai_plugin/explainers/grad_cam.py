"""Grad-CAM: where the last convolution sees what speaks for a class (Selvaraju et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Asked, Attribution
from tb_xai_plugin.models.gradients import PASSES_OF_A_GRADIENT, candidates, check_differentiable
from tb_xai_plugin.probes import ImageProbes


@dataclass(frozen=True)
class GradCam:
    """A player's value is the mean of the map over its segment: 0 or more, and coarse; values do not sum to anything.

    Attributes:
        layer: name of the layer whose feature maps are weighed; None: the last convolution that the answer depends on.
    """

    name: ClassVar[str] = "grad-cam"
    fidelity: ClassVar[tuple[str, ...]] = ()
    unit: ClassVar[str] = "activation"

    layer: str | None = None

    def check(self, model: Any) -> None:
        check_differentiable("GradCam", model)
        candidates(model, self.layer)

    def passes(self, targets: int) -> int:
        return PASSES_OF_A_GRADIENT * targets

    def explain(self, asked: Asked) -> Attribution:
        """a_c = mean over pixels of dF/dA_c (eq. 1);  map = relu(sum_c a_c A_c) (eq. 2), stretched over the image."""
        if not isinstance(asked.probes, ImageProbes):
            raise ValueError(f"GradCam: probes is {type(asked.probes).__name__}, and only images have maps; use 'ig' or 'shap'.")
        values = np.full((*asked.targets.shape, int(asked.probes.players.max())), np.nan)
        for probe, segments in enumerate(asked.probes.segments):
            A, gradients = (array.astype(np.float64) for array in asked.last_convolution(probe, self.layer))
            a = gradients.mean(axis=(1, 2))
            maps = stretched(np.maximum(np.einsum("tc,hwc->thw", a, A), 0), segments.shape)
            pixels = np.bincount(segments.ravel())
            for values_of_target, one in zip(values[probe], maps, strict=True):
                values_of_target[: len(pixels)] = np.bincount(segments.ravel(), weights=one.ravel()) / pixels
        return Attribution(values=values, base=asked.empty, errors=values * 0)


def stretched(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bilinear interpolation between the centres of pixels: (t, h, w) -> (t, *shape)."""
    rows, columns = (_interpolation(old, new) for old, new in zip(maps.shape[1:], shape, strict=True))
    return rows @ maps @ columns.T


def _interpolation(old: int, new: int) -> np.ndarray:
    """(new, old), rows sum to 1."""
    centre = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.maximum(1 - np.abs(centre[:, None] - np.arange(old)), 0)
