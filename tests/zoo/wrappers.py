"""Models with a train_step of their own, most of them without a call: metric learning, contrastive, VAE, GAN, distillation, Bayesian."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from zoo.kind import PROBES, Kind, Step, compiled, head, image_probes, images, predicted, rows, softmax

import tb_xai_plugin as xai

X, Y = images()
FIRST = X[:PROBES]
ROWS, SIGNS = rows()


def encoder(outputs: int = 3) -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(outputs)])


class Metric(Step, keras.Model):
    """Metric learning: the outputs are embeddings of length 1."""

    def loss_of(self, x: Any, y: Any) -> Any:
        z = self(x, training=True)
        same = ops.cast(y[:, None] == y[None], "float32")
        return ops.mean((ops.matmul(z, ops.transpose(z)) - same) ** 2)


def metric_learning() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    model = Metric(inputs, layers.UnitNormalization()(encoder()(inputs)))
    model.compile("adam")
    return model


class Contrastive(Step, keras.Model):
    """Contrastive learning: an encoder and a projection, and no call."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = encoder()
        self.projection = keras.Sequential([keras.Input((3,)), layers.Dense(3)])
        self.augmented = layers.GaussianNoise(0.1, seed=3)

    def loss_of(self, x: Any, y: Any) -> Any:
        a, b = (self.projection(self.encoder(self.augmented(x, training=True), training=True)) for _ in range(2))
        alike = ops.matmul(ops.normalize(a, axis=-1), ops.transpose(ops.normalize(b, axis=-1))) / 0.1
        return keras.losses.sparse_categorical_crossentropy(ops.arange(ops.shape(x)[0]), alike, from_logits=True)


def contrastive() -> keras.Model:
    model = Contrastive()
    model.compile("adam")
    return model


class Vae(Step, keras.Model):
    """A variational autoencoder: the encoder has three outputs, and a sample is drawn in training."""

    def __init__(self) -> None:
        super().__init__()
        inputs = keras.Input((8, 8, 1))
        x = encoder(6)(inputs)
        mean, log_var = layers.Dense(2, name="mean")(x), layers.Dense(2, name="log_var")(x)
        self.encoder = keras.Model(inputs, [mean, log_var])
        self.decoder = keras.Sequential([keras.Input((2,)), layers.Dense(64, "sigmoid"), layers.Reshape((8, 8, 1))])
        self.seeds = keras.random.SeedGenerator(7)

    def loss_of(self, x: Any, y: Any) -> Any:
        mean, log_var = self.encoder(x)
        z = mean + ops.exp(log_var / 2) * keras.random.normal(ops.shape(mean), seed=self.seeds)
        kl = -0.5 * ops.mean(1 + log_var - ops.square(mean) - ops.exp(log_var))
        return ops.mean((self.decoder(z) - x) ** 2) + kl


def vae() -> keras.Model:
    model = Vae()
    model.compile("adam")
    return model


class Gan(keras.Model):
    """A generator and a discriminator with an optimizer each; compile and train_step are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.discriminator = keras.Sequential([*encoder(4).layers, *head(classes=1, activation="sigmoid")])
        self.discriminator.build((None, 8, 8, 1))
        self.generator = keras.Sequential([keras.Input((3,)), layers.Dense(64, "sigmoid"), layers.Reshape((8, 8, 1))])
        self.seeds = keras.random.SeedGenerator(1)

    def compile(self) -> None:
        super().compile(optimizer="adam")
        self.of_generator = keras.optimizers.Adam(1e-3)

    def train_step(self, data: Any) -> dict[str, Any]:
        import tensorflow as tf

        real = data[0] if isinstance(data, tuple) else data
        n = ops.shape(real)[0]
        ones, zeros = ops.ones((n, 1)), ops.zeros((n, 1))
        with tf.GradientTape() as tape:
            fake = self.generator(keras.random.normal((n, 3), seed=self.seeds))
            p = self.discriminator(ops.concatenate([real, fake], axis=0))
            loss = ops.mean(keras.losses.binary_crossentropy(ops.concatenate([ones, zeros], axis=0), p))
        weights = self.discriminator.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        with tf.GradientTape() as tape:
            p = self.discriminator(self.generator(keras.random.normal((n, 3), seed=self.seeds)))
            fooled = ops.mean(keras.losses.binary_crossentropy(ones, p))
        weights = self.generator.trainable_variables
        self.of_generator.apply(tape.gradient(fooled, weights), weights)
        return {"loss": loss, "fooled": fooled}


def gan() -> keras.Model:
    model = Gan()
    model.compile()
    return model


class Distiller(Step, keras.Model):
    """A student that learns from a teacher; both give logits. The wrapper's call is the student's."""

    def __init__(self) -> None:
        super().__init__()
        self.student = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
        self.teacher = keras.Sequential([keras.Input((5,)), layers.Dense(8, "relu"), layers.Dense(2)])
        self.teacher.trainable = False

    def call(self, x: Any, training: bool = False) -> Any:
        return self.student(x, training=training)

    def loss_of(self, x: Any, y: Any) -> Any:
        told = keras.losses.sparse_categorical_crossentropy(y, self.student(x, training=True), from_logits=True)
        return told + keras.losses.kl_divergence(ops.softmax(self.teacher(x) / 3), ops.softmax(self.student(x) / 3))


def distillation() -> keras.Model:
    model = Distiller()
    model.compile("adam")
    return model


def by_student(model: keras.Model) -> np.ndarray:
    return softmax(model.student.predict(ROWS[:PROBES], verbose=0))


class OwnStep(Step, keras.Model):
    """A functional model with a train_step of its own and no loss: three numbers, not three classes."""

    def loss_of(self, x: Any, y: Any) -> Any:
        return (self(x, training=True) - y) ** 2


def own_step() -> keras.Model:
    inputs = keras.Input((5,))
    model = OwnStep(inputs, layers.Dense(3)(layers.Dense(8, "relu")(inputs)))
    model.compile("adam")
    return model


class NoisyOutput(layers.Layer):
    """A distribution as the last layer, of which a value is drawn in every call."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(11)

    def call(self, x: Any) -> Any:
        return x[:, :1] + ops.softplus(x[:, 1:]) * keras.random.normal((ops.shape(x)[0], 1), seed=self.seeds)


