"""Designs: the fixed coalitions on which a model is evaluated, the same at every epoch and in every run.

A design is a set of pairs (S, its complement), drawn once from a seed. Pairing halves the variance for LIME and removes every
even-order interaction from the error for SHAP (Covert & Lee, 2021; Fumagalli et al., 2026: Shapley values depend only on the odd part
of the game). One design combines two laws:

* Bernoulli(1/2): each player is present with probability 1/2. This is LIME's own law.
* leverage: all sizes are equally likely (Musco & Witter, 2025: the leverage of a coalition S is 1 / C(n, |S|)), and each single player is a coalition.

The Bernoulli draw may give a size of which the design already has every coalition, as it has every coalition of one player. One of these then counts
as drawn by Bernoulli too, so that LIME's rows keep their law for few players.

Within a size, both laws draw many candidates and take the one that confounds players least with interactions; see `candidates`. By symmetry,
each coalition of the size is still equally likely, but together they carry more information.

A design is nested: its first half (and the first half of that, …) is a design by the same laws, so that fewer evaluations use a part of the same coalitions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from tb_xai_plugin.games.candidates import ALTOGETHER, FEWEST, MOST, Candidates, existing, pairs_as_bytes, signs_of

LAWS = ("bernoulli", "leverage")

# What a record says of how the coalitions of a size were chosen; records without it, of 0.1.0, have those least similar to the ones before.
CHOICE = "least fourth moment"

# The share of pairs that LIME's law draws where both laws are asked for. From a half to 0.6, SHAP loses nothing, and LIME has more.
BERNOULLI_SHARE = 0.6

# The largest number of evaluations that "auto" chooses, unless the number of players requires more.
MOST_AUTO = 2048

# More players would need more than 4,000 evaluations per probe, and 2^n would no longer fit a float.
MOST_PLAYERS = 1000

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
        others: number of further players, who are in no coalition because they change nothing.
    """

    masks: np.ndarray
    bernoulli_from: np.ndarray
    noise: np.ndarray | None = None
    others: int = 0

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


