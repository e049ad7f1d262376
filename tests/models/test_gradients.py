"""Explainers that ask the model for gradients: Integrated Gradients and Grad-CAM against closed forms, differences and the shap package."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from support.backends import as_array, compiling, on_tensorflow
from support.models import IMAGES, LABELS, convolutional, images_with_signal

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import GradCam, IntegratedGradients
from tb_xai_plugin.explainers.grad_cam import stretched
from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.outputs import Head

OPTIONS = {"evaluations": "auto", "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
PROBES = xai.ImageProbes(IMAGES[:4], LABELS[:4])
UNLABELLED = xai.ImageProbes(IMAGES[:4])


def engine(model: keras.Model, probes: xai.ImageProbes = UNLABELLED, explainers: object = "ig", **options: object) -> Engine:
    return Engine(Plan(probes, explainers, **{**OPTIONS, **options}), model)


@pytest.fixture(scope="module")
def trained() -> tuple[keras.Model, xai.ImageProbes]:
    """A CNN that has learned where class 1 is bright, to probabilities near 0 and 1."""
    keras.utils.set_random_seed(0)
    images, labels = images_with_signal()
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=40, verbose=0)
    return model, xai.ImageProbes(images[:8], labels[:8])


HEADS = [
    (kind, columns, output)
    for kind in ("softmax", "logits", "sigmoid", "sigmoid logits", "regression")
    for columns in (1, 4)
    for output in outputs.OUTPUTS
    if not (columns == 1 and kind in ("softmax", "logits")) and (kind, output) != ("regression", "probability")
]


@pytest.mark.parametrize(("kind", "columns", "output"), HEADS)
def test_what_is_differentiated_is_what_is_explained(kind: str, columns: int, output: str) -> None:
    head = Head(kind, columns)
    scores = np.random.default_rng(0).normal(size=(50, columns)) * 8
    answers = {"softmax": np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), "sigmoid": 1 / (1 + np.exp(-scores))}.get(
        kind, scores
    )
    answers, targets = answers.astype(np.float32), np.arange(head.classes)[::-1].copy()
    in_graph = np.asarray(outputs.explained_in_graph(keras.ops, head, output, keras.ops.convert_to_tensor(answers), targets))
    assert np.allclose(in_graph.T, outputs.explained(head, output, answers, targets), rtol=1e-5, atol=0.02 if kind == "sigmoid" else 1e-5)


@on_tensorflow
@pytest.mark.parametrize("kind", ["softmax", "logits"])
def test_log_odds_keep_their_gradient_where_the_probability_is_rounded_to_one(kind: str) -> None:
    import tensorflow as tf

    z = tf.constant([[40.0, 0.0, -3.0]])
    with tf.GradientTape() as tape:
        tape.watch(z)
        answers = tf.nn.softmax(z) if kind == "softmax" else z
        explained = outputs.explained_in_graph(keras.ops, Head(kind, 3), "log-odds", answers, np.array([0]))
    q = 1 / (1 + np.exp(-3))
    assert np.allclose(tape.gradient(explained, z), [[1, -q, q - 1]], atol=1e-5)
    assert np.allclose(explained, 40 - np.log(1 + np.exp(-3)), atol=1e-4)


def smooth(classes: int, head: str | None) -> keras.Model:
    """Without corners, where a difference quotient is no slope."""
    convolution = [layers.Conv2D(4, 3, activation="tanh"), layers.BatchNormalization(), layers.Flatten()]
    return keras.Sequential([keras.Input((8, 8, 1)), *convolution, layers.Dense(classes, activation=head)])


@pytest.mark.parametrize("output", outputs.OUTPUTS)
@pytest.mark.parametrize(("classes", "head"), [(3, "softmax"), (3, None), (1, "sigmoid")])
def test_gradients_are_the_slope_of_the_engines_own_answers(classes: int, head: str | None, output: str) -> None:
    model = smooth(classes, head)
    model.compile(loss="sparse_categorical_crossentropy" if classes == 3 else "binary_crossentropy")
    bound = engine(model, output=output)
    predictor, targets = bound._predictor, np.arange(bound.classes)
    points = np.random.default_rng(0).random((5, 16)).astype(np.float32)
    found = predictor.gradients(points, 2, targets)
    step = 1e-2
    for player in (0, 7, 15):
        ends = [
            outputs.explained(bound.head, output, predictor.evaluate(points + s * np.eye(16)[player], 2), targets) for s in (step, -step)
        ]
        assert np.allclose(found[:, :, player], (ends[0] - ends[1]) / (2 * step), atol=2e-3)


def linear(weights: np.ndarray) -> keras.Model:
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(weights.shape[1])])
    model.layers[-1].set_weights([weights, np.ones(weights.shape[1])])
    model.compile(loss="mse")
    return model


@pytest.mark.parametrize("steps", [1, 3, 50])
def test_integrated_gradients_of_a_linear_model_are_weight_times_difference_whatever_the_steps(steps: int) -> None:
    weights = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    explanation = xai.explain(linear(weights), UNLABELLED, IntegratedGradients(steps=steps))["ig"]
    each = (weights.T[None] * (IMAGES[:4] - UNLABELLED.baseline).reshape(4, 1, 64)).reshape(4, 2, 8, 8)
    for player in range(16):
        exact = np.where(UNLABELLED.segments[0] == player, each, 0).sum(axis=(2, 3))
        assert np.allclose(explanation.values[:, :, player], exact, atol=1e-5)
    assert (explanation.errors == 0).all()
    assert explanation.fidelity["completeness_gap"].max() < 1e-4


def test_integrated_gradients_sum_to_the_difference_of_a_trained_cnn_within_a_percent(trained: tuple[keras.Model, xai.ImageProbes]) -> None:
    explanation = xai.explain(*trained, "ig")["ig"]
    whole = explanation.outputs - explanation.base_values
    assert np.abs(whole).min() > 1
    gap = np.abs(explanation.values.sum(axis=-1) - whole) / np.abs(whole)
    assert gap.max() < 0.01
    assert np.allclose(explanation.fidelity["completeness_gap"], gap, atol=1e-5)


def test_a_player_that_the_model_ignores_gets_zero(trained: tuple[keras.Model, xai.ImageProbes]) -> None:
    inner, probes = trained
    right = np.zeros((8, 8, 1), np.float32)
    right[:, 4:] = 1
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, inner(layers.Lambda(lambda x: x * keras.ops.convert_to_tensor(right), output_shape=(8, 8, 1))(inputs)))
    values = xai.explain(model, probes, "ig")["ig"].values
    ignored = np.unique(probes.segments[0][:, :4])
    assert (values[..., ignored] == 0).all()
    assert np.abs(np.delete(values, ignored, axis=-1)).min() > 0


@on_tensorflow  # in which the package calls the model
@pytest.mark.filterwarnings("ignore:.*The structure of `inputs`")  # shap calls models with a list
def test_integrated_gradients_agree_with_the_shap_packages_gradient_explainer_with_one_background_image() -> None:
    """With one background image its expectation is over the line alone: Integrated Gradients, sampled."""
    import shap

    model = convolutional(3, None)
    ours = xai.explain(model, UNLABELLED, IntegratedGradients(steps=200), output="raw", classes="all")["ig"].values
    theirs = shap.GradientExplainer(model, UNLABELLED.baseline).shap_values(IMAGES[:4], nsamples=2000, rseed=0)
    for player in range(16):
        summed = np.where(UNLABELLED.segments[0][None, :, :, None, None] == player, theirs, 0).sum(axis=(1, 2, 3))
        assert np.allclose(ours[..., player], summed, atol=0.05 * np.abs(ours).max())


def test_ragged_probes_and_a_few_targets_are_each_explained_alone() -> None:
    maps = np.stack([np.arange(64).reshape(8, 8) // (4 + 4 * (i % 2)) for i in range(4)])
    model = convolutional()
    both = xai.explain(model, xai.ImageProbes(IMAGES[:4], segments=maps), ("ig", "grad-cam"))
    alone = xai.explain(model, xai.ImageProbes(IMAGES[:4], segments=maps[1]), ("ig", "grad-cam"), classes=[2])
    for name in both:
        assert np.isnan(both[name].values[1, :, 8:]).all()
        assert np.allclose(both[name].values[1, 2, :8], alone[name].values[1, 0], atol=1e-6)


def test_gradients_follow_the_weights_and_cost_no_new_graph() -> None:
    model = convolutional()
    bound = engine(model, explainers=("ig", "grad-cam"))
    first = bound.run().explanations
    traces: list[bool] = []
    original = model.call
    model.call = lambda *arguments, **options: traces.append(compiling(arguments[0])) or original(*arguments, **options)
    model.set_weights([w * 1.5 for w in model.get_weights()])
    second = bound.run().explanations
    assert not any(traces)
    model.call = original
    fresh = xai.explain(model, UNLABELLED, ("ig", "grad-cam"))
    for name in first:
        assert np.allclose(second[name].values, fresh[name].values, atol=1e-6)
        assert not np.allclose(second[name].values, first[name].values, atol=1e-3)


@on_tensorflow
def test_no_backward_pass_is_traced_for_explainers_that_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr(tf, "GradientTape", None)
    assert np.isfinite(xai.explain(convolutional(), UNLABELLED)["shap"].values).all()


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_saturated_head_is_differentiated_from_before_its_activation_which_is_left_as_it_was(policy: str) -> None:
    keras.mixed_precision.set_global_policy(policy)
    try:
        model = convolutional(1, "sigmoid")
        model.layers[-1].set_weights([w + 40.0 for w in model.layers[-1].get_weights()])
        activation = model.layers[-1].activation
        explanation = xai.explain(model, UNLABELLED, "ig")["ig"]
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert model.layers[-1].activation is activation
    assert (model.predict(IMAGES[:4], verbose=0) == 1).all()
    assert np.nanmax(explanation.fidelity["completeness_gap"]) < (0.02 if policy == "float32" else 0.2)


def test_grad_cam_of_a_convolution_with_known_weights_is_its_closed_form() -> None:
    """1 x 1 convolutions A_1 = 2 x, A_2 = -x + 1; global mean and Dense [[3], [-1]]: alpha = (3, -1) / 16, map = relu(6 x + x - 1) / 16."""
    inputs = keras.Input((4, 4, 1))
    maps = layers.Conv2D(2, 1, name="maps")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(maps)))
    model.get_layer("maps").set_weights([np.array([[[[2.0, -1.0]]]]), np.array([0.0, 1.0])])
    model.layers[-1].set_weights([np.array([[3.0], [-1.0]]), np.zeros(1)])
    model.compile(loss="mse")
    images = IMAGES[:4, :4, :4]
    probes = xai.ImageProbes(images, segments=np.arange(16).reshape(4, 4))
    values = xai.explain(model, probes, "grad-cam")["grad-cam"].values
    assert np.allclose(values[:, 0], np.maximum(7 * images[..., 0] - 1, 0).reshape(4, 16) / 16, atol=1e-6)


def test_maps_are_stretched_as_keras_resizes_images() -> None:
    maps = np.random.default_rng(0).random((3, 5, 4)).astype(np.float32)
    resized = keras.ops.image.resize(maps[..., None], (17, 30), interpolation="bilinear")
    assert np.allclose(stretched(maps, (17, 30)), np.asarray(resized)[..., 0], atol=1e-6)
    assert np.allclose(stretched(maps, (5, 4)), maps)


class Block(layers.Layer):
    """A layer of layers: nothing that lists a model's layers lists these."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.parts = [layers.Conv2D(3, 3, name="inner"), layers.ReLU()]

    def call(self, inputs: object) -> object:
        for part in self.parts:
            inputs = part(inputs)
        return inputs


