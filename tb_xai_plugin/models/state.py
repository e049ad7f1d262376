"""State: variables that a model's forward pass writes even in inference, such as counters, seeds, and the memory of stateful layers."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.models.frameworks.modules import as_callable, torch_random_state_kept
from tb_xai_plugin.models.frameworks.tensors import array


class Resets:
    """Called before every batch, to put the state back once it is known: compiled functions live longer than one explanation."""

    def __init__(self) -> None:
        self._now: list[Callable[[], None]] = []

    def __call__(self) -> None:
        for reset in self._now:
            reset()

    @contextmanager
    def to(self, reset: Callable[[], None]) -> Iterator[None]:
        """Reset by a function, until the end."""
        before, self._now = self._now, [reset]
        try:
            yield
        finally:
            self._now = before


@dataclass(frozen=True)
class State:
    """The variables that a forward pass writes.

    Attributes:
        variables: all of them.
        memories: those that a new series finds at zero.
        layers: the layers of the model.
    """

    variables: tuple[Any, ...] = ()
    memories: tuple[Any, ...] = ()
    layers: tuple[Any, ...] = ()

    @property
    def reset_between_batches(self) -> tuple[Any, ...]:
        """The variables that every batch finds as they were before the first one: all but the seeds, because each batch has its own draw."""
        return tuple(variable for variable in self.variables if not is_seed(variable))

    @contextmanager
    def kept(self, resets: Resets | None = None) -> Iterator[None]:
        """Restore the variables at the end. Inside, every call of `resets` restores them too, and sets memories to zero."""
        before = _copies(self.variables)
        zeros = {id(memory) for memory in self.memories}
        between = {id(variable) for variable in self.reset_between_batches}

        def reset() -> None:
            for variable, value in before:
                if id(variable) in between:
                    variable.assign(np.zeros_like(value) if id(variable) in zeros else value)

        try:
            with losses_kept(self.layers), resets.to(reset) if resets else nullcontext():
                yield
        finally:
            for variable, value in before:
                variable.assign(value)


def every_variable(model: Any, touched: Iterable[Any]) -> list[Any]:
    """The variables of a Keras model, and those that its graph reads or writes besides. touched: all variables of the graph."""
    own = list(model.variables)
    known = {id(getattr(variable, "value", variable)) for variable in own} | {id(variable) for variable in own}
    others: dict[int, Any] = {id(variable): variable for variable in touched if id(variable) not in known}
    return [*own, *others.values()]


def is_seed(variable: Any) -> bool:
    """Whether a variable is the state of a random generator of Keras, or of a `tf.random.Generator`."""
    name = str(variable.name)
    return "seed_generator_state" in name or name.startswith("StateVar")


@contextmanager
def losses_kept(layers: Iterable[Any]) -> Iterator[None]:
    """Restore the losses that layers keep of their last call, such as those of activity regularizers: a `train_step` of the user may add them up.

    Keras has no public way to put them back. A layer without these attributes keeps none.
    """
    names = ("_losses", "_loss_ids")
    before = [
        (getattr(layer, name), getattr(layer, name).copy())
        for layer in layers
        for name in names
        if hasattr(getattr(layer, name, None), "copy")
    ]
    try:
        yield
    finally:
        for kept, content in before:
            kept.clear()
            (kept.update if isinstance(kept, set) else kept.extend)(content)


@contextmanager
def watched(variables: Iterable[Any]) -> Iterator[list[Any]]:
    """Restore variables at the end. Yields a list, which then holds the variables that had changed."""
    before = _copies(variables)
    changed: list[Any] = []
    try:
        yield changed
    finally:
        for variable, value in before:
            if not _equal(_value(variable), value):
                variable.assign(value)
                changed.append(variable)


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the global random states of Python, NumPy and PyTorch: functions of the user may draw from them."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # the global state that others draw from
    try:
        with torch_random_state_kept():
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002


def _copies(variables: Iterable[Any]) -> list[tuple[Any, np.ndarray]]:
    return [(variable, np.array(_value(variable))) for variable in variables]


def _value(variable: Any) -> np.ndarray:
    keras = sys.modules.get("keras")
    return array(variable.value if keras is not None and isinstance(variable, keras.Variable) else variable)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a, b, equal_nan=b.dtype.kind == "f"))


def as_arrays(model: Any) -> list[np.ndarray]:
    """The weights as NumPy arrays, which may share memory with the model."""
    return [_value(weight) for weight in model.weights]


def copied(model: Any) -> list[np.ndarray]:
    """Copies of the weights."""
    return [np.array(weight) for weight in as_arrays(model)]


def put_back(model: Any, values: Sequence[np.ndarray]) -> None:
    """Assign `values`, in the order of `model.weights`."""
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)


def steps_made(optimizer: Any) -> int:
    """The number of steps that an optimizer has made; 0 where there is none."""
    iterations = getattr(optimizer, "iterations", None)
    return 0 if iterations is None else int(_value(iterations))


def digest(model: Any) -> str | None:
    """A hash of all weights, bit for bit; None for a model without weights, or one that is not built."""
    model = as_callable(model)
    if not getattr(model, "built", False) or not model.weights:
        return None
    content = hashlib.sha256()  # processors have instructions for it: four times as fast as others
    for weight in as_arrays(model):
        content.update(f"{weight.dtype}{weight.shape}".encode())
        # As bytes: types of ml_dtypes, such as bfloat16, have no buffer of their own.
        content.update(np.ascontiguousarray(weight).reshape(-1).view(np.uint8).data)
    return content.hexdigest()[:32]
