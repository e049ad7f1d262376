"""Requests name versions; replies are kept, read ahead and bounded. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.records import FakeRun, decode
from support.server import (
    OF_ALL_RUNS,
    WITH_VERSIONS,
    Server,
    asked,
)

from tb_xai_plugin.serving import catalog

pytestmark = pytest.mark.viewing

# Versions


def versions(server: Server, run: str = "baseline/xai") -> dict[str, str]:
    return dict.fromkeys(("version", "other_version"), server.entries()[run]["version"])


@pytest.mark.parametrize("route", [route for route in WITH_VERSIONS if route not in OF_ALL_RUNS])
def test_a_reply_of_a_version_that_is_known_is_the_same_and_may_be_kept(route: str, server: Server) -> None:
    plain = server.get(route, asked(route))
    kept = server.get(route, {**asked(route), **versions(server)})
    assert (kept.status_code, kept.data) == (200, plain.data)
    assert kept.headers.getlist("Cache-Control") == ["private, max-age=86400, immutable"]
    assert "Expires" not in kept.headers
    for stale in ({}, {"version": "0", "other_version": "0"}, {"version": "0"}):
        current = server.get(route, {**asked(route), **stale})
        assert current.data == plain.data
        assert current.headers.getlist("Cache-Control") == ["no-cache, must-revalidate"]


@pytest.mark.parametrize("route", WITH_VERSIONS)
def test_what_is_known_of_a_version_is_served_without_asking_tensorboard(route: str, run: FakeRun, logdir: Path) -> None:
    server = Server(logdir)
    known = versions(server)
    listed = server.provider.lists
    first = server.get(route, {**asked(route), **known})
    assert server.provider.lists == listed
    calls = server.provider.calls
    assert server.get(route, {**asked(route), **known}).data == first.data
    assert server.provider.calls == calls, "not even what was decoded"


@pytest.mark.parametrize("route", ["pairing", "difference"])
def test_a_reply_about_two_runs_is_kept_where_both_versions_are_known(route: str, tmp_path: Path) -> None:
    for name in "ab":
        FakeRun(tmp_path / name).write([0])
    server = Server(tmp_path)
    a, b = (server.entries()[f"{name}/xai"]["version"] for name in "ab")
    ask = {"run": "a/xai", "other": "b/xai", "explainer": "shap", "class": "0"}
    for named, kept in (({"version": a, "other_version": b}, True), ({"version": a}, False), ({"version": a, "other_version": a}, False)):
        response = server.get(route, {**ask, **named})
        assert response.status_code == 200
        assert ("immutable" in response.headers["Cache-Control"]) == kept


def test_a_version_of_long_ago_gets_the_record_of_now(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline").write([0])
    server = Server(tmp_path)
    old = versions(server)
    run.write([1])
    server.reload()
    ask = {"run": "baseline/xai", "explainer": "shap", "class": "0", **old}
    # As long as nobody has looked, the version that the page knows is the newest there is.
    assert server.arrays("values", **ask)["steps"].tolist() == [0]
    new = versions(server)
    response = server.get("values", ask)
    assert decode(response.data)[1]["steps"].tolist() == [0, 1]
    assert response.headers.getlist("Cache-Control") == ["no-cache, must-revalidate"]
    assert "immutable" in server.get("values", {**ask, **new}).headers["Cache-Control"]


def test_a_reply_is_not_kept_where_epochs_went_away_while_it_was_made(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline").write([0, 1, 2])
    server = Server(tmp_path)
    known = versions(server)
    read = server.provider.read_tensors

    def without_the_last(*arguments: Any, **options: Any) -> Any:
        return {r: {tag: data[:-1] for tag, data in tags.items()} for r, tags in read(*arguments, **options).items()}

    server.provider.read_tensors = without_the_last
    response = server.get("values", {"run": "baseline/xai", "explainer": "shap", "class": "0", **known})
    assert np.isnan(decode(response.data)[1]["values"][2]).all()
    np.testing.assert_array_equal(decode(response.data)[1]["values"][:2], run.stack("values", "shap")[:2, :, 0])
    assert response.headers.getlist("Cache-Control") == ["no-cache, must-revalidate"]


def test_epochs_that_tensorboard_left_out_are_asked_for_again(tmp_path: Path) -> None:
    # Whoever reads that epochs are missing starts TensorBoard anew, with another --samples_per_plugin.
    FakeRun(tmp_path / "baseline").write([0, 1, 2])
    server = Server(tmp_path)
    read = server.provider.read_tensors

    def sampled(*arguments: Any, **options: Any) -> Any:
        found = read(*arguments, **options)
        return {r: {tag: [d for d in data if d.step != 1] for tag, data in tags.items()} for r, tags in found.items()}

    server.provider.read_tensors = sampled
    response = server.get("run", {"run": "baseline/xai", **versions(server)})
    assert json.loads(response.text)["missing"] == 1
    assert response.headers.getlist("Cache-Control") == ["no-cache, must-revalidate"]


def test_other_code_has_other_versions(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_code", lambda: "of tomorrow")
    assert versions(Server(server.logdir)) != versions(server)


@pytest.mark.parametrize("limit", ["RUNS_KEPT", "DECODED_BYTES"])
def test_what_no_longer_fits_is_read_again(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = {name: FakeRun(tmp_path / name, seed=i).write([0, 1]) for i, name in enumerate("abc")}
    monkeypatch.setattr(catalog, limit, 1)
    server = Server(tmp_path)
    known = {name: {"version": server.entries()[f"{name}/xai"]["version"]} for name in written}
    for _ in range(2):
        for name, run in written.items():
            served = server.arrays("values", run=f"{name}/xai", explainer="shap", **{"class": 0}, **known[name])
            np.testing.assert_array_equal(served["values"], run.stack("values", "shap")[:, :, 0])
    assert len(server.plugin._catalog._runs) == 1


def test_a_run_that_was_deleted_is_forgotten(tmp_path: Path) -> None:
    for name in "ab":
        FakeRun(tmp_path / name).write([0])
    server = Server(tmp_path)
    assert list(server.entries()) == ["a/xai", "b/xai"]
    listed = server.provider.list_tensors
    server.provider.list_tensors = lambda *a, **o: {run: tags for run, tags in listed(*a, **o).items() if run != "a/xai"}
    assert list(server.entries()) == ["b/xai"]
    assert [key[1] for key in server.plugin._catalog._runs] == ["b/xai"]


# Read ahead


def look(server: Server) -> None:
    """What TensorBoard's page does when it is loaded; and what that sets off, to its end."""
    assert server.client.get("/data/plugins_listing").status_code == 200
    for thread in threading.enumerate():
        if thread.name == "xai-catalog":
            thread.join(30)


