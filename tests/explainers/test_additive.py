"""The additive R² of tables says how much of the model is a sum, whatever reference rows the pairs of coalitions take."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from math import comb

import numpy as np
import pytest

import tb_xai_plugin as xai

Model = Callable[[np.ndarray], np.ndarray]


def additive_r2(model: Model, rows: np.ndarray, evaluations: int | str, *, probes: int = 12, logit: bool = True) -> np.ndarray:
    """As reported for a logit, or a regression; rows: the probes and after them the background."""

    def predict(x: np.ndarray) -> np.ndarray:
        z = model(np.asarray(x, dtype=float))
        return np.stack([1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z))], axis=1) if logit else z[:, None]

    table = xai.TabularProbes(rows[:probes], background=rows[probes:])
    more = {} if logit else {"head": "regression"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        explained = xai.explain(predict, table, ("shap",), evaluations=evaluations, seed=0, **more)["shap"]
    assert explained.fidelity is not None
    return explained.fidelity["additive_r2"][:, -1]


def by_enumeration(model: Model, rows: np.ndarray, probes: int = 12) -> np.ndarray:
    """Of all games between a probe and one row of the background, with all coalitions: the R² of their Shapley values under the Shapley kernel."""
    n = rows.shape[1]
    masks = np.array(list(product([False, True], repeat=n)))
    inner = [s * (n - s) * comb(n, s) for s in masks.sum(axis=1).tolist()]
    weights = np.array([1 / count if count else 0 for count in inner])
    weights /= weights.sum()
    x = masks[:, :-1].astype(float) - masks[:, -1:]
    found = []
    for probe in rows[:probes].astype(np.float32):
        residual = variance = 0.0
        for reference in rows[probes:].astype(np.float32):
            v = model(np.where(masks, probe, reference).astype(float))
            y = v - v[0] - masks[:, -1] * (v[-1] - v[0])
            values = np.linalg.lstsq(x * np.sqrt(weights)[:, None], y * np.sqrt(weights), rcond=None)[0]
            residual += weights @ (y - x @ values) ** 2
            variance += weights @ (v - weights @ v) ** 2
        found.append(1 - residual / variance)
    return np.array(found)


SHAPES: dict[str, Model] = {
    "linear": lambda x: x @ np.linspace(-1, 1.5, x.shape[1]),
    "waves": lambda x: np.sin(3 * x).sum(axis=1),
    "squares": lambda x: (x**2).sum(axis=1) / 4,
    "exponentials": lambda x: np.exp(x).sum(axis=1) / 8,
    "steps": lambda x: (x > 0).sum(axis=1).astype(float),
}

TABLES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, columns: rng.normal(size=(72, columns)),
    "sparse": lambda rng, columns: (rng.random((72, columns)) < 0.2).astype(float),
    "codes": lambda rng, columns: rng.integers(0, 3, size=(72, columns)).astype(float),
}


@pytest.mark.parametrize("evaluations", ["least", 64, "auto"])
@pytest.mark.parametrize("columns", [2, 3, 4, 8, 12])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_sum_of_any_shape_is_additive_at_any_budget(shape: str, table: str, columns: int, evaluations: int | str) -> None:
    rows = TABLES[table](np.random.default_rng(columns), columns)
    least = max(4 * columns + 2, 16)
    found = additive_r2(SHAPES[shape], rows, least if evaluations == "least" else evaluations)
    known = np.isfinite(found)
    assert known.any() if table != "normal" else known.all(), "unknown only where a probe equals its reference rows"
    assert found[known].min() > 0.98


PRODUCTS: dict[str, Model] = {
    "two": lambda x: x[:, 0] * x[:, 1],
    "two in a sum": lambda x: x.sum(axis=1) + 2 * x[:, 0] * x[:, 1],
    "all pairs": lambda x: x.sum(axis=1) ** 2,
    "signs": lambda x: np.sign(x[:, 0] * x[:, 1]),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_interactions_of_two_columns_have_the_share_that_enumeration_finds(name: str) -> None:
    rows = np.random.default_rng(3).normal(size=(72, 7))
    exact = by_enumeration(PRODUCTS[name], rows)
    assert exact.max() < 0.98
    for evaluations in (40, 128, 512):
        found = additive_r2(PRODUCTS[name], rows, evaluations, logit=False)
        assert abs(np.median(found) - np.median(exact)) < 0.25, (evaluations, found, exact)


@pytest.mark.parametrize("factors", [3, 4, 7])
@pytest.mark.parametrize("evaluations", [40, 128])
def test_products_of_more_columns_are_not_additive(factors: int, evaluations: int) -> None:
    rows = np.random.default_rng(4).normal(size=(72, 7))
    found = additive_r2(lambda x: x[:, :factors].prod(axis=1), rows, evaluations, logit=False)
    assert np.median(found) < 0.5, "so they have the warning"
    assert np.median(found) > np.median(by_enumeration(lambda x: x[:, :factors].prod(axis=1), rows)) - 0.1, (
        "the odd interactions do not count"
    )


def test_of_two_columns_and_one_row_at_a_time_the_errors_are_unknown_without_a_warning() -> None:
    rows = np.random.default_rng(0).normal(size=(72, 2))
    table = xai.TabularProbes(rows[:4], background=rows[4:])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        explained = xai.explain(
            lambda x: x @ np.array([[1.0], [2.0]]), table, (xai.KernelShap("kriging"), "banzhaf"), evaluations=16, head="regression"
        )
    for explanation in explained.values():
        assert np.isfinite(explanation.values).all()
        assert explanation.errors is not None
        assert np.isnan(explanation.errors).all()
