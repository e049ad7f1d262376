"""Takes a few examples from a dataset of any kind: balanced over classes, or spread over the true values of a regression."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tb_xai_plugin.probes.examples import Block, Example, Inputs, blocks
from tb_xai_plugin.probes.spread import Spread

# A dataset may repeat without end: at most this many examples are read for each one wanted, and more where classes are still missing, because a dataset
# may be sorted by class. Of arrays, which are in memory, all are read.
EXAMPLES_READ_PER_PROBE = 200
EXAMPLES_READ_FOR_CLASSES = 2000

# More different numbers than this are no class numbers where their dtype is a float, although they are whole.
MOST_FLOAT_CLASSES = 20

# After so many seconds of reading, a line says what is still missing.
SECONDS_UNTIL_SAID = 10.0

# A sentence lists at most this many classes.
MOST_LISTED = 10

NO_LABEL = -1

logger = logging.getLogger("tb_xai_plugin")


def take_balanced(
    who: str, dataset: Iterable[Any], n: int, class_names: Sequence[str] | None = None, axes: int | None = None, *, regression: bool = False
) -> tuple[Inputs, np.ndarray | None]:
    """The first examples of each class, equally many as far as the dataset has them; of a regression, examples at evenly spaced ranks of y.

    Classes are those of numbers, names or one-hot rows. An example with several labels counts for the rarest of them. Numbers are the true values of
    a regression where the caller says so, where one of them is not whole, or where there are about as many different ones as examples. What is lacking
    is logged as a warning.

    Args:
        who: the class that is made, for messages.
        dataset: iterable of (x, y), (x, y, weight) or x, batched or not; or one tuple of arrays (x, y). Of images and series, x may be a tuple or dict of
            arrays that a model takes together.
        n: number of examples.
        class_names: names of the classes, where known: reading stops once there are enough examples of each.
        axes: number of axes of one example (a row has 1, a text 0); None for images, which have 2 or 3.
        regression: whether numbers are true values whatever they look like: only a regression has a unit.

    Returns:
        inputs (n, ...), or a list or dict of several such arrays; and labels (n,) or (n, classes) as in the dataset, or None where it has none.

    Raises:
        ValueError: n is below 1, or the dataset has fewer examples. TypeError: the dataset gives several inputs that are no images or series.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"from_dataset: n is {n!r}; give a whole number of at least 1.")
    names = list(class_names) if class_names is not None and len(class_names) > 1 else None
    labels, rounds, spread = _Labels(int(n), names, regression), _Rounds(int(n)), Spread(int(n))
    seen = labelled = 0
    began, said = time.monotonic(), False
    newest: Block | None = None
    ended, limit_reached = True, False
    for block in blocks(who, dataset, axes):
        if not len(block):
            continue
        if limit_reached:  # and the dataset goes on
            ended = False
            break
        newest = block
        labelled += 0 if block.y is None else len(block)
        keys = labels.read(block)
        rounds.add(seen, block, keys)
        spread.add(seen, block)
        seen += len(block)
        if not block.whole and _complete(labels, rounds):
            ended = False
            break
        limit_reached = not block.whole and _at_limit(seen, labels, rounds)
        if not said and time.monotonic() - began > SECONDS_UNTIL_SAID:
            said = True
            logger.warning(
                "%s.from_dataset: still reading, %s examples so far, %s; arrays (x, y) are faster, and a dataset that is shuffled with a fixed seed too.",
                *(who, f"{seen:,}", _counted(labels, rounds.counts)),
            )
    if seen < n or newest is None:
        raise ValueError(f"from_dataset: the dataset has {seen} examples and n is {n}; give a smaller n or more examples.")
    if 0 < labelled < seen:
        raise ValueError(
            f"from_dataset: {labelled} of {seen} examples have a label, and the others have none; give a label with every example, or with none."
        )
    values = labels.values
    taken = spread.taken() if values else rounds.taken()
    ys = [one.y for one in taken if one.y is not None]
    if sentence := (spread.sentence(seen, ended) if values else _sentence(labels, rounds.counts, ys, seen, ended)):
        logger.warning("%s.from_dataset: %s.", who, sentence)
    return newest.together([one.x for one in taken]), np.stack(ys) if ys else None


