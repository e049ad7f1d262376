"""How encoded texts lie in one row of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes import TextProbes

# What to do where encoded texts have different lengths.
PAD = "pad to one length (in Keras: pad_sequences(..., maxlen=...) or TextVectorization(output_sequence_length=...))."


@dataclass(frozen=True)
class Layout:
    """How what `encode` gives lies in one row of numbers.

    Attributes:
        encode: of the probes; None for strings.
        keys: of a dict; None for an array, () for a tuple.
        shapes, dtypes: of each array, without the axis of texts.
    """

    encode: Any
    keys: tuple[str, ...] | None
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]

    @classmethod
    def of(cls, probes: TextProbes) -> Layout:
        encode, texts = probes.encode, probes.inputs.tolist()
        if encode is None:
            return cls(None, None, ((1,),), ("string",))
        by_length = sorted(range(len(texts)), key=lambda probe: len(texts[probe]))
        shortest, longest = by_length[0], by_length[-1]
        arrays, keys = _arrays(_asked_to_encode(encode, [texts[longest]], longest), 1, longest)
        layout = cls(encode, keys, tuple(array.shape[1:] for array in arrays), tuple(array.dtype.name for array in arrays))
        # One by one: what pads to the longest text of a list gives each of these its own length.
        for text in (texts[shortest], probes.masked(shortest, np.zeros(probes.players[shortest]))):
            layout.encoded([text], shortest)
        return layout

    @property
    def width(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def whole(self) -> bool:
        return all(np.dtype(dtype).kind in "iub" for dtype in self.dtypes)

    def encoded(self, texts: list[str], probe: int) -> np.ndarray:
        """(k, width), of texts made from a probe."""
        if self.encode is None:
            return np.array(texts, dtype=object)[:, None]
        arrays, keys = _arrays(_asked_to_encode(self.encode, texts, probe), len(texts), probe)
        shapes = tuple(array.shape[1:] for array in arrays)
        if shapes != self.shapes or keys != self.keys:
            raise ValueError(f"TextProbes: encode gave shape {shapes[0]} for text {probe} and {self.shapes[0]} for another; {PAD}")
        if self.whole and any(array.dtype.kind == "f" for array in arrays):
            raise ValueError(f"TextProbes: encode gave whole numbers for one text and fractions for text {probe}; give one dtype.")
        dtype = np.int32 if self.whole else np.float32
        if self.whole and any(array.size and array.max() > np.iinfo(np.int32).max for array in arrays):
            raise ValueError(
                f"TextProbes: encode gave {max(int(array.max()) for array in arrays)}, beyond int32; give numbers of tokens below 2**31."
            )
        return np.concatenate([array.reshape(len(texts), -1).astype(dtype) for array in arrays], axis=1)

    def decoded(self, xp: Any, rows: Any) -> Any:
        if self.encode is None:
            return rows[:, 0].tolist() if isinstance(rows, np.ndarray) else rows
        arrays, at = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            size = int(np.prod(shape))
            piece = xp.reshape(rows[:, at : at + size], (-1, *shape))
            arrays.append(piece.astype(dtype) if isinstance(piece, np.ndarray) else xp.cast(piece, dtype))
            at += size
        if self.keys is None:
            return arrays[0]
        return dict(zip(self.keys, arrays, strict=True)) if self.keys else tuple(arrays)


def _asked_to_encode(encode: Callable[[list[str]], Any], texts: list[str], probe: int) -> Any:
    try:
        return encode(texts)
    except Exception as error:
        which = f"{texts[0][:40]!r}" if len(texts) == 1 else f"{len(texts)} texts"
        raise ValueError(f"TextProbes: encode failed on {which}, made from text {probe}: {type(error).__name__}: {error}") from error


def _arrays(encoded: Any, count: int, probe: int) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """What `encode` gave for texts made from a probe, as a list of arrays (count, …)."""
    # Not `dict`: what tokenizers of Hugging Face give is a mapping of its own.
    keys = tuple(str(key) for key in encoded) if isinstance(encoded, Mapping) else () if isinstance(encoded, tuple) else None
    given = list(encoded.values()) if isinstance(encoded, Mapping) else list(encoded) if isinstance(encoded, tuple) else [encoded]
    try:
        arrays = [np.asarray(each) for each in given]
    except ValueError as error:
        raise ValueError(f"TextProbes: encode gave rows of different lengths for text {probe}; {PAD}") from error
    if not arrays:
        raise ValueError(f"TextProbes: encode gave nothing for text {probe}; give numbers, one row a text.")
    for array in arrays:
        if array.dtype == object:
            raise ValueError(f"TextProbes: encode gave rows of different lengths, or no numbers, for text {probe}; {PAD}")
        if array.dtype.kind not in "iubf" or array.ndim < 1 or len(array) != count:
            raise ValueError(
                f"TextProbes: encode gave shape {array.shape} and dtype {array.dtype} for {count} texts made from text {probe}; "
                "give numbers, one row a text."
            )
    return arrays, keys
