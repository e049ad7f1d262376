"""LIME for interpretable components that are present or absent (Ribeiro et al., 2016), as the `lime` package defines it for images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.coalitions import Design
from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import HalvesErrors
from tb_xai_plugin.explainers.fidelity import r_squared
from tb_xai_plugin.explainers.options import check_number

# Of the regression's matrix: above it, fewer than six digits of the coefficients are more than rounding.
MOST_CONDITION = 1e10


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
        check_number("Lime", "kernel_width", self.kernel_width, 0, above=True)
        check_number("Lime", "alpha", self.alpha, 0)

    def fit(self, design: Design) -> Fitted:
        """Solve the ridge problem once: coefficients A y, intercept b y.

        w = sqrt(exp(-d^2 / sigma^2));  A = (Zc' W Zc + alpha I)^-1 Zc' W  with Z centred at its weighted mean.

        Fidelity, both free and weighted by w: "r2", the package's score on the rows it is fitted to, and "unseen_r2", on every row as
        the others predict it (leave-one-out).

        Raises:
            ValueError: the kernel is so narrow, and alpha so small, that rounding decides.
        """
        rows = lime_rows(design)
        Z = design.masks[rows].astype(np.float64)
        w = locality(Z, self.kernel_width)
        share = w / w.sum()
        centre = share @ Z
        Zc = Z - centre
        G = Zc.T @ (w[:, None] * Zc) + self.alpha * np.eye(design.players)
        smallest, largest = np.linalg.eigvalsh(G)[[0, -1]]
        if not smallest > largest / MOST_CONDITION:
            raise ValueError(
                f"Lime: with kernel_width {self.kernel_width} and alpha {self.alpha} too few of {len(rows)} coalitions have any weight to tell "
                f"{design.players} players apart; give a wider kernel (0.25) or a larger alpha (1)."
            )
        A = np.linalg.solve(G, Zc.T * w)
        A -= np.outer(A.sum(axis=1), share)  # the answers are centred too
        b = share - centre @ A
        room = np.maximum(1 - b - np.einsum("ji,ij->j", Z, A), 1e-3)[:, None]
        sampling = HalvesErrors.of(A)

        def apply(answers: np.ndarray) -> Attribution:
            y = answers[rows].astype(np.float64, copy=False)
            coefficients, intercept = A @ y, b @ y
            residuals = y - intercept - Z @ coefficients
            alone = residuals / room
            errors, noise = sampling(alone)
            return Attribution(
                values=coefficients,
                base=intercept,
                errors=errors,
                fidelity={"r2": r_squared(residuals, y, w), "unseen_r2": r_squared(alone, y, w)},
                noise=noise,
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
