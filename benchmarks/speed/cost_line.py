"""The line of cost against what explanations cost: what the log says after the first epoch, and the medians of the epochs after it.

    python benchmarks/speed/cost_line.py [table] [image] [text] [mobilenet]

8 to 16 probes, LIME and SHAP, all defaults otherwise, validation included; the machine does nothing else.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, os.fspath(Path(__file__).parent.parent.parent))

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai
from tb_xai_plugin.probes import ProbeSet

EPOCHS = 6
LINE = re.compile(r"explanations cost .*?, ([\d.,]+) s, ([\d.,]+) % of an epoch's ([\d.,]+) s")

Task = tuple[keras.Model, np.ndarray, np.ndarray, ProbeSet]


def table() -> Task:
    random = np.random.default_rng(0)
    x = random.normal(size=(20_000, 30)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("int64")
    model = keras.Sequential([keras.Input((30,)), layers.Dense(64, "relu"), layers.Dense(32, "relu"), layers.Dense(2, "softmax")])
    return model, x, y, xai.TabularProbes(x[:16], y[:16], background=x[:100])


def image() -> Task:
    random = np.random.default_rng(0)
    x, y = random.uniform(size=(10_000, 28, 28, 1)).astype("float32"), random.integers(0, 10, 10_000)
    body = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(32, 3, activation="relu"), layers.Flatten()]
    return keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Dense(10, "softmax")]), x, y, xai.ImageProbes(x[:12], y[:12])


def text() -> Task:
    random = np.random.default_rng(0)
    ids, y = random.integers(1, 2_000, (4_000, 20)), random.integers(0, 2, 4_000)
    words = [f"w{number}" for number in range(2_000)]

    def encode(texts: list[str]) -> np.ndarray:
        rows = [[int(word[1:]) for word in one.split()] for one in texts]
        return np.array([row + [0] * (20 - len(row)) for row in rows])

    model = keras.Sequential([keras.Input((20,)), layers.Embedding(2_000, 16, mask_zero=True), layers.LSTM(16), layers.Dense(2, "softmax")])
    texts = [" ".join(words[number] for number in row) for row in ids[:12]]
    return model, ids, y, xai.TextProbes(texts, y[:12], encode=encode)


def mobilenet() -> Task:
    random = np.random.default_rng(0)
    x, y = random.uniform(size=(512, 96, 96, 3)).astype("float32"), random.integers(0, 5, 512)
    model = keras.applications.MobileNetV2((96, 96, 3), weights=None, classes=5)
    return model, x, y, xai.ImageProbes(x[:8], y[:8], segments="grid")


TASKS: dict[str, Callable[[], Task]] = {"table": table, "image": image, "text": text, "mobilenet": mobilenet}


def said_and_measured(name: str) -> str:
    """A row of the table."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("tb_xai_plugin")
    logger.addHandler(handler)
    model, x, y, probes = TASKS[name]()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as folder:
        model.fit(x, y, validation_split=0.2, epochs=EPOCHS, verbose=0, callbacks=[xai.ExplanationLogger(folder, probes)])
        run = xai.read_run(folder)
    logger.removeHandler(handler)
    found = next(match for line in lines if (match := LINE.search(line)))
    cost, share, epoch = (float(number.replace(",", "")) for number in found.groups())
    seconds = np.median(run.cost["seconds"][2:])
    of_epoch = np.median([entry["training"] for step, _, entry in run.writes if 0 < step < EPOCHS])
    return (
        f"| {name} | {cost:.2g} s | {seconds:.2g} s | {epoch:.2g} s | {of_epoch:.2g} s | {share:.2g} % | {100 * seconds / of_epoch:.2g} % |"
    )


if __name__ == "__main__":
    print("| model | cost said | measured | epoch said | measured | share said | measured |\n|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or TASKS:
        print(said_and_measured(name), flush=True)
