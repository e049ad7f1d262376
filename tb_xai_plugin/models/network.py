"""The network that is explained, where `fit` trains a wrapper around it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from tb_xai_plugin.models.frameworks.modules import as_callable


class Network:
    """Finds the network to explain.

    Args:
        option: the option `model`: a Keras model, a callable on the model in fit, or None for the model in fit itself.
        shapes: shape of one probe of each probe set, to tell which network of a wrapper takes them.

    Raises:
        TypeError: the option is neither.
    """

    def __init__(self, option: Any, shapes: Sequence[tuple[int, ...]]) -> None:
        if option is not None and not callable(option):
            raise TypeError(
                f"ExplanationLogger: model is {type(option).__name__}; give a Keras model, or a callable on the model in fit, e.g. model=lambda m: m.student."
            )
        self._option, self._shapes = option, list(shapes)

    def of(self, trained: Any) -> Any:
        """The network to explain.

        trained: the model in fit.

        Raises:
            ValueError, TypeError: there is none.
        """
        import keras

        if self._option is None:
            return self._with_call(trained)
        if isinstance(self._option, keras.Layer):
            return self._option
        try:
            network = self._option(trained)
        except Exception as error:
            raise ValueError(
                f"model= failed on the model in fit, {trained.name!r} ({type(error).__name__}: {error}); {self._give(trained)}."
            ) from error
        if not isinstance(network, keras.Layer):
            raise TypeError(f"model= returned {type(network).__name__}; {self._give(trained)}.")
        return network

    def refused(self, sentence: str, trained: Any) -> str:
        """A refusal, with a word about `model=` where this option names the network."""
        if self._option is None:
            return sentence
        return f"of the network that model= names: {sentence.rstrip('.')}; else {self._give(trained)}."

    def still_not_built(self, trained: Any) -> str:
        """The message where the first batch did not build the network, because the wrapper's `train_step` does not call the wrapper itself."""
        network = self.of(trained)
        return f"model {network.name!r} is not built after its first batch, because nothing called it; {self._give(trained)}."

    def _with_call(self, trained: Any) -> Any:
        """The model in fit, unless it is a wrapper that cannot be called."""
        import keras

        if type(trained).call is keras.Model.call:
            raise ValueError(
                f"model {trained.name!r} has no `call` of its own, so fit trains it, but it gives no output for probes; {self._give(trained)}."
            )
        return trained

    def _give(self, trained: Any) -> str:
        """The advice, with the networks that the wrapper has; the example is one that takes the probes."""
        import keras

        networks = {name: value for name, value in vars(trained).items() if isinstance(value, keras.Model) and not name.startswith("_")}
        fitting = [name for name, network in networks.items() if _shape(network) in self._shapes]
        learning = [name for name in fitting if networks[name].trainable and networks[name].trainable_variables]  # a teacher does not learn
        example = [*learning, *fitting, *networks, "network"][0]
        has = f" (it has {', '.join(networks)})" if networks else ""
        return f"name the network to explain, e.g. model=lambda m: m.{example}{has}"


def architecture(network: Any) -> str | None:
    """A hash of the shapes of all weights, which tells a model from another one; None for what has no weights."""
    weights = getattr(network, "weights", None)
    if not weights:
        return None
    return hashlib.blake2b(" ".join(str(tuple(weight.shape)) for weight in weights).encode(), digest_size=8).hexdigest()


def about(model: Any) -> dict[str, Any]:
    """What a record says about the explained model. model: a Keras model, a module of PyTorch, or any callable."""
    model = as_callable(model)
    owner = getattr(model, "__self__", model)  # of a method, such as predict_proba
    name = getattr(model, "name", None) or getattr(owner, "__name__", None) or type(owner).__name__
    return {"name": str(name), "architecture": architecture(model)}


def not_built(model: Any, shape: tuple[int, ...]) -> str:
    """The message for a model that `explain` is given before it is built. shape: of one probe."""
    import keras

    if type(model).call is not keras.Model.call:
        return f"model {model.name!r} is not built; give its input shape (keras.Input), call it on one batch, or train it first."
    networks = {name: value for name, value in vars(model).items() if isinstance(value, keras.Model) and not name.startswith("_")}
    example = next((name for name, network in networks.items() if _shape(network) == shape), next(iter(networks), "network"))
    has = f" (it has {', '.join(networks)})" if networks else ""
    return f"model {model.name!r} has no `call` of its own; give the network to explain instead, e.g. model.{example}{has}."


def _shape(network: Any) -> tuple[int, ...] | None:
    """Shape of a network's one input; None where it is not known."""
    try:
        shape = network.input_shape
    except Exception:  # a subclassed model
        return None
    return tuple(shape[1:]) if isinstance(shape, tuple) else None