def noise_in_call() -> keras.Model:
    inputs = keras.Input((5,))
    return compiled(keras.Model(inputs, NoisyOutput()(layers.Dense(2)(layers.Dense(4, "relu")(inputs)))), "mse")


class Variational(layers.Layer):
    """A dense layer whose weights are drawn in every call, one draw for the whole batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(13)

    def build(self, shape: Any) -> None:
        self.mean = self.add_weight(shape=(shape[-1], 1), initializer="glorot_uniform", name="mean")
        self.spread = self.add_weight(shape=(shape[-1], 1), initializer="zeros", name="spread")

    def call(self, x: Any) -> Any:
        drawn = self.mean + ops.softplus(self.spread) * keras.random.normal(self.mean.shape, seed=self.seeds)
        return ops.matmul(x, drawn)


def weights_drawn() -> keras.Model:
    inputs = keras.Input((5,))
    return compiled(keras.Model(inputs, Variational()(layers.Dense(4, "sigmoid")(inputs))), "mse")


AMOUNTS = ROWS[:, 0] * 2


def amounts() -> xai.TabularProbes:
    return xai.TabularProbes(ROWS[:PROBES], AMOUNTS[:PROBES], background=ROWS)


KINDS = [
    Kind(
        "metric learning",
        metric_learning,
        (X, Y),
        lambda: (image_probes(X, Y), {}),
        predicted(FIRST),
        raw=True,
        said="head='regression'",
    ),
    Kind(
        "contrastive, without call",
        contrastive,
        (X, None),
        lambda: (image_probes(X), {}),
        lambda m: m.encoder.predict(FIRST, verbose=0),
        second=lambda: (image_probes(X), {"model": lambda m: m.encoder, "head": "regression"}),
        advice="model=",
        raw=True,
    ),
    Kind(
        "VAE, its encoder's mean",
        vae,
        (X, None),
        lambda: (image_probes(X), {}),
        lambda m: m.encoder.predict(FIRST, verbose=0)[0],
        second=lambda: (image_probes(X), {"model": lambda m: m.encoder, "model_output": 0, "head": "regression"}),
        advice="model=",
        raw=True,
    ),
    Kind(
        "GAN, its discriminator",
        gan,
        (X, None),
        lambda: (image_probes(X), {}),
        lambda m: m.discriminator.predict(FIRST, verbose=0),
        second=lambda: (image_probes(X), {"model": lambda m: m.discriminator}),
        advice="model=",
    ),
    Kind(
        "distillation, its student",
        distillation,
        (ROWS, SIGNS),
        lambda: (xai.TabularProbes(ROWS[:PROBES], SIGNS[:PROBES], background=ROWS), {}),
        by_student,
        second=lambda: (
            xai.TabularProbes(ROWS[:PROBES], SIGNS[:PROBES], background=ROWS),
            {"model": lambda m: m.student, "head": "logits"},
        ),
        advice="model=",
    ),
    Kind(
        "own train_step, no loss, three numbers",
        own_step,
        (ROWS, ROWS[:, :3]),
        lambda: (xai.TabularProbes(ROWS[:PROBES], ROWS[:PROBES, :3], background=ROWS), {}),
        predicted(ROWS[:PROBES]),
        raw=True,
    ),
    Kind(
        "Bayesian, noise in call",
        noise_in_call,
        (ROWS, AMOUNTS),
        lambda: (amounts(), {}),
        predicted(ROWS[:PROBES]),
        raw=True,
        said="depend on chance",
        chance=True,
    ),
    Kind(
        "Bayesian, weights drawn",
        weights_drawn,
        (ROWS, AMOUNTS),
        lambda: (amounts(), {}),
        predicted(ROWS[:PROBES]),
        raw=True,
        said="depend on chance",
        chance=True,
    ),
]
