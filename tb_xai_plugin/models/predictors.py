"""Predictors: a Keras model or any callable becomes one fast batched function from coalitions to outputs, checked against the model itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.models import identity
from tb_xai_plugin.models.batches import Evaluate, MaskedModel
from tb_xai_plugin.models.choice import Choice
from tb_xai_plugin.models.classes import classes_of
from tb_xai_plugin.models.compiled import compiled, differentiable, framework
from tb_xai_plugin.models.forward import Forward
from tb_xai_plugin.models.frameworks.tensors import array
from tb_xai_plugin.models.gradients import Gradients
from tb_xai_plugin.models.heads import LabelReader, LastLayer, given_head, guess_head, loss_of, output_layer, read_head
from tb_xai_plugin.models.inputs import ModelInputs
from tb_xai_plugin.models.layers import fixed_batch, layers_of, masked_rnns, memories, recurs
from tb_xai_plugin.models.named import Signature
from tb_xai_plugin.models.network import not_built
from tb_xai_plugin.models.outputs import Head
from tb_xai_plugin.models.passes import KerasPass, PlainPass
from tb_xai_plugin.models.plain import PlainForward
from tb_xai_plugin.models.refusals import check_shape, instead, is_keras_model, tried
from tb_xai_plugin.models.state import Resets, State, every_variable, is_seed, losses_kept, random_state_kept, watched
from tb_xai_plugin.probes import ProbeSet, TabularProbes

# A softmax with smaller probabilities is read below its activation: float32 ends at 1e-45, and log-odds go on.
SATURATED = 1e-30

# A Keras model, or any callable from a batch to outputs. Keras has no types, and its models are callables.
Model: TypeAlias = Callable[[Any], Any]


def _no_gradients(*_: Any) -> Any:
    raise ValueError("this model has no gradients; give a Keras model on TensorFlow, JAX or PyTorch, or use 'shap' or 'lime'.")


@dataclass(frozen=True)
class Reading:
    """How a model is to be read.

    Attributes:
        output: the explained quantity, one of outputs.OUTPUTS.
        head: the option `head`, one of heads.HEADS, or None.
        model_output: the option `model_output`.
        set_name: name of the probe set, where there are several.
        labelled: the probes have classes; where nothing else tells, a callable's outputs are then logits and not a regression.
        multilabel: the labels are sets of classes.
    """

    output: str
    head: str | None = None
    model_output: Any = None
    set_name: str | None = None
    labelled: bool = False
    multilabel: bool = False

    def choice(self, model: Any) -> Choice:
        return Choice.of(self.model_output, model, self.set_name)


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to be evaluated on masked probes.

    Attributes:
        evaluate: (coalitions, probe number) -> outputs, float32 (k, columns).
        head: how to read the columns.
        evaluate_rows: for maskers whose rows are stacked: takes a function that makes rows of the masker's `feed`, and returns a function that
            evaluates them at every call. The rows are made once and stay on the model's device.
        checked: what the comparison with the model itself found.
        state: the variables that the model's forward pass writes.
        resets: puts them back before every batch.
        again: the model's own outputs on the first probe as given, (1, columns), of the model as it is now; None where they depend on more than the probe.
        kept: restores what calls change and is neither a variable nor a random state.
        gradients: gradients of the explained output with respect to the players; see `Gradients.of_players`.
        last_convolution: feature maps and the gradients there; see `Gradients.of_feature_maps`. Both raise ValueError where there are no
            gradients: for a callable, or for Keras on another backend than TensorFlow, JAX and PyTorch.
        outputs: of a callable, (what it takes, number of rows) -> outputs, float32 (rows, columns); None for a Keras model.
    """

    evaluate: Evaluate
    head: Head
    evaluate_rows: Callable[[Callable[[], np.ndarray]], Callable[[], np.ndarray]]
    checked: identity.Identity
    state: State = field(default_factory=State)
    resets: Resets | None = None
    again: Callable[[], np.ndarray] | None = None
    kept: Callable[[], AbstractContextManager[None]] = nullcontext
    gradients: Callable[..., np.ndarray] = _no_gradients
    last_convolution: Callable[..., tuple[np.ndarray, np.ndarray]] = _no_gradients
    outputs: Callable[[Any, int], np.ndarray] | None = None

    @contextmanager
    def preserving_state(self) -> Iterator[None]:
        """Restore the model's state at the end, so that evaluations do not influence training."""
        with random_state_kept(), self.kept(), self.state.kept(self.resets):
            yield


