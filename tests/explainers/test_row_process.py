"""The Gaussian process over the rows of a table: its formulas against enumeration and plain kriging, its values against exact ones, and when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.games import shapley_by_enumeration

import tb_xai_plugin as xai
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import KernelShap, row_process
from tb_xai_plugin.explainers.row_process import NUGGET, RowProcess, covariance, covariance_with_values, kernels
from tb_xai_plugin.games.coalitions import build_design
from tb_xai_plugin.games.table_rows import TableRows
from tb_xai_plugin.games.tabular_masker import TabularMasker

LAWS = ("leverage", "bernoulli")
Model = Callable[[np.ndarray], np.ndarray]


def mixed(seed: int = 0, references: int = 7) -> xai.TabularProbes:
    """Numbers, a constant column, codes, missing values and a group of features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(references + 2, 6)) * 3
    x[:, 1] = 4
    x[:, 2] = rng.integers(0, 3, len(x))
    x[1::3, 3] = np.nan
    x[0, 1] = 5  # the probe alone has another value
    options = {"categorical": {2: ["red", "green", "blue"]}, "groups": {"pair": [4, 5]}, "missing": "keep"}
    return xai.TabularProbes(x[:2], background=x[2:], **options)


def rows_of(probes: xai.TabularProbes, evaluations: int, repeats: int = 1, seed: int = 0) -> TableRows:
    masker = TabularMasker(probes, repeats)
    return masker.rows(build_design(masker.players, evaluations, LAWS, seed), 0)


def outputs_on(rows: TableRows, probes: xai.TabularProbes, model: Model) -> np.ndarray:
    inputs = np.where(rows.masks[:, probes.player_of], probes.inputs[0], probes.references[rows.reference_of])
    return model(inputs)[:, None, None]


def smooth(features: int, seed: int) -> Model:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(features, 8)) / np.sqrt(features), rng.normal(size=8)
    return lambda x: np.tanh(2 * x @ first) @ second


def exact(probes: xai.TabularProbes, model: Model) -> np.ndarray:
    """Shapley values of the mean over all reference rows, by enumeration."""

    def game(z: np.ndarray) -> np.ndarray:
        masked = np.where(z[:, None, probes.player_of], probes.inputs[0], probes.references)
        return model(masked.reshape(-1, masked.shape[-1])).reshape(len(z), -1) @ probes.weights

    return shapley_by_enumeration(game, int(probes.players[0]))


@pytest.mark.parametrize("number", [0, 1])
def test_the_covariance_of_outputs_and_values_is_what_enumeration_says(number: int) -> None:
    probes = mixed()
    rows = rows_of(probes, 22)
    n, own = rows.design.players, rows.references  # `own` is the place of the probe's value
    _, logarithm = kernels(rows.squares)[number]
    masks, turns = rows.masks, rows.reference_of
    of_row = np.where(masks, own, turns[:, None])

    def product(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.exp(sum(logarithm[j, one[j], other[j]] for j in range(n))))

    K = np.array([[product(one, other) for other in of_row] for one in of_row])
    assert np.abs(covariance(logarithm, masks.astype(float), turns) - K).max() < 1e-12
    C = covariance_with_values(logarithm, masks.astype(float), turns, rows.weights)
    for row in range(0, len(masks), 3):

        def game(z: np.ndarray, row: int = row) -> np.ndarray:
            every = [[product(np.where(c, own, b), of_row[row]) for b in range(own)] for c in z]
            return np.array(every) @ rows.weights

        assert np.abs(C[row] - shapley_by_enumeration(game, n)).max() < 1e-6


def test_residuals_are_those_of_kriging_without_the_row() -> None:
    """Universal kriging by its bordered system, solved again without each of some rows."""
    probes = mixed()
    rows = rows_of(probes, 30)
    process = RowProcess.of(rows)
    (part,) = process.parts
    masks, turns = rows.masks[part.rows].astype(float), rows.reference_of[part.rows]
    K = sum(variance * covariance(logarithm, masks, turns) for variance, logarithm in kernels(rows.squares)) + NUGGET * np.eye(len(masks))
    Q = part.regressors
    y = np.random.default_rng(0).normal(size=(len(rows.masks), 2))
    residuals = process.left_out(y)[part.rows]
    for row in (0, 9, len(masks) - 1):
        others = np.arange(len(masks)) != row
        system = np.block([[K[np.ix_(others, others)], Q[others]], [Q[others].T, np.zeros((Q.shape[1],) * 2)]])
        weights = np.linalg.solve(system, np.concatenate([K[others, row], Q[row]]))[: others.sum()]
        own = y[part.rows]
        assert np.abs(own[row] - weights @ own[others] - residuals[row]).max() < 1e-3


