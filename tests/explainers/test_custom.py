"""Any other method as an explainer: what a function of the user's may give, and what it can't harm."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
from keras import layers
from support.models import IMAGES, LABELS, convolutional

import tb_xai_plugin as xai
from tb_xai_plugin import explainers
from tb_xai_plugin.explainers import Custom, Occlusion
from tb_xai_plugin.explainers.contract import Attribution

PROBES = xai.ImageProbes(IMAGES[:4], LABELS[:4])
UNLABELLED = xai.ImageProbes(IMAGES[:4])
COLOURED = xai.ImageProbes(np.random.default_rng(0).random((4, 8, 8, 2)), LABELS[:4], display=IMAGES[:4])
GREY = xai.ImageProbes(IMAGES[:4, ..., 0], LABELS[:4])
RNG = np.random.default_rng(1)


def three_classes(images: np.ndarray) -> np.ndarray:
    """A model that answers probabilities."""
    means = images.reshape(len(images), -1).mean(axis=1)
    odds = np.exp(np.stack([means, -means, 2 * means], axis=1))
    return odds / odds.sum(axis=1, keepdims=True)


def explained(values: object, probes: xai.ImageProbes = PROBES, **options: object) -> xai.Explanation:
    return xai.explain(three_classes, probes, Custom("mine", lambda model, probes: values), **options)["mine"]


def summed(maps: np.ndarray, probes: xai.ImageProbes) -> np.ndarray:
    """(n, H, W) -> (n, players), pixel by pixel."""
    sums = np.zeros((len(maps), 16))
    for probe in range(len(maps)):
        for row in range(8):
            for column in range(8):
                sums[probe, probes.segments[probe, row, column]] += maps[probe, row, column]
    return sums


OF_ONE_CLASS = {
    "players": (PROBES, RNG.normal(size=(4, 16)), lambda v: v),
    "maps": (PROBES, RNG.normal(size=(4, 8, 8)), lambda v: summed(v, PROBES)),
    "maps with a channel": (PROBES, RNG.normal(size=(4, 8, 8, 1)), lambda v: summed(v[..., 0], PROBES)),
    "maps like coloured inputs": (COLOURED, RNG.normal(size=(4, 8, 8, 2)), lambda v: summed(v.sum(axis=-1), COLOURED)),
    "maps of coloured inputs": (COLOURED, RNG.normal(size=(4, 8, 8, 1)), lambda v: summed(v[..., 0], COLOURED)),
    "a list": (PROBES, RNG.normal(size=(4, 16)).tolist(), np.array),
}


@pytest.mark.parametrize("name", OF_ONE_CLASS)
def test_values_of_one_class_are_the_labels_and_the_other_classes_are_missing(name: str) -> None:
    probes, values, exact = OF_ONE_CLASS[name]
    explanation = explained(values, probes)
    for probe, label in enumerate(LABELS[:4]):
        assert np.allclose(explanation.values[probe, label], exact(values)[probe], atol=1e-5)
        assert np.isnan(np.delete(explanation.values[probe], label, axis=0)).all()
    assert np.isnan(explanation.errors).all()


def test_without_labels_values_of_one_class_are_the_likeliest_ones() -> None:
    values = RNG.normal(size=(4, 16))
    assert np.allclose(explained(values, UNLABELLED).values[:, 2], values, atol=1e-6)  # 2 * mean is the largest logit


@pytest.mark.parametrize("labels", [[1, 0, 1, 1], [7, 0, 3, 9]])
def test_values_of_one_output_of_a_regression_are_the_first_one_whatever_the_labels(labels: list[int]) -> None:
    values, probes = RNG.normal(size=(4, 16)), xai.ImageProbes(IMAGES[:4], labels)
    targets, ends = np.tile([1, 0], (4, 1)), {"full": np.ones((4, 2)), "empty": np.zeros((4, 2))}
    access = SimpleNamespace(model=None, probes=probes, classes=2, regression=True, targets=targets, **ends)
    found = Custom("mine", lambda model, probes: values).explain(access).values
    assert np.array_equal(found[:, 1], values)
    assert np.isnan(found[:, 0]).all()


OF_EVERY_CLASS = {
    "classes, players": (PROBES, RNG.normal(size=(4, 3, 16)), lambda v: v),
    "players, classes": (PROBES, RNG.normal(size=(4, 16, 3)), lambda v: v.transpose(0, 2, 1)),
    "shap's form": (PROBES, RNG.normal(size=(4, 8, 8, 1, 3)), lambda v: np.stack([summed(v[..., 0, c], PROBES) for c in range(3)], 1)),
    "shap's form of colours": (
        *(COLOURED, RNG.normal(size=(4, 8, 8, 2, 3))),
        lambda v: np.stack([summed(v[..., c].sum(axis=-1), COLOURED) for c in range(3)], 1),
    ),
    "grey images": (GREY, RNG.normal(size=(4, 8, 8, 3)), lambda v: np.stack([summed(v[..., c], GREY) for c in range(3)], 1)),
}


@pytest.mark.parametrize("name", OF_EVERY_CLASS)
def test_values_of_every_class_are_each_its_own(name: str) -> None:
    probes, values, exact = OF_EVERY_CLASS[name]
    assert np.allclose(explained(values, probes).values, exact(values), atol=1e-5)
    assert np.allclose(explained(values, probes, classes=[2, 0]).values, exact(values)[:, [2, 0]], atol=1e-5)


def test_players_that_a_probe_does_not_have_stay_missing() -> None:
    maps = np.stack([np.arange(64).reshape(8, 8) // (4 + 4 * (i % 2)) for i in range(4)])
    probes = xai.ImageProbes(IMAGES[:4], LABELS[:4], segments=maps)
    values = np.ones((4, 3, 16))
    values[1, :, 8:] = np.nan
    given = explained(values, probes).values
    assert np.isnan(given[1, :, 8:]).all()
    assert (given[1, :, :8] == 1).all()
    assert (given[0] == 1).all()


BAD_VALUES = {
    "shape": (
        np.zeros((4, 7)),
        ValueError,
        r"Custom 'mine': the function gave values of shape \(4, 7\) for 4 probes .* 16 players and 3 classes; ",
    ),
    "NaN": (np.where(np.arange(4)[:, None] == 2, np.nan, np.zeros((4, 16))), ValueError, "NaN or infinity for probe 2"),
    "nothing": (None, ValueError, r"shape \(\)"),
    "words": ("high", TypeError, "gave str, not an array of numbers"),
    "a ragged list": ([[1, 2], [3]], TypeError, "gave list, not an array of numbers"),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_what_a_function_must_not_give_is_refused_with_a_sentence(name: str) -> None:
    values, error, sentence = BAD_VALUES[name]
    with pytest.raises(error, match=sentence):
        explained(values)


def test_values_that_may_be_of_players_or_of_pixels_are_refused() -> None:
    probes = xai.ImageProbes(IMAGES[:4], LABELS[:4] % 2, segments=np.arange(64).reshape(8, 8) // 8)
    with pytest.raises(ValueError, match="may be of players or of pixels"):
        xai.explain(
            lambda x: np.tile(x.mean(axis=(1, 2, 3))[:, None], 8) * np.arange(8),
            probes,
            Custom("mine", lambda m, p: np.zeros((4, 8, 8))),
            head="logits",
        )


BAD_OPTIONS = {
    "no name": (("", len), ValueError, "name is ''"),
    "a name with a slash": (("a/b", len), ValueError, "without '/'"),
    "no function": (("mine", 3), TypeError, "function is int; give a callable"),
    "settings without JSON": (("mine", len, {"model": object()}), TypeError, "settings can't be written as JSON"),
    "settings that are no dict": (("mine", len, [1]), TypeError, "settings is list; give a dict"),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_a_bad_option_is_refused_at_construction(name: str) -> None:
    arguments, error, sentence = BAD_OPTIONS[name]
    with pytest.raises(error, match=sentence):
        Custom(*arguments)


@pytest.mark.parametrize("given", [Custom("shap", len), 3, Custom, object()])
def test_what_is_no_explainer_or_has_anothers_name_is_refused(given: object) -> None:
    with pytest.raises((ValueError, TypeError), match=r"which is another's name|explainers has"):
        explainers.resolve(given)


class Duck:
    """An explainer that knows nothing of this package's classes."""

    name: ClassVar[str] = "duck"
    fidelity: ClassVar[tuple[str, ...]] = ()

    def __init__(self, size: int) -> None:
        self.size, self._cache = size, object()

    def check(self, model: Any) -> None:
        """Any model will do."""

    def explain(self, asked: Any) -> Attribution:
        values = np.full((*asked.targets.shape, int(asked.probes.players.max())), float(self.size))
        return Attribution(values, base=asked.empty, errors=values * 0)