def build_predictor(model: Any, masker: Masker, probes: ProbeSet, batch: int, reading: Reading) -> Predictor:
    """Compile a model once, find out what its outputs mean, and check that what is explained is the model's own output on the user's own input.

    Args:
        model: a Keras model, or a callable batch -> (n,) or (n, classes).
        masker: makes the masked inputs.
        probes: the probes.
        batch: evaluations at a time; there is one graph, which is traced again only where memory runs out.
        reading: how the model is to be read.

    Raises:
        TypeError: the model is neither a Keras model nor a callable.
        ValueError: the model is not built, does not accept the probes, its output is not (n,) or (n, classes), or the check fails.
    """
    if not callable(model):
        raise TypeError(f"model is {type(model).__name__}, which can't be called; {instead(model)}.")
    with random_state_kept():
        if not is_keras_model(model):
            return _of_callable(model, masker, probes, batch, reading)
        with losses_kept(layers_of(model)), framework().kept(model):
            return _of_keras(model, masker, probes, batch, reading)


def _of_callable(model: Any, masker: Masker, probes: ProbeSet, batch: int, reading: Reading) -> Predictor:
    read = LabelReader(model, probes) if reading.head == "labels" else np.asarray
    forward = PlainForward(model, masker, probes, reading.choice(model), read=read)
    trial = _trial(batch, masker)
    if isinstance(probes, TabularProbes) and probes.model_input is None:
        arrays = replace(forward, as_given=False)
        forward = next((one for one in (forward, arrays) if one.accepts(partial(one.behind_masker(batch).evaluate, trial, 0))), forward)
    masked = forward.behind_masker(batch)
    outputs = tried(model, lambda: masked.evaluate(trial, 0), masker, probes)
    if reading.head:
        head = given_head(reading.head, outputs, multilabel=reading.multilabel, clipped=True)
    else:
        head = guess_head(outputs, reading.labelled, multilabel=reading.multilabel, known=len(classes_of(model) or ()) or None)
    checked = identity.check(
        PlainPass(forward), len(probes), identity.Tolerance(probabilities=_probabilities(head)), own_inputs=probes.model_input is not None
    )
    return Predictor(masked.evaluate, head, masked.evaluate_rows, checked, outputs=forward.outputs)


