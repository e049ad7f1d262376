"""Explains and trains small networks on the framework that KERAS_BACKEND names, and saves what came of it: a process of its own in test_backends.

KERAS_BACKEND=jax python -m support.on_backend FILE
"""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import keras
import numpy as np
from keras import layers

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
IMAGES, TABLE = RNG.random((32, 8, 8, 1)).astype(np.float32), RNG.normal(size=(64, 5)).astype(np.float32)
IDS = np.concatenate([RNG.integers(1, 9, size=(4, 6)), np.zeros((4, 2), dtype=np.int64)], axis=1)
LABELS = np.arange(32) % 3

CALLS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    # Normalisation over the batch and dropout tell training from inference.
    "images": (
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
        ],
        lambda: xai.ImageProbes(IMAGES[:4], LABELS[:4]),
        ("shap", "lime", "ig", "grad-cam"),
    ),
    # Its outputs are rounded to 0 and 1: their log-odds are below the activation alone.
    "saturated": (
        [keras.Input((5,)), layers.Dense(8, "tanh"), layers.Rescaling(90.0)],
        lambda: xai.TabularProbes(TABLE[:4], background=TABLE),
        ("shap", "ig"),
    ),
    "padded": (
        [keras.Input((8,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True), layers.GRU(4)],
        lambda: xai.SequenceProbes(IDS),
        ("shap",),
    ),
}


def network(name: str) -> keras.Model:
    """With weights that do not depend on the framework."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            *(type(layer).from_config(layer.get_config()) if isinstance(layer, layers.Layer) else layer for layer in CALLS[name][0]),
            layers.Dense(3, "softmax"),
        ]
    )
    rng = np.random.default_rng(1)
    model.set_weights([weight if np.ptp(weight) == 0 else rng.normal(size=weight.shape, scale=0.5) for weight in model.get_weights()])
    return model


def explained() -> dict[str, np.ndarray]:
    """{network/explainer: values}, and the completeness gaps of Integrated Gradients."""
    found = {}
    for name, (_, probes, explainers) in CALLS.items():
        for explainer, explanation in xai.explain(network(name), probes(), explainers, classes="all").items():
            found[f"{name}/{explainer}"] = explanation.values
            if explainer == "ig":
                whole = np.abs(explanation.outputs - explanation.base_values).max()
                found[f"gap/{name}"] = np.abs(explanation.values.sum(axis=-1) - explanation.outputs + explanation.base_values) / whole
    return found


def trained(*callbacks: keras.callbacks.Callback) -> list[Any]:
    """All that a training leaves: weights, the state of the optimizer, metrics, and the next random numbers."""
    keras.utils.clear_session()
    model = network("images")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        IMAGES, LABELS, epochs=2, batch_size=16, verbose=0, validation_data=(IMAGES, LABELS), callbacks=list(callbacks)
    ).history
    kept = [keras.ops.convert_to_numpy(variable) for variable in (*model.variables, *model.optimizer.variables)]
    drawn = [np.random.random(), float(keras.ops.convert_to_numpy(keras.random.uniform(())))]  # noqa: NPY002  # the global state
    return [*kept, np.array(list(history.values())), np.array(drawn)]


def main() -> None:
    found = explained()
    with tempfile.TemporaryDirectory() as folder:
        logger = xai.ExplanationLogger(folder, CALLS["images"][1](), ("shap", "ig", "grad-cam"), evaluations=66, on_error="raise")
        plain, logged = trained(), trained(logger)
        run = xai.read_run(folder)
    found["steps"] = run.steps
    found["same"] = np.array([np.array_equal(one, other) for one, other in zip(plain, logged, strict=True)])
    found["framework"] = np.array(keras.backend.backend())
    np.savez(sys.argv[1], **found)


if __name__ == "__main__":
    main()
