"""Sampling errors of attributions, and sketches of them, from leave-one-out residuals.

With an attribution A y and leave-one-out residuals r, its variance is sum_j (A_j r_j)^2 over the pairs j: HC3 (MacKinnon & White, 1985), over
pairs because their halves are drawn together. The finite-population correction removes the part that is not left to chance.

Coalitions are not independent draws, and what is left out is harder to predict than what was never asked, so these are too large. They are calibrated: multiplied
by the factor that makes them right, on average over players, for games of a known law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import comb

import numpy as np

from tb_xai_plugin.explainers.contract import MOST_CORRELATED, RANK, SKETCH
from tb_xai_plugin.games.coalitions import Design

# Variances of calibrated errors are larger by this factor, because games are not draws from the process. It was chosen on sixteen families of games, as the
# one with which intervals hold in at least 93.5 % in each.
SAFETY = 1.3

# The smallest factor of calibration: where hardly any coalition is missing, the process claims to know more of them than it can.
LEAST_FACTOR = 0.2

# Of the subspace iteration for loadings; more hardly change a floor. Games whose loadings are computed at once.
ITERATIONS = 3
TOGETHER = 16
TINY = np.finfo(np.float32).tiny

# Errors so small beside the largest are rounding; their squares would not be float32 numbers.
NOTHING = np.float32(1e-12)


@dataclass(frozen=True)
class PairErrors:
    """Sampling errors of A @ d, where d has one number per pair.

    Attributes:
        squares: float64 (players, pairs), A^2 with the finite-population correction, calibrated or not.
        A: float64 (players, pairs), with the finite-population correction; for the loadings.
        scale: float64 (pairs, 1), how much a pair changes the values; for the sketch.
    """

    squares: np.ndarray
    A: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, design: Design) -> PairErrors:
        A = A * np.sqrt(undrawn_share(design))
        squares = A**2
        return cls(squares, A, np.sqrt(squares.mean(axis=0))[:, None])

    @classmethod
    def calibrated(cls, A: np.ndarray, design: Design, variances: np.ndarray, unseen: np.ndarray) -> PairErrors:
        """Errors that are right on average for games drawn from a Gaussian process, and safe for games that are unlike it.

        Args:
            A: float64 (players, pairs).
            design: the coalitions.
            variances: float64 (players,), of what A @ d leaves unknown of such games.
            unseen: float64 (pairs,), of their leave-one-out residuals.
        """
        plain = cls.of(A, design)
        expected = float((plain.squares @ unseen).mean())
        factor = SAFETY * max(float(variances.mean()) / expected, LEAST_FACTOR) if expected > 0 else 1.0
        pairs, players = len(unseen), len(A)
        return replace(plain, squares=factor * student(pairs - players) * _shrunk(plain.squares))

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their noise, as in Attribution, (numbers, k). residuals: (pairs, k), leave-one-out."""
        return np.sqrt(self.squares @ residuals**2), np.concatenate([sketch(self.scale * residuals), loadings((self.A, residuals))])


