"""Several series of a probe, one after the other in time, and the way back to what the model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Joined:
    """Where the series of a probe lie in one (T, C).

    Attributes:
        form: what the model takes: a "list" of arrays or a "dict" of them.
        names: names of the arrays.
        shapes: shape of each array for one probe: (), (T,) or (T, C).
        dtypes: dtype of each array, as it was given.
    """

    form: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Joined:
        return cls(written["form"], tuple(written["names"]), tuple(map(tuple, written["shapes"])), tuple(written["dtypes"]))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def slices(self) -> list[slice]:
        """The steps of each array."""
        ends = np.cumsum([shape[0] if shape else 1 for shape in self.shapes]).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def join(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """(n, T, C) of arrays (n,), (n, T) or (n, T, C)."""
        return np.concatenate([_three(array) for array in arrays], axis=1)

    def assemble(self, xp: Any, masked: Any) -> Any:
        """What the model takes, from masked series (k, T, C). xp: numpy, or keras.ops inside a graph."""
        arrays = []
        for steps, shape in zip(self.slices, self.shapes, strict=True):
            own = masked[:, steps]
            arrays.append(own if len(shape) == 2 else own[..., 0] if shape else own[:, 0, 0])
        return self.in_form(arrays)

    def in_form(self, arrays: list[Any]) -> Any:
        """Arrays in the form in which the model takes them."""
        return dict(zip(self.names, arrays, strict=True)) if self.form == "dict" else arrays

    def listed(self, given: Any) -> list[Any]:
        """Arrays that are in the form in which the model takes them, as a list."""
        return list(given.values()) if self.form == "dict" else list(given)

    def cut(self, series: np.ndarray) -> Any:
        """The arrays in their own dtypes and form, from (n, T, C)."""
        arrays = self.listed(self.assemble(np, series))
        return self.in_form([array.astype(dtype) for array, dtype in zip(arrays, self.dtypes, strict=True)])

    def each(self, given: Any) -> list[Any] | None:
        """An option that is given per array, as a list with one entry per array; None where it is not."""
        if isinstance(given, Mapping):
            return [given.get(name) for name in self.names]
        return list(given) if isinstance(given, list | tuple) and len(given) == len(self.shapes) else None


def _three(array: np.ndarray) -> np.ndarray:
    """(n, T, C) of (n,), (n, T) or (n, T, C)."""
    return array.reshape(len(array), array.shape[1] if array.ndim > 1 else 1, -1)


def joined_of(who: str, given: Any, labels: Any) -> tuple[Joined, list[np.ndarray]] | None:
    """The arrays of probes that have several series; None for probes of one series.

    A list may hold arrays that a model takes together, each with all n probes, or the n probes one by one. It is told by the number of labels
    and by the shapes.

    Raises:
        ValueError: the arrays have different numbers of probes or of channels, or it cannot be told what the list holds.
    """
    if isinstance(given, Mapping):
        entries = {str(name): np.array(array) for name, array in given.items()}
    elif isinstance(given, list | tuple) and _are_parts(who, given, labels):
        entries = {f"series {number}": np.array(array) for number, array in enumerate(given)}
    else:
        return None
    form = "dict" if isinstance(given, Mapping) else "list"
    shapes = {name: array.shape for name, array in entries.items()}
    if any(len(shape) not in (1, 2, 3) for shape in shapes.values()) or not entries:
        raise ValueError(f"{who}: series has arrays of shapes {shapes}; give (n,), (n, T) or (n, T, C) each.")
    if len({shape[0] for shape in shapes.values()}) > 1:
        raise ValueError(f"{who}: series has arrays of shapes {shapes}, with different numbers of probes; give one row per probe in each.")
    if len({shape[2] if len(shape) == 3 else 1 for shape in shapes.values()}) > 1:
        raise ValueError(
            f"{who}: series has arrays of shapes {shapes}, and only series of as many channels lie one after the other; give one of them as series and the "
            "others as side inputs, e.g. features as series and side_inputs={'mask': mask}."
        )
    dtypes = tuple(array.dtype.name for array in entries.values())
    return Joined(form, tuple(entries), tuple(shape[1:] for shape in shapes.values()), dtypes), list(entries.values())


def _are_parts(who: str, given: Sequence[Any], labels: Any) -> bool:
    """Whether a list holds arrays that a model takes together."""
    try:
        shapes = [np.shape(entry) for entry in given]
    except ValueError:  # rows of different lengths
        return False
    if len(shapes) < 2 or () in shapes or not hasattr(given[0], "shape"):
        return False
    count = len(labels) if labels is not None and hasattr(labels, "__len__") else None
    k, n, together = len(shapes), shapes[0][0], len({shape[0] for shape in shapes}) == 1
    if max(map(len, shapes)) > 2:
        return True
    if count == n == k and together and len(shapes[0]) == 2:
        raise ValueError(
            f"{who}: series is a list of {k} arrays {shapes[0]} for {n} labels: these may be {k} inputs of the model, or {k} series; give "
            "{'name': array, …} for inputs of the model, or np.stack(series) for series."
        )
    if count is not None and count != k:
        return together and count == n
    # Of arrays with rows, those of different lengths can only be inputs of the model.
    return count is None and together and len(set(shapes)) > 1