def test_any_object_that_explains_is_an_explainer() -> None:
    explanations = xai.explain(three_classes, PROBES, [Duck(3), "occlusion"])
    assert (explanations["duck"].values == 3).all()
    assert explainers.settings({"duck": Duck(3)}) == {"duck": {"size": 3}}


def own_method(model: object, probes: object) -> np.ndarray:
    return np.zeros((4, 16))


def test_settings_for_the_record_are_json_that_names_the_function_and_what_it_was_called_with() -> None:
    settings = explainers.settings({"mine": Custom("mine", own_method, {"samples": 200}), "occlusion": Occlusion()})
    assert json.loads(json.dumps(settings)) == {
        "mine": {"name": "mine", "function": "test_custom.own_method", "settings": {"samples": 200}},
        "occlusion": {},
    }


def test_a_run_with_other_settings_is_not_continued(tmp_path: Path) -> None:
    model = convolutional()
    model.compile("sgd", "sparse_categorical_crossentropy")

    def logger(samples: int) -> xai.ExplanationLogger:
        return xai.ExplanationLogger(tmp_path, PROBES, Custom("mine", own_method, {"samples": samples}))

    model.fit(IMAGES, LABELS, verbose=0, callbacks=[logger(200)])
    model.fit(IMAGES, LABELS, verbose=0, callbacks=[logger(200)])
    model.fit(IMAGES, LABELS, verbose=0, callbacks=[logger(100)])
    assert {name: run.steps.tolist() for name, run in xai.read_runs(tmp_path).items()} == {".": [0], "earlier-1": [0, 1]}


