"""The engine: one pass of model evaluations, read rightly for every kind of model."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np
import pytest
from keras import layers
from support.backends import BACKEND, compiling
from support.games import shapley_by_enumeration
from support.models import IMAGES, LABELS, MODELS, convolutional, functional

import tb_xai_plugin as xai
from tb_xai_plugin.engine import sweep
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.games.tabular_masker import TabularMasker

PROBES = xai.ImageProbes(IMAGES[:8], LABELS[:8])
UNLABELLED = xai.ImageProbes(IMAGES[:8])


def plan(probes: xai.ImageProbes = PROBES, explainers: object = ("lime", "shap"), **options: object) -> Plan:
    return Plan(probes, explainers, **options)


def test_masked_images_show_present_segments_and_the_baseline_elsewhere() -> None:
    masker = SegmentMasker(PROBES)
    coalitions = np.random.default_rng(0).random((20, 16)) < 0.5
    for xp in (np, keras.ops):
        masked = np.asarray(masker.mask(xp, coalitions.astype(np.float32), masker.parts(3)))
        shown = coalitions[:, PROBES.segments[3]][..., None]
        assert np.abs(masked - np.where(shown, IMAGES[3], PROBES.baseline[0])).max() < 1e-6
        assert np.array_equal(
            masked[~np.broadcast_to(shown, masked.shape)],
            np.broadcast_to(PROBES.baseline[0], masked.shape)[~np.broadcast_to(shown, masked.shape)],
        )


def test_shap_of_a_model_equals_exact_enumeration_through_keras_itself() -> None:
    keras.utils.set_random_seed(0)
    model = convolutional()
    labels = np.arange(10).repeat(7)[:64].reshape(8, 8)
    probes = xai.ImageProbes(IMAGES[:8], LABELS[:8], segments=labels)
    explanation = xai.explain(model, probes, "shap", evaluations=1024)["shap"]

    def game(coalitions: np.ndarray) -> np.ndarray:
        shown = coalitions[:, labels][..., None]
        p = model.predict(np.where(shown, IMAGES[5], IMAGES[:8].mean(axis=0)), verbose=0).astype(np.float64)
        return np.log(p[:, 2] / (p[:, 0] + p[:, 1]))

    exact = shapley_by_enumeration(game, 10)
    assert np.abs(explanation.values[5, 2] - exact).max() < 1e-5
    assert explanation.errors.max() < 1e-5


def test_outputs_are_the_models_log_odds_and_shap_sums_to_them() -> None:
    model = functional()
    explanation = xai.explain(model, PROBES)["shap"]
    p = model.predict(PROBES.inputs, verbose=0).astype(np.float64)
    assert np.allclose(explanation.outputs, np.log(p / (1 - p)), atol=1e-5)
    assert np.allclose(explanation.values.sum(axis=-1) + explanation.base_values, explanation.outputs, atol=1e-5)
    assert explanation.to_pixels().shape == (8, 3, 8, 8)
    assert np.array_equal(explanation.to_pixels()[2, 1], explanation.values[2, 1][PROBES.segments[2]])


@pytest.mark.parametrize("name", MODELS)
def test_every_shape_of_model_is_explained_the_same_twice(name: str) -> None:
    model = MODELS[name]()
    model(IMAGES[:2])
    first, second = xai.explain(model, PROBES), xai.explain(model, PROBES)
    for explainer in ("lime", "shap"):
        assert np.array_equal(first[explainer].values, second[explainer].values)
        assert np.isfinite(first[explainer].values).all()


@pytest.mark.skipif(BACKEND == "torch", reason="nothing is compiled on PyTorch")
def test_one_graph_serves_all_probes_and_epochs() -> None:
    model = convolutional()
    engine = Engine(plan(), model)
    called: list[tuple[int, bool]] = []
    original = model.call
    model.call = lambda images, **options: called.append((images.shape[0], compiling(images))) or original(images, **options)
    for _ in range(3):
        engine.run()
        model.set_weights([w + 0.1 for w in model.get_weights()])
    # Nothing is compiled again: only the first probe is compared with the model itself, outside the graph; on JAX, with what would be compiled.
    assert set(called) == {(1, BACKEND == "jax")}
    assert len(called) == 3 or BACKEND == "jax"


def test_a_weight_update_changes_the_next_explanation() -> None:
    model = functional()
    engine = Engine(plan(), model)
    before = engine.run().explanations["shap"].values
    model.set_weights([w * 1.5 for w in model.get_weights()])
    after = engine.run().explanations["shap"].values
    assert np.array_equal(after, xai.explain(model, PROBES)["shap"].values)
    assert not np.array_equal(after, before)


def test_the_model_is_asked_exactly_as_often_as_is_said() -> None:
    asked = []

    def model(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return np.stack([images.mean(axis=(1, 2, 3)), 1 - images.mean(axis=(1, 2, 3))], axis=1)

    engine = Engine(plan(UNLABELLED, evaluations=200, batch_size=64), model)
    asked.clear()
    snapshot = engine.run()
    assert sum(asked) == snapshot.outputs.evaluations == 8 * 256
    assert set(asked) == {64}


def test_a_batch_of_masked_images_is_bounded() -> None:
    photos = np.random.default_rng(0).random((2, 224, 224, 3)).astype(np.float32)
    batch = plan(xai.ImageProbes(photos, segments="grid"), evaluations=1000).batch
    assert batch * photos[0].nbytes <= 64 * 2**20


def test_probes_with_different_numbers_of_segments_are_explained_each_by_its_own() -> None:
    maps = np.stack([np.arange(64).reshape(8, 8) // (4 + 4 * (i % 2)) for i in range(4)])
    probes = xai.ImageProbes(IMAGES[:4], segments=maps)
    assert probes.players.tolist() == [16, 8, 16, 8]
    both = xai.explain(functional_once(), probes)["shap"]
    alone = xai.explain(functional_once(), xai.ImageProbes(IMAGES[:4], segments=maps[1]), evaluations=256)["shap"]
    assert np.isnan(both.values[1, :, 8:]).all()
    assert np.allclose(both.values[1, :, :8], alone.values[1], atol=1e-6)


def functional_once() -> keras.Model:
    keras.utils.set_random_seed(1)
    return functional()


HEADS = {
    "softmax": (lambda: convolutional(3, "softmax"), "sparse_categorical_crossentropy", "softmax", 3),
    "logits": (lambda: convolutional(3, None), keras.losses.SparseCategoricalCrossentropy(from_logits=True), "logits", 3),
    "nothing tells": (lambda: convolutional(3, None), None, "regression", 3),
    "one sigmoid": (lambda: convolutional(1, "sigmoid"), "binary_crossentropy", "sigmoid logits", 2),
    "one logit": (lambda: convolutional(1, None), keras.losses.BinaryCrossentropy(from_logits=True), "sigmoid logits", 2),
    "two sigmoids": (lambda: convolutional(2, "sigmoid"), "binary_crossentropy", "sigmoid logits", 2),
    "another sigmoid": (lambda: convolutional(1, "hard_sigmoid"), "binary_crossentropy", "sigmoid", 2),
    "loss in a list": (lambda: convolutional(1, None), [keras.losses.BinaryCrossentropy(from_logits=True)], "sigmoid logits", 2),
    "a loss of one's own, no labels": (lambda: convolutional(3, None), lambda y, p: keras.ops.mean(y - p), "regression", 3),
    "several sigmoids": (lambda: convolutional(4, "sigmoid"), "binary_crossentropy", "sigmoid logits", 4),
    "regression": (lambda: convolutional(1, None), "mse", "regression", 1),
    "regression of several": (lambda: convolutional(2, None), keras.losses.MeanSquaredError(), "regression", 2),
    "activation layer": (lambda: keras.Sequential([convolutional(1, None), layers.Activation("sigmoid")]), None, "sigmoid logits", 2),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_meaning_of_the_outputs_is_found(name: str) -> None:
    make, loss, kind, classes = HEADS[name]
    model = make()
    model.compile("sgd", loss)
    model(IMAGES[:1])
    engine = Engine(plan(UNLABELLED), model)
    assert (engine.head.kind, engine.classes) == (kind, classes)
    assert np.isfinite(engine.run().explanations["shap"].values).all()


class Gated(keras.Model):
    """The gate is made last, and the outputs are made by another layer."""

    def __init__(self, activation: str | None) -> None:
        super().__init__()
        self.flat, self.out, self.gate = layers.Flatten(), layers.Dense(3, activation), layers.Dense(64, activation="sigmoid")

    def call(self, images: object) -> object:
        flat = self.flat(images)
        return self.out(flat * self.gate(flat))


@pytest.mark.parametrize(
    ("activation", "kind", "by"), [("softmax", "softmax", "the rows sum to 1"), (None, "regression", "the loss is mse")]
)
def test_the_layer_that_was_made_last_is_no_evidence_where_the_numbers_say_otherwise(activation: str | None, kind: str, by: str) -> None:
    keras.utils.set_random_seed(0)
    model = Gated(activation)
    model.compile("sgd", "mse")
    model(IMAGES[:1])
    if not activation:  # outputs between 0 and 1, as those of a sigmoid
        kernel, bias = model.out.get_weights()
        model.out.set_weights([kernel * 0.01, bias + 0.5])
    engine = Engine(plan(), model)
    assert (engine.head.kind, engine.head.by) == (kind, by)
    assert np.allclose(engine.run().outputs.full, model.predict(PROBES.inputs, verbose=0), atol=1e-5)


def test_a_saturated_softmax_is_explained_like_the_same_network_with_logits() -> None:
    keras.utils.set_random_seed(0)
    logits = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    kernel, bias = logits.layers[-1].get_weights()
    logits.layers[-1].set_weights([300 * kernel, bias])
    softmax = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, "softmax")])
    softmax.set_weights(logits.get_weights())
    expected = xai.explain(logits, PROBES, "shap", head="logits")["shap"]
    found = xai.explain(softmax, PROBES, "shap")["shap"]
    assert np.abs(expected.values).max() > 20
    assert np.allclose(found.values, expected.values, atol=1e-3 * np.abs(expected.values).max())


def test_outputs_that_nothing_explains_are_read_as_they_are_and_the_user_is_told_how_to_say_what_they_mean() -> None:
    model = convolutional(3, None)
    model.compile("sgd", lambda y, p: keras.ops.mean(y - p))
    with pytest.warns(
        UserWarning, match=r"nothing tells what the model's 3 outputs mean, so they are read as a regression; .* head='logits'"
    ):
        assert Engine(plan(), model).head.kind == "regression"
    assert Engine(Plan(PROBES, head="logits"), model).head.kind == "logits"


@pytest.mark.parametrize(("head", "kind"), [("softmax", "softmax"), ("sigmoid", "sigmoid logits")])
def test_a_model_that_answers_nan_at_first_is_still_read_rightly(head: str, kind: str) -> None:
    model = convolutional(3, head)
    weights = model.get_weights()
    model.set_weights([w * np.nan for w in weights])
    engine = Engine(plan(), model)
    model.set_weights(weights)
    assert engine.head.kind == kind
    assert np.allclose(engine.run().outputs.full, model.predict(PROBES.inputs, verbose=0), atol=1e-6)


def test_untrained_labels_that_happen_to_sum_to_one_are_still_labels() -> None:
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="sigmoid", kernel_initializer="zeros")])
    assert Engine(plan(UNLABELLED), model).head.kind == "sigmoid logits"


def test_the_masked_images_of_one_batch_are_all_that_is_held() -> None:
    import tracemalloc

    photos = np.random.default_rng(0).random((2, 96, 96, 3)).astype(np.float32)
    engine = Engine(plan(xai.ImageProbes(photos, segments="grid"), evaluations=2048, batch_size=32), lambda x: x.mean(axis=(1, 2)))
    tracemalloc.start()
    engine.run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_batch, one_probe = 32 * photos[0].nbytes, 50 * photos[0].nbytes
    assert peak < 2 * one_batch + 2 * one_probe  # all 2048 would be 226 MB; this is 18 MB


def test_a_saturated_sigmoid_is_explained_from_before_its_activation_which_is_left_as_it_was() -> None:
    model = convolutional(1, "sigmoid")
    model.layers[-1].set_weights([w + 40.0 for w in model.layers[-1].get_weights()])
    activation = model.layers[-1].activation
    explanation = xai.explain(model, UNLABELLED, "shap")["shap"]
    assert model.layers[-1].activation is activation
    assert (model.predict(PROBES.inputs, verbose=0) == 1).all()
    assert explanation.outputs[:, 1].min() > 100
    assert np.allclose(explanation.values[:, 0], -explanation.values[:, 1])


def test_mixed_float16_is_explained_from_float32_log_odds() -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = convolutional()
        engine = Engine(plan(), model)
        snapshot = engine.run()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert engine.head.kind == "logits"
    assert not engine.head.clipped
    explanation = snapshot.explanations["shap"]
    assert np.allclose(explanation.values.sum(axis=-1) + explanation.base_values, explanation.outputs, atol=1e-4)


def test_a_random_forest_is_explained_and_its_zeros_are_clipped() -> None:
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(20, random_state=0).fit(IMAGES.reshape(64, -1), LABELS)
    explanations = xai.explain(lambda images: forest.predict_proba(images.reshape(len(images), -1)), PROBES, output="probability")
    p = forest.predict_proba(PROBES.inputs.reshape(8, -1))
    assert np.allclose(explanations["shap"].outputs, p, atol=1e-4)


def test_answers_that_are_clipped_too_often_for_log_odds_are_said() -> None:
    from sklearn.ensemble import RandomForestClassifier

    x, y = IMAGES.reshape(64, -1), LABELS > 1
    probes = xai.TabularProbes(x[:4], y[:4], background=x)
    forest = RandomForestClassifier(3, random_state=0).fit(x, y)
    with pytest.warns(UserWarning, match=r"^\d\d% of the model's outputs are 0 or 1, .*give output='probability'") as caught:
        found = xai.explain(forest.predict_proba, probes, "shap", evaluations=512)["shap"]
    assert len(caught) == 1
    assert found.clipped == pytest.approx(int(str(caught[0].message).split("%")[0]) / 100, abs=0.006)
    assert 0.05 < found.clipped < 1
    assert xai.explain(forest.predict_proba, probes, "shap", evaluations=512, output="probability")["shap"].clipped == 0
    assert xai.explain(convolutional(), PROBES, "shap")["shap"].clipped == 0


def test_a_callable_that_names_classes_is_doubted_and_one_that_counts_beyond_ten_is_not() -> None:
    from sklearn.ensemble import RandomForestClassifier

    probes = xai.ImageProbes(IMAGES[:4], LABELS[:4])
    with pytest.warns(UserWarning, match=r"returns only the numbers 0, 1, which are read as a regression; .*predict_proba"):
        xai.explain(lambda images: (images.mean(axis=(1, 2, 3)) > 0.5).astype(int), probes)
    xai.explain(lambda images: np.floor(images.sum(axis=(1, 2, 3))), probes)  # warnings are errors in tests
    forest = RandomForestClassifier()
    with pytest.raises(TypeError, match=r"model is RandomForestClassifier, which can't be called; give model.predict_proba"):
        xai.explain(forest, probes)


def test_a_callable_that_fails_is_named_with_its_error() -> None:
    def broken(images: np.ndarray) -> np.ndarray:
        raise KeyError("tempo")

    with pytest.raises(ValueError, match=r"the callable '.*broken' failed on a batch of probes of shape \(8, 8, 1\): KeyError: 'tempo'"):
        xai.explain(broken, PROBES)


def test_a_thousand_classes_keep_the_true_one_and_the_two_likeliest() -> None:
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1000, activation="softmax")])
    explanation = xai.explain(model, PROBES)["shap"]
    order = np.argsort(-model.predict(PROBES.inputs, verbose=0), axis=1)
    assert explanation.targets.shape == (8, 3)
    assert np.array_equal(explanation.targets[:, 0], LABELS[:8])
    for label, targets, likeliest in zip(LABELS[:8], explanation.targets, order, strict=True):
        assert targets[1:].tolist() == [c for c in likeliest if c != label][:2]
    assert xai.explain(model, PROBES, classes=[4, 999])["lime"].targets.tolist() == [[4, 999]] * 8


def test_model_input_feeds_models_with_several_inputs() -> None:
    image, scale = keras.Input((8, 8, 1), name="image"), keras.Input((1,), name="scale")
    outputs = layers.Dense(3, activation="softmax")(layers.Concatenate()([layers.Flatten()(image), scale]))
    model = keras.Model({"image": image, "scale": scale}, outputs)
    probes = xai.ImageProbes(IMAGES[:8], model_input=lambda x: {"image": x, "scale": keras.ops.ones((x.shape[0], 1))})
    p = model.predict({"image": IMAGES[:8], "scale": np.ones((8, 1))}, verbose=0)
    assert np.allclose(xai.explain(model, probes, output="probability")["shap"].outputs, p, atol=1e-6)


@pytest.mark.parametrize("name", HEADS)
def test_raw_explains_the_models_own_numbers(name: str) -> None:
    make, loss, _, classes = HEADS[name]
    model = make()
    model.compile("sgd", loss)
    outputs = xai.explain(model, UNLABELLED, "shap", output="raw")["shap"].outputs
    answers = model.predict(IMAGES[:8], verbose=0)
    assert outputs.shape[1] == classes
    assert np.allclose(outputs[:, -answers.shape[1] :], answers, atol=1e-5)


@pytest.mark.parametrize("output", ["probability", "raw"])
def test_other_outputs_explain_what_they_name(output: str) -> None:
    model = functional()
    explanation = xai.explain(model, PROBES, output=output)["shap"]
    assert np.allclose(explanation.outputs, model.predict(PROBES.inputs, verbose=0), atol=1e-6)


def two_outputs() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = layers.Flatten()(inputs)
    return keras.Model(inputs, [layers.Dense(2)(x), layers.Dense(3)(x)])


MISFITS = {
    "other shape": (
        lambda: convolutional(),
        xai.ImageProbes(np.random.default_rng(0).random((4, 9, 9, 1))),
        "does not accept probes of shape \\(9, 9, 1\\)",
    ),
    "channels first": (
        lambda: keras.Sequential([keras.Input((20, 2)), layers.Conv1D(3, 3), layers.GlobalAveragePooling1D(), layers.Dense(2)]),
        xai.SequenceProbes(np.random.default_rng(0).random((9, 2, 20))),
        r"transpose the probes so that channels come last",
    ),
    "series of another length": (
        lambda: keras.Sequential([keras.Input((20, 2)), layers.Conv1D(3, 3), layers.GlobalAveragePooling1D(), layers.Dense(2)]),
        xai.SequenceProbes(np.random.default_rng(0).random((9, 30, 2))),
        r"the model takes probes of shape \(20, 2\), and these have shape \(30, 2\)",
    ),
    "label out of range": (lambda: convolutional(), xai.ImageProbes(IMAGES[:4], [0, 1, 2, 3]), "label 3 is out of range: .* 3 classes"),
    "names of other classes": (lambda: convolutional(), xai.ImageProbes(IMAGES[:4], class_names=["a", "b"]), "2 names, .* 3 classes"),
    "not built": (lambda: keras.Sequential([layers.Flatten(), layers.Dense(3)]), PROBES, "is not built"),
    "a map, not classes": (lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)]), PROBES, r"shape \(n, 6, 6, 2\)"),
    "two outputs": (two_outputs, PROBES, "2 outputs"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_model_that_does_not_fit_is_refused_with_a_sentence(name: str) -> None:
    make, probes, sentence = MISFITS[name]
    with pytest.raises(ValueError, match=sentence):
        xai.explain(make(), probes)


BAD_OPTIONS = {
    "output": ({"output": "logit"}, "unknown output 'logit'; choose from .*'log-odds'"),
    "evaluations": ({"evaluations": 20}, "too few for 16 players; give at least 66"),
    "evaluations by name": ({"evaluations": "many"}, "choose from \\['auto'\\]"),
    "classes": ({"classes": "true"}, "choose from \\['auto', 'all'\\]"),
    "classes by name": ({"classes": ["cat"]}, "list of different class numbers"),
    "no classes": ({"classes": None}, "list of different class numbers"),
    "half classes": ({"classes": [1.5]}, "list of different class numbers"),
    "classes out of range": ({"classes": [7]}, "class 7, .* 3 classes"),
    "seed": ({"seed": -1}, "seed is -1"),
    "batch_size": ({"batch_size": 0}, "batch_size is 0; give 'auto' or a whole number"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_a_bad_option_is_refused_with_the_valid_ones(name: str) -> None:
    options, sentence = BAD_OPTIONS[name]
    with pytest.raises(ValueError, match=sentence):
        xai.explain(convolutional(), PROBES, **options)


def test_probability_of_a_regression_is_refused() -> None:
    with pytest.raises(ValueError, match="regression"):
        xai.explain(convolutional(1, None), xai.ImageProbes(IMAGES[:4]), output="probability")


def test_a_model_that_answers_nan_is_explained_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="returned NaN or infinity for 8 of 8 probes"):
        explanation = xai.explain(lambda images: np.full((len(images), 2), np.nan), UNLABELLED, "shap")["shap"]
    assert np.isnan(explanation.values).all()


def test_more_segments_than_can_be_explained_are_refused() -> None:
    with pytest.raises(ValueError, match="probe 0 has 1600 segments; give fewer"):
        xai.ImageProbes(np.random.default_rng(0).random((2, 40, 40)), segments=np.arange(1600).reshape(40, 40))


def test_something_else_than_probes_is_refused() -> None:
    with pytest.raises(TypeError, match="give a ProbeSet"):
        xai.explain(convolutional(), IMAGES)


def test_the_same_weights_give_the_same_explanations_bit_for_bit() -> None:
    model, names = convolutional(), ("lime", "shap", "banzhaf", "occlusion", "lime-net", "ig", "grad-cam")
    engine = Engine(Plan(PROBES, names, evaluations=128), model)
    first, second = engine.run(), engine.run()
    again = Engine(Plan(PROBES, names, evaluations=128), model).run()
    for name in names:
        for other in (second, again):
            assert np.array_equal(first.explanations[name].values, other.explanations[name].values), name
            assert np.array_equal(first.explanations[name].errors, other.explanations[name].errors), name


def test_an_explainer_that_announces_other_measures_than_it_gives_is_refused() -> None:
    @dataclass(frozen=True)
    class Wrong(xai.Occlusion):
        name: ClassVar[str] = "wrong"
        fidelity: ClassVar[tuple[str, ...]] = ("r2", "efficiency_gap")

    with pytest.raises(
        ValueError, match=r"'wrong' gave the measures \['efficiency_gap'\], but its `fidelity` names \['efficiency_gap', 'r2'\]"
    ):
        Engine(Plan(PROBES, Wrong()), convolutional()).run()


def test_an_explainer_that_fails_costs_the_others_nothing() -> None:
    def fails(model: object, probes: object) -> None:
        raise ZeroDivisionError("division by zero")

    alone = Engine(plan(explainers="shap", evaluations=66), convolutional())
    both = Engine(plan(explainers=["shap", xai.Custom("mine", fails)], evaluations=66), alone._model)
    expected, snapshot = alone.run().explanations["shap"].values, both.run()
    assert np.array_equal(snapshot.explanations["shap"].values, expected)
    assert np.isnan(snapshot.explanations["mine"].values).all()
    assert snapshot.problem == "explainer 'mine' failed with ZeroDivisionError: division by zero"
    with pytest.raises(ZeroDivisionError, match="explain: explainer 'mine' failed: division by zero"):
        xai.explain(alone._model, PROBES, ["shap", xai.Custom("mine", fails)])


@pytest.mark.parametrize(("players", "evaluations"), [(35, 560), (49, 784), (16, 256), (49, 2000)])
def test_half_the_evaluations_are_half_the_work(players: int, evaluations: int) -> None:
    segments = np.arange(64).reshape(8, 8) * players // 64
    probes = xai.ImageProbes(IMAGES[:2], segments=segments)
    asked: list[int] = []

    def model(images: np.ndarray) -> np.ndarray:
        asked.append(len(images))
        return np.stack([images.mean(axis=(1, 2, 3)), 1 - images.mean(axis=(1, 2, 3))], axis=1)

    engine = Engine(plan(probes, evaluations=evaluations), model)
    for level in engine.plan.levels:
        asked.clear()
        engine.run(level)
        assert sum(asked) <= 2 * level * 1.02


ROWS = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
TABLE = xai.TabularProbes(ROWS[:6], background=ROWS[6:])


def network(*body: keras.layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((5,)), layers.Dense(8, activation="tanh"), *body, layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize(("kept", "made"), [(sweep.KEPT_BYTES, 0), (0, 6)], ids=["kept", "not kept"])
def test_rows_of_a_table_are_made_once_as_far_as_they_are_kept(kept: int, made: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "KEPT_BYTES", kept)
    model, feed, fed = network(), TabularMasker.feed, []
    engine = Engine(Plan(TABLE, evaluations=400), model)
    engine.run()
    monkeypatch.setattr(TabularMasker, "feed", lambda *given: fed.append(1) or feed(*given))
    model.set_weights([weights * 1.5 for weights in model.get_weights()])
    again = engine.run().explanations
    assert len(fed) == made
    fresh = xai.explain(model, TABLE, evaluations=400)
    for name in ("lime", "shap"):
        assert np.array_equal(again[name].values, fresh[name].values), name


def test_batches_in_one_call_answer_as_the_model_does() -> None:
    model = network()
    asked = Engine(Plan(TABLE, evaluations=400, batch_size=7), model)  # 700 batches: many calls, and a last one that is filled up
    plain = Engine(Plan(TABLE, evaluations=400), lambda rows: model.predict(rows, verbose=0, batch_size=1000))
    for name, explained in asked.run().explanations.items():
        assert np.allclose(explained.values, plain.run().explanations[name].values, atol=1e-5), name


def test_a_callable_that_writes_into_its_rows_is_asked_for_the_same_again() -> None:
    def model(rows: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-rows @ np.arange(5)))
        rows[:] = 0
        return np.stack([1 - p, p], axis=1)

    engine = Engine(Plan(TABLE, evaluations=400), model)
    first, second = engine.run().explanations, engine.run().explanations
    assert np.array_equal(first["shap"].values, second["shap"].values)
    assert np.abs(first["shap"].values).max() > 0.1


def test_a_model_that_draws_at_random_is_explained_the_same_twice() -> None:
    class Noisy(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seed = keras.random.SeedGenerator(3)

        def call(self, inputs: object) -> object:
            return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.seed)

    model = network(Noisy())
    with pytest.warns(UserWarning, match="depend on chance: the same batch twice gives"):
        engine = Engine(Plan(TABLE, "shap", evaluations=400, batch_size=10), model)
    state = [np.array(variable) for variable in model.non_trainable_variables]
    first, second = engine.run().explanations["shap"], engine.run().explanations["shap"]
    assert np.array_equal(first.values, second.values)
    assert all(np.array_equal(before, now) for before, now in zip(state, model.non_trainable_variables, strict=True))


def test_a_pickled_plan_has_every_option() -> None:
    """By the signature: an option that is forgotten would be back at its default in the copy."""
    given = {
        "evaluations": 100,
        "output": "probability",
        "classes": [1],
        "seed": 3,
        "batch_size": 5,
        "curves": True,
        "head": "probabilities",
        "model_output": 0,
        "set_name": "species",
    }
    assert given.keys() == inspect.signature(Plan).parameters.keys() - {"probes", "chosen"}
    plan = Plan(xai.TabularProbes(np.eye(12), background=np.eye(12)), "shap", **given)
    again = pickle.loads(pickle.dumps(plan))
    assert again.comparable == plan.comparable
    for name in ("evaluations", "output", "classes", "seed", "batch", "curves", "head", "model_output"):
        assert getattr(again, name) == getattr(plan, name) != getattr(Plan(plan.probes, "shap"), name), name
