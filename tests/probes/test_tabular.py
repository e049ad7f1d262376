"""Rows of a table as probes: Shapley values against enumeration and the `shap` package, errors that hold, groups, units, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas
import pytest
import scipy.sparse
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from support.games import banzhaf_by_enumeration, shapley_by_enumeration

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import Lime
from tb_xai_plugin.games.coalitions import build_design
from tb_xai_plugin.games.tabular_masker import TabularMasker
from tb_xai_plugin.probes.tables.references import in_turn, summarised

Model = Callable[[np.ndarray], np.ndarray]


def table(load: Callable[..., Any]) -> tuple[np.ndarray, np.ndarray, Any]:
    """Standardised rows in random order, their classes, and the data set."""
    data = load()
    order = np.random.default_rng(0).permutation(len(data.target))
    return StandardScaler().fit_transform(data.data)[order].astype(np.float32), data.target[order], data


def network(features: int, classes: int, x: np.ndarray, y: np.ndarray, epochs: int = 50) -> keras.Model:
    """As every guide has it."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(8, "relu"), keras.layers.Dense(classes, "softmax")]
    model = keras.Sequential([keras.Input((features,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=16, verbose=0)
    return model


def log_odds(model: keras.Model) -> Model:
    """The same quantity as `output="log-odds"`, in float64 from the model's probabilities."""

    def answers(rows: np.ndarray) -> np.ndarray:
        p = np.asarray(model(rows.astype(np.float32), training=False)).astype(np.float64)
        return np.log(p) - np.log(np.stack([np.delete(p, c, axis=1).sum(axis=1) for c in range(p.shape[1])], axis=1))

    return answers


def interventional(model: Model, row: np.ndarray, references: np.ndarray, target: int) -> Callable[[np.ndarray], np.ndarray]:
    """v(S) = mean over reference rows b of f(x on S, b elsewhere)."""

    def game(coalitions: np.ndarray) -> np.ndarray:
        mixed = np.where(coalitions[:, None], row, references[None])
        return model(mixed.reshape(-1, len(row)))[:, target].reshape(len(coalitions), -1).mean(axis=1)

    return game


@pytest.fixture(scope="module")
def iris() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    x, y, _ = table(load_iris)
    return network(4, 3, x, y), x, y


@pytest.fixture(scope="module")
def wine() -> tuple[keras.Model, np.ndarray, np.ndarray]:
    x, y, _ = table(load_wine)
    return network(13, 3, x, y, epochs=30), x, y


def test_on_iris_shap_is_exact_without_being_asked(iris: tuple[keras.Model, np.ndarray, np.ndarray]) -> None:
    model, x, y = iris
    probes = xai.TabularProbes(x[:6], y[:6], background=x[20:])
    found = xai.explain(model, probes, "shap")["shap"]
    for probe, target in product(range(6), range(3)):
        exact = shapley_by_enumeration(interventional(log_odds(model), x[probe], probes.references, target), 4)
        assert np.abs(found.values[probe, target] - exact).max() <= 1e-5 * np.abs(exact).max()
    assert (found.errors == 0).all()
    assert np.abs(found.base_values + found.values.sum(axis=-1) - found.outputs).max() < 1e-4


def test_on_wine_the_average_over_the_background_is_exact_with_all_coalitions(wine: tuple[keras.Model, np.ndarray, np.ndarray]) -> None:
    model, x, y = wine
    probes = xai.TabularProbes(x[:1], y[:1], background=x[20:], references=10, absent="average")
    found = xai.explain(model, probes, "shap", evaluations=2**13 * 10)["shap"]
    for target in range(3):
        exact = shapley_by_enumeration(interventional(log_odds(model), x[0], probes.references, target), 13)
        assert np.abs(found.values[0, target] - exact).max() <= 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("which", ["iris", "wine"])
def test_values_are_those_of_the_shap_package_with_the_same_background(which: str, request: pytest.FixtureRequest) -> None:
    import shap

    model, x, y = request.getfixturevalue(which)
    options = {"evaluations": 2**13 * 10} if which == "wine" else {}
    probes = xai.TabularProbes(x[:1], y[:1], background=x[20:], references=10, absent="average")
    found = xai.explain(model, probes, "shap", output="probability", **options)["shap"]
    explainer = shap.KernelExplainer(lambda rows: np.asarray(model(rows.astype(np.float32))), probes.references)
    theirs = explainer.shap_values(x[:1], nsamples=2**13 if which == "wine" else "auto", l1_reg=False, silent=True)[0].T
    assert np.abs(found.values[0] - theirs).max() <= 1e-5 * np.abs(theirs).max()
    assert np.abs(found.base_values[0] - explainer.expected_value).max() < 1e-6


@pytest.mark.slow
def test_one_reference_row_in_turn_is_near_the_average_and_its_errors_hold() -> None:
    """30 features, 480 evaluations where the average over the background takes 48,000."""
    x, y, _ = table(load_breast_cancer)
    model = network(30, 2, x[100:], y[100:], epochs=15)
    probes = xai.TabularProbes(x[:8], y[:8], background=x[100:])
    truth = xai.explain(model, xai.TabularProbes(x[:8], y[:8], background=x[100:], absent="average"), "shap", evaluations=200_000)["shap"]
    misses, errors = [], []
    for seed in range(12):
        found = xai.explain(model, probes, "shap", seed=seed)["shap"]
        misses.append((found.values - truth.values)[:, 0])
        errors.append(found.errors[:, 0])
        assert np.abs(found.base_values - truth.base_values).max() < 1e-4
        assert np.abs(found.base_values + found.values.sum(axis=-1) - found.outputs).max() < 1e-3
    misses, errors = np.array(misses), np.array(errors)
    relative = (misses**2).sum(axis=-1) / (truth.values[:, 0] ** 2).sum(axis=-1)
    assert np.median(relative) < 0.06
    covered = (np.abs(misses) <= 1.96 * np.sqrt(errors**2 + truth.errors[:, 0] ** 2)).mean()
    assert 0.9 <= covered <= 1


def test_what_reference_rows_add_is_taken_off_where_it_is_known() -> None:
    """A linear model and one player more or less: each pair's answer is the game's own, whatever row stands for what is absent."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)).astype(np.float32)
    probes = xai.TabularProbes(x[:1], background=x[1:])
    masker = TabularMasker(probes, 1)
    design = build_design(6, 64, ("leverage",), 0)
    # All features alike: what is known of a row, its own answer, is all there is to know.
    alike = np.repeat(rng.normal(size=(60, 1)), 6, axis=1).astype(np.float32)
    probes.inputs, probes.references = alike[:1], alike[1:]
    outputs = masker.feed(masker.evaluated(design.masks), 0).sum(axis=1, keepdims=True)
    game = masker.game(design.masks, outputs, probes.references.sum(axis=1, keepdims=True))[:, 0]
    mean = probes.references.mean()
    expected = design.masks.sum(axis=1) * (alike[0, 0] - mean) + 6 * mean
    assert np.abs(game - expected).max() < 1e-5


def test_reference_rows_come_as_often_as_their_weights_ask() -> None:
    weights = np.array([0.5, 0.25, 0.125, 0.125])
    for count in (8, 16, 64):
        assert np.bincount(in_turn(weights, count), minlength=4).tolist() == (weights * count).tolist()
    assert in_turn(weights, 64)[:10].tolist() == in_turn(weights, 10).tolist()


def test_a_background_is_sampled_or_clustered_the_same_way_every_time() -> None:
    x, _, _ = table(load_wine)
    for how in ("sample", "kmeans"):
        rows, weights = summarised(x, how, 12)
        again, _ = summarised(x, how, 12)
        assert np.array_equal(rows, again)
        assert rows.shape == (12, 13)
        assert weights.sum() == pytest.approx(1)
        assert all(np.isin(rows[:, column], x[:, column]).all() for column in range(13))
    assert np.abs(weights @ rows - x.mean(axis=0)).max() < 0.6  # clusters by their size


def test_groups_are_players_and_their_names_are_shown(iris: tuple[keras.Model, np.ndarray, np.ndarray]) -> None:
    model, x, y = iris
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    probes = xai.TabularProbes(x[:3], y[:3], background=x[20:60], feature_names=names, groups={"petal": names[2:]})
    assert probes.player_names(0) == ["sepal length", "sepal width", "petal"]
    assert probes.players.tolist() == [3, 3, 3]
    found = xai.explain(model, probes)
    game = interventional(log_odds(model), x[1], probes.references, 2)
    exact = shapley_by_enumeration(lambda z: game(z[:, [0, 1, 2, 2]]), 3)
    assert np.abs(found["shap"].values[1, 2] - exact).max() <= 1e-5 * np.abs(exact).max()
    assert found["lime"].values.shape == (3, 3, 3)


def test_a_random_forest_is_explained_by_lime_and_shap() -> None:
    """A plain callable; its one important feature comes first in both."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 8)).astype(np.float32)
    y = (x[:, 3] > 0).astype(int)
    forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(x, y)
    found = xai.explain(forest.predict_proba, xai.TabularProbes(x[:5], y[:5], background=x[100:]), output="probability")
    for name in ("lime", "shap"):
        assert (np.abs(found[name].values[:, 0]).argmax(axis=-1) == 3).all()
    assert np.allclose(
        found["shap"].values.sum(axis=-1) + found["shap"].base_values, forest.predict_proba(x[:5]), atol=1e-5
    )  # a probability of 0 or 1 is held 1e-6 away


def test_banzhaf_occlusion_and_lime_net_are_those_of_the_game_by_enumeration(iris: tuple[keras.Model, np.ndarray, np.ndarray]) -> None:
    model, x, y = iris
    probes = xai.TabularProbes(x[:3], y[:3], background=x[20:60])
    found = xai.explain(model, probes, ("banzhaf", "occlusion", "lime-net"))
    whole = np.ones((1, 4), bool)
    for probe, target in product(range(3), range(3)):
        game = interventional(log_odds(model), x[probe], probes.references, target)
        exact = {
            "banzhaf": banzhaf_by_enumeration(game, 4),
            "occlusion": np.array([game(whole)[0] - game(whole & (np.arange(4) != i))[0] for i in range(4)]),
        }
        for name, values in exact.items():
            assert np.abs(found[name].values[probe, target] - values).max() <= 1e-4 * np.abs(values).max(), name
        # A surrogate's: near what all coalitions say, not equal to it.
        linear = Lime(alpha=1e-6).fit(build_design(4, 16, ("leverage", "bernoulli"), 0))
        design = build_design(4, 16, ("leverage", "bernoulli"), 0)
        expected = linear(game(design.masks)[:, None, None]).values[0, 0]
        assert np.corrcoef(found["lime-net"].values[probe, target], expected)[0, 1] > 0.95


def test_explainers_of_other_kinds_are_refused(iris: tuple[keras.Model, np.ndarray, np.ndarray]) -> None:
    model, x, y = iris
    probes = xai.TabularProbes(x[:3], y[:3], background=x[20:60])
    with pytest.raises(ValueError, match="'grad-cam' is not for tabular probes but for image; leave it out"):
        xai.explain(model, probes, "grad-cam")
    with pytest.raises(ValueError, match=r"Lime is not for tabular probes; give LimeTabular"):
        xai.explain(model, probes, xai.Lime(kernel_width=0.5))


def test_all_explainers_of_a_linear_model_are_weight_times_distance_from_the_mean_reference() -> None:
    """Diabetes; all features in their closed form, and LIME of numbers as they are: the weight times a standard deviation."""
    data = load_diabetes()
    linear = LinearRegression().fit(data.data, data.target)
    probes = xai.TabularProbes(data.data[:4], background=data.data[40:140])
    lime = xai.LimeTabular(alpha=1e-9, discretize=False)
    found = xai.explain(linear.predict, probes, ("shap", "banzhaf", "occlusion", lime), evaluations=2048)
    expected = linear.coef_ * (data.data[:4] - data.data[40:140].mean(axis=0))
    for name in ("shap", "banzhaf"):
        missed = np.abs(found[name].values[:, 0] - expected)
        assert (missed <= 4 * found[name].errors[:, 0] + 1e-2).all(), name
        assert missed.max() < 0.1 * np.abs(expected).max(), name
    slopes = linear.coef_ * data.data[40:140].std(axis=0)
    assert np.abs(found["lime"].values[:, 0] - slopes).max() < 1e-3 * np.abs(slopes).max()
    mean = xai.TabularProbes(data.data[:4], background=data.data[40:140], absent="average")
    exact = xai.explain(linear.predict, mean, ("shap", "banzhaf", "occlusion"), evaluations=1024 * 100)
    for name, each in exact.items():
        assert np.abs(each.values[:, 0] - expected).max() < 1e-4 * np.abs(expected).max(), name


def test_integrated_gradients_of_a_linear_model_are_weight_times_distance_from_the_mean_reference() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 5)).astype(np.float32)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    probes = xai.TabularProbes(x[:2], background=x[10:26])  # 16 rows: each as often as the others on the 32 steps
    found = xai.explain(model, probes, "ig")["ig"]
    expected = model.layers[0].kernel.numpy()[:, 0] * (x[:2] - probes.references.mean(axis=0))
    assert np.abs(found.values[:, 0] - expected).max() < 1e-5


@pytest.mark.slow
def test_half_the_evaluations_are_a_part_of_all() -> None:
    x, y, _ = table(load_breast_cancer)
    model = network(30, 2, x[100:], y[100:], epochs=2)
    probes = xai.TabularProbes(x[:3], y[:3], background=x[100:])
    plan = Plan(probes)
    engine = Engine(plan, model)
    level = plan.levels[0]
    few, all_ = engine.run(level), engine.run()
    assert level < plan.levels[-1]
    again = engine.explain(all_.outputs, level)
    for name in ("lime", "shap"):
        assert np.allclose(few.explanations[name].values, again.explanations[name].values, atol=1e-4)


def test_missing_values_get_the_mean_of_the_background_and_are_said() -> None:
    x, y, _ = table(load_iris)
    rows, background = x[:3].copy(), x[20:].copy()
    rows[1, 2] = np.nan
    with pytest.raises(
        ValueError, match=r"TabularProbes: rows, row 1, 'feature 2' is nan; .*missing='baseline' to put the background's mean"
    ):
        xai.TabularProbes(rows, y[:3], background=background)
    background[:7, 2] = background[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"TabularProbes: background, row 0, 'feature 2' is nan; .*missing='baseline'"):
        xai.TabularProbes(x[:3], y[:3], background=background)
    probes = xai.TabularProbes(rows, y[:3], background=background, missing="baseline")
    usual = np.nanmean(background.astype(np.float64), axis=0)
    assert np.argwhere(probes.imputed).tolist() == [[1, 2]]
    assert probes.imputed_background == 8
    assert probes.inputs[1, 2] == pytest.approx(usual[2])
    assert probes.background[:7, 2] == pytest.approx(usual[2])
    assert probes.background[3, 0] == pytest.approx(usual[0])
    assert repr(probes).endswith(", 1 missing value filled in)")
    names, arrays = probes.as_record()
    assert names["imputed_background"] == 8
    assert np.argwhere(arrays["missing"]).tolist() == [[1, 2]]
    again = xai.TabularProbes.from_record(names, arrays)
    assert np.array_equal(again.imputed, probes.imputed)
    assert again.imputed_background == 8
    # What is explained is the row so completed, in SHAP and in LIME.
    completed = xai.TabularProbes(
        np.where(np.isnan(rows), usual, rows), y[:3], background=np.where(np.isnan(background), usual, background)
    )
    assert completed.digest == probes.digest
    weights = np.array([1.0, -2, 3, 0.5], dtype=np.float32)
    found = [xai.explain(lambda rows: rows @ weights, each) for each in (probes, completed)]
    for name in ("lime", "shap"):
        assert np.abs(found[0][name].values - found[1][name].values).max() < 1e-5
    expected = weights * (completed.inputs - completed.references.mean(axis=0))
    assert np.abs(found[0]["shap"].values[:, 0] - expected).max() < 1e-4


def test_a_missing_code_is_the_commonest_and_a_column_of_nothing_is_refused() -> None:
    background = np.array([[0, 1.0], [2, 2.0], [2, 3.0], [np.nan, 4.0]])
    probes = xai.TabularProbes([[np.nan, 1.0]], background=background, categorical={0: list("abc")}, missing="baseline")
    assert probes.inputs.tolist() == [[2, 1]]
    assert probes.background[3, 0] == 2
    background[:, 0] = np.nan
    with pytest.raises(ValueError, match="background has no value of 'feature 0': all its rows miss it"):
        xai.TabularProbes([[1, 1.0]], background=background, missing="baseline")


def test_a_record_gives_the_same_probes_back() -> None:
    x, y, data = table(load_iris)
    probes = xai.TabularProbes(
        x[:3], y[:3], background=x[20:], feature_names=data.feature_names, class_names=list(data.target_names), groups={"petal": [2, 3]},
        regions={"width": [1, 3]}, display=x[:3] * 10, names=["a", "b", "c"],
    )  # fmt: skip
    again = xai.TabularProbes.from_record(*probes.as_record())
    assert again.digest == probes.digest
    assert again.player_names(0) == probes.player_names(0)
    assert np.array_equal(again.shown, probes.shown)
    assert again.inside(again.regions["width"]).tolist() == [0, 1, 0.5]
    for changed in ({"background": x[30:]}, {"groups": {}}, {"absent": "average"}):
        assert (
            xai.TabularProbes(**{"rows": x[:3], "labels": y[:3], "background": x[20:], "groups": {"petal": [2, 3]}, **changed}).digest
            != probes.digest
        )


def test_data_frames_bring_their_names() -> None:
    frame = pandas.DataFrame({"age": [1.0, 2, 3], "code": [0, 1, 1]})
    probes = xai.TabularProbes(frame, background=frame, categorical={"code": ["no", "yes"]})
    assert probes.feature_names == ["age", "code"] == xai.TabularProbes(frame.to_numpy(), background=frame).feature_names
    assert probes.categorical == {1: ["no", "yes"]}


def people(rows: int = 240) -> tuple[Any, np.ndarray]:
    """A DataFrame of numbers, words, a category, truths, whole numbers that may be missing and a constant; and classes."""
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "job": rng.choice(["cook", "smith", "baker"], rows),
            "city": pandas.Categorical(rng.choice(["Rome", "Bonn"], rows), categories=["Rome", "Bonn", "Oslo"]),
            "member": rng.random(rows) < 0.4,
            "income": rng.lognormal(10, 1, rows),
            "same": 1.0,
            "children": pandas.array(rng.integers(0, 5, rows), dtype="Int64"),
        }
    )
    drawn = (frame["job"] == "cook") * 2.0 - (frame["city"] == "Bonn") + (frame["income"] > 20_000) + 0.05 * rng.normal(size=rows)
    return frame, (drawn > 0.7).to_numpy().astype(int)


