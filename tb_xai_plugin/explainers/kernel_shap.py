"""Shapley values from sampled coalitions: kriging of the odd part of the game, or the weighted least squares of Kernel SHAP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import PairErrors
from tb_xai_plugin.explainers.fidelity import efficiency_gap, r_squared
from tb_xai_plugin.explainers.kriging import OddKriging
from tb_xai_plugin.games.coalitions import Design

ESTIMATORS = ("kriging", "wls")


@dataclass(frozen=True)
class KernelShap:
    """Shapley values; they sum to the full less the empty answer. Exact where the design holds every coalition.

    Attributes:
        estimator: "kriging" (Kernel SHAP's linear model as the trend of a Gaussian process over coalitions; see `kriging`) |
            "wls" (Lundberg & Lee, 2017, Theorem 2: the additive game closest to the model's under the Shapley kernel).
    """

    name: ClassVar[str] = "shap"
    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})
    fidelity: ClassVar[tuple[str, ...]] = ("additive_r2", "efficiency_gap")
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = False

    estimator: str = "kriging"

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"KernelShap: unknown estimator {self.estimator!r}; choose from {list(ESTIMATORS)}.")

    def fit(self, design: Design) -> Fitted:
        """Solve once; afterwards attributions are one matrix product, of d_j = (v(S_j) - v(N - S_j)) / 2.

        With all coalitions there, least squares are exact to rounding, and there is nothing to interpolate.

        Fidelity, both free: "additive_r2", weighted by the Shapley kernel, of the additive game on pairs that its values were fitted without
        (leave-one-out): the part of the game that attributions can show at all. "efficiency_gap", |sum of values - (v(N) - v(0))| in units of
        v(N) - v(0): more than rounding would be a defect.
        """
        weights = kernel_weights(design)
        if self.estimator == "wls" or (design.complete and design.noise is None):
            A, left_out = _least_squares(design, weights)
        else:
            kriging = OddKriging.of(design)
            A, left_out = kriging.shapley(), kriging.left_out
        h, sampling = design.pairs - 0.5, PairErrors.of(A, design)
        pull = np.einsum("ji,ij->j", h, A)  # what a pair's own answer moves its additive prediction by

        def apply(answers: np.ndarray) -> Attribution:
            answers = answers.astype(np.float64, copy=False)
            d, even = (answers[0::2] - answers[1::2]) / 2, (answers[0::2] + answers[1::2]) / 2
            phi, alone = A @ d, left_out(d)
            errors, noise = sampling(alone)
            odd_missed, even_missed = d - h @ phi + pull[:, None] * alone, even - even[0]
            missed = np.concatenate([even_missed + odd_missed, even_missed - odd_missed])
            seen = np.concatenate([even + d, even - d])
            return Attribution(
                values=phi,
                base=answers[1],
                errors=errors,
                fidelity={
                    "additive_r2": r_squared(missed, seen, np.concatenate([weights, weights])),
                    "efficiency_gap": efficiency_gap(phi, 2 * d[0]),
                },
                noise=noise,
            )

        return by_game(apply)


def kernel_weights(design: Design) -> np.ndarray:
    """(pairs,): the Shapley kernel over the inclusion probability; 0 for the pair (full, empty), which is met exactly.

    k(s) = (n-1) / (C(n,s) s (n-s)) (Lundberg & Lee, 2017, Theorem 2). Because all laws of a design are uniform within a size, the
    probability is (rows of the size) / C(n,s), whatever the mixture.
    """
    n, sizes = design.players, design.sizes
    inner = sizes * (n - sizes)
    return np.where(inner > 0, (n - 1) / np.maximum(inner * design.rows_of_size[sizes], 1), 0.0)


def _least_squares(design: Design, weights: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Kernel SHAP: A (players, pairs), and d -> leave-one-pair-out residuals.

    With h_j = S_j - 1/2, D = v(N) - v(0), and P = I - 11'/n the projection that keeps the sum:

        minimise  sum_j w_j (d_j - h_j . phi)^2   subject to   1 . phi = D = 2 d_0
    """
    n = design.players
    h, w = design.pairs[1:] - 0.5, weights[1:]
    X = h - h.mean(axis=1, keepdims=True)  # h P
    G = np.linalg.pinv(X.T @ (w[:, None] * X), rcond=1e-10, hermitian=True)
    A = G @ (X.T * w)  # columns sum to 0, so efficiency holds to rounding
    leverage = np.einsum("ji,ij->j", X, A)
    A = np.concatenate([2 / n * (1 - A @ h.sum(axis=1))[:, None], A], axis=1)

    def left_out(d: np.ndarray) -> np.ndarray:
        residuals = d - (design.pairs - 0.5) @ (A @ d)
        residuals[1:] /= np.maximum(1 - leverage, 1e-3)[:, None]
        return residuals

    return A, left_out
