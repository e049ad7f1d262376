"""Tables of eight kinds, most with one named input a column; and recommenders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers, ops
from zoo.kind import PROBES, Kind, compiled

import tb_xai_plugin as xai

RNG = np.random.default_rng(5)
ROWS = 48
WORK, HOUSES = ["private", "public", "own"], ["rent", "free"]
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, ROWS),
        "hours": RNG.normal(40, 8, ROWS),
        "gain": RNG.exponential(2, ROWS).astype("float32"),
        "work": np.array(WORK)[RNG.integers(0, 3, ROWS)],
        "house": np.array(HOUSES)[RNG.integers(0, 2, ROWS)],
    }
)
RICH = ((FRAME["hours"] > 40) ^ (FRAME["work"] == "own")).astype(int).to_numpy()
NUMBERS, CATEGORIES = ["age", "hours", "gain"], {"work": WORK, "house": HOUSES}


def as_dict(frame: pd.DataFrame) -> dict[str, Any]:
    """{column: (n, 1)}, as tensors."""
    columns = {name: frame[[name]].to_numpy() for name in frame.columns}
    return {name: tf.constant(column.astype(str if name in CATEGORIES else "float32")) for name, column in columns.items()}


def own_outputs(columns: list[str] | None = None) -> Callable[[Any], np.ndarray]:
    def oracle(model: keras.Model) -> np.ndarray:
        return np.asarray(model(as_dict(FRAME[:PROBES][columns or list(FRAME.columns)])))

    return oracle


def natural(frame: pd.DataFrame = FRAME) -> tuple[xai.TabularProbes, dict[str, Any]]:
    return xai.TabularProbes(frame[:PROBES], RICH[:PROBES], background=frame), {}


def inputs_of(columns: list[str]) -> dict[str, Any]:
    return {name: keras.Input((1,), name=name, dtype="string" if name in CATEGORIES else "float32") for name in columns}


def one_hot(inputs: dict[str, Any], mode: str = "one_hot") -> list[Any]:
    return [layers.StringLookup(vocabulary=words, output_mode=mode)(inputs[name]) for name, words in CATEGORIES.items()]


def scaled(inputs: dict[str, Any]) -> list[Any]:
    return [layers.Normalization(mean=float(FRAME[name].mean()), variance=float(FRAME[name].var()))(inputs[name]) for name in NUMBERS]


def classifier(inputs: Any, x: Any) -> keras.Model:
    return compiled(keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x)), "binary_crossentropy")


def of_columns() -> keras.Model:
    inputs = inputs_of(NUMBERS)
    return classifier(inputs, layers.Dense(4, "relu")(layers.Concatenate()(scaled(inputs))))


def looked_up() -> keras.Model:
    inputs = inputs_of(list(FRAME.columns))
    return classifier(inputs, layers.Dense(4, "relu")(layers.Concatenate()([*scaled(inputs), *one_hot(inputs)])))


def feature_space() -> keras.Model:
    space = keras.utils.FeatureSpace(
        features={**dict.fromkeys(NUMBERS, "float_normalized"), **dict.fromkeys(CATEGORIES, "string_categorical")}, output_mode="concat"
    )
    space.adapt(tf.data.Dataset.from_tensor_slices({name: FRAME[name].to_numpy() for name in FRAME}).batch(16))
    return classifier(space.get_inputs(), layers.Dense(4, "relu")(space.get_encoded_features()))


def wide_and_deep() -> keras.Model:
    inputs = inputs_of(list(FRAME.columns))
    wide = layers.BatchNormalization()(layers.Concatenate()([*scaled(inputs), *one_hot(inputs)]))
    codes = [layers.Flatten()(layers.Embedding(4, 2)(code)) for code in one_hot(inputs, "int")]
    deep = layers.Dropout(0.3)(layers.Dense(6, "relu")(layers.Concatenate()([*scaled(inputs), *codes])))
    return classifier(inputs, layers.Concatenate()([wide, deep]))


def gated_residual() -> keras.Model:
    """Gated residual networks with a softmax that selects variables: the last layers made are gates."""
    inputs = inputs_of(list(FRAME.columns))
    encoded = [layers.Dense(4)(layers.Concatenate()(some)) for some in (scaled(inputs), one_hot(inputs))]

    def grn(x: Any, units: int) -> Any:
        inner = layers.Dense(units)(layers.Dropout(0.1)(layers.Dense(units, "elu")(x)))
        gated = layers.Dense(units, activation="linear")(inner) * layers.Dense(units, activation="sigmoid")(inner)
        return layers.LayerNormalization()(gated + layers.Dense(units)(x))

    weights = layers.Softmax()(grn(layers.Concatenate()(encoded), len(encoded)))
    chosen = ops.sum(ops.stack([grn(each, 4) for each in encoded], axis=1) * weights[:, :, None], axis=1)
    return classifier(inputs, chosen)


def tab_transformer() -> keras.Model:
    inputs = inputs_of(list(FRAME.columns))
    tokens = ops.concatenate([layers.Embedding(4, 4)(code) for code in one_hot(inputs, "int")], axis=1)
    tokens = layers.LayerNormalization()(tokens + layers.MultiHeadAttention(2, 2)(tokens, tokens))
    return classifier(inputs, layers.Dense(6, "selu")(layers.Concatenate()([layers.Flatten()(tokens), *scaled(inputs)])))


def deep_and_cross() -> keras.Model:
    inputs = inputs_of(list(FRAME.columns))
    first = layers.Concatenate()([*scaled(inputs), *one_hot(inputs)])
    cross = first
    for _ in range(2):
        cross = first * layers.Dense(first.shape[-1])(cross) + cross
    return classifier(inputs, layers.Concatenate()([cross, layers.Dense(6, "relu")(first)]))


def concatenated() -> keras.Model:
    """One input of all numbers, as most tables are given."""
    inputs = keras.Input((3,))
    x = layers.Normalization(mean=FRAME[NUMBERS].mean().to_list(), variance=FRAME[NUMBERS].var().to_list())(inputs)
    return classifier(inputs, layers.Dense(4, "relu")(x))


USERS = RNG.integers(0, 12, ROWS)
FILMS = RNG.integers(0, 9, ROWS)
PAIRS = np.stack([USERS, FILMS], axis=1)
RATINGS = RNG.random(ROWS).astype("float32")


class Recommender(keras.Model):
    """Embeddings of users and films; a pair of ids is a row. `mixing`: the product as it stands in a public example, over the batch too."""

    def __init__(self, mixing: bool = False) -> None:
        super().__init__()
        self.users, self.films, self.bias = layers.Embedding(12, 4), layers.Embedding(9, 4), layers.Embedding(9, 1)
        self.mixing = mixing

    def call(self, pairs: Any) -> Any:
        user, film = self.users(pairs[:, 0]), self.films(pairs[:, 1])
        product = ops.tensordot(user, film, 2) if self.mixing else ops.sum(user * film, axis=1, keepdims=True)
        return ops.sigmoid(product + self.bias(pairs[:, 1]))


def recommender(mixing: bool) -> keras.Model:
    model = compiled(Recommender(mixing), "mse")
    model(PAIRS[:2])
    return model


def pairs() -> xai.TabularProbes:
    return xai.TabularProbes(pd.DataFrame(PAIRS[:PROBES], columns=["user", "film"]), RATINGS[:PROBES], background=PAIRS)


def pair_of_inputs() -> keras.Model:
    """Two inputs of whole numbers, named as the columns are."""
    user, film = keras.Input((1,), name="user", dtype="int32"), keras.Input((1,), name="film", dtype="int32")
    both = layers.Concatenate()([layers.Flatten()(layers.Embedding(12, 3)(user)), layers.Flatten()(layers.Embedding(9, 3)(film))])
    return compiled(keras.Model({"user": user, "film": film}, layers.Dense(1)(layers.Dense(4, "relu")(both))), "mse")


RATED = pd.DataFrame(PAIRS, columns=["user", "film"])

KINDS = [
    Kind("named columns of numbers", of_columns, (as_dict(FRAME[NUMBERS]), RICH), lambda: natural(FRAME[NUMBERS]), own_outputs(NUMBERS)),
    Kind("StringLookup", looked_up, (as_dict(FRAME), RICH), natural, own_outputs()),
    Kind("FeatureSpace", feature_space, (as_dict(FRAME), RICH), natural, own_outputs()),
    Kind("wide and deep", wide_and_deep, (as_dict(FRAME), RICH), natural, own_outputs()),
    Kind("gated residual network", gated_residual, (as_dict(FRAME), RICH), natural, own_outputs()),
    Kind("TabTransformer", tab_transformer, (as_dict(FRAME), RICH), natural, own_outputs()),
    Kind("deep and cross", deep_and_cross, (as_dict(FRAME), RICH), natural, own_outputs()),
    Kind(
        "all numbers in one input",
        concatenated,
        (FRAME[NUMBERS].to_numpy("float32"), RICH),
        lambda: natural(FRAME[NUMBERS]),
        lambda m: m.predict(FRAME[NUMBERS][:PROBES].to_numpy("float32"), verbose=0),
    ),
    Kind(
        "recommender of ids",
        lambda: recommender(False),
        (PAIRS, RATINGS),
        lambda: (pairs(), {}),
        lambda m: np.asarray(m(PAIRS[:PROBES])),
        raw=True,
    ),
    Kind(
        "recommender whose rows mix",
        lambda: recommender(True),
        (PAIRS, RATINGS),
        lambda: (pairs(), {}),
        lambda m: np.concatenate([np.asarray(m(PAIRS[i : i + 1])) for i in range(PROBES)]),
        raw=True,
        said="depend on the rest of the batch",
        mixing=True,
    ),
    Kind(
        "recommender with named ids",
        pair_of_inputs,
        ({name: PAIRS[:, i : i + 1] for i, name in enumerate(RATED)}, RATINGS),
        lambda: (xai.TabularProbes(RATED[:PROBES], RATINGS[:PROBES], background=RATED), {}),
        lambda m: np.asarray(m({name: PAIRS[:PROBES, i : i + 1] for i, name in enumerate(RATED)})),
        raw=True,
    ),
]
