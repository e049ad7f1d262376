"""The routes are those that http_api.md describes. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.records import SIDE, FakeRun
from support.server import (
    ARRAY_ROUTES,
    OPTIONAL,
    SECTIONS,
    Server,
    asked,
)

from tb_xai_plugin.records import wire

pytestmark = pytest.mark.viewing

# What the document says is there only in some records, and not in those of this test.
SOMETIMES = {
    "truth",
    "words",
    "label_sets",
    "read_as",
    "read_by",
    "model_output",
    "predicted_set",
    "right_labels",
    "epoch",
    "how",
    "inside",
}

# The document and the code


def test_every_route_is_documented_and_every_documented_route_exists(server: Server) -> None:
    served = {re.sub(r"^/static/.+", "/static/…", route)[1:] for route in server.plugin.get_plugin_apps()}
    assert served == set(SECTIONS)


@pytest.mark.parametrize("route", ARRAY_ROUTES)
def test_arrays_have_the_documented_names_types_and_shapes(route: str, server: Server, run: FakeRun) -> None:
    sizes = {
        "epochs": 6,
        "rows": 6,
        "n": 3,
        "probes": 3,
        "players": 5,
        "classes": 3,
        "regions": 1,
        "height": SIDE,
        "width": SIDE,
        "channels": 1,
        "measures": 2,
        "warnings": 4,
        "pairs": wire.PAIRS,
        "targets": 3,
        "2": 2,
        "3": 3,
    }
    table = re.findall(r"^\| `(\w+)` \| (\w+) \| \((.+?)\) \|", SECTIONS[route], re.MULTILINE)
    documented = {name: (dtype, tuple(sizes[size.strip()] for size in shape.split(",") if size.strip())) for name, dtype, shape in table}
    header, arrays = server.reply(route, **asked(route))
    absent = {name: described for name, described in documented.items() if name in SOMETIMES and name not in arrays}
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} | absent == documented
    described = re.search(r"^Header: (.*?)(?=^\|)?\Z", SECTIONS[route], re.MULTILINE | re.DOTALL)
    assert set(header) - {"arrays"} == set(re.findall(r'`"(\w+)"`', described[1] if described else ""))


@pytest.mark.parametrize("route", ["runs", "run", "events", "findings"])
def test_json_has_the_documented_keys(route: str, server: Server) -> None:
    documented = set(re.findall(r'"(\w+)":', SECTIONS[route]))
    found: set[str] = set()

    def collect(value: Any) -> None:
        for key, item in value.items() if isinstance(value, dict) else ():
            found.add(key)
            collect(item)
        for item in value if isinstance(value, list) else ():
            collect(item)

    # Of one run, findings have something to say.
    reply = server.json(route, **{"run": "baseline/xai", **{name: value for name, value in asked(route).items() if name != "other"}})
    collect(reply)
    assert documented - SOMETIMES <= found
    assert set(reply) <= documented
    assert all(set(entry) <= documented for entry in reply.get("runs", []))
    assert set(reply.get("probes", {})) <= documented


@pytest.mark.parametrize("route", [name for name in SECTIONS if name not in ("runs", "static/…")])
def test_each_required_argument_that_is_missing_is_named(route: str, server: Server) -> None:
    for name in set(asked(route)) - OPTIONAL:
        response = server.get(route, {key: value for key, value in asked(route).items() if key != name})
        assert (response.status_code, response.mimetype) == (400, "text/plain")
        assert name in response.text


@pytest.mark.parametrize("route", [name for name in SECTIONS if name not in ("runs", "static/…")])
def test_optional_arguments_may_be_left_out(route: str, server: Server) -> None:
    optional = OPTIONAL - {"other"} if route == "findings" else OPTIONAL
    required = {name: value for name, value in asked(route).items() if name not in optional}
    assert server.get(route, required).data == server.get(route, asked(route)).data
