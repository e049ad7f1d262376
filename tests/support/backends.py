"""What tests ask of the framework that Keras runs on: `make test-backends` runs them on each."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

BACKEND = keras.backend.backend()

# For what only TensorFlow has, such as strings, `tf.data` and its own variables.
on_tensorflow = pytest.mark.skipif(
    BACKEND != "tensorflow", reason=f"is about TensorFlow, and Keras runs on {BACKEND}; unset KERAS_BACKEND to run it"
)


def compiling(inputs: Any) -> bool:
    """Whether a model that gets these inputs is being compiled. On PyTorch it never is."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return not tf.executing_eagerly()
    return type(inputs).__name__.endswith("Tracer")


def as_array(tensor: Any) -> np.ndarray:
    """What a layer returned, as an array."""
    return np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor)
