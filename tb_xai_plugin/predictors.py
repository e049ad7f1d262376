"""Predictors: a Keras model or any callable becomes one fast batched function from coalitions to answers.

The only module of the training side that names TensorFlow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from tb_xai_plugin.heads import guess_head, output_layer, read_head
from tb_xai_plugin.maskers import ImageMasker
from tb_xai_plugin.outputs import Head

# (bool or float (k, players of the probe) coalitions, probe number) -> float32 (k, columns)
Answers: TypeAlias = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Predictor:
    """A model, ready to answer for masked probes.

    Attributes:
        answers: the model on masked probes.
        head: how to read the columns.
        state: variables of the model that its own call changes, even when it only infers: a seed, a counter.
    """

    answers: Answers
    head: Head
    state: tuple[Any, ...] = ()

    @contextmanager
    def leaving_no_trace(self) -> Iterator[None]:
        """Put the model's state back, so that training goes on as if nobody had asked."""
        with _kept(self.state):
            yield


def build_predictor(
    model: Any, masker: ImageMasker, model_input: Callable[[Any], Any] | None, batch: int, *, output: str, labelled: bool
) -> Predictor:
    """Compile once, and find out what the model's answers mean.

    Args:
        model: a Keras model, or a callable batch -> (n,) or (n, classes).
        batch: evaluations at a time: one graph, never traced again.
        output: one of outputs.OUTPUTS, what is to be explained.
        labelled: the probes have classes: where nothing else tells, answers are logits then, not a regression.

    Raises:
        ValueError: the model is not built, refuses the probes, or answers with something else than (n,) or (n, classes).
    """
    # Full, empty, full, …: what is wrong with a model shows here, and so does what its numbers look like.
    trial = (np.arange(batch)[:, None] % 2 == np.zeros(masker.players)).astype(np.float32)
    if not _is_keras_model(model):
        answers = _plain(model, masker, model_input, batch)
        return Predictor(answers, guess_head(_try(answers, trial, masker)))
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built; give its input shape (keras.Input), call it on one batch, or train it first.")
    with _kept(model.non_trainable_variables) as changed:
        answers = _compiled(model, masker, model_input, batch)
        seen = _try(answers, trial, masker)
        last = output_layer(model)
        head = read_head(last, model, seen, labelled)
        # A saturated sigmoid or half-precision softmax has rounded its log-odds away; the layer below has them still.
        if output != "raw" and (head.kind == "sigmoid" or (head.kind == "softmax" and last.compute_dtype != "float32")):
            before = _before_activation(last, lambda: _compiled(model, masker, model_input, batch), trial, seen)
            if before is None:
                head = replace(head, clipped=True)
            else:
                answers, head = before, replace(head, kind="sigmoid logits" if head.kind == "sigmoid" else "logits")
    return Predictor(answers, head, tuple(changed))


@contextmanager
def _kept(variables: Iterable[Any]) -> Iterator[list[Any]]:
    """Restore variables at the end; yields a list that then holds those which had changed."""
    import keras

    before = [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in variables]
    changed: list[Any] = []
    try:
        yield changed
    finally:
        for variable, value in before:
            if not np.array_equal(keras.ops.convert_to_numpy(variable), value, equal_nan=value.dtype.kind == "f"):
                variable.assign(value)
                changed.append(variable)


def _is_keras_model(model: Any) -> bool:
    keras = sys.modules.get("keras")  # not imported: then nobody has made a Keras model
    return keras is not None and isinstance(model, keras.Model)


def _try(answers: Answers, trial: np.ndarray, masker: ImageMasker) -> np.ndarray:
    try:
        return answers(trial, 0)
    except _WrongOutputError as error:
        raise ValueError(str(error)) from None
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(f"the model refuses probes of shape {masker.shape}: {type(error).__name__}: {reason}") from error


class _WrongOutputError(Exception):
    """The model's answers are not (n,) or (n, classes)."""


