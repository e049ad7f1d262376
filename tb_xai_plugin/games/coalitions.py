"""Designs: the fixed coalitions that a model is asked about, the same at every epoch and in every run.

A design is a set of pairs (S, its complement), drawn once from a seed. Pairing halves the variance for LIME and removes every
even-order interaction from the error for SHAP (Covert & Lee, 2021; Fumagalli et al., 2026: Shapley values depend on the odd part
of the game only). Two laws meet in one design:

* Bernoulli(1/2): each player present with probability 1/2, LIME's own law;
* leverage: all sizes equally likely (Musco & Witter, 2025: the leverage of a coalition S is 1 / C(n, |S|)), and every player alone is there.

Where Bernoulli's draw meets a size whose coalitions are all there already, as those of one player are, one of them counts as drawn by it too:
LIME's rows keep their law for few players.

Within a size, both draw the coalition that is least like those before it, of a few candidates (Mitchell, 1991): by symmetry it is as likely to
be any coalition of the size as ever, but together they say more, and the squared error of SHAP and of LIME is about halved.

A design is nested: its first half (and half of that, …) is a design by the same laws, so that fewer evaluations are a part of the same coalitions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import comb

import numpy as np

LAWS = ("bernoulli", "leverage")

# "auto" does not go above, unless so many players need more.
MOST_AUTO = 2048

# More candidates make the draw slower, and hardly a better one.
CANDIDATES = 16

# More would need more than 4,000 evaluations per probe, and 2^n no longer fits a float.
MOST_PLAYERS = 1000

# Of one matrix product; a larger one OpenBLAS splits over threads, whose waiting for each other costs more than they bring.
MOST_PRODUCTS = 2**18

# More pairs than any design has.
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Design:
    """Coalitions of n players.

    Attributes:
        masks: bool (evaluations, n), rows in complementary pairs (2j, 2j + 1); rows 0 and 1 are the full and the empty coalition.
        bernoulli_from: int (evaluations / 2,): in designs of more pairs than this, a pair is one that LIME's law has drawn; NEVER for others.
        noise: float64 (pairs, pairs), prior covariance of what each pair's answer has beside the game's; None where answers are the game's own.
            See `maskers.TabularMasker`.
    """

    masks: np.ndarray
    bernoulli_from: np.ndarray
    noise: np.ndarray | None = None

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
        return self.complete | (self.bernoulli_from < len(self.bernoulli_from))

    @property
    def sizes(self) -> np.ndarray:
        """int (evaluations / 2,): how many players the first coalition of each pair has."""
        return self.pairs.sum(axis=1)

    @property
    def rows_of_size(self) -> np.ndarray:
        """int (n + 1,): how many coalitions of 0, 1, … n players are there."""
        return np.bincount(self.masks.sum(axis=1), minlength=self.players + 1)

    def first(self, evaluations: int) -> Design:
        """The design of the first so many evaluations; one of `levels`, or where there are fewer coalitions all of them."""
        pairs = evaluations // 2
        noise = None if self.noise is None else self.noise[:pairs, :pairs]
        return replace(self, masks=self.masks[:evaluations], bernoulli_from=self.bernoulli_from[:pairs], noise=noise)


def fewest_evaluations(players: int) -> int:
    """Below this, the least-squares problem of Kernel SHAP is ill-posed or nearly so."""
    return min(4 * players + 2, 2**players)


def auto_evaluations(players: int) -> int:
    """16 evaluations a player, at least 256 and at most 2048 (or what so many players need); all 2^n coalitions where those are fewer."""
    return min(max(int(np.clip(16 * players, 256, MOST_AUTO)), fewest_evaluations(players)), 2**players)


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
        evaluations: coalitions, the full and the empty one included; an odd number is rounded down.
        laws: which of LAWS are needed. Bernoulli alone draws all pairs by it; with leverage, half of them, which costs SHAP nothing. Without
            any, the design is the full and the empty coalition.
        seed: of the draw.
    """
    drawing = _Drawing(players, evaluations // 2 if laws else 1, np.random.default_rng([seed, players]))
    if laws:
        for level in levels(players, evaluations - evaluations % 2):
            drawing.up_to(level // 2, leverage="leverage" in laws)
    return drawing.design()


class _Drawing:
    """A design in the making; it grows level by level.

    Attributes:
        players, rng: n, and what draws.
        count: pairs so far, the full and the empty coalition included.
    """

    def __init__(self, players: int, most: int, rng: np.random.Generator) -> None:
        self.players, self.rng = players, rng
        self.count = 0
        self._pairs = np.zeros((min(most, 2 ** (players - 1)), players), dtype=bool)
        self._bernoulli_from = np.full(len(self._pairs), NEVER)
        # +1 and -1 of what a new coalition is compared with, in blocks: not the full one, which all of a size are equally like, nor the singles,
        # which they are together. Zeros are like nothing.
        self._block = max(MOST_PRODUCTS // (CANDIDATES * players), 1)
        self._signs = np.zeros((-(-len(self._pairs) // self._block), self._block, players), dtype=np.float32)
        self._taken: set[bytes] = set()
        self._take(np.ones(players, bool), by_bernoulli=True)

    def design(self) -> Design:
        pairs = self._pairs[: self.count]
        return Design(np.stack([pairs, ~pairs], axis=1).reshape(-1, self.players), self._bernoulli_from[: self.count].copy())

    def up_to(self, pairs: int, *, leverage: bool) -> None:
        """Draw until there are so many pairs."""
        n = self.players
        if pairs >= 2 ** (n - 1):
            self._take_all()
            return
        if leverage and self.count == 1:
            for single in np.eye(n, dtype=bool):
                self._take(single, by_bernoulli=False)
        wanted = (pairs - 1) // (2 if leverage else 1) + 1
        while (self._bernoulli_from < NEVER).sum() < wanted and self.count < pairs:
            size = int(self.rng.binomial(n, 0.5))
            if 0 < size < n and not self._draw(size, by_bernoulli=True):
                self._count_one_as_bernoulli(size)
        sizes = self._pairs[1 : self.count].sum(axis=1)
        have = np.bincount(np.minimum(sizes, n - sizes), minlength=n // 2 + 1)
        for size, count in enumerate(_top_up(n, pairs - self.count, have)):
            wanted = self.count + count
            while self.count < wanted:
                self._draw(size, by_bernoulli=False)

    def _draw(self, size: int, *, by_bernoulli: bool) -> bool:
        """One more coalition of a size, if one of the candidates is not there yet; either half of its pair comes first with equal chance."""
        template = np.arange(self.players) < size
        candidates = self.rng.permuted(np.broadcast_to(template, (CANDIDATES, self.players)), axis=1)
        others = self._signs[: -(-self.count // self._block)]
        # |n - 2 D|, D the Hamming distance: how like each other two pairs are. Whole numbers, so that all machines agree on the order.
        likeness = np.abs(others @ (2 * candidates.T.astype(np.float32) - 1)).reshape(-1, CANDIDATES)
        for place in np.lexsort(((likeness**2).sum(axis=0, dtype=np.float64), likeness.max(axis=0))):
            chosen = candidates[place]
            if _key(chosen) not in self._taken:
                self._signs[divmod(self.count, self._block)] = 2.0 * chosen - 1
                self._take(chosen if self.rng.random() < 0.5 else ~chosen, by_bernoulli=by_bernoulli)
                return True
        return False

    def _count_one_as_bernoulli(self, size: int) -> None:
        """Of the pairs of a size that LIME's law has not drawn yet, any."""
        sizes = self._pairs[: self.count].sum(axis=1)
        others = np.flatnonzero((self._bernoulli_from[: self.count] == NEVER) & ((sizes == size) | (sizes == self.players - size)))
        if len(others):
            self._bernoulli_from[self.rng.choice(others)] = self.count

    def _take(self, coalition: np.ndarray, *, by_bernoulli: bool) -> None:
        if _key(coalition) in self._taken:
            return
        self._taken.add(_key(coalition))
        self._pairs[self.count] = coalition
        if by_bernoulli:
            self._bernoulli_from[self.count] = self.count
        self.count += 1

    def _take_all(self) -> None:
        numbers = np.arange(2 ** (self.players - 1) - 1, -1, -1)
        for others in (numbers[:, None] >> np.arange(self.players - 1) & 1).astype(bool):
            self._take(np.concatenate([[True], others]), by_bernoulli=False)


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
