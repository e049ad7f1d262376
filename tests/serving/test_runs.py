"""Runs of all kinds: damaged, hostile, newer, growing. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.records import FakeRun
from support.server import (
    ARRAY_ROUTES,
    Server,
    asked,
)

from tb_xai_plugin.records import sources
from tb_xai_plugin.records.writer import Writer

pytestmark = pytest.mark.viewing

# Runs of all kinds


def test_two_probe_sets_of_one_run_are_both_served(tmp_path: Path) -> None:
    written = {name: FakeRun(tmp_path / "baseline", probe_set=name, seed=i).write([0, 1]) for i, name in enumerate(["odd", "even"])}
    server = Server(tmp_path)
    assert server.entries()["baseline/xai"]["sets"] == ["even", "odd"]
    for name, run in written.items():
        served = server.arrays("values", set=name, explainer="shap", **{"class": 0})
        np.testing.assert_array_equal(served["values"], run.stack("values", "shap")[:, :, 0])
    default = server.json("run", run="baseline/xai")
    assert default["set"] == "even"


def test_a_record_whose_first_epoch_is_still_to_come_answers_everywhere(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline", interacting=("shap",))
    writer = Writer(str(run.log_dir))
    run.write_record(writer)
    writer.close()
    server = Server(tmp_path)
    entry = server.entries()["baseline/xai"]
    assert (entry["epochs"], entry["last_step"], entry["wall_time"], entry["error"]) == (0, None, None, None)
    assert server.json("run", run="baseline/xai")["steps"] == []
    assert len(server.arrays("probes")["images"]) == 3
    for route in set(ARRAY_ROUTES) - {"probes"}:
        assert len(server.arrays(route, **asked(route))["steps"]) == 0


def test_epochs_without_explanations_are_absent(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline").write([0]).write([1], explained=False).write([2])
    server = Server(tmp_path)
    reply = server.json("run", run="baseline/xai")
    assert (reply["steps"], reply["missing"]) == ([0, 2], 0)
    served = server.arrays("values", explainer="shap", **{"class": 0})["values"]
    np.testing.assert_array_equal(served, run.stack("values", "shap")[[0, 2], :, 0])


def test_a_new_epoch_is_served_after_a_reload_under_a_new_version(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline").write([0])
    server = Server(tmp_path)
    before, again = server.entries()["baseline/xai"], server.entries()["baseline/xai"]
    assert before == again
    assert len(server.arrays("values", explainer="shap", **{"class": 0})["values"]) == 1
    run.write([1])
    server.reload()
    after = server.entries()["baseline/xai"]
    assert after["version"] != before["version"]
    assert after["version"] == server.json("run", run="baseline/xai")["version"]
    assert (after["epochs"], after["last_step"]) == (2, 1)
    np.testing.assert_array_equal(server.arrays("values", explainer="shap", **{"class": 0})["values"], run.stack("values", "shap")[:, :, 0])


def test_polling_runs_reads_no_tensor_where_nothing_changed(tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write([0])
    FakeRun(tmp_path / "b").write([0])
    server = Server(tmp_path)
    first = server.json("runs")
    reads = server.provider.reads
    assert server.json("runs") == first
    assert server.provider.reads == reads


def test_the_records_of_all_runs_are_listed_once_and_read_once(tmp_path: Path) -> None:
    for name in "abc":
        FakeRun(tmp_path / name, probe_set="one").write([0, 1])
        last = FakeRun(tmp_path / name, probe_set="other").write([0])
    server = Server(tmp_path)
    assert [entry["epochs"] for entry in server.json("runs")["runs"]] == [2, 2, 2]
    assert server.provider.calls == (1, 1)
    last.write([5])
    server.reload()
    assert server.entries()["c/xai"]["last_step"] == 5
    assert server.provider.calls == (2, 2)


def test_many_long_runs_are_not_read_in_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # TensorBoard's data server refuses a reply of 256 MiB.
    for name in "abcd":
        FakeRun(tmp_path / name).write(range(10))
    monkeypatch.setattr(sources, "CALL_BYTES", 2 * (sources.RECORD_BYTES + 11 * sources.EPOCH_BYTES))
    server = Server(tmp_path)
    assert [entry["epochs"] for entry in server.json("runs")["runs"]] == [10] * 4
    assert server.provider.calls == (1, 2)
