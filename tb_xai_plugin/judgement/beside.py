"""Two runs that can't be compared as a whole, side by side: in what they differ, and what of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import alignment, differences, history, noise, shares, summaries
from tb_xai_plugin.judgement.alignment import ABSENT, Pairing, places_of, rows_at
from tb_xai_plugin.judgement.comparison import BOTH_RIGHT, LEAST_APART
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.judgement.unlike import Unlike, unlike
from tb_xai_plugin.judgement.words import count_words, percent, share_words
from tb_xai_plugin.plots import cards
from tb_xai_plugin.records import asked
from tb_xai_plugin.records.wire import RETURNED, UNTRAINED

if TYPE_CHECKING:
    from tb_xai_plugin.records.asked import Regions
    from tb_xai_plugin.records.series import Series, Target

# The name of the region of all pixels in which paired images differ. Its shares are those of the images that differ.
CHANGED = "the pixels that differ"

# The most features that a sentence or a table names.
MOST_FEATURES = 8


@dataclass(frozen=True, eq=False, repr=False)
class SideBySide:
    """What `Run.compare` returns of runs with different probes or settings. There is no distance between them as a whole: see `differs`.

    Attributes:
        comparable: False; of a `Comparison` it is True.
        run, other: the names of the two runs, called A and B.
        explainer, measure, target: what was compared.
        pairing: which epoch of `other` each epoch of `run` stands beside.
        differs: in what the runs differ, one sentence each, most important first.
        pairs: int (pairs, 2), the numbers of probes that belong together: the same content, or the same place and for the most part the same content.
        same: bool (pairs,), whether the two are the same in all that both runs have.
        right: bool (rows, pairs, 2), whether the prediction of each run is the label.
        distance: float (rows, pairs), the distance of the explanations on the players that both have; NaN where the two probes are not the same, or
            share no player.
        floor: float (rows, pairs), the noise floor of that distance.
        regions: {name: mean shares (rows, 2)} of the regions of either run, and of the pixels that differ; NaN where a run has no such region.
        region_errors: the same of their standard errors.
        features: {name: mean shares (rows, 2)} of the features of tables, each of the attribution on the features that both runs have; largest first.
        only: {name: mean shares (rows, 2)} of the features that one run has alone, of all its attribution.
    """

    run: str
    other: str
    explainer: str
    measure: str
    target: Target
    pairing: Pairing
    differs: tuple[str, ...]
    pairs: np.ndarray
    same: np.ndarray
    labelled: bool
    right: np.ndarray
    distance: np.ndarray
    floor: np.ndarray
    regions: dict[str, np.ndarray]
    region_errors: dict[str, np.ndarray]
    features: dict[str, np.ndarray]
    only: dict[str, np.ndarray]

    comparable = False

    def __repr__(self) -> str:
        return f"SideBySide({self.run!r}, {self.other!r}, {self.explainer!r}: {self.verdict() if len(self.steps) else 'no epoch yet'})"

    def _repr_html_(self) -> str:
        return cards.of_comparison(self)

    @property
    def steps(self) -> np.ndarray:
        """int64 (rows,): the epoch that names each row."""
        return self.pairing.steps

    @cached_property
    def other_reasons(self) -> np.ndarray:
        """bool (rows, pairs): whether the runs have different reasons on the players that both have: above the noise floor, and large enough to matter."""
        with np.errstate(invalid="ignore"):
            above: np.ndarray = self.distance > np.nan_to_num(self.floor)
            return above & (self.distance >= LEAST_APART[self.measure])

    def place(self, step: int | None = None) -> int:
        """The row of an epoch; by default the best where runs are aligned by it, else the last that both have.

        Raises:
            ArgumentError (a ValueError): a step that no row has, or runs without an explained epoch.
        """
        both = (self.pairing.here != ABSENT) & (self.pairing.there != ABSENT)
        return self.pairing.row(step, both, (self.run, self.other))

    def verdict(self, step: int | None = None) -> str:
        """In what the runs differ, and what can be said of their reasons at an epoch, in a few sentences. step: as in `place`."""
        row = self.place(step)
        when = (
            {UNTRAINED: "Before training: ", RETURNED: "The returned models: "}.get(int(self.steps[row]), "") if len(self.steps) > 1 else ""
        )
        sentences = [f"Side by side, not compared as a whole: {'; '.join(self.differs)}", *self.comparable_words(row)]
        return when + " ".join(f"{sentence}." for sentence in sentences)

    def comparable_words(self, row: int) -> list[str]:
        """What can be compared at a row, in sentences without a full stop."""
        return [words for _, _, words in self.comparable_findings(row)]

    def comparable_findings(self, row: int) -> list[tuple[str, str, str]]:
        """The same, as (kind of the finding, name of the region or "", words)."""
        words = []
        alone = {name: now for name, now in self._now(self.only, row).items() if np.isfinite(now).any()}
        for side, letter in enumerate("AB"):
            parts = sorted(((now[side], name) for name, now in alone.items() if np.isfinite(now[side])), reverse=True)[:MOST_FEATURES]
            if parts:
                listed = ", ".join(f"{percent(share)} on “{name}”" for share, name in parts)
                words.append(("region", "", f"{letter} puts {listed}, which {'BA'[side]} lacks"))
        for name, now in self._now(self.regions, row).items():
            if np.isfinite(now).all():
                errors = self.region_errors[name][row]
                a, b = (share_words(share, error) for share, error in zip(now.tolist(), errors.tolist(), strict=True))
                words.append(("region", "" if name == CHANGED else name, f"A puts {a} of its attribution on {name}, B {b}"))
        known = np.isfinite(self.distance[row])
        if known.any():
            words.append(("reasons differ", "", self._distance_words(row, known)))
        if self.labelled and len(self.pairs):
            words.append(("predictions", "", self._right_words(row)))
        return words

    def _now(self, series: dict[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
        return {name: of_name[row] for name, of_name in series.items()}

    def _distance_words(self, row: int, known: np.ndarray) -> str:
        both = known & self.right[row].all(axis=-1)
        counted = both if self.labelled and both.any() else known
        other = int((self.other_reasons[row] & counted).sum())
        noun = "probe" if counted.sum() == 1 else "probes"
        which = f"{noun} {BOTH_RIGHT}" if counted is both else noun
        median = float(np.median(self.distance[row, counted]))
        where = " on the features that both have" if self.only or self.features else ""
        floor = "" if np.isfinite(self.floor[row, counted]).any() else "; how much of it is noise is unknown"
        verb = "have" if other > 1 else "has"
        return f"{other or 'None'} of {int(counted.sum())} {which} {verb} different reasons{where}, median distance {median:.2f}{floor}"

    def _right_words(self, row: int) -> str:
        a, b = self.right[row, :, 0], self.right[row, :, 1]
        parts = [f"{int((a & b).sum())} of {count_words(len(a), 'paired probe')} are right in both"]
        parts += [f"{int(alone.sum())} in {letter} alone" for letter, alone in (("A", a & ~b), ("B", b & ~a)) if alone.any()]
        return ", ".join(parts)

    def look_first(self, step: int | None = None) -> list[int]:
        """Numbers of A's probes with different reasons on the players that both have, farthest above their noise floor first. step: as in `place`."""
        row = self.place(step)
        above = self.distance[row] - np.nan_to_num(self.floor[row])
        places = sorted(np.flatnonzero(self.other_reasons[row]).tolist(), key=lambda place: -above[place])
        return [int(self.pairs[place, 0]) for place in places]

    def as_json(self, step: int | None = None) -> dict[str, Any]:
        """Everything at an epoch, as numbers and texts. step: as in `place`."""
        row = self.place(step)

        def table(series: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
            return {
                name: {letter: _number(now) for letter, now in zip("AB", of_name[row], strict=True)} for name, of_name in series.items()
            }

        return {
            "differs": list(self.differs),
            "epochs": {letter: int(at) for letter, at in zip("AB", (self.pairing.here[row], self.pairing.there[row]), strict=True)},
            "pairs": self.pairs.tolist(),
            "same": self.same.tolist(),
            "right": self.right[row].tolist(),
            "distance": [_number(distance) for distance in self.distance[row]],
            "regions": table(self.regions),
            "features": table(self.features),
            "only": table(self.only),
        }


def beside(run: Series, other: Series, explainer: str, align: str, measure: str, target: Target, regions: Regions = None) -> SideBySide:
    """See `Run.compare`. regions: those that are asked for; a run that can't have one has no share of it."""
    differences.refuse_nothing_common(run, other)
    if measure not in MEASURES:
        raise ArgumentError(f"unknown measure {measure!r}; choose from {sorted(MEASURES)}.")
    pairing = alignment.with_returned(alignment.pair(run, other, align), run, other)
    found = unlike(run, other, explainer)
    places = [places_of(run, pairing.here), places_of(other, pairing.there)]
    values, errors = (
        [rows_at(side.of_class(target, f"{what}/{explainer}")[0], at) for side, at in zip((run, other), places, strict=True)]
        for what in ("values", "errors")
    )
    rights = [
        rows_at(history.right(side)[0], at)[:, found.pairs[:, column]]
        for column, (side, at) in enumerate(zip((run, other), places, strict=True))
    ]
    classes = [
        rows_at(side.target_of(target), at)[:, found.pairs[:, column]]
        for column, (side, at) in enumerate(zip((run, other), places, strict=True))
    ]
    distance, floor = _distances(found, values, errors, measure, classes[0] == classes[1], _same_unit(run, other))
    shares_of, region_errors = _regions(run, other, explainer, target, places, found, _asked(run, other, regions))
    features, only = _features(run, other, values, found) if run.kind == other.kind == "tabular" else ({}, {})
    return SideBySide(
        *(run.name, other.name, explainer, measure, target, pairing),
        differs=found.said or (differences.incomparable(run, other, explainer),),
        pairs=found.pairs,
        same=found.same,
        labelled=run.labelled and other.labelled,
        right=np.stack(rights, axis=-1),
        distance=distance,
        floor=floor,
        regions=shares_of,
        region_errors=region_errors,
        features=features,
        only=only,
    )


def _same_unit(run: Series, other: Series) -> bool:
    units = [(side.settings.get("unit"), side.settings.get("output"), side.record["probes"].get("unit")) for side in (run, other)]
    return units[0] == units[1]


def _distances(
    found: Unlike, values: list[np.ndarray], errors: list[np.ndarray], measure: str, same_class: np.ndarray, same_unit: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Distances on the players that both have, of pairs that are the same, and their noise floors: (rows, pairs) each. Errors are independent.

    same_class: (rows, pairs), whether both explain the same class; explanations of different classes are not compared.
    """
    distance = np.full((len(values[0]), len(found.pairs)), np.nan)
    floor = distance.copy()
    for pair, (probes, same, players) in enumerate(zip(found.pairs.tolist(), found.same.tolist(), found.players, strict=True)):
        if not (same and same_unit and players.shape[1] > 1):
            continue
        a, b = (side[:, probe][:, of_side].astype(np.float64) for side, probe, of_side in zip(values, probes, players, strict=True))
        error = np.hypot(
            *(side[:, probe][:, of_side].astype(np.float64) for side, probe, of_side in zip(errors, probes, players, strict=True))
        )
        distance[:, pair] = np.where(same_class[:, pair], MEASURES[measure](a, b), np.nan)
        floor[:, pair] = noise.floor(a, b, error, measure)
    return distance, np.where(np.isnan(distance), np.nan, floor)


def _asked(run: Series, other: Series, regions: Regions) -> dict[str, list[Any]]:
    """{name: [region of the first run, of the second]} of the regions that are asked for, None where a run can't have it.

    Raises:
        ArgumentError (a ValueError): regions that neither run can have.
    """
    if regions is None:
        return {}
    given: dict[str, Any] = (
        dict(regions) if isinstance(regions, Mapping) else {name: name for name in ([regions] if isinstance(regions, str) else regions)}
    )
    found: dict[str, list[Any]] = {}
    for name, region in given.items():
        problems = []
        for column, side in enumerate((run, other)):
            try:
                for of, one in asked.named(side, {name: region}).items():
                    found.setdefault(of, [None, None])[column] = one
            except ArgumentError as error:
                problems.append(error)
        if len(problems) == 2:
            raise problems[0]
    return found


def _regions(
    run: Series,
    other: Series,
    explainer: str,
    target: Target,
    places: list[np.ndarray],
    found: Unlike,
    of_asked: dict[str, list[Any]],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Mean shares of all regions, and their standard errors: {name: (rows, 2)} each."""
    wanted: dict[str, list[Any]] = {} if found.changed is None else {CHANGED: [found.changed, found.changed]}
    for column, side in enumerate((run, other)):
        for name in side.record["probes"]["regions"]:
            wanted.setdefault(name, [None, None])[column] = name
    for name, regions_of in of_asked.items():
        declared = wanted.get(name, [None, None])
        wanted[name] = [region if known is None else known for known, region in zip(declared, regions_of, strict=True)]
    means, errors = {}, {}
    for name, regions in wanted.items():
        means[name], errors[name] = np.full((len(places[0]), 2), np.nan), np.full((len(places[0]), 2), np.nan)
        for column, (side, region) in enumerate(zip((run, other), regions, strict=True)):
            if region is None:
                continue
            chosen = found.pairs[~found.same, column].tolist() if name == CHANGED else None
            share = shares.share(side, explainer, region, target, chosen)
            known = np.isfinite(share.share)
            error = np.sqrt(np.where(known, share.errors**2, 0).sum(axis=-1)) / np.maximum(known.sum(axis=-1), 1)
            means[name][:, column] = rows_at(summaries.mean_of_known(share.share), places[column])
            errors[name][:, column] = rows_at(error, places[column])
    return means, errors


def _features(run: Series, other: Series, values: list[np.ndarray], found: Unlike) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Mean shares of the features that both have, among themselves, and of those that one has alone, of all: {name: (rows, 2)} each."""
    if not found.players or not found.players[0].shape[1]:
        return {}, {}
    names = [side.record["probes"]["player_names"] for side in (run, other)]
    common = found.players[0]
    of_common, of_all = [], []
    for column, side in enumerate(values):
        size = np.abs(side[:, found.pairs[:, column]].astype(np.float64))
        of_common.append(_mean(size[..., common[column]] / summaries.norm1(size[..., common[column]])))
        of_all.append(_mean(size / summaries.norm1(size)))
    features = {
        names[0][one]: np.stack([of_common[0][:, place], of_common[1][:, place]], axis=-1) for place, one in enumerate(common[0].tolist())
    }
    only = {}
    for column, alone in enumerate(found.only):
        for name in alone:
            only[name] = np.full((len(values[0]), 2), np.nan)
            only[name][:, column] = of_all[column][:, names[column].index(name)]
    largest = sorted(features, key=lambda name: -np.nan_to_num(features[name][-1]).max(initial=0))
    return {name: features[name] for name in largest}, only


def _mean(share: np.ndarray) -> np.ndarray:
    """(rows, players): the mean over probes."""
    return np.moveaxis(summaries.mean_of_known(np.moveaxis(share, 1, -1)), -1, -1)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
