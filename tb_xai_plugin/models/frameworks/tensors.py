"""Tensors of the framework that Keras runs on."""

from __future__ import annotations

from typing import Any

import numpy as np


def tensor(rows: np.ndarray) -> Any:
    """A tensor of numbers, or of strings, which only TensorFlow has."""
    import keras

    if rows.dtype != object:
        return keras.ops.convert_to_tensor(rows)
    import tensorflow as tf

    return tf.constant(rows.tolist())
