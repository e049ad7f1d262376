"""Candidates: coalitions of one size, of which a design takes the one that confounds players least with interactions.

An attribution is a linear model's, and what it mistakes for players' own effects are interactions of three players first. How much it does is told by
the fourth power moment of a design (Xu, 2003: minimum moment aberration). With x = +1 for present players and -1 for absent ones,

    sum_S sum_T (x_S . x_T)^4  =  sum_i sum_j sum_k sum_l (sum_S x_i x_j x_k x_l)^2

which has the products of player i with the interaction of j, k and l. The candidate is taken that adds least to it. Moments are whole numbers, so all
machines take the same one.
"""

from __future__ import annotations

from itertools import chain, combinations
from math import comb

import numpy as np

# Candidates of all sizes in one draw, and for each coalition that is taken. More hardly lower the moment, or take longer than they are worth.
ALTOGETHER = 2**15
FEWEST, MOST = 16, 256

# Most products of a candidate and a coalition at a time: as many as fit into a processor's cache.
AT_ONCE = 2**17


class Candidates:
    """Coalitions of one size, each standing for its complement too, in random order; none is in the design already.

    By symmetry, every coalition of the size is equally likely to be taken.

    Args:
        players: n.
        size: of the coalitions, 1 to n / 2.
        taken: bool (m, n), the design's coalitions of this size or of the complement's.
        wanted: how many will be taken.
        each: number of candidates for each that is taken.
        rng: source of the draw.
    """

    def __init__(self, players: int, size: int, taken: np.ndarray, wanted: int, each: int, rng: np.random.Generator) -> None:
        self._players = players
        self._rows = _drawn(players, size, taken, wanted, each * wanted, rng)
        self._signs = signs_of(self._rows)
        self._moments = np.zeros(len(self._rows))
        self._compared = 0

    def take(self, design: np.ndarray) -> np.ndarray:
        """The best coalition that is left, bool (n,). design: `signs_of` its pairs so far, (pairs, n); those of the last call come first."""
        step = max(AT_ONCE // len(self._signs), 1)
        for start in range(self._compared, len(design), step):
            # Whole numbers throughout: squares below 2^24 for up to 4,000 players, and their squares' sums below 2^53.
            squares = ((self._signs @ design[start : start + step].T) ** 2).astype(np.float64)
            self._moments += np.einsum("ij,ij->i", squares, squares)
        self._compared = len(design)
        best = int(self._moments.argmin())
        self._moments[best] = np.inf
        return np.asarray(self._rows[best])


def signs_of(rows: np.ndarray) -> np.ndarray:
    """+1 for present players and -1 for absent ones, float32 (m, n). rows: bool (m, n)."""
    return np.asarray(2 * rows.astype(np.float32) - 1)


def pairs_as_bytes(rows: np.ndarray) -> np.ndarray:
    """Coalitions as bits, the same for a coalition and its complement: uint8 (m, n / 8). rows: bool (m, n)."""
    return np.packbits(rows ^ ~rows[:, :1], axis=1)  # the half that has the first player


def existing(players: int, size: int) -> int:
    """The number of pairs of this size, 0 to n / 2."""
    return comb(players, size) // (2 if 2 * size == players else 1)


def _drawn(players: int, size: int, taken: np.ndarray, wanted: int, candidates: int, rng: np.random.Generator) -> np.ndarray:
    """At least `wanted` different coalitions of a size besides those taken, and about as many as asked for, where they exist: bool (m, n)."""
    if existing(players, size) <= 2 * (candidates + len(taken)):
        every = rng.permutation(_all_of_size(players, size))
        return _different(np.concatenate([taken, every]))[len(taken) :][:candidates]
    rows = taken
    while len(rows) < len(taken) + wanted:  # at least half of those drawn are new, on average
        drawn = rng.permuted(np.broadcast_to(np.arange(players) < size, (candidates, players)), axis=1)
        rows = _different(np.concatenate([rows, drawn]))
    return rows[len(taken) :]


def _all_of_size(players: int, size: int) -> np.ndarray:
    """Every coalition of a size, one of each pair: bool (existing, n)."""
    half = 2 * size == players  # there, a pair has two of this size; the one with the first player is meant
    chosen = combinations(range(1, players), size - 1) if half else combinations(range(players), size)
    members = np.fromiter(chain.from_iterable(chosen), dtype=np.intp).reshape(existing(players, size), -1)
    rows = np.zeros((len(members), players), dtype=bool)
    np.put_along_axis(rows, members, values=True, axis=1)
    rows[:, 0] |= half
    return rows


def _different(rows: np.ndarray) -> np.ndarray:
    """The first of equal pairs each, in order."""
    _, first = np.unique(pairs_as_bytes(rows), axis=0, return_index=True)
    return np.asarray(rows[np.sort(first)])
