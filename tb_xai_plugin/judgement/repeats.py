"""Repeats of one recipe: runs that are recorded alike, and whose names differ only in a number that counts repeats."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.probes import hash_of
from tb_xai_plugin.records.series import Series

LONGEST_PATTERN = 200

# 8 repeats are 28 pairs. More hardly make the estimate better, and each has to be read.
MOST_REPEATS = 8


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words for which the number beside them counts repeats: "cnn-seed3", "cnn/run_2", "lr=0.1,seed=5", "a_s12", "cnnSeed3".
SEEDS = _words("seed graine semilla 种子 rs sd rng")
COUNTED = SEEDS | _words("s run lauf repeat repetition rep replicate replica rerun trial try attempt execution init fold cv")
# The same words where nothing else is in the name. "run_1" and "run_2" alone may be any two runs.
COUNTED_ALONE = SEEDS | _words("repeat repetition replicate replica fold")
# Of these, other numbers than those that follow each other may be settings: "fold=5" and "fold=10" are numbers of folds.
IN_ORDER = frozenset(["fold", "cv"])
# Words before a separator that make "s" a size: "stride_s2", "vit-s16".
SIZED = _words("vit deit swin mixer convnext efficientnet efficientnetv mobilevit mobilenet yolo yolov unet")
# Words of a name that make its trials those of a search.
SEARCHED = _words("search tune tuner study optuna sweep grid hparams hyperopt ray")

# Words for which the number is a setting, so that runs with other numbers are no repeats: whatever their names look like.
SETTINGS = _words(
    """
    a alpha aug batch batches beta bias bits block blocks bn bootstrap bs c capacity cell channels class classes clip conv convs crop d data
    decay deep degree delta depth dim dims dr drop dropout e embed ep epoch epochs eps epsilon eta examples f factor features filters flip frac
    fraction gamma h head heads hidden inner k kernel kfold l label labels lambda layer layers level lr lstm m margin max min mom momentum mu n
    nb neurons noise num number outer p patch patience poly pool prob q r rank rate ratio res resize resolution rho rows sample samples scale
    seq shot shots sigma size smoothing split step steps stride t tau temp temperature thresh threshold top tree trees units use v warmup wd
    weight weights width window words
    """
)

# A date with a time of day, or seconds since 1970: when a run began. A date alone may be that of the data.
TIME = re.compile(
    r"(?<![0-9])(?:20[0-9]{2}([-_.]?)(?:0[1-9]|1[0-2])\1[0-3][0-9][-_T .]?[0-2][0-9][-_:.h]?[0-5][0-9](?:[-_:.m]?[0-5][0-9](?:[.,][0-9]+)?)?Z?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[0-3][0-9][-_][0-2][0-9][-:][0-5][0-9][-:][0-5][0-9]|1[5-9][0-9]{8}(?:\.[0-9]+)?)(?![0-9])"
)
# A number with the word before it. A decimal number, or one with letters after it, is a setting and no count; a seed may have an exponent.
PLACE = re.compile(
    r"(?P<word>(?<![^\W\d_])[^\W\d_]+)?(?P<between>['\"]?[-_/=.: ]*)(?<![0-9])(?<![0-9][.,])(?P<number>[0-9]+(?:e[0-9]+)?)(?![A-Za-z0-9]|[.,][0-9])"
)
# The last word of several that are written together: "Seed" of "plainSeed".
JOINED = re.compile(r"(?<=[a-z])[A-Z][a-z]*$|(?<=[a-z]{3})(?<!lin)(?<!ani)(?<!rape)(?<!hay)seed$")
# What stands before a word, joined to it.
BEFORE = re.compile(r"([A-Za-z][a-z]*|[A-Z]+)[-_ ]?$")
# "random_state", "rng-seed".
RANDOM = re.compile(r"(?<![A-Za-z])(?:random|rng)[-_ ]?$", re.IGNORECASE)
# A run of a tool that numbers its versions, as Lightning does, and copies of a folder.
VERSION = re.compile(r"(?:(?<=/)|^)(?P<word>version)_(?P<number>[0-9]+)(?=/|$)")
COPY = re.compile(r" ?\((?P<number>[0-9]+)\)$")
# What else repeats may differ in, where somebody says so: an identifier, or a seed in words.
PROPOSED = (
    r"[-_/][0-9a-f]{8}-[0-9a-f]{4}(?:-[0-9a-f]{4}){0,2}(?:-[0-9a-f]{12})?$",
    r"[-_/](?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{6,}$",
    r"[-_/](?=[a-z]*[0-9][0-9a-z]*[a-z])[0-9a-z]{8}$",
    r"[-_/]20[0-9]{6}[-_][0-9]{6}-[0-9a-z]{6,}$",
    r"(?:^|[-_/])20[0-9]{2}-?[0-9]{2}-?[0-9]{2}",
    r"[-_/ ]?seed[-_=: ]?[a-z]+$",
)
SEPARATORS = "-_/ .,;:+="
EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")


@dataclass(frozen=True)
class Repeats:
    """Runs that are repeats of a recipe.

    Attributes:
        groups: {name of a recipe: the names of its runs, at least two}; the name of a recipe is what the names of its runs have in common.
        numbers: {name of a run: the number, or another part of its name, by which it differs from the other repeats of its recipe}.
        pattern: a regular expression that would make groups of runs that are in none; "" where none would.
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


