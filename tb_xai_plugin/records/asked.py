"""Regions that are asked for: declared ones by their names, and features, groups, tokens, stretches of time, boxes and masks that were not declared."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.probes import KINDS, ProbeSet, areas, naming, read_back
from tb_xai_plugin.probes.regions import checked_mask, overlap
from tb_xai_plugin.probes.text import Piece, pieces_of, unknown_words
from tb_xai_plugin.records.predictions import Predictions

if TYPE_CHECKING:
    from tb_xai_plugin.probes import SequenceProbes, TextProbes

# A region: its name, or the name of something that was not declared as one; masks; lists of names or numbers of players. See `Series.inside`.
Region = str | np.ndarray | Sequence[str] | Sequence[int]

# Regions that are asked for besides the declared ones: names, or {name: region}.
Regions = Mapping[str, Region] | Sequence[str] | str | None

# Numbers with commas between them: the corners of a box or a polygon.
CORNERS = re.compile(r"\s*-?[0-9.]+(\s*,\s*-?[0-9.]+){3,}\s*")
# The first step of a stretch of time, and the step after its last.
STRETCH = re.compile(r"\s*([0-9]{1,9})\s*:\s*([0-9]{1,9})\s*")

# Of the names to choose from, an error lists so many.
LISTED = 12

# What of a name an error repeats.
REPEATED = 60


class Regional(Predictions):
    """A record with its probes, and the regions that it declares or that are asked of it."""

    @property
    def kind(self) -> str:
        """The kind of the probes: "image" | "tabular" | "text" | "sequence"."""
        kind: str = self.record["probes"]["kind"]
        return kind

    @cached_property
    def probes(self) -> ProbeSet:
        """The ProbeSet, as it was logged.

        Raises:
            RecordError (a ValueError): probes that this version can't read.
        """
        kind = self.record["probes"]["kind"]
        if kind not in KINDS:
            raise RecordError(f"{self.name}: this version can't read probes of kind {kind!r}; upgrade tb_xai_plugin.")
        arrays = {name: self.static(name) for name in self.record["arrays"]}
        with self._damage():
            return read_back(self.record["probes"], arrays)

    def regions(self, names: Sequence[str], chosen: Sequence[int] | None = None) -> np.ndarray:
        """bool (regions, probes, height, width): the masks of named regions of images. chosen: numbers of probes; None for all."""
        places = [self.record["probes"]["regions"].index(name) for name in names]
        count, height, width = self.record["arrays"]["images"]["shape"][:3]
        if not places:
            return np.zeros((0, count if chosen is None else len(chosen), height, width), dtype=bool)
        bits = self.static("regions")[slice(None) if chosen is None else list(chosen)][:, places]
        return np.moveaxis(np.unpackbits(bits, axis=-1, count=width).astype(bool), 1, 0)

    def inside(self, region: Region, chosen: Sequence[int] | None = None) -> np.ndarray:
        """The part of each player inside a region: float64 (probes, players), 0 to 1.

        Args:
            region: the name of a declared region; else, of a table, that of a feature or a group; of texts, a token; of series, a stretch, e.g.
                "40:60"; of images, a box "x0,y0,x1,y1" in pixels, or a bool mask (H, W) or (probes, H, W); of other probes than images also a list
                of names or of numbers of players. Where several have a name, it is the declared region's, then the group's.
            chosen: numbers of probes; None for all.

        Raises:
            ArgumentError (a ValueError): an unknown region or player.
        """
        return inside(self, region, chosen)

    def region_size(self, region: Region) -> np.ndarray:
        """A region's own part of an image's pixels, of the features of a table, the tokens of a text, or the stretches of a series.

        region: as for `inside`.

        Returns:
            float64 (probes,), 0 to 1; NaN for probes that have no part of the region.
        """
        return size(self, self.inside(region), None)

    @cached_property
    def first_words(self) -> list[str] | None:
        """The first words of each text; None where probes are no texts."""
        if self.kind != "text":
            return None
        return [naming.first_words("".join(piece for piece, _ in pieces)) for pieces in self.pieces()]

    def pieces(self) -> list[list[Piece]]:
        """The pieces of each text, each with the player that it belongs to (-1 for none)."""
        names = ("text", "length", "player", "pieces")
        with self._damage():
            return pieces_of(dict(zip(names, self.statics(*names), strict=True)))

    def membership(self, names: Sequence[str]) -> np.ndarray:
        """The part of each player inside named regions, of probes that are not images: float64 (probes, regions, players), 0 to 1."""
        places = [self.record["probes"]["regions"].index(name) for name in names]
        membership: np.ndarray = self.static("membership")[:, places]
        return membership


def inside(run: Regional, region: Region, chosen: Sequence[int] | None) -> np.ndarray:
    """The part of each player inside a region: float64 (probes, players), 0 to 1; see `Series.inside`."""
    which, declared = slice(None) if chosen is None else list(chosen), run.record["probes"]["regions"]
    if run.kind == "image":
        segments, mask = run.static("segments"), _mask(run, region)
        return overlap(segments[which], mask[which] if mask.ndim == 3 else mask, max(run.record["probes"]["players"]))
    of_players: np.ndarray = _inside_players(run, region, declared)[which]
    return of_players


def _inside_players(run: Regional, region: Region, declared: Sequence[str]) -> np.ndarray:
    if isinstance(region, str) and region in declared:
        of_region: np.ndarray = run.membership([region])[:, 0]
        return of_region
    if isinstance(region, str):
        part, _ = _of_players(run, [region])
        if not part.any():
            raise ArgumentError(f"{run.name}: no region {_short(region)} in this record; it has {declared}{_also(run)}.")
        return part
    return _of_list(run, region)


def size(run: Regional, part: np.ndarray, chosen: Sequence[int] | None) -> np.ndarray:
    """(probes,): a region's own part of an image's pixels, or of all players where probes are no images; see `Series.region_size`.

    part: that of each player, from `inside`.
    """
    which = slice(None) if chosen is None else list(chosen)
    own = part.sum(axis=-1) / np.array(run.record["probes"]["players"])[which]
    if run.kind == "image":
        most = part.shape[1]
        pixels = np.stack(
            [np.bincount(labels[(labels >= 0) & (labels < most)], minlength=most) for labels in run.static("segments")[which]]
        )
        own = (part * pixels).sum(axis=-1) / np.maximum(pixels.sum(axis=-1), 1)
    return np.where(part.any(axis=-1), own, np.nan)


def unknown(run: Regional, names: Sequence[str]) -> list[str]:
    """Those of some names that are no feature, group, token or stretch of the record."""
    return _of_players(run, names)[1]


def clash(run: Regional, name: str) -> str:
    """The sentence about a declared region that has the name of something else, e.g. a feature; "" where there is none."""
    if run.kind == "image" or name not in run.record["probes"]["regions"]:
        return ""
    what = _what(run, name)
    return f"{name} is the region declared with the probes, not the {what} of that name" if what else ""


def named(run: Regional, regions: Regions) -> dict[str, Region]:
    """{name: region} of asked regions, given as names or as {name: region}, without those that are declared.

    Raises:
        ArgumentError (a ValueError): something else, or a region that the record can't have.
    """
    declared, asked = run.record["probes"]["regions"], {}
    for name, region in _given(run, regions).items():
        if name in declared:
            if not (isinstance(region, str) and region == name):
                warnings.warn(f"{run.name}: {name!r} is declared with the probes; the declared region is used.", stacklevel=3)
        elif not _is_unknown_token(run, region):
            run.inside(region)
            asked[name] = region
    return asked


def of_both(run: Regional, other: Regional, regions: Regions) -> dict[str, tuple[Regional, Region]]:
    """{name: (the run whose record says what it is, region)} of regions asked of two runs with the same probes.

    Regions do not affect attributions, so what one run declares, or reads by that name, holds for both: the first run's, or else the second's.

    Raises:
        ArgumentError (a ValueError): something else, or a region that neither record can have.
    """
    asked: dict[str, tuple[Regional, Region]] = {}
    for name, region in _given(run, regions).items():
        if not isinstance(region, str):
            for of_run in named(run, {name: region}).values():
                asked[name] = run, of_run
            continue
        ours, theirs = (region in side.record["probes"]["regions"] for side in (run, other))
        if theirs and not ours:
            try:
                run.inside(region)
            except ArgumentError:
                asked[name] = other, region
                continue
        if not ours and _is_unknown_token(run, region):
            continue
        part = run.inside(region)
        if theirs and not np.array_equal(part, other.inside(region)):
            warnings.warn(f"{other.name} declares another region {_short(region)}; that of {run.name} is used for both.", stacklevel=3)
        asked[name] = run, region
    return asked


def _given(run: Regional, regions: Regions) -> Mapping[str, Region]:
    """{name: region} of names, or of {name: region}, or of one name."""
    if regions is None:
        return {}
    given = regions if isinstance(regions, Mapping) else {name: name for name in ([regions] if isinstance(regions, str) else regions)}
    for name in given:
        if not isinstance(name, str):
            raise ArgumentError(f"{run.name}: regions has {name!r}; give names of regions, features or tokens, or {{name: region}}.")
    return given


def _is_unknown_token(run: Regional, region: Region) -> bool:
    """Whether a region is a token that no text has, with a warning: other regions are answered all the same."""
    if run.kind != "text" or not isinstance(region, str) or region in run.record["probes"]["regions"] or not unknown(run, [region]):
        return False
    warnings.warn(f"{run.name}: {unknown_words([region])}", stacklevel=4)
    return True


def _mask(run: Regional, region: Region) -> np.ndarray:
    """bool (H, W) or (probes, H, W): the pixels of a region of images."""
    shape, declared = run.static("segments").shape, run.record["probes"]["regions"]
    if not isinstance(region, str):
        return checked_mask(np.asarray(region), shape)
    if region in declared:
        of_region: np.ndarray = run.regions([region])[0]
        return of_region
    if not CORNERS.fullmatch(region):
        raise ArgumentError(
            f"{run.name}: no region {_short(region)} in this record; it has {declared}, and any box of the images, 'x0,y0,x1,y1' in pixels."
        )
    return areas.drawn(region, *shape[1:])


def _of_players(run: Regional, items: Sequence[str | int]) -> tuple[np.ndarray, list[str]]:
    """(probes, players), of players, features, tokens or stretches of time given by their names or numbers; and the names that the record does not have."""
    players, names = run.record["shape"]["players"], [item for item in items if isinstance(item, str)]
    part = np.zeros((run.record["shape"]["probes"], players))
    for item in items:
        if isinstance(item, str):
            continue
        if isinstance(item, bool | np.bool_) or not isinstance(item, int | np.integer) or not 0 <= item < players:
            raise ArgumentError(f"{run.name}: there is no player {item}; give a number from 0 to {players - 1}.")
        part[:, item] = 1
    if not names:
        return part, []
    of_names, unknown = {"tabular": _of_features, "text": _of_tokens, "sequence": _of_stretches}[run.kind](run, names)
    return np.maximum(part, of_names), unknown


def _of_features(run: Regional, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """A feature of a group is its part of the group's features."""
    about = run.record["probes"]
    player_of = np.array(about["player_of"])
    asked, unknown = np.zeros(len(player_of), dtype=bool), []
    for name in names:
        if name in about["player_names"]:
            asked |= player_of == about["player_names"].index(name)
        elif name in about["features"]:
            asked[about["features"].index(name)] = True
        else:
            unknown.append(name)
    most = len(about["player_names"])
    part = np.bincount(player_of[asked], minlength=most) / np.bincount(player_of, minlength=most)
    return np.tile(part, (run.record["shape"]["probes"], 1)), unknown


