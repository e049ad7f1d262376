"""Predictors: a Keras model or any callable becomes one fast batched function from coalitions to outputs.

On the training side, only this module and `gradients` name TensorFlow.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.games.text_masker import TextMasker
from tb_xai_plugin.models.batches import Batches, filled
from tb_xai_plugin.models.forward import Forward, WrongOutputError, as_columns
from tb_xai_plugin.models.gradients import Gradients
from tb_xai_plugin.models.heads import guess_head, output_layer, read_head
from tb_xai_plugin.models.outputs import Head

# Batches in one call, of rows that need no parts: a call costs as much as a thousand rows of a small network. Not all batches are in one call,
# so that `fit` can be interrupted.
PER_CALL = 16

# Batches that run at the same time: the layers of a small network do not keep the cores busy. More batches would take more memory.
AT_ONCE = 2

# A Keras model, or any callable from a batch to outputs. Keras has no types, and its models are callables.
Model: TypeAlias = Callable[[Any], Any]

# (bool or float (k, players of the probe) coalitions, probe number) -> float32 (k, columns)
Evaluate: TypeAlias = Callable[[np.ndarray, int], np.ndarray]


def _no_gradients(*_: Any) -> Any:
    raise ValueError("this model has no gradients; give a Keras model on TensorFlow, or use 'shap' or 'lime'.")


@dataclass(frozen=True)
class MaskedModel:
    """A model that takes coalitions through a masker.

    Attributes:
        masker: makes the model's inputs.
        parts: probe number -> the masker's parts of the probe.
        batches: (rows of the masker's `feed`, parts) -> outputs, float32 (k, columns).
    """

    masker: Masker
    parts: Callable[[int], Any]
    batches: Batches

    def evaluate(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """Outputs, float32 (k, columns), on coalitions of a probe."""
        return self.batches(self.masker.feed(coalitions, probe), self.parts(probe))

    def evaluate_rows(self, make: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
        """A function that returns the outputs on the rows of `make`, which need no parts of their own."""
        return partial(self.batches.repeated(make), self.parts(0))


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to be evaluated on masked probes.

    Attributes:
        evaluate: (coalitions, probe number) -> outputs, float32 (k, columns).
        head: how to read the columns.
        evaluate_rows: for maskers whose rows are stacked: takes a function that makes rows of the masker's `feed`, and returns a function that
            evaluates them at every call. The rows are made once and stay on the model's device.
        state: variables of the model that its own call changes even in inference, such as a seed or a counter.
        gradients: gradients of the explained output with respect to the players; see `Gradients.of_players`.
        last_convolution: feature maps and the gradients there; see `Gradients.of_feature_maps`. Both raise ValueError where there are no
            gradients: for a callable, or for Keras on another backend than TensorFlow.
    """

    evaluate: Evaluate
    head: Head
    evaluate_rows: Callable[[Callable[[], np.ndarray]], Callable[[], np.ndarray]]
    state: tuple[Any, ...] = ()
    gradients: Callable[..., np.ndarray] = _no_gradients
    last_convolution: Callable[..., tuple[np.ndarray, np.ndarray]] = _no_gradients

    @contextmanager
    def preserving_state(self) -> Iterator[None]:
        """Restore the model's state at the end, so that evaluations do not influence training."""
        with _kept(self.state):
            yield


def build_predictor(
    model: Any,
    masker: Masker,
    model_input: Callable[[Any], Any] | None,
    batch: int,
    *,
    output: str,
    labelled: bool,
    for_callables: Callable[[Any], Any] | None = None,
) -> Predictor:
    """Compile a model once, and find out what its outputs mean.

    Args:
        model: a Keras model, or a callable batch -> (n,) or (n, classes).
        masker: makes the masked inputs.
        model_input: turns masked inputs into what the model takes; None where it takes them as they are.
        batch: evaluations at a time; there is one graph, which is traced again only where memory runs out.
        output: the explained quantity, one of outputs.OUTPUTS.
        labelled: the probes have classes; where nothing else tells, outputs are then logits and not a regression.
        for_callables: another `model_input`, for callables that do not take arrays.

    Raises:
        TypeError: the model is neither a Keras model nor a callable.
        ValueError: the model is not built, does not accept the probes, or its output is not (n,) or (n, classes).
    """
    if not callable(model):
        raise TypeError(f"model is {type(model).__name__}, which can't be called; {_instead(model)}.")
    # The trial batch (full, empty, full, … coalition) reveals what is wrong with a model, and what its numbers look like.
    trial = np.zeros((batch, masker.players), dtype=np.float32)
    trial[0::2] = 1
    if not is_keras_model(model):
        masked = _plain(model, masker, model_input, batch)
        if for_callables:
            with_frames = _plain(model, masker, for_callables, batch)
            masked = with_frames if not _accepts(masked, trial) and _accepts(with_frames, trial) else masked
        return Predictor(masked.evaluate, guess_head(_try(model, masked.evaluate, trial, masker), labelled), masked.evaluate_rows)
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built; give its input shape (keras.Input), call it on one batch, or train it first.")
    with _kept(model.non_trainable_variables) as changed:
        forward = Forward.of(model, masker, model_input)
        masked = _compiled(forward, batch)
        outputs = _try(model, masked.evaluate, trial, masker)
        if model_input is None:
            _check_shape(model, masker)
        last = output_layer(model)
        head = read_head(last, model, outputs, labelled)
        # A saturated sigmoid or a half-precision softmax has rounded its log-odds away; before the activation they are still there.
        if output != "raw" and (head.kind == "sigmoid" or (head.kind == "softmax" and last.compute_dtype != "float32")):
            below = replace(forward, before=last)
            before = _before_activation(below, batch, trial, outputs)
            if before is None:
                head = replace(head, clipped=True)
            else:
                forward, masked = below, before
                head = replace(head, kind="sigmoid logits" if head.kind == "sigmoid" else "logits")
    if changed:
        masked = _compiled(forward, batch, at_once=1)  # with a changing state, outputs depend on the order of batches
    if not _on_tensorflow():
        return Predictor(masked.evaluate, head, masked.evaluate_rows, tuple(changed))
    blended = masker.differentiable
    gradients = Gradients(forward if blended is masker else forward.with_masker(blended), head, output)
    return Predictor(masked.evaluate, head, masked.evaluate_rows, tuple(changed), gradients.of_players, gradients.of_feature_maps)


@contextmanager
def _kept(variables: Iterable[Any]) -> Iterator[list[Any]]:
    """Restore variables at the end. Yields a list, which then holds the variables that had changed."""
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


def is_keras_model(model: Any) -> bool:
    """Whether a model is a Keras model; does not import Keras."""
    keras = sys.modules.get("keras")  # where Keras is not imported, no Keras model exists
    return keras is not None and isinstance(model, keras.Model)


def _on_tensorflow() -> bool:
    import keras

    return bool(keras.backend.backend() == "tensorflow")


def _try(model: Any, evaluate: Evaluate, trial: np.ndarray, masker: Masker) -> np.ndarray:
    """Outputs on the trial batch; a failure becomes one sentence."""
    try:
        return evaluate(trial, 0)
    except WrongOutputError as error:
        raise ValueError(str(error)) from None
    except Exception as error:
        if str(error).startswith(("TextProbes: ", "TabularProbes: ")):
            raise ValueError(str(error)) from error
        takes = _takes(model)
        strings = isinstance(masker, TextMasker) and masker.probes.encode is None
        if strings:
            hint = "; if the model takes no strings, give encode=, a function from a list of texts to what it takes"
        else:
            hint = _transposed(takes, masker.shape)
        what = "strings" if strings else f"probes of shape {masker.shape}"
        if takes and not strings and _differs(takes, masker.shape):
            # Keras's own error prints tensors of its graph; the shapes say all.
            raise ValueError(
                f"the model does not accept {what} (it takes {takes}); give the probes exactly as you give inputs to fit{hint}."
            ) from error
        who = f"the model does not accept {what}{f' (it takes {takes})' if takes else ''}"
        if not is_keras_model(model):
            who = f"the callable {_name(model)} failed on a batch of {what}"
        raise ValueError(f"{who}: {type(error).__name__}: {_reason(error)}{hint}") from error


def _check_shape(model: Any, masker: Masker) -> None:
    """Refuse probes of another shape than the model's input. Keras itself accepts series of another length where the layers happen to fit."""
    takes, shape = _takes(model), masker.shape
    if takes and len(takes) == len(shape) and _differs(takes, shape):
        raise ValueError(f"the model takes probes of shape {takes}, and these have shape {shape}{_transposed(takes, shape)}.")


def _differs(takes: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Whether a shape is none that the model takes; None stands for any size."""
    return len(takes) != len(shape) or any(size not in (None, given) for size, given in zip(takes, shape, strict=True))


def _transposed(takes: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> str:
    """A hint where the probes' axes are in reverse order."""
    return "; transpose the probes so that channels come last" if takes and tuple(reversed(shape)) == takes else ""


def _accepts(masked: MaskedModel, trial: np.ndarray) -> bool:
    """Whether a callable takes its inputs without an error and without a warning about feature names (as scikit-learn's models give)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            masked.evaluate(trial, 0)
        except Exception:
            return False
    return not any("feature names" in str(warning.message) for warning in caught)


def _instead(model: Any) -> str:
    """Advice where a model can't be called."""
    methods = [name for name in ("predict_proba", "decision_function", "predict") if hasattr(model, name)]
    return f"give model.{methods[0]}" if methods else "give a Keras model, or a callable batch -> (n,) or (n, classes)"


def _name(model: Any) -> str:
    return repr(getattr(model, "__qualname__", None) or type(model).__name__)


def _takes(model: Any) -> tuple[int | None, ...] | None:
    """Shape of the model's input without the batch axis; None where it is not known."""
    try:
        shape = model.input_shape
    except Exception:  # a callable, a subclassed model, or a model with several inputs
        return None
    return shape[1:] if isinstance(shape, tuple) else None


def _reason(error: Exception) -> str:
    """The line of a message that names the cause: Keras first says where the error occurred."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in str(error).splitlines()]
    causes = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return causes[0] if causes else type(error).__name__


def _plain(model: Callable[[Any], Any], masker: Masker, model_input: Callable[[Any], Any] | None, batch: int) -> MaskedModel:
    """A callable behind a masker."""

    def compile_for(size: int) -> Callable[..., np.ndarray]:
        def run(rows: np.ndarray, parts: np.ndarray) -> np.ndarray:
            # A copy: a callable may write into its input, and the rows are evaluated again.
            masked = masker.mask(np, np.array(filled(rows, size)), parts)
            outputs: np.ndarray = as_columns(np.asarray(model(model_input(masked) if model_input else masked)), size)
            return outputs[: len(rows)].astype(np.float32)

        return run

    return MaskedModel(masker, masker.parts, Batches(compile_for, batch))


def _compiled(forward: Forward, batch: int, at_once: int = AT_ONCE) -> MaskedModel:
    """A Keras model behind a masker, with one graph for every probe and epoch."""
    devices = _devices(forward.model)
    looped = _on_tensorflow() and forward.masker.stacked and len(devices) == 1

    def padded(size: int) -> int:
        return -(-size // len(devices)) * len(devices)

    def place(rows: np.ndarray, size: int) -> Any:
        rows = filled(rows, -(-len(rows) // padded(size)) * padded(size))
        return _tensor(rows.reshape(-1, size, rows.shape[1]) if looped else rows)

    def compile_for(size: int) -> Callable[..., np.ndarray]:
        import keras

        compiled: Callable[..., Any] = forward
        if _on_tensorflow():
            compiled = _loop(forward, size, at_once) if looped else _graph(forward, padded(size), devices)
        return lambda rows, parts: np.asarray(keras.ops.convert_to_numpy(compiled(rows, parts)))

    return MaskedModel(forward.masker, forward.parts, Batches(compile_for, batch, PER_CALL if looped else 1, place))


def _devices(model: Any) -> list[str | None]:
    """The devices that share each batch evenly: all devices of a MirroredStrategy; None stands for the model's own device."""
    if not _on_tensorflow():
        return [None]
    import tensorflow as tf

    strategy = getattr(model, "distribute_strategy", None)
    return list(strategy.extended.worker_devices) if isinstance(strategy, tf.distribute.MirroredStrategy) else [None]


def _graph(forward: Forward, batch: int, devices: list[str | None]) -> Callable[..., Any]:
    """A graph (rows (batch, width), parts) -> outputs that names its devices one by one and does not use strategy.run.

    With strategy.run, each replica would use its own moving averages of batch normalization, which Keras lets drift apart, and outputs would
    depend on the replica. Here all devices use the averages of the first one, which are those that are saved.
    """
    import tensorflow as tf

    share = batch // len(devices)

    def on_all(rows: Any, parts: Any) -> Any:
        outputs = []
        for i, device in enumerate(devices):
            with tf.device(device):
                outputs.append(forward(rows[i * share : (i + 1) * share], parts))
        return tf.concat(outputs, axis=0) if len(devices) > 1 else outputs[0]

    return _traced(on_all, forward, (batch,))


def _loop(forward: Forward, batch: int, at_once: int) -> Callable[..., Any]:
    """A graph (rows (any number, batch, width), parts) -> outputs that evaluates batch after batch."""
    import tensorflow as tf

    def in_turn(batches: Any, parts: Any) -> Any:
        scope = tf.compat.v1.get_variable_scope()
        caching = scope.caching_device
        try:
            outputs = tf.map_fn(lambda rows: forward(rows, parts), batches, fn_output_signature=tf.float32, parallel_iterations=at_once)
        finally:
            # map_fn sets the device and, where the model raises, does not restore it: a strategy could then make no variable.
            scope.set_caching_device(caching)
        return tf.reshape(outputs, (-1, outputs.shape[-1]))

    return _traced(in_turn, forward, (None, batch))


def _traced(function: Callable[..., Any], forward: Forward, shape: tuple[int | None, ...]) -> Callable[..., Any]:
    """A function compiled for rows of the masker. shape: the axes before the row."""
    import tensorflow as tf

    row = forward.masker.feed(np.ones((1, forward.players), dtype=bool), 0)
    signature = [
        tf.TensorSpec((*shape, row.shape[1]), tf.string if row.dtype == object else row.dtype),
        tf.TensorSpec(forward.parts(0).shape, tf.float32),
    ]
    with forward.tracing():
        compiled: Callable[..., Any] = tf.function(function, autograph=False).get_concrete_function(*signature)
    return compiled


def _tensor(rows: np.ndarray) -> Any:
    """A tensor of numbers, or of strings, which only TensorFlow has."""
    import keras

    if rows.dtype != object:
        return keras.ops.convert_to_tensor(rows)
    import tensorflow as tf

    return tf.constant(rows.tolist())


def _before_activation(below: Forward, batch: int, trial: np.ndarray, outputs: np.ndarray) -> MaskedModel | None:
    """The same model read before its last activation.

    None where this layer does not make the outputs: the activation of what is read must give `outputs`, those of the trial batch.
    """
    import keras

    activation: Any = getattr(below.before, "activation", None)
    if getattr(activation, "__name__", None) not in ("sigmoid", "softmax") or not _on_tensorflow():
        return None
    before = _compiled(below, batch)
    logits = before.evaluate(trial, 0)
    activated = np.asarray(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(logits))))
    return before if activated.shape == outputs.shape and np.allclose(activated, outputs, atol=5e-3, equal_nan=True) else None
