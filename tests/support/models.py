"""Tiny Keras models of every shape people train, and data for them."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

RNG = np.random.default_rng(0)
IMAGES = RNG.random((64, 8, 8, 1)).astype(np.float32)
LABELS = RNG.integers(0, 3, 64)


def images_with_signal() -> tuple[np.ndarray, np.ndarray]:
    """Images whose upper left quarter is bright in class 1: a model that learns must look there."""
    images, labels = IMAGES.copy(), np.arange(64) % 2
    images[labels == 1, :4, :4] += 1
    return images, labels


def convolutional(classes: int = 3, head: str | None = "softmax") -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(classes, activation=head),
        ]
    )


def functional() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def nested() -> keras.Model:
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.Flatten()])
    head = keras.Sequential([keras.Input((144,)), layers.Dropout(0.5), layers.Dense(3, activation="softmax")])
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, head(inner(layers.Rescaling(2.0)(inputs))))


class Subclassed(keras.Model):
    """A model that only knows its input when it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")
        self.drop = layers.Dropout(0.5)
        self.flatten = layers.Flatten()

    def call(self, inputs: object, training: bool = False) -> object:
        return self.dense(self.drop(self.flatten(inputs), training=training))


def unbuilt() -> keras.Model:
    return keras.Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])


MODELS = {
    "Sequential": convolutional,
    "functional": functional,
    "nested": nested,
    "subclassed": Subclassed,
    "without Input": unbuilt,
}
