"""What is known to go wrong on GPUs, and the time over bare forward passes there, in about five minutes.

    python benchmarks/speed/on_gpu.py [tensorflow] [jax] [torch]

Each back end has a process of its own, and prints one line a check:

* masks: the largest difference of masked images from those that NumPy makes; TensorFloat-32 would make it 1e-4 and more;
* identity: the largest difference of the outputs on full coalitions from the model's own, relative to the largest output;
* padding: a recurrent network with masked steps, of which some rows are all padding, gives finite values, those of a loop;
* memory: a batch that no device has the memory for is halved, with one warning;
* time over bare forward passes, in batches of the engine's size, of two networks.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")
ROUNDS = 5

# Evaluations in one batch of MobileNetV2 at 96 px: some 150 GB.
TOO_MANY = 2**17


def masks(probes: Any) -> float:
    import keras

    from tb_xai_plugin.games.segment_masker import SegmentMasker

    masker = SegmentMasker(probes).for_devices
    rows, parts = masker.feed(np.random.default_rng(0).random((256, masker.players)) < 0.5, 0), masker.parts(0)
    masked = keras.ops.convert_to_numpy(masker.mask(keras.ops, keras.ops.convert_to_tensor(rows), keras.ops.convert_to_tensor(parts)))
    return float(np.abs(masked - masker.mask(np, rows, parts)).max())


def identity(model: Any, probes: Any) -> float:
    import tb_xai_plugin as xai

    found = xai.explain(model, probes, "shap", output="probability", classes="all", evaluations=128)["shap"].outputs
    own = model.predict(probes.inputs, verbose=0)
    return float(np.abs(found - own).max() / np.abs(own).max())


def padding() -> float:
    """The difference from the same network on the same ids, one step after the other, in NumPy's hands: through a callable."""
    import keras
    from keras import layers

    import tb_xai_plugin as xai

    recurrent = layers.GRU(16)
    model = keras.Sequential([keras.Input((20,), dtype="int32"), layers.Embedding(50, 8, mask_zero=True), recurrent, layers.Dense(2)])
    ids = np.random.default_rng(0).integers(1, 50, size=(4, 20))
    probes = xai.SequenceProbes(ids, baseline=0)
    options: dict[str, Any] = {"head": "regression", "evaluations": 256}
    found = xai.explain(model, probes, "shap", **options)["shap"].values
    recurrent.use_cudnn = False
    loop = xai.explain(lambda batch: keras.ops.convert_to_numpy(model(batch, training=False)), probes, "shap", **options)["shap"].values
    return float(np.abs(found - loop).max())


def memory(model: Any, probes: Any) -> str:
    import tb_xai_plugin as xai

    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("tb_xai_plugin").addHandler(handler)
    found = xai.explain(model, probes, "shap", evaluations=TOO_MANY, batch_size=TOO_MANY)["shap"]
    assert np.isfinite(found.values).all()
    halved = [sentence for sentence in said if sentence.startswith("memory ran out")]
    return halved[0] if halved else "all fitted"


def over_bare(model: Any, probes: Any, rows: np.ndarray, evaluations: int) -> str:
    from backends import bare

    from tb_xai_plugin.engine.engine import Engine
    from tb_xai_plugin.engine.plan import Plan

    plan = Plan(probes, ("lime", "shap"), evaluations=evaluations)
    engine = Engine(plan, model)
    calls = len(probes) * -(-engine.run().outputs.evaluations // len(probes) // plan.batch)
    works = [engine.run, bare(model, rows, plan.batch, calls * plan.batch)]
    works[1]()
    times = np.empty((ROUNDS, 2))
    for row in times:
        for place, work in enumerate(works):
            began = time.perf_counter()
            work()
            row[place] = time.perf_counter() - began
    return f"{np.median(times[:, 0] / times[:, 1]):.2f}, {1e6 * np.median(times[:, 0]) / calls / plan.batch:.1f} µs an evaluation, batches of {plan.batch}"


def checked() -> None:
    """Print the lines of one back end."""
    import keras
    from backends import networks

    from tb_xai_plugin.models.compiled import framework

    warnings.simplefilter("ignore")
    backend = keras.backend.backend()
    if framework().on_cpu():
        print(f"{backend}: no GPU is seen; install the build of it for GPUs, and look at CUDA_VISIBLE_DEVICES.")
        return
    made = networks()
    cnn, digits, _, _ = made["CNN, 28 x 28"]
    mobile, photos, _, _ = made["MobileNetV2, 96 px"]
    print(f"{backend}: masks {masks(photos):.1e}", flush=True)
    print(f"{backend}: identity {identity(cnn, digits):.1e}, {identity(mobile, photos):.1e}", flush=True)
    print(f"{backend}: padding {padding():.1e}", flush=True)
    for name in ("CNN, 28 x 28", "MobileNetV2, 96 px"):
        model, probes, rows, _ = made[name]
        print(f"{backend}: {name}, over bare passes {over_bare(model, probes, rows, 8192)}", flush=True)
    print(f"{backend}: memory: {memory(mobile, photos)}", flush=True)


def main() -> None:
    if sys.argv[1:] == ["--here"]:
        checked()
        return
    for backend in sys.argv[1:] or BACKENDS:
        subprocess.run(
            [sys.executable, __file__, "--here"], env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}, check=False
        )


if __name__ == "__main__":
    main()
