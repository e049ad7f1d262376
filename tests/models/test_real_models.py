"""Models as people train them: what the engine hears is what the model itself says to inputs that were masked by hand."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from support.models import IMAGES, LABELS, Subclassed, convolutional, functional
from support.records import ROOT

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import ModelOutputs

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (32, 8, 8, 3)).astype(np.uint8)


def quarters(side: int) -> np.ndarray:
    """Four segments: all 16 coalitions are few evaluations even of a large model."""
    upper, left = np.arange(side) < side // 2, np.arange(side) < side // 2
    return 2 * ~upper[:, None] + ~left[None, :]


def masked(probes: xai.ImageProbes, probe: int, masks: np.ndarray) -> np.ndarray:
    """Inputs masked pixel by pixel in float64."""
    baseline = probes.baseline[probe if len(probes.baseline) > 1 else 0].astype(np.float64)
    shown = masks[:, probes.segments[probe]][..., None]
    return np.where(shown, probes.pixels[probe].astype(np.float64), baseline).reshape(len(masks), *probes.inputs.shape[1:])


def agrees(model: object, probes: xai.ImageProbes, direct: Callable[[np.ndarray], np.ndarray], atol: float = 1e-5) -> ModelOutputs:
    """The engine's answers, all of which are the model's own."""
    options = {"evaluations": "auto", "output": "probability", "classes": "auto", "seed": 0, "batch_size": "auto"}
    engine = Engine(Plan(probes, "shap", **options), model)
    answers = engine.run().outputs
    for probe, game in enumerate(answers.games):
        said = direct(masked(probes, probe, engine.plan.masks(probe, engine.plan.evaluations)))
        assert np.abs(game - said[:, answers.targets[probe]]).max() < atol
    return answers


def predicting(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    return lambda inputs: model.predict(inputs.astype(np.float32), verbose=0)


def test_mobilenet_is_explained_rightly_for_the_true_class_and_the_two_likeliest() -> None:
    keras.utils.set_random_seed(0)
    images = RNG.random((2, 224, 224, 3)).astype(np.float32) * 2 - 1
    model = keras.applications.MobileNetV2(weights=None)
    # Initial features are near 1e-11, and so 1,000 classes equally likely. These logits scatter by 3.
    kernel, bias = model.layers[-1].get_weights()
    features = keras.Model(model.inputs, model.layers[-2].output).predict(images, verbose=0)
    model.layers[-1].set_weights([kernel * (3 / (features @ kernel).std()), bias])
    answers = agrees(model, xai.ImageProbes(images, [7, 999], segments=quarters(224)), predicting(model), atol=1e-4)
    likeliest = np.argsort(-model.predict(images, verbose=0), axis=1)
    for label, targets, order in zip([7, 999], answers.targets, likeliest, strict=True):
        assert targets.tolist() == [label, *[c for c in order if c != label][:2]]


def test_mobilenet_is_explained_by_every_explainer_at_once() -> None:
    keras.utils.set_random_seed(0)
    images = RNG.random((1, 96, 96, 3)).astype(np.float32) * 2 - 1
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=2)
    explanations = xai.explain(model, xai.ImageProbes(images, segments=quarters(96)), ("lime", "shap", "occlusion", "ig", "grad-cam"))
    for explanation in explanations.values():
        assert np.isfinite(explanation.values).all()
    assert np.allclose(explanations["ig"].values.sum(axis=-1), explanations["shap"].values.sum(axis=-1), atol=1e-4)


def _two_inputs() -> keras.Model:
    image, shape = keras.Input((8, 8, 1)), keras.Input((2,))
    x = layers.Concatenate()([layers.Flatten()(layers.Conv2D(4, 3)(image)), shape])
    return keras.Model([image, shape], layers.Dense(3, activation="softmax")(x))


def test_a_model_of_two_inputs_is_trained_logged_and_explained_rightly(tmp_path: Path) -> None:
    def moments(images: object) -> list[object]:
        flat = keras.ops.reshape(images, (-1, 64))
        return [images, keras.ops.stack([keras.ops.mean(flat, axis=1), keras.ops.max(flat, axis=1)], axis=1)]

    model = _two_inputs()
    model.compile("adam", "sparse_categorical_crossentropy")
    probes = xai.ImageProbes(IMAGES[:3], LABELS[:3], segments=quarters(8), model_input=moments)
    inputs = [np.asarray(array) for array in moments(IMAGES)]
    model.fit(inputs, LABELS, epochs=2, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, probes, ("shap", "ig", "grad-cam"))])
    agrees(model, probes, lambda x: model.predict([np.asarray(array) for array in moments(x.astype(np.float32))], verbose=0))
    run = xai.read_run(tmp_path)
    for name in run.explainers:
        assert np.isfinite(run.values(name)).all()


def _preprocessing() -> keras.Model:
    normalization = layers.Normalization()
    normalization.adapt(BYTES / 255)
    inside = [layers.Rescaling(1 / 255), layers.RandomFlip(), layers.RandomRotation(0.2), normalization]
    return keras.Sequential(
        [keras.Input((8, 8, 3)), *inside, layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(3, "softmax")]
    )


def test_preprocessing_and_augmentation_inside_the_model_work_as_in_inference_and_training_is_untouched(tmp_path: Path) -> None:
    probes = xai.ImageProbes(BYTES[:3], LABELS[:3], segments=quarters(8))

    def train(*callbacks: keras.callbacks.Callback) -> keras.Model:
        keras.utils.set_random_seed(0)
        model = _preprocessing()
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(BYTES.astype(np.float32), LABELS[:32], epochs=2, verbose=0, callbacks=list(callbacks))
        return model

    plain, logged = train(), train(xai.ExplanationLogger(tmp_path, probes, ("shap", "ig")))
    assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), logged.get_weights(), strict=True))
    agrees(logged, probes, predicting(logged))


def _of_bytes() -> keras.Model:
    inputs = keras.Input((8, 8, 3), dtype="uint8")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def test_a_model_that_takes_bytes_gets_masked_pixels_rounded_not_cut_off(tmp_path: Path) -> None:
    model = _of_bytes()
    model.compile("adam", "sparse_categorical_crossentropy")
    probes = xai.ImageProbes(BYTES[:3], LABELS[:3], segments=quarters(8))
    assert (probes.baseline % 1 > 0).any()
    model.fit(BYTES, LABELS[:32], epochs=2, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, probes)])
    agrees(model, probes, lambda x: model.predict(np.rint(x).astype(np.uint8), verbose=0))
    assert np.allclose(xai.read_run(tmp_path).outputs[-1], model.predict(BYTES[:3], verbose=0), atol=1e-6)


def test_a_subclassed_model_and_one_in_half_precision_are_explained_rightly() -> None:
    probes = xai.ImageProbes(IMAGES[:3], LABELS[:3], segments=quarters(8))
    model = Subclassed()
    model(IMAGES[:1])
    agrees(model, probes, predicting(model))
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = convolutional()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    agrees(half, probes, predicting(half), atol=5e-3)


def test_a_random_forest_is_explained_rightly() -> None:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(20, random_state=0).fit(IMAGES.reshape(64, -1), LABELS)
    probes = xai.ImageProbes(IMAGES[:3], LABELS[:3], segments=quarters(8))

    def proba(images: np.ndarray) -> np.ndarray:
        return forest.predict_proba(images.reshape(len(images), -1))

    agrees(proba, probes, proba, atol=1e-4)  # its zeros are clipped


def _attention() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    patches = layers.Reshape((16, 8))(layers.Conv2D(8, 2, strides=2)(inputs))
    x = layers.LayerNormalization()(patches + layers.MultiHeadAttention(2, 4)(patches, patches))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(layers.Dense(8, "gelu")(x))))


def test_attention_is_explained_rightly_and_its_gradients_are_complete() -> None:
    keras.utils.set_random_seed(0)
    model = _attention()
    probes = xai.ImageProbes(IMAGES[:3], LABELS[:3], segments=quarters(8))
    agrees(model, probes, predicting(model))
    explanation = xai.explain(model, probes, "ig")["ig"]
    assert np.allclose(explanation.values.sum(axis=-1), explanation.outputs - explanation.base_values, atol=1e-3)


PROBES = xai.ImageProbes(IMAGES[:2], LABELS[:2])
LIMIT = 50


class Greedy(layers.Layer):
    """A layer whose device has no memory for more than LIMIT inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[int] = []

    def call(self, inputs: object) -> object:
        import tensorflow as tf

        def allocate(size: object) -> object:
            if size > LIMIT:
                self.refused.append(int(size))
                raise MemoryError
            return size

        with tf.control_dependencies([tf.py_function(allocate, [tf.shape(inputs)[0]], tf.int32)]):
            return tf.identity(inputs)


