"""Takes examples of a regression that are spread over the ranks of its true values."""

from __future__ import annotations

import numpy as np

from tb_xai_plugin.probes.examples import Block, Example

# Of a stream of true values, every k-th example is held, with the smallest k for which they are at most so many per probe.
HELD_PER_PROBE = 8

# Of a stream of true values that was not read to its end, a rank correlation of values and places above this is said: it seems to be sorted.
LEAST_TREND = 0.5


class Spread:
    """Examples at evenly spaced ranks of their first true value."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._every = 1
        self._held: list[tuple[float, Example]] = []
        self._whole: Block | None = None

    def add(self, place: int, block: Block) -> None:
        if block.y is None or block.y.dtype.kind == "U":
            return
        if block.whole:
            self._whole = block
            return
        if len(block.y) == 1 and place % self._every:
            return
        numbers = block.y.reshape(len(block.y), -1)[:, 0].astype(np.float64)
        for i in range(-place % self._every, len(numbers), self._every):
            self._held.append((float(numbers[i]), Example(place + i, block.take(i), block.y[i])))
        while len(self._held) > max(HELD_PER_PROBE * self.n, self.n):
            self._held, self._every = [one for one in self._held if one[1].place % (2 * self._every) == 0], 2 * self._every

    def taken(self) -> list[Example]:
        """The n examples, in the dataset's order."""
        if self._whole is None:
            numbers = np.array([value for value, _ in self._held])
            return [self._held[i][1] for i in self._places(numbers)]
        y = self._whole.y
        assert y is not None
        return [Example(i, i, y[i]) for i in self._places(y.reshape(len(y), -1)[:, 0])]

    def _places(self, numbers: np.ndarray) -> list[int]:
        ranks = ((np.arange(self.n) + 0.5) * len(numbers) / self.n).astype(np.int64)
        places: list[int] = np.sort(np.argsort(numbers, kind="stable")[ranks]).tolist()
        return places

    def sentence(self, seen: int, ended: bool) -> str:
        """What should be said about the examples."""
        numbers = np.array([value for value, _ in self._held])
        trend = 0.0 if ended else _trend(numbers)
        # In a random order, a trend is so large once in some thousand datasets; of very few examples, only a strict order is one.
        if abs(trend) < min(max(LEAST_TREND, 3.5 / np.sqrt(max(len(numbers) - 1, 1))), 0.999):
            return ""
        return (
            f"looked at the first {seen:,} examples, whose true values {'rise' if trend > 0 else 'fall'} from one to the next, as in a sorted dataset "
            f"({numbers.min():.4g} to {numbers.max():.4g}), and the dataset goes on; "
            "shuffle it once with a fixed seed, give arrays (x, y), or a larger n, which reads further"
        )


def _trend(numbers: np.ndarray) -> float:
    """The rank correlation of numbers with their places, -1 to 1; 0 where all are equal."""
    different, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    if len(different) < 2:
        return 0.0
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float(np.corrcoef(ranks, np.arange(len(numbers)))[0, 1])
