"""Designs: the fixed coalitions that a model is asked about, the same at every epoch and in every run.

A design is a set of pairs (S, its complement), drawn once from a seed. Pairing halves the variance for LIME and removes every
even-order interaction from the error for SHAP (Covert & Lee, 2021; Fumagalli et al., 2026: Shapley values depend on the odd part
of the game only). Several laws meet in one design, and all are uniform within a coalition size, so that every row serves Kernel SHAP:

* singles: every player alone, and everybody but it: what occlusion asks for;
* Bernoulli(1/2): each player present with probability 1/2, LIME's own law;
* leverage: all sizes equally likely (Musco & Witter, 2025: the leverage of a coalition S is 1 / C(n, |S|)).

A design is nested: its first half (and half of that, …) is a design by the same laws, so that fewer evaluations are a part of the same coalitions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import comb

import numpy as np

LAWS = ("singles", "bernoulli", "leverage")

# More would need more than 4,000 evaluations a probe, and 2^n no longer fits a float.
MOST_PLAYERS = 1000


@dataclass(frozen=True)
class Design:
    """Coalitions of n players.

    Attributes:
        masks: bool (evaluations, n), rows in complementary pairs (2j, 2j + 1); rows 0 and 1 are the full and the empty coalition.
        drawn_by_bernoulli: bool (evaluations / 2,), the pairs that were drawn by LIME's law.
    """

    masks: np.ndarray
    drawn_by_bernoulli: np.ndarray

    @property
    def players(self) -> int:
        return self.masks.shape[1]

    @property
    def pairs(self) -> np.ndarray:
        """bool (evaluations / 2, n): the first coalition of each pair."""
        return self.masks[0::2]

    @property
    def complete(self) -> bool:
        """Whether all 2^n coalitions are there."""
        return len(self.masks) == 2**self.players

    @property
    def bernoulli(self) -> np.ndarray:
        """bool (evaluations / 2,), the pairs that obey LIME's law: all of them where every coalition is there."""
        return np.ones_like(self.drawn_by_bernoulli) if self.complete else self.drawn_by_bernoulli

    def first(self, evaluations: int) -> Design:
        """The design of the first so many evaluations; one of `levels`, or where there are fewer coalitions all of them."""
        return Design(self.masks[:evaluations], self.drawn_by_bernoulli[: evaluations // 2])


def fewest_evaluations(players: int) -> int:
    """Below this, the least-squares problem of Kernel SHAP is ill-posed or nearly so."""
    return min(4 * players + 2, 2**players)


def auto_evaluations(players: int) -> int:
    """16 evaluations a player, at least 256 and at most 2048 (or what so many players need); all 2^n coalitions where those are fewer."""
    return min(max(int(np.clip(16 * players, 256, 2048)), fewest_evaluations(players)), 2**players)


def levels(players: int, evaluations: int) -> list[int]:
    """Numbers of evaluations, ascending, at which a design of `evaluations` is nested: it is halved as long as enough are left."""
    found = [evaluations]
    while found[0] // 4 * 2 >= fewest_evaluations(players):
        found.insert(0, found[0] // 4 * 2)
    return found


def build_design(players: int, evaluations: int, laws: Collection[str], seed: int) -> Design:
    """Draw a design; every coalition there is where `evaluations` covers them.

    Args:
        players: n, at least 2.
        evaluations: coalitions, the full and the empty one included; an odd number is rounded down. Singles alone need no more than 2 n + 2.
        laws: which of LAWS are needed; pairs are split evenly between Bernoulli and leverage where both are. Without any, the design is the
            full and the empty coalition.
        seed: of the draw.
    """
    drawing = _Drawing(players, laws, np.random.default_rng([seed, players]))
    if laws:
        for level in levels(players, evaluations - evaluations % 2):
            drawing.up_to(level // 2)
    return drawing.design()


class _Drawing:
    """A design in the making."""

    def __init__(self, players: int, laws: Collection[str], rng: np.random.Generator) -> None:
        self.players, self.laws, self.rng = players, set(laws), rng
        self.pairs = [np.ones(players, bool)]
        self.by_bernoulli = [True]
        self.taken = {_key(self.pairs[0])}

    def design(self) -> Design:
        pairs = np.array(self.pairs)
        return Design(np.stack([pairs, ~pairs], axis=1).reshape(-1, self.players), np.array(self.by_bernoulli))

    def up_to(self, pairs: int) -> None:
        """Draw until there are so many pairs."""
        n = self.players
        if pairs >= 2 ** (n - 1):
            self._take_all()
            return
        if "singles" in self.laws and len(self.pairs) == 1:
            self._take(np.eye(n, dtype=bool), by_bernoulli=False)
        if not self.laws & {"bernoulli", "leverage"}:
            return
        share = 0.0 if "bernoulli" not in self.laws else 0.5 if "leverage" in self.laws else 1.0
        wanted = min(int((pairs - 1) * share) + 1 - sum(self.by_bernoulli), pairs - len(self.pairs))
        self._draw(wanted, lambda: self.rng.random(n) < 0.5, by_bernoulli=True)
        sizes = np.array([min(pair.sum(), n - pair.sum()) for pair in self.pairs[1:]], dtype=int)
        for size, count in enumerate(_top_up(n, pairs - len(self.pairs), np.bincount(sizes, minlength=n // 2 + 1))):
            self._draw(count, lambda size=size: self.rng.permutation(n) < size, by_bernoulli=False)

    def _draw(self, count: int, one: Callable[[], np.ndarray], *, by_bernoulli: bool) -> None:
        """`count` coalitions whose pairs are not taken yet; either half of a pair comes first with equal chance."""
        wanted = len(self.pairs) + count
        while len(self.pairs) < wanted:
            coalition = one()
            self._take([coalition if self.rng.random() < 0.5 else ~coalition], by_bernoulli=by_bernoulli)

    def _take(self, coalitions: Collection[np.ndarray], *, by_bernoulli: bool) -> None:
        for coalition in coalitions:
            if _key(coalition) not in self.taken:
                self.taken.add(_key(coalition))
                self.pairs.append(coalition)
                self.by_bernoulli.append(by_bernoulli)

    def _take_all(self) -> None:
        numbers = np.arange(2 ** (self.players - 1) - 1, -1, -1)
        others = (numbers[:, None] >> np.arange(self.players - 1) & 1).astype(bool)
        self._take(np.concatenate([np.ones((len(numbers), 1), bool), others], axis=1), by_bernoulli=False)


def _key(coalition: np.ndarray) -> bytes:
    """The same for a coalition and its complement."""
    return np.packbits(coalition if coalition[0] else ~coalition).tobytes()


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
