"""In what the probes and settings of two runs differ, in words; and which of their probes and players are the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.judgement.differences import MOST_NAMED, names_words
from tb_xai_plugin.judgement.rounding import take_as_same, without_rounding
from tb_xai_plugin.judgement.words import count_words
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

ONE = {"image": "image", "tabular": "row", "text": "text", "sequence": "series"}

# Probes that stand at the same place in both runs are pairs where at least this part of them is the same: of the cells of rows, of the pixels of
# images, of the pieces of texts.
ALIKE = 0.5


@dataclass(frozen=True, eq=False)
class Unlike:
    """Two runs' probes side by side.

    Attributes:
        said: what differs, in sentences without a full stop, most important first.
        pairs: int (pairs, 2), the numbers of probes that belong together, of each run.
        same: bool (pairs,), whether both probes are the same in all that both runs have.
        players: for each pair, the numbers of the players that both have, (2, common); columns without players where none are known to be the same.
        only: names of players that one run has alone, of the first and of the second.
        changed: bool (H, W), the pixels in which paired images differ; None where there are none, or probes are no images.
    """

    said: tuple[str, ...]
    pairs: np.ndarray
    same: np.ndarray
    players: tuple[np.ndarray, ...]
    only: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    changed: np.ndarray | None = None


def unlike(run: Series, other: Series, explainer: str) -> Unlike:
    """Compare what two runs explain; `run` is called A and `other` B."""
    found = {"tabular": _tables, "image": _images, "text": _texts, "sequence": _series}[run.kind](run, other)
    return Unlike(
        (*found.said, *_labels(run, other, found), *_settings(run, other, explainer)),
        found.pairs,
        found.same,
        found.players,
        found.only,
        found.changed,
    )


def _nothing() -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    return np.empty((0, 2), dtype=np.intp), np.empty(0, dtype=bool), ()


# ---------------------------------------------------------------- which probes belong together


def _paired(run: Series, other: Series, keys: Sequence[Sequence[bytes]], alike: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of probes, and whether they are the same.

    keys: the content of each probe, of both runs; alike: (probes,), the part in which probes at the same place are the same, where both have as many.
    """
    if alike is not None and _same_labels(run, other) and len(alike) and np.median(alike) >= ALIKE:
        places = np.arange(len(alike))
        return np.stack([places, places], axis=-1), np.array([one == two for one, two in zip(*keys, strict=True)], dtype=bool)
    free: dict[bytes, list[int]] = {}
    for place, key in enumerate(keys[1]):
        free.setdefault(key, []).append(place)
    pairs = [(place, free[key].pop(0)) for place, key in enumerate(keys[0]) if free.get(key)]
    return np.array(pairs, dtype=np.intp).reshape(-1, 2), np.ones(len(pairs), dtype=bool)


def _same_labels(run: Series, other: Series) -> bool:
    return all(run.record["probes"].get(name) == other.record["probes"].get(name) for name in ("labels", "label_sets"))


def _probes_said(run: Series, other: Series, pairs: np.ndarray, same: np.ndarray, where: str = "", how: str = "") -> Iterator[str]:
    """Which probes differ. where: e.g. " in the columns that both have"; how: in what those that differ do."""
    one, counts = ONE[run.kind], [side.record["shape"]["probes"] for side in (run, other)]
    many = one if one == "series" else f"{one}s"
    if counts[0] == counts[1] == len(pairs):
        differ = pairs[~same, 0].tolist()
        if differ:
            moved = "" if (pairs[:, 0] == pairs[:, 1]).all() else ", in another order"
            yield f"{len(differ)} of {counts[0]} {many} {'differs' if len(differ) == 1 else 'differ'}{where}: {_numbers(differ)}{how}{moved}"
        elif (pairs[:, 0] != pairs[:, 1]).any():
            yield f"the {many} are the same{where}, in another order"
        elif where:
            yield f"the {many} are the same{where}"
    elif not len(pairs):
        yield f"none of A's {counts[0]} {many} is among B's {counts[1]}{where}"
    else:
        yield f"A has {counts[0]} {many}, B {counts[1]}; {int(same.sum())} of them are the same{where}"


def _numbers(probes: Sequence[int]) -> str:
    listed = ", ".join(map(str, probes[:MOST_NAMED]))
    return f"probe{'s' if len(probes) > 1 else ''} {listed}{', …' if len(probes) > MOST_NAMED else ''}"