class SubclassedCnn(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        # Made in another order than they are called in.
        self.head = layers.Dense(3)
        self.second = layers.Conv2D(3, 3, name="second")
        self.first = layers.Conv2D(4, 3, name="first")
        self.flatten = layers.Flatten()

    def call(self, inputs: object) -> object:
        return self.head(self.flatten(self.second(self.first(inputs))))


def _functional(base: object, head: object | None = None) -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()((head or (lambda x: x))(base(inputs)))))


def _frozen_base() -> keras.Model:
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Conv2D(3, 3)])
    base.trainable = False
    return _functional(base)


NESTED = {
    "Sequential in functional": lambda: _functional(keras.Sequential([layers.Conv2D(4, 3), layers.Conv2D(3, 3)])),
    "functional in functional": lambda: _functional(SubclassedCnn().first, _functional_base()),
    "subclassed": SubclassedCnn,
    "a layer of layers": lambda: keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), Block(), layers.Flatten(), layers.Dense(3)]
    ),
    "frozen": _frozen_base,
    "separable": lambda: _functional(layers.Conv2D(4, 3), layers.SeparableConv2D(3, 3)),
    "depthwise": lambda: _functional(layers.Conv2D(3, 3), layers.DepthwiseConv2D(3)),
    "a 1 x 1 map after it": lambda: _functional(keras.Sequential([layers.Conv2D(4, 3), layers.Conv2D(3, 3), layers.Conv2D(5, 4)])),
}