def test_a_pipeline_of_words_and_numbers_is_explained_on_data_frames_as_they_are() -> None:
    frame, y = people()
    encoded = make_column_transformer((OneHotEncoder(), ["job", "city"]), (StandardScaler(), ["income", "age"]), remainder="passthrough")
    pipeline = make_pipeline(encoded, LogisticRegression(C=0.3, max_iter=2000)).fit(frame, y)
    probes = xai.TabularProbes(frame[:4], y[:4], background=frame[40:80], absent="average")
    assert probes.feature_names == list(frame.columns)
    assert probes.categorical == {1: ["baker", "cook", "smith"], 2: ["Rome", "Bonn", "Oslo"]}
    assert [probes.categorical[1][int(code)] for code in probes.inputs[:, 1]] == frame["job"][:4].tolist()
    assert not probes.imputed.any()
    found = xai.explain(pipeline.predict_proba, probes, evaluations=128 * 40)
    rows, references = frame[:4].astype(object).to_numpy(), frame[40:80].astype(object).to_numpy()

    def log_odds_of(given: np.ndarray) -> np.ndarray:
        p = pipeline.predict_proba(type(frame)(given, columns=frame.columns).astype({"member": bool, "income": float, "age": float}))
        return np.log(p[:, 1] / p[:, 0])[:, None]

    for probe in range(2):
        exact = shapley_by_enumeration(interventional(log_odds_of, rows[probe], references, 0), 7)
        assert np.abs(found["shap"].values[probe, 1] - exact).max() <= 1e-4 * np.abs(exact).max()
    assert np.abs(found["shap"].values[..., 5]).max() < 1e-6, "a constant column"
    assert np.isfinite(found["lime"].values).all()
    again = xai.TabularProbes.from_record(*probes.as_record())
    assert again.digest == probes.digest


