"""Maskers: coalitions of players become masked inputs, in array arithmetic that also runs inside a compiled graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes import ImageProbes


@dataclass(frozen=True)
class ImageMasker:
    """Pixels of absent segments are replaced by the baseline.

    Attributes:
        pixels: float32 (n, H, W, C).
        baseline: float32 (1 or n, H, W, C).
        segments: int32 (n, H * W), player of each pixel.
        channel_axis: False where the model takes (batch, H, W).
    """

    pixels: np.ndarray
    baseline: np.ndarray
    segments: np.ndarray
    channel_axis: bool

    @classmethod
    def of(cls, probes: ImageProbes) -> ImageMasker:
        segments = probes.segments.reshape(len(probes), -1)
        return cls(probes.pixels, probes.baseline, segments, channel_axis=probes.inputs.ndim == 4)

    def arguments(self, probe: int) -> tuple[np.ndarray, ...]:
        """What `mask` needs of one probe; the same shapes for every probe, so that one compiled graph serves all."""
        return self.pixels[probe], self.baseline[probe if len(self.baseline) > 1 else 0], self.segments[probe]

    def mask(self, xp: Any, coalitions: Any, pixels: Any, baseline: Any, segments: Any) -> Any:
        """Masked inputs, float32 (n_coalitions, H, W[, C]).

        xp: numpy, keras.ops or another module with take, transpose, reshape and where.
        coalitions: float32 (n_coalitions, n_players); 1 = the player keeps its own pixels, 0 = it is absent.
        """
        # Whole rows are gathered twice as fast as single columns, the two transpositions included (float32: the only type oneDNN transposes).
        by_pixel = xp.take(xp.transpose(coalitions), segments, axis=0)
        shown = xp.reshape(xp.transpose(by_pixel), (-1, *pixels.shape[:2], 1)) > 0.5
        # A choice, not a blend: the full coalition is the image to the last bit.
        masked = xp.where(shown, pixels, baseline)
        return masked if self.channel_axis else masked[..., 0]
