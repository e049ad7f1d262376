"""Predictors: a Keras model or any callable becomes one fast batched function from coalitions to answers.

The only module of the training side that names TensorFlow, with `gradients`.
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

from tb_xai_plugin.games.masker import Masker
from tb_xai_plugin.games.text_masker import TextMasker
from tb_xai_plugin.models.batches import Batches, filled
from tb_xai_plugin.models.forward import Forward, WrongOutputError, as_columns
from tb_xai_plugin.models.gradients import Gradients
from tb_xai_plugin.models.heads import guess_head, output_layer, read_head
from tb_xai_plugin.models.outputs import Head

# Batches of rows that need nothing else of their probe, in one call: a call costs as much as a thousand rows of a small network. Not all in one, so
# that a fit can be interrupted.
A_CALL = 16

# And how many of them are under way at once: a small network's layers do not keep the cores busy. More would hold more.
AT_ONCE = 2

# (bool or float (k, players of the probe) coalitions, probe number) -> float32 (k, columns)
Answers: TypeAlias = Callable[[np.ndarray, int], np.ndarray]


def _no_gradients(*_: Any) -> Any:
    raise ValueError("gradients were asked of a model that has none; give a Keras model on TensorFlow, or use 'shap' or 'lime'.")


@dataclass(frozen=True)
class Asking:
    """A model behind a masker.

    Attributes:
        masker: makes its inputs.
        parts: probe number -> the masker's parts of it.
        batches: rows of the masker's `feed`, and parts -> float32 (k, columns).
    """

    masker: Masker
    parts: Callable[[int], Any]
    batches: Batches

    def of_probe(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        return self.batches(self.masker.feed(coalitions, probe), self.parts(probe))

    def of_rows(self, make: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
        return partial(self.batches.again(make), self.parts(0))


@dataclass(frozen=True)
class Predictor:
    """A model, ready to answer for masked probes.

    Attributes:
        answers: the model on masked probes.
        head: how to read the columns.
        on_rows: the model on rows of the masker's `feed`, where they need nothing else of their probe: of a function that makes the rows, one that
            answers for them as often as it is asked. They are made once, and stay where the model is.
        state: variables of the model that its own call changes, even when it only infers: a seed, a counter.
        gradients: of what is explained with respect to how far each player is present; see `Gradients.of_players`.
        last_convolution: feature maps and the gradients there; see `Gradients.of_feature_maps`. Both raise ValueError where there are no
            gradients: for a callable, or Keras on another backend than TensorFlow.
    """

    answers: Answers
    head: Head
    on_rows: Callable[[Callable[[], np.ndarray]], Callable[[], np.ndarray]]
    state: tuple[Any, ...] = ()
    gradients: Callable[..., np.ndarray] = _no_gradients
    last_convolution: Callable[..., tuple[np.ndarray, np.ndarray]] = _no_gradients

    @contextmanager
    def leaving_no_trace(self) -> Iterator[None]:
        """Put the model's state back, so that training goes on as if nobody had asked."""
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
    """Compile once, and find out what the model's answers mean.

    Args:
        model: a Keras model, or a callable batch -> (n,) or (n, classes).
        batch: evaluations at a time: one graph, never traced again unless memory runs out.
        output: one of outputs.OUTPUTS, what is to be explained.
        labelled: the probes have classes: where nothing else tells, answers are logits then, not a regression.
        for_callables: another `model_input`, for callables that do not take arrays.

    Raises:
        TypeError: the model is neither a Keras model nor a callable.
        ValueError: the model is not built, refuses the probes, or answers with something else than (n,) or (n, classes).
    """
    if not callable(model):
        raise TypeError(f"model is {type(model).__name__}, which can't be called; {_instead(model)}.")
    # Full, empty, full, …: what is wrong with a model shows here, and so does what its numbers look like.
    trial = np.zeros((batch, masker.players), dtype=np.float32)
    trial[0::2] = 1
    if not is_keras_model(model):
        answers = _plain(model, masker, model_input, batch)
        if for_callables:
            framed = _plain(model, masker, for_callables, batch)
            answers = framed if not _is_content(answers, trial) and _is_content(framed, trial) else answers
        return Predictor(answers.of_probe, guess_head(_try(model, answers.of_probe, trial, masker), labelled), answers.of_rows)
    if not model.built:
        raise ValueError(f"model {model.name!r} is not built; give its input shape (keras.Input), call it on one batch, or train it first.")
    with _kept(model.non_trainable_variables) as changed:
        forward = Forward.of(model, masker, model_input)
        answers = _compiled(forward, batch)
        seen = _try(model, answers.of_probe, trial, masker)
        if model_input is None:
            _check_shape(model, masker)
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
    if changed:
        answers = _compiled(forward, batch, at_once=1)  # what they read depends on whose turn it is
    if not _on_tensorflow():
        return Predictor(answers.of_probe, head, answers.of_rows, tuple(changed))
    blended = masker.differentiable
    gradients = Gradients(forward if blended is masker else forward.behind(blended), head, output)
    return Predictor(answers.of_probe, head, answers.of_rows, tuple(changed), gradients.of_players, gradients.of_feature_maps)


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


