"""How the engine's time grows with evaluations, probes, players and classes: log-log slopes (1: in proportion, 0: not at all).

    python benchmarks/speed/growth.py [rounds]

A small CNN on 28 x 28 images, LIME and SHAP together. One quantity grows fourfold twice, the others stay; the three sizes are timed in turn in one
process, and the slope is of their medians. The last column is the same for as many bare forward passes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, os.fspath(Path(__file__).parent))

import keras
import numpy as np
from engine_speed import bare_passes, seconds
from keras import layers

from tb_xai_plugin import ImageProbes
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan

USUAL = {"evaluations": 2048, "probes": 8, "players": 49, "classes": 10}
SIZES = {"evaluations": (512, 2048, 8192), "probes": (2, 8, 32), "players": (16, 64, 256), "classes": (10, 40, 160, 1000)}


def network(classes: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *(layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()),
            *(layers.Dense(128, activation="relu"), layers.Dense(classes, activation="softmax")),
        ]
    )


def prepared(evaluations: int, probes: int, players: int, classes: int) -> tuple[object, object]:
    """The engine's run, and bare forward passes of the same number and batch size."""
    images = np.random.default_rng(0).random((probes, 28, 28, 1)).astype(np.float32)
    side = int(np.sqrt(players))
    segments = np.arange(28)[:, None] * side // 28 * side + np.arange(28) * side // 28
    options = {"evaluations": evaluations, "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
    plan = Plan(ImageProbes(images, segments=segments), ("lime", "shap"), **options)
    model = network(classes)
    return Engine(plan, model).run, bare_passes(model, (28, 28, 1), plan.batch, probes * -(-plan.evaluations // plan.batch))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print("| what grows | sizes | engine, seconds | slope | slope of bare forward passes |")
    print("|---|---|---|---|---|")
    for what, sizes in SIZES.items():
        works = [prepared(**{**USUAL, what: size}) for size in sizes]
        times = np.array([[[seconds(work) for work in pair] for pair in works] for _ in range(rounds + 1)])
        engine, bare = np.median(times[1:], axis=0).T
        slopes = [np.polyfit(np.log(sizes), np.log(of), 1)[0] for of in (engine, bare)]
        shown = ", ".join(f"{second:.2f}" for second in engine)
        print(f"| {what} | {', '.join(map(str, sizes))} | {shown} | {slopes[0]:.2f} | {slopes[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