@dataclass
class _Labels:
    """What the labels are that were read so far.

    Attributes:
        n: number of examples wanted.
        names: names of the classes, or None.
        regression: whether numbers are true values, whatever they look like.
        known: number of classes, where it is known: by their names, or by the width of rows of 0 and 1.
        sets: whether an example has several labels, or none.
        totals: of rows, how many examples each label has.
    """

    n: int
    names: list[str] | None
    regression: bool = False
    known: int | None = None
    sets: bool = False
    totals: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _numeric: bool = False
    _whole: bool = True
    _float: bool = False
    _lowest: float = 0.0
    _highest: float = 0.0
    _seen: int = 0
    _distinct: set[float] = field(default_factory=set)

    def read(self, block: Block) -> np.ndarray:
        """The class of each example, (k,): a number or a name."""
        y = block.y
        if y is None:
            self.known = 1
            return np.zeros(len(block), dtype=np.int64)
        self._numeric = y.dtype.kind != "U"
        if y.ndim == 1 or y[0].size == 1:
            return self._numbers(y.reshape(len(y)))
        if y.ndim == 2 and y.dtype.kind != "U":
            return self._rows(y)
        return np.zeros(len(y), dtype=np.int64)  # e.g. masks: the kinds of probes say what is wrong with them

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        self.known = len(self.names) if self.names else None
        if y.dtype.kind == "U" or y.dtype.kind == "b":
            return y if y.dtype.kind == "U" else y.astype(np.int64)
        self._seen += len(y)
        if len(y) == 1 and (number := y[0].item()) in self._distinct:
            return y.astype(np.int64)  # the commonest case of single examples, which should cost little
        self._float = self._float or y.dtype.kind == "f"
        self._whole = self._whole and bool((y == np.floor(y)).all())
        self._lowest, self._highest = min(self._lowest, float(y.min())), max(self._highest, float(y.max()))
        if self._whole:
            self._distinct.update(np.unique(y).tolist() if len(y) > 1 else [number])
        return y.astype(np.int64)

    def _rows(self, y: np.ndarray) -> np.ndarray:
        """One label of each row: the one that is true; of several, the rarest so far; of shares, the largest."""
        binary = bool(((y == 0) | (y == 1)).all())
        if not binary:
            self._whole = self._whole and bool((y >= 0).all() and (np.abs(y.sum(axis=1) - 1) < 5e-3).all())
            self.known = y.shape[1] if self._whole else None
            largest: np.ndarray = np.argmax(y, axis=1)
            return largest
        self.known = y.shape[1]
        true = y == 1
        self.totals = true.sum(axis=0) if not len(self.totals) else self.totals + true.sum(axis=0)
        counts = true.sum(axis=1)
        if (counts == 1).all():
            label: np.ndarray = np.argmax(true, axis=1)
            return label
        self.sets = True
        order = np.argsort(self.totals, kind="stable")
        return np.where(counts == 0, NO_LABEL, order[true[:, order].argmax(axis=1)])

    @property
    def may_be_counts(self) -> bool:
        """Whether they are numbers that could also be the true values of a regression, such as counts."""
        return bool(self._distinct) and self.names is None

    @property
    def values(self) -> bool:
        """Whether the labels are the true values of a regression."""
        if not self._whole or (self.regression and self._numeric):
            return True
        different = len(self._distinct)
        if self.names or different <= self.n:
            return False
        if self._lowest < 0 or (self._float and different > MOST_FLOAT_CLASSES):
            return True
        return different > self._seen / 2 and self._highest >= 2 * different

    def name(self, key: Hashable) -> str:
        """A class for people."""
        if self.sets and key == NO_LABEL:
            return "no label"
        if isinstance(key, str):
            return f"class {key!r}"
        assert isinstance(key, int)
        return f"class {self.names[key]!r}" if self.names and 0 <= key < len(self.names) else f"class {key}"

    def missing(self, counts: Counter[Any]) -> list[str]:
        """Classes that are known and never came."""
        if not self.known or self.known == 1:
            return []
        if self.sets:
            return [self.name(int(label)) for label in np.flatnonzero(self.totals == 0)]
        words = any(isinstance(key, str) for key in counts)
        keys: Sequence[Any] = self.names or [] if words else range(self.known)
        return [self.name(key) for key in keys if key not in counts]


