"""A pipeline of CatBoost's with categories that are whole numbers: it takes nothing else, and so must be given nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

import tb_xai_plugin as xai

RNG = np.random.default_rng(0)
SHOPS = pd.DataFrame({"month": RNG.integers(1, 13, 300), "shop": RNG.integers(100, 105, 300), "amount": RNG.normal(size=300)})
SOLD = ((SHOPS["month"] > 6) ^ (SHOPS["shop"] == 102)).astype(int)


class Clipped(TransformerMixin, BaseEstimator):
    """A step of a pipeline that leaves whole numbers whole."""

    def fit(self, frame: pd.DataFrame, y: object = None) -> Clipped:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(amount=frame["amount"].clip(-2, 2))


def strict(frame: pd.DataFrame) -> np.ndarray:
    """As CatBoost's predict_proba: categories must be whole numbers, in a DataFrame with the columns of training in their order."""
    if list(frame.columns) != list(SHOPS.columns):
        raise ValueError(f"columns are {list(frame.columns)}")
    for name in ("month", "shop"):
        if frame[name].dtype.kind != "i":
            raise TypeError(f"bad object for id: {frame[name].iloc[0]}: cat_features must be integer or string")
    z = np.where((frame["month"] > 6) ^ (frame["shop"] == 102), 2.0, -2.0) + 0.1 * frame["amount"].to_numpy()
    p = 1 / (1 + np.exp(-z))
    return np.stack([1 - p, p], axis=1)


def catboost() -> Callable[[pd.DataFrame], np.ndarray]:
    package = pytest.importorskip(
        "catboost", reason="catboost is not installed; `pip install catboost` to run this test", exc_type=ImportError
    )
    model = package.CatBoostClassifier(iterations=20, depth=4, cat_features=["month", "shop"], verbose=False, allow_writing_files=False)
    return make_pipeline(Clipped(), model).fit(SHOPS, SOLD).predict_proba


@pytest.mark.parametrize("make", [lambda: strict, catboost], ids=["as strict as CatBoost", "CatBoost"])
def test_a_pipeline_with_integer_categories_is_explained_as_it_answers(make: Callable[[], Callable[..., np.ndarray]]) -> None:
    model = make()
    probes = xai.TabularProbes(SHOPS[:6], SOLD[:6], background=SHOPS)
    found = xai.explain(model, probes, "shap", output="probability")["shap"]
    own = model(SHOPS[:6])
    assert np.abs(found.outputs - np.take_along_axis(own, found.targets, axis=1)).max() <= 1e-6
    sums = np.nansum(found.values, axis=-1) + found.base_values
    assert np.abs(sums - found.outputs).max() <= 1e-5
    # Of each probe the shop or the month decides, and the amount hardly matters.
    assert (np.abs(found.values[:, 1]).argmax(axis=1) < 2).all()