def test_words_that_the_background_never_has_and_models_that_take_none_are_refused() -> None:
    frame, y = people()
    strange = frame[:3].copy()
    strange.loc[1, "job"] = "pilot"
    with pytest.raises(
        ValueError, match=r"rows, row 1, 'job' is 'pilot', a value that no row of the background has; .*categorical=\{'job': "
    ):
        xai.TabularProbes(strange, background=frame)
    named = {"job": ["smith", "pilot", "cook", "baker"]}
    assert xai.TabularProbes(strange, background=frame, categorical=named).inputs[1, 1] == 1
    with pytest.raises(ValueError, match=r"background, row \d+, 'job' is 'baker', which is not among the values in `categorical`"):
        xai.TabularProbes(strange, background=frame, categorical={"job": ["smith", "pilot", "cook"]})
    strange.loc[1, "job"] = None
    with pytest.raises(ValueError, match=r"rows, row 1, 'job' is nan"):
        xai.TabularProbes(strange, background=frame)
    assert xai.TabularProbes(strange, background=frame, missing="baseline").imputed[1].tolist() == [False, True] + [False] * 5
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(2, "softmax")])
    with pytest.raises(ValueError, match="holds words, and the model takes numbers; give categorical="):
        xai.explain(model, xai.TabularProbes(frame[:3], y[:3], background=frame))
    times = frame[["age"]].assign(when=np.datetime64("2020-01-01"))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
    with pytest.raises(
        ValueError, match=r"'when' is a column of times, which can only be given to a callable .* for a Keras model give numbers"
    ):
        xai.explain(model, xai.TabularProbes(times, background=times))