def test_a_device_without_memory_gets_smaller_batches_and_the_same_is_said(caplog: pytest.LogCaptureFixture) -> None:
    keras.utils.set_random_seed(0)
    inner, greedy = functional(), Greedy()
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, inner(greedy(inputs)))
    with caplog.at_level(logging.WARNING, "tb_xai_plugin"):
        engine = Engine(
            Plan(PROBES, "shap", evaluations=256, output="log-odds", classes="auto", seed=0, batch_size=200),
            model,
        )
        again, first = engine.run().explanations["shap"], engine.run().explanations["shap"]
    assert greedy.refused == [200, 100]  # once each, and 50 from then on
    assert [record.getMessage() for record in caplog.records] == [
        "memory ran out with 200 evaluations in a batch, so batches now have 50; the results are the same to rounding. "
        "Give batch_size=50 to start with this size."
    ]
    assert np.array_equal(first.values, again.values)
    assert np.allclose(first.values, xai.explain(inner, PROBES, "shap", evaluations=256)["shap"].values, atol=1e-5)


def test_gradients_of_a_device_without_memory_come_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    keras.utils.set_random_seed(0)
    monkeypatch.setattr(sys.modules[__name__], "LIMIT", 10)
    inner, greedy = functional(), Greedy()
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, inner(greedy(inputs)))
    found = xai.explain(model, PROBES, "ig", batch_size=2)["ig"]
    assert greedy.refused == [32, 16]
    assert np.allclose(found.values, xai.explain(inner, PROBES, "ig")["ig"].values, atol=1e-5)


