"""Refusals: what a model says about probes that do not fit, as one sentence."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.games.sided_masker import unsided
from tb_xai_plugin.games.text_masker import TextMasker
from tb_xai_plugin.models.choice import WrongOutputError
from tb_xai_plugin.models.frameworks.modules import TorchModel
from tb_xai_plugin.probes import ProbeSet

# Beginnings of lines in which Keras and TensorFlow say where an error occurred, and not which.
PREAMBLES = ("Exception encountered when calling", "Graph execution error", "Detected at node", "Detected at fused_node")

# Beginnings of sentences that are ready for the user.
SAID = ("TextProbes: ", "TabularProbes: ", "the model ", "on probe ", "side_inputs ", "model_output ", "head is ", "label ")

# Where a module of PyTorch fails.
OF_A_MODULE = (
    "; it is given one tensor, of images (n, channels, height, width); if it takes something else, give TorchModel(module, inputs=…), of "
    "tb_xai_plugin.integrations.torch"
)


def is_keras_model(model: Any) -> bool:
    """Whether a model is a Keras model or layer; does not import Keras."""
    keras = sys.modules.get("keras")  # where Keras is not imported, no Keras model exists
    return keras is not None and isinstance(model, keras.Layer)


_Result = TypeVar("_Result")


def tried(model: Any, evaluate: Callable[[], _Result], masker: Masker, probes: ProbeSet) -> _Result:
    """The result of a function that calls the model; a failure becomes one sentence."""
    try:
        return evaluate()
    except WrongOutputError as error:
        raise ValueError(str(error)) from None
    except Exception as error:
        if str(error).startswith(SAID):
            raise ValueError(str(error)) from error
        if probes.model_input is not None:
            raise ValueError(
                f"model_input, or the model on what it returned, failed on a batch of masked probes of shape {masker.shape}: {type(error).__name__}: {_reason(error)}; "
                "model_input is given any number of masked versions of one probe"
                + (", inside a graph" if is_keras_model(model) else "")
                + ", and other inputs of the same probe are given by side_inputs=."
            ) from error
        takes = _takes(model)
        masker = unsided(masker)
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
            module = isinstance(model, TorchModel)
            who = f"the {'module' if module else 'callable'} {_name(model)} failed on a batch of {what}"
            hint = _of_several_inputs(probes) if probes.side_inputs else hint or (OF_A_MODULE if module else "")
        elif takes is None and not strings:
            hint = _of_several_inputs(probes)
        raise ValueError(f"{who}: {type(error).__name__}: {_reason(error)}{hint}") from error


def check_shape(model: Any, masker: Masker) -> None:
    """Refuse probes of another shape than the model's input. Keras itself accepts series of another length where the layers happen to fit."""
    takes, shape = _takes(model), masker.shape
    if takes and len(takes) == len(shape) and _differs(takes, shape):
        raise ValueError(f"the model takes probes of shape {takes}, and these have shape {shape}{_transposed(takes, shape)}.")


def _of_several_inputs(probes: ProbeSet) -> str:
    """A hint where a model that does not declare its inputs fails on what it is given."""
    sides = probes.side_inputs
    if sides is None:
        return (
            "; if it takes other inputs besides, give them with the probes, side_inputs={name: one row per probe}, or all by model_input="
        )
    if sides.names and sides.own_name is None:
        names = ", ".join(f"{name!r}: …" for name in sides.names)
        return f"; if it takes a dict, name the probes' own input too, side_inputs={{'name': None, {names}}}; for another structure give model_input="
    return "; for another structure of its inputs give model_input=, which is given the probes and the side inputs"


def _differs(takes: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Whether a shape is none that the model takes; None stands for any size."""
    return len(takes) != len(shape) or any(size not in (None, given) for size, given in zip(takes, shape, strict=True))


def _transposed(takes: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> str:
    """A hint where the probes' axes are in reverse order."""
    return "; transpose the probes so that channels come last" if takes and takes != shape and tuple(reversed(shape)) == takes else ""


def instead(model: Any) -> str:
    """Advice where a model can't be called."""
    methods = [name for name in ("predict_proba", "decision_function", "predict") if hasattr(model, name)]
    return f"give model.{methods[0]}" if methods else "give a Keras model, or a callable batch -> (n,) or (n, classes)"


def _name(model: Any) -> str:
    if isinstance(model, TorchModel):
        return repr(model.name)
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
    causes = [line for line in lines if line and not line.startswith(PREAMBLES)]
    return causes[0] if causes else type(error).__name__
