"""Words of reports: lists, and texts that are no markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def plain(text: str) -> str:
    """A text as Markdown shows it, as it is: names of runs and classes are no markup."""
    return MARKUP.sub(r"\\\1", " ".join(text.split()))
