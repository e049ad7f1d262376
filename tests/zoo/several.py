"""Models of several inputs: siamese, bags of images, videos, images beside tables, CTC, several heads, points and graphs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from zoo.kind import PROBES, Kind, compiled, head, image_probes, images, predicted, rows, sequence_probes, series

import tb_xai_plugin as xai

X, Y = images()
FIRST = X[:PROBES]
OTHER = images(seed=7)[0]
THIRD = images(seed=8)[0]
RNG = np.random.default_rng(9)


def siamese() -> keras.Model:
    """One tower for two images, and a sigmoid on their distance."""
    left, right = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    tower = keras.Sequential([layers.Conv2D(3, 3, activation="tanh"), layers.Flatten(), layers.Dense(4)])
    distance = layers.Lambda(lambda v: ops.sqrt(ops.sum((v[0] - v[1]) ** 2, axis=1, keepdims=True) + 1e-7), output_shape=(1,))(
        [tower(left), tower(right)]
    )
    model = keras.Model([left, right], layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(distance)))
    return compiled(model, "binary_crossentropy")


def bag() -> keras.Model:
    """Attention-based multiple-instance learning: a bag is a list of three images."""
    inputs = [keras.Input((8, 8, 1)) for _ in range(3)]
    shared, score = layers.Dense(4, "relu"), layers.Dense(1)
    embedded = [shared(layers.Flatten()(each)) for each in inputs]
    weights = layers.Softmax(axis=1)(layers.Concatenate()([score(each) for each in embedded]))
    pooled = layers.Add()([each * weights[:, i : i + 1] for i, each in enumerate(embedded)])
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(pooled)))


FRAMES, MOVES = series(channels=3)
SHOWN = np.arange(16)[None] < RNG.integers(10, 17, (32, 1))


def video_features() -> keras.Model:
    """Features of frames and a mask that says which frames there are."""
    frames, mask = keras.Input((16, 3), name="frames"), keras.Input((16,), dtype="bool", name="mask")
    x = layers.GRU(4, return_sequences=True)(frames, mask=mask)
    return compiled(keras.Model([frames, mask], layers.Dense(2, "softmax")(layers.Dropout(0.4)(layers.GRU(3)(x)))))


VIDEOS = np.stack([X, OTHER, THIRD, X], axis=1)


def video() -> keras.Model:
    """A video transformer's tubelets: (frames, height, width, channels)."""
    inputs = keras.Input((4, 8, 8, 1))
    tubelets = layers.Reshape((8, 4))(layers.Conv3D(4, (2, 4, 4), strides=(2, 4, 4))(inputs))
    x = tubelets + layers.MultiHeadAttention(2, 2)(tubelets, tubelets)
    return compiled(keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling1D()(x))))


META = RNG.normal(size=(32, 3)).astype("float32")


def image_and_table() -> keras.Model:
    image, meta = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="meta")
    joined = layers.Concatenate()([layers.Flatten()(layers.Conv2D(2, 3)(image)), layers.Dense(4, "relu")(meta)])
    return compiled(keras.Model([image, meta], layers.Dense(2, "softmax")(joined)))


def two_heads() -> keras.Model:
    inputs = keras.Input((8, 8, 1), name="image")
    x = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(inputs))
    outputs = {"digit": layers.Dense(2, "softmax", name="digit")(x), "shade": layers.Dense(1, name="shade")(x)}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"digit": "sparse_categorical_crossentropy", "shade": "mse"})
    return model


SHADES = X.mean(axis=(1, 2, 3))
TWO = {"digit": Y, "shade": SHADES}


WORDS = RNG.integers(0, 3, (32, 2))


class CtcLoss(layers.Layer):
    """Adds the loss of the labels that it is given, and hands the probabilities on."""

    def call(self, labels: Any, p: Any) -> Any:
        full = ops.ones_like(labels[:, 0], dtype="int32")
        self.add_loss(ops.mean(ops.ctc_loss(ops.cast(labels, "int32"), ops.log(p + 1e-7), full * 2, full * 4, mask_index=3)))
        return p


def captcha() -> keras.Model:
    """Reads words of two letters from four columns of an image; in training the labels are an input."""
    image, label = keras.Input((8, 8, 1), name="image"), keras.Input((2,), name="label", dtype="float32")
    columns = layers.Reshape((4, 16))(layers.Permute((2, 1, 3))(image))
    p = layers.Dense(4, "softmax", name="letters")(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(columns))
    model = keras.Model([image, label], CtcLoss()(label, p))
    model.compile("adam")
    return model


CLOUDS = RNG.normal(size=(32, 12, 3)).astype("float32")


def point_net() -> keras.Model:
    body = [layers.Conv1D(6, 1, activation="relu"), layers.BatchNormalization(), layers.GlobalMaxPooling1D()]
    return compiled(keras.Sequential([keras.Input((12, 3)), *body, *head()]))


