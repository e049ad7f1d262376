"""LIME for interpretable components that are present or absent (Ribeiro et al., 2016), as the `lime` package defines it for images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.coalitions import Design
from tb_xai_plugin.explainers.fitted import Attribution, Fitted


@dataclass(frozen=True)
class Lime:
    """Weighted ridge regression on coalitions: cosine distance, exponential kernel, intercept, no feature selection.

    Attributes:
        kernel_width: sigma of the kernel, in units of cosine distance; the package's image default is 0.25.
        alpha: ridge penalty, against un-normalised weights as in the package; default 1.
    """

    name: ClassVar[str] = "lime"
    law: ClassVar[str] = "bernoulli"

    kernel_width: float = 0.25
    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.kernel_width > 0:
            raise ValueError(f"Lime: kernel_width is {self.kernel_width}; give a number above 0.")
        if not self.alpha >= 0:
            raise ValueError(f"Lime: alpha is {self.alpha}; give 0 or more.")

    def rows(self, design: Design) -> np.ndarray:
        """Which rows of the design LIME is fitted on: the full coalition (its row 0) and the pairs that obey its law."""
        rows = np.repeat(design.bernoulli, 2)
        rows[1] = False
        return np.flatnonzero(rows)

    def distances(self, masks: np.ndarray) -> np.ndarray:
        """Cosine distance to the full coalition: 1 - sqrt(|S| / n); 1 for the empty one."""
        return 1 - np.sqrt(masks.mean(axis=1))

    def fit(self, design: Design) -> Fitted:
        """Solve the ridge problem once: coefficients A y, intercept b y.

        w = sqrt(exp(-d^2 / sigma^2));  A = (Zc' W Zc + alpha I)^-1 Zc' W  with Z centred at its weighted mean.
        """
        rows = self.rows(design)
        Z = design.masks[rows].astype(np.float64)
        w = np.sqrt(np.exp(-(self.distances(Z) ** 2) / self.kernel_width**2))
        share = w / w.sum()
        centre = share @ Z
        Zc = Z - centre
        A = np.linalg.solve(Zc.T @ (w[:, None] * Zc) + self.alpha * np.eye(design.players), Zc.T * w)
        A -= np.outer(A.sum(axis=1), share)  # the answers are centred too
        b = share - centre @ A
        # HC3 over pairs: the two halves of a pair are drawn together. The full coalition is not drawn.
        leverage = b + np.einsum("ji,ij->j", Z, A)
        drawn_share = (len(rows) - 1) / (2.0**design.players - 2)
        scale = np.sqrt(max(1 - drawn_share, 0)) / np.maximum(1 - leverage[1:], 1e-3)
        first, second = A[:, 1::2] * scale[0::2], A[:, 2::2] * scale[1::2]

        def apply(answers: np.ndarray) -> Attribution:
            y = answers[rows]
            coefficients, intercept = A @ y, b @ y
            residual = (y - intercept - Z @ coefficients)[1:]
            r1, r2 = residual[0::2], residual[1::2]
            variance = first**2 @ r1**2 + second**2 @ r2**2 + 2 * (first * second) @ (r1 * r2)
            return Attribution(values=coefficients, base=intercept, errors=np.sqrt(np.maximum(variance, 0)))

        return apply
