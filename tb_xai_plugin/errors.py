"""What a name means where a record is read back, and the errors of names and records. Each message is one sentence for the user."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Protocol

# Of many names, so many are listed in a message.
LISTED = 20

# The explainer that is meant where none is named, if it was logged.
USUAL = "shap"


class Explained(Protocol):
    """A run, as far as its explainers go."""

    @property
    def name(self) -> str: ...
    @property
    def explainers(self) -> list[str]: ...


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


def usual_explainer(*runs: Explained) -> str:
    """The explainer that is meant where none is named: "shap" where all runs have it, else the first that all have.

    Raises:
        ArgumentError (a ValueError): runs without a common explainer.
    """
    common = [name for name in runs[0].explainers if all(name in run.explainers for run in runs)]
    if not common:
        sides = " and ".join(f"{run.name} has {', '.join(run.explainers)}" for run in runs)
        raise ArgumentError(f"no explainer is common to these runs: {sides}; log them with the same explainer.")
    return USUAL if USUAL in common else common[0]