def auto_evaluations(players: int, least: int = 256, *, per_player: int = 16) -> int:
    """So many evaluations per player, at least `least` and at most 2048 (or the fewest possible, if more); all 2^n coalitions where those are fewer."""
    return int(min(max(int(np.clip(per_player * players, least, MOST_AUTO)), fewest_evaluations(players)), 2**players))


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
        laws: the LAWS that the explainers need. "bernoulli" alone draws all pairs; together with "leverage" it draws 60 % of them, which costs
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
        self._signs = np.zeros(self._pairs.shape, dtype=np.float32)
        self._bernoulli_from = np.full(len(self._pairs), NEVER)
        self._exist = _existing_pairs(players)
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
        by_bernoulli = int((pairs - 1) * BERNOULLI_SHARE) if leverage else pairs - 1
        by_law = self._sizes_by_bernoulli(by_bernoulli + 1, pairs)
        have = self._of_each_size(self._pairs[: self.count])
        # Of a size of which the design has every coalition, LIME's law draws one of these.
        new = np.minimum(np.bincount(by_law, minlength=len(have)), self._exist - have).astype(int)
        top_up = _top_up(n, pairs - self.count - new.sum(), have + new)
        candidates = self._candidates(new + top_up)
        for size in by_law:
            if have[size] < self._exist[size]:
                have[size] += 1
                self._take_best(candidates[size], by_bernoulli=True)
            else:
                self._count_one_as_bernoulli(size)
        for size in np.repeat(np.arange(len(top_up)), top_up).tolist():
            self._take_best(candidates[size], by_bernoulli=False)

    def _sizes_by_bernoulli(self, wanted: int, pairs: int) -> list[int]:
        """Draw the sizes of the next pairs by LIME's law, until it has drawn `wanted` or the design has `pairs` of them."""
        have, by_bernoulli = (self._of_each_size(rows) for rows in (self._pairs[: self.count], self._pairs[self._bernoulli_from < NEVER]))
        sizes: list[int] = []
        missing, room = wanted - by_bernoulli.sum(), pairs - self.count
        while len(sizes) < missing and room:
            size = int(self.rng.binomial(self.players, 0.5))
            size = min(size, self.players - size)
            if by_bernoulli[size] < self._exist[size]:
                sizes.append(size)
                by_bernoulli[size] += 1
                room -= bool(have[size] < self._exist[size])
                have[size] += 1
        return sizes

    def _of_each_size(self, pairs: np.ndarray) -> np.ndarray:
        """int (n // 2 + 1,): how many pairs of each size there are among these."""
        return np.bincount(self._folded(pairs), minlength=self.players // 2 + 1)

    def _folded(self, pairs: np.ndarray) -> np.ndarray:
        """int (m,): the size of the smaller half of each pair."""
        sizes = pairs.sum(axis=1)
        return np.asarray(np.minimum(sizes, self.players - sizes))

    def _candidates(self, wanted: np.ndarray) -> dict[int, Candidates]:
        """Candidates of each size of which pairs are wanted. wanted: int (n // 2 + 1,)."""
        each = int(np.clip(ALTOGETHER // max(wanted.sum(), 1), FEWEST, MOST))
        pairs = self._pairs[: self.count]
        return {
            size: Candidates(self.players, size, pairs[self._folded(pairs) == size], int(wanted[size]), each, self.rng)
            for size in np.flatnonzero(wanted).tolist()
        }

    def _take_best(self, candidates: Candidates, *, by_bernoulli: bool) -> None:
        """Add the best candidate; either half of the new pair comes first with equal chance."""
        chosen = candidates.take(self._signs[: self.count])
        self._take(chosen if self.rng.random() < 0.5 else ~chosen, by_bernoulli=by_bernoulli)

    def _count_one_as_bernoulli(self, size: int) -> None:
        """Mark one pair of a size, chosen at random among those that LIME's law has not drawn yet, as drawn by it."""
        others = np.flatnonzero((self._bernoulli_from[: self.count] == NEVER) & (self._folded(self._pairs[: self.count]) == size))
        if len(others):
            self._bernoulli_from[self.rng.choice(others)] = self.count

    def _take(self, coalition: np.ndarray, *, by_bernoulli: bool) -> None:
        self._pairs[self.count] = coalition
        self._signs[self.count] = signs_of(coalition)
        if by_bernoulli:
            self._bernoulli_from[self.count] = self.count
        self.count += 1

    def _take_all(self) -> None:
        """Add every coalition that is missing."""
        numbers = np.arange(2 ** (self.players - 1) - 1, -1, -1)
        every = np.concatenate(
            [np.ones((len(numbers), 1), bool), (numbers[:, None] >> np.arange(self.players - 1) & 1).astype(bool)], axis=1
        )
        taken = {key.tobytes() for key in pairs_as_bytes(self._pairs[: self.count])}
        for coalition, key in zip(every, pairs_as_bytes(every), strict=True):
            if key.tobytes() not in taken:
                self._take(coalition, by_bernoulli=False)


def _existing_pairs(players: int) -> np.ndarray:
    """How many pairs of each size 0, 1, …, n // 2 there are: float64 (n // 2 + 1,)."""
    return np.array([float(existing(players, size)) for size in range(players // 2 + 1)])


def _top_up(players: int, wanted: int, have: np.ndarray) -> np.ndarray:
    """The number of further pairs of each size 0, 1, …, n // 2 that makes all sizes equally frequent, as far as `have` allows: int (n // 2 + 1,).

    Where the share of a size exceeds its number of pairs, all its pairs are taken, and the surplus goes to the other sizes.

    Args:
        players: n.
        wanted: number of further pairs.
        have: int (n // 2 + 1,), the pairs of each size that the design has already.
    """
    size = np.arange(players // 2 + 1)
    exist = _existing_pairs(players)
    weight = np.where(2 * size == players, 0.5, 1.0)  # a pair of size n / 2 fills one size, any other pair two
    weight[0] = 0
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
