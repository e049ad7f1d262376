"""Sampling errors of attributions, and sketches of them, from leave-one-out residuals.

With an attribution A y and leave-one-out residuals r, its variance is sum_j (A_j r_j)^2 over the pairs j: HC3 (MacKinnon & White, 1985), over
pairs because their halves are drawn together. The finite-population correction removes the part that is not left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np

from tb_xai_plugin.explainers.contract import SKETCH
from tb_xai_plugin.games.coalitions import Design


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

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their sketch (SKETCH, k). residuals: (pairs, k), leave-one-out."""
        return np.sqrt(self.squares @ residuals**2), sketch(self.scale * residuals)


@dataclass(frozen=True)
class HalvesErrors:
    """Sampling errors of A @ y, where y has a number for the full coalition, which is not drawn, and for both halves of each pair.

    Attributes:
        first: float64 (players, pairs), A of the first halves with the finite-population correction.
        second: float64 (players, pairs), the same of the second halves.
    """

    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, undrawn: np.ndarray | float) -> HalvesErrors:
        """A: (players, 1 + 2 pairs); undrawn: the share of coalitions that were not drawn, one number or (pairs,)."""
        correction = np.sqrt(undrawn)
        return cls(correction * A[:, 1::2], correction * A[:, 2::2])

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their sketch (SKETCH, k). residuals: (1 + 2 pairs, k), leave-one-out."""
        a, b, r, s = self.first, self.second, residuals[1::2], residuals[2::2]
        variance = a**2 @ r**2 + b**2 @ s**2 + 2 * (a * b) @ (r * s)
        # The halves change a player's value in opposite directions, about equally for all players.
        scale_a, scale_b = (np.sqrt((half**2).mean(axis=0))[:, None] for half in (a, b))
        return np.sqrt(np.maximum(variance, 0)), sketch(scale_a * r - scale_b * s)


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
