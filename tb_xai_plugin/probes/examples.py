"""Reads examples from a dataset of any kind: arrays, batches or single examples, of one input or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

# One input, (k, …), or several of them in a list or by name; in memory also a DataFrame or a list.
Inputs = Any

# Elements of a stream that are looked at to tell whether it gives batches, where the first ones leave both possible.
LOOKED_AT = 16

SIDES = (
    "take the examples yourself and give the other inputs as side_inputs, e.g. {who}(inputs[:16], labels[:16], side_inputs={{'meta': meta[:16]}}), or map "
    "the dataset to (x, y) with one input"
)


@dataclass(frozen=True)
class Block:
    """Examples that came together.

    Attributes:
        x: their inputs, (k, …) each.
        y: (k,) or (k, …), their labels; None where there are none.
        whole: whether x has all examples of a dataset that is in memory. They are then taken by number, without copies.
    """

    x: Inputs
    y: np.ndarray | None
    whole: bool = False

    def __len__(self) -> int:
        return len(_first(self.x)) if self.y is None else len(self.y)

    def take(self, i: int) -> Any:
        """Example i: its number in a whole dataset, else a copy of its inputs (a view would keep the batch in memory)."""
        return i if self.whole else _each(lambda array: np.array(array[i]), self.x)

    def together(self, taken: Sequence[Any]) -> Inputs:
        """What `take` returned, as the inputs of so many probes."""
        if self.whole:
            return _each(lambda array: _rows(array, taken), self.x)
        if isinstance(taken[0], dict):
            return {name: np.stack([one[name] for one in taken]) for name in taken[0]}
        if isinstance(taken[0], list):
            return [np.stack([one[place] for one in taken]) for place in range(len(taken[0]))]
        return np.stack(taken)


@dataclass(frozen=True)
class Example:
    """One example that may be taken: its number in the dataset, what `Block.take` gave, and its label."""

    place: int
    x: Any
    y: Any


def blocks(who: str, dataset: Iterable[Any], axes: int | None) -> Iterator[Block]:
    """The examples of a dataset, in its order. A tuple of arrays is one whole block.

    axes: number of axes of one example (a row has 1, a text 0); None for images, which have 2 or 3.

    Raises:
        ValueError, TypeError: elements that are no examples, or inputs that go together.
    """
    if pair := _arrays(dataset):
        x, y = _read(who, pair, axes, memory=True)
        yield _whole(x, y)
        return
    if not hasattr(dataset, "__iter__") and not hasattr(dataset, "__getitem__"):
        call = "; call the function that makes it" if callable(dataset) else ""
        raise TypeError(
            f"from_dataset: the dataset is a {type(dataset).__name__}; give arrays (x, y), or something that gives (x, y) one after the other{call}."
        )
    elements = (_read(who, element, axes) for element in _elements(dataset))
    first: list[tuple[Inputs, np.ndarray | None]] = []
    for x, y in elements:
        first.append((x, y))
        if not _in_doubt(_first(x), y, axes) or len(first) == LOOKED_AT:
            break
    batched = bool(first) and _is_batch(*_newest(first), axes)
    for x, y in chain(first, elements):
        yield Block(x, y) if batched else Block(_each(lambda array: array[None], x), None if y is None else y[None])


def _arrays(dataset: Any) -> tuple[Any, ...] | None:
    """Arrays (x, y) or (x,) that are a whole dataset; None for anything else."""
    if isinstance(dataset, tuple):
        return dataset
    pair = isinstance(dataset, list) and len(dataset) == 2 and all(hasattr(array, "shape") for array in dataset)
    if pair and np.ndim(dataset[1]) in (1, 2) and np.shape(dataset[0]) != np.shape(dataset[1]) and len(dataset[0]) == len(dataset[1]):
        return tuple(dataset)
    return None


def _whole(x: Inputs, y: np.ndarray | None) -> Block:
    if y is not None and y.ndim == 0:  # one example
        return Block(_each(lambda array: np.asarray(array)[None], x), y[None])
    count = len(_first(x))
    if y is not None and len(y) != count:
        raise ValueError(f"from_dataset: x has {count:,} examples and y has {len(y):,}; give one label per example.")
    return Block(x, y, whole=True)


def _elements(dataset: Iterable[Any]) -> Iterator[Any]:
    # keras.utils.PyDataset has a length and items; iterating over an older one would go past its end.
    if isinstance(dataset, Sized) and hasattr(dataset, "__getitem__"):
        yield from (dataset[i] for i in range(len(dataset)))
    else:
        yield from dataset


def _read(who: str, element: Any, axes: int | None, *, memory: bool = False) -> tuple[Inputs, np.ndarray | None]:
    """The inputs and labels of an element of a dataset, as arrays."""
    x, y = (*element, None)[:2] if isinstance(element, tuple | list) else (element, None)
    several = _several(x, y, axes)
    if isinstance(y, dict) or _of_several_outputs(y):
        raise TypeError(
            "from_dataset: the dataset gives labels of several outputs; map it to (x, y) with those of one output first, e.g. "
            "dataset.map(lambda x, y: (x, y['species']))."
        )
    if not several and (found := _inputs_of(x, y)):
        raise TypeError(f"from_dataset: the dataset gives {found}, which look like several inputs of a model; {SIDES.format(who=who)}.")
    if isinstance(x, dict) and not several:
        raise TypeError("from_dataset: the dataset gives dicts; map it to (x, y) first, e.g. dataset.map(lambda x, y: (x['image'], y)).")
    labels = None if y is None else _labels(y)
    if several:
        return _each(np.asarray, x), labels
    return x if memory and _by_rows(x) else np.asarray(x), labels


def _of_several_outputs(y: Any) -> bool:
    """Whether labels are a tuple of tensors, or a list of arrays."""
    if not isinstance(y, list | tuple) or len(y) < 2 or not all(hasattr(part, "shape") for part in y):
        return False
    return all(np.ndim(part) or (isinstance(y, tuple) and not isinstance(part, np.generic)) for part in y)


def _labels(y: Any) -> np.ndarray:
    labels = np.asarray(y)
    if labels.dtype.kind in "SO":
        decoded = [label.decode() if isinstance(label, bytes) else label for label in labels.ravel().tolist()]
        words = all(isinstance(label, str) for label in decoded)
        labels = np.array(decoded if words else labels, dtype=str if words else None).reshape(labels.shape)
    if labels.dtype.kind == "O":
        with suppress(ValueError, TypeError):  # numbers as objects
            labels = labels.astype(np.float64)
    wrong = labels.dtype.kind not in "fiubU" or (labels.dtype.kind == "f" and not np.isfinite(labels).all())
    if wrong and labels.size:
        bad = labels[~np.isfinite(labels)] if labels.dtype.kind == "f" else labels.ravel()
        raise ValueError(
            f"from_dataset: a label is {bad[0]!r}; labels must be class numbers or names, rows of 0 and 1, or finite true values."
        )
    return labels


def _inputs_of(x: Any, y: Any) -> str | None:
    """What several inputs of a model look like; None where x is not of that kind."""
    entries = x if isinstance(x, dict) else dict(enumerate(x)) if isinstance(x, tuple | list) else {}
    if len(entries) < 2 or not all(hasattr(entry, "shape") for entry in entries.values()):
        return None
    shapes = [tuple(map(int, entry.shape)) for entry in entries.values()]
    if isinstance(x, list) and (len(set(shapes)) == 1 or np.shape(y)[:1] == (len(x),)):
        return None  # examples one by one
    named = [f"{name!r} {shape}" if isinstance(x, dict) else str(shape) for name, shape in zip(entries, shapes, strict=True)]
    return f"{'dicts' if isinstance(x, dict) else 'tuples'} of {len(named)} arrays ({', '.join(named[:4])})"


def _several(x: Any, y: Any, axes: int | None) -> bool:
    """Whether x holds several arrays that a model takes together; of images (axes None) and series (2) only."""
    entries = list(x.values()) if isinstance(x, dict) else x
    if axes not in (None, 2) or not isinstance(entries, list | tuple) or len(entries) < 2:
        return False
    if not all(hasattr(entry, "shape") and len(entry.shape) >= 2 for entry in entries):
        return False
    if axes is None and len({len(entry.shape) for entry in entries}) > 1 and min(len(entry.shape) for entry in entries) < 3 and np.ndim(y):
        return False  # a batch of images beside a batch of rows
    if not isinstance(x, list):
        return True
    lengths = {int(entry.shape[0]) for entry in entries}
    return y is not None and np.ndim(y) > 0 and lengths == {len(y)} != {len(x)}


def _by_rows(x: Any) -> bool:
    """Whether rows of x can be taken without making an array of all of them."""
    return isinstance(x, list) or hasattr(x, "columns") or (hasattr(x, "shape") and hasattr(x, "__getitem__"))


def _rows(x: Any, places: Sequence[int]) -> Any:
    if hasattr(x, "iloc"):
        return x.iloc[list(places)]
    if hasattr(x, "columns"):  # polars
        return x[list(places)]
    if isinstance(x, list):
        chosen = [x[i] for i in places]
        return np.array(chosen, dtype=object) if all(isinstance(text, str | bytes) for text in chosen) else np.asarray(chosen)
    return x[list(places)] if isinstance(x, np.ndarray) else np.stack([np.asarray(x[i]) for i in places])


def _first(x: Inputs) -> Any:
    return (
        next(iter(x.values()))
        if isinstance(x, dict)
        else x[0]
        if isinstance(x, list) and x and hasattr(x[0], "shape") and np.ndim(x[0])
        else x
    )


def _each(of: Any, x: Inputs) -> Inputs:
    """A function of each of several inputs, or of the only one."""
    if isinstance(x, dict):
        return {str(name): of(array) for name, array in x.items()}
    several = isinstance(x, list | tuple) and len(x) > 0 and hasattr(x[0], "shape") and np.ndim(x[0]) > 0
    return [of(array) for array in x] if several else of(x)


def _newest(elements: Sequence[tuple[Inputs, np.ndarray | None]]) -> tuple[Any, np.ndarray | None]:
    x, y = elements[-1]
    return _first(x), y


def _in_doubt(x: np.ndarray, y: np.ndarray | None, axes: int | None) -> bool:
    """Whether labels may be those of a batch as well as one one-hot row: as many as x has entries, with a single 1 among them."""
    if (
        y is None
        or y.ndim != 1
        or y.dtype.kind == "U"
        or np.ndim(x) != (3 if axes is None else 2)
        or len(y) != len(x)
        or axes not in (None, 2)
    ):
        return False
    # A one-hot row is made of float numbers, as a rule, and class numbers are whole.
    return len(y) > 1 and y.dtype.kind == "f" and bool(y.sum() == 1) and bool((y >= 0).all())


def _is_batch(x: np.ndarray, y: np.ndarray | None, axes: int | None) -> bool:
    """Whether x holds several examples; series of one channel may lack an axis."""
    labelled = y is not None and y.ndim >= 1 and x.ndim >= 1 and len(y) == len(x)
    if axes is not None:
        if axes == 2 and x.ndim == 2:
            return labelled and not _in_doubt(x, y, axes)
        return x.ndim > axes and (y is None or labelled)
    if x.ndim == 4 and y is not None and not labelled:
        return False  # a bag of images, a video or a volume
    if x.ndim in (2, 4, 5):
        return x.ndim > 2
    if y is None:
        return bool(x.shape[-1] not in (1, 3, 4))
    # A (28, 28, 1) image with a one-hot label is one example; (32, 28, 28) images with 32 labels are a batch.
    return labelled and not (x.shape[-1] in (1, 3, 4) and _in_doubt(x, y, axes))
