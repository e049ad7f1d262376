"""Grad-CAM: where the feature maps of the last convolution support a class (Selvaraju et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, ModelAccess
from tb_xai_plugin.models.gradients import PASSES_OF_A_GRADIENT, candidates, check_differentiable
from tb_xai_plugin.probes import ImageProbes


@dataclass(frozen=True)
class GradCam:
    """Grad-CAM (Selvaraju et al., 2017): where the feature maps of a convolution support a class.

    A player's value is the mean of the attribution map over its segment. It is 0 or more, and coarse; values do not sum to a fixed total. Only for
    images and Keras models.

    Args:
        layer: name of the layer whose feature maps are used. Default: the last convolution that the output depends on.
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

    def explain(self, access: ModelAccess) -> Attribution:
        """a_c = mean over pixels of dF/dA_c (eq. 1);  map = relu(sum_c a_c A_c) (eq. 2), stretched over the image."""
        if not isinstance(access.probes, ImageProbes):
            raise ValueError(f"GradCam: probes is {type(access.probes).__name__}, but Grad-CAM needs images; use 'ig' or 'shap'.")
        if access.probes.montage is not None:
            raise ValueError("GradCam: the probes have several images, and feature maps belong to one; use 'ig' or 'shap'.")
        values = np.full((*access.targets.shape, int(access.probes.players.max())), np.nan)
        for probe, segments in enumerate(access.probes.segments):
            A, gradients = (array.astype(np.float64) for array in access.last_convolution(probe, self.layer))
            a = gradients.mean(axis=(1, 2))
            maps = stretched(np.maximum(np.einsum("tc,hwc->thw", a, A), 0), segments.shape)
            pixels = np.bincount(segments.ravel())
            for values_of_target, one_map in zip(values[probe], maps, strict=True):
                values_of_target[: len(pixels)] = np.bincount(segments.ravel(), weights=one_map.ravel()) / pixels
        return Attribution(values=values, base=access.empty, errors=values * 0)


def stretched(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Interpolate maps bilinearly between the centres of their pixels: (t, h, w) -> (t, *shape)."""
    rows, columns = (_interpolation(old, new) for old, new in zip(maps.shape[1:], shape, strict=True))
    return np.asarray(rows @ maps @ columns.T)


def _interpolation(old: int, new: int) -> np.ndarray:
    """Weights of linear interpolation from `old` to `new` pixels: (new, old), rows sum to 1."""
    centre = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    return np.asarray(np.maximum(1 - np.abs(centre[:, None] - np.arange(old)), 0))