def _of_keras(model: Any, masker: Masker, probes: ProbeSet, batch: int, reading: Reading) -> Predictor:
    if not model.built:
        raise ValueError(not_built(model, np.shape(probes.inputs)[1:]))
    size = fixed_batch(model)
    batch = size or batch
    trial = _trial(batch, masker)
    choice = reading.choice(model)
    remembered = tuple(memories(model))
    resets = Resets()
    read = LabelReader(model, probes) if reading.head == "labels" else np.asarray
    rnns: tuple[Any, ...] = ()
    if not framework().on_cpu():
        masker, rnns = masker.for_devices, tuple(masked_rnns(model))
    forwards = [replace(Forward.of(model, masker, inputs, choice), read=read, rnns=rnns) for inputs in _inputs(model, probes)]
    forward, masked = tried(model, lambda: _first_compiled(forwards, batch, resets if remembered else None), masker, probes)
    share = _tolerance(model)
    with watched(every_variable(model, masked.touched)) as written, State(remembered, remembered).kept(resets):
        outputs = tried(model, lambda: masked.evaluate(trial, 0), masker, probes)
        if probes.model_input is None and not probes.side_inputs:
            check_shape(model, masker)
        last = output_layer(model, choice.place(_outputs_of(model)))
        head = _head(model, choice, last, outputs, reading)
        tolerance = identity.Tolerance(share, _probabilities(head))
        steps = KerasPass(forward, size, resets, in_graph=masked.draws or recurs(model))
        checked = tried(
            model, lambda: identity.check(steps, len(probes), tolerance, own_inputs=probes.model_input is not None), masker, probes
        )
        if not checked.said and checked.beyond(outputs[:1], tolerance):
            raise ValueError(
                f"the model gives {checked.outputs[0, 0]:.4g} for probe 0, and {outputs[0, 0]:.4g} inside a graph; model_input, or a function inside the model, uses values "
                "that a graph does not have; use keras.ops there."
            )
        checked = _with_augmentation(checked, model, steps)
        # A saturated sigmoid or a half-precision softmax has rounded its log-odds away; before the activation they are still there.
        rounded = share == identity.HALF or bool((outputs < SATURATED).any() or (checked.outputs < SATURATED).any())
        if reading.output != "raw" and not head.hard and (head.kind == "sigmoid" or (head.kind == "softmax" and rounded)):
            below = replace(forward, before=last.layer)
            # A layer that is used twice would lose both activations; and a softmax that is read as independent classes has no logits of them.
            once = getattr(getattr(last.layer, "activation", None), "__name__", None) == head.kind and _calls(last.layer, steps) == 1
            before = _before_activation(below, batch, trial, outputs, resets if remembered else None) if once else None
            if before is None and not last.certain and not reading.head:
                head = _head(model, choice, LastLayer(None, certain=False), outputs, reading)  # another layer makes the outputs
            elif before is None:
                head = replace(head, clipped=True)
            else:
                forward, masked = below, before
                head = replace(head, kind="sigmoid logits" if head.kind == "sigmoid" else "logits", below=True)
    state = State(
        (*written, *(memory for memory in remembered if not any(memory is one for one in written))), remembered, tuple(layers_of(model))
    )
    if written and not remembered:
        masked = compiled(forward, batch, resets)  # with a state that changes, outputs may depend on the order of batches
    if checked.by_chance and state.reset_between_batches:
        checked = _without_chance(checked, steps, state, resets, len(probes), tolerance)
    if checked.said == () and any(is_seed(variable) for variable in written):
        checked = replace(checked, by_chance=True)  # it draws, although two batches happened to agree
    again = None if checked.said or checked.by_chance else _first_again(steps)
    kept = partial(framework().kept, model)
    predictor = Predictor(masked.evaluate, head, masked.evaluate_rows, checked, state, resets, again, kept)
    if not differentiable():
        return predictor
    blended = masker.differentiable
    gradients = Gradients(forward if blended is masker else forward.with_masker(blended), head, reading.output, size, resets)
    return replace(predictor, gradients=gradients.of_players, last_convolution=gradients.of_feature_maps)


def _first_again(steps: KerasPass) -> Callable[[], np.ndarray]:
    """A function that returns the model's own outputs on the first probe as given, (1, columns)."""
    as_now = replace(steps, afresh=True)
    return lambda: as_now.outputs(as_now.given(), [0])


def _calls(layer: Any, steps: KerasPass) -> int:
    """How often a model calls the activation of a layer for one batch."""
    calls: list[None] = []
    activation = getattr(layer, "activation", None)
    if not callable(activation):
        return 0

    def counted(x: Any) -> Any:
        calls.append(None)
        return activation(x)

    layer.activation = counted
    try:
        steps.called_once()
    finally:
        layer.activation = activation
    return len(calls)


def _without_chance(
    checked: identity.Identity, steps: KerasPass, state: State, resets: Resets, count: int, tolerance: identity.Tolerance
) -> identity.Identity:
    """The check once more, where a state that every batch finds anew may be the reason why the same batch gave different outputs."""
    with state.kept(resets):
        again = identity.check(steps, count, tolerance, own_inputs=False)
    return checked if again.by_chance else again


