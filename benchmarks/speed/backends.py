"""Keras on TensorFlow, JAX and PyTorch: time of explaining over bare compiled forward passes, and values on the same weights.

    python benchmarks/speed/backends.py [--rounds N] [tensorflow] [jax] [torch]

Each back end has a process of its own, in which the engine (LIME and SHAP) and as many bare passes, on a batch of the engine's size that is there already, run in
turn; the ratio is the median over the rounds, of processor seconds in brackets. A bare pass is what the framework has for it: `tf.function`, `jax.jit`,
`torch.no_grad`. The difference is the largest one of a value from those of the first back end, in log-odds. The gap is the largest one
of Integrated Gradients' sums at 50 steps from the difference of outputs that they should be, relative to the largest such difference, of networks that take numbers.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")
TOKENS, WORDS = 60, 2000
Work = Callable[[], object]


def networks() -> dict[str, tuple[Any, Any, np.ndarray, int]]:
    """{name: (a Keras model, probes, rows that it takes, evaluations)}."""
    import keras
    from keras import layers

    import tb_xai_plugin as xai

    rng = np.random.default_rng(0)
    digits, photos = rng.random((8, 28, 28, 1)).astype(np.float32), rng.random((1, 96, 96, 3)).astype(np.float32)
    quarters = np.arange(16).reshape(4, 4).repeat(24, axis=0).repeat(24, axis=1)[None]
    table = rng.normal(size=(500, 30)).astype(np.float32)
    ids = rng.integers(1, WORDS, size=(8, TOKENS), dtype=np.int32)

    def encode(texts: list[str]) -> np.ndarray:
        given = [[int(word[1:]) for word in text.split()] for text in texts]
        return np.array([row + [0] * (TOKENS - len(row)) for row in given], dtype=np.int32)

    cnn = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")),
        ]
    )
    mlp = keras.Sequential([keras.Input((30,)), layers.Dense(64, "relu"), layers.Dense(32, "relu"), layers.Dense(2, "softmax")])
    lstm = keras.Sequential(
        [keras.Input((TOKENS,), dtype="int32"), layers.Embedding(WORDS, 32), layers.LSTM(32), layers.Dense(2, "softmax")]
    )
    texts = xai.TextProbes([" ".join(f"w{number}" for number in row) for row in ids], encode=encode)
    made = {
        "CNN, 28 x 28": (cnn, xai.ImageProbes(digits, segments="grid"), digits, 1000),
        "MobileNetV2, 96 px": (
            keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3)),
            xai.ImageProbes(photos, segments=quarters),
            photos,
            256,
        ),
        "MLP, 30 features": (mlp, xai.TabularProbes(table[:16], background=table[100:]), table, 1000),
        "LSTM, 60 tokens": (lstm, texts, ids, 512),
    }
    for model, *_ in made.values():
        _same_weights(model)
    return made


def _same_weights(model: Any) -> None:
    """Weights that do not depend on the back end, of the size that Keras begins with, and moving averages of 0 and 1."""
    rng = np.random.default_rng(1)
    values = []
    for weight in model.weights:
        drawn = rng.normal(size=weight.shape) * np.sqrt(2 / max(1, np.prod(weight.shape[:-1])))
        averages = {"moving_variance": np.ones(weight.shape), "moving_mean": np.zeros(weight.shape), "gamma": np.ones(weight.shape)}
        values.append(averages.get(weight.name, drawn if len(weight.shape) > 1 else np.zeros(weight.shape)).astype(np.float32))
    model.set_weights(values)


def bare(model: Any, rows: np.ndarray, batch: int, evaluations: int) -> Work:
    """Forward passes alone, compiled as the framework does it."""
    import keras

    given = keras.ops.convert_to_tensor(np.resize(rows, (batch, *rows.shape[1:])))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(lambda x: model(x, training=False), autograph=False)

        def forward() -> np.ndarray:
            return compiled(given).numpy()
    elif keras.backend.backend() == "jax":
        import jax

        pure = jax.jit(lambda own, fixed, x: model.stateless_call(own, fixed, x, training=False)[0])
        own, fixed = (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
        )

        def forward() -> np.ndarray:
            return np.asarray(pure(own, fixed, given))
    else:
        import torch

        def forward() -> np.ndarray:
            with torch.no_grad():
                return model(given, training=False).cpu().numpy()

    def passes() -> None:
        for _ in range(-(-evaluations // batch)):
            forward()

    return passes


def measured(rounds: int, folder: Path, first: str) -> None:
    """Print the lines of one back end, and save its values. first: the back end whose values it is compared with."""
    import keras

    import tb_xai_plugin as xai
    from tb_xai_plugin.engine.engine import Engine
    from tb_xai_plugin.engine.plan import Plan

    backend = keras.backend.backend()
    for name, (model, probes, rows, evaluations) in networks().items():
        plan = Plan(probes, ("lime", "shap"), evaluations=evaluations)
        began = time.perf_counter()
        engine = Engine(plan, model)
        snapshot = engine.run()
        first_run = time.perf_counter() - began
        asked = snapshot.outputs.evaluations
        # Batches are of one probe each, unless rows are stacked, and the last one is filled up.
        batches = -(-asked // plan.batch) if plan.masker.stacked else len(probes) * -(-asked // len(probes) // plan.batch)
        works: list[Work] = [engine.run, bare(model, rows, plan.batch, batches * plan.batch)]
        works[1]()
        times = np.empty((rounds, 2, 2))
        for i, row in enumerate(times):
            for place in (0, 1) if i % 2 else (1, 0):
                start = np.array([time.perf_counter(), time.process_time()])
                works[place]()
                row[place] = [time.perf_counter(), time.process_time()] - start
        wall, processor = np.median(times[:, 0] / times[:, 1], axis=0)
        gap = ""
        if rows.dtype == np.float32:
            found = xai.explain(model, probes, "ig")["ig"]
            whole = found.outputs - found.base_values
            gap = f"{np.abs(np.nansum(found.values, axis=-1) - whole).max() / np.abs(whole).max():.1e}"
        kept = {explainer: explanation.values for explainer, explanation in snapshot.explanations.items()}
        np.savez(folder / f"{backend}, {name}.npz", **kept)
        with np.load(folder / f"{first}, {name}.npz") as others:
            difference = max(np.nanmax(np.abs(kept[key] - others[key])) for key in kept)
        each = 1e6 * np.median(times[:, 0, 0]) / asked
        cells = [
            name,
            backend,
            f"{each:.1f} µs",
            f"{plan.batch}",
            f"{wall:.2f} ({processor:.2f})",
            f"{first_run:.1f} s",
            gap,
            f"{difference:.0e}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("backends", nargs="*", default=BACKENDS, help=f"of {', '.join(BACKENDS)}; all by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        warnings.simplefilter("ignore")
        measured(options.rounds, options.one, options.backends[0])
        return
    print("| network | back end | an evaluation | batch | over bare passes | binding and first run | gap of IG | difference of values |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for backend in options.backends:
            command = [sys.executable, __file__, "--rounds", str(options.rounds), "--one", folder, options.backends[0]]
            subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=True)


if __name__ == "__main__":
    main()
