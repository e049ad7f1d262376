"""Time of the engine (LIME and SHAP together) over the time of the same number of bare forward passes.

    python benchmarks/engine_speed.py [rounds]

Both run in turn in one process: the machine is noisy, the ratio is not. A bare forward pass is the compiled model on a batch that is
there already, in batches of the same size. Every round times both once, and the other first in every second round.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tb_xai_plugin import ImageProbes
from tb_xai_plugin.engine import Engine, Plan

EVALUATIONS = 1000


def small_cnn() -> keras.Model:
    convolutions = [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
    ]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *convolutions,
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def seconds(work: object) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(name: str, model: keras.Model, shape: tuple[int, ...], probes: int, rounds: int) -> None:
    images = np.random.default_rng(0).random((probes, *shape)).astype(np.float32)
    options = {"evaluations": EVALUATIONS, "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
    plan = Plan(ImageProbes(images, segments="grid"), ("lime", "shap"), **options)
    engine = Engine(plan, model)
    forward = tf.function(lambda x: model(x, training=False), autograph=False)
    batch = tf.constant(np.random.default_rng(1).random((plan.batch, *shape)).astype(np.float32))
    batches = probes * -(-EVALUATIONS // plan.batch)

    def bare() -> None:
        for _ in range(batches):
            forward(batch).numpy()

    bare()
    engine.run()
    times = {"bare": [], "engine": []}
    for i in range(rounds):
        for which, work in (("bare", bare), ("engine", engine.run))[:: 1 if i % 2 else -1]:
            times[which].append(seconds(work))
    bare_times, engine_times = np.array(times["bare"]), np.array(times["engine"])
    ratios = engine_times / bare_times
    print(
        f"| {name} | {probes} x {EVALUATIONS} | {np.median(bare_times):.3f} s | {np.median(engine_times):.3f} s "
        f"| {np.median(ratios):.3f} | {engine_times.min() / bare_times.min():.3f} |",
        flush=True,
    )


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("| model | evaluations | bare forward passes | engine, LIME + SHAP | median ratio | ratio of the fastest |")
    print("|---|---|---|---|---|---|")
    compare("CNN, 28 x 28 x 1", small_cnn(), (28, 28, 1), 8, rounds)
    mobile = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    compare("MobileNetV2, 96 x 96 x 3", mobile, (96, 96, 3), 2, max(3, rounds // 4))


if __name__ == "__main__":
    main()
