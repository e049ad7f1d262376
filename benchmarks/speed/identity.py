"""Cost and margin of the check that what is explained is the model itself: milliseconds when a model is bound, and the largest difference that rounding makes.

    python benchmarks/speed/identity.py

The check is three calls of the model on 16 rows each. Its time stands beside that of binding the model (compiling it) and of one explanation.
The first call of an operation is slower, so each network is bound once before it is timed; the median of three is shown, and one explanation of 256 evaluations a probe.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.models import identity

RNG = np.random.default_rng(0)
ROUNDS = 3


def small_cnn() -> keras.Model:
    body = [layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28, 1)), *body])


def table() -> keras.Model:
    return keras.Sequential([keras.Input((20,)), layers.Dense(64, activation="relu"), layers.Dense(2, activation="softmax")])


def recurrent() -> keras.Model:
    return keras.Sequential([keras.Input((100, 4)), layers.Bidirectional(layers.GRU(32)), layers.Dense(5, activation="softmax")])


def images(size: int, channels: int) -> xai.ImageProbes:
    return xai.ImageProbes(RNG.random((16, size, size, channels)).astype(np.float32), segments="grid")


def networks() -> dict[str, tuple[keras.Model, xai.ProbeSet]]:
    rows = RNG.normal(size=(200, 20)).astype(np.float32)
    applications = keras.applications
    return {
        "dense, 20 features": (table(), xai.TabularProbes(rows[:16], background=rows)),
        "CNN, 28 x 28": (small_cnn(), images(28, 1)),
        "bidirectional GRU, 100 steps": (recurrent(), xai.SequenceProbes(RNG.normal(size=(16, 100, 4)).astype(np.float32))),
        "MobileNetV2, 96 x 96": (applications.MobileNetV2((96, 96, 3), weights=None, classes=10), images(96, 3)),
        "EfficientNetB0, 64 x 64": (applications.EfficientNetB0(input_shape=(64, 64, 3), weights=None, classes=10), images(64, 3)),
        "ResNet50, 64 x 64": (applications.ResNet50(input_shape=(64, 64, 3), weights=None, classes=10), images(64, 3)),
    }


def main() -> None:
    print("| network | the check, ms | binding, ms | one explanation, ms | largest difference by rounding |")
    print("|---|---|---|---|---|")
    check = identity.check
    for name, (model, probes) in networks().items():
        times: dict[str, list[float]] = {"check": [], "bind": []}
        margin: list[float] = []

        def timed(steps: identity.Pass, count: int, tolerance: identity.Tolerance, *, own_inputs: bool) -> identity.Identity:
            began = time.perf_counter()
            found = check(steps, count, tolerance, own_inputs=own_inputs)
            times["check"].append(time.perf_counter() - began)  # noqa: B023  # used within the round
            order = range(count)
            through = identity.in_batches(steps, steps.masked(order[::-1], [True] * count), order)[::-1]
            margin.append(float(np.abs(through - found.outputs).max() / np.abs(found.outputs).max()))  # noqa: B023
            return found

        identity.check = timed
        plan = Plan(probes, evaluations=256)
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            engine = Engine(plan, model)
            bound = time.perf_counter()
            times["bind"].append(bound - began)
        began = time.perf_counter()
        engine.run()
        explanation = 1000 * (time.perf_counter() - began)
        identity.check = check
        ms = {what: 1000 * float(np.median(values[1:])) for what, values in times.items()}
        print(f"| {name} | {ms['check']:.0f} | {ms['bind']:.0f} | {explanation:.0f} | {max(margin):.1e} |", flush=True)


if __name__ == "__main__":
    main()