class _Rounds:
    """The first examples of each class: the first of every class, then the second of every class, and so on, until there are n.

    Attributes:
        counts: {class: how many examples came}.
        returned: whether a class came again after another one, so that the dataset is not sorted by class.
        changed: whether an example was kept since this was last set to False.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.counts: Counter[Any] = Counter()
        self.returned = False
        self.changed = True
        self._kept: dict[Any, list[Example]] = {}  # of the first n classes, in the order in which they came
        self._full: set[Any] = set()
        self._latest: Any = None

    def add(self, place: int, block: Block, keys: np.ndarray) -> None:
        """Examples with these classes. place: number of the first one in the dataset."""
        if len(keys) == 1:
            key = keys[0].item()
            self._note([key], [1])
            self._offer(key, place, block, 0)
            return
        different, at, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        changes = np.flatnonzero(inverse[1:] != inverse[:-1])
        runs = 1 + len(changes)
        self.returned = self.returned or runs > len(different)
        order = np.argsort(at)
        self._note(different[order].tolist(), counts[order].tolist())
        self._latest = keys[-1].item()
        wanted = np.array([key in self._kept and key not in self._full for key in different.tolist()])
        candidates = np.flatnonzero(wanted[inverse])
        # At most the first n of each class in this block.
        by_class = candidates[np.argsort(inverse[candidates], kind="stable")]
        starts = np.flatnonzero(np.diff(inverse[by_class], prepend=-1))
        ranks = np.arange(len(by_class)) - np.repeat(starts, np.diff(starts, append=len(by_class)))
        for i in np.sort(by_class[ranks < self.n]).tolist():
            self._offer(keys[i].item(), place + i, block, i)

    def _note(self, different: list[Any], counts: list[int]) -> None:
        """Count examples. different: their classes, in the order in which they came."""
        for key, count in zip(different, counts, strict=True):
            new = key not in self.counts
            self.returned = self.returned or (not new and key != self._latest)
            self.counts[key] += count
            self._latest = key
            if new:
                self.changed = True
                if len(self._kept) < self.n:
                    self._kept[key] = []
                    self._prune()

    def _offer(self, key: Any, place: int, block: Block, i: int) -> None:
        if key in self._full or key not in self._kept:
            return
        queue = self._kept[key]
        before = sum(min(len(other), len(queue)) for other in self._kept.values())
        if before >= self.n:
            self._full.add(key)  # n examples come before this one, whatever follows
            return
        self.changed = True
        queue.append(Example(place, block.take(i), None if block.y is None else block.y[i]))

    def _prune(self) -> None:
        """Drop what can no longer be among the n, because another class came."""
        rounds, held = 0, 0
        while held < self.n and rounds <= self.n:
            held += sum(len(queue) > rounds for queue in self._kept.values())
            rounds += 1
        for queue in self._kept.values():
            del queue[rounds:]

    def share(self, classes: int) -> int:
        """How many examples of each class there should be at least."""
        return self.n // min(classes, self.n)

    def complete(self, known: int) -> bool:
        """Whether nothing that follows can change what is taken. known: number of classes."""
        wanted = min(known, self.n)
        return len(self._kept) >= wanted and all(
            len(queue) >= -(-(self.n - number) // wanted) for number, queue in enumerate(self._kept.values()) if number < wanted
        )

    def taken(self) -> list[Example]:
        """The n examples, in the dataset's order."""
        queues = list(self._kept.values())
        rounds = sorted((place, number) for number, queue in enumerate(queues) for place in range(len(queue)))
        return sorted((queues[number][place] for place, number in rounds[: self.n]), key=lambda example: example.place)