def test_a_linear_model_of_any_columns_is_exact() -> None:
    probes = mixed()
    weights = np.array([0.5, -2.0, 1.5, 0.7, 1.0, -0.3])
    rows = rows_of(probes, 30, repeats=2)

    def model(x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), 2.0, x) @ weights + 3

    found = KernelShap("rows").fit_rows(rows)(outputs_on(rows, probes, model))
    contribution = (
        np.where(np.isnan(probes.inputs[0]), 2.0, probes.inputs[0]) - np.where(np.isnan(probes.references), 2.0, probes.references)
    ).mean(axis=0) * weights
    expected = np.bincount(probes.player_of, contribution)
    assert np.abs(found.values[0, 0] - expected).max() < 1e-5
    assert found.errors.max() < 1e-5


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_values_and_errors_have_the_unit_of_the_outputs(unit: float) -> None:
    probes, model = mixed(), smooth(6, 1)
    rows = rows_of(probes, 30)
    fitted, outputs = KernelShap("rows").fit_rows(rows), outputs_on(rows, probes, lambda x: model(np.where(np.isnan(x), 2.0, x)))
    one, other = fitted(outputs), fitted(unit * outputs)
    assert other.values / unit == pytest.approx(one.values)
    assert other.errors / unit == pytest.approx(one.errors, rel=1e-4)


@pytest.mark.parametrize("evaluations", [240, 1024])
def test_values_are_several_times_as_exact_as_by_kriging_over_coalitions_and_their_intervals_hold(evaluations: int) -> None:
    ours, theirs, held = [], [], []
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(101, 9)).astype(np.float32)
        probes, model = xai.TabularProbes(x[:1], background=x[1:]), smooth(9, seed)
        truth = exact(probes, model)
        for estimator, into in (("rows", ours), ("kriging", theirs)):
            found = xai.explain(model, probes, KernelShap(estimator), evaluations=evaluations, output="raw", head="regression", seed=seed)[
                "shap"
            ]
            missed = found.values[0, 0] - truth
            into.append((missed**2).sum() / (truth**2).sum())
            if estimator == "rows":
                held.append(np.mean(np.abs(missed) <= 1.96 * found.errors[0, 0]))
                assert found.values.sum() == pytest.approx(truth.sum(), rel=1e-5)
    assert np.mean(ours) < np.mean(theirs) / 4
    assert np.mean(held) > 0.9


def test_rows_that_are_too_many_to_solve_together_are_solved_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_process, "MOST_TOGETHER", 160)
    squared = {"parts": 0.0, "one part": 0.0}
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(41, 9)).astype(np.float32)
        probes, model = xai.TabularProbes(x[:1], background=x[1:]), smooth(9, seed)
        truth, rows = exact(probes, model), rows_of(probes, 480)
        assert [len(part.rows) for part in RowProcess.of(rows).parts] == [41 + 160, 41 + 160, 41 + 158]
        for name, of in (("parts", rows), ("one part", rows.first(120))):
            found = KernelShap("rows").fit_rows(of)(outputs_on(of, probes, model))
            squared[name] += ((found.values[0, 0] - truth) ** 2).sum()
            assert found.values.sum() == pytest.approx(truth.sum(), rel=1e-5)
    assert squared["parts"] < squared["one part"] / 2


def test_the_record_tells_by_which_estimator_values_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32)
    asked: dict[str, int] = {}

    def recorded(explainer: str | KernelShap = "shap", columns: int = 7, probes: int = 2, **options: Any) -> object:
        plan = Plan(xai.TabularProbes(x[:probes, :columns], background=x[10:, :columns], **options), explainer, evaluations="auto")
        assert plan.comparable["explainers"]["shap"] == f'{{"estimator": "{plan.settings["explainers"]["shap"]["estimator"]}"}}'
        asked[plan.settings["explainers"]["shap"]["estimator"]] = plan.settings["evaluations"]
        return plan.settings["explainers"]["shap"]["estimator"]

    assert recorded() == "rows"
    assert recorded(KernelShap("kriging")) == "kriging"
    assert asked == {"rows": 1024, "kriging": 256}, "as 0.1.0, where its estimator is asked for"
    assert recorded(columns=4) == "kriging", "all coalitions on all rows: exact"
    assert recorded(KernelShap("rows"), columns=4) == "kriging"
    assert recorded(absent="average") == "kriging"
    assert recorded(groups={"all": list(range(7))}) == "kriging", "a single player: exact"
    monkeypatch.setattr(row_process, "MOST_BYTES", 2**19)
    assert recorded() == "kriging", "too many probes to solve in some seconds"
    assert recorded(KernelShap("rows")) == "rows"
    images = xai.ImageProbes(np.random.default_rng(0).random((1, 8, 8, 1)))
    assert Plan(images, "shap").settings["explainers"]["shap"] == {"estimator": "kriging"}
