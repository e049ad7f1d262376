"""The masker of probes with side inputs: every row carries the number of its probe, by which the model's other inputs are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.games.coalitions import Design
from tb_xai_plugin.games.contract import Masker


@dataclass(frozen=True)
class Sided:
    """Masked inputs, and the number of the probe that each row is made from."""

    masked: Any
    probes: Any


@dataclass(frozen=True)
class SidedMasker:
    """Adds the number of the probe as a last column to the rows of another masker.

    Attributes:
        inner: the masker of the explained input.
    """

    inner: Masker

    @property
    def repeats(self) -> int:
        return self.inner.repeats

    @property
    def stacked(self) -> bool:
        return self.inner.stacked

    @property
    def alone(self) -> bool:
        # The empty coalition shows other side inputs in every probe.
        return self.inner.empty_rows() is not None

    @property
    def players(self) -> int:
        return self.inner.players

    @property
    def shape(self) -> tuple[int, ...]:
        return self.inner.shape

    @property
    def nbytes(self) -> int:
        return self.inner.nbytes

    @property
    def differentiable(self) -> Masker:
        return SidedMasker(self.inner.differentiable)

    @property
    def for_devices(self) -> Masker:
        return SidedMasker(self.inner.for_devices)

    def placed(self, rows: np.ndarray, probe: int) -> np.ndarray:
        number = (
            np.full((len(rows), 1), probe).astype(rows.dtype) if rows.dtype != object else np.full((len(rows), 1), str(probe), dtype=object)
        )
        return np.concatenate([rows, number], axis=1)

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        return self.placed(self.inner.feed(coalitions, probe), probe)

    def parts(self, probe: int) -> np.ndarray:
        return self.inner.parts(probe)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """A `Sided`."""
        return Sided(self.inner.mask(xp, rows[:, :-1], parts), rows[:, -1])

    def with_noise(self, design: Design) -> Design:
        return self.inner.with_noise(design)

    def evaluated(self, masks: np.ndarray) -> np.ndarray:
        return self.inner.evaluated(masks)

    def empty_rows(self) -> np.ndarray | None:
        return self.inner.empty_rows()

    def game(self, masks: np.ndarray, explained: np.ndarray, empty: np.ndarray | None) -> np.ndarray:
        return self.inner.game(masks, explained, empty)

    def empty_mean(self, empty: np.ndarray) -> np.ndarray:
        return self.inner.empty_mean(empty)

    def feed_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        return self.placed(self.inner.feed_once(coalitions, probe), probe)

    def mean_of_once(self, values: np.ndarray) -> np.ndarray:
        return self.inner.mean_of_once(values)


def unsided(masker: Masker) -> Masker:
    """The masker of the explained input itself."""
    return masker.inner if isinstance(masker, SidedMasker) else masker
