"""Options that several commands have."""

from __future__ import annotations

import re


def target(text: str) -> str | int:
    """The argument of --class: a class number, or a word, which is looked up in the run."""
    return int(text) if re.fullmatch(r"[0-9]+", text) else text