def test_a_callable_without_memory_gets_smaller_batches_and_one_that_never_has_any_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def model(images: np.ndarray, limit: int = 20) -> np.ndarray:
        if len(images) > limit:
            raise MemoryError(f"no room for {len(images)}")
        flat = images.reshape(len(images), -1)
        return np.stack([flat.sum(axis=1), -flat[:, 0], flat[:, 5]], axis=1)

    small = xai.explain(model, PROBES, "shap", batch_size=100, head="logits")["shap"].values
    assert "batches now have 13" in caplog.text
    assert np.allclose(small, xai.explain(lambda x: model(x, 1000), PROBES, "shap", head="logits")["shap"].values, atol=1e-6)
    with pytest.raises(ValueError, match="MemoryError: no room for 1"):
        xai.explain(lambda x: model(x, 0), PROBES, "shap")


MIRRORED = """
import sys
import keras, numpy as np, tensorflow as tf
from keras import layers

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import tb_xai_plugin as xai
from support.models import IMAGES, LABELS

asked = []

class Spy(layers.Layer):
    def call(self, inputs, training=False):
        if training:
            return inputs
        device = tf.identity(inputs).device[-5:]
        number = tf.py_function(lambda size: asked.append((device, int(size))) or 0, [tf.shape(inputs)[0]], tf.int32)
        with tf.control_dependencies([number]):
            return tf.identity(inputs)

def build():
    body = [Spy(), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten()]
    return keras.Sequential([keras.Input((8, 8, 1)), *body, layers.Dense(3, activation="softmax")])

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
with strategy.scope():
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy")
probes = xai.ImageProbes(IMAGES[:4], LABELS[:4])
methods = ("lime", "shap", "ig", "grad-cam")
logger = xai.ExplanationLogger(sys.argv[1], probes, methods, evaluations=130, batch_size=33)
model.fit(IMAGES, LABELS, epochs=2, batch_size=16, verbose=0, callbacks=[logger])
# What is on another device, or has another size, is the comparison with the model itself, once, when it is bound.
asked = [one for one in asked if one in (("CPU:0", 17), ("CPU:1", 17), ("", 32), ("", 1))]
# Each device has half of 33, rounded up; gradients (32 steps, and a whole probe) are asked of the first.
assert set(asked) == {("CPU:0", 17), ("CPU:1", 17), ("", 32), ("", 1)}, asked
assert asked.count(("CPU:0", 17)) == asked.count(("CPU:1", 17)) >= 3 * 4 * 4  # three times explained, four probes, four batches

alone = build()
alone.set_weights(model.get_weights())
single = xai.explain(alone, probes, methods, evaluations=130)
run = xai.read_run(sys.argv[1])
assert run.steps.tolist() == [0, 1]
for name in methods:
    np.testing.assert_allclose(run.values(name)[-1], single[name].values, atol=1e-5)
print("as one")
"""


def test_a_mirrored_strategys_devices_share_the_evaluations_and_write_one_record(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MIRRORED, str(tmp_path / "run")]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": "", "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.stdout.strip().endswith("as one"), done.stderr[-3000:]
