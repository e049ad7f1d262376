"""The loader, the page's files and the bytes of replies. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.records import FRONTEND, FakeRun, contents, decode
from support.server import (
    SECTIONS,
    Server,
    asked,
)

from tb_xai_plugin import loader
from tb_xai_plugin.records import wire

pytestmark = pytest.mark.viewing

# The loader


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ({}, {"xai": loader.ALL_STEPS}),
        ({"images": 3}, {"images": 3, "xai": loader.ALL_STEPS}),
        ({"xai": 7}, {"xai": 7}),
        ({"xai": 0}, {"xai": 0}),
        (None, None),
        ("xai=7", "xai=7"),
    ],
)
def test_every_step_is_kept_unless_the_user_said_otherwise(flag: Any, expected: Any) -> None:
    flags = argparse.Namespace(samples_per_plugin=flag)
    loader.XaiLoader().fix_flags(flags)
    assert flags.samples_per_plugin == expected


def test_flags_that_a_future_tensorboard_may_lack_are_not_missed() -> None:
    flags = argparse.Namespace()
    loader.XaiLoader().fix_flags(flags)
    assert vars(flags) == {}


# Files and bytes


def test_every_module_and_style_of_the_frontend_is_served_as_it_is(server: Server) -> None:
    files = {path.relative_to(FRONTEND).as_posix(): path for path in FRONTEND.rglob("*") if path.suffix in (".js", ".css")}
    assert files
    for name, path in files.items():
        response = server.get(f"static/{name}")
        assert (response.status_code, response.data) == (200, path.read_bytes()), name
        assert response.mimetype == {".js": "text/javascript", ".css": "text/css"}[path.suffix]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_every_module_that_a_module_imports_is_served(server: Server) -> None:
    missing = []
    relative_import = re.compile(r"""(?:^|;)\s*(?:import|export)\b[^'"();]*?["'](\.[^"']+)["']""", re.MULTILINE)
    for path in FRONTEND.rglob("*.js"):
        for imported in relative_import.findall(path.read_text(encoding="utf-8")):
            url = os.path.normpath(path.parent.relative_to(FRONTEND) / imported).replace(os.sep, "/")
            if server.get(f"static/{url}").status_code != 200:
                missing.append((path.name, imported))
    assert not missing


def test_the_page_begins_at_a_module_that_is_served(server: Server) -> None:
    metadata = server.plugin.frontend_metadata()
    assert metadata.tab_name == "XAI"
    assert metadata.es_module_path in server.plugin.get_plugin_apps()


def test_a_client_that_knows_no_gzip_gets_the_same_bytes(server: Server) -> None:
    arguments = asked("probes")
    plain = server.get("probes", arguments)
    packed = server.get("probes", arguments, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers.get("Content-Encoding") in (None, "gzip")
    body = gzip.decompress(packed.data) if packed.headers.get("Content-Encoding") else packed.data
    assert body == plain.data


def test_large_replies_are_compressed(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline", players=[5] * 8, side=64).write([0])
    packed = Server(tmp_path).get("probes", {"run": "baseline/xai"}, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert decode(gzip.decompress(packed.data))[1]["segments"].shape == (8, 64, 64)


def test_a_module_that_the_browser_has_is_not_sent_again(server: Server) -> None:
    first = server.get("static/index.js")
    assert first.headers.getlist("Cache-Control") == ["no-cache, must-revalidate"], "the browser asks at every visit"
    again = server.get("static/index.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    # TensorBoard's security validator logs a warning for each response without a type.
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    other = server.get("static/index.js", headers={"If-None-Match": 'W/"another"'})
    assert (other.status_code, other.data) == (200, first.data)


def test_a_module_that_was_edited_is_sent_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "index.js"
    module.write_text("export const one = 1;", encoding="utf-8")
    monkeypatch.setattr("tb_xai_plugin.serving.plugin.frontend_files", lambda: {"index.js": module})
    server = Server(tmp_path)
    first = server.get("static/index.js")
    module.write_text("export const two = 2;", encoding="utf-8")
    second = server.get("static/index.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.text) == (200, "export const two = 2;")


def test_serving_writes_nothing_into_the_logdir(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline", interacting=("shap",)).write(range(3))
    before = contents(tmp_path)
    server = Server(tmp_path)
    for route in set(SECTIONS) - {"static/…"}:
        assert server.get(route, asked(route)).status_code == 200
    assert contents(tmp_path) == before


def test_requests_at_the_same_moment_get_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # TensorBoard answers every request in a thread of its own. Here each waits for the other in the middle of its work, if it comes.
    run = FakeRun(tmp_path / "baseline").write(range(4))
    server = Server(tmp_path)
    server.json("run", run="baseline/xai")
    both = threading.Barrier(2)
    decode_errors = wire.decode_errors

    def patient(*arguments: Any) -> np.ndarray:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)
        return decode_errors(*arguments)

    monkeypatch.setattr(wire, "decode_errors", patient)
    served: list[dict[str, np.ndarray] | Exception] = []

    def ask() -> None:
        try:
            served.append(server.arrays("values", explainer="shap", **{"class": 1}))
        except Exception as error:
            served.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for arrays in served:
        assert not isinstance(arrays, Exception), repr(arrays)
        np.testing.assert_allclose(arrays["errors"], run.stack("errors", "shap")[:, :, 1], rtol=1e-3)
        np.testing.assert_array_equal(arrays["values"], run.stack("values", "shap")[:, :, 1])