def test_a_regression_of_several_outputs_is_explained_output_by_output() -> None:
    data = load_linnerud(as_frame=True)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    probes = xai.TabularProbes(data.data[:4], background=data.data, class_names=list(data.target.columns))
    found = xai.explain(model, probes, ("shap", xai.LimeTabular(alpha=1e-9, discretize=False)))
    kernel, away = model.layers[0].kernel.numpy().T, data.data[:4].to_numpy() - data.data.to_numpy().mean(axis=0)
    expected = kernel * away[:, None]
    assert np.abs(found["shap"].values - expected).max() < 1e-4 * np.abs(expected).max()
    slopes = kernel * data.data.to_numpy().std(axis=0)
    assert np.abs(found["lime"].values - slopes).max() < 1e-3 * np.abs(slopes).max()


def test_several_outputs_of_a_callable_are_a_regression_where_there_are_no_labels() -> None:
    data = load_linnerud(as_frame=True)
    model = LinearRegression().fit(data.data, data.target)
    found = xai.explain(model.predict, xai.TabularProbes(data.data[:4], background=data.data, class_names=list(data.target)), "shap")[
        "shap"
    ]
    expected = model.coef_ * (data.data[:4].to_numpy() - data.data.to_numpy().mean(axis=0))[:, None]
    assert np.abs(found.values - expected).max() < 1e-5 * np.abs(expected).max()
    assert found.unit == "output"


