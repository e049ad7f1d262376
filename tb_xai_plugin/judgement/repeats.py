"""Repeats of one recipe: runs that are recorded alike, and whose names differ only in a number that counts repeats."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.probes import hash_of

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

LONGEST_PATTERN = 200

# 8 repeats are 28 pairs. More hardly make the estimate better, and each has to be read.
MOST_REPEATS = 8

# Words for which the number beside them counts repeats: "cnn-seed3", "cnn/run_2", "lr=0.1,seed=5", "cnn/version_3".
COUNTED = frozenset(
    [
        "seed",
        "seeds",
        "rng",
        "random",
        "state",
        "run",
        "runs",
        "repeat",
        "repetition",
        "rep",
        "replicate",
        "replica",
        "trial",
        "try",
        "attempt",
        "fold",
        "version",
        "execution",
        "bootstrap",
    ]
)
# The same words where nothing else is in the name. "run_1" and "run_2" alone may be any two runs.
COUNTED_ALONE = COUNTED - frozenset(["run", "runs", "trial", "try", "attempt", "execution"])
# Words that may also stand for something else ("vit-s16"), and "" for a number without a word ("plain/0"). Such numbers count repeats where they
# follow each other, without a word from 0 or 1 on.
UNSURE = {"s": 2, "": 3}  # {word: the fewest such runs}

# Words for which the number is a setting, so that runs with other numbers are no repeats: whatever their names look like.
SETTINGS = frozenset(
    [
        "a",
        "alpha",
        "batch",
        "batches",
        "beta",
        "bits",
        "block",
        "blocks",
        "bs",
        "c",
        "capacity",
        "channels",
        "class",
        "classes",
        "clip",
        "conv",
        "d",
        "data",
        "decay",
        "deep",
        "degree",
        "delta",
        "depth",
        "dim",
        "dims",
        "dr",
        "drop",
        "dropout",
        "e",
        "embed",
        "ep",
        "epoch",
        "epochs",
        "eps",
        "epsilon",
        "eta",
        "examples",
        "f",
        "factor",
        "features",
        "filters",
        "frac",
        "fraction",
        "gamma",
        "h",
        "head",
        "heads",
        "hidden",
        "k",
        "kernel",
        "l",
        "label",
        "labels",
        "lambda",
        "layer",
        "layers",
        "lr",
        "m",
        "margin",
        "max",
        "min",
        "mom",
        "momentum",
        "mu",
        "n",
        "neurons",
        "noise",
        "p",
        "patch",
        "patience",
        "pool",
        "prob",
        "q",
        "r",
        "rank",
        "rate",
        "ratio",
        "res",
        "resolution",
        "rho",
        "rows",
        "sample",
        "samples",
        "scale",
        "shot",
        "shots",
        "sigma",
        "size",
        "smoothing",
        "split",
        "step",
        "steps",
        "stride",
        "t",
        "tau",
        "temp",
        "temperature",
        "threshold",
        "top",
        "thresh",
        "tree",
        "trees",
        "units",
        "v",
        "warmup",
        "wd",
        "weight",
        "weights",
        "width",
        "window",
        "words",
    ]
)

# A date with or without a time, or seconds since 1970: when a run began.
TIME = re.compile(
    r"(?<![0-9])(?:20[0-9]{2}([-_.]?)(?:0[1-9]|1[0-2])\1[0-3][0-9](?:[-_T .]?[0-2][0-9][-_:.h]?[0-5][0-9](?:[-_:.m]?[0-5][0-9](?:[.,][0-9]+)?)?Z?)?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[0-3][0-9][-_][0-2][0-9][-:][0-5][0-9][-:][0-5][0-9]|1[5-9][0-9]{8}(?:\.[0-9]+)?)(?![0-9])"
)
# A number with the word before it. A decimal number, one with an exponent, or one with letters after it, is a setting and no count.
PLACE = re.compile(
    r"(?P<word>(?<![A-Za-z])[A-Za-z]+)?(?P<between>[-_/=.: ]*)(?<![0-9])(?<![0-9][.,])(?P<number>[0-9]+)(?![A-Za-z0-9]|[.,][0-9])"
)
SEPARATORS = "-_/ .,;:+="
EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")


@dataclass(frozen=True)
class Repeats:
    """Runs that are repeats of a recipe.

    Attributes:
        groups: {name of a recipe: the names of its runs, at least two}; the name of a recipe is what the names of its runs have in common.
        numbers: {name of a run: the number, or another part of its name, by which it differs from the other repeats of its recipe}.
        pattern: where there is no group: a regular expression that would make some; "" where none would.
        proposed: {name of a recipe: the names of its runs} that `pattern` would make.
    """

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    pattern: str = ""
    proposed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def recipe(self, name: str) -> str | None:
        """The recipe of a run; None where it has no repeats."""
        return next((recipe for recipe, names in self.groups.items() if name in names), None)

    def pairs(self, wanted: Iterable[str]) -> list[tuple[str, str]]:
        """Pairs of names of repeats that have the same recipe as one of `wanted`, among the first MOST_REPEATS of each recipe.

        Where the wanted runs are repeats of each other, pairs with either of them are left out: a run is no part of the scale that it is measured by.
        """
        wanted = list(wanted)
        recipes = [self.recipe(name) for name in wanted]
        left_out = set(wanted) if len(wanted) > 1 and len(set(recipes)) == 1 else set()
        pairs: list[tuple[str, str]] = []
        for recipe in dict.fromkeys(recipes):
            if recipe is not None:
                pairs += combinations([name for name in self.groups[recipe] if name not in left_out][:MOST_REPEATS], 2)
        return pairs

    def only(self, wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The groups of some runs."""
        recipes = {self.recipe(name) for name in wanted}
        return {recipe: names for recipe, names in self.groups.items() if recipe in recipes}


