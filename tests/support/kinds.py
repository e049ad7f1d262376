"""A tiny model, its data and a few probes of every kind: what a run of three epochs needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai

EPOCHS = 3
FEATURES = 20
WORDS = ("good", "bad", "fine", "poor", "film", "plot", "the", "a")
LENGTH = 6


def table(rows: int = 48, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """float32 (rows, FEATURES) and classes: the sign of feature 3. They may be read as series as well."""
    x = np.random.default_rng(seed).normal(size=(rows, FEATURES)).astype(np.float32)
    return x, (x[:, 3] > 0).astype(np.int64)


def texts(count: int = 48, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of 3 to LENGTH different words, and classes: whether "good" is there. The first has LENGTH."""
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(WORDS)[: LENGTH if not i else int(rng.integers(3, LENGTH + 1))].tolist() for i in range(count)]
    return [" ".join(words) for words in drawn], np.array([int("good" in words) for words in drawn])


def word_numbers(given: list[str]) -> np.ndarray:
    """int32 (texts, LENGTH): number of each word from 1, 0 past the last."""
    numbers = np.zeros((len(given), LENGTH), dtype=np.int32)
    for row, text in zip(numbers, given, strict=True):
        words = [1 + WORDS.index(word) for word in text.split()]
        row[: len(words)] = words
    return numbers


def dense(inputs: int = FEATURES) -> keras.Model:
    """For rows, and for series of one channel."""
    return keras.Sequential([keras.Input((inputs,)), layers.Dense(8, activation="relu"), layers.Dense(2, activation="softmax")])


def reading() -> keras.Model:
    """For numbers of words."""
    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(1 + len(WORDS), 4),
            layers.LSTM(4),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ]
    )


def seeing() -> keras.Model:
    return keras.Sequential([keras.Input((5, 4, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])


@dataclass(frozen=True)
class Kind:
    """What is trained, on what, and what is explained.

    Attributes:
        region: name of a region that the probes have.
        players: names of some players, and their numbers in probe 0; None where players have no names.
    """

    model: Callable[[], keras.Model]
    x: np.ndarray
    y: np.ndarray
    probes: xai.ProbeSet
    region: str
    players: tuple[list[str], list[int]] | None


def tabular() -> Kind:
    x, y = table()
    names = [f"x{i}" for i in range(FEATURES)]
    probes = xai.TabularProbes(
        *(x[:4], y[:4]),
        background=x,
        feature_names=names,
        class_names=["no", "yes"],
        names=list("abcd"),
        regions={"known": ["x3", "x4"]},
    )
    return Kind(dense, x, y, probes, "known", (["x3", "x7"], [3, 7]))


def text() -> Kind:
    written, y = texts()
    probes = xai.TextProbes(written[:4], y[:4], encode=word_numbers, class_names=["no", "yes"], regions={"praise": ["GOOD", "fine"]})
    words = written[0].split()
    return Kind(reading, word_numbers(written), y, probes, "praise", ([words[1], words[2]], [1, 2]))


def sequence() -> Kind:
    x, y = table()
    probes = xai.SequenceProbes(x[:4], y[:4], segments=10, class_names=["no", "yes"], regions={"early": [0, 5]})
    return Kind(dense, x, y, probes, "early", (["steps 2\u20133", "steps 8\u20139"], [1, 4]))


def image() -> Kind:
    x, y = table()
    pictures, left = x.reshape(-1, 5, 4, 1), np.arange(4) < 2
    probes = xai.ImageProbes(pictures[:4], y[:4], class_names=["no", "yes"], regions={"left": np.broadcast_to(left, (5, 4))})
    return Kind(seeing, pictures, y, probes, "left", None)


KINDS: Mapping[str, Callable[[], Kind]] = {"image": image, "tabular": tabular, "text": text, "sequence": sequence}


def trained(kind: Kind, *callbacks: keras.callbacks.Callback) -> keras.Model:
    """The same model each time, but for what the callbacks do to it."""
    keras.utils.set_random_seed(5)
    model = kind.model()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(kind.x, kind.y, epochs=EPOCHS, batch_size=16, verbose=0, callbacks=list(callbacks))
    return model


def logged(kind: Kind, log_dir: Path, probes: object = None, **options: object) -> keras.Model:
    """A run of EPOCHS in a folder, and its model."""
    return trained(kind, xai.ExplanationLogger(log_dir, probes or kind.probes, **options))
