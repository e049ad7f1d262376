"""Weighted ridge regression with an intercept, solved once for all answers: what every LIME here is fitted by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Of the regression's matrix: above it, fewer than six digits of the coefficients are more than rounding.
MOST_CONDITION = 1e10

# Below this share of its free parameters a fit says what the penalty says, nothing of the model: see `Ridge.said`.
LEAST_SAID = 0.1


@dataclass(frozen=True)
class Ridge:
    """Coefficients A y and intercept b y of answers y.

    A = (Zc' W Zc + alpha I)^-1 Zc' W  with Z centred at its weighted mean; the penalty is against un-normalised weights, as in scikit-learn.

    Attributes:
        Z: float64 (rows, features).
        A, b: float64 (features, rows) and (rows,).
        room: float64 (rows, 1), 1 less how much of a row's own answer its prediction is.
        said: share of the coefficients that the rows decide, not the penalty: trace of (Zc' W Zc + alpha I)^-1 Zc' W Zc, over features. Near 0
            where hardly a row has any weight: then all coefficients are near 0, whatever the answers.
    """

    Z: np.ndarray
    A: np.ndarray
    b: np.ndarray
    room: np.ndarray
    said: float

    @classmethod
    def of(cls, Z: np.ndarray, weights: np.ndarray, alpha: float, refusal: str) -> Ridge:
        """Solve.

        refusal: the sentence where rounding decides.

        Raises:
            ValueError: with that sentence.
        """
        share = weights / weights.sum()
        centre = share @ Z
        Zc = Z - centre
        penalty = alpha * np.eye(Z.shape[1])
        G = Zc.T @ (weights[:, None] * Zc) + penalty
        smallest, largest = np.linalg.eigvalsh(G)[[0, -1]]
        if not smallest > largest / MOST_CONDITION:
            raise ValueError(refusal)
        A = np.linalg.solve(G, Zc.T * weights)
        said = 1 - np.trace(np.linalg.solve(G, penalty)) / len(G)
        A -= np.outer(A.sum(axis=1), share)  # the answers are centred too
        b = share - centre @ A
        room = np.maximum(1 - b - np.einsum("ji,ij->j", Z, A), 1e-3)[:, None]
        return cls(Z, A, b, room, float(said))

    def missed(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Residuals of answers (rows, k): of the fit, and of each row as the others predict it (leave-one-out)."""
        residuals = y - self.b @ y - self.Z @ (self.A @ y)
        return residuals, residuals / self.room

    def known(self, errors: np.ndarray) -> np.ndarray:
        """Standard errors, NaN where the penalty has pressed all coefficients to 0: that they don't scatter says nothing of the model."""
        return errors if self.said >= LEAST_SAID else np.full_like(errors, np.nan)
