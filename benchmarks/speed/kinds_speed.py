"""Time of explaining tables and texts over that of bare forward passes, as many, in turn in one process.

    python benchmarks/speed/kinds_speed.py [repeats]

16 probes, 1,000 evaluations each, LIME and SHAP together. A bare forward pass is the compiled model on a batch that is there already; the passes are
called for one after the other in batches of the engine's size, and of 128, as people call a model who have not thought about it. The engine has
several batches in a call, which saves the calls; so the last column compares with the same in a call: the model mapped over all batches of the
engine's size at once, nothing masked, nothing explained. Ratios are medians over the repeats; of processor seconds in brackets.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.models.frameworks.on_tensorflow import AT_ONCE, PER_CALL

PROBES, EVALUATIONS, TOKENS, WORDS = 16, 1000, 60, 2000


def table(*units: int) -> tuple[keras.Model, xai.TabularProbes, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(500, 30)).astype(np.float32)
    model = keras.Sequential([keras.Input((30,)), *[layers.Dense(n, "relu") for n in units], layers.Dense(2, "softmax")])
    return model, xai.TabularProbes(x[:PROBES], background=x[100:]), x


def text() -> tuple[keras.Model, xai.TextProbes, np.ndarray]:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(1, WORDS)])

    def encode(texts: list[str]) -> np.ndarray:
        ids = [[int(word[1:]) for word in text.split()] for text in texts]
        return np.array([row + [0] * (TOKENS - len(row)) for row in ids], dtype=np.int32)

    texts = [" ".join(rng.choice(words, TOKENS)) for _ in range(PROBES)]
    model = keras.Sequential(
        [keras.Input((TOKENS,), dtype="int32"), layers.Embedding(WORDS, 32), layers.LSTM(32), layers.Dense(2, "softmax")]
    )
    return model, xai.TextProbes(texts, encode=encode), encode(texts)


def bare(model: keras.Model, rows: np.ndarray, batch: int, evaluations: int) -> Callable[[], None]:
    forward = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((batch, *rows.shape[1:]), rows.dtype))
    given = tf.constant(np.resize(rows, (batch, *rows.shape[1:])))

    def passes() -> None:
        for _ in range(-(-evaluations // batch)):
            forward(given).numpy()

    return passes


def mapped(model: keras.Model, rows: np.ndarray, batch: int, evaluations: int) -> Callable[[], None]:
    """The same in calls of as many batches as the engine's."""
    shape = (None, batch, *rows.shape[1:])
    forward = tf.function(
        lambda x: tf.map_fn(lambda one: model(one, training=False), x, fn_output_signature=tf.float32, parallel_iterations=AT_ONCE)
    ).get_concrete_function(tf.TensorSpec(shape, rows.dtype))
    batches = -(-evaluations // batch)
    sizes = [min(PER_CALL, batches - start) for start in range(0, batches, PER_CALL)]
    given = [tf.constant(np.resize(rows, (size, *shape[1:]))) for size in sizes]

    def passes() -> None:
        for each in given:
            forward(each).numpy()

    return passes


def ratio(model: keras.Model, probes: xai.TabularProbes | xai.TextProbes, rows: np.ndarray, repeats: int) -> str:
    plan = Plan(probes, evaluations=EVALUATIONS)
    engine = Engine(plan, model)
    evaluations = engine.run().outputs.evaluations
    works = [
        engine.run,
        *(bare(model, rows, batch, evaluations) for batch in (plan.batch, 128)),
        mapped(model, rows, plan.batch, evaluations),
    ]
    times = np.empty((repeats, len(works), 2))
    for work in works:
        work()
    for row in times:
        for place, work in enumerate(works):
            began = np.array([time.perf_counter(), time.process_time()])
            work()
            row[place] = [time.perf_counter(), time.process_time()] - began
    ours, others = times[:, :1], times[:, 1:]
    found = np.median(ours / others, axis=0)
    each = np.median(ours[:, 0, 0])
    ratios = "".join(f"{wall:9.2f} ({processor:4.2f})" for wall, processor in found)
    return f"{1e3 * each:6.0f}{1e6 * each / evaluations:9.1f}{plan.batch:7}{ratios}"


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    keras.utils.set_random_seed(0)
    print(f"{'':31}{'ms':>6}{'us each':>9}{'batch':>7}{'over bare':>16}{'bare, by 128':>16}{'bare, mapped':>16}")
    for name, made in (
        ("30 features, Dense 16-8", table(16, 8)),
        ("30 features, Dense 64-32", table(64, 32)),
        ("30 features, Dense 512-512-256", table(512, 512, 256)),
        ("60 tokens, LSTM 32", text()),
    ):
        print(f"{name:31}{ratio(*made, repeats)}", flush=True)


if __name__ == "__main__":
    main()