def _functional_base() -> keras.Model:
    inputs = keras.Input((6, 6, 4))
    return keras.Model(inputs, layers.ReLU()(layers.Conv2D(3, 3)(inputs)))


@pytest.mark.parametrize("name", NESTED)
def test_the_last_convolution_is_found_wherever_it_is_and_left_as_it_was(name: str) -> None:
    model = NESTED[name]()
    model(IMAGES[:2])
    bound = engine(model, explainers="grad-cam")
    explanation = bound.run().explanations["grad-cam"]
    maps, gradients = bound._predictor.last_convolution(0, np.arange(3))
    assert (maps.shape, gradients.shape) == ((4, 4, 3), (3, 4, 4, 3))
    assert np.isfinite(explanation.values).all()
    assert (explanation.values >= 0).all()
    assert explanation.values.max() > 0

    def walk(layer: object) -> list[object]:
        return [layer, *(inner for each in [*getattr(layer, "layers", []), *getattr(layer, "parts", [])] for inner in walk(each))]

    assert all("call" not in vars(layer) for layer in walk(model))


def test_a_layer_by_name_is_read_instead() -> None:
    model = SubclassedCnn()
    model(IMAGES[:2])
    bound = engine(model, explainers=GradCam(layer="first"))
    first = as_array(model.first(IMAGES[:1]))[0]
    assert np.allclose(bound._predictor.last_convolution(0, np.arange(3), "first")[0], first, atol=1e-5)
    values = bound.run().explanations["grad-cam"].values
    assert not np.allclose(values, xai.explain(model, UNLABELLED, "grad-cam")["grad-cam"].values)


