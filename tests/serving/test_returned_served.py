"""The returned model in the replies of the server. Through TensorBoard's own WSGI application; the oracles are http_api.md and the reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.records import FakeRun
from support.server import ARRAY_ROUTES, Server, asked

from tb_xai_plugin.records.wire import RETURNED
from tb_xai_plugin.run import read_run

pytestmark = pytest.mark.viewing

RUN = "baseline/xai"


@pytest.fixture
def own(tmp_path: Path) -> tuple[FakeRun, Server]:
    """A run whose returned model has an explanation of its own."""
    run = FakeRun(tmp_path / "baseline", interacting=("shap",)).write([-1, 0, 1]).write_returned()
    return run, Server(tmp_path)


def test_the_run_route_says_what_the_returned_model_is(own: tuple[FakeRun, Server], tmp_path: Path) -> None:
    _, server = own
    reply = server.json("run", run=RUN)
    assert reply["steps"] == [-1, 0, 1, RETURNED]
    assert reply["returned"] == {"epoch": None, "how": "averages", "step": RETURNED}
    assert (reply["log_steps"], len(reply["wall_times"]), len(reply["cost"]["level"])) == ([0, 1], 4, 4)
    FakeRun(tmp_path / "restored" / "run").write([0, 1, 2]).write_returned("restored", 1, explained=False)
    reply = Server(tmp_path / "restored").json("run", run="run/xai")
    assert (reply["steps"], reply["returned"]) == ([0, 1, 2], {"epoch": 1, "how": "restored", "step": 1})


@pytest.mark.parametrize("route", sorted(set(ARRAY_ROUTES) - {"probes"}))
def test_every_route_has_the_returned_models_frame_last(route: str, own: tuple[FakeRun, Server]) -> None:
    arrays = own[1].arrays(route, **asked(route))
    assert arrays["steps"].tolist() == [-1, 0, 1, RETURNED]


def test_its_numbers_are_those_of_the_record(own: tuple[FakeRun, Server]) -> None:
    written, server = own
    served = server.arrays("values", explainer="shap", **{"class": 0})
    np.testing.assert_array_equal(served["values"][-1], written.truth[RETURNED].values["shap"][:, 0])
    np.testing.assert_array_equal(server.arrays("outputs")["full"][-1], written.truth[RETURNED].full)


def test_it_can_be_the_reference_of_drift_and_differences_and_the_step_of_findings(own: tuple[FakeRun, Server], tmp_path: Path) -> None:
    written, server = own
    drift = server.arrays("drift", explainer="shap", **{"class": 0, "against": RETURNED})["drift"]
    expected = read_run(written.log_dir).all_drift("shap", RETURNED, "tv", 0).distance
    np.testing.assert_allclose(drift, expected, rtol=1e-6)
    assert np.isnan(drift[-1]).all()
    assert np.isfinite(server.arrays("difference", explainer="shap", at=RETURNED, **{"class": 0})["errors"]).any()
    FakeRun(tmp_path / "other", seed=0).write([0, 1]).write_returned()
    findings = Server(tmp_path).json("findings", run=RUN, other="other/xai", explainer="shap", step=RETURNED, **{"class": "label"})
    assert findings["verdict"].startswith("The returned models: ")


def test_compare_has_the_rows_of_pairing_and_findings_know_the_returned_models_of_finished_runs(tmp_path: Path) -> None:
    """Where both have the weights of epochs, the page has no place for them; a client may ask for the verdict."""
    FakeRun(tmp_path / "baseline").write([0, 1, 2]).write_returned("last", 2, explained=False)
    FakeRun(tmp_path / "other").write([0, 1, 2]).write_returned("restored", 1, explained=False)
    FakeRun(tmp_path / "own").write([0, 1, 2]).write_returned()
    server, arguments = Server(tmp_path), {"explainer": "shap", "class": "label"}
    for other, steps in (("other/xai", [0, 1, 2]), ("own/xai", [0, 1, 2, RETURNED])):
        compared, rows = server.arrays("compare", other=other, **arguments), server.arrays("pairing", other=other)
        for name in ("steps", "here", "there"):
            assert compared[name].tolist() == rows[name].tolist()
        assert rows["steps"].tolist() == steps
        assert len(compared["distance"]) == len(compared["spread"]) == len(steps)
        verdict = server.json("findings", run=RUN, other=other, step=RETURNED, **arguments)["verdict"]
        assert "The returned models: " in verdict


def test_a_gap_of_the_returned_model_is_among_the_gaps_of_steps(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline").write([0]).write_returned(silent=[0, 1, 2], reason="the model returned NaN")
    assert Server(tmp_path).json("run", run=RUN)["gaps"] == [{"step": RETURNED, "reason": "the model returned NaN"}]


def test_since_the_last_epoch_there_is_the_returned_model_alone(own: tuple[FakeRun, Server]) -> None:
    _, server = own
    assert server.arrays("values", explainer="shap", since=1, **{"class": 0})["steps"].tolist() == [RETURNED]
    assert server.arrays("values", explainer="shap", since=RETURNED, **{"class": 0})["steps"].tolist() == []


def test_runs_says_that_a_run_has_finished(own: tuple[FakeRun, Server]) -> None:
    written, server = own
    entry = server.entries()[RUN]
    assert (entry["epochs"], entry["last_step"], entry["returned"]) == (2, 1, {"epoch": None, "how": "averages"})
    written.write([2])
    server.reload()
    entry = server.entries()[RUN]
    assert (entry["epochs"], entry["last_step"], entry["returned"]) == (3, 2, None)


def test_the_usual_time_between_epochs_does_not_count_the_returned_model(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline").write([0, 1])
    before = Server(tmp_path).entries()[RUN]["epoch_seconds"]
    run.write_returned()
    assert Server(tmp_path).entries()[RUN]["epoch_seconds"] == before


def test_a_run_with_a_set_that_has_not_finished_has_not(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline", probe_set="one").write([0]).write_returned()
    FakeRun(tmp_path / "baseline", probe_set="two").write([0])
    assert Server(tmp_path).entries()[RUN]["returned"] is None


def test_a_model_explained_once_is_served_whole(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline", interacting=("shap",)).write_returned("once")
    FakeRun(tmp_path / "network", interacting=("shap",)).write([-1, 0, 1])
    server = Server(tmp_path)
    entry = server.entries()[RUN]
    assert (entry["epochs"], entry["last_step"], entry["error"]) == (0, None, None)
    assert entry["returned"] == {"epoch": None, "how": "once"}
    reply = server.json("run", run=RUN)
    assert (reply["steps"], reply["log_steps"], reply["logs"], reply["returned"]["step"]) == ([RETURNED], [], {}, RETURNED)
    for route in set(ARRAY_ROUTES) - {"probes"}:
        assert server.arrays(route, **asked(route))["steps"].tolist() == [RETURNED]
    events = server.json("events", run=RUN, explainer="shap", **{"class": "label"})
    assert (events["events"], events["steady"]["run"]) == ([], None)
    arguments: dict[str, Any] = {"explainer": "shap", "class": "label"}
    for run, other, sides in ((RUN, "network/xai", ("here", "there")), ("network/xai", RUN, ("there", "here"))):
        for by in ("epoch", "val_accuracy", "best"):
            rows = server.arrays("pairing", run=run, other=other, by=by)
            assert rows["steps"].tolist() == [-1, 0, 1]
            assert [rows[side].tolist() for side in sides] == [[RETURNED] * 3, [-1, 0, 1]]
        assert np.isfinite(server.arrays("compare", run=run, other=other, **arguments)["distance"]).all()
        assert server.json("findings", run=run, other=other, **arguments)["verdict"]