def find(recorded: Mapping[str, Hashable], pattern: str = "") -> Repeats:
    """The repeats among some runs.

    Args:
        recorded: {name of a run: what its record says of its recipe}, see `recorded`.
        pattern: a regular expression for the part of a name in which repeats differ; then the name alone decides, without its last match. By default,
            runs are repeats where they are recorded alike and their names differ in nothing but the number of a repeat, and the time at which they
            began.

    Raises:
        ArgumentError (a ValueError): a pattern that is not a regular expression.
    """
    recorded = dict(sorted(recorded.items()))
    if pattern:
        rests = {name: without(name, pattern) for name in recorded}
        numbers = {name: _taken(name, rest) for name, rest in rests.items() if rest is not None}
        return Repeats(_named(_by_key(rests)), numbers)
    groups, numbers = _found(recorded)
    if groups:
        return Repeats(groups, numbers)
    proposal, proposed = _proposal(recorded)
    return Repeats({}, {}, proposal, proposed)


def recorded(run: Series) -> str:
    """A hash of what a record says of a run's recipe: equal for repeats.

    It has all that attributions depend on, the shapes of the model's weights, how its outputs are read, the metrics that were logged, and the first
    learning rate where that was logged.
    """
    settings = {name: value for name, value in run.settings.items() if name not in ("versions", "samples")}
    _, logs = run.log_series()
    rates = {
        name: float(series[0])
        for name, series in logs.items()
        if name in ("lr", "learning_rate") and len(series) and np.isfinite(series[0])
    }
    parts = [run.comparable, settings, (run.record.get("model") or {}).get("architecture"), sorted(logs), rates]
    return hash_of(json.dumps(parts, sort_keys=True, default=str))


def without(name: str, pattern: str) -> str | None:
    """A run's name without the last match of a pattern; None where it has no match.

    Raises:
        ArgumentError (a ValueError): a pattern that is not a regular expression.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ArgumentError(f"repeats: the pattern has {len(pattern)} characters; give at most {LONGEST_PATTERN}.")
    try:
        matches = [match for match in re.finditer(pattern, name, re.IGNORECASE) if match.group()]
    except re.error as error:
        raise ArgumentError(f"repeats: {pattern[:100]!r} is not a regular expression ({error}); give e.g. '-seed[0-9]+'.") from error
    return name[: matches[-1].start()] + name[matches[-1].end() :] if matches else None


def listed(groups: Mapping[str, Sequence[str]]) -> str:
    """Groups in words: "honest-seed0, honest-seed1, … honest-seed4 (5 runs); shortcut-seed0, shortcut-seed1"."""
    return "; ".join(
        ", ".join(names) if len(names) < 4 else f"{names[0]}, {names[1]}, … {names[-1]} ({len(names)} runs)" for names in groups.values()
    )


# ---------------------------------------------------------------- by names


@dataclass(frozen=True)
class _Place:
    """A number in a name that may count repeats.

    Attributes:
        word: the word that belongs to it, in lower case; "" where there is none, and for a time.
        number: as it is written.
        rest: the name without the number, its word, and the separator before it; and without times.
        sure: whether the word says that repeats are counted.
        pattern: a regular expression for what was taken away.
    """

    word: str
    number: str
    rest: str
    sure: bool
    pattern: str
    is_time: bool = False


def _places(name: str) -> Iterator[_Place]:
    """Places of a name, the last first; the time at which a run began comes after all others."""
    times = list(TIME.finditer(name))
    spaces = TIME.sub(lambda match: "\0" * len(match.group()), name)
    for match in reversed(list(PLACE.finditer(spaces))):
        word, between, number = (match.group("word") or "").lower(), match.group("between"), match.group("number")
        named = between in ("", "=", ":") or word in COUNTED or word == "s" or (word in SETTINGS and len(word) > 1)
        if not named:
            word = ""  # the word before the separator is that of the recipe: "plain-0", "a-1"
        taken, rest = _cut(spaces, match.start() if word else match.start("number"), match.end())
        sure = word in (COUNTED if re.search("[A-Za-z0-9]", rest) else COUNTED_ALONE)
        yield _Place(word, number, rest, sure, _escaped(taken[: len(taken) - len(number)]) + "[0-9]+")
    if len(times) == 1:
        match = times[0]
        _, rest = _cut(spaces, match.start(), match.end())
        yield _Place("", match.group(), rest, bool(re.search("[A-Za-z0-9]", rest)), _time_pattern(match.group()), is_time=True)


def _cut(name: str, start: int, end: int) -> tuple[str, str]:
    """What is taken away with a separator before it, and the rest, tidied: without times, empty brackets, and separators at its ends."""
    before = start - 1 if start > 0 and name[start - 1] in SEPARATORS else start
    rest = EMPTY_BRACKETS.sub("", (name[:before] + name[end:]).replace("\0", ""))
    return name[before:end], rest.strip(SEPARATORS)


def _time_pattern(time: str) -> str:
    return re.sub("[0-9]+", lambda digits: f"[0-9]{{{len(digits.group())}}}", _escaped(time))


def _escaped(text: str) -> str:
    """As re.escape, without backslashes that nobody needs."""
    return re.sub(r"[.*+?^${}()|\[\]\\]", r"\\\g<0>", text)


def _found(recorded: Mapping[str, Hashable]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The groups of runs that are recorded alike and differ in one number that counts repeats; and these numbers."""
    places = {name: [place for place in _places(name) if place.sure or (place.word in UNSURE and not place.is_time)] for name in recorded}
    # {where a number stands, in runs that are recorded alike: the runs}
    members: dict[Hashable, dict[str, _Place]] = {}
    for name, of_name in places.items():
        for place in of_name:
            members.setdefault(_key(place, recorded[name]), {})[name] = place
    groups = {key: of_key for key, of_key in members.items() if _count_repeats(list(of_key.values()))}
    keys = {
        name: next((key for place in of_name if (key := _key(place, recorded[name])) in groups), None) for name, of_name in places.items()
    }
    numbers = {name: members[key][name].number for name, key in keys.items() if key is not None}
    return _named(_by_key(keys), {key: next(iter(of_key.values())).rest for key, of_key in groups.items()}), numbers


