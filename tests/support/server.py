"""TensorBoard's WSGI application over a log directory, and what http_api.md says of every route."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.records import ROOT, decode
from tensorboard.backend.application import TensorBoardWSGI
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from werkzeug.test import Client, TestResponse

from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.serving.plugin import XaiPlugin

PREFIX = "/data/plugin/xai/"
API = (ROOT / "tb_xai_plugin" / "serving" / "http_api.md").read_text(encoding="utf-8")
SECTIONS = {match[1]: match[2] for match in re.finditer(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", API, re.MULTILINE | re.DOTALL)}
ARRAY_ROUTES = [name for name, text in SECTIONS.items() if "| array |" in text]
# Arguments that have a default; http_api.md says so of each.
OPTIONAL = {"set", "probes", "against", "measure", "other", "by", "at", "since"}
# A repeat that is trained later changes these.
OF_ALL_RUNS = ("compare", "findings")

# `repeats` is about all runs, as they are now.
WITH_VERSIONS = [name for name in SECTIONS if name not in ("runs", "repeats", "static/…")]


class CountingProvider(MultiplexerDataProvider):
    """Counts calls: what is read, and what is listed. In a real TensorBoard each takes 40 ms."""

    reads = 0
    lists = 0

    def read_tensors(self, *arguments: Any, **options: Any) -> Any:
        self.reads += 1
        return super().read_tensors(*arguments, **options)

    def list_tensors(self, *arguments: Any, **options: Any) -> Any:
        self.lists += 1
        return super().list_tensors(*arguments, **options)

    @property
    def calls(self) -> tuple[int, int]:
        """(listed, read)"""
        return self.lists, self.reads


class Server:
    """TensorBoard's application over a log directory, read once a `reload`."""

    def __init__(self, logdir: Path) -> None:
        self.logdir = logdir
        self.multiplexer = EventMultiplexer(tensor_size_guidance={"xai": 0})
        self.provider = CountingProvider(self.multiplexer, str(logdir))
        self.plugin = XaiPlugin(base_plugin.TBContext(data_provider=self.provider))
        self.application = TensorBoardWSGI([self.plugin], data_provider=self.provider)
        self.client = Client(self.application)
        self.reload()

    def reload(self) -> None:
        self.multiplexer.AddRunsFromDirectory(str(self.logdir))
        self.multiplexer.Reload()

    def get(self, route: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> TestResponse:
        return self.client.get(PREFIX + route, query_string=dict(arguments or {}), **options)

    def json(self, route: str, **arguments: Any) -> Any:
        response = self.get(route, arguments)
        assert response.status_code == 200, response.text
        assert response.mimetype == "application/json"
        return json.loads(response.text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))

    def reply(self, route: str, **arguments: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        response = self.get(route, {"run": "baseline/xai", **arguments})
        assert response.status_code == 200, response.text
        assert response.mimetype == "application/octet-stream"
        return decode(response.data)

    def arrays(self, route: str, **arguments: Any) -> dict[str, np.ndarray]:
        return self.reply(route, **arguments)[1]

    def entries(self) -> dict[str, dict[str, Any]]:
        return {entry["run"]: entry for entry in self.json("runs")["runs"]}


def arguments_of(route: str) -> list[str]:
    """The documented arguments of a route."""
    line = re.search(r"^Arguments: (.*?)\.(?:\s|$)", SECTIONS[route], re.MULTILINE | re.DOTALL)
    return [name for name in re.findall(r"`([a-z]+)`", line[1]) if name in KNOWN] if line else []


KNOWN = {
    "run": "baseline/xai",
    "set": "probes",
    "explainer": "shap",
    "class": "label",
    "probes": "0:3",
    "region": "left",
    "against": "previous",
    "measure": "tv",
    "other": "baseline/xai",
    "by": "epoch",
    "at": "same",
    "since": "-2",
}


def asked(route: str) -> dict[str, str]:
    """Arguments that a route answers."""
    return {name: KNOWN[name] for name in arguments_of(route)}


def write_raw(folder: Path, tensors: dict[str, Any]) -> None:
    """Tensors under tags of ours that ExplanationLogger would not write."""
    writer = Writer(str(folder))
    writer._write(0, tensors.items())
    writer.close()


def assert_a_sentence(text: str) -> None:
    assert re.fullmatch(r"[^\n]{15,}[.?]", text), text
    assert "Traceback" not in text
