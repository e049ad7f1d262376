"""Images: convolution, mixer, vision transformer, perceiver, mixture of experts, volumes, maps, keypoints, and what is read from errors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from zoo.kind import PROBES, Kind, compiled, head, image_probes, images, predicted, softmax

X, Y = images()
FIRST = X[:PROBES]


def convolution() -> keras.Model:
    body = [layers.Rescaling(0.5), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5)]
    return compiled(keras.Sequential([keras.Input((8, 8, 1)), *body, *head()]), "categorical_crossentropy", metrics=["accuracy"])


def patches(images: Any) -> Any:
    return ops.reshape(ops.image.extract_patches(images, size=(4, 4)), (-1, 4, 16))


class Patches(layers.Layer):
    def call(self, images: Any) -> Any:
        return patches(images)


def mixer() -> keras.Model:
    """MLP-Mixer, with augmentation inside and logits as outputs."""
    inputs = keras.Input((8, 8, 1))
    x = layers.Dense(8)(Patches()(layers.RandomFlip("horizontal")(inputs)))
    tokens = layers.Permute((2, 1))(layers.LayerNormalization()(x))
    x = x + layers.Permute((2, 1))(layers.Dense(4, "gelu")(tokens))
    x = x + layers.Dense(8, "gelu")(layers.LayerNormalization()(x))
    logits = layers.Dense(2)(layers.Dropout(0.2)(layers.GlobalAveragePooling1D()(x)))
    return compiled(keras.Model(inputs, logits), keras.losses.SparseCategoricalCrossentropy(from_logits=True))


class PatchEncoder(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.projection, self.position = layers.Dense(8), layers.Embedding(4, 8)

    def call(self, patches: Any) -> Any:
        return self.projection(patches) + self.position(ops.expand_dims(ops.arange(4), 0))


def vision_transformer() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = PatchEncoder()(Patches()(inputs))
    normed = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Add()([layers.MultiHeadAttention(2, 4, dropout=0.1)(normed, normed), x])
    features = layers.Dropout(0.5)(layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(x)))
    logits = layers.Dense(2)(layers.Dense(8, "gelu")(features))
    return compiled(keras.Model(inputs, logits), keras.losses.SparseCategoricalCrossentropy(from_logits=True))


class Perceiver(keras.Model):
    """Subclassed: it knows its input from the first batch on."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.attention = PatchEncoder(), layers.MultiHeadAttention(1, 8)
        self.pool, self.classifier = layers.GlobalAveragePooling1D(), layers.Dense(2)

    def build(self, shape: Any) -> None:
        self.latents = self.add_weight(shape=(3, 8), initializer="random_normal", name="latents")
        self.built = True

    def call(self, images: Any) -> Any:
        data = self.encoder(patches(images))
        latents = ops.broadcast_to(self.latents[None], (ops.shape(data)[0], 3, 8))
        return self.classifier(self.pool(self.attention(latents, data)))


