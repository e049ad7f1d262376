"""Time of explaining tables and texts over that of bare forward passes, as many and in batches of the same size, in turn in one process.

    python benchmarks/kinds_speed.py [repeats]

16 probes, 1,000 evaluations each, LIME and SHAP together; the same at 128 rows a batch, as people call a model who have not thought about it.
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
from tb_xai_plugin.engine import Engine
from tb_xai_plugin.plan import Plan

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


def ratio(model: keras.Model, probes: xai.TabularProbes | xai.TextProbes, rows: np.ndarray, repeats: int) -> str:
    plan = Plan(probes, evaluations=EVALUATIONS)
    engine = Engine(plan, model)
    evaluations = engine.run().answers.evaluations
    passes = {batch: bare(model, rows, batch, evaluations) for batch in (plan.batch, 128)}
    times = np.empty((repeats, 3))
    for run in [*passes.values(), engine.run]:
        run()
    for row in times:
        for place, run in enumerate([*passes.values(), engine.run]):
            began = time.perf_counter()
            run()
            row[place] = time.perf_counter() - began
    ours = times[:, 2:] / times[:, :2]
    same, small = np.median(ours, axis=0)
    return f"{1e3 * np.median(times[:, 2]):8.0f}{1e6 * np.median(times[:, 2]) / evaluations:10.1f}{same:14.2f} (batch {plan.batch:4}){small:12.2f}"


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    keras.utils.set_random_seed(0)
    print(f"{'':34}{'ms':>8}{'us each':>10}{'of bare passes':>14}{'':13}{'of bare, 128':>12}")
    for name, made in (
        ("30 features, Dense 16-8", table(16, 8)),
        ("30 features, Dense 64-32", table(64, 32)),
        ("30 features, Dense 512-512-256", table(512, 512, 256)),
        ("60 tokens, LSTM 32", text()),
    ):
        print(f"{name:34}{ratio(*made, repeats)}", flush=True)


if __name__ == "__main__":
    main()