def is_keras_model(model: Any) -> bool:
    keras = sys.modules.get("keras")  # not imported: then nobody has made a Keras model
    return keras is not None and isinstance(model, keras.Model)


def _on_tensorflow() -> bool:
    import keras

    return keras.backend.backend() == "tensorflow"


def _try(model: Any, answers: Answers, trial: np.ndarray, masker: Masker) -> np.ndarray:
    try:
        return answers(trial, 0)
    except WrongOutputError as error:
        raise ValueError(str(error)) from None
    except Exception as error:
        if str(error).startswith(("TextProbes: ", "TabularProbes: ")):
            raise ValueError(str(error)) from error
        takes = _takes(model)
        strings = isinstance(masker, TextMasker) and masker.probes.encode is None
        if strings:
            hint = "; if it takes no strings, give encode=, which makes of a list of texts what it takes"
        else:
            hint = _transposed(takes, masker.shape)
        what = "strings" if strings else f"probes of shape {masker.shape}"
        who = f"the model refuses {what}{f' (it takes {takes})' if takes else ''}"
        if not is_keras_model(model):
            who = f"the callable {_name(model)} failed on a batch of {what}"
        raise ValueError(f"{who}: {type(error).__name__}: {_reason(error)}{hint}") from error


def _check_shape(model: Any, masker: Masker) -> None:
    """Keras takes series of another length, or the wrong way round, where its layers happen to."""
    takes, shape = _takes(model), masker.shape
    if takes and len(takes) == len(shape) and any(size not in (None, given) for size, given in zip(takes, shape, strict=True)):
        raise ValueError(f"the model takes probes of shape {takes}, and these have shape {shape}{_transposed(takes, shape)}.")


