"""Real TensorBoard processes, with both of its loaders; most on a viewing machine, where TensorFlow is not installed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from support.records import FakeRun, Serve, TensorBoard, event_files, http_get, wait_until

from tb_xai_plugin import read_run
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.writer import Writer

# TensorBoard's data server (the default), and its loader in Python.
LOADERS = ["--load_fast=auto", "--load_fast=false"]
both_loaders = pytest.mark.parametrize("loader", LOADERS, ids=["default", "python-loader"])

Trick = Callable[[Sequence[str]], dict[str, str]]


def assert_nothing_to_complain_about(tensorboard: TensorBoard) -> None:
    """No traceback, and no warning of what TensorBoard 3.0 will refuse."""
    assert "Traceback" not in tensorboard.log
    assert "In 3.0, this warning" not in tensorboard.log
    assert not re.search(r"^[WE]\d{4} .*(?:xai|security|plugin)", tensorboard.log, re.MULTILINE | re.IGNORECASE)


def assert_served_as_written(tensorboard: TensorBoard, name: str, run: FakeRun) -> None:
    for explainer in run.explainers:
        served = tensorboard.xai("values", run=name, explainer=explainer, **{"class": 1}).arrays
        np.testing.assert_array_equal(served["steps"], run.steps)
        np.testing.assert_array_equal(served["values"], run.stack("values", explainer)[:, :, 1])
        np.testing.assert_allclose(served["errors"], run.stack("errors", explainer)[:, :, 1], rtol=1e-3)
        np.testing.assert_array_equal(served["base"], run.stack("base", explainer)[:, :, 1])
    outputs = tensorboard.xai("outputs", run=name).arrays
    np.testing.assert_array_equal(outputs["full"], run.stack("full"))


# Every epoch


@both_loaders
@pytest.mark.parametrize("tensorflow", [True, False], ids=["with-tensorflow", "without-tensorflow"])
def test_each_of_300_epochs_is_served(
    tensorflow: bool, loader: str, tensorboard: Serve, long_run: FakeRun, request: pytest.FixtureRequest
) -> None:
    python = sys.executable if tensorflow else request.getfixturevalue("viewer")
    server = tensorboard("--logdir", Path(long_run.log_dir).parent, loader, python=python, tensorflow=True)
    entry = server.wait_for_epochs("long/xai", 300)
    assert (entry["last_step"], entry["error"], entry["name"]) == (299, None, "long")
    assert_served_as_written(server, "long/xai", long_run)
    reply = server.xai("run", run="long/xai").json
    assert (reply["steps"], reply["missing"], reply["gaps"]) == (list(range(-1, 300)), 0, [])
    # The same arrays, to the last bit, as a notebook reads.
    read = read_run(long_run.log_dir)
    served = server.xai("values", run="long/xai", explainer="shap", **{"class": 0}).arrays
    for name, expected in (("values", read.all_values("shap")), ("errors", read.all_errors("shap"))):
        np.testing.assert_array_equal(served[name], expected[:, :, 0])
    assert ("TensorFlow installation not found" in server.log) is not tensorflow
    assert_nothing_to_complain_about(server)


@both_loaders
def test_the_users_own_sampling_wins_and_the_page_is_told_what_is_missing(
    loader: str, tensorboard: Serve, long_run: FakeRun, viewer: Path
) -> None:
    server = tensorboard("--logdir", Path(long_run.log_dir).parent, loader, "--samples_per_plugin=xai=7", python=viewer)
    wait_until(lambda: server.runs().get("long/xai", {}).get("last_step") == 299)
    reply = server.xai("run", run="long/xai").json
    assert (len(reply["steps"]), reply["missing"]) == (7, 301 - 7)
    # What is served is as written: nothing is taken from another epoch.
    served = server.xai("values", run="long/xai", explainer="lime", **{"class": 0}).arrays
    for step, values in zip(served["steps"].tolist(), served["values"], strict=True):
        np.testing.assert_array_equal(values, long_run.truth[step].values["lime"][:, 0])
    assert_nothing_to_complain_about(server)


@both_loaders
def test_a_sampled_epoch_has_all_its_numbers_or_a_reason(loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    # Explained every other epoch: the tags differ in how many tensors they have, and TensorBoard samples each by itself.
    run = FakeRun(tmp_path / "logs" / "run", players=[2, 2], explainers=("shap",))
    writer = Writer(str(run.log_dir))
    run.write_record(writer)
    for step in range(61):
        run.write_step(writer, step, explained=step % 2 == 0)
    writer.close()
    server = tensorboard("--logdir", tmp_path / "logs", loader, "--samples_per_plugin=xai=20", python=viewer)
    wait_until(lambda: server.runs().get("run/xai", {}).get("last_step") == 60)
    reply = server.xai("run", run="run/xai").json
    assert reply["missing"] >= 61 - 20
    served = server.xai("values", run="run/xai", explainer="shap", **{"class": 0}).arrays
    reasons = {gap["step"] for gap in reply["gaps"]}
    for step, values in zip(served["steps"].tolist(), served["values"], strict=True):
        if np.isnan(values).any():
            assert step in reasons, f"step {step} has no numbers, and nothing says why"
        else:
            np.testing.assert_array_equal(values, run.truth[step].values["shap"][:, 0])


# Live, resumed and damaged


@both_loaders
def test_epochs_written_while_it_runs_are_served(loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    logdir = tmp_path / "logs"
    logdir.mkdir()
    server = tensorboard("--logdir", logdir, loader, python=viewer)
    assert server.runs() == {}
    run = FakeRun(logdir / "live")
    writer = Writer(str(run.log_dir))
    run.write_record(writer)
    run.write_step(writer, -1)
    versions = []
    for step in range(4):
        run.write_step(writer, step)
        versions.append(server.wait_for_epochs("live/xai", step + 1)["version"])
        assert_served_as_written(server, "live/xai", run)
    writer.close()
    assert len(set(versions)) == 4
    assert_nothing_to_complain_about(server)


@both_loaders
def test_a_run_resumed_at_an_earlier_epoch_is_served_clean(loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    before = FakeRun(tmp_path / "logs" / "before").write(range(-1, 12)).write(range(5, 8))
    live = FakeRun(tmp_path / "logs" / "live").write(range(-1, 12))
    server = tensorboard("--logdir", tmp_path / "logs", loader, python=viewer)
    server.wait_for_epochs("before/xai", 8)
    assert_served_as_written(server, "before/xai", before)
    server.wait_for_epochs("live/xai", 12)
    # And while it is watched: epochs 3 and 4 replace 3 to 11.
    live.write(range(3, 5))
    server.wait_for_epochs("live/xai", 5)
    assert_served_as_written(server, "live/xai", live)
    # Begun anew in the same folder.
    live.write(range(-1, 1))
    server.wait_for_epochs("live/xai", 1)
    assert_served_as_written(server, "live/xai", live)
    assert server.xai("run", run="live/xai").json["missing"] == 0
    assert_nothing_to_complain_about(server)


@both_loaders
def test_damaged_records_harm_no_other_run(
    loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logdir = tmp_path / "logs"
    good = FakeRun(logdir / "good").write(range(3))
    cut = FakeRun(logdir / "cut").write(range(3))
    (file,) = event_files(cut.log_dir)
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size - 9)
    with monkeypatch.context() as patch:
        patch.setattr(wire, "SCHEMA", 2)
        FakeRun(logdir / "newer").write([0])
    (logdir / "garbage" / "xai").mkdir(parents=True)
    (logdir / "garbage" / "xai" / "events.out.tfevents.1").write_bytes(bytes(range(256)) * 40)
    (logdir / "empty" / "xai").mkdir(parents=True)
    (logdir / "empty" / "xai" / "events.out.tfevents.1").touch()
    server = tensorboard("--logdir", logdir, loader, python=viewer)
    server.wait_for_epochs("good/xai", 3)
    server.wait_for_epochs("cut/xai", 2)
    wait_until(lambda: "newer/xai" in server.runs())
    assert_served_as_written(server, "good/xai", good)
    entries = server.runs()
    assert set(entries) == {"good/xai", "cut/xai", "newer/xai"}
    assert entries["cut/xai"]["error"] is None
    assert "upgrade" in entries["newer/xai"]["error"]
    assert "Traceback" not in server.log


@both_loaders
def test_a_crash_in_the_middle_of_a_write_costs_that_epoch_only(loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "logs" / "run").write(range(5))
    (file,) = event_files(run.log_dir)
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size - 50)
    run.write([4, 5])
    server = tensorboard("--logdir", tmp_path / "logs", loader, python=viewer)
    server.wait_for_epochs("run/xai", 6)
    assert_served_as_written(server, "run/xai", run)


# Where it is


def relative_urls(page: str) -> tuple[str, str]:
    """The base and the module of a plugin's page."""
    return re.search(r'<base href="(.+?)"', page)[1], re.search(r'import\("(.+?)"\)', page)[1]


