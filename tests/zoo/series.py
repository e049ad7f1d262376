"""Series, audio and word ids: conv1d, LSTM, stateful GRU, transformer, forecasting, time-distributed, and texts of four kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from zoo.kind import PROBES, Kind, compiled, predicted, sequence_probes, series, softmax

import tb_xai_plugin as xai

X, Y = series()
FIRST = X[:PROBES]
RNG = np.random.default_rng(4)


def sequential(
    shape: tuple[int, ...], *body: Any, loss: Any = "sparse_categorical_crossentropy", **inputs: Any
) -> Callable[[], keras.Model]:
    """Makes a compiled Sequential; `body` are functions that make its layers, so that every model has its own."""
    return lambda: compiled(keras.Sequential([keras.Input(shape, **inputs), *(make() for make in body)]), loss)


conv1d = sequential(
    *((16, 2), lambda: layers.Conv1D(4, 3, padding="same"), layers.BatchNormalization, layers.ReLU, layers.GlobalAveragePooling1D),
    lambda: layers.Dense(2, "softmax"),
)
lstm = sequential(
    (16, 2), lambda: layers.LSTM(4), lambda: layers.Dropout(0.3), lambda: layers.Dense(1, "sigmoid"), loss="binary_crossentropy"
)


def stateful_gru() -> keras.Model:
    """Its state goes from batch to batch: the size of a batch is fixed."""
    inputs = keras.Input(batch_shape=(8, 16, 2))
    x = layers.Bidirectional(layers.GRU(3, stateful=True))(inputs)
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(x)))


def from_empty_state(model: keras.Model) -> np.ndarray:
    """Outputs on the first four of eight series, from a state of zeros: the state of one row does not reach another."""
    model.layers[1].reset_states()
    return model.predict(X[:8], batch_size=8, verbose=0)[:PROBES]


def transformer() -> keras.Model:
    inputs = keras.Input((16, 2))
    x = inputs + layers.MultiHeadAttention(2, 2, dropout=0.2)(inputs, inputs)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = x + layers.Conv1D(2, 1)(layers.Dropout(0.2)(layers.Conv1D(4, 1, activation="relu")(x)))
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling1D(data_format="channels_first")(x))))


forecasting = sequential((16, 2), lambda: layers.LSTM(4), lambda: layers.Dense(3), loss="mse")
time_distributed = sequential(
    *((16, 2), lambda: layers.GRU(4, return_sequences=True), lambda: layers.TimeDistributed(layers.Dense(1))),
    loss="mse",
)
AHEAD = RNG.normal(size=(32, 3)).astype("float32")

WAVES = np.sin(np.arange(128)[None] * (0.1 + 0.2 * Y[:, None]) + RNG.random((32, 1))).astype("float32")


class Spectrogram(layers.Layer):
    def call(self, waves: Any) -> Any:
        return ops.log1p(ops.stft(waves, 32, 16, 32)[0] ** 2)


def audio() -> keras.Model:
    """Waveforms; the spectrogram is made inside."""
    inputs = keras.Input((128,))
    x = layers.Conv1D(4, 3, activation="relu")(Spectrogram()(inputs))
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalMaxPooling1D()(x))))


# Ids of 40 words, padded with 0 to 12.
IDS = RNG.integers(1, 40, (32, 12))
IDS[np.arange(12) >= RNG.integers(5, 12, (32, 1))] = 0
MOODS = (IDS[:, 0] > 20).astype(int)

padded_ids = sequential(
    *(
        (12,),
        lambda: layers.Embedding(40, 4, mask_zero=True),
        lambda: layers.Bidirectional(layers.LSTM(3)),
        lambda: layers.Dense(1, "sigmoid"),
    ),
    loss="binary_crossentropy",
    dtype="int32",
)


class TokenAndPosition(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.token, self.position = layers.Embedding(40, 4), layers.Embedding(12, 4)

    def call(self, ids: Any) -> Any:
        return self.token(ids) + self.position(ops.arange(12))


def transformer_on_ids() -> keras.Model:
    inputs = keras.Input((12,))  # as the example has it: ids, and no dtype
    x = TokenAndPosition()(inputs)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 2)(x, x))
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling1D()(x))))


GOOD, BAD = ("warm", "clever", "bright", "kind"), ("dull", "long", "cold", "flat")
TEXTS = [f"a {RNG.choice((BAD, GOOD)[i % 2])} film with {RNG.choice((BAD, GOOD)[i % 2])} scenes and a song" for i in range(32)]
VOCABULARY = sorted({word for text in TEXTS for word in text.split()})


def vectorized_inside() -> keras.Model:
    """Takes strings: the vectorization is a layer."""
    inputs = keras.Input((1,), dtype="string")
    ids = layers.TextVectorization(vocabulary=VOCABULARY, output_sequence_length=12)(inputs)
    x = layers.GlobalAveragePooling1D()(layers.Embedding(len(VOCABULARY) + 2, 4)(ids))
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(x)))


def bag_of_words(texts: list[str]) -> np.ndarray:
    return np.array([[word in text.split() for word in VOCABULARY] for text in texts]).astype("float32")


multi_hot = sequential((len(VOCABULARY),), lambda: layers.Dense(4, "relu"), lambda: layers.Dense(2))


def strings(texts: list[str]) -> Any:
    return tf.constant([[text] for text in texts])


def of_strings(model: keras.Model) -> np.ndarray:
    return np.asarray(model(strings(TEXTS[:PROBES])))


LABELS = (np.arange(32) % 2).tolist()

KINDS = [
    Kind("conv1d", conv1d, (X, Y), lambda: (sequence_probes(X, Y), {}), predicted(FIRST)),
    Kind("LSTM", lstm, (X, Y), lambda: (sequence_probes(X, Y), {}), predicted(FIRST)),
    Kind(
        "a stateful bidirectional GRU",
        stateful_gru,
        (X, Y),
        lambda: (sequence_probes(X, Y), {}),
        from_empty_state,
        options={"batch_size": 8, "shuffle": False},
    ),
    Kind("transformer on series", transformer, (X, Y), lambda: (sequence_probes(X, Y), {}), predicted(FIRST)),
    Kind("forecasting", forecasting, (X, AHEAD), lambda: (sequence_probes(X, AHEAD), {}), predicted(FIRST), raw=True),
    Kind(
        "time-distributed",
        time_distributed,
        (X, X[..., :1]),
        lambda: (sequence_probes(X), {}),
        predicted(FIRST, lambda y: y[:, -1]),
        second=lambda: (sequence_probes(X), {"model_output": lambda y: y[:, -1]}),
        advice="model_output",
        raw=True,
    ),
    Kind("audio", audio, (WAVES, Y), lambda: (sequence_probes(WAVES, Y), {}), predicted(WAVES[:PROBES])),
    Kind("padded word ids", padded_ids, (IDS, MOODS), lambda: (sequence_probes(IDS, MOODS), {}), predicted(IDS[:PROBES])),
    Kind("transformer on word ids", transformer_on_ids, (IDS, MOODS), lambda: (sequence_probes(IDS, MOODS), {}), predicted(IDS[:PROBES])),
    Kind(
        "TextVectorization inside",
        vectorized_inside,
        (strings(TEXTS), np.array(LABELS)),
        lambda: (xai.TextProbes(TEXTS[:PROBES], LABELS[:PROBES]), {}),
        of_strings,
    ),
    Kind(
        "bag of words",
        lambda: compiled(multi_hot(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (bag_of_words(TEXTS), np.array(LABELS)),
        lambda: (xai.TextProbes(TEXTS[:PROBES], LABELS[:PROBES], encode=bag_of_words), {}),
        predicted(bag_of_words(TEXTS[:PROBES]), softmax),
    ),
]