def test_what_a_regression_should_answer_is_kept_as_it_is(tmp_path: Path) -> None:
    data = load_linnerud(as_frame=True)
    truth = data.target.to_numpy() / 3
    model = LinearRegression().fit(data.data, truth)
    probes = xai.TabularProbes(data.data[:4], truth[:4], background=data.data)
    assert probes.labels is None
    assert np.array_equal(xai.TabularProbes.from_record(*probes.as_record()).truth, truth[:4])
    frame = xai.explain(model.predict, probes, "shap")["shap"].to_dataframe()
    row = frame.iloc[3 * 3 + 1 * 3]  # of the second probe, the second output
    assert (row["probe"], row["target"], row["label"]) == (1, 1, truth[1, 1])
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile("adam", "mse")
    one = xai.TabularProbes(data.data[:4], truth[:4, 0], background=data.data)
    network.fit(data.data, truth[:, 0], verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, one, on_error="raise")])
    assert np.array_equal(xai.read_run(tmp_path).probes.truth, truth[:4, :1])
    classes = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    with pytest.raises(ValueError, match="labels are 1 fraction per probe, but the model has 2 classes; give class numbers"):
        xai.explain(classes, one)


def test_models_fitted_on_data_frames_are_given_them_and_others_are_given_arrays() -> None:
    data = load_breast_cancer(as_frame=True)
    x, y = data.data, data.target.to_numpy()
    probes = xai.TabularProbes(x[:3], y[:3], background=x[100:160])
    of_frames, of_arrays = (RandomForestClassifier(5, random_state=0).fit(each, y) for each in (x, x.to_numpy()))
    asked = []

    def model(forest: RandomForestClassifier) -> Callable[[Any], np.ndarray]:
        return lambda rows: asked.append(type(rows)) or forest.predict_proba(rows)

    framed, plain = (xai.explain(model(each), probes, "shap", output="probability")["shap"] for each in (of_frames, of_arrays))
    assert np.array_equal(framed.values, plain.values)
    xai.explain(of_frames.predict_proba, probes, "shap", output="probability")  # warnings are errors in tests: not a word of feature names
    assert asked[-1] is np.ndarray
    assert asked[-len(asked) // 2 - 1] is pandas.DataFrame
    xai.explain(lambda rows: rows[:, 0], probes, "shap")
    pipeline = make_pipeline(make_column_transformer((StandardScaler(), list(x.columns[:5]))), LogisticRegression()).fit(x, y)
    xai.explain(pipeline.predict_proba, probes, "shap")


def test_an_explanation_is_a_table_with_names() -> None:
    x, y, data = table(load_iris)
    model = LogisticRegression().fit(x, y)
    names = {"feature_names": data.feature_names, "class_names": list(data.target_names), "names": ["one", "two"]}
    found = xai.explain(model.predict_proba, xai.TabularProbes(x[:2], y[:2], background=x, **names), "shap")["shap"]
    frame = found.to_dataframe()
    assert len(frame) == 2 * 3 * 4
    for row in frame.sample(8, random_state=0).itertuples():
        place = data.target_names.tolist().index(row[5])
        assert row.value == found.values[row.probe, place, data.feature_names.index(row.player_name)]
        assert (row.name, row.label) == (["one", "two"][row.probe], y[row.probe])
    largest = frame[(frame["probe"] == 0) & (frame["target"] == y[0])].sort_values("value", key=np.abs).iloc[-1]
    said = repr(found)
    assert "2 probes, 3 classes, 4 players, in units of log-odds" in said
    assert f"strongest {largest['player_name']} {largest['value']:+.3g}" in said
    regression = xai.explain(lambda rows: rows @ np.arange(4.0), xai.TabularProbes(x[:1], background=x), "shap")["shap"]
    assert "1 probe, 1 output, 4 players, in units of output" in repr(regression)
    assert regression.to_dataframe()["class"].tolist() == ["output 0"] * 4


def test_one_row_of_background_is_the_baseline_and_said() -> None:
    x, _, _ = table(load_wine)
    weights = np.arange(13.0)
    with pytest.warns(UserWarning, match=r"^TabularProbes: background has one row, .*give a few hundred training rows"):
        found = xai.explain(lambda rows: rows @ weights, xai.TabularProbes(x[:3], background=x[100:101]), "shap")["shap"]
    assert np.abs(found.values[:, 0] - weights * (x[:3] - x[100])).max() < 1e-4


def test_few_groups_of_many_features_leave_lime_rows_enough() -> None:
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(120, 400)).astype(np.float32), rng.normal(size=400)
    groups = {f"g{i}": list(range(20 * i, 20 * i + 20)) for i in range(20)}
    probes = xai.TabularProbes(x[:1], background=x, groups=groups)
    plan = Plan(probes)
    assert min(plan.samples_at(level) for level in plan.levels) >= 2 * 400 + 2
    assert plan.drawn(plan.levels[0])["lime"] <= plan.drawn(plan.levels[-1])["lime"] == plan.settings["samples"]["lime"]
    found = xai.explain(lambda rows: rows @ weights, probes)
    assert all(np.isfinite(each.values).all() for each in found.values())
    with pytest.raises(ValueError, match="320 evaluations are too few for 400 features; give at least 802"):
        Plan(probes, evaluations=320)


