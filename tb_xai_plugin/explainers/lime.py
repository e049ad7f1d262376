"""LIME for interpretable components that are present or absent (Ribeiro et al., 2016), as the `lime` package defines it for images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.coalitions import Design
from tb_xai_plugin.explainers.fitted import Attribution, Fitted, by_game, noise_sketch, r_squared


@dataclass(frozen=True)
class Lime:
    """Weighted ridge regression on coalitions: cosine distance, exponential kernel, intercept, no feature selection.

    Attributes:
        kernel_width: sigma of the kernel, in units of cosine distance; the package's image default is 0.25.
        alpha: ridge penalty, against un-normalised weights as in the package; default 1.
    """

    name: ClassVar[str] = "lime"
    laws: ClassVar[frozenset[str]] = frozenset({"bernoulli"})
    fidelity: ClassVar[tuple[str, ...]] = ("r2", "unseen_r2")
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = False

    kernel_width: float = 0.25
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.kernel_width > 0:
            raise ValueError(f"Lime: kernel_width is {self.kernel_width}; give a number above 0.")
        if not self.alpha >= 0:
            raise ValueError(f"Lime: alpha is {self.alpha}; give 0 or more.")

    def fit(self, design: Design) -> Fitted:
        """Solve the ridge problem once: coefficients A y, intercept b y.

        w = sqrt(exp(-d^2 / sigma^2));  A = (Zc' W Zc + alpha I)^-1 Zc' W  with Z centred at its weighted mean.

        Fidelity, both free and weighted by w: "r2", the package's score on the rows it is fitted to, and "unseen_r2", on every row as
        the others predict it (leave-one-out).
        """
        rows = lime_rows(design)
        Z = design.masks[rows].astype(np.float64)
        w = locality(Z, self.kernel_width)
        share = w / w.sum()
        centre = share @ Z
        Zc = Z - centre
        A = np.linalg.solve(Zc.T @ (w[:, None] * Zc) + self.alpha * np.eye(design.players), Zc.T * w)
        A -= np.outer(A.sum(axis=1), share)  # the answers are centred too
        b = share - centre @ A
        # HC3 over pairs: the two halves of a pair are drawn together. The full coalition is not drawn.
        room = np.maximum(1 - b - np.einsum("ji,ij->j", Z, A), 1e-3)[:, None]
        drawn_share = (len(rows) - 1) / (2.0**design.players - 2)
        undrawn = np.sqrt(max(1 - drawn_share, 0))
        first, second = undrawn * A[:, 1::2], undrawn * A[:, 2::2]
        # For the sketch: the halves pull a player in opposite directions, about equally for all players.
        scale1, scale2 = (np.sqrt((half**2).mean(axis=0))[:, None] for half in (first, second))

        def apply(answers: np.ndarray) -> Attribution:
            y = answers[rows].astype(np.float64, copy=False)
            coefficients, intercept = A @ y, b @ y
            residuals = y - intercept - Z @ coefficients
            alone = residuals / room
            r1, r2 = alone[1::2], alone[2::2]
            variance = first**2 @ r1**2 + second**2 @ r2**2 + 2 * (first * second) @ (r1 * r2)
            return Attribution(
                values=coefficients,
                base=intercept,
                errors=np.sqrt(np.maximum(variance, 0)),
                fidelity={"r2": r_squared(residuals, y, w), "unseen_r2": r_squared(alone, y, w)},
                noise=noise_sketch(scale1 * r1 - scale2 * r2),
            )

        return by_game(apply)


def lime_rows(design: Design) -> np.ndarray:
    """Which rows of a design LIME is fitted on: the full coalition (its row 0) and the pairs that obey its law."""
    rows = np.repeat(design.bernoulli, 2)
    rows[1] = False
    return np.flatnonzero(rows)


def locality(masks: np.ndarray, kernel_width: float) -> np.ndarray:
    """LIME's weights: sqrt(exp(-d^2 / sigma^2)), d the cosine distance to the full coalition, 1 - sqrt(|S| / n); 1 for the empty one."""
    return np.sqrt(np.exp(-((1 - np.sqrt(masks.mean(axis=1))) ** 2) / kernel_width**2))
