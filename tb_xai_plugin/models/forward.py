"""The forward pass of a Keras model from coalitions to outputs. `compiled` makes a graph of it for outputs, `gradients` for their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.models.choice import Choice, as_columns
from tb_xai_plugin.models.inputs import ModelInputs
from tb_xai_plugin.models.layers import step_by_step

# Most bytes of probes' parts that stay on the device between epochs; further parts are made again each time.
CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Forward:
    """Masks the probe, calls the model, and casts its outputs to float32. Weights are captured by reference, so they are always the current ones.

    Attributes:
        model: a Keras model.
        masker: makes the masked inputs.
        inputs: turns masked inputs into what the model takes.
        choice: chooses the explained output among all outputs.
        parts: probe number -> the masker's parts of the probe, on the device.
        read: outputs (k, columns) -> what is explained, outside the graph; the identity, but for models that return labels.
        before: a layer that is read before its activation; None for the model as it is.
        rnns: recurrent layers that must take one step after the other.
    """

    model: Any
    masker: Masker
    inputs: ModelInputs
    choice: Choice
    parts: Callable[[int], Any]
    read: Callable[[np.ndarray], np.ndarray] = np.asarray
    before: Any = None
    rnns: tuple[Any, ...] = ()

    @classmethod
    def of(cls, model: Any, masker: Masker, inputs: ModelInputs, choice: Choice) -> Forward:
        import keras

        fitting = max(1, CACHE_BYTES // masker.parts(0).nbytes)
        parts = lru_cache(fitting)(lambda probe: keras.ops.convert_to_tensor(masker.parts(probe)))
        return cls(model, masker, inputs, choice, parts)

    def with_masker(self, masker: Masker) -> Forward:
        """The forward pass of the same model with another masker."""
        return replace(Forward.of(self.model, masker, self.inputs, self.choice), read=self.read, before=self.before, rnns=self.rnns)

    def __call__(self, rows: Any, parts: Any) -> Any:
        """Outputs, float32 (k, columns), from rows of `Masker.feed`."""
        import keras

        return self.outputs(self.inputs.masked(self.masker.mask(keras.ops, rows, parts)), rows.shape[0])

    def outputs(self, inputs: Any, batch: int) -> Any:
        """Outputs, float32 (k, columns), from what the model takes. batch: k."""
        import keras

        with step_by_step(self.rnns):
            chosen = self.choice(self.model(inputs, training=False), inputs)
        return keras.ops.cast(as_columns(chosen, batch, computed=self.choice.computed), "float32")

    def tracing(self) -> AbstractContextManager[None]:
        """The context in which a graph of the forward pass must be traced."""
        return nullcontext() if self.before is None else _linear(self.before)

    @property
    def players(self) -> int:
        return self.masker.players


@contextmanager
def _linear(layer: Any) -> Iterator[None]:
    """Give a layer a linear activation while a graph is traced. The graph keeps it, the layer does not."""
    activation = layer.activation
    layer.activation = lambda x: x
    try:
        yield
    finally:
        layer.activation = activation