def _transposed(takes: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> str:
    return "; channels come last, give them transposed" if takes and tuple(reversed(shape)) == takes else ""


def _is_content(asking: Asking, trial: np.ndarray) -> bool:
    """Whether a callable takes what it is given, without a word on names of features (as scikit-learn's models have)."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            asking.of_probe(trial, 0)
        except Exception:
            return False
    return not any("feature names" in str(warning.message) for warning in said)


def _instead(model: Any) -> str:
    """What to give where a model can't be called."""
    methods = [name for name in ("predict_proba", "decision_function", "predict") if hasattr(model, name)]
    return f"give its {methods[0]}, model.{methods[0]}" if methods else "give a Keras model, or a callable batch -> (n,) or (n, classes)"


def _name(model: Any) -> str:
    return repr(getattr(model, "__qualname__", None) or type(model).__name__)


def _takes(model: Any) -> tuple[int | None, ...] | None:
    try:
        shape = model.input_shape
    except Exception:  # a callable, a subclassed model, one with several inputs
        return None
    return shape[1:] if isinstance(shape, tuple) else None


def _reason(error: Exception) -> str:
    """The line that says it: Keras puts where it happened first."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return telling[0] if telling else type(error).__name__


def _plain(model: Callable[[Any], Any], masker: Masker, model_input: Callable[[Any], Any] | None, batch: int) -> Asking:
    def compile_for(size: int) -> Callable[..., np.ndarray]:
        def run(rows: np.ndarray, parts: np.ndarray) -> np.ndarray:
            # A copy: a callable may write into what it is given, and the rows are asked for again.
            masked = masker.mask(np, np.array(filled(rows, size)), parts)
            answered = as_columns(np.asarray(model(model_input(masked) if model_input else masked)), size)
            return answered[: len(rows)].astype(np.float32)

        return run

    return Asking(masker, masker.parts, Batches(compile_for, batch))


def _compiled(forward: Forward, batch: int, at_once: int = AT_ONCE) -> Asking:
    """One graph for every probe and epoch."""
    devices = _devices(forward.model)
    looped = _on_tensorflow() and forward.masker.stacked and len(devices) == 1

    def whole(size: int) -> int:
        return -(-size // len(devices)) * len(devices)

    def place(rows: np.ndarray, size: int) -> Any:
        rows = filled(rows, -(-len(rows) // whole(size)) * whole(size))
        return _tensor(rows.reshape(-1, size, rows.shape[1]) if looped else rows)

    def compile_for(size: int) -> Callable[..., np.ndarray]:
        import keras

        compiled: Callable[..., Any] = forward
        if _on_tensorflow():
            compiled = _loop(forward, size, at_once) if looped else _graph(forward, whole(size), devices)
        return lambda rows, parts: np.asarray(keras.ops.convert_to_numpy(compiled(rows, parts)))

    return Asking(forward.masker, forward.parts, Batches(compile_for, batch, A_CALL if looped else 1, place))


def _devices(model: Any) -> list[str | None]:
    """Those that share each batch evenly: of a MirroredStrategy, all of them; None for wherever the model is."""
    if not _on_tensorflow():
        return [None]
    import tensorflow as tf

    strategy = getattr(model, "distribute_strategy", None)
    return list(strategy.extended.worker_devices) if isinstance(strategy, tf.distribute.MirroredStrategy) else [None]


def _graph(forward: Forward, batch: int, devices: list[str | None]) -> Callable[..., Any]:
    """Rows (batch, width), and parts, -> answers, on devices that are named one by one, not by strategy.run.

    There each replica would use its own moving averages of batch normalization, which Keras lets drift apart, and answers would depend on the
    replica. Here all use the first one's, which are those that are saved.
    """
    import tensorflow as tf

    share = batch // len(devices)

    def on_all(rows: Any, parts: Any) -> Any:
        answered = []
        for i, device in enumerate(devices):
            with tf.device(device):
                answered.append(forward(rows[i * share : (i + 1) * share], parts))
        return tf.concat(answered, axis=0) if len(devices) > 1 else answered[0]

    return _traced(on_all, forward, (batch,))


def _loop(forward: Forward, batch: int, at_once: int) -> Callable[..., Any]:
    """Rows (any number, batch, width), and parts, -> answers, batch after batch."""
    import tensorflow as tf

    def in_turn(batches: Any, parts: Any) -> Any:
        scope = tf.compat.v1.get_variable_scope()
        caching = scope.caching_device
        try:
            answered = tf.map_fn(lambda rows: forward(rows, parts), batches, fn_output_signature=tf.float32, parallel_iterations=at_once)
        finally:
            scope.set_caching_device(
                caching
            )  # map_fn sets it, and leaves it so where a model refuses: no strategy's variable could be made
        return tf.reshape(answered, (-1, answered.shape[-1]))

    return _traced(in_turn, forward, (None, batch))


def _traced(function: Callable[..., Any], forward: Forward, shape: tuple[int | None, ...]) -> Callable[..., Any]:
    """Compiled for rows of the masker's, in this shape."""
    import tensorflow as tf

    row = forward.masker.feed(np.ones((1, forward.players), dtype=bool), 0)
    signature = [
        tf.TensorSpec((*shape, row.shape[1]), tf.string if row.dtype == object else row.dtype),
        tf.TensorSpec(forward.parts(0).shape, tf.float32),
    ]
    with forward.tracing():
        return tf.function(function, autograph=False).get_concrete_function(*signature)


def _tensor(rows: np.ndarray) -> Any:
    """Of numbers; of strings where Keras runs on TensorFlow, the only one that knows them."""
    import keras

    if rows.dtype != object:
        return keras.ops.convert_to_tensor(rows)
    import tensorflow as tf

    return tf.constant(rows.tolist())


def _before_activation(below: Forward, batch: int, trial: np.ndarray, seen: np.ndarray) -> Asking | None:
    """The same model read before its last activation.

    None where that layer is not what made the answers: found by putting the activation back on and comparing.
    """
    import keras

    activation = getattr(below.before, "activation", None)
    if getattr(activation, "__name__", None) not in ("sigmoid", "softmax") or not _on_tensorflow():
        return None
    before = _compiled(below, batch)
    logits = before.of_probe(trial, 0)
    again = np.asarray(keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(logits))))
    return before if again.shape == seen.shape and np.allclose(again, seen, atol=5e-3, equal_nan=True) else None