@both_loaders
def test_the_tab_is_listed_and_its_page_loads_the_frontend(
    loader: str, tensorboard: Serve, viewer: Path, sources: Path, long_run: FakeRun
) -> None:
    server = tensorboard("--logdir", Path(long_run.log_dir).parent, loader, python=viewer)
    server.wait_for_epochs("long/xai", 300)
    listed = server.get("data/plugins_listing").json["xai"]
    assert (listed["enabled"], listed["tab_name"]) == (True, "XAI")
    assert listed["loading_mechanism"] == {"type": "IFRAME", "module_path": "/data/plugin/xai/static/index.js"}
    page = server.get("data/plugin_entry.html", name="xai")
    base, module = relative_urls(page.text)
    assert (page.status, base, module) == (200, "plugin/xai/", "./static/index.js")
    frontend = sources / "frontend"
    for path in frontend.rglob("*"):
        if path.suffix in (".js", ".css"):
            reply = server.xai(f"static/{path.relative_to(frontend).as_posix()}")
            assert (reply.status, reply.type) == (200, {".js": "text/javascript", ".css": "text/css"}[path.suffix]), path.name
    assert_nothing_to_complain_about(server)


def test_without_records_the_tab_is_there_and_not_active(tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    server = tensorboard("--logdir", tmp_path, python=viewer)
    assert server.get("data/plugins_listing").json["xai"]["enabled"] is False
    assert server.xai("runs").json == {"schema": 1, "runs": []}
    assert server.get("data/plugin_entry.html", name="xai").status == 200
    assert_nothing_to_complain_about(server)


def test_everything_is_found_below_a_path_prefix(tensorboard: Serve, viewer: Path, long_run: FakeRun) -> None:
    server = tensorboard("--logdir", Path(long_run.log_dir).parent, "--path_prefix=/pre/fix", python=viewer)
    assert server.url.endswith("/pre/fix")
    server.wait_for_epochs("long/xai", 300)
    base, module = relative_urls(server.get("data/plugin_entry.html", name="xai").text)
    # As a browser joins them.
    assert http_get(urljoin(f"{server.url}/data/{base}", module)).type == "text/javascript"
    assert_served_as_written(server, "long/xai", long_run)
    for route, arguments in (("values", {"run": "long/xai"}), ("run", {"run": "nowhere"})):
        reply = server.xai(route, **arguments)
        assert reply.status in (400, 404)
        assert f": {route}: " in reply.text, "the sentence names the route, not the prefix"
    assert_nothing_to_complain_about(server)


def test_a_logdir_spec_names_the_runs(tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    written = {name: FakeRun(tmp_path / "somewhere" / name, seed=i).write([0, 1]) for i, name in enumerate(["a", "b"])}
    spec = ",".join(f"{name}:{written[folder].log_dir}" for name, folder in (("one", "a"), ("two", "b")))
    server = tensorboard("--logdir_spec", spec, python=viewer)
    for name, folder in (("one", "a"), ("two", "b")):
        assert server.wait_for_epochs(f"{name}/xai", 2)["name"] == name
        assert_served_as_written(server, f"{name}/xai", written[folder])
    assert_nothing_to_complain_about(server)


@both_loaders
def test_a_logdir_that_is_one_run_is_served(loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "run").write([0, 1])
    server = tensorboard("--logdir", tmp_path / "run", loader, python=viewer)
    assert server.wait_for_epochs("xai", 2)["name"] == "."
    assert_served_as_written(server, "xai", run)


@both_loaders
def test_a_run_whose_name_is_hostile_is_served_under_it(loader: str, tensorboard: Serve, viewer: Path, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)> & ü=%2f#?"
    run = FakeRun(tmp_path / "logs" / name).write([0, 1])
    server = tensorboard("--logdir", tmp_path / "logs", loader, python=viewer)
    assert server.wait_for_epochs(f"{name}/xai", 2)["name"] == name
    assert_served_as_written(server, f"{name}/xai", run)


# TensorBoard starts, whatever is broken here


@pytest.mark.parametrize("missing", ["tb_xai_plugin.serving.plugin", "tb_xai_plugin.run", "numpy"])
def test_a_plugin_that_cannot_be_imported_leaves_the_rest_of_tensorboard_alone(
    missing: str, tensorboard: Serve, viewer: Path, tmp_path: Path, startup_trick: Trick
) -> None:
    if missing == "numpy":
        # TensorBoard itself needs numpy: only the import from this package may fail.
        trick = tmp_path / "trick"
        trick.mkdir()
        (trick / "sitecustomize.py").write_text(BROKEN_NUMPY, encoding="utf-8")
        environment = {"PYTHONPATH": str(trick)}
    else:
        environment = startup_trick([missing])
    server = tensorboard("--logdir", tmp_path, python=viewer, environment=environment)
    listing = server.get("data/plugins_listing").json
    assert "xai" not in listing
    assert {"scalars", "images"} <= set(listing)
    assert server.get("").status == 200


# What numpy raises when its compiled part does not fit, seen from this package only.
BROKEN_NUMPY = """
import builtins

original = builtins.__import__

def broken(name, globals=None, *arguments, **options):
    if name == "numpy" and str((globals or {}).get("__name__", "")).startswith("tb_xai_plugin"):
        raise ImportError("numpy._core.multiarray failed to import (a test)")
    return original(name, globals, *arguments, **options)

builtins.__import__ = broken
"""


def test_a_missing_page_is_said_once_and_the_routes_stay(tensorboard: Serve, viewer: Path, tmp_path: Path, startup_trick: Trick) -> None:
    run = FakeRun(tmp_path / "logs" / "run").write([0])
    environment = startup_trick(["tb_xai_plugin.frontend"])
    server = tensorboard("--logdir", tmp_path / "logs", python=viewer, environment=environment)
    server.wait_for_epochs("run/xai", 1)
    assert_served_as_written(server, "run/xai", run)
    assert server.xai("static/index.js").status == 404
    assert "Traceback" not in server.log
    assert server.log.count("page is not installed") == 1


def test_a_plugin_that_is_off_says_why_in_one_line(tensorboard: Serve, viewer: Path, tmp_path: Path, startup_trick: Trick) -> None:
    server = tensorboard("--logdir", tmp_path, python=viewer, environment=startup_trick(["tb_xai_plugin.run"]))
    assert "The XAI tab is off: No module named 'tb_xai_plugin.run'" in server.log
    assert "Traceback" not in server.log
