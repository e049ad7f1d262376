"""A kind of model as public examples build it: how it is trained, how a user would have it explained, and what its own outputs are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai

# Probes per kind: few, since what is to be seen is whether they are explained right.
PROBES = 4

# What a user writes: the probes, and further options of ExplanationLogger.
Call = tuple[Any, dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """One entry of the zoo.

    Attributes:
        name: in the words of the examples.
        model: makes the compiled model.
        fit: what `fit` is given, (x, y); y is None where x is all.
        natural: the call that a user writes who knows of the model what its author knows, and of this package the name of the kind of probes.
        oracle: model -> its own outputs on the probes, (n, columns), by `predict` or a direct call.
        second: the call after following the error's advice; None where the natural one must be right.
        refused: whether this kind can't be explained, and a helpful refusal is all.
        advice: the option that the first refusal must name.
        raw: whether the outputs are explained as they are; else they are probabilities.
        said: words, as a regular expression, that must be said.
        chance: whether outputs are drawn anew in every call.
        mixing: whether outputs depend on the rest of the batch.
        options: further arguments of `fit`.
    """

    name: str
    model: Callable[[], keras.Model]
    fit: tuple[Any, Any]
    natural: Callable[[], Call]
    oracle: Callable[[Any], Any]
    second: Callable[[], Call] | None = None
    advice: str = ""
    refused: bool = False
    raw: bool = False
    said: str = ""
    chance: bool = False
    mixing: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def compiled(model: keras.Model, loss: Any = "sparse_categorical_crossentropy", **options: Any) -> keras.Model:
    model.compile("adam", loss, jit_compile=False, **options)  # XLA takes longer than these few steps
    return model


def softmax(x: Any) -> np.ndarray:
    z = np.exp(np.asarray(x, dtype=np.float64))
    return np.asarray(z / z.sum(axis=-1, keepdims=True))


def predicted(inputs: Any, read: Callable[[Any], Any] = lambda y: y) -> Callable[[Any], Any]:
    """The oracle of most: `predict` on the probes' own inputs."""
    return lambda model: read(model.predict(inputs, verbose=0))


def images(n: int = 32, size: int = 8, channels: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise, brighter in the upper left quarter in class 1."""
    r = np.random.default_rng(seed)
    x, y = r.random((n, size, size, channels)).astype("float32"), np.arange(n) % 2
    x[y == 1, : size // 2, : size // 2] += 1
    return x, y


def series(n: int = 32, steps: int = 16, channels: int = 2, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noise, with a bump early in class 1."""
    r = np.random.default_rng(seed)
    x, y = r.normal(size=(n, steps, channels)).astype("float32"), np.arange(n) % 2
    x[y == 1, 2:6] += 1
    return x, y


def rows(n: int = 32, columns: int = 5, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).normal(size=(n, columns)).astype("float32")
    return x, (x[:, 0] > 0).astype(int)


class Step:
    """Gives a model a train_step of its own: subclasses give `loss_of(x, y)`."""

    def loss_of(self, x: Any, y: Any) -> Any:
        raise NotImplementedError

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        x, y = data if isinstance(data, tuple) and len(data) > 1 else (data[0] if isinstance(data, tuple) else data, None)
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(self.loss_of(x, y))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


def head(*inner: Any, classes: int = 2, activation: str | None = "softmax") -> list[Any]:
    return [*inner, layers.Dense(classes, activation=activation)]


def image_probes(x: Any, y: Any = None, **options: Any) -> xai.ImageProbes:
    return xai.ImageProbes(x[:PROBES], None if y is None else y[:PROBES], **options)


def sequence_probes(x: Any, y: Any = None, **options: Any) -> xai.SequenceProbes:
    return xai.SequenceProbes(x[:PROBES], None if y is None else y[:PROBES], **options)
