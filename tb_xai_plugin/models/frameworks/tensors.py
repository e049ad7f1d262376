"""Tensors of the framework that Keras runs on, from arrays and back."""

from __future__ import annotations

from typing import Any

import numpy as np


def tensor(rows: np.ndarray) -> Any:
    """A tensor of numbers, or of strings, which only TensorFlow has."""
    import keras

    if rows.dtype != object:
        return keras.ops.convert_to_tensor(rows)
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"the model takes strings, which Keras has on TensorFlow alone, and it runs on {keras.backend.backend()}; give encode=, a function from a list of texts to numbers."
        )
    import tensorflow as tf

    return tf.constant(rows.tolist())


def outside(rows: np.ndarray) -> Any:
    """A tensor that is made outside every graph that is being traced, to be kept."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        with jax.ensure_compile_time_eval():
            return tensor(rows)
    if keras.backend.backend() != "tensorflow":
        return tensor(rows)
    import tensorflow as tf

    with tf.init_scope():
        return tensor(rows) if rows.dtype == object else tf.constant(rows)


def possible(dtype: str) -> str:
    """The dtype in which the framework computes where an input declares one: JAX has 64 bits only where it was told so."""
    import keras

    if keras.backend.backend() != "jax":
        return dtype
    import jax

    return dtype if jax.config.jax_enable_x64 else dtype.replace("64", "32")


def array(value: Any) -> np.ndarray:
    """A tensor, or a variable, of any framework as an array, which may share memory with it."""
    if hasattr(value, "detach"):  # PyTorch
        value = value.detach().cpu()
        if str(value.dtype) != "torch.bfloat16":
            return np.asarray(value.numpy())
        import ml_dtypes  # comes with Keras

        return np.asarray(value.float().numpy()).astype(ml_dtypes.bfloat16)
    # As NumPy 2 asks of TensorFlow's: Keras's own conversion makes it warn.
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value)
