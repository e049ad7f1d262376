"""Repeats of one recipe, by the names of runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations

from tb_xai_plugin.errors import ArgumentError

# What tells repeats of one recipe apart, as a part of a run's name: "cnn-seed3", "cnn/run_2", "cnn trial 1".
REPEAT = r"(?:^|[-_/ .])(?:seed|run|repeat|rep|trial|try|fold)[-_=. ]*[0-9]+(?=$|[-_/ .])"


LONGEST_PATTERN = 200


# More repeats hardly say more, and each is read: 28 pairs.
MOST_REPEATS = 8


def recipe(name: str, pattern: str = REPEAT) -> str | None:
    """A run's name without what tells repeats apart, of several the last; None where it does not say that it is a repeat.

    Raises:
        ArgumentError (a ValueError): a pattern that is no regular expression.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ArgumentError(f"repeats: the pattern has {len(pattern)} characters; give at most {LONGEST_PATTERN}.")
    try:
        matches = [found for found in re.finditer(pattern, name, re.IGNORECASE) if found.group()]
    except re.error as error:
        raise ArgumentError(f"repeats: {pattern[:100]!r} is no regular expression ({error}); give e.g. '-seed[0-9]+'.") from error
    # A name that is nothing else says which run it is, and not of what.
    return name[: matches[-1].start()] + name[matches[-1].end() :] or None if matches else None


def repeats_of(names: Sequence[str], wanted: Iterable[str], pattern: str = REPEAT) -> list[tuple[str, str]]:
    """Pairs of names of repeats of the same recipe as one of `wanted`, of the first MOST_REPEATS of each recipe.

    Where those are repeats of each other, pairs without either of them: what is judged is no part of its own yardstick.
    """
    recipes, wanted = {name: recipe(name, pattern) for name in names}, list(wanted)
    asked = [recipe(name, pattern) for name in wanted]
    if len(wanted) > 1 and len(set(asked)) == 1:
        names = [name for name in names if name not in wanted]
    pairs = []
    for one in dict.fromkeys(asked):
        same = [name for name in names if recipes[name] is not None and recipes[name] == one][:MOST_REPEATS]
        pairs += combinations(same, 2)
    return pairs
