"""The odd part of a game by universal kriging: a linear trend and a Gaussian process over coalitions, solved once for a design.

Shapley and Banzhaf values depend only on the odd part of a game, d(S) = (v(S) - v(N - S)) / 2 (Fumagalli et al., 2026). Its trend, h(S) . beta
with h(S) = S - 1/2, is what Kernel SHAP fits; what the trend leaves is modelled as a Gaussian process with the odd kernel

    k(S, T) = (rho^D - rho^(n - D)) / (1 - rho^n)  +  tau (1 - 2 D / n) u(|S|) u(|T|),        D = |S xor T|

The first term, an odd Hamming kernel, is for interactions of three, five, … players: the prior variance of one of order r falls like
((1 - rho) / (1 + rho))^r. The second is for main effects that fade where many players are there already, or hardly any is missing, as in every
network that saturates: u(s) = -log((s + 1) (n - s + 1) / (n/2 + 1)^2). The estimate stays linear in the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from tb_xai_plugin.games.coalitions import Design

# Variance of the second term, in units of the first: 0.3 to 1 do equally well.
TAU = 0.5
# On the diagonal: the floor of rounding in float32 answers; and of the pair (full, empty), so that values sum to what they should.
NUGGET = 1e-6
EXACT = 1e-10
# Where answers have noise of their own, its part that no covariance explains.
NOISE_NUGGET = 0.3


@dataclass(frozen=True)
class OddKriging:
    """Fitted to a design.

    Attributes:
        h: float64 (pairs, players), the trend.
        trend: (players, pairs), generalised least squares: beta = trend @ d.
        remainder: (pairs, pairs), M = K^-1 - K^-1 h (h' K^-1 h)^-1 h' K^-1: weights of what the trend leaves.
    """

    h: np.ndarray
    trend: np.ndarray
    remainder: np.ndarray

    @classmethod
    def of(cls, design: Design) -> OddKriging:
        n, h = design.players, design.pairs - 0.5
        rho, bend = _rho(n), _bend(n)[design.sizes]
        distance = n / 2 - 2 * h @ h.T
        kernel = (rho**distance - rho ** (n - distance)) / (1 - rho**n) + TAU * (1 - 2 * distance / n) * np.outer(bend, bend)
        if design.noise is not None:
            kernel += design.noise
        nugget = NUGGET if design.noise is None else NOISE_NUGGET
        kernel[np.diag_indices_from(kernel)] += np.where(np.arange(len(h)) == 0, EXACT, nugget)
        inverse = np.linalg.inv(kernel)
        weighted = inverse @ h
        trend = np.linalg.solve(h.T @ weighted, weighted.T)
        return cls(h, trend, inverse - weighted @ trend)

    def left_out(self, d: np.ndarray) -> np.ndarray:
        """Leave-one-pair-out residuals (pairs, k): d_j less what the others predict for it (Dubrule, 1983)."""
        return (self.remainder @ d) / np.diagonal(self.remainder)[:, None]

    def shapley(self) -> np.ndarray:
        """(players, pairs): the matrix that turns d into the Shapley values of trend and process.

        A Shapley value is the integral over q of the mean marginal contribution where every other player is there with probability q (Owen,
        1972). The first term is a product over players, so the integrand is a polynomial of degree n - 1, and Gauss-Legendre is exact.
        """
        n = self.h.shape[1]
        nodes, weights = np.polynomial.legendre.leggauss(n // 2 + 1)
        A = self._semivalue((nodes + 1) / 2, weights / 2, np.full(n, 1 / n))
        # They sum to 2 d_0, the full less the empty answer. The kernel's inverse leaves 1e-7 of that to rounding.
        return A + (2.0 * (np.arange(A.shape[1]) == 0) - A.sum(axis=0)) / n

    def banzhaf(self) -> np.ndarray:
        """(players, pairs): the same for Banzhaf values, where q = 1/2."""
        n = self.h.shape[1]
        return self._semivalue(np.array([0.5]), np.array([1.0]), np.array([comb(n - 1, s) / 2 ** (n - 1) for s in range(n)]))

    def _semivalue(self, q: np.ndarray, weights: np.ndarray, size_law: np.ndarray) -> np.ndarray:
        """The semivalue that is a mixture over q, with `weights`; size_law: (n,), the law of the number of the others that are there."""
        n = self.h.shape[1]
        rho, bend = _rho(n), _bend(n)
        s = np.arange(n)
        signs = 2 * self.h.T
        size = (signs > 0).sum(axis=0)
        # of[s]: what a player adds or takes away in rho^D(., T), where T has s others: they agree with T with probability q, the rest with 1 - q.
        of = (1 - rho) * ((q + (1 - q) * rho) ** s[:, None] * (1 - q + q * rho) ** (n - 1 - s[:, None])) @ weights
        # The complement's half of the odd kernel adds as much again, because of[s] = of[n - 1 - s].
        process = np.where(signs > 0, of[np.maximum(size - 1, 0)], -of[np.minimum(size, n - 1)]) * 2 / (1 - rho**n)
        # (1 - 2 D / n) is the mean over players of the product of signs: a player changes its own, and u for the others'.
        own = size_law @ (bend[1:] + bend[:-1])
        other = size_law @ ((2 * s / (n - 1) - 1) * (bend[1:] - bend[:-1]))
        process += TAU * bend[size] / n * (own * signs + other * (signs.sum(axis=0) - signs))
        return self.trend + process @ self.remainder


def _rho(players: int) -> float:
    """Interactions of each order have the same share in the prior for any number of players."""
    return (players - 2) / (players + 2)


def _bend(players: int) -> np.ndarray:
    """u(s) for s = 0 … n: 0 in the middle, largest for the empty and the full coalition."""
    s = np.arange(players + 1)
    return -np.log((s + 1) * (players - s + 1) / (players / 2 + 1) ** 2)