# ---------------------------------------------------------------- tables


def _tables(run: Series, other: Series) -> Unlike:
    names = [side.record["probes"]["features"] for side in (run, other)]
    cells = [_cells(side, "shown", side.static("missing").astype(bool)) for side in (run, other)]
    background = [_cells(side, "background", None) for side in (run, other)]
    renamed = dict(_renamed(names, cells))
    common = [(names[0].index(name), names[1].index(renamed.get(name, name))) for name in names[0] if renamed.get(name, name) in names[1]]
    lacks = [
        [name for name in names[0] if renamed.get(name, name) not in names[1]],
        [n for n in names[1] if n not in names[0] and n not in renamed.values()],
    ]
    said = list(_columns_said(names, lacks, renamed, common))
    columns = [[pair[side] for pair in common] for side in (0, 1)]
    rounded = sum(
        take_as_same([cells[0][:, one], cells[1][:, two]]) | take_as_same([background[0][:, one], background[1][:, two]])
        for one, two in common
    )
    keys = [[b"\0".join(row[of_side].tolist()) for row in side] for side, of_side in zip(cells, columns, strict=True)]
    alike = None
    if len(cells[0]) == len(cells[1]) and common:
        alike = (cells[0][:, columns[0]] == cells[1][:, columns[1]]).mean(axis=1)
    pairs, same = _paired(run, other, keys, alike) if common else _nothing()[:2]
    everywhere = not any(lacks) and not renamed
    where = "" if everywhere else " in the columns that both have"
    differing = [names[0][one] for one, two in common if (cells[0][pairs[:, 0], one] != cells[1][pairs[:, 1], two]).any()]
    said += _probes_said(run, other, pairs, same, where, f", in {names_words(differing)}" if differing else "") if common else []
    if common and run.comparable.get("background") != other.comparable.get("background"):
        of_background = list(_background_said(background, columns, where, rounded > 0))
        if where and said[-1] == f"the rows are the same{where}" and of_background == [f"the background rows are the same{where}"]:
            said.pop()
            of_background = [f"rows and background are the same{where}"]
        said += of_background
    if rounded and len(pairs):
        said.append(f"numbers of {count_words(rounded, 'column')} differ by rounding alone, and count as the same")
    players = [side.record["probes"]["player_names"] for side in (run, other)]
    members = [_members(side) for side in (run, other)]
    both, regrouped = [], []
    for place, name in enumerate(players[0]):
        twin = renamed.get(name, name)
        if twin not in players[1]:
            continue
        # A group of other columns is another player, whatever its name.
        if {renamed.get(column, column) for column in members[0][name]} == members[1][twin]:
            both.append((place, players[1].index(twin)))
        else:
            regrouped.append(name)
    if regrouped:
        said.append(f"the groups have other columns: {names_words(regrouped)}")
    matched = np.array(both, dtype=np.intp).reshape(-1, 2).T
    known = {name for name, _ in _pairs_of(players, both)}, {name for _, name in _pairs_of(players, both)}
    # What one run has alone: players none of whose columns the other has.
    theirs = [{name for name in names[0] if renamed.get(name, name) in names[1]}, {renamed.get(name, name) for name in names[0]}]
    only = tuple(
        tuple(name for name in players[side] if name not in known[side] and not members[side][name] & theirs[side]) for side in (0, 1)
    )
    return Unlike(tuple(said), pairs, same, (matched,) * len(pairs), (only[0], only[1]))


def _members(run: Series) -> dict[str, set[str]]:
    """The columns of each player of a table."""
    probes = run.record["probes"]
    members: dict[str, set[str]] = {name: set() for name in probes["player_names"]}
    for column, player in zip(probes["features"], probes["player_of"], strict=True):
        members[probes["player_names"][player]].add(column)
    return members


