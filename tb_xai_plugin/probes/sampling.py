"""Takes a few examples, balanced over classes, from a dataset of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from operator import itemgetter
from typing import Any

import numpy as np

# A dataset may repeat without end: at most this many examples are read for each one wanted, and more where classes are still missing, because a dataset
# may be sorted by class. Of arrays, which are in memory, all are read.
EXAMPLES_READ_PER_PROBE = 200
EXAMPLES_READ_FOR_CLASSES = 2000

# The input of one example: an array, or several of them, in a tuple or by name.
Input = Any


def take_balanced(dataset: Iterable[Any], n: int, classes: int | None = None, axes: int | None = None) -> tuple[Input, np.ndarray | None]:
    """The first n examples in the dataset's order, with equally many of each class as far as the dataset has them.

    Args:
        dataset: iterable of (x, y), (x, y, weight) or x, batched or not; or one tuple of arrays (x, y). Of images and series, x may be a tuple or dict of
            arrays that a model takes together.
        n: number of examples.
        classes: number of classes, where known: reading stops once there are enough examples of each.
        axes: number of axes of one example (a row has 1, a text 0); None for images, which have 2 or 3.

    Returns:
        inputs (n, ...), or a list or dict of several such arrays; and labels (n,) or (n, classes) as in the dataset, or None where it has none.

    Raises:
        ValueError: n is below 1, or the dataset has fewer examples. TypeError: the dataset gives dicts.
    """
    if not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"from_dataset: n is {n!r}; give a whole number of at least 1.")
    by_class: dict[int, list[tuple[int, Input, np.ndarray | None]]] = {}
    in_memory = isinstance(dataset, tuple)
    seen = 0
    for x, y in _examples(dataset, axes):
        queue = by_class.setdefault(_class_of(y), [])
        if len(queue) < n:
            queue.append((seen, x, y))
        seen += 1
        known = _classes(y) or classes or (1 if y is None else None)
        enough = known is not None and len(by_class) >= min(known, n) and all(len(q) >= -(-n // known) for q in by_class.values())
        late = (queue for queue in by_class.values() if queue[0][0] >= EXAMPLES_READ_PER_PROBE * n)
        missing = len(by_class) < min(known or 2, n) or any(len(queue) < n // len(by_class) for queue in late)
        most = n * (EXAMPLES_READ_FOR_CLASSES if missing else EXAMPLES_READ_PER_PROBE)
        if (enough and sum(map(len, by_class.values())) >= n) or (seen >= most and not in_memory):
            break
    if seen < n:
        raise ValueError(f"from_dataset: the dataset has {seen} examples and n is {n}; give a smaller n or more examples.")
    queues = list(by_class.values())  # in the order in which their classes first came
    rounds = sorted((place, number) for number, queue in enumerate(queues) for place in range(len(queue)))
    taken = sorted((queues[number][place] for place, number in rounds[:n]), key=lambda example: example[0])
    labels = [y for _, _, y in taken if y is not None]
    return _stacked([x for _, x, _ in taken]), np.stack(labels) if labels else None


def _stacked(inputs: list[Input]) -> Input:
    first = inputs[0]
    if isinstance(first, dict):
        return {name: np.stack([one[name] for one in inputs]) for name in first}
    if isinstance(first, list):
        return [np.stack([one[place] for one in inputs]) for place in range(len(first))]
    return np.stack(inputs)


def _examples(dataset: Iterable[Any], axes: int | None) -> Iterator[tuple[Input, np.ndarray | None]]:
    """Single examples, from a dataset of batches or of single examples."""
    for element in _elements(dataset):
        x, y = (*element, None)[:2] if isinstance(element, tuple | list) else (element, None)
        several = _several(x, y, axes)
        if (isinstance(x, dict) and not several) or isinstance(y, dict):
            raise TypeError(
                "from_dataset: the dataset gives dicts; map it to (x, y) first, e.g. dataset.map(lambda x, y: (x['image'], y))."
            )
        y = None if y is None else np.asarray(y)
        x = _each(np.asarray, x) if several else np.asarray(x)
        if y is not None and (y.dtype.kind not in "fiub" or not np.isfinite(y).all()):
            raise ValueError(f"from_dataset: a label is {y.ravel()[0]!r}; labels must be class numbers or one-hot rows.")
        one = x if not several else next(iter(x.values())) if isinstance(x, dict) else x[0]
        if _is_batch(one, y) if axes is None else _is_batch_of(axes, one, y):
            for i in range(len(one)):
                yield (_each(itemgetter(i), x) if several else x[i]), None if y is None else y[i]
        else:
            yield x, y


def _several(x: Any, y: Any, axes: int | None) -> bool:
    """Whether x holds several arrays that a model takes together; of images (axes None) and series (2) only."""
    entries = list(x.values()) if isinstance(x, dict) else x
    if axes not in (None, 2) or not isinstance(entries, list | tuple) or len(entries) < 2:
        return False
    if not all(hasattr(entry, "shape") and len(entry.shape) >= 2 for entry in entries):
        return False
    if not isinstance(x, list):
        return True
    lengths = {int(entry.shape[0]) for entry in entries}
    return y is not None and np.ndim(y) > 0 and lengths == {len(y)} != {len(x)}


def _each(of: Callable[[Any], Any], arrays: Any) -> Any:
    return {str(name): of(array) for name, array in arrays.items()} if isinstance(arrays, dict) else [of(array) for array in arrays]


def _elements(dataset: Iterable[Any]) -> Iterator[Any]:
    # keras.utils.PyDataset has a length and items; iterating over it would go past its end.
    if isinstance(dataset, tuple):  # (x_test, y_test): one large batch
        yield dataset
    elif isinstance(dataset, Sized) and hasattr(dataset, "__getitem__"):
        yield from (dataset[i] for i in range(len(dataset)))
    else:
        yield from dataset


def _is_batch(x: np.ndarray, y: np.ndarray | None) -> bool:
    """Whether x holds several images."""
    if x.ndim == 4 and y is not None and (y.ndim == 0 or len(y) != len(x)):
        return False  # a bag of images, a video or a volume
    if x.ndim in (2, 4, 5):
        return x.ndim > 2
    if y is None:
        return x.shape[-1] not in (1, 3, 4)
    # A (28, 28, 1) image with a one-hot label is one example; (32, 28, 28) images with 32 labels are a batch.
    return y.ndim >= 1 and len(y) == len(x) and not (y.ndim == 1 and x.shape[-1] in (1, 3, 4) and y.sum() == 1)


def _is_batch_of(axes: int, x: np.ndarray, y: np.ndarray | None) -> bool:
    """Whether x holds several examples with this number of axes each; series of one channel may lack an axis."""
    labelled = y is not None and y.ndim >= 1 and x.ndim >= 1 and len(y) == len(x) and not (y.ndim == 1 and len(y) > 1 and y.sum() == 1)
    if axes == 2 and x.ndim == 2:
        return labelled
    return x.ndim > axes and (y is None or (y.ndim >= 1 and len(y) == len(x)))


def _class_of(y: np.ndarray | None) -> int:
    if y is None:
        return 0
    return int(y.argmax()) if _classes(y) else int(y.reshape(-1)[0])


def _classes(y: np.ndarray | None) -> int | None:
    """Number of classes where the label is one-hot."""
    return y.size if y is not None and y.ndim == 1 and y.size > 1 else None