def _with_augmentation(checked: identity.Identity, model: Any, steps: KerasPass) -> identity.Identity:
    """Say so where `predict` augments inputs: a `call` without `training` leaves layers such as RandomFlip at their default, which is to augment."""
    if checked.said or "training" in inspect.signature(type(model).call).parameters:
        return checked
    as_predict = steps.outputs_of_predict()
    if not checked.beyond(as_predict, identity.Tolerance(identity.HALF)):
        return checked
    sentence = (
        f"`predict` augments its inputs, because `call` of model {model.name!r} has no argument `training`: it gives {as_predict[0, 0]:.4g} for probe 0, and "
        f"{checked.outputs[0, 0]:.4g} without augmentation, which is what is explained."
    )
    return replace(checked, said=(sentence,))


def _trial(batch: int, masker: Masker) -> np.ndarray:
    """The trial batch (full, empty, full, … coalition), which reveals what is wrong with a model, and what its numbers look like."""
    trial = np.zeros((batch, masker.players), dtype=np.float32)
    trial[0::2] = 1
    return trial


def _inputs(model: Any, probes: ProbeSet) -> list[ModelInputs]:
    """What the model may take: a subclassed model that fails on rows of a table may take a dict of its columns."""
    inputs = ModelInputs(probes, Signature.of(model))
    if inputs.signature is None and isinstance(probes, TabularProbes) and probes.model_input is None and not probes.side_inputs:
        return [inputs, replace(inputs, dicts=True)]
    return [inputs]


def _first_compiled(forwards: list[Forward], batch: int, resets: Callable[[], None] | None) -> tuple[Forward, MaskedModel]:
    """The first forward pass that the model accepts, compiled. A graph is traced for that, so that the model's state does not change."""
    failure: Exception | None = None
    for forward in forwards:
        try:
            masked = compiled(forward, batch, resets)
            if len(forwards) > 1 and not masked.touched:  # nothing was traced
                with watched(forward.model.variables):
                    forward.model(forward.inputs.given(), training=False)
            return forward, masked
        except Exception as error:  # whatever a model raises on what it does not take
            failure = failure or error
    assert failure is not None
    raise failure


def _outputs_of(model: Any) -> int:
    """Number of outputs that a model declares; 1 where it declares none."""
    try:
        return len(model.outputs)
    except Exception:  # a subclassed model
        return 1


def _head(model: Any, choice: Choice, last: LastLayer, outputs: np.ndarray, reading: Reading) -> Head:
    if reading.head:
        return given_head(reading.head, outputs, multilabel=reading.multilabel, clipped=False)
    return read_head(last, loss_of(model, choice), outputs, reading.labelled)


def _probabilities(head: Head) -> bool:
    return head.kind in ("softmax", "sigmoid")


def _tolerance(model: Any) -> float:
    if any("16" in str(getattr(layer, "compute_dtype", "")) for layer in layers_of(model)):
        return identity.HALF
    return identity.TOLERANCE if framework().on_cpu() else identity.ON_DEVICES


def _before_activation(
    below: Forward, batch: int, trial: np.ndarray, outputs: np.ndarray, resets: Callable[[], None] | None
) -> MaskedModel | None:
    """The same model read before its last activation.

    None where this layer does not make the outputs: the activation of what is read must give `outputs`, those of the trial batch.
    """
    import keras

    activation: Any = getattr(below.before, "activation", None)
    if getattr(activation, "__name__", None) not in ("sigmoid", "softmax"):
        return None
    before = compiled(below, batch, resets)
    logits = before.evaluate(trial, 0)
    activated = array(activation(keras.ops.convert_to_tensor(logits)))
    return before if activated.shape == outputs.shape and np.allclose(activated, outputs, atol=5e-3, equal_nan=True) else None
