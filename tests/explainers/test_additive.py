"""The additive R² of tables says how much of the model is a sum, whatever reference rows the pairs of coalitions take."""

from __future__ import annotations

import numpy as np
import pytest

import tb_xai_plugin as xai


def additive_r2(
    parts: np.ndarray, interaction: float, players: int, evaluations: int | str, *, codes: bool = False, seed: int = 0
) -> np.ndarray:
    """Of 16 probes of a logit that is a weighted sum of features, plus a product of two of them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(200, players)) * np.linspace(0.5, 3, players)
    if codes:
        rows[:, 0] = rng.integers(0, 2, len(rows))

    def model(x: np.ndarray) -> np.ndarray:
        logit = np.asarray(x, dtype=float) @ parts + interaction * x[:, 1] * x[:, 2]
        return np.stack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))], axis=1)

    probes = xai.TabularProbes(rows[:16], background=rows[50:110])
    explained = xai.explain(model, probes, ("shap",), evaluations=evaluations, seed=seed)["shap"]
    assert explained.fidelity is not None
    return explained.fidelity["additive_r2"][:, 1]


@pytest.mark.parametrize("evaluations", ["auto", 64, 128, 512])
@pytest.mark.parametrize(("players", "codes"), [(6, False), (8, True), (12, False)])
def test_a_linear_logit_is_additive_at_any_budget(players: int, codes: bool, evaluations: int | str) -> None:
    parts = np.random.default_rng(players).normal(size=players) / np.sqrt(players)
    assert additive_r2(parts, 0.0, players, evaluations, codes=codes).min() > 0.98


def test_a_product_of_two_features_is_still_no_sum() -> None:
    assert np.median(additive_r2(np.zeros(8), 1.0, 8, 512)) < 0.3
