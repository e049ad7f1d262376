"""The regions that a request asks for: declared ones by name, and areas, players, features, groups and tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote

from tensorboard import errors

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.probes import areas
from tb_xai_plugin.probes.text import unknown_words
from tb_xai_plugin.records import asked
from tb_xai_plugin.records.asked import Region
from tb_xai_plugin.run import Run
from tb_xai_plugin.serving.request import Request

# The ways to give a region; one of them is given.
FORMS = ("region", "area", "players", "names")

PLAYER_NUMBERS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")

# The most regions of one request, names of one region, and characters of a name or of the whole argument.
MOST_REGIONS = 16
MOST_NAMES = 100
LONGEST_NAME = 1000
LONGEST = 2**15


def of_share(request: Request, run: Run) -> tuple[Region, tuple[str, str], list[str]]:
    """The region of the `share` route, its text as a key, and names in it that the record does not have."""
    given = {form: request.arguments[form] for form in FORMS if request.arguments.get(form)}
    if len(given) != 1:
        raise errors.InvalidArgumentError(
            "share: give one of 'region' (a name), 'area' (corners of a polygon), 'players' (numbers) and 'names' (of features, groups or tokens)."
        )
    ((form, text),) = given.items()
    region, unknown = _read(request.route, run, form, text)
    if form == "region":
        try:
            run.inside(region)
        except ArgumentError as error:
            raise errors.NotFoundError(f"{request.route}: {error}") from error
    return region, (form, text), unknown


def asked_of(request: Request, run: Run) -> dict[str, Region]:
    """{name: region} of the argument `asked`: a JSON list of {"name": …, and one of FORMS}. What the record can't have is left out."""
    text = request.arguments.get("asked")
    if not text:
        return {}
    declared, regions = run.record["probes"]["regions"], {}
    for name, form, value in _entries(request.route, text):
        with suppress(ArgumentError, errors.NotFoundError, errors.InvalidArgumentError):
            region, _ = _read(request.route, run, form, value)
            run.inside(region)
            if name not in declared:
                regions[name] = region
    return regions


def _entries(route: str, text: str) -> list[tuple[str, str, str]]:
    """(name, form, text) of each entry of `asked`."""
    wrong = errors.InvalidArgumentError(
        f"{route}: asked is {text[:100]!r}; give a JSON list of at most {MOST_REGIONS} regions, e.g. "
        '[{"name": "age", "names": "age"}] or [{"name": "corner", "area": "0,0,8,8"}].'
    )
    try:
        given = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(given, list) or len(given) > MOST_REGIONS:
        raise wrong
    entries = []
    for entry in given:
        forms = [form for form in FORMS if isinstance(entry, Mapping) and form in entry]
        if len(forms) != 1 or set(entry) != {"name", *forms} or not all(isinstance(value, str) and value for value in entry.values()):
            raise wrong
        entries.append((entry["name"][:LONGEST_NAME], forms[0], entry[forms[0]]))
    return entries


def _read(route: str, run: Run, form: str, text: str) -> tuple[Region, list[str]]:
    """A region, and the names in it that the record does not have."""
    if form == "area" and run.kind != "image":
        raise errors.InvalidArgumentError(
            f"{route}: 'area' is for images, and these are {run.kind} probes; give 'players' (their numbers), 'names' or 'region'."
        )
    if form in ("players", "names") and run.kind == "image":
        raise errors.InvalidArgumentError(f"{route}: '{form}' is for probes that are not images; give 'region' or 'area'.")
    if form == "area":
        return areas.drawn(text, *run.record["arrays"]["images"]["shape"][1:3]), []
    if form == "players":
        if not PLAYER_NUMBERS.fullmatch(text):
            raise errors.InvalidArgumentError(f"{route}: players is {text[:100]!r}; give e.g. '3,7,9'.")
        return [int(player) for player in text.split(",")], []
    if form == "region":
        return text, []
    names = [unquote(name) for name in text.split(",")]
    if len(names) > MOST_NAMES or any(not name or len(name) > LONGEST_NAME for name in names):
        raise errors.InvalidArgumentError(
            f"{route}: names is {text[:100]!r}; give at most {MOST_NAMES} names with commas between them, each percent-encoded, e.g. 'age,w%2C%20h'."
        )
    unknown = asked.unknown(run, names)
    known = [name for name in names if name not in unknown]
    if not known:
        words = (
            unknown_words(unknown)
            if run.kind == "text"
            else f"no feature or group is called {unknown[0][:60]!r}; give names from the `run` route."
        )
        raise errors.NotFoundError(f"{route}: {words}")
    return known, unknown