def _complete(labels: _Labels, rounds: _Rounds) -> bool:
    """Whether nothing that follows can change what is taken."""
    if labels.known is None or labels.sets or labels.values or not rounds.changed:
        return False
    rounds.changed = False
    return rounds.complete(labels.known)


def _at_limit(seen: int, labels: _Labels, rounds: _Rounds) -> bool:
    """Whether so much was read of a stream that it should be enough."""
    n = rounds.n
    if seen < EXAMPLES_READ_PER_PROBE * n:
        return False
    return seen >= EXAMPLES_READ_FOR_CLASSES * n or labels.values or not _lacking(labels, rounds)


def _lacking(labels: _Labels, rounds: _Rounds) -> bool:
    """Whether a class is missing, has less than its share, or may still follow because the dataset seems to be sorted."""
    n = rounds.n
    found = len(rounds.counts)
    if labels.sets:
        return bool((labels.totals < rounds.share(len(labels.totals))).any())
    if found >= n:
        return False
    if found < min(labels.known or 2, n) or (labels.known is None and not rounds.returned):
        return True
    return min(rounds.counts.values()) < rounds.share(found)


def _sentence(labels: _Labels, counts: Counter[Any], ys: Sequence[Any], seen: int, ended: bool) -> str:
    """What should be said about the classes of the examples that were taken; "" where nothing is lacking."""
    n = len(ys)
    if not n or labels.known == 1:
        return ""
    totals = Counter({label: int(total) for label, total in enumerate(labels.totals) if total}) if labels.sets else counts
    classes = max(labels.known or 0, len(totals))
    exact = ended or labels.known is not None
    missing = labels.missing(counts) if len(totals) < min(n, classes) else []
    few = [
        f"{labels.name(key)} has {count:,} (its share is {n // classes})" for key, count in sorted(totals.items()) if count < n // classes
    ]
    alone = len(totals) == 1 and classes == 1 and n > 1
    lacks = []
    if classes > n:
        without = f"{classes - n:,}" if exact else f"{classes - n:,} or more"
        lacks.append(f"n is {n} for {'' if exact else 'at least '}{classes:,} classes, so {without} have no probe")
    if alone:
        lacks.append("no example of another class came")
    if missing:
        lacks.append(f"no example of {_listed(missing)} came")
    if few:
        lacks.append(_listed(few))
    if not exact:
        lacks.append("the dataset goes on, and other classes may follow")
    if not lacks:
        return ""
    ways = [f"give n={classes} or more"] if classes > n else []
    if classes > n and labels.may_be_counts:
        ways.append("give unit='…' if they are no classes but numbers of a regression")
    if not exact:
        ways.append("give class_names, for each of which it then looks")
    if not ended and (missing or few or not exact):
        ways += [
            "shuffle the dataset once with a fixed seed",
            "give arrays (x, y), of which all are read",
            "give a larger n, which reads further",
        ]
    elif missing or few or alone:
        ways.append("give data that have more of what is lacking")
    looked = f"looked at {'all' if ended else 'the first'} {seen:,} examples, and took {_taken(labels, ys)}"
    return f"{looked}; {', and '.join(lacks)}; {', or '.join(ways)}"


def _taken(labels: _Labels, ys: Sequence[Any]) -> str:
    """How often each class is among the probes."""
    rows = np.stack(ys)
    if labels.sets:
        return _counted(labels, Counter({label: int(count) for label, count in enumerate((rows == 1).sum(axis=0)) if count}))
    one = rows.reshape(len(rows), -1)
    keys = one.argmax(axis=1) if one.shape[1] > 1 else one[:, 0] if one.dtype.kind == "U" else one[:, 0].astype(np.int64)
    return _counted(labels, Counter(keys.tolist()))


def _counted(labels: _Labels, counts: Counter[Any]) -> str:
    return _listed([f"{count:,} of {labels.name(key)}" for key, count in sorted(counts.items())])


def _listed(things: Sequence[str]) -> str:
    more = f" and {len(things) - MOST_LISTED} more" if len(things) > MOST_LISTED else ""
    return ", ".join(things[:MOST_LISTED]) + more
