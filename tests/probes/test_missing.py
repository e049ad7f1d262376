"""Missing values that are kept: the oracle is the model itself on rows with missing values, by enumeration."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from support.games import shapley_by_enumeration

import tb_xai_plugin as xai
from tb_xai_plugin.engine.missing import change_by_filling
from tb_xai_plugin.probes.tables.references import chosen, summarised


def table(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Whether feature 1 is missing decides, more than any value."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    x[rng.random(rows) < 0.4, 1] = np.nan
    x[rng.random(rows) < 0.1, 2] = np.nan
    return x, (np.isnan(x[:, 1]) ^ (rng.random(rows) < 0.05)).astype(int)


def interventional(
    model: Callable[[np.ndarray], np.ndarray], row: np.ndarray, references: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    def game(coalitions: np.ndarray) -> np.ndarray:
        mixed = np.where(coalitions[:, None], row, references[None])
        return model(mixed.reshape(-1, len(row)))[:, 1].reshape(len(coalitions), -1).mean(axis=1)

    return game


def test_case_6_missingness_that_decides_is_explained_and_reaches_the_model() -> None:
    x, y = table()
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x, y)
    probes = xai.TabularProbes(x[:12], y[:12], background=x[100:130], missing="keep")
    found = xai.explain(model.predict_proba, probes, ("shap", "lime"), output="probability")
    assert found["shap"].outputs == pytest.approx(model.predict_proba(x[:12]), abs=2e-6)
    missing = np.isnan(x[:12, 1])
    assert 2 < missing.sum() < 10
    for probe in range(4):
        exact = shapley_by_enumeration(interventional(model.predict_proba, x[probe], x[100:130]), 3)
        assert found["shap"].values[probe, 1] == pytest.approx(exact, abs=1e-5)
    # The feature counts for class 1 where it is missing, and against it where it is not.
    for name in ("shap", "lime"):
        values = found[name].values[:, 1]
        assert (values[missing, 1] > 0.2).all()
        assert (values[~missing, 1] < -0.05).all()
        assert (np.abs(values).argmax(axis=1) == 1).all()


def test_what_filling_in_changes_is_said_with_its_size() -> None:
    x, y = table()
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x, y)
    probes = xai.TabularProbes(x[:12], y[:12], background=x[100:130], missing="baseline")
    own, completed = model.predict_proba(x[:12]), model.predict_proba(probes.completed())
    probe = int(np.abs(own - completed).max(axis=1).argmax())
    column = int(own[probe].argmax())
    numbers = rf"{own[probe, column]:.3g} as given and {completed[probe, column]:.3g} as explained"
    said = rf"its output {column} on probe {probe}, which misses 'feature 1'.*, is {numbers}"
    with pytest.warns(UserWarning, match=said + ".*missing='keep'"):
        found = xai.explain(model.predict_proba, probes, "shap", output="probability")["shap"]
    assert found.outputs == pytest.approx(completed, abs=2e-6)


def test_nothing_is_said_where_filling_in_changes_nothing_or_the_model_takes_no_missing_values() -> None:
    x, y = table()
    probes = xai.TabularProbes(x[:12], y[:12], background=x[100:130], missing="baseline")
    same = make_pipeline(SimpleImputer(), LogisticRegression()).fit(x[100:130], y[100:130])
    fussy = LogisticRegression().fit(np.nan_to_num(x), y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (same, fussy):
            xai.explain(model.predict_proba, probes, "shap", output="probability")
    whole = xai.TabularProbes(np.nan_to_num(x[:3]), background=x[100:130], missing="baseline")
    assert change_by_filling(whole, len) is None
    assert change_by_filling(probes, lambda rows: np.full(12, np.isnan(rows).any())) is not None
    assert change_by_filling(probes, lambda rows: np.asarray(rows)[:, 1]) is None  # NaN is no output


def test_by_default_missing_values_are_refused_with_both_ways_out() -> None:
    x, _ = table()
    with pytest.raises(
        ValueError, match="is nan; give finite numbers, missing='keep' if the model takes missing values, or missing='baseline'"
    ):
        xai.TabularProbes(x[:3], background=x)


def test_lime_draws_missing_values_as_often_as_training_rows_miss_them() -> None:
    x, _ = table(4000)
    codes = np.where(np.isnan(x[:, 2]), np.nan, x[:, 2] > 0)
    x = np.column_stack([x[:, :2], codes])
    x[1, 1] = np.nan
    x[0, 1] = 0.3
    probes = xai.TabularProbes(x[:2], background=x, categorical={2: ["no", "yes"]}, missing="keep")
    for mode in ({}, {"discretize": False}, {"discretize": False, "around": True}):
        for probe in (0, 1):
            found = xai.LimeTabular(**mode).neighbours(probes, probe, 20_000, seed=0)
            gone = np.isnan(found.inputs[1:])
            shares = np.isnan(x).mean(axis=0)
            assert np.abs(gone.mean(axis=0) - shares).max() < 5 * np.sqrt(0.25 / 20_000)
            assert np.isfinite(found.z).all()
            if mode:
                assert (found.z[1:, 1][gone[:, 1]] == 0).all()
                continue
            # A missing value is a bin of its own, and the others are the quartiles of what is there.
            if probe == 1:
                assert np.array_equal(found.z[1:, 1] == 1, gone[:, 1])
            else:
                borders = np.nanpercentile(probes.background[:, 1], [25, 50, 75])
                own = np.searchsorted(borders, np.float32(0.3))
                assert np.array_equal(found.z[1:, 1] == 1, ~gone[:, 1] & (np.searchsorted(borders, found.inputs[1:, 1]) == own))
            present = found.inputs[1:, 2][~gone[:, 2]]
            assert abs(present.mean() - np.nanmean(codes)) < 0.03


def test_clusters_of_rows_with_missing_values_have_values_of_the_background_and_miss_as_many() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    x[:160, 1] = np.nan
    rows, weights = summarised(x, "kmeans", 20)
    for column in range(3):
        known = x[:, column]
        assert all(np.isnan(value) or value in known for value in rows[:, column])
    assert weights[np.isnan(rows[:, 1])].sum() == pytest.approx(0.4)
    places, _ = chosen(x, "kmeans", 20)
    assert np.array_equal(np.take_along_axis(x, places, axis=0), rows, equal_nan=True)
    # Without missing values they are scikit-learn's, in standard deviations.
    whole = rng.normal(size=(300, 2)).astype(np.float32)
    centres = KMeans(n_clusters=8, n_init=1, random_state=0).fit(whole / whole.std(axis=0)).cluster_centers_ * whole.std(axis=0)
    rows, _ = summarised(whole, "kmeans", 8)
    assert np.abs(rows - centres).max() < 0.2


@pytest.mark.parametrize("absent", ["paired", "average"])
def test_reference_rows_keep_their_missing_values_in_every_way_of_averaging(absent: str) -> None:
    x, y = table(300)
    wide = np.column_stack([x, x[:, :2] + 1, x[:, 1:] * 2])
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(wide, y)
    seen: list[np.ndarray] = []

    def watched(rows: np.ndarray) -> np.ndarray:
        seen.append(np.isnan(rows))
        return model.predict_proba(rows)

    probes = xai.TabularProbes(wide[:3], background=wide[100:140], missing="keep", absent=absent)
    options = {"evaluations": 128 * 40} if absent == "average" else {}
    found = xai.explain(watched, probes, "shap", output="probability", **options)["shap"]
    game = interventional(model.predict_proba, wide[0], wide[100:140])
    exact = shapley_by_enumeration(game, 7)
    if absent == "average":
        assert found.values[0, 1] == pytest.approx(exact, abs=1e-5)
    else:
        assert (np.abs(found.values[0, 1] - exact) <= 4 * found.errors[0, 1] + 0.02).all()
    assert found.base_values[0, 1] == pytest.approx(model.predict_proba(wide[100:140])[:, 1].mean(), abs=1e-5)
    assert 0.2 < np.concatenate(seen)[:, 1].mean() < 0.6


def test_words_and_nullable_numbers_reach_a_pipeline_missing() -> None:
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "job": pandas.Series(rng.choice(["cook", "smith", None], 300), dtype=object),
            "children": pandas.array(np.where(rng.random(300) < 0.3, None, rng.integers(0, 5, 300)), dtype="Int64"),
            "age": rng.integers(20, 70, 300),
        }
    )
    y = (frame["job"].isna() | (frame["children"].fillna(0) > 3)).to_numpy().astype(int)
    seen: list[Any] = []

    def flags(rows: pandas.DataFrame) -> pandas.DataFrame:
        seen.append(rows.dtypes.astype(str).tolist())
        return rows.assign(children=rows["children"].astype("Float64").fillna(-1).astype(float))

    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job"]), (StandardScaler(), ["children", "age"]))
    fitted = make_pipeline(encoder, LogisticRegression()).fit(flags(frame), y)
    probes = xai.TabularProbes(frame[:8], y[:8], background=frame[50:90], missing="keep")
    found = xai.explain(lambda rows: fitted.predict_proba(flags(rows)), probes, ("shap", "lime"), output="probability")
    assert found["shap"].outputs == pytest.approx(fitted.predict_proba(flags(frame[:8])), abs=2e-6)
    assert {tuple(dtypes) for dtypes in seen} == {("object", "Int64", "int64")}
    assert np.isfinite(found["lime"].values).all()


def test_a_record_of_kept_missing_values_gives_the_same_probes_back() -> None:
    x, y = table()
    probes = xai.TabularProbes(x[:5], y[:5], background=x, missing="keep", summary="kmeans", references=30)
    names, arrays = probes.as_record()
    again = xai.TabularProbes.from_record(names, arrays)
    assert again.digest == probes.digest
    assert np.array_equal(again.inputs, x[:5].astype(np.float32), equal_nan=True)
    assert not again.imputed.any()
    filled = xai.TabularProbes(x[:5], y[:5], background=x, missing="baseline")
    assert filled.digest != probes.digest