@dataclass(frozen=True)
class HalvesErrors:
    """Sampling errors of A @ y, where y has a number for both halves of each pair.

    The variance is the sum over pairs of squares[0] r^2 + squares[1] s^2 + squares[2] r s, where r and s are the residuals of the halves.

    Attributes:
        squares: float64 (3, players, pairs), A^2 of the first halves, of the second halves, and twice their product, with the finite-population correction.
        moves: float64 (2, players, pairs), how much either half moves a player's value; for the loadings.
        scale: float64 (2, pairs, 1), how much either half changes the values; for the sketch.
    """

    squares: np.ndarray
    moves: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, undrawn: np.ndarray | float) -> HalvesErrors:
        """Of a random draw. A: (players, 2 pairs); undrawn: the share of coalitions that were not drawn, one number or (pairs,)."""
        first, second = A[:, 0::2], A[:, 1::2]
        return cls._of(np.stack([first**2, second**2, 2 * first * second]) * undrawn, A)

    @classmethod
    def _of(cls, squares: np.ndarray, A: np.ndarray) -> HalvesErrors:
        moves = np.sign([A[:, 0::2], A[:, 1::2]]) * np.sqrt(squares[:2])
        return cls(squares, moves, np.sqrt(squares[:2].mean(axis=1))[:, :, None])

    @classmethod
    def calibrated(cls, A: np.ndarray, undrawn: np.ndarray | float, unseen: np.ndarray, freedom: float) -> HalvesErrors:
        """Errors that are right on average for outputs that are independent and equally uncertain.

        Args:
            A: float64 (players, 2 pairs).
            undrawn: as in `of`.
            unseen: float64 (pairs, 2, 2), the covariances of both leave-one-out residuals of each pair for such outputs of variance 1.
            freedom: degrees of freedom of the residuals.
        """
        plain = cls.of(A, undrawn)
        expected = np.tensordot(plain.squares, np.stack([unseen[:, 0, 0], unseen[:, 1, 1], unseen[:, 0, 1]]), ([0, 2], [0, 1])).mean()
        factor = float(plain.squares[:2].sum(axis=(0, 2)).mean() / expected) if expected > 0 else 1.0
        return replace(plain, squares=factor * student(freedom) * _shrunk(plain.squares))

    @classmethod
    def beside(cls, A: np.ndarray, limit: BySize, design: Design) -> HalvesErrors:
        """Of what a fit to all coalitions would give: the coalitions of the design count by A where they should count by A*, all others not at all.

            A y - A* y = sum_S in the design (A - A*)_S y_S  -  sum_S not in it A*_S y_S

        Both fits take the linear part of y out, so y may be its residuals. Outside the design, squares of residuals are taken to be as large as inside
        it at the same size, over pairs. So nothing is assumed of how coalitions were chosen, and where all are there, nothing is left.

        A: (players, evaluations), in the order of the design; limit: A*.
        """
        n, size, present = design.players, design.masks.sum(axis=1), design.masks.T
        inside, facing = limit.of(size, present), limit.of(n - size, ~present)  # of a coalition, and of the other half of its pair
        squares, products = _left_out(limit.squares(), inside**2, size), _left_out(limit.products(), inside * facing, size)
        apart = A - inside
        a, b = apart[:, 0::2], apart[:, 1::2]
        first, second, both = a**2, b**2, a * b
        halves, size = np.minimum(size, n - size)[0::2], size[0::2]
        for half in range(1, n // 2 + 1):
            alike = halves == half
            # A size that no pair has borrows the residuals of all others.
            pairs, at = (np.flatnonzero(alike), size[alike]) if alike.any() else (np.flatnonzero(halves), np.full((halves > 0).sum(), half))
            # At n / 2, both halves of a pair have the same size, of which the sums have both.
            share = (0.5 if 2 * half == n else 1.0) / len(pairs)
            first[:, pairs] += share * squares[:, at]
            second[:, pairs] += share * squares[:, n - at]
            both[:, pairs] += share * products[:, at]
        return cls._of(np.stack([first, second, 2 * both]), A)

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their noise, as in Attribution, (numbers, k). residuals: (2 pairs, k), leave-one-out."""
        r, s = residuals[0::2], residuals[1::2]
        variance = self.squares[0] @ r**2 + self.squares[1] @ s**2 + self.squares[2] @ (r * s)
        # The halves change a player's value in opposite directions, about equally for all players.
        together = loadings((self.moves[0], r), (self.moves[1], s))
        return np.sqrt(np.maximum(variance, 0)), np.concatenate([sketch(self.scale[0] * r - self.scale[1] * s), together])


def _shrunk(squares: np.ndarray) -> np.ndarray:
    """Half of each player's own numbers and half of the mean over players, (…, players, pairs).

    Which player is which is left to chance in a design, so errors differ less between players than a few residuals say.
    """
    return np.asarray((squares + squares.mean(axis=-2, keepdims=True)) / 2)


def student(freedom: float) -> float:
    """The square of Student's 97.5 % point in units of the normal one, for `freedom` degrees of freedom (Cornish & Fisher's expansion)."""
    z, v = 1.959964, max(freedom, 1.0)
    return float((1 + (z**2 + 1) / (4 * v) + (5 * z**4 + 16 * z**2 + 3) / (96 * v**2)) ** 2)


@dataclass(frozen=True)
class BySize:
    """The matrix of a fit to all coalitions of n players, which by symmetry has two numbers for each size: of players present, and of those absent.

    Attributes:
        present, absent: float64 (n + 1,).
    """

    present: np.ndarray
    absent: np.ndarray

    def of(self, size: np.ndarray, present: np.ndarray) -> np.ndarray:
        """float64 (players, rows). size: int (rows,); present: bool (players, rows)."""
        return np.asarray(np.where(present, self.present[size], self.absent[size]))

    def squares(self) -> np.ndarray:
        """(n + 1,): the sum of a player's squares over all coalitions of each size."""
        return self._summed(self.present**2, self.absent**2)

    def products(self) -> np.ndarray:
        """(n + 1,): the sum, over all coalitions of each size, of a player's number for the coalition times that for its complement."""
        return self._summed(self.present * self.absent[::-1], self.absent * self.present[::-1])

    def _summed(self, present: np.ndarray, absent: np.ndarray) -> np.ndarray:
        n = len(present) - 1
        with_player, without = (np.array([float(comb(n - 1, size)) for size in range(first, first + n - 1)]) for first in (0, 1))
        inner = slice(1, n)  # the full and the empty coalition are in every design
        return np.pad(with_player * present[inner] + without * absent[inner], 1)