def test_the_record_says_how_many_rows_lime_draws_besides_the_coalitions(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    asked: list[int] = []

    def seen(rows: Any) -> Any:
        asked.append(len(rows))
        return rows

    probes = xai.TabularProbes(ROWS[:3], [0, 1, 0], background=ROWS)
    logger = xai.ExplanationLogger(tmp_path, probes, evaluations=64, untrained=False, on_error="raise")
    model.fit(ROWS, np.arange(30) % 2, epochs=1, verbose=0, callbacks=[logger])
    run = xai.read_run(tmp_path)
    assert run.settings["samples"] == {"lime": 64}
    plan = Plan(probes, evaluations=64)
    per_probe = plan.settings["evaluations"] + plan.settings["samples"]["lime"]
    # All of them, and what fills up batches, and the reference rows themselves.
    assert run.cost["evaluations"][0] >= 3 * per_probe
    counted = Engine(
        Plan(xai.TabularProbes(ROWS[:3], background=ROWS, model_input=seen), evaluations=64, batch_size=1), lambda rows: rows[:, 0]
    )
    asked.clear()
    answers = counted.run().outputs
    assert answers.evaluations == sum(asked) == 3 * per_probe + 30


ROWS = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)

REFUSED = {
    "a number of categories": ({"categorical": {0: 3}}, "categorical has 3 for 0; give a list with the names of its codes"),
    "a background that is a number": ({"background": 0}, r"background has shape \(\); give \(rows, features\), e.g. x_train"),
    "a group with the name of another feature": ({"groups": {"feature 0": [1, 2]}}, "the group 'feature 0' has the name of a feature that is not in it"),
    "another number of columns": ({"background": ROWS[:, :3]}, "background has 3 columns, rows have 4 columns"),
    "a code without a name": ({"rows": np.abs(np.floor(ROWS)), "background": np.abs(np.floor(ROWS)), "categorical": {0: ["a"]}}, "names the codes 0 to 0"),
    "columns in another order": (
        {"rows": pandas.DataFrame(ROWS, columns=list("abcd")), "background": pandas.DataFrame(ROWS, columns=list("dcba"))},
        r"background has 4 columns \(d, c, b, a\), rows have 4 columns \(a, b, c, d\); give both the same columns, in the same order",
    ),
    "other columns than an array has": (
        {"background": pandas.DataFrame(ROWS[:, :3], columns=list("abc"))},
        r"background has 3 columns \(a, b, c\), rows have 4 columns; give both the same",
    ),
    "words in arrays": ({"rows": pandas.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "background": np.ones((5, 2))}, "rows, column 'a' has values that are not"),
    "lists in a column": (dict.fromkeys(("rows", "background"), pandas.DataFrame({"a": [[1], [2, 3]], "b": [1, 2]})), "'a' has values that are neither"),
    "NaN in the background": ({"background": np.where(ROWS > 2, np.nan, ROWS)}, r"background, row \d+, 'feature \d' is nan"),
    "infinity": ({"rows": np.where(ROWS > 2, np.inf, ROWS), "missing": "baseline"}, "is inf; give finite numbers"),
    "an unknown feature": ({"regions": {"r": ["colour"]}}, "region 'r' names the feature 'colour', which does not exist"),
    "more players than can be explained": (dict.fromkeys(("rows", "background"), np.ones((2, 1001))), "rows have 1001 players; give at most 1000, .* in one group: groups="),
    "two groups of one": ({"groups": {"g": [0, 1], "h": [1]}}, "'feature 1' is in the groups 'g' and 'h'"),
    "names": ({"feature_names": ["a", "b"]}, "feature_names has 2 entries for 4 features"),
    "the same name twice": ({"feature_names": ["a", "b", "a", "c"]}, "two features are called 'a'"),
    "strings": ({"rows": np.array([["a", "b"]])}, "categories as codes"),
    "one row without an axis": ({"rows": ROWS[0]}, r"rows has shape \(4,\)"),
    "numbers beyond float32": ({"rows": np.where(ROWS > 2, 1e300, ROWS.astype(np.float64))}, r"is 1e\+300; give finite numbers"),
    "a sparse matrix": ({"rows": scipy.sparse.csr_matrix(ROWS)}, r"rows is a sparse matrix; give rows\.toarray\(\)"),
    "display": ({"display": ROWS[:, :2]}, "display has shape"),
    "absent": ({"absent": "zero"}, "unknown absent 'zero'"),
    "references": ({"references": 0}, "references is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_tables_are_refused_with_a_sentence(name: str) -> None:
    arguments, sentence = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=f"TabularProbes.*{sentence}"):
        xai.TabularProbes(**{"rows": ROWS, "background": ROWS, **arguments})


def test_what_float32_only_rounds_is_taken() -> None:
    rng = np.random.default_rng(0)
    pressure, revenue = rng.normal(101_325, 100, 5000), rng.integers(2**24, 10**9, 5000)
    tenth = 0.1 + 1e-12 * np.arange(5000) + (np.arange(5000) > 2000)
    probes = xai.TabularProbes(np.column_stack([pressure, revenue, tenth])[:3], background=np.column_stack([pressure, revenue, tenth]))
    assert probes.inputs == pytest.approx(np.column_stack([pressure, revenue, tenth])[:3], rel=1e-7)


def test_ids_that_float32_has_not_reach_a_callable_and_are_refused_for_a_network() -> None:
    ids = np.column_stack([np.arange(30) % 3, 2**24 + np.arange(30)])
    probes = xai.TabularProbes(ids, background=ids)
    odd = xai.explain(lambda rows: rows[:, 1] % 2 / 2, probes, "shap")["shap"]
    assert odd.outputs[:, 0].tolist() == [0, 0.5] * 15
    with pytest.raises(ValueError, match="'feature 1' has 16777216 and 16777217, which are the same number in float32; subtract"):
        xai.explain(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), probes)


