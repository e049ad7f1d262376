"""Reach: how much of a text a model reads. Where a model truncates long texts, every removed token lets another one in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.probes import TextProbes

# As a share of the largest output: the difference that rounding may make for equal inputs, and a difference that is more than rounding.
ROUNDING = 1e-6
DIFFERENT = 1e-4

# Texts -> one row per text of what the model makes of it.
Read = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Cut:
    """A text that is longer than the part that the model reads.

    Attributes:
        probe: number of the longest text.
        tokens: its number of tokens.
        read: how many of them the model reads.
        others: number of other texts with more tokens than are read.
        first: whether the model reads the first tokens; else it reads the last ones.
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
            f"{also}; when tokens are removed, {'later' if self.first else 'earlier'} ones move into its view, so tokens that it never reads get attributions; "
            "give mask_token= with a token that the model knows, e.g. '[UNK]', which keeps every token in its place, or give shorter texts."
        )


def cut_off(probes: TextProbes, read: Read, *, encoded: bool) -> Cut | None:
    """Find out whether the model truncates the longest text. None where it reads the whole text, or where the order of tokens does not matter.

    Tokens at an end that make no difference are not read, or carry no information (unknown words, a second occurrence in a bag of words). They are
    not read if it does make a difference to move them to the other end, in the place of other tokens.

    Args:
        probes: the texts.
        read: `encode`, or the model's outputs where it takes strings.
        encoded: whether `read` is `encode`. The outputs of a recurrent network may not depend on the first of many tokens although it reads them, so
            for outputs only the last tokens are tested.
    """
    lengths = [len(probes.tokens(probe)) for probe in range(len(probes))]
    probe = int(np.argmax(lengths))
    tokens = lengths[probe]
    places = range(1, tokens)
    whole = probes.inputs[probe]

    def equal(texts: list[str], scale: float) -> np.ndarray:
        """bool (texts,): whether the model makes the same of each text as of the whole one."""
        result = read([whole, *texts])
        whole_numbers, rows = result.dtype.kind in "iu", result.astype(np.float64)
        if not np.isfinite(rows).all():
            return np.zeros(len(texts), dtype=bool)
        return np.asarray(np.abs(rows[1:] - rows[0]).max(axis=1) <= (0 if whole_numbers else scale * max(np.abs(rows).max(), 1)))

    for first in (True, False) if encoded else (True,):
        same = equal([probes.part(probe, 0, at) if first else probes.part(probe, at, tokens) for at in places], ROUNDING)
        if not same[-1 if first else 0]:
            continue
        # The number of tokens before the first difference, counted from the end that is not read.
        unread = int(np.argmin(same[::-1] if first else same)) if not same.all() else len(same)
        at = tokens - unread if first else unread
        if not equal([probes.part(probe, at, tokens) + " " + probes.part(probe, 0, at)], DIFFERENT)[0]:
            length_read = at if first else tokens - at
            return Cut(probe, tokens, length_read, sum(length > length_read for length in lengths) - 1, first)
    return None
