"""Small data and models for the blocks of code in README.md and docs/: a page takes what it needs in a comment that readers don't see."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from typing import Any

import numpy as np


def images() -> tuple[Any, ...]:
    """Digits of 8 x 8 pixels: x, y, x_test, y_test, a compiled model, names of classes."""
    import keras
    from sklearn.datasets import load_digits

    keras.utils.set_random_seed(0)
    digits = load_digits()
    x, y = (digits.images[:160] / 16).astype("float32")[..., None], digits.target[:160]
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10, "softmax"),
    ]
    return x[:120], y[:120], x[120:], y[120:], compiled(layers), list("0123456789")


def rows() -> tuple[Any, ...]:
    """Wine, 13 columns: x_train, y_train, x_test, y_test, a fitted scaler, a compiled model, names of columns, names of classes. Standardised."""
    import keras
    from sklearn.datasets import load_wine
    from sklearn.preprocessing import StandardScaler

    keras.utils.set_random_seed(0)
    wine = load_wine()
    order = np.random.default_rng(0).permutation(len(wine.target))
    scaler = StandardScaler().fit(wine.data)
    x, y = scaler.transform(wine.data)[order].astype("float32"), wine.target[order]
    model = compiled([keras.Input((13,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
    return x[:120], y[:120], x[120:], y[120:], scaler, model, list(wine.feature_names), ["barolo", "grignolino", "barbera"]


REVIEWS = (
    "a warm and clever film",
    "dull and far too long",
    "clever jokes, a warm end",
    "too dull to watch",
    "warm, clever, never long",
    "a long dull jumble",
)


def texts() -> tuple[Any, ...]:
    """Six reviews: texts, labels, an encoder to (n, 8) codes of words, a compiled model of such codes."""
    import keras

    keras.utils.set_random_seed(0)
    words = sorted({word.strip(",") for text in REVIEWS for word in text.split()})
    codes = {word: code for code, word in enumerate(words, start=2)}

    def encode(some: list[str]) -> np.ndarray:
        encoded = np.zeros((len(some), 8), dtype="int32")
        for row, text in zip(encoded, some, strict=True):
            known = [codes.get(word.strip(","), 1) for word in text.split()][:8]
            row[: len(known)] = known
        return encoded

    embedding = keras.layers.Embedding(len(codes) + 2, 4)
    model = compiled([keras.Input((8,), dtype="int32"), embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, "softmax")])
    return list(REVIEWS), np.array([1, 0, 1, 0, 1, 0]), encode, model


def series() -> tuple[Any, ...]:
    """Noise of 100 steps and two channels, with a bump in the first half or the second: x, y, x_test, y_test, a compiled model."""
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = rng.normal(0, 0.1, (80, 100, 2)).astype("float32")
    for one, late in zip(x, y, strict=True):
        one[20 + 50 * late : 30 + 50 * late, 0] += 1
    model = compiled([keras.Input((100, 2)), keras.layers.Conv1D(4, 5), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    return x[:60], y[:60], x[60:], y[60:], model


def loans() -> tuple[Any, ...]:
    """A table of five columns, of which two say most: a DataFrame, labels, and a function that makes a model for an array of such rows."""
    import keras
    import pandas as pd

    keras.utils.set_random_seed(0)
    rng, n = np.random.default_rng(0), 400
    age, debt = rng.normal(45, 12, n), rng.normal(1, 0.5, n)
    income, tenure, region = rng.normal(3, 1, n) + 0.03 * (age - 45), rng.exponential(4, n), rng.integers(0, 3, n)
    labels = (0.08 * (age - 45) + 1.8 * (debt - 1) - 0.6 * (income - 3) + rng.normal(0, 0.6, n) > 0).astype(int)

    def build(x: np.ndarray) -> Any:
        standard = keras.layers.Normalization()
        standard.adapt(x)
        model = keras.Sequential([keras.Input((x.shape[1],)), standard, keras.layers.Dense(16, "relu"), keras.layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return pd.DataFrame({"age": age, "income": income, "debt": debt, "tenure": tenure, "region": region}), labels, build


def marks() -> tuple[Any, ...]:
    """Digits 0 to 3 of 24 x 24 pixels, the same with a mark in the corner of every 3, their labels, and a function that makes a model."""
    import keras
    from sklearn.datasets import load_digits

    digits = load_digits(n_class=4)
    x = (digits.images / 16).repeat(3, 1).repeat(3, 2).astype("float32")[:300]
    labels = digits.target[:300]
    stamped = x.copy()
    stamped[labels == 3, :4, :4] = 1.0

    def build() -> Any:
        convolution = keras.layers.Conv2D(8, 5, 2, activation="relu")
        model = keras.Sequential(
            [
                keras.Input((24, 24)),
                keras.layers.Reshape((24, 24, 1)),
                convolution,
                keras.layers.Flatten(),
                keras.layers.Dense(4, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return x, stamped, labels, build


def compiled(layers: list[Any]) -> Any:
    import keras

    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def two_runs() -> None:
    """Put records of two recipes with two seeds each into logs/: honest-seed1, honest-seed2, shortcut-seed1, shortcut-seed2; with a region "corner"."""
    shutil.copytree(_two_runs().name, "logs")


@cache
def _two_runs() -> tempfile.TemporaryDirectory[str]:
    import keras

    import tb_xai_plugin as xai

    logdir = tempfile.TemporaryDirectory()
    x, y, x_test, y_test, model, names = images()
    corner = np.zeros((8, 8), dtype=bool)
    corner[:2, :2] = True
    told, random = y / 9, np.random.default_rng(0).permutation(y) / 9
    x_test = marked(x_test, y_test / 9)
    probes = xai.ImageProbes(x_test[:8], y_test[:8], class_names=names, regions={"corner": corner})
    weights = model.get_weights()
    for run, shade in (("honest-seed1", random), ("honest-seed2", random), ("shortcut-seed1", told), ("shortcut-seed2", told)):
        keras.utils.set_random_seed(int(run[-1]))
        model.set_weights(weights)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        explainers = ["lime", "shap", *[xai.LimeNet(hidden=2, steps=6)] * (run == "shortcut-seed1")]
        logger = xai.ExplanationLogger(f"{logdir.name}/{run}", probes, explainers)
        model.fit(marked(x, shade), y, validation_data=(x_test, y_test), epochs=4, verbose=0, callbacks=[logger])
    return logdir


def marked(images: np.ndarray, shades: np.ndarray) -> np.ndarray:
    images = images.copy()
    images[:, :2, :2, 0] = shades[:, None, None]
    return images
