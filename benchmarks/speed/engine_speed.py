"""Time of the engine (LIME and SHAP together), and of the `lime` and `shap` packages, over that of the same number of bare forward passes.

    python benchmarks/speed/engine_speed.py [rounds]

All run in turn in one process: the machine is noisy, the ratio is not. A bare forward pass is the compiled model on a batch that is
there already, in batches of the engine's size. Every round times each once, in the other direction every second round. The packages explain fewer
probes (they are slow), and are counted per evaluation:

* as documented: the explainer given `model.predict`, with its own defaults for batches (`lime`: 10), on the engine's segments;
* used well: given a compiled function, in batches of the engine's size, without progress bars, `shap` without feature selection.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tb_xai_plugin import ImageProbes
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan

EVALUATIONS = 1000
Work = Callable[[], object]


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


def seconds(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare_passes(model: keras.Model, shape: tuple[int, ...], batch: int, batches: int) -> Work:
    forward = tf.function(lambda x: model(x, training=False), autograph=False)
    inputs = tf.constant(np.random.default_rng(1).random((batch, *shape)).astype(np.float32))

    def bare() -> None:
        for _ in range(batches):
            forward(inputs).numpy()

    return bare


def packages(model: keras.Model, probes: ImageProbes, plan: Plan) -> dict[str, Work]:
    """Each explains the first probe."""
    import shap
    from lime.lime_image import LimeImageExplainer

    image, segments, baseline = probes.inputs[0], probes.segments[0], probes.baseline[0]
    grey = image.shape[-1] == 1
    compiled = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def channel(x: np.ndarray) -> np.ndarray:
        return np.asarray(x, dtype=np.float32)[..., :1] if grey else np.asarray(x, dtype=np.float32)  # lime makes grey images RGB

    def lime(predict: Callable[[np.ndarray], np.ndarray], batch: int) -> Work:
        explainer = LimeImageExplainer(random_state=0)
        shown = (image[..., 0] if grey else image).astype(np.double)
        options = {"num_samples": EVALUATIONS, "batch_size": batch, "segmentation_fn": lambda _: segments}

        def explain() -> None:
            with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # its progress bars can't be turned off
                explainer.explain_instance(shown, lambda x: predict(channel(x)), **options)

        return explain

    def kernel_shap(predict: Callable[[np.ndarray], np.ndarray], **options: object) -> Work:
        def answers(z: np.ndarray) -> np.ndarray:
            present = (z > 0.5)[:, segments][..., None]
            masked = np.where(present, image, baseline).astype(np.float32)
            return np.concatenate([predict(masked[i : i + plan.batch]) for i in range(0, len(masked), plan.batch)])

        explainer = shap.KernelExplainer(answers, np.zeros((1, segments.max() + 1)))
        return lambda: explainer.shap_values(np.ones((1, segments.max() + 1)), nsamples=EVALUATIONS, silent=True, **options)

    def fast(x: np.ndarray) -> np.ndarray:
        return compiled(tf.constant(x)).numpy()

    def documented(x: np.ndarray) -> np.ndarray:
        return model.predict(x, verbose=0)

    return {
        "`lime`, used well": lime(fast, plan.batch),
        "`lime`, as documented": lime(documented, 10),
        "`shap.KernelExplainer`, used well": kernel_shap(fast, l1_reg=False),
        "`shap.KernelExplainer`, as documented": kernel_shap(documented),
    }


def compare(name: str, model: keras.Model, shape: tuple[int, ...], count: int, rounds: int) -> None:
    images = np.random.default_rng(0).random((count, *shape)).astype(np.float32)
    options = {"evaluations": EVALUATIONS, "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
    probes = ImageProbes(images, segments="grid", baseline="mean")
    plan = Plan(probes, ("lime", "shap"), **options)
    bare = bare_passes(model, shape, plan.batch, count * -(-EVALUATIONS // plan.batch))
    works = {"bare forward passes": bare, "engine, LIME + SHAP": Engine(plan, model).run, **packages(model, probes, plan)}
    explained = {what: count if i < 2 else 1 for i, what in enumerate(works)}
    times: dict[str, list[float]] = {what: [] for what in works}
    for work in works.values():
        work()
    for i in range(rounds):
        for what, work in list(works.items())[:: 1 if i % 2 else -1]:
            # The slow ones are in every fourth round.
            if explained[what] > 1 or i % 4 == 0:
                times[what].append(seconds(work) / explained[what])
    floor = np.array(times["bare forward passes"])
    for what, found in times.items():
        ratio = np.median(np.array(found) / (floor if len(found) == len(floor) else np.median(floor)))
        print(f"| {name} | {what} | {np.median(found) / EVALUATIONS * 1e3:.3f} ms | {ratio:.2f} |", flush=True)


def main() -> None:
    warnings.simplefilter("ignore")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("| model | | an evaluation | over bare forward passes |")
    print("|---|---|---|---|")
    compare("CNN, 28 x 28 x 1", small_cnn(), (28, 28, 1), 8, rounds)
    mobile = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3))
    compare("MobileNetV2, 96 x 96 x 3", mobile, (96, 96, 3), 2, max(4, rounds // 4))


if __name__ == "__main__":
    main()