def test_when_tensorboards_page_is_loaded_the_runs_are_read_ahead(tmp_path: Path) -> None:
    for name in "abc":
        FakeRun(tmp_path / name).write([0])
    server = Server(tmp_path)
    look(server)
    reads = server.provider.reads
    assert reads == 1
    entries = server.entries()
    assert list(entries) == ["a/xai", "b/xai", "c/xai"]
    server.json("run", run="a/xai", version=entries["a/xai"]["version"])
    assert server.provider.reads == reads


def test_the_collection_that_reading_makes_due_is_done_while_reading_ahead_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[str] = []
    monkeypatch.setattr(catalog.gc, "collect", lambda: collected.append(threading.current_thread().name))
    server = Server(tmp_path)
    look(server)
    assert collected == []  # nothing was read
    FakeRun(tmp_path / "a").write([0])
    server.reload()
    look(server)
    look(server)
    assert collected == ["xai-catalog"]


def test_reading_ahead_that_fails_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    FakeRun(tmp_path / "a").write([0])
    server = Server(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(server.provider, "list_tensors", lambda *_, **__: 1 / 0)
        look(server)
        look(server)
    assert [record for record in caplog.records if record.levelname not in ("DEBUG", "INFO")] == []
    assert capfd.readouterr() == ("", "")
    assert list(server.entries()) == ["a/xai"]


def test_a_request_that_comes_while_it_is_read_ahead_does_not_wait_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRun(tmp_path / "a").write([0])
    server = Server(tmp_path)
    monkeypatch.setattr(catalog, "PATIENCE", 0.01)
    read, stuck, free = server.provider.read_tensors, threading.Event(), threading.Event()

    def slow(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread().name == "xai-catalog":
            stuck.set()
            assert free.wait(30)
        return read(*arguments, **options)

    server.provider.read_tensors = slow
    server.plugin.frontend_metadata()
    assert stuck.wait(30)
    assert list(server.entries()) == ["a/xai"]
    free.set()
    look(server)
    assert server.entries()["a/xai"]["epochs"] == 1
