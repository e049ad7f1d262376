"""The masker for texts: absent tokens are removed or replaced by the mask token."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tb_xai_plugin.games.contract import OneBaseline
from tb_xai_plugin.games.encoding import Layout
from tb_xai_plugin.probes import TextProbes

# Most bytes of encoded texts that are kept between epochs; further texts are encoded again each time.
CACHE_BYTES = 256 * 2**20


class Kept:
    """A cache of encoded rows, at most CACHE_BYTES large; the least recently used rows are dropped first."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[int, bytes], np.ndarray] = OrderedDict()
        self._bytes = 0

    def __call__(self, probe: int, coalitions: np.ndarray, make: Callable[[], np.ndarray]) -> np.ndarray:
        key = probe, coalitions.shape[0].to_bytes(8, "little") + np.packbits(coalitions).tobytes()
        if key not in self._rows:
            self._rows[key] = make()
            self._bytes += _size(self._rows[key])
        self._rows.move_to_end(key)
        while len(self._rows) > 1 and self._bytes > CACHE_BYTES:
            self._bytes -= _size(self._rows.popitem(last=False)[1])
        return self._rows[key]


def _size(rows: np.ndarray) -> int:
    """Bytes of an array; for strings, the bytes of the strings and not of the references to them."""
    return sum(map(sys.getsizeof, rows.ravel())) if rows.dtype == object else rows.nbytes


@dataclass(frozen=True)
class TextMasker(OneBaseline):
    """Removes absent tokens from the text, or replaces them. Each masked text is encoded once and kept.

    Attributes:
        probes: texts.
    """

    stacked = True

    probes: TextProbes
    _kept: Kept = field(default_factory=Kept, repr=False, compare=False)

    @property
    def players(self) -> int:
        return int(self.probes.players.max())

    @cached_property
    def _layout(self) -> Layout:
        return Layout.of(self.probes)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._layout.shapes[0]

    @cached_property
    def nbytes(self) -> int:
        if self._layout.encode is None:
            return max(map(sys.getsizeof, self.probes.inputs.tolist()))
        return 4 * self._layout.width

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """(k, width): the encoded texts, int32 or float32; or strings where the model encodes them itself."""
        return self._kept(probe, np.asarray(coalitions).astype(bool), lambda: self.feed_once(coalitions, probe))

    def encoded(self, texts: list[str], probe: int) -> np.ndarray:
        """Rows like those of `feed`, for texts that are made from a probe."""
        return self._layout.encoded(texts, probe)

    def feed_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        # A trial batch has columns for the probe with most players.
        present = np.asarray(coalitions)[:, : int(self.probes.players[probe])].astype(bool)
        return self.encoded([self.probes.masked(probe, coalition) for coalition in present], probe)

    def parts(self, probe: int) -> np.ndarray:
        return np.zeros(1, dtype=np.float32)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """The result of `encode`; or the strings, as a tensor (k, 1) for Keras models and a list for callables."""
        return self._layout.decoded(xp, rows)