def _left_out(every: np.ndarray, inside: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(players, n + 1): sums over the coalitions of each size that a design does not have. every: (n + 1,), over all; inside: (players, rows)."""
    of_size = np.zeros((len(inside), len(every)))
    np.add.at(of_size.T, size, inside.T)
    return np.asarray(every - of_size)


def undrawn_of_all(players: int, rows: int) -> float:
    """The share of coalitions that were not drawn, leaving out the full and the empty one. rows: the drawn coalitions and the full one."""
    return max(1 - (rows - 1) / (2.0**players - 2), 0) if players > 1 else 0.0


def undrawn_share(design: Design) -> np.ndarray:
    """The finite-population correction (pairs,): the share of coalitions of each pair's size that the design does not have.

    It is 1 for single players: the design has all of them, but that does not reduce their residuals, which come from the model's interactions.
    Without this exception, intervals are too narrow from 30 players on.
    """
    n, sizes = design.players, design.sizes
    if design.noise is not None:  # evaluations have noise even where every coalition is drawn
        return np.asarray(((sizes > 0) & (sizes < n)).astype(float))
    exist = [comb(n, s) for s in range(n + 1)]
    share = np.array([1 - min(drawn / total, 1) for drawn, total in zip(design.rows_of_size.tolist(), exist, strict=True)])[sizes]
    return share if design.complete else np.where((sizes == 1) | (sizes == n - 1), 1.0, share)


def sketch(contributions: np.ndarray) -> np.ndarray:
    """Sketch the sampling errors of games: float64 (SKETCH, k), columns of length 1 (0 where there is no error).

    The error of a difference of two attributions depends on the covariance of their errors: Var(a - b) = Var a + Var b - 2 Cov(a, b).
    With the same coalitions, the covariance is a scalar product over pairs, which projections by random signs preserve (Johnson & Lindenstrauss,
    1984; signs: Achlioptas, 2003). So a few numbers per game give the error of any difference between two epochs or runs, long after the
    outputs are gone.

    contributions: (pairs, k), each pair's contribution to the error. All designs of equal length use the same signs.
    """
    projected: np.ndarray = _signs(len(contributions)) @ contributions
    length = np.sqrt((projected**2).sum(axis=0))
    return np.asarray(projected / np.where(length > 0, length, 1))


def loadings(*parts: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """How the errors of players go together: the loadings L of a factor model of their correlations, L L' off the diagonal: (RANK * players, k).

    The covariance of the errors is sum_j c_j c_j' over the pairs, with c_j the sum of A_j r_j over the parts. Where few pairs have most of the
    residuals, as where an output hangs on one combination of players, the errors of all players come from the same few. Correlations that chance makes
    at the effective number of pairs are taken out (Schaefer & Strimmer, 2005); the rest is factored with the largest correlation of each player for
    its communality (Thurstone, 1947). All are 0 for a single player and for more than MOST_CORRELATED.

    parts: A (players, pairs) and leave-one-out residuals (pairs, k).
    """
    players, games = len(parts[0][0]), parts[0][1].shape[1]
    if not 1 < players <= MOST_CORRELATED:
        return np.zeros((RANK * players if players <= MOST_CORRELATED else 0, games))
    found = [_loadings([(A, residuals[:, game : game + TOGETHER]) for A, residuals in parts]) for game in range(0, games, TOGETHER)]
    return np.concatenate(found, axis=1)


def _loadings(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """`loadings` of a few games. In float32, since they are logged in 15 levels; the units of A and of residuals don't matter."""
    largest = np.maximum(np.max([np.abs(residuals).max(axis=0) for _, residuals in parts], axis=0), TINY)
    unit = max(max(float(np.abs(A).max()) for A, _ in parts), float(TINY))
    c = sum((A / unit).astype(np.float32) * (residuals / largest).T[:, None].astype(np.float32) for A, residuals in parts)
    c = np.where(np.isfinite(c), c, np.float32(0))
    games, players, _ = c.shape
    squares = c**2
    of_pairs = squares.sum(axis=1)
    effective = of_pairs.sum(axis=1) ** 2 / np.maximum((of_pairs**2).sum(axis=1), TINY)
    length = np.sqrt(squares.sum(axis=2, keepdims=True))
    c = np.where(length > NOTHING, c / np.maximum(length, NOTHING), np.float32(0))
    R = c @ c.swapaxes(1, 2)
    own = np.eye(players, dtype=bool)
    R[:, own] = 0
    by_chance = ((1 - R**2) ** 2 * ~own).sum(axis=(1, 2)) / np.maximum(effective, 1)
    R *= np.maximum(1 - by_chance / np.maximum((R**2).sum(axis=(1, 2)), by_chance / 2 + TINY), 0)[:, None, None]
    R[:, own] = np.abs(R).max(axis=1)
    # Subspace iteration: a fraction of the time of all eigenvectors.
    rank = min(RANK, players)
    basis = np.broadcast_to(np.random.default_rng(0).normal(size=(players, rank)).astype(np.float32), (games, players, rank))
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(R @ (R @ basis))[0]
    strength, turn = np.linalg.eigh(basis.swapaxes(1, 2) @ R @ basis)
    L = basis @ turn * np.sqrt(np.maximum(strength, 0))[:, None]
    L /= np.maximum(np.sqrt((L**2).sum(axis=2, keepdims=True)), 1)
    return np.asarray(np.pad(L, ((0, 0), (0, 0), (0, RANK - rank))).reshape(games, -1).T)


@cache
def _signs(pairs: int) -> np.ndarray:
    """Random signs, float64 (SKETCH, pairs), the same in every process."""
    return np.random.default_rng(0).integers(0, 2, size=(pairs, SKETCH), dtype=np.int8).T * 2.0 - 1
