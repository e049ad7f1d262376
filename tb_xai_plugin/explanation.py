"""Explanation: what one explainer says about all probes at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tb_xai_plugin.probes import ProbeSet


@dataclass(frozen=True)
class Explanation:
    """Attributions of one explainer; p probes, t explained classes, n players of the probe that has most.

    Attributes:
        values: float32 (p, t, n), signed, in units of `outputs`; NaN past a probe's last player, and for a probe without finite answers.
        errors: float32 (p, t, n), standard errors over the draw of the coalitions.
        base_values: float32 (p, t), the explainer's value with every player absent.
        outputs: float32 (p, t), what is explained: the model's log-odds, probability or raw output on the whole probe.
        targets: int32 (p, t), the explained classes.
        probes: the probes.
        fidelity: {measure: float32 (p, t)}, how far the values can be trusted; which measures there are depends on the explainer.
        noise: float32 (p, t, k), sketches of the sampling errors, see `stability.change_errors`; None where nothing is drawn.
        interactions: float32 (p, t, k, 3): player, player and strength of the strongest pairs, NaN past the last; None where not asked for.
    """

    values: np.ndarray
    errors: np.ndarray
    base_values: np.ndarray
    outputs: np.ndarray
    targets: np.ndarray
    probes: ProbeSet
    fidelity: Mapping[str, np.ndarray] = field(default_factory=dict)
    noise: np.ndarray | None = None
    interactions: np.ndarray | None = None

    def __repr__(self) -> str:
        p, t, n = self.values.shape
        return f"Explanation({p} probes, {t} classes, up to {n} players)"

    @property
    def players(self) -> np.ndarray:
        """int (p,), players of each probe."""
        return self.probes.players

    def to_pixels(self) -> np.ndarray:
        """float32 (p, t, H, W): every pixel has the value of its superpixel.

        Raises:
            TypeError: the probes are not images.
        """
        segments = getattr(self.probes, "segments", None)
        if segments is None:
            raise TypeError(f"to_pixels: the probes are of kind {self.probes.kind!r}; only images have pixels.")
        return np.stack([values[:, labels] for values, labels in zip(self.values, segments, strict=True)])
