"""The odd part of a game by universal kriging: a linear trend and a Gaussian process over coalitions, solved once for a design.

Shapley and Banzhaf values depend only on the odd part of a game, d(S) = (v(S) - v(N - S)) / 2 (Fumagalli et al., 2026). Its trend, h(S) . beta
with h(S) = S - 1/2, is the linear model of Kernel SHAP. Its residuals are modelled as a Gaussian process with the odd kernel

    k(S, T) = (rho^D - rho^(n - D)) / (1 - rho^n)  +  tau (1 - 2 D / n) u(|S|) u(|T|),        D = |S xor T|

The first term, an odd Hamming kernel, models interactions of three, five, … players: the prior variance of an interaction of order r falls like
((1 - rho) / (1 + rho))^r. The second term models main effects that fade where most players are present or most are absent, as in every network
that saturates: u(s) = -log((s + 1) (n - s + 1) / (n/2 + 1)^2). The estimate stays linear in the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from tb_xai_plugin.games.coalitions import Design

# Variance of the second term, in units of the first. Values from 0.3 to 1 work equally well.
TAU = 0.5
# Added to the diagonal for the rounding of float32 outputs; EXACT is for the pair (full, empty), so that values sum to the right total.
NUGGET = 1e-6
EXACT = 1e-10
# Added to the diagonal where evaluations have noise: the part of it that the covariance does not explain.
NOISE_NUGGET = 0.3


@dataclass(frozen=True)
class OddKriging:
    """Universal kriging of the odd part of a game, fitted to a design.

    Attributes:
        h: float64 (pairs, players), the regressors of the trend.
        trend: float64 (players, pairs), generalised least squares: beta = trend @ d.
        remainder: float64 (pairs, pairs), M = K^-1 - K^-1 h (h' K^-1 h)^-1 h' K^-1, the weights of the process.
    """

    h: np.ndarray
    trend: np.ndarray
    remainder: np.ndarray

    @classmethod
    def of(cls, design: Design) -> OddKriging:
        n, h, noise = design.players, design.pairs - 0.5, design.noise
        rho, bend = _rho(n), _bend(n)[design.sizes]
        distance = n / 2 - 2 * h @ h.T
        kernel = (rho**distance - rho ** (n - distance)) / (1 - rho**n) + TAU * (1 - 2 * distance / n) * np.outer(bend, bend)
        if noise is not None:
            kernel += noise
        nugget = NUGGET if noise is None else NOISE_NUGGET
        kernel[np.diag_indices_from(kernel)] += np.where(np.arange(len(h)) == 0, EXACT, nugget)
        inverse = np.linalg.inv(kernel)
        weighted = inverse @ h
        trend = np.linalg.solve(h.T @ weighted, weighted.T)
        return cls(h, trend, inverse - weighted @ trend)

    def left_out(self, d: np.ndarray) -> np.ndarray:
        """Leave-one-pair-out residuals (pairs, k): d_j minus its prediction from all other pairs (Dubrule, 1983); NaN where there are too few."""
        if len(self.h) <= self.h.shape[1]:  # two players: the trend takes every pair, and the others predict none
            return np.full(d.shape, np.nan)
        return np.asarray((self.remainder @ d) / np.diagonal(self.remainder)[:, None])

    def shapley(self) -> np.ndarray:
        """The matrix that turns d into the Shapley values of trend and process: float64 (players, pairs).

        A Shapley value is the integral over q of the mean marginal contribution where every other player is present with probability q (Owen,
        1972). The first term of the kernel is a product over players, so the integrand is a polynomial of degree n - 1, and Gauss-Legendre
        quadrature is exact.
        """
        n = self.h.shape[1]
        nodes, weights = np.polynomial.legendre.leggauss(n // 2 + 1)
        A = self._semivalue((nodes + 1) / 2, weights / 2, np.full(n, 1 / n))
        # Values must sum to 2 d_0, the full output minus the empty one. The inverse of the kernel leaves a rounding error of 1e-7 of that.
        return np.asarray(A + (2.0 * (np.arange(A.shape[1]) == 0) - A.sum(axis=0)) / n)

    def banzhaf(self) -> np.ndarray:
        """The same matrix for Banzhaf values, where q = 1/2."""
        n = self.h.shape[1]
        return self._semivalue(np.array([0.5]), np.array([1.0]), np.array([comb(n - 1, s) / 2 ** (n - 1) for s in range(n)]))

    def _semivalue(self, q: np.ndarray, weights: np.ndarray, size_law: np.ndarray) -> np.ndarray:
        """The matrix of the semivalue that mixes over q with `weights`. size_law: (n,), the law of the number of other players present."""
        n = self.h.shape[1]
        rho, bend = _rho(n), _bend(n)
        s = np.arange(n)
        signs = 2 * self.h.T
        size = (signs > 0).sum(axis=0)
        # effect[s]: by how much a player changes rho^D(., T), where T has s of the others. These agree with T with probability q, the rest with 1 - q.
        effect = (1 - rho) * ((q + (1 - q) * rho) ** s[:, None] * (1 - q + q * rho) ** (n - 1 - s[:, None])) @ weights
        # The complement's half of the odd kernel has the same effect again, because effect[s] = effect[n - 1 - s].
        process = np.where(signs > 0, effect[np.maximum(size - 1, 0)], -effect[np.minimum(size, n - 1)]) * 2 / (1 - rho**n)
        # (1 - 2 D / n) is the mean over players of the product of signs. A player changes its own sign, and u for the signs of the others.
        own = size_law @ (bend[1:] + bend[:-1])
        other = size_law @ ((2 * s / (n - 1) - 1) * (bend[1:] - bend[:-1]))
        process += TAU * bend[size] / n * (own * signs + other * (signs.sum(axis=0) - signs))
        return np.asarray(self.trend + process @ self.remainder)


def _rho(players: int) -> float:
    """The parameter rho, chosen so that interactions of each order have the same share in the prior for any number of players."""
    return (players - 2) / (players + 2)


def _bend(players: int) -> np.ndarray:
    """u(s) for s = 0, …, n: 0 in the middle, largest for the empty and the full coalition."""
    s = np.arange(players + 1)
    return np.asarray(-np.log((s + 1) * (players - s + 1) / (players / 2 + 1) ** 2))
