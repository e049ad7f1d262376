"""Repeats of one recipe, recognised by the names of runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations

from tb_xai_plugin.errors import ArgumentError

# The part of a run's name in which repeats of one recipe differ: "cnn-seed3", "cnn/run_2", "cnn trial 1".
REPEAT = r"(?:^|[-_/ .])(?:seed|run|repeat|rep|trial|try|fold)[-_=. ]*[0-9]+(?=$|[-_/ .])"


LONGEST_PATTERN = 200


# 8 repeats are 28 pairs. More hardly make the estimate better, and each has to be read.
MOST_REPEATS = 8


def recipe(name: str, pattern: str = REPEAT) -> str | None:
    """A run's name without the last match of `pattern`; None where the name has no match, so the run is not a repeat.

    Raises:
        ArgumentError (a ValueError): a pattern that is not a regular expression.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ArgumentError(f"repeats: the pattern has {len(pattern)} characters; give at most {LONGEST_PATTERN}.")
    try:
        matches = [match for match in re.finditer(pattern, name, re.IGNORECASE) if match.group()]
    except re.error as error:
        raise ArgumentError(f"repeats: {pattern[:100]!r} is not a regular expression ({error}); give e.g. '-seed[0-9]+'.") from error
    # A name that consists of the match alone does not name a recipe.
    return name[: matches[-1].start()] + name[matches[-1].end() :] or None if matches else None


def repeats_of(names: Sequence[str], wanted: Iterable[str], pattern: str = REPEAT) -> list[tuple[str, str]]:
    """Pairs of names of repeats that have the same recipe as one of `wanted`, among the first MOST_REPEATS of each recipe.

    Where the wanted runs are repeats of each other, pairs with either of them are left out: a run is no part of the scale that it is measured by.
    """
    recipes, wanted = {name: recipe(name, pattern) for name in names}, list(wanted)
    of_wanted = [recipe(name, pattern) for name in wanted]
    if len(wanted) > 1 and len(set(of_wanted)) == 1:
        names = [name for name in names if name not in wanted]
    pairs: list[tuple[str, str]] = []
    for one in dict.fromkeys(of_wanted):
        same = [name for name in names if recipes[name] is not None and recipes[name] == one][:MOST_REPEATS]
        pairs += combinations(same, 2)
    return pairs
