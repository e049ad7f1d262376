"""Calibrated errors: what they are calibrated to is what enumeration and fits without the rows say."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from tb_xai_plugin.explainers.errors import HalvesErrors, PairErrors, student
from tb_xai_plugin.explainers.kriging import EXACT, NUGGET, TAU, OddKriging
from tb_xai_plugin.explainers.ridge import Ridge
from tb_xai_plugin.games.coalitions import LAWS, build_design

PLAYERS = 6
ALL = (np.arange(2**PLAYERS)[:, None] >> np.arange(PLAYERS) & 1).astype(bool)


def process(S: np.ndarray, T: np.ndarray) -> np.ndarray:
    """The covariance as the module's text has it, with a trend of large variance."""
    n = PLAYERS
    rho, distance = (n - 2) / (n + 2), (S[:, None] ^ T).sum(axis=2)
    bend_s, bend_t = (-np.log((x + 1) * (n - x + 1) / (n / 2 + 1) ** 2) for x in (S.sum(axis=1), T.sum(axis=1)))
    odd = (rho**distance - rho ** (n - distance)) / (1 - rho**n) + TAU * (1 - 2 * distance / n) * np.outer(bend_s, bend_t)
    return odd + 1e5 * (S - 0.5) @ (T - 0.5).T


def semivalue(weights: list[float]) -> np.ndarray:
    """The matrix of a semivalue on all coalitions, by its definition: (players, 2^players). weights: by the number of other players present."""
    matrix = np.zeros((PLAYERS, len(ALL)))
    for i in range(PLAYERS):
        others = ALL.sum(axis=1) - ALL[:, i]
        matrix[i] = np.where(ALL[:, i], 1, -1) * np.array(weights)[others]
    return matrix


@pytest.mark.parametrize("name", ["shapley", "banzhaf"])
def test_what_is_unknown_of_a_semivalue_is_the_posterior_variance_of_the_process(name: str) -> None:
    design = build_design(PLAYERS, 40, LAWS, seed=0)
    weights = {"shapley": [1 / (6 * comb(5, s)) for s in range(6)], "banzhaf": [1 / 32] * 6}[name]
    values = semivalue(weights)
    known = process(design.pairs, design.pairs)
    known[np.diag_indices_from(known)] += np.where(np.arange(len(known)) == 0, EXACT, NUGGET)
    with_known = values @ process(ALL, design.pairs)
    posterior = values @ process(ALL, ALL) @ values.T - with_known @ np.linalg.solve(known, with_known.T)
    kriging = OddKriging.of(design)
    variances = {"shapley": kriging.shapley_variances, "banzhaf": kriging.banzhaf_variances}[name]()
    assert np.abs(variances - np.diagonal(posterior)).max() < 1e-4 * variances.max()


def test_errors_are_right_on_average_for_games_drawn_from_the_process_but_for_what_is_added_for_others() -> None:
    """Student's factor and the one for games unlike the process widen the variance; nothing else does."""
    rng = np.random.default_rng(0)
    design = build_design(16, 256, LAWS, seed=0)
    kriging = OddKriging.of(design)
    A, variances = kriging.shapley(), kriging.shapley_variances()
    plain, calibrated = (
        made.squares @ kriging.unseen_variances for made in (PairErrors.of(A, design), kriging.errors(A, variances, design))
    )
    assert calibrated.mean() == pytest.approx(1.3 * student(128 - 16) * variances.mean())
    assert plain.mean() > 2 * variances.mean(), "left as they are, they are far too large"
    # Residuals of such games have the variances that the calibration takes.
    rho = 14 / 18
    distance, sizes = (design.pairs[:, None] ^ design.pairs).sum(axis=2), design.pairs.sum(axis=1)
    bend = -np.log((sizes + 1) * (17 - sizes) / 81)
    kernel = (rho**distance - rho ** (16 - distance)) / (1 - rho**16) + TAU * (1 - distance / 8) * np.outer(bend, bend)
    d = np.linalg.cholesky(kernel + 1e-6 * np.eye(128)) @ rng.normal(size=(128, 400))
    residuals = kriging.left_out(d)[1:]
    assert (residuals**2).mean() == pytest.approx(kriging.unseen_variances[1:].mean(), rel=0.03)


def test_a_pair_left_out_is_predicted_as_by_a_fit_without_its_rows_and_has_the_covariance_of_white_noise() -> None:
    rng = np.random.default_rng(0)
    Z, weights, y = rng.integers(0, 2, (21, 5)).astype(float), rng.random(21) + 0.2, rng.normal(size=(21, 2))
    ridge = Ridge.of(Z, weights, 1.0, "")
    pairs = ridge.pairs_left_out(1)
    left_out = pairs(ridge.residuals(y)[0][1:])
    for pair in range(10):
        rows = np.array([1, 2]) + 2 * pair
        others = np.setdiff1d(np.arange(21), rows)
        without = Ridge.of(Z[others], weights[others], 1.0, "")
        assert left_out[rows - 1] == pytest.approx(y[rows] - without.b @ y[others] - Z[rows] @ without.A @ y[others])
    of_each = pairs(ridge.residuals(np.eye(21))[0][1:]).reshape(10, 2, 21)
    assert pairs.noise == pytest.approx(np.einsum("pak,pbk->pab", of_each, of_each))
    # Calibrated, variances are those of A on white noise.
    errors, _ = HalvesErrors.calibrated(ridge.A[:, 1:], 1.0, pairs.noise, freedom=1e9)(of_each.reshape(20, 21))
    assert (errors**2).sum(axis=1).mean() == pytest.approx((ridge.A[:, 1:] ** 2).sum(axis=1).mean())


@pytest.mark.parametrize(("freedom", "point"), [(6, 2.446912), (13, 2.160369), (40, 2.021075)])
def test_few_degrees_of_freedom_widen_intervals_as_students_law_does(freedom: int, point: float) -> None:
    assert student(freedom) == pytest.approx((point / 1.959964) ** 2, rel=0.02)
