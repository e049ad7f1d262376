"""Sampling errors of attributions, and sketches of them, from what a fit leaves of pairs it has not seen.

Where an attribution is A y and r the leave-one-out residuals, its variance is sum_j (A_j r_j)^2 over the pairs j: HC3 (MacKinnon & White, 1985),
over pairs because their halves are drawn together. The finite-population correction takes off what is not left to chance.
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
    """Of A @ d, where d has one number a pair.

    Attributes:
        squares: float64 (players, pairs), A^2, finite-population corrected.
        scale: float64 (pairs, 1), how much a pair moves the values; for the sketch.
    """

    squares: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, design: Design) -> PairErrors:
        squares = A**2 * undrawn_share(design)
        return cls(squares, np.sqrt(squares.mean(axis=0))[:, None])

    def __call__(self, missed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their sketch (SKETCH, k); missed: (pairs, k), leave-one-out residuals."""
        return np.sqrt(self.squares @ missed**2), sketch(self.scale * missed)


@dataclass(frozen=True)
class HalvesErrors:
    """Of A @ y, where y has a number for the full coalition, which is not drawn, and for both halves of each pair.

    Attributes:
        first, second: float64 (players, pairs), A of the halves, finite-population corrected.
    """

    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray, undrawn: np.ndarray | float) -> HalvesErrors:
        """A: (players, 1 + 2 pairs); undrawn: the share of the coalitions that the draw left out, of all or (pairs,)."""
        left = np.sqrt(undrawn)
        return cls(left * A[:, 1::2], left * A[:, 2::2])

    def __call__(self, missed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their sketch (SKETCH, k); missed: (1 + 2 pairs, k), leave-one-out residuals."""
        a, b, r, s = self.first, self.second, missed[1::2], missed[2::2]
        variance = a**2 @ r**2 + b**2 @ s**2 + 2 * (a * b) @ (r * s)
        # The halves pull a player in opposite directions, about equally for all players.
        scale_a, scale_b = (np.sqrt((half**2).mean(axis=0))[:, None] for half in (a, b))
        return np.sqrt(np.maximum(variance, 0)), sketch(scale_a * r - scale_b * s)


def undrawn_of_all(players: int, rows: int) -> float:
    """The share of the coalitions, the full and the empty one aside, that are not among so many rows, the full one included, drawn from all alike."""
    return max(1 - (rows - 1) / (2.0**players - 2), 0)


def undrawn_share(design: Design) -> np.ndarray:
    """(pairs,): the finite-population correction, the share of the coalitions of each pair's size that the design does not have.

    1 for players alone: they are all there, but what they miss of a model's interactions is no smaller for that. Without this, intervals
    are too narrow from 30 players on.
    """
    n, sizes = design.players, design.sizes
    if design.noise is not None:  # what the answers have beside the game is never drawn out
        return ((sizes > 0) & (sizes < n)).astype(float)
    exist = [comb(n, s) for s in range(n + 1)]
    share = np.array([1 - min(there / of_all, 1) for there, of_all in zip(design.rows_of_size.tolist(), exist, strict=True)])[sizes]
    return share if design.complete else np.where((sizes == 1) | (sizes == n - 1), 1.0, share)


def sketch(contributions: np.ndarray) -> np.ndarray:
    """Sketch the errors that the drawn pairs contribute: float64 (SKETCH, k), columns of length 1 (0 where there is no error).

    The error of a difference of two attributions depends on how far their sampling errors go together: Var(a - b) = Var a + Var b - 2 Cov(a, b).
    With the same coalitions the covariance is a scalar product over pairs, which random signs keep (Johnson & Lindenstrauss, 1984; signs:
    Achlioptas, 2003). So a few numbers a game give the error of any difference, between any two epochs or runs, long after the answers are gone.

    contributions: (pairs, k), each pair's contribution to the error; the rows of all designs of equal length meet the same signs.
    """
    found = _signs(len(contributions)) @ contributions
    length = np.sqrt((found**2).sum(axis=0))
    return found / np.where(length > 0, length, 1)


@cache
def _signs(pairs: int) -> np.ndarray:
    """float64 (SKETCH, pairs): of an even chance, the same in every process."""
    return np.random.default_rng(0).integers(0, 2, size=(pairs, SKETCH), dtype=np.int8).T * 2.0 - 1
