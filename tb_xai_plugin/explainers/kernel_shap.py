"""Shapley values by weighted least squares over sampled coalitions (Lundberg & Lee, 2017, Theorem 2)."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np

from tb_xai_plugin.coalitions import Design
from tb_xai_plugin.explainers.fitted import Attribution, Fitted


@dataclass(frozen=True)
class KernelShap:
    """Kernel SHAP: the additive game closest to the model's under the Shapley kernel, exact on the full and the empty coalition.

    Exact Shapley values where the design holds every coalition.
    """

    name: ClassVar[str] = "shap"
    law: ClassVar[str] = "leverage"

    estimator: str = "wls"

    def __post_init__(self) -> None:
        if self.estimator != "wls":
            raise ValueError(f"KernelShap: unknown estimator {self.estimator!r}; choose from ['wls'].")

    def fit(self, design: Design) -> Fitted:
        """Solve once; afterwards attributions are one matrix product.

        With d_j = (v(S_j) - v(N - S_j)) / 2, h_j = S_j - 1/2 and D = v(N) - v(0), and P = I - 11'/n the projection that keeps the sum:

            minimise  sum_j w_j (d_j - h_j . phi)^2   subject to   1 . phi = D

        Weights: the kernel k(s) = (n-1) / (C(n,s) s (n-s)) (Theorem 2) over the inclusion probability of a coalition of that size.
        Because both laws of a design are uniform within a size, that is (rows of the size) / C(n,s), whatever the mixture.
        """
        n = design.players
        pairs = design.pairs[1:]  # the first is (full, empty): it enters as the constraint
        sizes = pairs.sum(axis=1)
        rows = np.bincount(np.concatenate([sizes, n - sizes]), minlength=n + 1)
        w = (n - 1) / (sizes * (n - sizes) * rows[sizes])
        h = pairs - 0.5
        X = h - h.mean(axis=1, keepdims=True)  # h P
        G = np.linalg.pinv(X.T @ (w[:, None] * X), rcond=1e-10, hermitian=True)
        A = G @ (X.T * w)  # (n, pairs); columns sum to 0, so efficiency holds to rounding
        c = (1 - A @ h.sum(axis=1)) / n  # of D: what the constraint adds
        # HC3 with the finite-population factor of each size: a size drawn whole has no sampling error.
        leverage = np.einsum("ji,ij->j", X, A)
        drawn_share = np.array([rows[s] / comb(n, s) for s in sizes.tolist()])
        spread = A**2 * ((1 - np.minimum(drawn_share, 1)) / np.maximum(1 - leverage, 1e-3) ** 2)

        def apply(answers: np.ndarray) -> Attribution:
            full, empty = answers[0], answers[1]
            d = (answers[2::2] - answers[3::2]) / 2
            phi = A @ d + c[:, None] * (full - empty)
            residual = d - h @ phi
            return Attribution(values=phi, base=empty.astype(np.float64), errors=np.sqrt(spread @ residual**2))

        return apply
