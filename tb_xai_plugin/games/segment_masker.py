"""The masker for images and series: absent segments show the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tb_xai_plugin.games.contract import OneBaseline
from tb_xai_plugin.probes import ImageProbes, SequenceProbes


@dataclass(frozen=True)
class SegmentMasker(OneBaseline):
    """Replaces the pixels of absent segments (or steps of a series) by the baseline.

    A masked image is the baseline plus the difference that each present player makes to it, so a batch of masked images is one matrix product.
    This is four times as fast as choosing pixel by pixel. Memory holds one batch of masked images and the parts of one probe. On the full
    coalition the result is the image itself, to float32 rounding.

    Series of ids are chosen step by step: no sum, whatever its precision, may come near another id. So are all others for devices that round what they
    multiply, as GPUs do with TensorFloat-32: there only zeros and ones are multiplied, whose products are exact.

    Attributes:
        probes: images or series.
        chosen: whether inputs are chosen pixel by pixel.
    """

    probes: ImageProbes | SequenceProbes
    chosen: bool = False

    @property
    def players(self) -> int:
        return int(self.probes.players.max())

    @property
    def shape(self) -> tuple[int, ...]:
        return self.probes.inputs.shape[1:]

    @property
    def nbytes(self) -> int:
        return int(4 * self.probes.inputs[0].size)

    @property
    def for_devices(self) -> SegmentMasker:
        return replace(self, chosen=True)

    @property
    def ids(self) -> bool:
        """Whether the probes are series of ids."""
        return isinstance(self.probes, SequenceProbes) and self.probes.ids

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, players), as wide as the probe with most players; the additional players have no pixels."""
        if self.ids and not np.isin(coalitions, (0, 1)).all():
            raise ValueError(
                "SequenceProbes: the series are taken for ids, and this explainer needs values between them and the baseline; use 'shap' or 'lime', or, "
                "where they are quantities, give baseline='mean'."
            )
        wide = np.ones((len(coalitions), self.players), dtype=np.float32)
        wide[:, : coalitions.shape[1]] = coalitions
        return wide

    def parts(self, probe: int) -> np.ndarray:
        """float32 (players + 1, pixels): the difference that each player makes to the baseline, and in the last row the baseline itself.

        Of what is chosen (players + 2, pixels): 1 where each player is, then the pixels and the baseline.
        """
        labels, baselines = self.probes.segments[probe].ravel(), self.probes.baseline
        baseline = baselines[probe if len(baselines) > 1 else 0].reshape(len(labels), -1)
        pixels = self.probes.inputs[probe].reshape(baseline.shape).astype(np.float32)
        inside = np.flatnonzero(labels >= 0)  # between the images of a montage, and on padding, there is no player
        if self.ids or self.chosen:
            present = np.zeros((self.players, *pixels.shape), dtype=np.float32)
            present[labels[inside], inside] = 1
            return np.concatenate([present, pixels[None], baseline[None]]).reshape(self.players + 2, -1)
        parts = np.zeros((self.players + 1, *pixels.shape), dtype=np.float32)
        parts[labels[inside], inside] = (pixels - baseline)[inside]
        parts[-1] = baseline
        return parts.reshape(len(parts), -1)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Masked inputs, float32 (k, H, W[, C]) or (k, T[, C]). rows: 1 where a player is present, 0 where it is absent."""
        if self.ids or self.chosen:
            present, pixels, baseline = xp.matmul(rows, parts[:-2]), parts[-2:-1], parts[-1:]
            chosen = xp.where(present > 0.5, pixels, baseline) if self.ids else baseline + present * (pixels - baseline)
            return xp.reshape(chosen, (-1, *self.shape))
        with_baseline = xp.concatenate([rows, xp.ones_like(rows[:, :1])], axis=1)
        return xp.reshape(xp.matmul(with_baseline, parts), (-1, *self.shape))
