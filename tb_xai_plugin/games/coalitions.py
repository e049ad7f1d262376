"""Designs: the fixed coalitions on which a model is evaluated, the same at every epoch and in every run.

A design is a set of pairs (S, its complement), drawn once from a seed. Pairing halves the variance for LIME and removes every
even-order interaction from the error for SHAP (Covert & Lee, 2021; Fumagalli et al., 2026: Shapley values depend only on the odd part
of the game). One design combines two laws:

* Bernoulli(1/2): each player is present with probability 1/2. This is LIME's own law.
* leverage: all sizes are equally likely (Musco & Witter, 2025: the leverage of a coalition S is 1 / C(n, |S|)), and each single player is a coalition.

The Bernoulli draw may give a size of which the design already has every coalition, as it has every coalition of one player. One of these then counts
as drawn by Bernoulli too, so that LIME's rows keep their law for few players.

Within a size, both laws draw several candidates and take the one that is least similar to the coalitions before it (Mitchell, 1991). By symmetry,
each coalition of the size is still equally likely, but together they carry more information: the squared errors of SHAP and LIME are about halved.

A design is nested: its first half (and the first half of that, …) is a design by the same laws, so that fewer evaluations use a part of the same coalitions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import comb

import numpy as np

LAWS = ("bernoulli", "leverage")

# The largest number of evaluations that "auto" chooses, unless the number of players requires more.
MOST_AUTO = 2048

# More candidates make the draw slower and hardly improve it.
CANDIDATES = 16

# More players would need more than 4,000 evaluations per probe, and 2^n would no longer fit a float.
MOST_PLAYERS = 1000

# Most multiplications in one matrix product. OpenBLAS splits larger ones over threads, which then lose more time waiting than they save.
MOST_PRODUCTS = 2**18

# More pairs than any design has.
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Design:
    """Coalitions of n players.

    Attributes:
        masks: bool (evaluations, n), rows in complementary pairs (2j, 2j + 1); rows 0 and 1 are the full and the empty coalition.
        bernoulli_from: int (evaluations / 2,). In designs with more pairs than this, LIME's law has drawn the pair; NEVER where it never does.
        noise: float64 (pairs, pairs), prior covariance of the noise that each pair's evaluation adds to the game; None where evaluations are exact.
            See `TabularMasker`.
    """

    masks: np.ndarray
    bernoulli_from: np.ndarray
    noise: np.ndarray | None = None

    @property
    def players(self) -> int:
        return int(self.masks.shape[1])

    @property
    def pairs(self) -> np.ndarray:
        """bool (evaluations / 2, n): the first coalition of each pair."""
        return self.masks[0::2]

    @property
    def complete(self) -> bool:
        """Whether the design has all 2^n coalitions."""
        return bool(len(self.masks) == 2**self.players)

    @property
    def bernoulli(self) -> np.ndarray:
        """bool (evaluations / 2,), the pairs that obey LIME's law; all pairs where the design is complete."""
        return self.complete | (self.bernoulli_from < len(self.bernoulli_from))

    @property
    def sizes(self) -> np.ndarray:
        """int (evaluations / 2,): how many players the first coalition of each pair has."""
        return np.asarray(self.pairs.sum(axis=1))

    @property
    def rows_of_size(self) -> np.ndarray:
        """int (n + 1,): how many coalitions of 0, 1, …, n players the design has."""
        return np.bincount(self.masks.sum(axis=1), minlength=self.players + 1)

    def first(self, evaluations: int) -> Design:
        """The nested design of the first `evaluations` coalitions, one of `levels`; the whole design where it has fewer."""
        pairs = evaluations // 2
        noise = None if self.noise is None else self.noise[:pairs, :pairs]
        return replace(self, masks=self.masks[:evaluations], bernoulli_from=self.bernoulli_from[:pairs], noise=noise)


def fewest_evaluations(players: int) -> int:
    """The smallest number of evaluations. Below it, the least-squares problem of Kernel SHAP is ill-posed or nearly so."""
    return int(min(4 * players + 2, 2**players))


def auto_evaluations(players: int, least: int = 256) -> int:
    """16 evaluations per player, at least `least` and at most 2048 (or the fewest possible, if more); all 2^n coalitions where those are fewer."""
    return int(min(max(int(np.clip(16 * players, least, MOST_AUTO)), fewest_evaluations(players)), 2**players))


