"""What explaining checkpoints costs: slopes a checkpoint, an evaluation and a probe, throughput with one and two workers, and what they make of 10,000 x 1,000.

    python benchmarks/speed/backfill.py [slopes] [workers]

Digits of 28 x 28 pixels, 10 classes, a small convolutional network, LIME and SHAP with all defaults. Slopes are in processor seconds, without a GPU; for the throughput the
machine does nothing else.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.fspath(Path(__file__).parent.parent.parent))

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai
from tb_xai_plugin.clusters import worker
from tb_xai_plugin.clusters.ledger import Ledger

CHECKPOINTS, PROBES = 10_000, 1_000
X = np.random.default_rng(0).uniform(size=(256, 28, 28, 1)).astype("float32")
Y = np.arange(256) % 10


def checkpoints(folder: Path, count: int) -> dict[int, Path]:
    """Checkpoints of one small network with other weights each."""
    body = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(32, 3, activation="relu"), layers.Flatten()]
    model = keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    paths = {step: folder / f"e{step}.keras" for step in range(count)}
    for path in paths.values():
        model.set_weights([weight * np.float32(1.01) for weight in model.get_weights()])
        model.save(path)
    return paths


class Timed:
    """The processor seconds of each call of a function, over all cores: other programs do not count."""

    def __init__(self, owner: Any, name: str) -> None:
        self.seconds: list[float] = []
        function: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds.append(time.process_time() - began)

        setattr(owner, name, timed)


def slopes(folder: Path) -> None:
    paths = checkpoints(folder, 5)
    put, explain, write = Timed(worker._Bound, "put"), Timed(worker, "explain"), Timed(Ledger, "write_step")
    rows = []
    for probes in (16, 128):
        for timed in (put, explain, write):
            timed.seconds.clear()
        run = xai.explain_checkpoints(paths, xai.ImageProbes(X[:probes], Y[:probes]), folder / f"run{probes}", block=1000)
        size = sum(file.stat().st_size for file in (folder / f"run{probes}" / "xai").glob("*tfevents*"))
        evaluations = int(run.cost["level"][-1])
        # The first checkpoint is traced and compiled.
        rows.append(
            (
                probes,
                evaluations,
                np.median(put.seconds[1:]),
                np.median(explain.seconds[1:]),
                np.median(write.seconds[1:]),
                size / len(paths),
            )
        )
        kilobytes = rows[-1][5] / 1e3
        print(
            f"{probes:4} probes x {evaluations}: load {rows[-1][2]:.3f}, explain {rows[-1][3]:.2f}, write {rows[-1][4]:.3f} core-seconds, {kilobytes:.0f} kB a checkpoint"
        )
    (few, evaluations, load, seconds, write_few, size), (many, _, _, more, write_many, larger) = rows[0], rows[-1]
    an_evaluation = (more - seconds) / (many - few) / evaluations
    write_a_probe, bytes_a_probe = (write_many - write_few) / (many - few), (larger - size) / (many - few)
    print(
        f"slopes: {load:.3f} core-seconds a load, {an_evaluation * 1e6:.1f} µs an evaluation, {write_a_probe * 1e3:.2f} ms and {bytes_a_probe / 1e3:.2f} kB a probe in the head"
    )
    total = CHECKPOINTS * PROBES * evaluations
    tasks = CHECKPOINTS * -(-PROBES // 128)
    print(
        f"{CHECKPOINTS} x {PROBES}: {total:.2e} evaluations, {total * an_evaluation / 3600:.0f} core-hours + {tasks * load / 3600:.1f} h of loads; head "
        f"{CHECKPOINTS * PROBES * write_a_probe / 3600:.1f} h; {CHECKPOINTS * PROBES * bytes_a_probe / 1e9:.0f} GB"
    )


def workers(folder: Path) -> None:
    paths = checkpoints(folder, 16)
    probes = xai.ImageProbes(X[:16], Y[:16])
    for name, executor in {"this thread": None, "2 threads": ThreadPoolExecutor(2), "1 process": 1, "2 processes": 2}.items():
        began = time.perf_counter()
        run = xai.explain_checkpoints(paths, probes, folder / name, executor)
        whole = time.perf_counter() - began
        at = np.array([wall for _, wall, _ in run.writes])[4:]  # processes begin, and compile, once
        print(f"{name:12} {whole:6.1f} s in all; then {(len(at) - 1) / (at[-1] - at[0]):.2f} checkpoints a second")


if __name__ == "__main__":
    for what in sys.argv[1:] or ["slopes", "workers"]:
        with tempfile.TemporaryDirectory() as folder:
            {"slopes": slopes, "workers": workers}[what](Path(folder))