def _pairs_of(players: Sequence[Sequence[str]], both: Sequence[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(players[0][one], players[1][two]) for one, two in both]


def _cells(run: Series, array: str, missing: np.ndarray | None) -> np.ndarray:
    """The cells of a table, object (rows, columns), that are equal where the values are: categories by name, missing values as such."""
    numbers = run.static(array) if array in run.record["arrays"] else np.empty((0, len(run.record["probes"]["features"])))
    cells = np.empty(numbers.shape, dtype=object)
    for column in range(numbers.shape[1]):
        values = run.record["probes"]["categorical"].get(str(column))
        for row, number in enumerate(numbers[:, column].tolist()):
            known = values is not None and number == number and 0 <= int(number) < len(values)
            cells[row, column] = (f"category {values[int(number)]}" if known else repr(number)).encode()
    if missing is not None:
        cells[missing] = b"missing"
    return cells


def _renamed(names: Sequence[Sequence[str]], cells: Sequence[np.ndarray]) -> Iterator[tuple[str, str]]:
    """(name in A, name in B) of columns that have the same values in all rows, and a name that the other lacks."""
    if len(cells[0]) != len(cells[1]) or not len(cells[0]):
        return
    new = [place for place, name in enumerate(names[1]) if name not in names[0]]
    for place, name in enumerate(names[0]):
        if name in names[1] or len(set(cells[0][:, place].tolist())) < 2:
            continue
        twins = [candidate for candidate in new if _same_column(cells[0][:, place], cells[1][:, candidate])]
        if len(twins) == 1:
            new.remove(twins[0])
            yield name, names[1][twins[0]]


def _same_column(one: np.ndarray, two: np.ndarray) -> bool:
    columns = [one.copy(), two.copy()]
    take_as_same(columns)
    return bool((columns[0] == columns[1]).all())


def _columns_said(
    names: Sequence[Sequence[str]], lacks: Sequence[Sequence[str]], renamed: dict[str, str], common: Sequence[tuple[int, int]]
) -> Iterator[str]:
    for without, having, missing, count in (("B", "A", lacks[0], len(names[0])), ("A", "B", lacks[1], len(names[1]))):
        if missing:
            yield f"{without} lacks {len(missing)} of {having}'s {count_words(count, 'column')}: {names_words(missing)}"
    for old, new in renamed.items():
        yield f"“{old}” of A is named “{new}” in B"
    order = [two for _, two in common]
    if order != sorted(order):
        yield "the columns stand in another order"


def _background_said(background: Sequence[np.ndarray], columns: Sequence[Sequence[int]], where: str, rounded: bool) -> Iterator[str]:
    counts = [len(side) for side in background]
    if not all(counts):
        yield "the backgrounds differ"
        return
    rows = [Counter(b"\0".join(row[of_side].tolist()) for row in side) for side, of_side in zip(background, columns, strict=True)]
    same = (rows[0] & rows[1]).total()
    if same == max(counts):
        if where:
            yield f"the background rows are the same{where}"
        elif list(columns[0]) == list(columns[1]) and not rounded:
            yield "the background has other weights, or is used in another way"
    elif counts[0] == counts[1]:
        yield f"{counts[0] - same} of {counts[0]} background rows differ{where}"
    else:
        yield f"A's background has {counts[0]} rows, B's {counts[1]}; {same} of them are the same{where}"


# ---------------------------------------------------------------- images, texts, series


def _images(run: Series, other: Series) -> Unlike:
    images = [side.static("inputs") if "inputs" in side.record["arrays"] else side.static("images") for side in (run, other)]
    shapes = [side.record["arrays"]["images"]["shape"][1:] for side in (run, other)]
    if shapes[0] != shapes[1] or images[0].shape[1:] != images[1].shape[1:]:
        words = [" × ".join(map(str, shape[: 2 if shapes[0][2:] == shapes[1][2:] else 3])) for shape in shapes]
        return Unlike((f"A's images are {words[0]}, B's {words[1]}",), *_nothing())
    images, rounded = _without_rounding(images)
    keys = [[image.tobytes() for image in side] for side in images]
    alike = None
    if len(images[0]) == len(images[1]) and images[0].ndim in (3, 4):
        differ = _differing(images[0], images[1])
        alike = 1 - differ.mean(axis=(1, 2))
    pairs, same = _paired(run, other, keys, alike)
    changed: np.ndarray | None = None
    how = ""
    if not same.all() and images[0].ndim in (3, 4):
        differ = _differing(images[0][pairs[~same, 0]], images[1][pairs[~same, 1]])
        changed = np.asarray(differ.any(axis=0))
        how = f", in {_pixels(differ)}"
    said = [*_probes_said(run, other, pairs, same, how=how)]
    segments = [side.static("segments") for side in (run, other)]
    equal = np.array([np.array_equal(segments[0][one], segments[1][two]) for one, two in pairs.tolist()], dtype=bool)
    if len(pairs) and not equal.all():
        counts = [sorted(set(side.record["probes"]["players"])) for side in (run, other)]
        words = [f"{c[0]}" if len(c) == 1 else f"{c[0]} to {c[-1]}" for c in counts]
        said.append(f"the segments differ in {int((~equal).sum())} of {len(pairs)} images (A has {words[0]} an image, B {words[1]})")
    if run.comparable.get("baseline") != other.comparable.get("baseline"):
        said.append("what stands for absent segments (the baseline) differs")
    said += _rounding_said("pixels", rounded)
    return Unlike(
        tuple(said),
        pairs,
        same,
        tuple(_all_players(run, one, is_equal) for (one, _), is_equal in zip(pairs.tolist(), equal, strict=True)),
        changed=changed,
    )


def _differing(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """bool (images, H, W)."""
    with np.errstate(invalid="ignore"):
        differ = (images != others) & ~(np.isnan(images) & np.isnan(others)) if images.dtype.kind == "f" else images != others
    return np.asarray(differ.any(axis=-1) if differ.ndim == 4 else differ)


def _pixels(differ: np.ndarray) -> str:
    """How many pixels of images differ, and in which box."""
    counts, (rows, columns) = differ.sum(axis=(1, 2)), np.nonzero(differ.any(axis=0))
    low, high = int(counts.min()), int(counts.max())
    size = differ.shape[1] * differ.shape[2]
    number = f"{low}" if low == high else f"{low} to {high}"
    box = f"the box from x {columns.min()} to {columns.max()} and y {rows.min()} to {rows.max()}"
    return f"{number} of {size} pixels each, all within {box}" if len(counts) > 1 else f"{number} of {size} pixels, within {box}"


def _all_players(run: Series, probe: int, same: bool) -> np.ndarray:
    players = np.arange(run.record["probes"]["players"][probe] if same else 0)
    return np.stack([players, players])


def _texts(run: Series, other: Series) -> Unlike:
    pieces = [side.pieces() for side in (run, other)]
    keys = [["".join(piece for piece, _ in probe).encode() for probe in side] for side in pieces]
    alike = None
    if len(keys[0]) == len(keys[1]):
        alike = np.array([_words_alike(one, two) for one, two in zip(*keys, strict=True)])
    pairs, same = _paired(run, other, keys, alike)
    how = ""
    if not same.all():
        words = [Counter(word for one in pairs[~same, side] for word in keys[side][one].decode().split()) for side in (0, 1)]
        extra = [list(words[0] - words[1]), list(words[1] - words[0])]
        parts = [f"{letter} has {names_words(names)}" for letter, names in zip("AB", extra, strict=True) if names]
        how = f"; where they differ, {' and '.join(parts)}" if parts else ""
    said = [*_probes_said(run, other, pairs, same, how=how)]
    equal = [pieces[0][one] == pieces[1][two] for one, two in pairs.tolist()]
    if not all(is_equal for is_equal, is_same in zip(equal, same, strict=True) if is_same):
        said.append("the same texts are cut into other tokens")
    if run.comparable.get("baseline") != other.comparable.get("baseline"):
        said.append(f"what stands for absent tokens differs ({_quoted(run, 'mask_token')} and {_quoted(other, 'mask_token')})")
    return Unlike(
        tuple(said), pairs, same, tuple(_all_players(run, one, is_equal) for (one, _), is_equal in zip(pairs.tolist(), equal, strict=True))
    )


def _words_alike(one: bytes, two: bytes) -> float:
    words = [Counter(text.split()) for text in (one, two)]
    return float((words[0] & words[1]).total() / max(1, *(side.total() for side in words)))


def _quoted(run: Series, key: str) -> str:
    return f"“{run.record['probes'].get(key, '')}”"


def _series(run: Series, other: Series) -> Unlike:
    series = [side.static("shown") for side in (run, other)]
    if series[0].shape[1:] != series[1].shape[1:]:
        words = [f"{shape[1]} steps of {count_words(shape[2], 'channel')}" for shape in (side.shape for side in series)]
        return Unlike((f"A's series are {words[0]}, B's {words[1]}",), *_nothing())
    series, rounded = _without_rounding(series)
    keys = [[one.tobytes() for one in side] for side in series]
    alike = _equal(series[0], series[1]).mean(axis=(1, 2)) if len(series[0]) == len(series[1]) else None
    pairs, same = _paired(run, other, keys, alike)
    how = ""
    if not same.all():
        steps = np.flatnonzero(~_equal(series[0][pairs[~same, 0]], series[1][pairs[~same, 1]]).all(axis=(0, 2)))
        how = f", within steps {steps.min()} to {steps.max()}" if len(steps) else ""
    said = [*_probes_said(run, other, pairs, same, how=how)]
    segments = [side.static("segments") for side in (run, other)]
    equal = np.array([np.array_equal(segments[0][one], segments[1][two]) for one, two in pairs.tolist()], dtype=bool)
    if len(pairs) and not equal.all():
        said.append(f"the segments differ in {int((~equal).sum())} of {len(pairs)} series")
    if run.comparable.get("baseline") != other.comparable.get("baseline"):
        said.append("what stands for absent segments (the baseline) differs")
    said += _rounding_said("values", rounded)
    return Unlike(
        tuple(said), pairs, same, tuple(_all_players(run, one, is_equal) for (one, _), is_equal in zip(pairs.tolist(), equal, strict=True))
    )


def _without_rounding(arrays: Sequence[np.ndarray]) -> tuple[list[np.ndarray], bool]:
    """Both arrays, the second without what differs from the first by rounding alone; and whether there was any such."""
    one, two = arrays
    if len(one) != len(two):
        return [one, two], False
    same = without_rounding(one, two)
    return [one, same], not np.array_equal(two, same, equal_nan=two.dtype.kind == "f")


def _rounding_said(what: str, rounded: bool) -> list[str]:
    return [f"{what} that differ by rounding alone count as the same"] if rounded else []


def _equal(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    equal: np.ndarray = (one == two) | (np.isnan(one) & np.isnan(two))
    return equal


# ---------------------------------------------------------------- labels, classes, settings


def _labels(run: Series, other: Series, found: Unlike) -> Iterator[str]:
    labels = [side.record["probes"]["labels"] for side in (run, other)]
    if (labels[0] is None) != (labels[1] is None):
        yield f"only {'A' if labels[1] is None else 'B'} has labels"
    elif labels[0] is not None:
        differ = [one for one, two in found.pairs.tolist() if labels[0][one] != labels[1][two]]
        if differ:
            yield f"{count_words(len(differ), 'label')} {'differs' if len(differ) == 1 else 'differ'}: {_numbers(differ)}"


def _settings(run: Series, other: Series, explainer: str) -> Iterator[str]:
    here, there = run.settings, other.settings
    if here.get("evaluations") != there.get("evaluations"):
        yield f"A has {here.get('evaluations')} evaluations, B {there.get('evaluations')}"
    if here.get("seed") != there.get("seed"):
        yield f"the coalitions have the seeds {here.get('seed')} and {there.get('seed')}"
    if here.get("coalitions") != there.get("coalitions"):
        yield f"the coalitions are chosen by {_choice(here)} in A, {_choice(there)} in B; explain both with one version of the package"
    if here.get("output") != there.get("output") or here.get("unit") != there.get("unit"):
        yield f"values are of the output {_output(here)} in A, {_output(there)} in B"
    of = [_of_explainer(side.comparable.get("explainers"), explainer) for side in (run, other)]
    if of[0] != of[1]:
        yield f"{explainer} has other settings: {_options(of[0])} in A, {_options(of[1])} in B"
    known = {"inputs", "labels", "segments", "players", "baseline", "background", "coalitions", "explainers", "output", "unit", "answers"}
    for part in dict.fromkeys([*run.comparable, *other.comparable]):
        if part not in known and run.comparable.get(part) != other.comparable.get(part):
            yield f"the {wire.PART_NAMES.get(part, part.replace('_', ' '))} differ"


def _of_explainer(settings: object, explainer: str) -> object:
    """The settings of one explainer; older records have one text for all of them."""
    return settings.get(explainer) if isinstance(settings, dict) else settings


def _choice(settings: dict[str, Any]) -> str:
    return str(settings.get("coalitions", "least similarity"))


def _output(settings: dict[str, Any]) -> str:
    output, unit = settings.get("output"), settings.get("unit")
    return f"“{output}”" if output == unit or not unit else f"“{output}” ({unit})"


def _options(text: object) -> str:
    try:
        options = json.loads(str(text))
    except ValueError:
        return str(text)
    return ", ".join(f"{name} {value}" for name, value in options.items()) if isinstance(options, dict) else str(options)
