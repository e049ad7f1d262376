"""Sampling errors of attributions, and sketches of them, from leave-one-out residuals.

With an attribution A y and leave-one-out residuals r, its variance is sum_j (A_j r_j)^2 over the pairs j: HC3 (MacKinnon & White, 1985), over
pairs because their halves are drawn together. The finite-population correction removes the part that is not left to chance.

Coalitions are not independent draws, and what is left out is harder to predict than what was never asked, so these are too large. They are calibrated: multiplied
by the factor that makes them right, on average over players, for games of a known law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np

from tb_xai_plugin.explainers.contract import SKETCH
from tb_xai_plugin.games.coalitions import Design

# Variances of calibrated errors are larger by this factor, because games are not draws from the process. It was chosen on sixteen families of games, as the
# one with which intervals hold in at least 93.5 % in each.
SAFETY = 1.3

# The smallest factor of calibration: where hardly any coalition is missing, the process claims to know more of them than it can.
LEAST_FACTOR = 0.2


@dataclass(frozen=True)
class PairErrors:
    """Sampling errors of A @ d, where d has one number per pair.

    Attributes:
        squares: float64 (players, pairs), A^2 with the finite-population correction.
        scale: float64 (pairs, 1), how much a pair changes the values; for the sketch.
    """

    squares: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, design: Design) -> PairErrors:
        squares = A**2 * undrawn_share(design)
        return cls(squares, np.sqrt(squares.mean(axis=0))[:, None])

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
        return cls(factor * student(pairs - players) * _shrunk(plain.squares), plain.scale)

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their sketch (SKETCH, k). residuals: (pairs, k), leave-one-out."""
        return np.sqrt(self.squares @ residuals**2), sketch(self.scale * residuals)


@dataclass(frozen=True)
class HalvesErrors:
    """Sampling errors of A @ y, where y has a number for the full coalition, which is not drawn, and for both halves of each pair.

    Attributes:
        squares: float64 (3, players, pairs), A^2 of the first halves, of the second halves, and twice their product, with the finite-population correction.
        scale: float64 (2, pairs, 1), how much either half changes the values; for the sketch.
    """

    squares: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, undrawn: np.ndarray | float) -> HalvesErrors:
        """A: (players, 1 + 2 pairs); undrawn: the share of coalitions that were not drawn, one number or (pairs,)."""
        first, second = A[:, 1::2], A[:, 2::2]
        squares = np.stack([first**2, second**2, 2 * first * second]) * undrawn
        return cls(squares, np.sqrt(squares[:2].mean(axis=1))[:, :, None])

    @classmethod
    def calibrated(cls, A: np.ndarray, undrawn: np.ndarray | float, unseen: np.ndarray, freedom: float) -> HalvesErrors:
        """Errors that are right on average for outputs that are independent and equally uncertain.

        Args:
            A: float64 (players, 1 + 2 pairs).
            undrawn: as in `of`.
            unseen: float64 (pairs, 2, 2), the covariances of both leave-one-out residuals of each pair for such outputs of variance 1.
            freedom: degrees of freedom of the residuals.
        """
        plain = cls.of(A, undrawn)
        expected = np.tensordot(plain.squares, np.stack([unseen[:, 0, 0], unseen[:, 1, 1], unseen[:, 0, 1]]), ([0, 2], [0, 1])).mean()
        factor = float(plain.squares[:2].sum(axis=(0, 2)).mean() / expected) if expected > 0 else 1.0
        return cls(factor * student(freedom) * _shrunk(plain.squares), plain.scale)

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their sketch (SKETCH, k). residuals: (1 + 2 pairs, k), leave-one-out."""
        r, s = residuals[1::2], residuals[2::2]
        variance = self.squares[0] @ r**2 + self.squares[1] @ s**2 + self.squares[2] @ (r * s)
        # The halves change a player's value in opposite directions, about equally for all players.
        return np.sqrt(np.maximum(variance, 0)), sketch(self.scale[0] * r - self.scale[1] * s)


def _shrunk(squares: np.ndarray) -> np.ndarray:
    """Half of each player's own numbers and half of the mean over players, (…, players, pairs).

    Which player is which is left to chance in a design, so errors differ less between players than a few residuals say.
    """
    return np.asarray((squares + squares.mean(axis=-2, keepdims=True)) / 2)


def student(freedom: float) -> float:
    """The square of Student's 97.5 % point in units of the normal one, for `freedom` degrees of freedom (Cornish & Fisher's expansion)."""
    z, v = 1.959964, max(freedom, 1.0)
    return float((1 + (z**2 + 1) / (4 * v) + (5 * z**4 + 16 * z**2 + 3) / (96 * v**2)) ** 2)


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


@cache
def _signs(pairs: int) -> np.ndarray:
    """Random signs, float64 (SKETCH, pairs), the same in every process."""
    return np.random.default_rng(0).integers(0, 2, size=(pairs, SKETCH), dtype=np.int8).T * 2.0 - 1