def levels(players: int, evaluations: int) -> list[int]:
    """The numbers of evaluations, ascending, at which a design is nested: `evaluations`, halved as long as enough are left."""
    nested = [evaluations]
    while nested[0] // 4 * 2 >= fewest_evaluations(players):
        nested.insert(0, nested[0] // 4 * 2)
    return nested


def build_design(players: int, evaluations: int, laws: Collection[str], seed: int) -> Design:
    """Draw a design; it has all 2^n coalitions where `evaluations` covers them.

    Args:
        players: n, at least 2.
        evaluations: number of coalitions, including the full and the empty one; an odd number is rounded down.
        laws: the LAWS that the explainers need. "bernoulli" alone draws all pairs; together with "leverage" it draws half of them, which costs
            SHAP no accuracy. Without any law, the design consists of the full and the empty coalition.
        seed: seed of the draw.
    """
    drawing = _Drawing(players, evaluations // 2 if laws else 1, np.random.default_rng([seed, players]))
    if laws:
        for level in levels(players, evaluations - evaluations % 2):
            drawing.up_to(level // 2, leverage="leverage" in laws)
    return drawing.design()


class _Drawing:
    """A design under construction; it grows level by level.

    Attributes:
        players: n.
        rng: the random generator of the draw.
        count: number of pairs so far, including the pair of the full and the empty coalition.
    """

    def __init__(self, players: int, most: int, rng: np.random.Generator) -> None:
        self.players, self.rng = players, rng
        self.count = 0
        self._pairs = np.zeros((min(most, 2 ** (players - 1)), players), dtype=bool)
        self._bernoulli_from = np.full(len(self._pairs), NEVER)
        # The coalitions that a new one is compared with, as +1 and -1, in blocks. The full coalition is left out, because all coalitions of a size
        # are equally similar to it, and so are the single players, for the same reason taken together. Zeros are similar to nothing.
        self._block = max(MOST_PRODUCTS // (CANDIDATES * players), 1)
        self._signs = np.zeros((-(-len(self._pairs) // self._block), self._block, players), dtype=np.float32)
        self._taken: set[bytes] = set()
        self._take(np.ones(players, bool), by_bernoulli=True)

    def design(self) -> Design:
        pairs = self._pairs[: self.count]
        return Design(np.stack([pairs, ~pairs], axis=1).reshape(-1, self.players), self._bernoulli_from[: self.count].copy())

    def up_to(self, pairs: int, *, leverage: bool) -> None:
        """Draw until the design has this many pairs."""
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
        """Add a coalition of a size, unless the design has every candidate already. Either half of the new pair comes first with equal chance."""
        template = np.arange(self.players) < size
        candidates = self.rng.permuted(np.broadcast_to(template, (CANDIDATES, self.players)), axis=1)
        others = self._signs[: -(-self.count // self._block)]
        # |n - 2 D|, with D the Hamming distance, is the similarity of two pairs. These are whole numbers, so that all machines agree on the order.
        similarity = np.abs(others @ (2 * candidates.T.astype(np.float32) - 1)).reshape(-1, CANDIDATES)
        for place in np.lexsort(((similarity**2).sum(axis=0, dtype=np.float64), similarity.max(axis=0))):
            chosen = candidates[place]
            if _key(chosen) not in self._taken:
                self._signs[divmod(self.count, self._block)] = 2.0 * chosen - 1
                self._take(chosen if self.rng.random() < 0.5 else ~chosen, by_bernoulli=by_bernoulli)
                return True
        return False

    def _count_one_as_bernoulli(self, size: int) -> None:
        """Mark one pair of a size, chosen at random among those that LIME's law has not drawn yet, as drawn by it."""
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
    """A key that is the same for a coalition and its complement."""
    return np.packbits(coalition if coalition[0] else ~coalition).tobytes()


def _top_up(players: int, wanted: int, have: np.ndarray) -> np.ndarray:
    """The number of further pairs of each size 0, 1, …, n // 2 that makes all sizes equally frequent, as far as `have` allows: int (n // 2 + 1,).

    Where the share of a size exceeds its number of pairs, all its pairs are taken, and the surplus goes to the other sizes.

    Args:
        players: n.
        wanted: number of further pairs.
        have: int (n // 2 + 1,), the pairs of each size that the design has already.
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
    counts: np.ndarray = np.floor(share + 1e-9).astype(int)
    for s in np.argsort(-(share - counts), kind="stable")[: max(wanted - counts.sum(), 0)]:
        counts[s] += 1
    return counts
