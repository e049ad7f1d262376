"""The layout of encoded texts in rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.probes import TextProbes

# The advice where encoded texts have different lengths.
PAD = "pad to one length (in Keras: pad_sequences(..., maxlen=...) or TextVectorization(output_sequence_length=...))."


@dataclass(frozen=True)
class Layout:
    """How the arrays that `encode` returns for a text are laid out in one row of numbers.

    Attributes:
        encode: the probes' `encode`; None where the model takes strings.
        keys: keys of the dict that `encode` returns; None for an array, () for a tuple.
        shapes: shape of each array, without the axis of texts.
        dtypes: dtype of each array.
    """

    encode: Callable[[list[str]], Any] | None
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
        arrays, keys = _arrays(_call(encode, [texts[longest]], longest), 1, longest)
        layout = cls(encode, keys, tuple(array.shape[1:] for array in arrays), tuple(array.dtype.name for array in arrays))
        # One text at a time: an `encode` that pads to the longest text of a list gives each of these its own length.
        for text in (texts[shortest], probes.masked(shortest, np.zeros(probes.players[shortest]))):
            layout.encoded([text], shortest)
        return layout

    @property
    def width(self) -> int:
        """Numbers in one row."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def integers(self) -> bool:
        """Whether all arrays hold whole numbers."""
        return all(np.dtype(dtype).kind in "iub" for dtype in self.dtypes)

    def encoded(self, texts: list[str], probe: int) -> np.ndarray:
        """Encode texts that are made from a probe: (k, width) int32 or float32, or (k, 1) strings."""
        if self.encode is None:
            return np.array(texts, dtype=object)[:, None]
        arrays, keys = _arrays(_call(self.encode, texts, probe), len(texts), probe)
        shapes = tuple(array.shape[1:] for array in arrays)
        if shapes != self.shapes or keys != self.keys:
            raise ValueError(f"TextProbes: encode gave shape {shapes[0]} for text {probe} and {self.shapes[0]} for another; {PAD}")
        if self.integers and any(array.dtype.kind == "f" for array in arrays):
            raise ValueError(f"TextProbes: encode gave whole numbers for one text and fractions for text {probe}; give one dtype.")
        dtype = np.int32 if self.integers else np.float32
        if self.integers and any(array.size and array.max() > np.iinfo(np.int32).max for array in arrays):
            raise ValueError(
                f"TextProbes: encode gave {max(int(array.max()) for array in arrays)}, which does not fit int32; give token numbers below 2**31."
            )
        return np.concatenate([array.reshape(len(texts), -1).astype(dtype) for array in arrays], axis=1)

    def decoded(self, xp: Any, rows: Any) -> Any:
        """Rows of `encoded` in the form in which the model takes them. xp: numpy, or keras.ops inside a graph."""
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


def _call(encode: Callable[[list[str]], Any], texts: list[str], probe: int) -> Any:
    """Encode texts that are made from a probe; a failure names the text."""
    try:
        return encode(texts)
    except Exception as error:
        which = f"{texts[0][:40]!r}" if len(texts) == 1 else f"{len(texts)} texts"
        raise ValueError(f"TextProbes: encode failed on {which}, made from text {probe}: {type(error).__name__}: {error}") from error


def _arrays(encoded: Any, count: int, probe: int) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """The result of `encode` for `count` texts that are made from a probe: arrays (count, …), and keys as in `Layout`."""
    # Not `dict`: tokenizers of Hugging Face return a mapping type of their own.
    keys = tuple(str(key) for key in encoded) if isinstance(encoded, Mapping) else () if isinstance(encoded, tuple) else None
    given = list(encoded.values()) if isinstance(encoded, Mapping) else list(encoded) if isinstance(encoded, tuple) else [encoded]
    try:
        arrays = [np.asarray(array) for array in given]
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