def _taken(name: str, rest: str) -> str:
    """The part of a name that is not in its rest."""
    start = next((place for place, (one, other) in enumerate(zip(name, rest, strict=False)) if one != other), len(rest))
    return name[start : start + len(name) - len(rest)]


def _key(place: _Place, recorded: Hashable) -> Hashable:
    return place.rest, place.word, place.is_time, recorded


def _count_repeats(places: Sequence[_Place]) -> bool:
    """Whether the numbers of runs that differ in one place count repeats."""
    numbers = {place.number for place in places}
    if len(numbers) < 2:
        return False
    if places[0].sure:
        return True
    counted = sorted(int(number) for number in numbers if number == str(int(number)))
    if len(counted) < max(len(numbers), UNSURE[places[0].word]) or counted != list(range(counted[0], counted[0] + len(counted))):
        return False
    return bool(places[0].word or (places[0].rest and counted[0] in (0, 1)))


def _by_key(keys: Mapping[str, Hashable | None]) -> dict[Hashable, tuple[str, ...]]:
    """{key: names} of the keys that at least two names have."""
    groups: dict[Hashable, list[str]] = {}
    for name, key in keys.items():
        if key is not None:
            groups.setdefault(key, []).append(name)
    return {key: tuple(names) for key, names in groups.items() if len(names) > 1}


def _named(groups: Mapping[Hashable, tuple[str, ...]], rests: Mapping[Hashable, str] | None = None) -> dict[str, tuple[str, ...]]:
    """The same by what the names have in common. Groups with the same name differ in what is recorded: they have a number."""
    named: dict[str, tuple[str, ...]] = {}
    for key, names in groups.items():
        name = str(rests[key] if rests else key) or "all"
        same = sum(other == name or other.startswith(f"{name} (") for other in named)
        named[f"{name} ({same + 1})" if same else name] = names
    return named


def _proposal(recorded: Mapping[str, Hashable]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The pattern that would put most runs into groups of runs that are recorded alike, and the groups."""
    patterns: dict[str, None] = {}
    for name in recorded:
        for place in _places(name):
            if place.word not in SETTINGS:
                patterns[place.pattern + ("$" if not place.word and name.endswith(place.number) else "")] = None
    best: tuple[str, dict[str, tuple[str, ...]]] = ("", {})
    for pattern in patterns:
        keys = {name: None if (rest := without(name, pattern)) is None else (rest, recorded[name]) for name in recorded}
        groups = {str(key[0]) or "all": names for key, names in _by_key(keys).items() if isinstance(key, tuple)}
        if sum(map(len, groups.values())) > sum(map(len, best[1].values())):
            best = pattern, groups
    return best
