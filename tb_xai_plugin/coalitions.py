"""Designs: the fixed coalitions that a model is asked about, the same at every epoch and in every run.

A design is a set of pairs (S, its complement), drawn once from a seed. Pairing halves the variance for LIME and removes every
even-order interaction from the error for SHAP (Covert & Lee, 2021; Fumagalli et al., 2026: Shapley values depend on the odd part
of the game only). Two laws meet in one design, and both are uniform within a coalition size, so that every row serves Kernel SHAP:

* Bernoulli(1/2): each player present with probability 1/2, LIME's own law;
* leverage: all sizes equally likely (Musco & Witter, 2025: the leverage of a coalition S is 1 / C(n, |S|)).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import comb

import numpy as np

LAWS = ("bernoulli", "leverage")

# More would need more than 4,000 evaluations a probe, and 2^n no longer fits a float.
MOST_PLAYERS = 1000


@dataclass(frozen=True)
class Design:
    """Coalitions of n players.

    Attributes:
        masks: bool (evaluations, n), rows in complementary pairs (2j, 2j + 1); rows 0 and 1 are the full and the empty coalition.
        bernoulli: bool (evaluations / 2,), the pairs that obey LIME's law.
    """

    masks: np.ndarray
    bernoulli: np.ndarray

    @property
    def players(self) -> int:
        return self.masks.shape[1]

    @property
    def pairs(self) -> np.ndarray:
        """bool (evaluations / 2, n): the first coalition of each pair."""
        return self.masks[0::2]


def fewest_evaluations(players: int) -> int:
    """Below this, the least-squares problem of Kernel SHAP is ill-posed or nearly so."""
    return min(4 * players + 2, 2**players)


def auto_evaluations(players: int) -> int:
    """16 evaluations a player, at least 256 and at most 2048 (or what so many players need); all 2^n coalitions where those are fewer."""
    return min(max(int(np.clip(16 * players, 256, 2048)), fewest_evaluations(players)), 2**players)


def build_design(players: int, evaluations: int, laws: Collection[str], seed: int) -> Design:
    """Draw a design; every coalition there is where `evaluations` covers them.

    Args:
        players: n, at least 2.
        evaluations: coalitions, the full and the empty one included; an odd number is rounded down.
        laws: which of LAWS are needed; with both, the drawn pairs are split evenly.
        seed: of the draw.
    """
    rng = np.random.default_rng([seed, players])
    if evaluations >= 2**players:
        numbers = np.arange(2 ** (players - 1) - 1, -1, -1)
        with_first = (numbers[:, None] >> np.arange(players - 1) & 1).astype(bool)
        pairs = np.concatenate([np.ones((len(numbers), 1), bool), with_first], axis=1)
        return Design(_interleaved(pairs), np.ones(len(pairs), bool))
    wanted = evaluations // 2 - 1
    from_bernoulli = wanted if "leverage" not in laws else wanted // 2 if "bernoulli" in laws else 0
    taken: set[bytes] = {_key(np.ones(players, bool))}
    drawn = _draw(rng, taken, from_bernoulli, lambda: rng.random(players) < 0.5)
    sizes = np.array([min(pair.sum(), players - pair.sum()) for pair in drawn], dtype=int)
    for size, count in enumerate(_top_up(players, wanted - len(drawn), np.bincount(sizes, minlength=players // 2 + 1))):
        drawn += _draw(rng, taken, count, lambda size=size: rng.permutation(players) < size)
    pairs = np.array([np.ones(players, bool), *drawn])
    return Design(_interleaved(pairs), np.arange(len(pairs)) <= from_bernoulli)


def _interleaved(pairs: np.ndarray) -> np.ndarray:
    return np.stack([pairs, ~pairs], axis=1).reshape(-1, pairs.shape[1])


def _key(coalition: np.ndarray) -> bytes:
    """The same for a coalition and its complement."""
    return np.packbits(coalition if coalition[0] else ~coalition).tobytes()


def _draw(rng: np.random.Generator, taken: set[bytes], count: int, one: Callable[[], np.ndarray]) -> list[np.ndarray]:
    """`count` coalitions whose pairs are not `taken` yet; either half of a pair comes first with equal chance."""
    drawn: list[np.ndarray] = []
    while len(drawn) < count:
        coalition = one()
        if _key(coalition) not in taken:
            taken.add(_key(coalition))
            drawn.append(coalition if rng.random() < 0.5 else ~coalition)
    return drawn


def _top_up(players: int, wanted: int, have: np.ndarray) -> np.ndarray:
    """How many further pairs to draw of each size 0, 1, …, n // 2 so that all sizes come equally often, as far as `have` allows.

    A size whose share exceeds its number of pairs is taken whole, and its surplus goes to the others.
    """
    size = np.arange(players // 2 + 1)
    exist = np.array([comb(players, s) // (2 if 2 * s == players else 1) for s in size.tolist()], dtype=float)
    weight = np.where(2 * size == players, 0.5, 1.0)  # a pair of size n / 2 fills one size, any other pair two
    exist[0] = weight[0] = 0
    # The level L with sum over sizes of clip(L * weight - have, 0, exist - have) = wanted, found by bisection.
    low, high = 0.0, 2 * (wanted + have.sum()) + 2.0 * exist[1:].min() + 4
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.clip(level * weight - have, 0, exist - have).sum() < wanted else (low, level)
    share = np.clip(high * weight - have, 0, exist - have)
    counts = np.floor(share + 1e-9).astype(int)
    for s in np.argsort(-(share - counts), kind="stable")[: max(wanted - counts.sum(), 0)]:
        counts[s] += 1
    return counts
