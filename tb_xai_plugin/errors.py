"""Errors raised when records are read back. Each message is one sentence for the user."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

# Of many names, so many are listed in a message.
LISTED = 20


class ArgumentError(ValueError):
    """An argument names something that does not exist; the message lists what does."""


class RecordError(ValueError):
    """A record cannot be read."""


def choose(names: Sequence[str], wanted: str) -> str:
    """The end of an error's sentence about a name that does not exist: the nearest one, and those to choose from."""
    near = get_close_matches(wanted, names, 1)
    choice = f"hoose from {', '.join(names[:LISTED])}{', …' if len(names) > LISTED else ''}."
    return f"did you mean {near[0]!r}? C{choice}" if near else f"c{choice}"


def class_of(wanted: str | int, names: Sequence[str] | None) -> str | int:
    """The explained class that a user asks for: "label", "predicted", or the number of a class, which may be given by its name.

    Raises:
        ArgumentError: it is none of these.
    """
    if not isinstance(wanted, str) or wanted in ("label", "predicted"):
        return wanted
    known = list(names or ())
    if wanted in known:
        return known.index(wanted)
    raise ArgumentError(f"unknown class {wanted!r}; {choose(['label', 'predicted', *known], wanted).rstrip('.')}, or give a class number.")