def _of_tokens(run: Regional, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Tokens are compared as in declared regions: without regard to case, and a word is found in a sentence."""
    probes = cast("TextProbes", run.probes)
    part = np.zeros((len(probes), run.record["shape"]["players"]))
    for probe, own in enumerate(part):
        own[: probes.players[probe]] = probes.inside(probe, names)
    return part, probes.unknown_tokens(names)


def _of_stretches(run: Regional, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    probes, unknown = cast("SequenceProbes", run.probes), []
    part, steps = np.zeros((len(probes), run.record["shape"]["players"])), np.arange(probes.segments.shape[1])
    for name in names:
        of_name = np.zeros_like(part)
        for probe, own in enumerate(of_name):
            own[: probes.players[probe]] = [one == name for one in probes.player_names(probe)]
        if not of_name.any() and (stretch := STRETCH.fullmatch(name)):
            start, stop = (int(step) for step in stretch.groups())
            of_name = probes.inside(np.broadcast_to((steps >= start) & (steps < stop), probes.segments.shape))
        if not of_name.any():
            unknown.append(name)
        part = np.maximum(part, of_name)
    return part, unknown


def _of_list(run: Regional, region: Region) -> np.ndarray:
    """(probes, players). A token that no text has is a warning."""
    part, unknown = _of_players(run, cast("Sequence[str | int]", region))
    if unknown and (run.kind != "text" or not part.any()):
        raise ArgumentError(
            f"{run.name}: no player has the name {_short(unknown[0])}; choose one of run.probes.player_names(0){_also(run)}."
        )
    if unknown:
        warnings.warn(f"{run.name}: {unknown_words(unknown)}", stacklevel=6)
    if not part.any():
        raise ArgumentError(f"{run.name}: the region has no player; give names from run.probes.player_names(0), or numbers.")
    return part


def _what(run: Regional, name: str) -> str:
    """What else has a name: "group", "feature", "token" or "stretch"; "" for nothing."""
    if run.kind == "tabular":
        about = run.record["probes"]
        grouped = name in about["player_names"] and about["player_of"].count(about["player_names"].index(name)) > 1
        return "group" if grouped else "feature" if name in about["features"] else ""
    part, _ = _of_players(run, [name])
    return ({"text": "token", "sequence": "stretch"}[run.kind]) if part.any() else ""


def _also(run: Regional) -> str:
    """What can be asked besides declared regions, at the end of an error's sentence."""
    if run.kind == "tabular":
        about = run.record["probes"]
        names = list(dict.fromkeys([*about["player_names"], *about["features"]]))
        return f", and the features {', '.join(map(_short, names[:LISTED]))}{', …' if len(names) > LISTED else ''}"
    return {"text": ", and every token of its texts", "sequence": ", and stretches of time, e.g. '0:10'"}.get(run.kind, "")


def _short(name: str) -> str:
    return repr(name if len(name) <= REPEATED else f"{name[:REPEATED]}…")
