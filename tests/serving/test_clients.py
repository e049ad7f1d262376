"""What clients do wrong gets one sentence; large replies are refused. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from support.records import FakeRun, event_files
from support.server import (
    API,
    KNOWN,
    PREFIX,
    Server,
    asked,
    assert_a_sentence,
    write_raw,
)
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tb_xai_plugin.records import wire
from tb_xai_plugin.serving import request as requests

pytestmark = pytest.mark.viewing

# Large replies

LARGE = {"probes": "images", "values": "values", "difference": "errors", "interactions": "strength", "outputs": "full"}


@pytest.mark.parametrize("route", LARGE)
def test_a_reply_that_is_too_large_is_refused_before_it_is_made(route: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sum(array.nbytes for name, array in server.arrays(route, **{**asked(route), "probes": "1"}).items() if name != "steps")
    monkeypatch.setattr(requests, "REPLY_BYTES", 2 * one)
    assert len(server.arrays(route, **{**asked(route), "probes": "0,2"})[LARGE[route]]) in (2, 6)
    reads = server.provider.reads
    response = server.get(route, {**asked(route), "probes": "0:3"})
    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert_a_sentence(response.text)
    assert re.search(rf"{route}: 3 probes are \d+ MiB,.* ask for fewer probes\.$", response.text)
    assert server.provider.reads == reads


def test_the_documented_limit_is_the_one_that_holds() -> None:
    assert f"at most {requests.REPLY_BYTES >> 20} MiB" in API


def test_one_class_of_many_takes_the_memory_of_one(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline", classes=10).write(range(4))
    server = Server(tmp_path)
    for route in ("values", "drift", "share", "difference", "fidelity", "answers"):
        assert server.get(route, asked(route)).status_code == 200
    (_, kept), *_ = server.plugin._catalog._runs.values()
    whole = sum(run.stack(what, "shap").nbytes for what in ("values", "errors", "noise"))
    assert sum(array.nbytes for name, array in kept._arrays.items() if not name.startswith("static/")) < whole / 5


HOSTILE = ["<img src=x onerror=alert(1)>", "a&b=c#d?e", "per%2fcent%00", "näme 日本", "quote\"'`${1}", "line\nbreak", ".hidden", "xai"]


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses these names for folders; run it on Linux or macOS.")
@pytest.mark.parametrize("name", HOSTILE)
def test_any_folder_name_is_a_run_name(name: str, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / name).write([0])
    server = Server(tmp_path)
    (entry,) = server.json("runs")["runs"]
    assert (entry["run"], entry["name"], entry["error"]) == (f"{name}/xai", name, None)
    served = server.arrays("values", run=f"{name}/xai", explainer="lime", **{"class": 0})
    np.testing.assert_array_equal(served["values"], run.stack("values", "lime")[:, :, 0])


def test_nested_runs_and_the_logdir_itself_are_told_apart(tmp_path: Path) -> None:
    written = {name: FakeRun(tmp_path / name, seed=i).write([0]) for i, name in enumerate([".", "a", "a/b", "a/b/c"])}
    server = Server(tmp_path)
    assert {key: entry["name"] for key, entry in server.entries().items()} == {
        "xai": ".",
        "a/xai": "a",
        "a/b/xai": "a/b",
        "a/b/c/xai": "a/b/c",
    }
    for name, run in written.items():
        served = server.arrays("values", run=f"{name}/xai".removeprefix("./"), explainer="shap", **{"class": 0})
        np.testing.assert_array_equal(served["values"], run.stack("values", "shap")[:, :, 0])


def test_a_logdir_that_is_the_record_itself_is_served(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline").write([0])
    server = Server(tmp_path / "baseline" / "xai")
    ((name, entry),) = server.entries().items()
    assert entry["epochs"] == 1
    assert server.json("run", run=name)["steps"] == [0]


def write_newer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "SCHEMA", 2)
        FakeRun(folder).write([0])


DAMAGES = {
    "not-json": lambda folder: write_raw(folder, {"probes/record": b"\x00 not JSON"}),
    "json-of-something-else": lambda folder: write_raw(folder, {"probes/record": b"[]"}),
    "an-empty-object": lambda folder: write_raw(folder, {"probes/record": b"{}"}),
    "a-number": lambda folder: write_raw(folder, {"probes/record": np.float32(1)}),
    "epochs-only": lambda folder: write_raw(folder, {"probes/epoch": b"{}"}),
    "an-epoch-that-is-not-json": lambda folder: (FakeRun(folder).write([0]), write_raw(folder, {"probes/epoch": b"not JSON"})),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_has_one_sentence_and_harms_no_other_run(damage: str, tmp_path: Path) -> None:
    FakeRun(tmp_path / "good").write([0])
    DAMAGES[damage](tmp_path / "bad")
    server = Server(tmp_path)
    entries = server.entries()
    assert (entries["good/xai"]["epochs"], entries["good/xai"]["error"]) == (1, None)
    assert_a_sentence(entries["bad/xai"]["error"])
    assert (entries["bad/xai"]["sets"], entries["bad/xai"]["comparable"], entries["bad/xai"]["epochs"]) == ([], {}, 0)
    response = server.get("run", {"run": "bad/xai"})
    assert response.status_code == 404
    assert_a_sentence(response.text)


def test_a_record_without_its_pictures_has_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "static_tensors", lambda probe_set, arrays: [])
        FakeRun(tmp_path / "baseline").write([0])
    server = Server(tmp_path)
    for route in ("probes", "share"):
        response = server.get(route, asked(route))
        assert response.status_code in (400, 404)
        assert_a_sentence(response.text)


def test_a_record_of_a_newer_version_says_what_to_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_newer(tmp_path / "tomorrow", monkeypatch)
    FakeRun(tmp_path / "today").write([0])
    server = Server(tmp_path)
    entries = server.entries()
    assert entries["today/xai"]["error"] is None
    assert "upgrade tb_xai_plugin" in entries["tomorrow/xai"]["error"]
    assert entries["tomorrow/xai"]["sets"] == []
    response = server.get("run", {"run": "tomorrow/xai"})
    assert response.status_code == 404
    assert "upgrade tb_xai_plugin" in response.text


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_of_a_truncated_file_the_whole_epochs_are_served(cut: int, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline").write(range(6))
    (file,) = event_files(run.log_dir)
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size - cut)
    served = Server(tmp_path).arrays("values", explainer="shap", **{"class": 0})
    np.testing.assert_array_equal(served["steps"], range(5))
    np.testing.assert_array_equal(served["values"], run.stack("values", "shap")[:5, :, 0])


def test_other_plugins_runs_are_not_listed(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline").write([0])
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    events = EventFileWriter(str(tmp_path / "baseline" / "train"))
    events.add_event(Event(step=0, summary=Summary(value=[Summary.Value(tag="epoch_loss", simple_value=1)])))
    events.close()
    assert list(Server(tmp_path).entries()) == ["baseline/xai"]


# What clients do wrong


BAD = [
    ("run", {"run": "nowhere/xai"}, 404, "nowhere"),
    ("run", {"run": ""}, 400, "run"),
    ("run", {"set": "nothing"}, 404, "nothing"),
    ("values", {"explainer": "gradcam"}, 404, "gradcam"),
    ("values", {"class": "dog"}, 400, "dog"),
    ("values", {"class": "3"}, 400, "3"),
    ("values", {"class": "-1"}, 400, "-1"),
    ("values", {"class": "1.0"}, 400, "1.0"),
    ("values", {"class": "²"}, 400, "²"),
    ("values", {"class": "9" * 5000}, 400, "class"),
    ("values", {"class": "nan"}, 400, "nan"),
    ("values", {"probes": "3"}, 400, "3"),
    ("values", {"probes": "-1"}, 400, "-1"),
    ("values", {"probes": "0:4"}, 400, "0:4"),
    ("values", {"probes": "2:1"}, 400, "2:1"),
    ("values", {"probes": "a:b"}, 400, "a:b"),
    ("values", {"probes": "0,,1"}, 400, "0,,1"),
    ("values", {"probes": "0:2:3"}, 400, "0:2:3"),
    # More memory than any machine has: no such list may be built.
    ("values", {"probes": "0:2000000000000000000"}, 400, "2000000000000000000"),
    ("probes", {"probes": "0:9" + "9" * 30}, 400, "999"),
    ("drift", {"against": "tomorrow"}, 400, "tomorrow"),
    ("drift", {"against": "77"}, 400, "77"),
    ("drift", {"against": "--1"}, 400, "--1"),
    ("drift", {"against": "²"}, 400, "²"),
    ("drift", {"against": "-2"}, 400, "-2"),
    ("drift", {"measure": "euclid"}, 400, "euclid"),
    ("share", {"region": "sky"}, 404, "sky"),
    ("difference", {"other": "nowhere/xai"}, 404, "nowhere"),
    ("difference", {"at": "yesterday"}, 400, "yesterday"),
    ("difference", {"at": "77"}, 400, "77"),
    ("difference", {"probes": "3"}, 400, "3"),
    ("difference", {"by": "loss"}, 400, "loss"),
    ("pairing", {"by": "loss"}, 400, "loss"),
    ("pairing", {"other": "nowhere/xai"}, 404, "nowhere"),
    ("share", {"area": "0,0,8,0,8,8"}, 400, "give one of"),
    ("share", {"region": ""}, 400, "give one of"),
    ("share", {"region": "", "area": "0,0,8,0"}, 400, "0,0,8,0"),
    ("share", {"region": "", "area": "8,8,9,8,9,9"}, 400, "no pixel"),
    ("share", {"probes": "3"}, 400, "3"),
    ("interactions", {"explainer": "lime"}, 404, "lime"),
    ("values", {"since": "now"}, 400, "now"),
    ("answers", {"since": "1.5"}, 400, "1.5"),
]


@pytest.mark.parametrize(("route", "change", "status", "word"), BAD, ids=[f"{r}-{next(iter(c.items()))}"[:40] for r, c, _, _ in BAD])
def test_a_bad_request_gets_one_sentence_that_names_it(route: str, change: dict[str, str], status: int, word: str, server: Server) -> None:
    response = server.get(route, {**asked(route), **change})
    assert (response.status_code, response.mimetype) == (status, "text/plain")
    assert word in response.text
    assert_a_sentence(response.text)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_verbs_than_get_are_refused_everywhere(method: str, server: Server) -> None:
    for route in server.plugin.get_plugin_apps():
        response = server.client.open(PREFIX + route[1:], method=method, query_string=KNOWN, data=b"x")
        assert (response.status_code, response.mimetype, response.headers["Allow"]) == (405, "text/plain", "GET")


SECRETS = ["__init__.py", "types.d.ts", "vendor/README.md", "vendor/preact.LICENSE", "", "vendor", "vendor/", "views"]
UPWARD = ["..", "%2e%2e", "%2E%2e", "%252e%252e", "..%2f..", "..%5c..", "..\\..", ".%00.", "....//", "..;", "%c0%ae%c0%ae", "\uff0e\uff0e"]


@pytest.mark.parametrize("path", SECRETS)
def test_only_modules_and_styles_are_served(path: str, server: Server) -> None:
    assert server.get(f"static/{path}").status_code == 404


@pytest.mark.parametrize("up", UPWARD)
@pytest.mark.parametrize("target", ["setup.py", "tb_xai_plugin/serving/plugin.py", "plugin.py", "etc/passwd"])
def test_nothing_outside_the_frontend_can_be_reached(target: str, up: str, server: Server) -> None:
    for levels in (1, 2, 3, 8):
        for start in ("static/", "static//", "static/views/", "", "static"):
            path = PREFIX + start + f"{up}/" * levels + target
            assert server.client.get(path).status_code == 404
            # And as it is, percent signs and all.
            raw = server.client.get("/", environ_overrides={"PATH_INFO": path.encode().decode("latin-1")})
            assert raw.status_code == 404


def test_head_answers_as_get_does_without_a_body(server: Server) -> None:
    for route in ("runs", "probes", "static/index.js"):
        head = server.client.head(PREFIX + route, query_string=KNOWN)
        assert (head.status_code, head.data) == (200, b"")
        assert head.mimetype == server.get(route, KNOWN).mimetype