def test_too_few_evaluations_for_an_average_are_refused() -> None:
    probes = xai.TabularProbes(np.repeat(ROWS, 5, axis=1), background=np.repeat(ROWS, 5, axis=1), absent="average")
    with pytest.raises(
        ValueError, match="evaluations is 500, too few to average 20 players over 30 reference rows; give at least 2460, or absent='paired'"
    ):
        Plan(probes, evaluations=500)


def test_constant_columns_get_nothing() -> None:
    rows = ROWS.copy()
    rows[:, 1] = 3
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    found = xai.explain(model, xai.TabularProbes(rows[:3], background=rows))
    for each in found.values():
        assert np.isfinite(each.values).all()
        assert np.abs(each.values[..., 1]).max() < 1e-5


def test_the_guides_example_at_every_epoch(tmp_path: Path) -> None:
    """Iris, standardised, Dense(16)-Dense(8)-Dense(3), 50 epochs: LIME of one sample, the global summary and the local forces at any epoch."""
    x, y, data = table(load_iris)
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, "relu"), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    probes = xai.TabularProbes(x[:10], y[:10], background=x[20:], feature_names=data.feature_names, class_names=list(data.target_names))
    model.fit(x[20:], y[20:], epochs=50, batch_size=16, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path, probes, on_error="raise")])
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == list(range(50))
    # One sample by LIME: the petal tells setosa from the others.
    setosa = int(np.flatnonzero(y[:10] == 0)[0])
    weights = run.values("lime")[-1, setosa, 0]
    assert data.feature_names[int(np.abs(weights).argmax())].startswith("petal")
    # The global summary: mean |SHAP value| of each feature over samples, at every epoch.
    importance = run.importance("shap")
    own = np.abs(run.values("shap")[:, np.arange(10), y[:10]]).mean(axis=1)
    assert importance == pytest.approx(own, rel=1e-6)
    assert importance[-1].argmax() >= 2
    # The local forces: from the base value to what the model answers, at any epoch.
    for epoch in (0, 24, 49):
        p = np.clip(run.outputs[epoch].astype(np.float64), 1e-12, 1)
        answered = np.log(p[:, 0]) - np.log(p[:, 1:].sum(axis=1))
        assert run.base_values("shap")[epoch, :, 0] + run.values("shap")[epoch, :, 0].sum(axis=1) == pytest.approx(answered, abs=1e-3)


@pytest.mark.slow
def test_a_budget_halves_the_evaluations_of_tables_or_leaves_epochs_out(tmp_path: Path) -> None:
    x, y, _ = table(load_breast_cancer)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    probes = xai.TabularProbes(x[:16], y[:16], background=x[100:])
    logger = xai.ExplanationLogger(tmp_path, probes, max_overhead=0.2, on_error="raise")
    model.fit(np.tile(x, (6, 1)), np.tile(y, 6), epochs=12, verbose=0, callbacks=[logger])
    run = xai.read_run(tmp_path)
    assert len(run.steps) <= 12
    plan = Plan(probes)
    assert set(run.cost["level"].tolist()) <= {level * plan.repeats for level in plan.levels}


def test_curves_of_tables_average_over_the_references(iris: tuple[keras.Model, np.ndarray, np.ndarray]) -> None:
    model, x, y = iris
    probes = xai.TabularProbes(x[:3], y[:3], background=x[20:])
    found = xai.explain(model, probes, "shap", curves=True)["shap"]
    for probe in range(3):
        label = int(y[probe])
        game = interventional(lambda rows: np.asarray(model(rows.astype(np.float32))), x[probe], probes.references, label)
        order = np.argsort(-found.values[probe, label], kind="stable")
        kept = np.array([[rank >= gone for rank in np.argsort(order)] for gone in range(5)])
        curve = game(kept)
        assert found.fidelity["deletion"][probe, label] == pytest.approx((curve[1:] + curve[:-1]).mean() / 2, abs=1e-4)


