"""The forward pass of a Keras model from coalitions to outputs. `predictors` compiles it for outputs, `gradients` for their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.games.text_masker import TextMasker

# Most bytes of probes' parts that stay on the device between epochs; further parts are made again each time.
CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Forward:
    """Masks the probe, calls the model, and casts its outputs to float32. Weights are captured by reference, so they are always the current ones.

    Attributes:
        model: a Keras model.
        masker: makes the masked inputs.
        model_input: turns masked inputs into what the model takes; None where it takes them as they are.
        parts: probe number -> the masker's parts of the probe, on the device.
        before: a layer that is read before its activation; None for the model as it is.
        integers: whether the model takes whole numbers; masked pixels are then rounded and not truncated.
    """

    model: Any
    masker: Masker
    model_input: Callable[[Any], Any] | None
    parts: Callable[[int], Any]
    before: Any = None
    integers: bool = False

    @classmethod
    def of(cls, model: Any, masker: Masker, model_input: Callable[[Any], Any] | None) -> Forward:
        import keras

        inputs = getattr(model, "inputs", None) or []
        blended = not isinstance(masker, TextMasker)  # values may lie between an input and its baseline; tokens never do
        integers = blended and model_input is None and len(inputs) == 1 and "int" in str(inputs[0].dtype)
        fitting = max(1, CACHE_BYTES // masker.parts(0).nbytes)
        parts = lru_cache(fitting)(lambda probe: keras.ops.convert_to_tensor(masker.parts(probe)))
        return cls(model, masker, model_input, parts, integers=integers)

    def with_masker(self, masker: Masker) -> Forward:
        """The forward pass of the same model with another masker."""
        return replace(Forward.of(self.model, masker, self.model_input), before=self.before)

    def __call__(self, rows: Any, parts: Any) -> Any:
        """Outputs, float32 (k, columns), from rows of `Masker.feed`."""
        import keras

        masked = self.masker.mask(keras.ops, rows, parts)
        if self.integers:
            masked = keras.ops.round(masked)
        outputs = self.model(self.model_input(masked) if self.model_input else masked, training=False)
        return keras.ops.cast(as_columns(outputs, rows.shape[0]), "float32")

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


class WrongOutputError(Exception):
    """The shape of the model's output is not (n,) or (n, classes)."""


def as_columns(outputs: Any, batch: int) -> Any:
    """Outputs (n,) or (n, classes) as (n, columns). While a graph is traced, n may be unknown, because TextVectorization loses it."""
    if isinstance(outputs, dict | list | tuple):
        raise WrongOutputError(
            f"the model has {len(outputs)} outputs; give a model with one output, e.g. keras.Model(model.inputs, one_output)."
        )
    shape = tuple(outputs.shape)
    if len(shape) not in (1, 2) or shape[0] not in (None, batch) or shape[-1] == 0:
        raise WrongOutputError(
            f"the model's output has shape {shape} for a batch of {batch} probes; give a model with output (n,) or (n, classes)."
        )
    return outputs if len(shape) == 2 else outputs[:, None]
