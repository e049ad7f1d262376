"""What the callback costs a training: seconds in its hooks over the seconds of everything else.

    python benchmarks/speed/overhead.py [image] [tabular] [text]

16 probes, LIME and SHAP, all defaults otherwise; all three kinds where none is named. Images: the demo's network and digits. Tables: 30 features, Dense
64-32. Texts: 5,000 sentences of 20 words, an embedding and an LSTM. Hooks are timed from outside, so binding, compiling, copying weights and writing
all count; not the constructor, which draws the coalitions before training begins.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, os.fspath(Path(__file__).parent.parent.parent))

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai
from demo_training import TRAINING_IMAGES, image_model, load_digits

HOOKS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "_conclude")


class Timed(xai.ExplanationLogger):
    """Adds up the seconds of its hooks."""

    seconds = 0.0


def _timed(name: str) -> Callable[..., None]:
    hook = getattr(xai.ExplanationLogger, name)

    def timed(self: Timed, *arguments: object, **options: object) -> None:
        began = time.perf_counter()
        hook(self, *arguments, **options)
        self.seconds += time.perf_counter() - began

    return timed


for _name in HOOKS:
    setattr(Timed, _name, _timed(_name))


@dataclass(frozen=True)
class Task:
    """What is trained, and explained: inputs and labels to fit, and the probes."""

    build: Callable[[], keras.Model]
    x: np.ndarray
    y: np.ndarray
    probes: xai.ImageProbes | xai.TabularProbes | xai.TextProbes
    batch: int


def images(count: int) -> Task:
    pixels, labels = load_digits()
    x, y = np.resize(pixels[:TRAINING_IMAGES], (count, 28, 28, 1)), np.resize(labels[:TRAINING_IMAGES], count)
    first = slice(TRAINING_IMAGES, TRAINING_IMAGES + 16)
    return Task(image_model, x, y, xai.ImageProbes(pixels[first], labels[first]), 256)


def classifier(*body: layers.Layer) -> keras.Model:
    model = keras.Sequential([*body, layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def rows(count: int) -> Task:
    x = np.random.default_rng(0).normal(size=(count, 30)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.int32)
    probes = xai.TabularProbes(x[:16], y[:16], background=x[16:])
    return Task(lambda: classifier(keras.Input((30,)), layers.Dense(64, "relu"), layers.Dense(32, "relu")), x, y, probes, 64)


def sentences(count: int) -> Task:
    x = np.random.default_rng(0).integers(1, 2000, size=(count, 20), dtype=np.int32)
    y = (x < 50).any(axis=1).astype(np.int32)

    def encode(texts: list[str]) -> np.ndarray:
        numbers = [[int(word[1:]) for word in text.split()] for text in texts]
        return np.array([each + [0] * (20 - len(each)) for each in numbers], dtype=np.int32)

    probes = xai.TextProbes([" ".join(f"w{number}" for number in each) for each in x[:16]], y[:16], encode=encode)
    return Task(lambda: classifier(keras.Input((20,), dtype="int32"), layers.Embedding(2000, 32), layers.LSTM(64)), x, y, probes, 32)


TASKS = {
    "image": [(images, 60_000, 5), (images, 20_000, 12), (images, 4_000, 20)],
    "tabular": [(rows, 20_000, 20), (rows, 200_000, 20), (rows, 2_000, 20)],
    "text": [(sentences, 5_000, 20)],
}


def measure(kind: str, task: Task, epochs: int, max_overhead: float | None) -> None:
    with tempfile.TemporaryDirectory() as log_dir:
        logger = Timed(log_dir, task.probes, max_overhead=max_overhead)
        model = task.build()
        began = time.perf_counter()
        model.fit(task.x, task.y, batch_size=task.batch, epochs=epochs, verbose=0, callbacks=[logger])
        training = time.perf_counter() - began - logger.seconds
        run = xai.read_run(log_dir)
        levels = sorted({int(level) for level in run.cost["level"]})
        explained = f"{len(run.steps)} of {epochs}" + (" + untrained" if run.untrained("shap") is not None else "")
    print(
        f"| {kind}, {len(task.x):,} x {epochs} | {max_overhead or 'none'} | {training / epochs:.2f} s | {explained} | "
        f"{', '.join(map(str, levels)) or '-'} | {logger.seconds:.1f} s | {logger.seconds / training:.1%} |",
        flush=True,
    )


def main() -> None:
    unknown = set(sys.argv[1:]) - set(TASKS)
    if unknown:
        sys.exit(f"overhead.py: unknown kind {', '.join(sorted(unknown))}; choose from {', '.join(TASKS)}.")
    print(
        "| kind, inputs an epoch x epochs | max_overhead | training an epoch | epochs explained | evaluations a probe | explaining | share of training |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind in sys.argv[1:] or TASKS:
        for make, count, epochs in TASKS[kind]:
            task = make(count)
            for max_overhead in (None, 0.05):
                measure(kind, task, epochs, max_overhead)


if __name__ == "__main__":
    main()
