"""What the callback costs a training: seconds in its hooks over the seconds of everything else.

    python benchmarks/overhead.py

The demo's network and digits, 16 probes, LIME and SHAP, all defaults otherwise. Hooks are timed from outside, so binding, compiling, copying
weights and writing all count.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, os.fspath(Path(__file__).parent.parent))

import numpy as np

import tb_xai_plugin as xai
from demo_training import TRAINING_IMAGES, build_model, load_digits

HOOKS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")


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


def measure(name: str, images: int, epochs: int, max_overhead: float | None) -> None:
    pixels, labels = load_digits()
    x, y = np.resize(pixels[:TRAINING_IMAGES], (images, 28, 28, 1)), np.resize(labels[:TRAINING_IMAGES], images)
    unseen = pixels[TRAINING_IMAGES:], labels[TRAINING_IMAGES:]
    with tempfile.TemporaryDirectory() as log_dir:
        probes = xai.ImageProbes(unseen[0][:16], unseen[1][:16])
        logger = Timed(log_dir, probes, max_overhead=max_overhead)
        began = time.perf_counter()
        build_model().fit(x, y, batch_size=256, epochs=epochs, validation_data=unseen, verbose=0, callbacks=[logger])
        training = time.perf_counter() - began - logger.seconds
        run = xai.read_run(log_dir)
        levels = sorted({int(level) for level in run.cost["level"]})
        explained = f"{len(run.steps)} of {epochs}" + (" + untrained" if run.untrained("shap") is not None else "")
    print(
        f"| {name} | {max_overhead or 'none'} | {training / epochs:.1f} s | {explained} | {', '.join(map(str, levels)) or '-'} "
        f"| {logger.seconds / training:.1%} |",
        flush=True,
    )


def main() -> None:
    print("| images an epoch, epochs | max_overhead | training an epoch | epochs explained | evaluations a probe | share of training |")
    print("|---|---|---|---|---|---|")
    measure("60,000 x 5", 60_000, 5, None)
    measure("60,000 x 5", 60_000, 5, 0.05)
    measure("20,000 x 12", 20_000, 12, 0.05)
    measure("4,000 x 20", 4_000, 20, None)
    measure("4,000 x 20", 4_000, 20, 0.05)


if __name__ == "__main__":
    main()