def smooth() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="tanh"), layers.Flatten(), layers.Dense(3)])


@pytest.mark.filterwarnings("ignore:.*The structure of `inputs`")  # shap calls models with a list
def test_shaps_gradient_explainer_is_logged_and_agrees_with_integrated_gradients(tmp_path: Path) -> None:
    import shap

    def gradient_shap(model: keras.Model, probes: xai.ImageProbes) -> shap.Explanation:
        return shap.Explanation(shap.GradientExplainer(model, probes.baseline).shap_values(probes.inputs, nsamples=500, rseed=0))

    keras.utils.set_random_seed(0)
    model = smooth()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    methods = [Custom("gradient-shap", gradient_shap, {"nsamples": 500}), "ig"]
    model.fit(IMAGES, LABELS, epochs=2, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, PROBES, methods, output="raw")])
    run = xai.read_run(tmp_path)
    ours, theirs = run.values("ig"), run.values("gradient-shap")
    assert ours.shape == theirs.shape == (2, 4, 3, 16)
    assert np.abs(ours - theirs).max() < 0.1 * np.abs(ours).max()
    assert np.isnan(run.errors("gradient-shap")).all()
    assert run.units == {"gradient-shap": "its own unit", "ig": run.settings["unit"]}


class Saliency:
    """The way Xplique's attributions are used: made with a model, called with inputs and one-hot targets, giving maps (n, H, W)."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    def __call__(self, inputs: np.ndarray, targets: np.ndarray) -> object:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            inputs = tf.constant(inputs)
            tape.watch(inputs)
            scores = tf.reduce_sum(self.model(inputs, training=False) * targets, axis=-1)
        return tf.reduce_max(tf.abs(tape.gradient(scores, inputs)), axis=-1)


def test_a_method_that_is_called_like_xpliques_is_one_line() -> None:
    saliency = Custom("saliency", lambda model, probes: Saliency(model)(probes.inputs, np.eye(3, dtype=np.float32)[probes.labels]))
    weights = RNG.normal(size=(64, 3)).astype(np.float32)
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    model.layers[-1].set_weights([weights, np.zeros(3)])
    values = xai.explain(model, PROBES, saliency, head="logits")["saliency"].values
    for probe, label in enumerate(LABELS[:4]):
        exact = summed(np.abs(weights[:, label]).reshape(1, 8, 8), PROBES)[0]
        assert np.allclose(values[probe, label], exact, atol=1e-5)


@pytest.mark.slow
def test_a_function_that_draws_at_random_or_fails_leaves_training_as_it_was(tmp_path: Path) -> None:
    def drawing(model: keras.Model, probes: xai.ImageProbes) -> np.ndarray:
        return np.random.normal(size=(4, 16))  # noqa: NPY002  what many packages do

    def failing(model: keras.Model, probes: xai.ImageProbes) -> np.ndarray:
        raise RuntimeError("no graph today")

    def train(*callbacks: keras.callbacks.Callback) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        model = convolutional()
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(IMAGES, LABELS, epochs=2, verbose=0, callbacks=list(callbacks))
        return [*(np.array(w) for w in (*model.weights, *model.optimizer.variables)), np.random.random()]  # noqa: NPY002

    plain = train()
    drawn = train(xai.ExplanationLogger(tmp_path / "drawn", PROBES, Custom("mine", drawing)))
    with pytest.warns(UserWarning, match="no graph today"):
        failed = train(xai.ExplanationLogger(tmp_path / "failed", PROBES, Custom("mine", failing)))
    for other in (drawn, failed):
        assert all(np.array_equal(a, b) for a, b in zip(plain, other, strict=True))
    assert np.isfinite(xai.read_run(tmp_path / "drawn").values("mine")).any(axis=(2, 3)).all()
