"""The network that is explained, where `fit` trains a wrapper around it."""

from __future__ import annotations

from typing import Any

import keras


class Network:
    """Finds the network to explain.

    Args:
        option: the option `model`: a Keras model, a callable on the model in fit, or None for the model in fit itself.

    Raises:
        TypeError: the option is neither.
    """

    def __init__(self, option: Any) -> None:
        if option is not None and not callable(option):
            raise TypeError(
                f"ExplanationLogger: model is {type(option).__name__}; give a Keras model, or a callable on the model in fit, e.g. model=lambda m: m.student."
            )
        self._option = option

    def of(self, trained: Any) -> Any:
        """The network to explain.

        trained: the model in fit.

        Raises:
            ValueError, TypeError: there is none.
        """
        if self._option is None:
            return _with_call(trained)
        if isinstance(self._option, keras.Layer):
            return self._option
        try:
            network = self._option(trained)
        except Exception as error:
            raise ValueError(
                f"model= failed on the model in fit, {trained.name!r} ({type(error).__name__}: {error}); {_give(trained)}."
            ) from error
        if not isinstance(network, keras.Layer):
            raise TypeError(f"model= returned {type(network).__name__}; {_give(trained)}.")
        return network


def _with_call(trained: Any) -> Any:
    """The model in fit, unless it is a wrapper that cannot be called."""
    if type(trained).call is keras.Model.call:
        raise ValueError(
            f"model {trained.name!r} has no `call` of its own, so fit trains it, but it gives no output for probes; {_give(trained)}."
        )
    return trained


def _give(trained: Any) -> str:
    """The advice, with the networks that the wrapper has."""
    networks = [name for name, value in vars(trained).items() if isinstance(value, keras.Model) and not name.startswith("_")]
    example = networks[-1] if networks else "network"
    has = f" (it has {', '.join(networks)})" if networks else ""
    return f"name the network to explain, e.g. model=lambda m: m.{example}{has}"
