"""Shapley values from sampled coalitions: by kriging, of the odd part of the game or of the rows of a table, or by the least squares of Kernel SHAP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import HalvesErrors, PairErrors
from tb_xai_plugin.explainers.fidelity import efficiency_gap, r_squared
from tb_xai_plugin.explainers.kriging import OddKriging
from tb_xai_plugin.explainers.row_process import RowProcess
from tb_xai_plugin.games.coalitions import Design
from tb_xai_plugin.games.table_rows import TableRows

ESTIMATORS = ("auto", "kriging", "rows", "wls")


@dataclass(frozen=True)
class KernelShap:
    """Shapley values, estimated from sampled coalitions.

    They sum to the output on the full coalition minus that on the empty one. They are exact where the design has every coalition.

    Args:
        estimator: "auto" ("rows" for tables whose coalitions take reference rows in turn, as far as `row_process.affordable` allows, otherwise "kriging") |
            "kriging" (Kernel SHAP's linear model as the trend of a Gaussian process over coalitions; see `kriging`) |
            "rows" (a Gaussian process over the rows of a table; see `row_process`. Where there are no such rows, "kriging") |
            "wls" (the weighted least squares of Kernel SHAP: the additive game closest to the model's under the Shapley kernel; Lundberg & Lee,
            2017, Theorem 2). Records keep the one that was used: values by different estimators are not compared.

    Raises:
        ValueError: unknown estimator.
    """

    name: ClassVar[str] = "shap"
    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})
    fidelity: ClassVar[tuple[str, ...]] = ("additive_r2", "efficiency_gap")
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = False

    estimator: str = "auto"

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"KernelShap: unknown estimator {self.estimator!r}; choose from {list(ESTIMATORS)}.")

    def chosen(self, *, rows: bool, affordable: bool) -> KernelShap:
        """The explainer with the estimator that is used.

        rows: whether the evaluations are of rows of a table, each with one reference row; affordable: whether a process over them is.
        """
        if self.estimator == "auto":
            return replace(self, estimator="rows" if rows and affordable else "kriging")
        return self if rows or self.estimator != "rows" else replace(self, estimator="kriging")

    def fit_rows(self, rows: TableRows) -> Fitted:
        """Solve once for the rows of one probe; the outputs are those on `rows.masks`.

        Fidelity is that of `fit`.
        """
        process, design, repeats = RowProcess.of(rows), rows.design, rows.turns.shape[1]
        none, halves = np.zeros((len(process.A), 1)), process.halves
        sampling = HalvesErrors.of(np.concatenate([process.widening * process.A, none], axis=1)[:, halves], 1.0)
        weights, absent = kernel_weights(design), 1 - design.masks.mean(axis=1)

        def apply(outputs: np.ndarray) -> Attribution:
            outputs = outputs.astype(np.float64, copy=False)
            of_references = outputs[: rows.references]
            base = rows.weights @ of_references
            phi, unseen = process.A @ outputs, process.left_out(outputs)
            errors, noise = sampling(np.concatenate([unseen, np.zeros_like(unseen[:1])])[halves])
            shift = (of_references - base)[rows.turns].mean(axis=1).repeat(2, axis=0)
            game = outputs[rows.references :].reshape(len(design.masks), repeats, -1).mean(axis=1) - absent[:, None] * shift
            d, even = (game[0::2] - game[1::2]) / 2, (game[0::2] + game[1::2]) / 2
            residuals = even - (outputs[rows.references] + base) / 2
            total = rows.weights @ (outputs[rows.references] - of_references)  # exactly 0 where the model says the same of all
            return Attribution(
                values=phi,
                base=base,
                errors=errors,
                fidelity={
                    "additive_r2": r_squared(
                        np.concatenate([residuals, residuals]), np.concatenate([even + d, even - d]), np.concatenate([weights, weights])
                    ),
                    "efficiency_gap": efficiency_gap(phi, total),
                },
                noise=noise,
            )

        return by_game(apply)

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
            sampling = PairErrors.of(A, design)
        else:
            kriging = OddKriging.of(design)
            A, left_out = kriging.shapley(), kriging.left_out
            sampling = kriging.errors(A, kriging.shapley_variances(), design)
        h = design.pairs - 0.5
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
