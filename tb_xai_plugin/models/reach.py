"""Reach: how much of a text a model reads. Where it cuts long texts off, every token that is removed lets another one in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.probes import TextProbes

# Of the largest answer: what rounding may make of equal inputs, and what is more than that.
ROUNDING = 1e-6
DIFFERENT = 1e-4

# Texts -> what the model sees of each, one row a text.
See = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Cut:
    """A text that is longer than what the model reads of it.

    Attributes:
        probe: the longest text.
        tokens, read: how many it has, and how many of them the model reads.
        others: how many other texts have more tokens than are read.
        first: whether those that are read are the first ones; else they are the last.
    """

    probe: int
    tokens: int
    read: int
    others: int
    first: bool

    def __str__(self) -> str:
        also = f" ({self.others} other text{'s have' if self.others > 1 else ' has'} more than that, too)" if self.others else ""
        return (
            f"TextProbes: text {self.probe} has {self.tokens} tokens, of which the model reads about the {'first' if self.first else 'last'} {self.read}"
            f"{also}; where tokens are removed, {'later' if self.first else 'earlier'} ones move in, so that some that it never reads get attributions: "
            "give mask_token (one that the model knows, e.g. '[UNK]'), which keeps every token in its place, or shorter texts."
        )


def cut_off(probes: TextProbes, see: See, *, encoded: bool) -> Cut | None:
    """Whether the longest text is cut off; None where the model reads it all, or the order of tokens is nothing to it.

    Tokens at an end that make no difference are not read, or say nothing (unknown words, a second occurrence in a bag of words). They are not read if
    it makes a difference that they come first, in the place of others.

    see: what `encode` gives; or a model's answers where it takes strings. encoded: which of the two. A recurrent network's answers may not depend on
        the first of many tokens although it reads them, so of answers only the end is looked at.
    """
    lengths = [len(probes.tokens(probe)) for probe in range(len(probes))]
    probe = int(np.argmax(lengths))
    tokens = lengths[probe]
    places = range(1, tokens)
    whole = probes.inputs[probe]

    def equal(texts: list[str], scale: float) -> np.ndarray:
        seen = see([whole, *texts])
        whole_numbers, rows = seen.dtype.kind in "iu", seen.astype(np.float64)
        if not np.isfinite(rows).all():
            return np.zeros(len(texts), dtype=bool)
        return np.abs(rows[1:] - rows[0]).max(axis=1) <= (0 if whole_numbers else scale * max(np.abs(rows).max(), 1))

    for first in (True, False) if encoded else (True,):
        same = equal([probes.part(probe, 0, at) if first else probes.part(probe, at, tokens) for at in places], ROUNDING)
        if not same[-1 if first else 0]:
            continue
        # Up to the first difference, seen from the end that is not read.
        run = int(np.argmin(same[::-1] if first else same)) if not same.all() else len(same)
        at = tokens - run if first else run
        if not equal([probes.part(probe, at, tokens) + " " + probes.part(probe, 0, at)], DIFFERENT)[0]:
            read = at if first else tokens - at
            return Cut(probe, tokens, read, sum(length > read for length in lengths) - 1, first)
    return None
