"""CostLine: the log line that says, early in a training, what explanations cost."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

logger = logging.getLogger("tb_xai_plugin")

# The share of the training time that the line gives as an example, where explanations take more.
EXAMPLE = 0.05

# Each log_dir for which the line was said: a loop may make a logger at each turn.
_SAID: set[str] = set()

# So few batches are not told apart from the compiling of the first one.
FEWEST_BATCHES = 3


class _Phase:
    """Batches of one kind, each known by the moment at which it began."""

    def __init__(self) -> None:
        self.count, self.first, self.second, self.last = 0, 0.0, 0.0, 0.0

    def batch(self) -> None:
        now = time.perf_counter()
        self.count += 1
        if self.count == 1:
            self.first = now
        elif self.count == 2:
            self.second = now
        self.last = now

    @property
    def compiling(self) -> float:
        """Seconds by which the first batch took longer than a usual one; NaN where there are too few batches to tell."""
        if self.count < FEWEST_BATCHES:
            return math.nan if self.count else 0.0
        return max(self.second - self.first - (self.last - self.second) / (self.count - 2), 0.0)


class EpochClock:
    """Times one epoch of training, validation included.

    Attributes:
        usual: seconds of the last epoch without compiling; NaN where they are not known.
        total: seconds of the last epoch.
    """

    def __init__(self) -> None:
        self._epochs = 0
        self._began = time.perf_counter()
        self._training, self._validation = _Phase(), _Phase()
        self.usual = self.total = math.nan

    def begin(self) -> None:
        """An epoch begins."""
        self._epochs += 1
        self._training, self._validation = _Phase(), _Phase()
        self._began = time.perf_counter()

    def batch(self) -> None:
        """A batch of training begins."""
        self._training.batch()

    def validation_batch(self) -> None:
        """A batch of validation begins."""
        self._validation.batch()

    def end(self) -> float:
        """The epoch ends; returns its seconds."""
        self.total = time.perf_counter() - self._began
        compiling = self._training.compiling + self._validation.compiling if self._epochs == 1 else 0.0
        self.usual = self.total - compiling
        return self.total


class CostLine:
    """Says once what the explanations of an epoch cost.

    Args:
        every: the number of epochs from one explanation to the next, or a callable.
        max_overhead: the option of that name.

    """

    def __init__(self, every: int | Callable[[int], bool], max_overhead: float | None, log_dir: str | None = None) -> None:
        self._log_dir = log_dir
        self._every = 1 if callable(every) else every
        self._max_overhead = max_overhead
        self._sizes: dict[str, tuple[int, int, int]] = {}
        self._newest: tuple[float, float] | None = None
        self._said = [False]
        self._always = 0.0
        self._compiled: set[str] = set()  # probe sets that were explained before in this fit, so that the next time compiles nothing
        self._warm = False

    def says_as(self, other: CostLine) -> None:
        """Say the line once together with another logger, of which this one's is a copy."""
        self._said = other._said

    def begin_fit(self) -> None:
        """A fit begins: its first explanation compiles."""
        self._compiled, self._warm, self._newest = set(), False, None

    def explained(self, name: str, probes: int, coalitions: int, samples: int) -> None:
        """A probe set was explained, with so many evaluations of the model per probe: on coalitions, and on samples of explainers' own."""
        self._warm = name in self._compiled
        self._compiled.add(name)
        self._sizes[name] = probes, coalitions, samples

    def learn(self, seconds: float, fixed: float, clock: EpochClock, always: float = 0.0) -> None:
        """An epoch was explained, in `seconds`, of which fewer evaluations would not save `fixed`; epochs that are not explained take `always`."""
        self._newest, self._always = (seconds, fixed), always
        if self._warm:
            self._say(clock.usual, "")

    def conclude(self, clock: EpochClock) -> None:
        """The training ends: say what is known, if nothing was said."""
        self._say(clock.total, ", with compiling")

    def _say(self, epoch: float, besides: str) -> None:
        if not self._said[0] and self._log_dir not in _SAID and self._newest is not None and epoch > 0:
            self._said[0] = True
            if self._log_dir:
                _SAID.add(self._log_dir)
            # Who gave max_overhead has said what it may cost.
            level = logging.WARNING if self._max_overhead is None else logging.INFO
            logger.log(level, "ExplanationLogger: %s.", self._sentence(epoch, besides))

    def _sentence(self, epoch: float, besides: str) -> str:
        assert self._newest is not None, "said only after an explanation"
        seconds, fixed = self._newest
        share = (seconds + (self._every - 1) * self._always) / epoch / self._every
        sizes = " + ".join(_size(*size) for size in self._sizes.values())
        every = f" (one in {self._every} is explained)" if self._every > 1 else ""
        line = f"explanations cost {sizes}, {_seconds(seconds)}{besides}, {_percent(share)} of an epoch's {_seconds(epoch)}{every}"
        if self._max_overhead is not None or share <= EXAMPLE:
            return line
        return f"{line}; max_overhead={EXAMPLE:g} would {_saving(share, fixed / seconds, EXAMPLE)}"


def _saving(share: float, fixed: float, wanted: float) -> str:
    """What a limit would do. fixed: the part of the cost that fewer evaluations do not save."""
    if share * (fixed + (1 - fixed) / 2) <= wanted:
        return "halve it"
    return f"bring it down, to {_percent(wanted)} in a training of many epochs, by fewer evaluations or fewer epochs explained"


def _size(probes: int, coalitions: int, samples: int) -> str:
    evaluations = f"({coalitions:,} + {samples:,} of LIME's own)" if samples else f"{coalitions:,}"
    return f"{probes} probes × {evaluations} evaluations"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:,.0f} s"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:,.0f} %"
