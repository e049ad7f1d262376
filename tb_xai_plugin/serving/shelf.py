"""Records that are read once, in the place of a catalog: the routes' replies without a server, for a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.sources import Source
from tb_xai_plugin.run import Run
from tb_xai_plugin.serving.catalog import entry_of
from tb_xai_plugin.serving.plugin import XaiPlugin

# A file has one version of each run.
VERSION = "report"


class Shelf:
    """The runs of some records, with the methods of a Catalog that the routes call."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        """sources: {name for people: the record}."""
        self._entries: dict[str, dict[str, Any]] = {}
        self._runs: dict[tuple[str, str], Run] = {}
        for name, source in sources.items():
            entry, runs = entry_of(f"{name}/{wire.DIRECTORY}", source, VERSION)
            self._entries[entry["run"]] = entry
            self._runs |= {(entry["run"], run.probe_set): run for run in runs}

    def entries(self, context: Any = None, experiment: str = "") -> list[dict[str, Any]]:
        return list(self._entries.values())

    def run(self, context: Any, experiment: str, name: str, probe_set: str | None, version: str | None) -> tuple[Run, str]:
        entry = self._entries.get(name)
        if entry is None or entry["error"]:
            raise RecordError(entry["error"] if entry else f"{name}: no such run.")
        chosen = probe_set or entry["sets"][0]
        if (name, chosen) not in self._runs:
            raise RecordError(f"{entry['name']}: no probe set {chosen!r}; it has {entry['sets']}.")
        return self._runs[name, chosen].load(), VERSION

    def runs(self, context: Any, experiment: str, wanted: Mapping[str, str], probe_set: str | None) -> dict[str, Run]:
        return {name: self.run(context, experiment, name, probe_set, VERSION)[0] for name in wanted}

    def readable(self, context: Any, experiment: str, *, now: bool) -> dict[str, dict[str, Any]]:
        return {entry["name"]: entry for entry in self.entries() if not entry["error"]}


class Replies:
    """The routes over some records, called without a server."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        """sources: {name for people: the record}."""
        self._applications = XaiPlugin(base_plugin.TBContext(), Shelf(sources)).get_plugin_apps()

    def body(self, route: str, arguments: Mapping[str, str]) -> bytes:
        """The content of a reply, as http_api.md describes it.

        Raises:
            tensorboard.errors.PublicError: the routes' own sentence about arguments that a record does not fit.
        """
        return bytes(Client(self._applications[f"/{route}"]).get(f"/{route}", query_string=dict(arguments)).data)

    def json(self, route: str, **arguments: str) -> Any:
        return json.loads(self.body(route, arguments))
