"""Shapley values from sampled coalitions, by kriging of the odd part of the game or by the weighted least squares of Kernel SHAP."""

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
    """Shapley values, estimated from sampled coalitions.

    They sum to the output on the full coalition minus that on the empty one. They are exact where the design has every coalition.

    Args:
        estimator: "kriging" (Kernel SHAP's linear model as the trend of a Gaussian process over coalitions; see `kriging`) |
            "wls" (the weighted least squares of Kernel SHAP: the additive game closest to the model's under the Shapley kernel; Lundberg & Lee,
            2017, Theorem 2).

    Raises:
        ValueError: unknown estimator.
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
        """Solve once. Afterwards attributions are one matrix product with d_j = (v(S_j) - v(N - S_j)) / 2.

        On a complete design, least squares are exact to rounding, and there is nothing to interpolate.

        Fidelity, at no further cost: "additive_r2", the R^2 of the additive game on pairs that it was not fitted to (leave-one-out), weighted by the
        Shapley kernel; it is the part of the game that attributions can show. Where each pair takes a reference row of a table, it is that part of the
        games between the probe and one row. There, the outputs of a pair of any sum of functions of single players sum to those on the probe and on
        the row, and what is left is due to interactions of two, four, … players. Those of three, five, … players leave nothing, and can't be told
        from what another row does to such a sum: only the former count. "efficiency_gap", |sum of values - (v(N) - v(0))| in units of v(N) - v(0);
        more than rounding would be a defect.
        """
        weights = kernel_weights(design)
        # The value of a single player is the whole difference, whatever noise there is.
        if self.estimator == "wls" or (design.complete and design.noise is None) or design.players == 1:
            A, left_out = _least_squares(design, weights)
        else:
            kriging = OddKriging.of(design)
            A, left_out = kriging.shapley(), kriging.left_out
        h, sampling = design.pairs - 0.5, PairErrors.of(A, design)
        by_rows = design.noise is not None
        leverage = np.einsum("ji,ij->j", h, A)  # how much a pair's own evaluation changes its additive prediction

        def apply(outputs: np.ndarray) -> Attribution:
            outputs = outputs.astype(np.float64, copy=False)
            d, even = (outputs[0::2] - outputs[1::2]) / 2, (outputs[0::2] + outputs[1::2]) / 2
            phi, unseen = A @ d, left_out(d)
            errors, noise = sampling(unseen)
            even_residuals = even - even[0]
            odd_residuals = np.zeros_like(d) if by_rows else d - h @ phi + leverage[:, None] * unseen
            residuals = np.concatenate([even_residuals + odd_residuals, even_residuals - odd_residuals])
            both_halves = np.concatenate([even + d, even - d])
            return Attribution(
                values=phi,
                base=outputs[1],
                errors=errors,
                fidelity={
                    "additive_r2": r_squared(residuals, both_halves, np.concatenate([weights, weights])),
                    "efficiency_gap": efficiency_gap(phi, 2 * d[0]),
                },
                noise=noise,
            )

        return by_game(apply)


def kernel_weights(design: Design) -> np.ndarray:
    """The Shapley kernel divided by the inclusion probability: (pairs,); 0 for the pair (full, empty), which is fitted exactly.

    k(s) = (n-1) / (C(n,s) s (n-s)) (Lundberg & Lee, 2017, Theorem 2). All laws of a design are uniform within a size, so the probability is
    (rows of the size) / C(n,s) for any mixture of laws.
    """
    n, sizes = design.players, design.sizes
    inner = sizes * (n - sizes)
    return np.asarray(np.where(inner > 0, (n - 1) / np.maximum(inner * design.rows_of_size[sizes], 1), 0.0))


def _least_squares(design: Design, weights: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Solve Kernel SHAP: returns A (players, pairs), and the function d -> leave-one-pair-out residuals.

    With h_j = S_j - 1/2, D = v(N) - v(0), and P = I - 11'/n the projection that preserves the sum:

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
        residuals: np.ndarray = d - (design.pairs - 0.5) @ (A @ d)
        residuals[1:] /= np.maximum(1 - leverage, 1e-3)[:, None]
        return residuals

    return A, left_out
