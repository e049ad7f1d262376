"""Peak memory of explaining 64 photographs of 224 x 224 pixels with 1,000 evaluations each, above the model's own.

    python benchmarks/speed/memory.py

Takes ten minutes on two cores. Two processes: one evaluates MobileNetV2 on one batch of the engine's size, the other explains. Both hold the images.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

PROBES, SIDE, EVALUATIONS = 64, 224, 1000


def work(which: str) -> None:
    import keras
    import numpy as np

    from tb_xai_plugin import ImageProbes
    from tb_xai_plugin.engine.engine import Engine
    from tb_xai_plugin.engine.plan import Plan

    images = np.random.default_rng(0).random((PROBES, SIDE, SIDE, 3)).astype(np.float32)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(SIDE, SIDE, 3))
    if which == "model":
        import tensorflow as tf

        forward = tf.function(lambda x: model(x, training=False), autograph=False)
        batch = tf.constant(np.resize(images, (int(sys.argv[2]), SIDE, SIDE, 3)))
        for _ in range(3):
            forward(batch).numpy()
    else:
        options = {"evaluations": EVALUATIONS, "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
        plan = Plan(ImageProbes(images, segments="slic"), ("lime", "shap"), **options)
        Engine(plan, model).run()
        print("batch", plan.batch)
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    if len(sys.argv) > 1:
        work(sys.argv[1])
        return

    def run(*arguments: str) -> dict[str, int]:
        output = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True).stdout
        return {line.split()[0]: int(line.split()[1]) for line in output.splitlines() if line.startswith(("batch ", "peak "))}

    engine = run("engine")
    model = run("model", str(engine["batch"]))
    print("| | peak, MB |\n|---|---|")
    print(f"| MobileNetV2 on a batch of {engine['batch']}, 64 images held | {model['peak'] / 1024:.0f} |")
    print(f"| explaining the 64 images, LIME + SHAP, 1,000 evaluations each | {engine['peak'] / 1024:.0f} |")
    print(f"| above the model's own | {(engine['peak'] - model['peak']) / 1024:.0f} |")


if __name__ == "__main__":
    main()