class Experts(layers.Layer):
    """A mixture of experts: the router is noisy in training, and adds a loss that balances the load."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.experts = layers.Dense(3), [layers.Dense(8, "relu") for _ in range(3)]
        self.noise = keras.random.SeedGenerator(5)

    def call(self, x: Any, training: bool = False) -> Any:
        scores = self.router(x)
        if training:
            scores = scores + keras.random.uniform(ops.shape(scores), 0.9, 1.1, seed=self.noise)
        share = ops.softmax(scores)
        self.add_loss(0.01 * ops.sum(ops.mean(share, axis=0) ** 2))
        chosen = ops.one_hot(ops.argmax(share, axis=-1), 3) * share
        return ops.sum(ops.stack([expert(x) for expert in self.experts], axis=-1) * chosen[:, None, :], axis=-1)


def mixture_of_experts() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(Experts()(layers.Flatten()(inputs)))))


VOLUMES = images(32, 8, 4)[0][..., None]


def volumes() -> keras.Model:
    body = [layers.Conv3D(2, 3, activation="relu"), layers.BatchNormalization(), layers.GlobalAveragePooling3D()]
    return compiled(keras.Sequential([keras.Input((8, 8, 4, 1)), *body, *head(classes=1, activation="sigmoid")]), "binary_crossentropy")


def keypoints() -> keras.Model:
    """Four numbers in a map of 1 x 1, as separable convolutions leave them."""
    body = [layers.SeparableConv2D(4, 5, activation="relu"), layers.SeparableConv2D(4, 4, activation="sigmoid")]
    return compiled(keras.Sequential([keras.Input((8, 8, 1)), *body]), "mse")


POINTS = np.random.default_rng(3).random((32, 1, 1, 4)).astype("float32")


def segmentation() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    small = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(inputs)
    return compiled(keras.Model(inputs, layers.Conv2D(2, 3, padding="same", activation="softmax")(layers.UpSampling2D()(small))))


def share_of_pixels(maps: Any) -> Any:
    """(n, H, W, classes) -> (n, classes): the mean over all pixels."""
    return ops.mean(maps, axis=(1, 2))


def autoencoder() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    code = layers.MaxPooling2D(padding="same")(layers.Conv2D(4, 3, padding="same", activation="relu")(inputs))
    back = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(code)
    return compiled(keras.Model(inputs, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(back)), "binary_crossentropy")


def reconstruction_error(restored: Any, given: Any) -> Any:
    return ops.mean((restored - given) ** 2, axis=(1, 2, 3))


def own_error(model: keras.Model) -> np.ndarray:
    return ((model.predict(FIRST, verbose=0) - FIRST) ** 2).mean(axis=(1, 2, 3))


LABELS = np.stack([Y, 1 - Y, np.ones_like(Y)], axis=1)


def multi_label() -> keras.Model:
    return compiled(
        keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *head(classes=3, activation="sigmoid")]), "binary_crossentropy"
    )


def batch_normalised() -> keras.Model:
    body = [layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.GlobalMaxPooling2D()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *body, *head(classes=1, activation=None)])
    return compiled(model, keras.losses.BinaryCrossentropy(from_logits=True))


def sigmoid(x: Any) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, dtype=np.float64))))


def upscaling() -> keras.Model:
    """Super-resolution: the output is an image of twice the size."""
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    return compiled(keras.Model(inputs, layers.Conv2DTranspose(1, 2, strides=2)(x)), "mse")


KINDS = [
    Kind("convolution", convolution, (X, np.eye(2)[Y]), lambda: (image_probes(X, np.eye(2)[Y]), {}), predicted(FIRST)),
    Kind("convolution with one logit", batch_normalised, (X, Y), lambda: (image_probes(X, Y), {}), predicted(FIRST, sigmoid)),
    Kind("mixer", mixer, (X, Y), lambda: (image_probes(X, Y), {}), predicted(FIRST, softmax)),
    Kind("vision transformer", vision_transformer, (X, Y), lambda: (image_probes(X, Y), {}), predicted(FIRST, softmax)),
    Kind(
        "perceiver, built by its first batch",
        lambda: compiled(Perceiver(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (X, Y),
        lambda: (image_probes(X, Y), {}),
        predicted(FIRST, softmax),
    ),
    Kind("mixture of experts", mixture_of_experts, (X, Y), lambda: (image_probes(X, Y), {}), predicted(FIRST)),
    Kind(
        "3D convolution of volumes",
        volumes,
        (VOLUMES, Y),
        lambda: (image_probes(VOLUMES, Y), {}),
        predicted(VOLUMES[:PROBES]),
    ),
    Kind(
        "keypoints",
        keypoints,
        (X, POINTS),
        lambda: (image_probes(X, POINTS), {}),
        predicted(FIRST),
        second=lambda: (image_probes(X, POINTS.reshape(len(POINTS), -1)), {}),
        advice="labels",
        raw=True,
    ),
    Kind(
        "segmentation",
        segmentation,
        (X, (X[..., 0] > 1).astype(int)),
        lambda: (image_probes(X), {}),
        predicted(FIRST, lambda y: y.mean(axis=(1, 2))),
        second=lambda: (image_probes(X), {"model_output": share_of_pixels}),
        advice="model_output",
    ),
    Kind(
        "super-resolution",
        upscaling,
        (X, X.repeat(2, axis=1).repeat(2, axis=2)),
        lambda: (image_probes(X), {}),
        predicted(FIRST, lambda y: y[:, 8, 8, 0]),
        second=lambda: (image_probes(X), {"model_output": lambda y: y[:, 8, 8, 0]}),
        advice="model_output",
        raw=True,
    ),
    Kind(
        "autoencoder, by its reconstruction error",
        autoencoder,
        (X / 2, X / 2),
        lambda: (image_probes(X), {}),
        own_error,
        second=lambda: (image_probes(X), {"model_output": reconstruction_error}),
        advice="model_output",
        raw=True,
    ),
    Kind("multi-label network", multi_label, (X, LABELS), lambda: (image_probes(X, LABELS), {}), predicted(FIRST)),
]