EDGES = RNG.random((32, 32)) < 0.2
NODES, KINDS_OF_NODES = rows(32, 5)


class Graph(keras.Model):
    """A graph network over fixed nodes: it takes numbers of nodes, and knows their features itself."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.edges = ops.convert_to_tensor(NODES), ops.convert_to_tensor((EDGES / EDGES.sum(1, keepdims=True)).astype("f4"))
        self.first, self.last = layers.Dense(6, "relu"), layers.Dense(2)

    def call(self, nodes: Any) -> Any:
        x = self.first(self.features)
        x = x + ops.matmul(self.edges, x)
        return self.last(ops.take(x, ops.cast(ops.reshape(nodes, (-1,)), "int32"), axis=0))


KINDS = [
    Kind(
        "siamese",
        siamese,
        ([X, OTHER], Y),
        lambda: (xai.ImageProbes([FIRST, OTHER[:PROBES]], Y[:PROBES]), {}),
        predicted([FIRST, OTHER[:PROBES]]),
    ),
    Kind(
        "siamese, one image explained",
        siamese,
        ([X, OTHER], Y),
        lambda: (image_probes(X, Y), {}),
        predicted([FIRST, OTHER[:PROBES]]),
        second=lambda: (image_probes(X, Y, side_inputs=[None, OTHER[:PROBES]]), {}),
        advice="side_inputs",
    ),
    Kind(
        "multiple-instance",
        bag,
        ([X, OTHER, THIRD], Y),
        lambda: (xai.ImageProbes([FIRST, OTHER[:PROBES], THIRD[:PROBES]], Y[:PROBES]), {}),
        predicted([FIRST, OTHER[:PROBES], THIRD[:PROBES]]),
    ),
    Kind(
        "video: features of frames with their mask",
        video_features,
        ([FRAMES, SHOWN], MOVES),
        lambda: (sequence_probes(FRAMES, MOVES), {}),
        predicted([FRAMES[:PROBES], SHOWN[:PROBES]]),
        second=lambda: (sequence_probes(FRAMES, MOVES, side_inputs={"mask": SHOWN[:PROBES]}), {}),
        advice="side_inputs",
    ),
    Kind("video", video, (VIDEOS, Y), lambda: (image_probes(VIDEOS, Y), {}), predicted(VIDEOS[:PROBES])),
    Kind(
        "a network of image and table",
        image_and_table,
        ({"image": X, "meta": META}, Y),
        lambda: (image_probes(X, Y), {}),
        predicted({"image": FIRST, "meta": META[:PROBES]}),
        second=lambda: (image_probes(X, Y, side_inputs={"meta": META[:PROBES]}), {}),
        advice="side_inputs",
    ),
    Kind(
        "a network of image and table, by its table",
        image_and_table,
        ({"image": X, "meta": META}, Y),
        lambda: (xai.TabularProbes(META[:PROBES], Y[:PROBES], background=META), {}),
        predicted({"image": FIRST, "meta": META[:PROBES]}),
        second=lambda: (xai.TabularProbes(META[:PROBES], Y[:PROBES], background=META, side_inputs={"image": FIRST}), {}),
        advice="side_inputs",
    ),
    Kind(
        "a two-headed model, its classes",
        two_heads,
        (X, TWO),
        lambda: (image_probes(X, Y), {}),
        predicted(FIRST, lambda y: y["digit"]),
        second=lambda: (image_probes(X, Y), {"model_output": "digit"}),
        advice="model_output",
    ),
    Kind(
        "a two-headed model, its number",
        two_heads,
        (X, TWO),
        lambda: (image_probes(X, SHADES), {}),
        predicted(FIRST, lambda y: y["shade"]),
        second=lambda: (image_probes(X, SHADES), {"model_output": "shade"}),
        advice="model_output",
        raw=True,
    ),
    Kind(
        "CTC",
        captcha,
        ({"image": X, "label": WORDS.astype("float32")}, None),
        lambda: (image_probes(X), {}),
        predicted({"image": FIRST, "label": WORDS[:PROBES].astype("float32")}, lambda y: y[:, 1]),
        second=lambda: (
            image_probes(X, side_inputs={"label": WORDS[:PROBES].astype("float32")}),
            {"model_output": lambda p: p[:, 1]},
        ),
        advice="side_inputs",
    ),
    Kind("points", point_net, (CLOUDS, Y), lambda: (sequence_probes(CLOUDS, Y), {}), predicted(CLOUDS[:PROBES])),
    Kind(
        "a graph over fixed nodes",
        lambda: compiled(Graph(), keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (np.arange(32)[:, None], KINDS_OF_NODES),
        lambda: (xai.TabularProbes(NODES[:PROBES], KINDS_OF_NODES[:PROBES], background=NODES), {}),
        predicted(np.arange(PROBES)[:, None]),
        advice="one row per probe",
        refused=True,
    ),
]