class Recipe(Series):
    """A run's recipe."""

    @property
    def recipe(self) -> dict[str, Any]:
        """What the record says of how the run was made; equal for repeats: `a.recipe == b.recipe`.

        {"settings": of the explanations, "hashes": of all that attributions depend on, "architecture": a hash of the shapes of the model's weights,
        "metrics": names of those that were logged, "learning rate": the first one, where it was logged}. The training data are in no record.
        """
        return recipe(self)


def find(recorded: Mapping[str, Hashable], pattern: str = "") -> Repeats:
    """The repeats among some runs.

    Args:
        recorded: {name of a run: what its record says of its recipe}, see `recorded`.
        pattern: a regular expression for the part of a name in which repeats differ; then the name alone decides, without its last match. By default,
            runs are repeats where they are recorded alike and their names differ in nothing but a number whose word says that it counts repeats, and
            the time at which they began. What may be repeats is proposed, and makes no group.

    Raises:
        ArgumentError (a ValueError): a pattern that is not a regular expression.
    """
    recorded = dict(sorted(recorded.items()))
    if pattern:
        rests = {name: without(name, pattern) for name in recorded}
        numbers = {name: _taken(name, rest) for name, rest in rests.items() if rest is not None}
        return Repeats(_named(_by_key(rests)), numbers)
    groups, numbers = _found(recorded)
    return Repeats(groups, numbers, *_proposal({name: recipe for name, recipe in recorded.items() if name not in numbers}))


def recorded(run: Series) -> str:
    """A hash of what a record says of a run's recipe: equal for repeats."""
    return hash_of(json.dumps(recipe(run), sort_keys=True, default=str))


