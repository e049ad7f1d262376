"""Weighted ridge regression with an intercept, solved once for all outputs: the regression of Lime, LimeText and LimeTabular."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Largest condition number of the regression's matrix: above it, rounding errors leave fewer than six digits of the coefficients.
MOST_CONDITION = 1e10

# Below this share of coefficients determined by rows, a fit shows the penalty and not the model; see `Ridge.determined`.
LEAST_DETERMINED = 0.1


@dataclass(frozen=True)
class Ridge:
    """Coefficients A y and intercept b y of outputs y.

    A = (Zc' W Zc + alpha I)^-1 Zc' W, with Z centred at its weighted mean. The penalty is relative to un-normalised weights, as in scikit-learn.

    Attributes:
        Z: float64 (rows, features).
        A: float64 (features, rows), outputs -> coefficients.
        b: float64 (rows,), outputs -> intercept.
        room: float64 (rows, 1), 1 minus the leverage: the part of a row's prediction that does not come from its own output.
        determined: the share of coefficients that the rows and not the penalty determine: the trace of (Zc' W Zc + alpha I)^-1 Zc' W Zc, divided by
            the number of features. It is near 0 where hardly any row has weight; then all coefficients are near 0 for any outputs.
    """

    Z: np.ndarray
    A: np.ndarray
    b: np.ndarray
    room: np.ndarray
    determined: float

    @classmethod
    def of(cls, Z: np.ndarray, weights: np.ndarray, alpha: float, refusal: str, *, within: float = 0.0) -> Ridge:
        """Solve the regression.

        Args:
            Z: float64 (rows, features).
            weights: float64 (rows,).
            alpha: ridge penalty.
            refusal: the message of the error.
            within: where a row stands for many that differ in the last feature alone, and Z has its mean, the weighted sum of its variances within rows.

        Raises:
            ValueError: rounding errors would determine the coefficients.
        """
        share = weights / weights.sum()
        centre = share @ Z
        Zc = Z - centre
        penalty = alpha * np.eye(Z.shape[1])
        G = Zc.T @ (weights[:, None] * Zc) + penalty
        G[-1, -1] += within
        smallest, largest = np.linalg.eigvalsh(G)[[0, -1]]
        if not smallest > largest / MOST_CONDITION:
            raise ValueError(refusal)
        A = np.linalg.solve(G, Zc.T * weights)
        determined = 1 - np.trace(np.linalg.solve(G, penalty)) / len(G)
        A -= np.outer(A.sum(axis=1), share)  # the outputs are centred too
        b = share - centre @ A
        room = np.maximum(1 - b - np.einsum("ji,ij->j", Z, A), 1e-3)[:, None]
        return cls(Z, A, b, room, float(determined))

    def residuals(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals of outputs (rows, k): of the fit, and of predicting each row from the others (leave-one-out)."""
        residuals = y - self.b @ y - self.Z @ (self.A @ y)
        return residuals, residuals / self.room

    def pairs_left_out(self, first: int) -> PairsLeftOut:
        """Of the rows from `first` on, in pairs of neighbours."""
        rows = np.concatenate([np.ones((len(self.Z), 1)), self.Z], axis=1)[first:].reshape(-1, 2, self.Z.shape[1] + 1)
        smoother = np.concatenate([self.b[None], self.A])
        own = np.einsum("pai,ipb->pab", rows, smoother[:, first:].reshape(len(smoother), -1, 2))
        kept = np.eye(2) - own
        determinant = np.maximum(np.linalg.det(kept), 1e-3)[:, None, None]
        # Adjugates: where a pair has no prediction from the others, its residual stays finite.
        inverse = np.stack([kept[:, [1, 0], [1, 1]] * [1, -1], kept[:, [1, 0], [0, 0]] * [-1, 1]], axis=1) / determinant
        predicted = np.einsum("pai,ij,pbj->pab", rows, smoother @ smoother.T, rows)
        noise = np.eye(2) - own - own.swapaxes(1, 2) + predicted
        return PairsLeftOut(inverse, inverse @ noise @ inverse.swapaxes(1, 2))

    def known(self, errors: np.ndarray) -> np.ndarray:
        """Standard errors; NaN where the penalty forces all coefficients to 0, because their small scatter then says nothing about the model."""
        return errors if self.determined >= LEAST_DETERMINED else np.full_like(errors, np.nan)


@dataclass(frozen=True)
class PairsLeftOut:
    """Predicts both rows of each pair from all other rows: the two are drawn together, and one says much about the other.

    Attributes:
        inverse: float64 (pairs, 2, 2), (I - H)^-1 of each pair, H the part of its predictions that comes from its own outputs.
        noise: float64 (pairs, 2, 2), the covariances of both residuals of each pair where outputs are independent, of variance 1.
    """

    inverse: np.ndarray
    noise: np.ndarray

    def __call__(self, residuals: np.ndarray) -> np.ndarray:
        """Leave-one-pair-out residuals (2 pairs, k), from the residuals of the fit."""
        left_out = np.einsum("pab,pbk->pak", self.inverse, residuals.reshape(len(self.inverse), 2, -1))
        return np.asarray(left_out.reshape(residuals.shape))
