"""Predictors: a Keras model or any callable becomes one fast batched function from coalitions to answers.

The only module of the training side that names TensorFlow, with `gradients`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from tb_xai_plugin.gradients import Gradients
from tb_xai_plugin.heads import guess_head, output_layer, read_head
from tb_xai_plugin.maskers import ImageMasker
from tb_xai_plugin.outputs import Head

# (bool or float (k, players of the probe) coalitions, probe number) -> float32 (k, columns)
Answers: TypeAlias = Callable[[np.ndarray, int], np.ndarray]

# Parts of probes that stay on the device between epochs; above this they are made again each time.
CACHE_BYTES = 64 * 2**20

# What frameworks call it when memory runs out; Python's own is MemoryError.
OUT_OF_MEMORY = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}


@dataclass(frozen=True)
class Predictor:
    """A model, ready to answer for masked probes.

    Attributes:
        answers: the model on masked probes.
        head: how to read the columns.
        state: variables of the model that its own call changes, even when it only infers: a seed, a counter.
        differentiable: its gradients; None where it has none: a callable, or Keras on another backend than TensorFlow.
    """

    answers: Answers
    head: Head
    state: tuple[Any, ...] = ()
    differentiable: Gradients | None = None

    @contextmanager
    def leaving_no_trace(self) -> Iterator[None]:
        """Put the model's state back, so that training goes on as if nobody had asked."""
        with _kept(self.state):
            yield

    def gradients(self, points: np.ndarray, probe: int, targets: np.ndarray) -> np.ndarray:
        """Gradients of what is explained with respect to how far each player is present; see `Gradients.of_players`."""
        return self._asked.of_players(points, probe, targets)

    def last_convolution(self, probe: int, targets: np.ndarray, layer: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Feature maps of the last convolution, or of a layer by name, and gradients there; see `Gradients.of_feature_maps`."""
        return self._asked.of_feature_maps(probe, targets, layer)

    @property
    def _asked(self) -> Gradients:
        if self.differentiable is None:
            raise ValueError("gradients were asked of a model that has none; give a Keras model on TensorFlow, or use 'shap' or 'lime'.")
        return self.differentiable


def build_predictor(
    model: Any, masker: ImageMasker, model_input: Callable[[Any], Any] | None, batch: int, *, output: str, labelled: bool
) -> Predictor:
    """Compile once, and find out what the model's answers mean.

    Args:
        model: a Keras model, or a callable batch -> (n,) or (n, classes).
        batch: evaluations at a time: one graph, never traced again unless memory runs out.
        output: one of outputs.OUTPUTS, what is to be explained.
        labelled: the probes have classes: where nothing else tells, answers are logits then, not a regression.

    Raises:
        ValueError: the model is not built, refuses the probes, or answers with something else than (n,) or (n, classes).
    """
    # Full, empty, full, …: what is wrong with a model shows here, and so does what its numbers look like.
    trial = (np.arange(batch)[:, None] % 2 == np.zeros(masker.players)).astype(np.float32)
    if not _is_keras_model(model):
        answers = _plain(model, masker, model_input, batch)
        return Predictor(answers, guess_head(_try(model, answers, trial, masker)))
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built; give its input shape (keras.Input), call it on one batch, or train it first.")
    with _kept(model.non_trainable_variables) as changed:
        forward = Forward.of(model, masker, model_input)
        answers = _compiled(forward, batch)
        seen = _try(model, answers, trial, masker)
        last = output_layer(model)
        head = read_head(last, model, seen, labelled)
        # A saturated sigmoid or half-precision softmax has rounded its log-odds away; the layer below has them still.
        if output != "raw" and (head.kind == "sigmoid" or (head.kind == "softmax" and last.compute_dtype != "float32")):
            below = replace(forward, before=last)
            before = _before_activation(below, batch, trial, seen)
            if before is None:
                head = replace(head, clipped=True)
            else:
                forward, answers = below, before
                head = replace(head, kind="sigmoid logits" if head.kind == "sigmoid" else "logits")
    differentiable = Gradients(forward, head, output, Batches) if _on_tensorflow() else None
    return Predictor(answers, head, tuple(changed), differentiable)


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


def _on_tensorflow() -> bool:
    import keras

    return keras.backend.backend() == "tensorflow"


def _try(model: Any, answers: Answers, trial: np.ndarray, masker: ImageMasker) -> np.ndarray:
    try:
        return answers(trial, 0)
    except _WrongOutputError as error:
        raise ValueError(str(error)) from None
    except Exception as error:
        raise ValueError(
            f"the model refuses probes of shape {masker.shape}{_takes(model)}: {type(error).__name__}: {_reason(error)}"
        ) from error


def _takes(model: Any) -> str:
    try:
        shape = model.input_shape
    except Exception:  # a callable, a subclassed model, one with several inputs
        return ""
    return f" (it takes {shape[1:]})" if isinstance(shape, tuple) else ""


def _reason(error: Exception) -> str:
    """The line that says it: Keras puts where it happened first."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return telling[0] if telling else type(error).__name__


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


class Batches:
    """Runs a function of one batch over any number of rows; where memory runs out it goes on with half the batch, and says so once.

    Args:
        compile: batch size -> function of at most so many rows, float32 (rows, players), and further arguments.
        batch: the size to begin with.
    """

    def __init__(self, compile: Callable[[int], Callable[..., np.ndarray]], batch: int) -> None:  # noqa: A002  it says what it does
        self._compile, self._batch = compile, batch
        self._run: Callable[..., np.ndarray] | None = None
        self._too_much: int | None = None

    def __call__(self, rows: np.ndarray, *arguments: Any) -> np.ndarray:
        answered: list[np.ndarray] = []
        done = 0
        while done < len(rows):
            try:
                self._run = self._run or self._compile(self._batch)
                answered.append(self._run(rows[done : done + self._batch], *arguments))
            except Exception as error:
                if self._batch == 1 or not _out_of_memory(error):
                    raise
                self._too_much = self._too_much or self._batch
                self._batch, self._run = -(-self._batch // 2), None
                continue
            done += len(answered[-1])
            if self._too_much:
                logging.getLogger("tb_xai_plugin").warning(
                    "memory ran out with %d evaluations in a batch; going on with %d, with the same results. "
                    "Give batch_size=%d to begin with that.",
                    *(self._too_much, self._batch, self._batch),
                )
                self._too_much = None
        return np.concatenate(answered)


def _out_of_memory(error: Exception) -> bool:
    return any(kind.__name__ in OUT_OF_MEMORY for kind in type(error).__mro__) or "RESOURCE_EXHAUSTED" in str(error)


def _filled(rows: np.ndarray, count: int) -> np.ndarray:
    """Rows of ones after the last, up to `count`: graphs have one size."""
    return rows if len(rows) == count else np.concatenate([rows, np.ones((count - len(rows), rows.shape[1]), rows.dtype)])


def _widened(rows: np.ndarray, players: int) -> np.ndarray:
    """float32 (rows, players): up to the widest probe; the players added have no pixels."""
    wide = np.ones((len(rows), players), dtype=np.float32)
    wide[:, : rows.shape[1]] = rows
    return wide


def _plain(model: Callable[[Any], Any], masker: ImageMasker, model_input: Callable[[Any], Any] | None, batch: int) -> Answers:
    def compile_for(size: int) -> Callable[..., np.ndarray]:
        def run(coalitions: np.ndarray, parts: np.ndarray) -> np.ndarray:
            masked = masker.mask(np, _filled(coalitions, size), parts)
            answered = _as_columns(np.asarray(model(model_input(masked) if model_input else masked)), len(masked))
            return answered[: len(coalitions)].astype(np.float32)

        return run

    batches = Batches(compile_for, batch)
    return lambda coalitions, probe: batches(_widened(coalitions, masker.players), masker.parts(probe))


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
    masker: ImageMasker
    model_input: Callable[[Any], Any] | None
    parts: Callable[[int], Any]
    before: Any = None
    whole: bool = False

    @classmethod
    def of(cls, model: Any, masker: ImageMasker, model_input: Callable[[Any], Any] | None) -> Forward:
        import keras

        inputs = getattr(model, "inputs", None) or []
        whole = model_input is None and len(inputs) == 1 and "int" in str(inputs[0].dtype)
        fitting = max(1, CACHE_BYTES // masker.parts(0).nbytes)
        parts = lru_cache(fitting)(lambda probe: keras.ops.convert_to_tensor(masker.parts(probe)))
        return cls(model, masker, model_input, parts, whole=whole)

    def __call__(self, coalitions: Any, parts: Any) -> Any:
        """float32 (k, players) -> float32 (k, columns)."""
        import keras

        masked = self.masker.mask(keras.ops, coalitions, parts)
        if self.whole:
            masked = keras.ops.round(masked)
        answered = self.model(self.model_input(masked) if self.model_input else masked, training=False)
        return keras.ops.cast(_as_columns(answered, coalitions.shape[0]), "float32")

    def tracing(self) -> Any:
        """Context in which a graph of it must be traced."""
        return nullcontext() if self.before is None else _linear(self.before)

    @property
    def players(self) -> int:
        return self.masker.players

    def widened(self, rows: np.ndarray) -> np.ndarray:
        return _widened(rows, self.players)


def _compiled(forward: Forward, batch: int) -> Answers:
    """One graph for every probe and epoch."""

    def compile_for(size: int) -> Callable[..., np.ndarray]:
        import keras

        compiled: Callable[..., Any] = forward
        if _on_tensorflow():
            size, compiled = _graph(forward, size)

        def run(coalitions: np.ndarray, parts: Any) -> np.ndarray:
            filled = keras.ops.convert_to_tensor(_filled(coalitions, size))
            return np.asarray(keras.ops.convert_to_numpy(compiled(filled, parts)))[: len(coalitions)]

        return run

    batches = Batches(compile_for, batch)
    return lambda coalitions, probe: batches(forward.widened(coalitions), forward.parts(probe))


def _graph(forward: Forward, batch: int) -> tuple[int, Callable[..., Any]]:
    """The batch size, a multiple of the devices, and the graph. The devices of a MirroredStrategy share each batch evenly.

    They are named one by one, not by strategy.run: there each replica would use its own moving averages of batch normalization, which Keras
    lets drift apart, and answers would depend on the replica. Here all use the first one's, which are those that are saved.
    """
    import tensorflow as tf

    strategy = getattr(forward.model, "distribute_strategy", None)
    devices = strategy.extended.worker_devices if isinstance(strategy, tf.distribute.MirroredStrategy) else [None]
    share = -(-batch // len(devices))

    def on_all(coalitions: Any, parts: Any) -> Any:
        answered = []
        for i, device in enumerate(devices):
            with tf.device(device):
                answered.append(forward(coalitions[i * share : (i + 1) * share], parts))
        return tf.concat(answered, axis=0) if len(devices) > 1 else answered[0]

    batch = share * len(devices)
    signature = [tf.TensorSpec(shape, tf.float32) for shape in ((batch, forward.players), forward.parts(0).shape)]
    with forward.tracing():
        return batch, tf.function(on_all, autograph=False).get_concrete_function(*signature)


def _before_activation(below: Forward, batch: int, trial: np.ndarray, seen: np.ndarray) -> Answers | None:
    """The same model read before its last activation.

    None where that layer is not what made the answers: found by putting the activation back on and comparing.
    """
    import keras

    activation = getattr(below.before, "activation", None)
    if getattr(activation, "__name__", None) not in ("sigmoid", "softmax") or not _on_tensorflow():
        return None
    before = _compiled(below, batch)
    logits = before(trial, 0)
    again = np.asarray(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(logits))))
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
