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

from tb_xai_plugin.explainers.errors import PairErrors
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
        trend_variances: float64 (players,), the diagonal of (h' K^-1 h)^-1.
        remainder: float64 (pairs, pairs), M = K^-1 - K^-1 h (h' K^-1 h)^-1 h' K^-1, the weights of the process.
    """

    h: np.ndarray
    trend: np.ndarray
    trend_variances: np.ndarray
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
        covariance = np.linalg.inv(h.T @ weighted)
        trend = covariance @ weighted.T
        return cls(h, trend, np.diagonal(covariance), inverse - weighted @ trend)

    def left_out(self, d: np.ndarray) -> np.ndarray:
        """Leave-one-pair-out residuals (pairs, k): d_j minus its prediction from all other pairs (Dubrule, 1983); NaN where there are too few."""
        if len(self.h) <= self.h.shape[1]:  # two players: the trend takes every pair, and the others predict none
            return np.full(d.shape, np.nan)
        return np.asarray((self.remainder @ d) / np.diagonal(self.remainder)[:, None])

    @property
    def unseen_variances(self) -> np.ndarray:
        """float64 (pairs,): variances of the leave-one-pair-out residuals of games drawn from the process."""
        return np.asarray(1 / np.diagonal(self.remainder))

    def errors(self, A: np.ndarray, variances: np.ndarray, design: Design) -> PairErrors:
        """The errors of A @ d, with A and `variances` of the same semivalue. Where evaluations have noise, the process does not know how much: HC3 alone."""
        return PairErrors.of(A, design) if design.noise is not None else PairErrors.calibrated(A, design, variances, self.unseen_variances)

    def shapley(self) -> np.ndarray:
        """The matrix that turns d into the Shapley values of trend and process: float64 (players, pairs)."""
        A = self._matrix(Semivalue.shapley(self.h.shape[1]))
        # Values must sum to 2 d_0, the full output minus the empty one. The inverse of the kernel leaves a rounding error of 1e-7 of that.
        return np.asarray(A + (2.0 * (np.arange(A.shape[1]) == 0) - A.sum(axis=0)) / len(A))

    def shapley_variances(self) -> np.ndarray:
        """What is unknown of Shapley values after d: their variances, of games drawn from the process, float64 (players,)."""
        return self._variances(Semivalue.shapley(self.h.shape[1]))

    def banzhaf(self) -> np.ndarray:
        """The same matrix for Banzhaf values."""
        return self._matrix(Semivalue.banzhaf(self.h.shape[1]))

    def banzhaf_variances(self) -> np.ndarray:
        """The same variances of Banzhaf values."""
        return self._variances(Semivalue.banzhaf(self.h.shape[1]))

    def _matrix(self, semivalue: Semivalue) -> np.ndarray:
        return np.asarray(self.trend + semivalue.covariances(self.h) @ self.remainder)

    def _variances(self, semivalue: Semivalue) -> np.ndarray:
        covariances = semivalue.covariances(self.h)
        known = np.einsum("ij,ij->i", covariances @ self.remainder + 2 * self.trend, covariances)
        return np.asarray(np.maximum(semivalue.variance() + self.trend_variances - known, 0))


@dataclass(frozen=True)
class Semivalue:
    """A mean marginal contribution where the number of other players present has a given law.

    The law is a mixture: with probability `weights`, each of the others is present with probability `q`.

    Attributes:
        players: n.
        q: float64 (nodes,).
        weights: float64 (nodes,).
        size_law: float64 (n,), of the number of other players present.
    """

    players: int
    q: np.ndarray
    weights: np.ndarray
    size_law: np.ndarray

    @classmethod
    def shapley(cls, players: int) -> Semivalue:
        """q is uniform on [0, 1] (Owen, 1972).

        The first term of the kernel is a product over players, so what is integrated over q is a polynomial of degree n - 1, and Gauss-Legendre
        quadrature is exact.
        """
        nodes, weights = np.polynomial.legendre.leggauss(players // 2 + 1)
        return cls(players, (nodes + 1) / 2, weights / 2, np.full(players, 1 / players))

    @classmethod
    def banzhaf(cls, players: int) -> Semivalue:
        """q = 1/2."""
        law = np.array([comb(players - 1, s) / 2 ** (players - 1) for s in range(players)])
        return cls(players, np.array([0.5]), np.array([1.0]), law)

    def covariances(self, h: np.ndarray) -> np.ndarray:
        """With the process at coalitions: float64 (players, pairs). h: (pairs, players), S - 1/2."""
        n, q = self.players, self.q
        rho, bend = _rho(n), _bend(n)
        s = np.arange(n)
        signs = 2 * h.T
        size = (signs > 0).sum(axis=0)
        # effect[s]: by how much a player changes rho^D(., T), where T has s of the others. These agree with T with probability q, the rest with 1 - q.
        effect = (1 - rho) * ((q + (1 - q) * rho) ** s[:, None] * (1 - q + q * rho) ** (n - 1 - s[:, None])) @ self.weights
        # The complement's half of the odd kernel has the same effect again, because effect[s] = effect[n - 1 - s].
        process = np.where(signs > 0, effect[np.maximum(size - 1, 0)], -effect[np.minimum(size, n - 1)]) * 2 / (1 - rho**n)
        own, other = self._bends()
        return np.asarray(process + TAU * bend[size] / n * (own * signs + other * (signs.sum(axis=0) - signs)))

    def variance(self) -> float:
        """Of a player's value, the same for all players."""
        n, q, rho = self.players, self.q, _rho(self.players)
        agree = np.outer(q, q) + np.outer(1 - q, 1 - q)
        own, other = self._bends()
        first = 4 * (1 - rho) / (1 - rho**n) * (self.weights @ (agree + (1 - agree) * rho) ** (n - 1) @ self.weights)
        return float(first + TAU / n * (own**2 + (n - 1) * other**2))

    def _bends(self) -> tuple[float, float]:
        """The semivalues of the game x_i u(|S|), x_i = +1 or -1, for player i and for any other.

        (1 - 2 D / n) is the mean over players of the product of their signs. A player changes its own sign, and u for the signs of the others.
        """
        s, bend = np.arange(self.players), _bend(self.players)
        own = self.size_law @ (bend[1:] + bend[:-1])
        return float(own), float(self.size_law @ ((2 * s / (self.players - 1) - 1) * (bend[1:] - bend[:-1])))


def _rho(players: int) -> float:
    """The parameter rho, chosen so that interactions of each order have the same share in the prior for any number of players."""
    return (players - 2) / (players + 2)


def _bend(players: int) -> np.ndarray:
    """u(s) for s = 0, …, n: 0 in the middle, largest for the empty and the full coalition."""
    s = np.arange(players + 1)
    return np.asarray(-np.log((s + 1) * (players - s + 1) / (players / 2 + 1) ** 2))
