"""The odd part of a game by universal kriging: a linear trend and a Gaussian process over coalitions, solved once for a design.

Shapley and Banzhaf values depend only on the odd part of a game, d(S) = (v(S) - v(N - S)) / 2 (Fumagalli et al., 2026). Its trend, h(S) . beta
with h(S) = S - 1/2, is what Kernel SHAP fits; what is left, the interactions of three, five, … players, is modelled as a Gaussian process with
the odd Hamming kernel

    k(S, T) = (rho^D - rho^(n - D)) / (1 - rho^n),    D = |S xor T|

whose prior variance of an interaction of order r falls like ((1 - rho) / (1 + rho))^r. The estimate stays linear in the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from tb_xai_plugin.coalitions import Design

# On the diagonal, in units of the process's variance: the floor of rounding in float32 answers.
NUGGET = 1e-6
# Of the pair (full, empty), so that the values sum to what they should.
EXACT = 1e-10


def correlation(players: int) -> float:
    """rho: the share of interactions of high order is the same for any number of players."""
    return (players - 1.78) / (players + 1.78)


@dataclass(frozen=True)
class OddKriging:
    """Fitted to a design.

    Attributes:
        h: float64 (pairs, players), the trend.
        trend: (players, pairs), generalised least squares: beta = trend @ d.
        remainder: (pairs, pairs), M = K^-1 - K^-1 h (h' K^-1 h)^-1 h' K^-1: weights of what the trend leaves.
        undrawn: (pairs,), share of the coalitions of each size that the design does not have: the finite-population correction. 0 for the
            pair (full, empty).
        rho: of the kernel.
    """

    h: np.ndarray
    trend: np.ndarray
    remainder: np.ndarray
    undrawn: np.ndarray
    rho: float

    @classmethod
    def of(cls, design: Design) -> OddKriging:
        n, pairs = design.players, design.pairs
        rho, h = correlation(n), pairs - 0.5
        overlap = h @ h.T * 2  # n / 2 - D, exact
        distance = n / 2 - overlap
        kernel = (rho**distance - rho ** (n - distance)) / (1 - rho**n)
        kernel[np.diag_indices_from(kernel)] += np.where(np.arange(len(pairs)) == 0, EXACT, NUGGET)
        inverse = np.linalg.inv(kernel)
        weighted = inverse @ h
        trend = np.linalg.solve(h.T @ weighted, weighted.T)
        return cls(h, trend, inverse - weighted @ trend, undrawn_share(design), rho)

    def left_out(self, d: np.ndarray) -> np.ndarray:
        """Leave-one-pair-out residuals (pairs, k): d_j less what the others predict for it (Dubrule, 1983)."""
        return (self.remainder @ d) / np.diagonal(self.remainder)[:, None]

    def shapley(self) -> np.ndarray:
        """(players, pairs): the matrix that turns d into the Shapley values of trend and process.

        A Shapley value is the integral over q of the mean marginal contribution where every player is there with probability q (Owen, 1972).
        The kernel is a product over players, so the integrand is a polynomial of degree n - 1, and Gauss-Legendre quadrature is exact.
        """
        nodes, weights = np.polynomial.legendre.leggauss(self.h.shape[1] // 2 + 1)
        return self._semivalue((nodes + 1) / 2, weights / 2)

    def banzhaf(self) -> np.ndarray:
        """(players, pairs): the same for Banzhaf values, where q = 1/2."""
        return self._semivalue(np.array([0.5]), np.array([1.0]))

    def _semivalue(self, q: np.ndarray, weights: np.ndarray) -> np.ndarray:
        n, rho = self.h.shape[1], self.rho
        t = np.arange(n)[:, None]
        # of[t]: what a player adds or takes away in k(., S), where S has t others: they agree with S with probability q, the rest with 1 - q.
        of = (1 - rho) * ((q + (1 - q) * rho) ** t * (1 - q + q * rho) ** (n - 1 - t)) @ weights
        inside = self.h.T > 0
        size = inside.sum(axis=0)
        # The complement's half of the odd kernel adds as much again, because of[t] = of[n - 1 - t].
        process = np.where(inside, of[np.maximum(size - 1, 0)], -of[np.minimum(size, n - 1)]) * 2 / (1 - rho**n)
        return self.trend + process @ self.remainder


def undrawn_share(design: Design) -> np.ndarray:
    """(pairs,): the share of the coalitions of each pair's size that the design does not have."""
    n, sizes = design.players, design.pairs.sum(axis=1)
    rows = np.bincount(design.masks.sum(axis=1), minlength=n + 1)
    return np.array([1 - min(rows[s] / comb(n, s), 1) for s in sizes.tolist()])