def _as_columns(answers: Any, batch: int) -> Any:
    """Answers (n,) or (n, classes) -> (n, columns)."""
    if isinstance(answers, dict | list | tuple):
        raise _WrongOutputError(f"the model has {len(answers)} outputs; explanations need one, e.g. keras.Model(model.inputs, one_output).")
    shape = tuple(answers.shape)
    if len(shape) not in (1, 2) or shape[0] != batch or shape[-1] == 0:
        raise _WrongOutputError(f"the model answers with shape {shape} for {batch} probes; explanations need (n,) or (n, classes).")
    return answers if len(shape) == 2 else answers[:, None]


def _plain(model: Callable[[Any], Any], masker: ImageMasker, model_input: Callable[[Any], Any] | None, batch: int) -> Answers:
    def answers(coalitions: np.ndarray, probe: int) -> np.ndarray:
        parts = masker.parts(probe)
        answered = []
        padded = _padded(coalitions, batch, masker.players)
        for start in range(0, len(padded), batch):
            masked = masker.mask(np, padded[start : start + batch], parts)
            answered.append(_as_columns(np.asarray(model(model_input(masked) if model_input else masked)), len(masked)))
        return np.concatenate(answered)[: len(coalitions)].astype(np.float32)

    return answers


def _compiled(model: Any, masker: ImageMasker, model_input: Callable[[Any], Any] | None, batch: int) -> Answers:
    """One graph for every probe and epoch: mask, forward, float32. Weights are captured by reference, so they are always today's."""
    import keras

    ops = keras.ops

    def forward(coalitions: Any, parts: Any) -> Any:
        masked = masker.mask(ops, coalitions, parts)
        answered = model(model_input(masked) if model_input else masked, training=False)
        return ops.cast(_as_columns(answered, batch), "float32")

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = [tf.TensorSpec(shape, tf.float32) for shape in ((batch, masker.players), masker.parts(0).shape)]
        forward = tf.function(forward, input_signature=signature, autograph=False)

    def answers(coalitions: np.ndarray, probe: int) -> np.ndarray:
        parts = ops.convert_to_tensor(masker.parts(probe))
        padded = _padded(coalitions, batch, masker.players)
        batches = [forward(ops.convert_to_tensor(padded[i : i + batch]), parts) for i in range(0, len(padded), batch)]
        return np.concatenate([np.asarray(ops.convert_to_numpy(answered)) for answered in batches])[: len(coalitions)]

    return answers


def _padded(masks: np.ndarray, batch: int, players: int) -> np.ndarray:
    """float32 (rows, players): up to full batches and the widest probe; what is added is never read."""
    padded = np.ones((-(-len(masks) // batch) * batch, players), dtype=np.float32)
    padded[: len(masks), : masks.shape[1]] = masks
    return padded


def _before_activation(layer: Any, compile_again: Callable[[], Answers], trial: np.ndarray, seen: np.ndarray) -> Answers | None:
    """The same model read before its last activation.

    None where `layer` is not what made the answers: found by putting the activation back on and comparing.
    """
    import keras

    if (
        getattr(getattr(layer, "activation", None), "__name__", None) not in ("sigmoid", "softmax")
        or keras.backend.backend() != "tensorflow"
    ):
        return None
    with _linear(layer):
        before = compile_again()
        logits = before(trial, 0)
    again = np.asarray(keras.ops.convert_to_numpy(layer.activation(keras.ops.convert_to_tensor(logits))))
    return before if again.shape == seen.shape and np.allclose(again, seen, atol=5e-3, equal_nan=True) else None


@contextmanager
def _linear(layer: Any) -> Iterator[None]:
    """Give a layer a linear activation while a graph is traced: the graph keeps it, the layer does not."""
    activation = layer.activation
    layer.activation = lambda x: x
    try:
        yield
    finally:
        layer.activation = activation
