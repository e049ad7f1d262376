"""Copies the weights of a Keras model and puts them back bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def as_arrays(model: Any) -> list[np.ndarray]:
    """The weights as NumPy arrays, which may share memory with the model."""
    import keras

    return [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in model.weights]


def copied(model: Any) -> list[np.ndarray]:
    """Copies of the weights."""
    return [np.array(weight) for weight in as_arrays(model)]


def put_back(model: Any, values: Sequence[np.ndarray]) -> None:
    """Assign `values`, in the order of `model.weights`."""
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)