def test_what_lime_can_not_say_around_a_probe_costs_the_others_nothing() -> None:
    """A model that answers NaN far from its data: LIME draws such rows, coalitions do not."""
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    x[:, 2] = np.where(x[:, 2] > 0, 1, -1)

    def model(rows: np.ndarray) -> np.ndarray:
        odd = ~np.isin(rows[:, 2], (1, -1))
        return np.where(odd, np.nan, rows @ np.arange(4))

    with pytest.warns(UserWarning, match="NaN or infinity"):
        found = xai.explain(model, xai.TabularProbes(x[:2], background=x), ("shap", xai.LimeTabular(discretize=False)))
    assert np.isfinite(found["shap"].values).all()
    assert np.isnan(found["lime"].values).all()


def test_categories_are_part_of_what_is_compared_and_lime_is_that_of_its_kind() -> None:
    rows = np.abs(np.floor(ROWS)).astype(np.float32)
    plain = xai.TabularProbes(rows, background=rows)
    assert plain.digest != xai.TabularProbes(rows, background=rows, categorical={0: list("abcde")}).digest
    with pytest.raises(ValueError, match=r"LimeText is not for tabular probes; give LimeTabular"):
        Plan(plain, xai.LimeText())
    with pytest.raises(ValueError, match=r"LimeText is not for image probes; give Lime\("):
        Plan(xai.ImageProbes(np.random.default_rng(0).random((3, 8, 8))), xai.LimeText())


@pytest.mark.parametrize("name", ["banzhaf", "lime-net", "shap"])
def test_no_value_that_hangs_on_a_draw_of_reference_rows_is_called_exact(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 7)).astype(np.float32)

    def model(rows: np.ndarray) -> np.ndarray:
        return rows[:, 0] * rows[:, 1] + np.sin(rows[:, 2]) + rows[:, 3] ** 2

    probes = xai.TabularProbes(x[:4], background=x[20:])
    exact = xai.explain(model, xai.TabularProbes(x[:4], background=x[20:], absent="average"), name, evaluations=128 * 100)[name]
    found = xai.explain(model, probes, (name, "occlusion"))
    assert np.isnan(found["occlusion"].errors).all()
    missed, errors = np.abs(found[name].values - exact.values), found[name].errors
    assert (errors > 0).all()
    assert (missed <= 3 * errors).mean() > 0.9


def test_runs_of_few_features_with_another_draw_are_not_compared() -> None:
    probes = xai.TabularProbes(ROWS[:3], background=ROWS)
    usual = Plan(probes).comparable
    assert Plan(probes, seed=1).comparable != usual
    assert Plan(probes, evaluations=100).comparable != usual
    assert Plan(probes, "shap", seed=1).comparable == Plan(probes, "shap").comparable  # all coalitions, all reference rows


def test_what_limes_own_rows_need_is_worked_out_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []
    fit = xai.LimeTabular.fit
    monkeypatch.setattr(xai.LimeTabular, "fit", lambda self, rows, players: fitted.append(len(rows.z)) or fit(self, rows, players))
    plan = Plan(xai.TabularProbes(ROWS[:5], background=ROWS))
    assert fitted.count(plan.samples) == 5
    before = len(fitted)
    bound = Engine(plan, lambda rows: rows @ np.arange(4.0))
    bound.seconds_expected()
    bound.run()
    assert len(fitted) == before


def test_samples_of_many_probes_are_drawn_once_or_again_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = xai.TabularProbes(ROWS[:3], background=ROWS)
    kept = Plan(probes, "lime", evaluations=64)
    monkeypatch.setattr("tb_xai_plugin.engine.plan.SAMPLES_BYTES", 64 * 4 * 20 * 2)
    tight = Plan(probes, "lime", evaluations=64)
    for probe in range(3):
        assert np.array_equal(kept.neighbours("lime", probe).inputs, tight.neighbours("lime", probe).inputs)
    assert tight.neighbours("lime", 0) is tight.neighbours("lime", 0)
    assert tight.neighbours("lime", 2) is not tight.neighbours("lime", 2)


def test_a_record_has_a_sample_of_a_large_background_and_is_of_the_same_probes() -> None:
    rng = np.random.default_rng(0)
    background = rng.standard_normal((20_000, 30)).astype(np.float32)
    probes = xai.TabularProbes(background[:4], background=background)
    names, arrays = probes.as_record()
    assert arrays["background"].size <= 2**18
    kept = {row.tobytes() for row in background}
    assert all(row.tobytes() in kept for row in arrays["background"])
    read = xai.TabularProbes.from_record(names, arrays)
    assert (read.digest, read.parts) == (probes.digest, probes.parts)
    np.testing.assert_array_equal(read.references, probes.references)
    again = xai.TabularProbes.from_record(*read.as_record())
    assert again.digest == probes.digest


def test_a_region_may_name_groups() -> None:
    rows, names = np.arange(20.0).reshape(4, 5), ["red", "green", "age", "fare", "3"]
    of_groups = xai.TabularProbes(
        rows,
        background=rows,
        feature_names=names,
        groups={"colour": ["red", "green"]},
        regions={"looks": ["colour", "fare"], "c": "colour"},
    )
    assert of_groups.regions == {"looks": [0, 1, 3], "c": [0, 1]}
    with pytest.raises(ValueError, match="each feature once"):
        xai.TabularProbes(
            rows, background=rows, feature_names=names, groups={"colour": ["red", "green"]}, regions={"looks": ["colour", "red"]}
        )
    with pytest.raises(ValueError, match="region 'looks' names the feature 'colours', which does not exist"):
        xai.TabularProbes(rows, background=rows, feature_names=names, groups={"colour": ["red", "green"]}, regions={"looks": ["colours"]})