def recipe(run: Series) -> dict[str, Any]:
    """See `Recipe.recipe`."""
    settings = {name: value for name, value in run.settings.items() if name not in ("versions", "samples")}
    _, logs = run.log_series()
    rates = {
        name: float(series[0])
        for name, series in logs.items()
        if name in ("lr", "learning_rate") and len(series) and np.isfinite(series[0])
    }
    return {
        "settings": settings,
        "hashes": dict(run.comparable),
        "architecture": (run.record.get("model") or {}).get("architecture"),
        "metrics": sorted(logs),
        "learning rate": rates,
    }


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
    for match in (*COPY.finditer(spaces), *reversed(list(VERSION.finditer(spaces)))):
        word = match.groupdict().get("word", "copy")
        taken, rest = _cut(spaces, match.start(), match.end())
        yield _Place(word, match.group("number"), rest, bool(rest) or word == "version", _pattern(taken, match.group("number")))
    for match in reversed(list(PLACE.finditer(spaces))):
        word, between, number = match.group("word") or "", match.group("between"), match.group("number")
        joined = JOINED.search(word)
        if joined and joined.group().lower() in COUNTED:
            word = joined.group()
        start, word = match.start("between") - len(word), word.lower()
        if word in ("state", "seed") and (longer := RANDOM.search(spaces, 0, start)):
            start, word = longer.start(), "seed"
        if start > 0 and between[:1] in ("'", '"') and spaces[start - 1] == between[0]:
            start -= 1
        if word not in COUNTED and (between not in ("", "=", ":") and not (word in SETTINGS and len(word) > 1)):
            word = ""  # the word before the separator is that of the recipe: "plain-0", "a-1"
        taken, rest = _cut(spaces, start if word else match.start("number"), match.end())
        yield _Place(word, number, rest, _is_sure(word, number, spaces[:start], rest), _pattern(taken, number))
    if len(times) == 1:
        match = times[0]
        _, rest = _cut(spaces, match.start(), match.end())
        yield _Place("", match.group(), rest, bool(re.search("[A-Za-z0-9]", rest)), _time_pattern(match.group()), is_time=True)


def _is_sure(word: str, number: str, before: str, rest: str) -> bool:
    """Whether the number after a word counts repeats. before: the name up to the word."""
    if word not in (COUNTED if re.search(r"[^\W_]", rest) else COUNTED_ALONE):
        return False
    if word in SEEDS:
        return True
    owner = match.group(1).lower() if (match := BEFORE.search(before)) else ""
    if (len(owner) > 1 and owner in SETTINGS) or owner in ("n", "k") or "e" in number:
        return False  # part of a longer name: "n_init", "stride_s"
    if word == "s":
        return owner not in SIZED
    return word != "trial" or not (SEARCHED & set(re.split("[^a-z]", before.lower())) or (number[0] == "0" and len(number) > 3))


def _pattern(taken: str, number: str) -> str:
    """A regular expression for what was taken away."""
    before, _, after = taken.rpartition(number)
    return _escaped(before) + "[0-9]+" + _escaped(after)


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
    places = {name: [place for place in _places(name) if place.sure] for name in recorded}
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
    word = places[0].word
    if word != "s" and word not in IN_ORDER:
        return True
    counted = sorted({int(number) for number in numbers})
    in_order = counted == list(range(counted[0], counted[0] + len(counted)))
    # "vit-s16" and "vit-s32" are sizes, and so may be all powers of two.
    return in_order or (word == "s" and not all(number and number & (number - 1) == 0 for number in counted))


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
        places = list(_places(name))
        for place in places:
            if place.word not in SETTINGS:
                patterns[place.pattern + ("$" if not place.word and name.endswith(place.number) else "")] = None
        if len(places) > 1 and any(place.word in COUNTED for place in places):
            patterns[_between(name)] = None  # where two numbers differ, one of which counts: "trial_1_seed=1", "trial_2_seed=2"
    patterns |= dict.fromkeys(PROPOSED)
    best: tuple[str, dict[str, tuple[str, ...]]] = ("", {})
    for pattern in patterns:
        keys = {name: None if (rest := without(name, pattern)) is None else (rest, recorded[name]) for name in recorded}
        groups = {str(key[0]) or "all": names for key, names in _by_key(keys).items() if isinstance(key, tuple)}
        if sum(map(len, groups.values())) > sum(map(len, best[1].values())):
            best = pattern, groups
    return best


def _between(name: str) -> str:
    """A regular expression for the last two numbers of a name and all between them, with the word before the first."""
    last = list(re.finditer("[0-9]+", name))[-2:]
    before = re.search(r"[-_/ ,]?[^\W\d_]*[-_=: ]?$", name[: last[0].start()])
    start = before.start() if before else last[0].start()
    return re.sub("[0-9]+", "[0-9]+", _escaped(name[start : last[-1].end()])) if len(last) > 1 else _escaped(name)