def _dense() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(name="flat"), layers.Dense(3, activation="softmax")])


def _rounding() -> keras.Model:
    inputs = keras.Input((8, 8, 1), dtype="uint8")
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(layers.Rescaling(1 / 255)(inputs))))


REFUSED = {
    "a callable": ("ig", lambda: lambda x: x.mean(axis=(1, 2)), "IntegratedGradients needs gradients, and function is not a Keras model"),
    "a callable, for maps": ("grad-cam", lambda: lambda x: x.mean(axis=(1, 2)), "GradCam needs gradients"),
    "no convolution": ("grad-cam", _dense, "needs a convolution, and model .* has none; name a layer"),
    "no such layer": (GradCam(layer="conv9"), convolutional, "has no layer 'conv9'; choose from \\['conv2d"),
    "a layer without maps": (GradCam(layer="flat"), _dense, "layer 'flat' .* gives none \\(flat \\(1, 64\\)\\)"),
    "whole numbers": ("ig", _rounding, "takes uint8; give it a float input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_can_not_be_asked_is_refused_with_a_sentence(name: str) -> None:
    explainer, make, sentence = REFUSED[name]
    with pytest.raises(ValueError, match=sentence):
        xai.explain(make(), UNLABELLED, explainer)
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():  # TensorFlow's own state is as it was: this needs it
        convolutional()


@pytest.mark.parametrize("steps", [0, 1.5, True])
def test_steps_that_are_no_number_of_steps_are_refused(steps: object) -> None:
    with pytest.raises(ValueError, match=r"steps is .*; give a whole number of at least 1"):
        IntegratedGradients(steps=steps)


def test_training_with_gradients_asked_for_is_bit_identical_and_they_are_logged_at_every_epoch(tmp_path: Path) -> None:
    def train(*callbacks: keras.callbacks.Callback) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        model = convolutional()
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(IMAGES, LABELS, epochs=3, verbose=0, callbacks=list(callbacks))
        return [np.array(w) for w in (*model.weights, *model.optimizer.variables)]

    plain = train()
    logged = train(xai.ExplanationLogger(tmp_path, PROBES, ("shap", "ig", "grad-cam"), evaluations=66))
    assert all(np.array_equal(a, b) for a, b in zip(plain, logged, strict=True))
    run = xai.read_run(tmp_path)
    for name in ("ig", "grad-cam"):
        assert run.values(name).shape == (3, 4, 3, 16)
        assert np.isfinite(run.values(name)).all()
    assert (run.errors("ig") == 0).all()
