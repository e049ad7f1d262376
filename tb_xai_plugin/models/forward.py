"""A Keras model's way from coalitions to answers, as it is compiled: by `predictors` for answers, by `gradients` for their slopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tb_xai_plugin.games.masker import Masker
from tb_xai_plugin.games.text_masker import TextMasker

# Parts of probes that stay on the device between epochs; above this they are made again each time.
CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Forward:
    """Mask, model, float32: what is compiled. Weights are captured by reference, so they are always today's.

    Attributes:
        model: a Keras model.
        masker, model_input: make its input.
        parts: probe number -> the masker's parts of it, on the device.
        before: a layer that is read before its activation; None for the model as it is.
        whole: the model takes whole numbers: masked pixels are rounded, not cut off.
    """

    model: Any
    masker: Masker
    model_input: Callable[[Any], Any] | None
    parts: Callable[[int], Any]
    before: Any = None
    whole: bool = False

    @classmethod
    def of(cls, model: Any, masker: Masker, model_input: Callable[[Any], Any] | None) -> Forward:
        import keras

        inputs = getattr(model, "inputs", None) or []
        blended = not isinstance(masker, TextMasker)  # between an input and its baseline; tokens are never in between
        whole = blended and model_input is None and len(inputs) == 1 and "int" in str(inputs[0].dtype)
        fitting = max(1, CACHE_BYTES // masker.parts(0).nbytes)
        parts = lru_cache(fitting)(lambda probe: keras.ops.convert_to_tensor(masker.parts(probe)))
        return cls(model, masker, model_input, parts, whole=whole)

    def behind(self, masker: Masker) -> Forward:
        """The same model behind another masker."""
        return replace(Forward.of(self.model, masker, self.model_input), before=self.before)

    def __call__(self, rows: Any, parts: Any) -> Any:
        """Rows of `Masker.feed` -> float32 (k, columns)."""
        import keras

        masked = self.masker.mask(keras.ops, rows, parts)
        if self.whole:
            masked = keras.ops.round(masked)
        answered = self.model(self.model_input(masked) if self.model_input else masked, training=False)
        return keras.ops.cast(as_columns(answered, rows.shape[0]), "float32")

    def tracing(self) -> Any:
        """Context in which a graph of it must be traced."""
        return nullcontext() if self.before is None else _linear(self.before)

    @property
    def players(self) -> int:
        return self.masker.players


@contextmanager
def _linear(layer: Any) -> Iterator[None]:
    """Give a layer a linear activation while a graph is traced: the graph keeps it, the layer does not."""
    activation = layer.activation
    layer.activation = lambda x: x
    try:
        yield
    finally:
        layer.activation = activation


class WrongOutputError(Exception):
    """The model's answers are not (n,) or (n, classes)."""


def as_columns(answers: Any, batch: int) -> Any:
    """Answers (n,) or (n, classes) -> (n, columns). While a graph is traced, n may be unknown: TextVectorization loses it."""
    if isinstance(answers, dict | list | tuple):
        raise WrongOutputError(f"the model has {len(answers)} outputs; explanations need one, e.g. keras.Model(model.inputs, one_output).")
    shape = tuple(answers.shape)
    if len(shape) not in (1, 2) or shape[0] not in (None, batch) or shape[-1] == 0:
        raise WrongOutputError(f"the model answers with shape {shape} for {batch} probes; explanations need (n,) or (n, classes).")
    return answers if len(shape) == 2 else answers[:, None]
