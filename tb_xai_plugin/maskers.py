"""Maskers: coalitions of players become masked inputs, in array arithmetic that also runs inside a compiled graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes import ImageProbes


@dataclass(frozen=True)
class ImageMasker:
    """Pixels of absent segments are replaced by the baseline.

    A masked image is the baseline plus what each present player adds to it, so a whole batch of them is one matrix product: four times as
    fast as choosing pixel by pixel. Held are one batch of masked images, and one probe's parts. The full coalition is the image to float32
    rounding.

    Attributes:
        probes: the images.
        players: of the probe that has most.
    """

    probes: ImageProbes

    @property
    def players(self) -> int:
        return int(self.probes.players.max())

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one masked input."""
        return self.probes.inputs.shape[1:]

    def parts(self, probe: int) -> np.ndarray:
        """float32 (players + 1, pixels): what each player adds to the baseline, and in the last row the baseline itself."""
        segments, baselines = self.probes.segments[probe], self.probes.baseline
        baseline = baselines[probe if len(baselines) > 1 else 0]
        pixels = self.probes.inputs[probe].reshape(baseline.shape).astype(np.float32)
        parts = np.zeros((self.players + 1, *pixels.shape), dtype=np.float32)
        rows, columns = np.indices(segments.shape)
        parts[segments, rows, columns] = pixels - baseline
        parts[-1] = baseline
        return parts.reshape(len(parts), -1)

    def widened(self, coalitions: np.ndarray) -> np.ndarray:
        """float32 (k, players): up to the widest probe; the players added have no pixels."""
        wide = np.ones((len(coalitions), self.players), dtype=np.float32)
        wide[:, : coalitions.shape[1]] = coalitions
        return wide

    def mask(self, xp: Any, coalitions: Any, parts: Any) -> Any:
        """Masked inputs, float32 (n_coalitions, H, W[, C]).

        xp: numpy, keras.ops or another module with concatenate, ones_like, matmul and reshape.
        coalitions: float32 (n_coalitions, n_players); 1 = the player keeps its own pixels, 0 = it is absent.
        """
        with_baseline = xp.concatenate([coalitions, xp.ones_like(coalitions[:, :1])], axis=1)
        return xp.reshape(xp.matmul(with_baseline, parts), (-1, *self.shape))
