"""The HTTP routes, through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.judged import given_run, noisy_series
from support.records import FRONTEND, PAIRS, ROOT, SIDE, FakeRun, contents, decode, event_files, make_probes, stripes
from tensorboard.backend.application import TensorBoardWSGI
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from werkzeug.test import Client, TestResponse

from tb_xai_plugin import read_runs
from tb_xai_plugin.engine import deletion
from tb_xai_plugin.engine.engine import CORRELATION
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import EXPLAINERS, Custom, Lime
from tb_xai_plugin.judgement import repeats
from tb_xai_plugin.probes import regions
from tb_xai_plugin.records import sources, wire
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import read_run
from tb_xai_plugin.serving import areas, catalog, loader
from tb_xai_plugin.serving import request as requests
from tb_xai_plugin.serving.plugin import XaiPlugin

pytestmark = pytest.mark.viewing

PREFIX = "/data/plugin/xai/"
API = (ROOT / "tb_xai_plugin" / "serving" / "http_api.md").read_text(encoding="utf-8")
SECTIONS = {match[1]: match[2] for match in re.finditer(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", API, re.MULTILINE | re.DOTALL)}
ARRAY_ROUTES = [name for name, text in SECTIONS.items() if "| array |" in text]
# Arguments that have a default; http_api.md says so of each.
OPTIONAL = {"set", "probes", "against", "measure", "other", "by", "at", "since"}
# A repeat that is trained later changes these.
OF_ALL_RUNS = ("compare", "findings")

WITH_VERSIONS = [name for name in SECTIONS if name not in ("runs", "static/…")]


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


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logdir")


@pytest.fixture(scope="module")
def run(logdir: Path) -> FakeRun:
    """Probes with 5, 4 and 3 players, and the epochs -1 to 4; probe 1 has no answer at epoch 2; fewer evaluations from epoch 3 on."""
    written = FakeRun(logdir / "baseline", classes=3, interacting=("shap",), changes={3: "half of the evaluations"}).write([-1, 0, 1])
    written.write([2], silent=[1], reason="the model answered NaN or infinity for 1 of 3 probes")
    return written.write([3, 4])


@pytest.fixture(scope="module")
def server(run: FakeRun, logdir: Path) -> Server:
    return Server(logdir)


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
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == documented
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
    assert documented <= found
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


# Numbers


def test_runs_says_how_far_each_run_is(server: Server, run: FakeRun) -> None:
    reply = server.json("runs")
    assert reply["schema"] == 1
    (entry,) = reply["runs"]
    del entry["version"], entry["wall_time"], entry["epoch_seconds"]
    assert entry.pop("comparable") == {"probes": server.json("run", run="baseline/xai")["comparable"]}
    assert entry == {"run": "baseline/xai", "name": "baseline", "sets": ["probes"], "epochs": 5, "last_step": 4, "error": None}


def test_run_says_what_was_logged(server: Server, run: FakeRun) -> None:
    levels = [run.evaluations] * 4 + [run.evaluations // 2] * 2
    reply = server.json("run", run="baseline/xai")
    assert reply["steps"] == [-1, 0, 1, 2, 3, 4]
    assert reply["log_steps"] == [0, 1, 2, 3, 4]
    assert reply["logs"] == {"loss": [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5], "val_accuracy": [0.5] * 5}
    assert reply["cost"] == {"seconds": [0.5] * 6, "evaluations": [64] * 6, "share": [0.25] * 6, "level": levels}
    assert reply["settings"]["evaluations"] == levels[0]
    assert reply["changes"] == [{"step": 3, "change": "half of the evaluations"}]
    assert reply["interacting"] == ["shap"]
    assert reply["gaps"] == [{"step": 2, "reason": "the model answered NaN or infinity for 1 of 3 probes"}]
    assert reply["missing"] == 0
    assert reply["explainers"] == ["lime", "shap"]
    assert reply["regions"] == ["left"]
    assert reply["probes"] == {
        "kind": "image",
        "count": 3,
        "height": SIDE,
        "width": SIDE,
        "channels": 1,
        "regression": False,
        "players": [5, 4, 3],
        "names": ["#0", "#1", "#2"],
        "labels": run.probes.labels.tolist(),
        "classes": 3,
        "class_names": ["class 0", "class 1", "class 2"],
    }
    assert reply["wall_times"] == sorted(reply["wall_times"])


def test_numbers_that_do_not_exist_are_null(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline").write([0], logs={"loss": float("nan"), "accuracy": float("inf")})
    logs = Server(tmp_path).json("run", run="baseline/xai")["logs"]
    assert logs == {"loss": [None], "accuracy": [None]}


@pytest.mark.parametrize("explainer", ["lime", "shap"])
@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_attributions_are_served_to_the_last_bit(wanted: int, explainer: str, server: Server, run: FakeRun) -> None:
    served = server.arrays("values", explainer=explainer, **{"class": wanted})
    np.testing.assert_array_equal(served["steps"], run.steps)
    np.testing.assert_array_equal(served["values"], run.stack("values", explainer)[:, :, wanted])
    np.testing.assert_array_equal(served["base"], run.stack("base", explainer)[:, :, wanted])
    assert np.isnan(served["values"][:, 2, 3:]).all(), "probe 2 has 3 players"
    assert (served["target"] == wanted).all()


def test_standard_errors_are_served_to_a_thousandth(server: Server, run: FakeRun) -> None:
    served = server.arrays("values", explainer="shap", **{"class": 1})["errors"]
    np.testing.assert_allclose(served, run.stack("errors", "shap")[:, :, 1], rtol=1e-3)


def test_the_class_named_label_is_each_probes_true_class(server: Server, run: FakeRun) -> None:
    served = server.arrays("values", explainer="lime", **{"class": "label"})
    labels = run.probes.labels
    np.testing.assert_array_equal(served["target"], np.broadcast_to(labels, (6, 3)))
    np.testing.assert_array_equal(served["values"], run.stack("values", "lime")[:, np.arange(3), labels])


def test_the_class_named_predicted_is_the_likeliest_of_each_epoch(server: Server, run: FakeRun) -> None:
    served = server.arrays("values", explainer="lime", **{"class": "predicted"})
    values, full = run.stack("values", "lime"), run.stack("full")
    for epoch, probe in np.ndindex(6, 3):
        if np.isnan(full[epoch, probe]).any():
            assert served["target"][epoch, probe] == -1
            assert np.isnan(served["values"][epoch, probe]).all()
        else:
            likeliest = int(full[epoch, probe].argmax())
            assert served["target"][epoch, probe] == likeliest
            np.testing.assert_array_equal(served["values"][epoch, probe], values[epoch, probe, likeliest])


def test_the_label_of_probes_without_labels_is_what_was_predicted(tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "baseline", labels=False).write([0, 1])
    server = Server(tmp_path)
    label, predicted = (server.arrays("values", explainer="shap", **{"class": name}) for name in ("label", "predicted"))
    np.testing.assert_array_equal(label["values"], predicted["values"])
    np.testing.assert_array_equal(label["target"], written.stack("full").argmax(axis=2))
    assert np.isnan(server.arrays("answers")["label_probability"]).all()


def test_a_class_that_was_not_explained_at_an_epoch_has_no_numbers_there(tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "baseline", classes=20, changing_targets=True).write(range(8))
    served = Server(tmp_path).arrays("values", explainer="shap", **{"class": 7})
    values, targets = written.stack("values", "shap"), written.stack("targets")
    for epoch, probe in np.ndindex(8, 3):
        explained = np.flatnonzero(targets[epoch, probe] == 7)
        if len(explained):
            assert served["target"][epoch, probe] == 7
            np.testing.assert_array_equal(served["values"][epoch, probe], values[epoch, probe, explained[0]])
        else:
            assert served["target"][epoch, probe] == -1
            assert np.isnan(served["values"][epoch, probe]).all()
            assert np.isnan(served["base"][epoch, probe])
    assert (served["target"] == 7).any()
    assert (served["target"] == -1).any()


def test_the_colour_scale_is_of_all_probes_whichever_are_asked_for(server: Server, run: FakeRun) -> None:
    header, arrays = server.reply("values", explainer="shap", probes="2,0", **{"class": 1})
    values = run.stack("values", "shap")[:, :, 1]
    assert header["probes"] == [2, 0]
    percent = float(re.search(r"the ([\d.]+) % quantile", SECTIONS["values"])[1])
    assert header["scale"] == pytest.approx(np.nanquantile(np.abs(values), percent / 100))
    np.testing.assert_array_equal(arrays["values"], values[:, [2, 0]])


def test_the_outputs_say_which_classes_were_explained(tmp_path: Path) -> None:
    """Other ones for each probe, and none where the record has no explanation."""
    run = FakeRun(tmp_path / "baseline", classes=20, changing_targets=True).write(range(3))
    targets = Server(tmp_path).arrays("outputs", run="baseline/xai", probes="2,0")["targets"]
    np.testing.assert_array_equal(targets, run.stack("targets")[:, [2, 0]])


def test_answers_and_outputs_are_the_probabilities_written(server: Server, run: FakeRun) -> None:
    full, labels = run.stack("full"), run.probes.labels
    answers, outputs = server.arrays("answers"), server.arrays("outputs")
    np.testing.assert_array_equal(outputs["full"], full)
    np.testing.assert_array_equal(outputs["empty"], run.stack("empty"))
    np.testing.assert_array_equal(outputs["targets"], np.broadcast_to(np.arange(full.shape[2]), full.shape))
    np.testing.assert_array_equal(answers["label_probability"], full[:, np.arange(3), labels])
    np.testing.assert_array_equal(answers["probability"], full.max(axis=2))
    np.testing.assert_array_equal(answers["predicted"], [[-1 if np.isnan(p).any() else p.argmax() for p in epoch] for epoch in full])


def test_probes_are_the_pictures_segments_and_regions_written(server: Server, run: FakeRun) -> None:
    served = server.arrays("probes", probes="2,1")
    np.testing.assert_array_equal(served["images"][..., 0], run.probes.inputs[[2, 1]])
    np.testing.assert_array_equal(served["segments"], run.probes.segments[[2, 1]])
    np.testing.assert_array_equal(served["regions"][0], run.probes.regions["left"][[2, 1]])


def test_a_player_partly_inside_a_region_counts_with_the_part_that_is(server: Server, run: FakeRun) -> None:
    share = server.arrays("share", explainer="shap", region="left", **{"class": 0})["share"]
    values = run.stack("values", "shap")[:, :, 0]
    for epoch, probe in np.ndindex(6, 3):
        segments = run.probes.segments[probe]
        pixels = (np.abs(values[epoch, probe, : segments.max() + 1]) / np.bincount(segments.ravel()))[segments]
        expected = pixels[run.probes.regions["left"][probe]].sum() / pixels.sum()
        np.testing.assert_allclose(share[epoch, probe], expected, rtol=1e-5)


def test_drift_and_its_quartiles_leave_out_what_has_no_number(server: Server, run: FakeRun) -> None:
    served = server.arrays("drift", explainer="shap", measure="cosine", **{"class": 2})
    values = run.stack("values", "shap")[:, :, 2].astype(np.float64)

    def angle(a: np.ndarray, b: np.ndarray) -> float:
        there = np.isfinite(a) & np.isfinite(b)
        return 1 - a[there] @ b[there] / (np.linalg.norm(a[there]) * np.linalg.norm(b[there]))

    assert np.isnan(served["drift"][0]).all()
    for probe in (0, 2):
        expected = [angle(now, before) for now, before in zip(values[1:, probe], values[:-1, probe], strict=True)]
        np.testing.assert_allclose(served["drift"][1:, probe], expected, atol=1e-6)
    assert np.isnan(served["drift"][3, 1]), "no answer there"
    np.testing.assert_allclose(served["drift"][4, 1], angle(values[4, 1], values[2, 1]), atol=1e-6, err_msg="the last one that has numbers")
    np.testing.assert_allclose(served["quartiles"][:, 3], np.quantile(served["drift"][3, [0, 2]], [0.25, 0.5, 0.75]), atol=1e-6)


@pytest.mark.parametrize("against", ["untrained", "final", "2", "-1"])
@pytest.mark.parametrize("measure", ["tv", "cosine", "spearman", "top-k"])
def test_drift_is_nan_at_its_reference(measure: str, against: str, server: Server) -> None:
    served = server.arrays("drift", explainer="lime", against=against, measure=measure, **{"class": 0})
    place = {"untrained": 0, "final": 5, "2": 3, "-1": 0}[against]
    assert np.isnan(served["drift"][place]).all()
    assert np.isfinite(np.delete(served["drift"], place, axis=0)[:, 0]).all()


# How far values can be trusted


def test_fidelity_and_its_median_are_those_written(server: Server, run: FakeRun) -> None:
    header, served = server.reply("fidelity", explainer="lime", **{"class": 1})
    written = run.stack("fidelity", "lime")[:, :, 1]
    assert header["measures"] == ["r2", "gap"]
    np.testing.assert_array_equal(served["fidelity"], written)
    np.testing.assert_allclose(served["median"], np.median(written, axis=1), rtol=1e-6)


def test_every_measure_of_fidelity_is_documented() -> None:
    measures = {CORRELATION, *deletion.MEASURES, *(measure for explainer in EXPLAINERS.values() for measure in explainer.fidelity)}
    assert measures <= set(re.findall(r"`(\w+)`", SECTIONS["fidelity"].partition("Header")[2]))


def test_fidelity_of_an_explainer_that_measures_none_is_empty(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline", measures=()).write([0, 1])
    header, served = Server(tmp_path).reply("fidelity", explainer="shap", **{"class": 0})
    assert header["measures"] == []
    assert (served["fidelity"].shape, served["median"].shape) == ((2, 3, 0), (2, 0))


@pytest.mark.parametrize("explainer", ["lime", "shap"])
def test_the_error_of_a_difference_is_the_readers(explainer: str, tmp_path: Path) -> None:
    logdir = tmp_path / "logs"
    for name, epochs in (("a", 4), ("b", 3)):
        FakeRun(logdir / name, classes=3, changes={2: "half"} if name == "b" else {}).write(range(epochs))
    a, b = (read_run(logdir / name) for name in "ab")
    server = Server(logdir)
    ask = {"run": "a/xai", "explainer": explainer, "class": 2, "probes": "2,0"}
    between = server.arrays("difference", other="b/xai", **ask)
    np.testing.assert_array_equal(between["steps"], range(4))
    for step in range(3):
        np.testing.assert_array_equal(between["errors"][step], a.change_errors(explainer, step, step, b)[[2, 0], 2])
    assert np.isnan(between["errors"][3]).all(), "b has no epoch 3"
    pinned = server.arrays("difference", at=1, **ask)["errors"]
    for step in range(4):
        np.testing.assert_array_equal(pinned[step], a.change_errors(explainer, step, 1)[[2, 0], 2])
    assert np.nanmax(pinned[1]) == 0, "nothing differs from itself"
    # Oracle from outside: errors of other coalitions have nothing in common, so their squares add up.
    e, f = (run.errors(explainer)[2][[2, 0], 2] for run in (a, b))
    np.testing.assert_allclose(between["errors"][2], np.sqrt(e**2 + f**2), rtol=1e-6)


def test_where_another_class_is_explained_a_difference_has_no_error(tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "baseline", labels=False).write(range(6))
    errors = Server(tmp_path).arrays("difference", explainer="shap", at=0, **{"class": "predicted"})["errors"]
    predicted = run.stack("full").argmax(axis=2)
    for epoch, probe in np.ndindex(6, 3):
        there = np.isfinite(errors[epoch, probe, : run.players[probe]])
        assert there.all() if predicted[epoch, probe] == predicted[0, probe] else not there.any()
    assert len(np.unique(predicted)) == 2


def test_runs_that_cannot_be_compared_have_no_difference(tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write([0])
    FakeRun(tmp_path / "b", players=(8, 8, 8)).write([0])
    ask = {"run": "a/xai", "other": "b/xai", "explainer": "shap", "class": "0"}
    response = Server(tmp_path).get("difference", ask)
    assert response.status_code == 400
    assert "a and b can't be compared: they have different segments, coalitions (evaluations, seed or methods); log both" in response.text
    assert_a_sentence(response.text)


def test_interactions_are_the_pairs_written(server: Server, run: FakeRun) -> None:
    served = server.arrays("interactions", explainer="shap", probes="2,0", **{"class": 1})
    written = run.stack("interactions", "shap")[:, [2, 0], 1]
    np.testing.assert_array_equal(served["players"], np.nan_to_num(written[..., :2], nan=-1))
    np.testing.assert_array_equal(served["strength"], written[..., 2])
    assert (served["players"][..., 0] >= 0).sum(axis=-1).tolist() == [[PAIRS] * 2] * 6


# What is new


@pytest.mark.parametrize("route", [name for name in ARRAY_ROUTES if "since" in arguments_of(name)])
def test_what_came_before_and_what_came_since_are_all_there_is(route: str, server: Server) -> None:
    whole = server.arrays(route, **asked(route))
    for since in (-2, -1, 2, 4, 99):
        later = server.arrays(route, **{**asked(route), "since": since})
        for name, array in later.items():
            np.testing.assert_array_equal(array, whole[name][whole["steps"] > since])


def test_the_scale_of_what_is_new_is_that_of_all(server: Server) -> None:
    whole, later = (server.reply("values", **{**asked("values"), "since": since})[0]["scale"] for since in (-2, 3))
    assert whole == later


def test_runs_says_how_long_an_epoch_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tb_xai_plugin.records.writer.time", SimpleNamespace(time=lambda: clock[-1]))
    run = FakeRun(tmp_path / "baseline")
    writer = Writer(str(run.log_dir))
    run.write_record(writer)
    for step, now in enumerate([101.0, 111.0, 121.0, 131.0, 200.0]):
        clock.append(now)
        run.write_step(writer, step)
    writer.close()
    assert Server(tmp_path).entries()["baseline/xai"]["epoch_seconds"] == 10, "the median, not the mean"


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


def write_raw(folder: Path, tensors: dict[str, Any]) -> None:
    """Tensors under tags of ours that ExplanationLogger would not write."""
    writer = Writer(str(folder))
    writer._write(0, tensors.items())
    writer.close()


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


def assert_a_sentence(text: str) -> None:
    assert re.fullmatch(r"[^\n]{15,}[.?]", text), text
    assert "Traceback" not in text


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


# Epochs side by side


def two_runs(logdir: Path, **options: Any) -> tuple[Server, FakeRun, FakeRun]:
    """a: the epochs 0 to 4 and the untrained model; b: of the epochs 0 to 6 every third."""
    a, b = (FakeRun(logdir / name, **options) for name in "ab")
    for epoch, accuracy in enumerate([0.1, 0.9, 0.5, 0.4, 0.3], start=0):
        a.write([-1, 0] if epoch == 0 else [epoch], logs={"val_accuracy": accuracy})
    for epoch, accuracy in enumerate([0.2, 0.3, 0.4, 0.8, 0.6, 0.5, 0.4]):
        b.write([epoch], logs={"val_accuracy": accuracy}, explained=epoch % 3 == 0)
    return Server(logdir), a, b


PAIRINGS = {
    "epoch": ("", [-1, 0, 1, 2, 3, 4, 6], [-1, 0, 1, 2, 3, 4, -2], [-2, 0, 0, 3, 3, 3, 6]),
    "val_accuracy": ("val_accuracy", [-1, 0, 1, 2, 3, 4], [-1, 0, 1, 2, 3, 4], [-2, 0, 3, 6, 6, 0]),
    "best": ("val_accuracy", [-1, 0, 1, 2, 3, 4], [-1, 0, 1, 2, 3, 4], [-2, 3, 3, 3, 6, 6]),
}


@pytest.mark.parametrize("by", PAIRINGS)
def test_pairing_says_which_epochs_stand_side_by_side(by: str, tmp_path: Path) -> None:
    server, _, _ = two_runs(tmp_path)
    header, served = server.reply("pairing", run="a/xai", other="b/xai", by=by)
    metric, steps, here, there = PAIRINGS[by]
    assert (header["metric"], header["best"]) == (metric, 1 if by == "best" else None)  # a is at its best at 1
    assert {name: array.tolist() for name, array in served.items()} == {"steps": steps, "here": here, "there": there}
    assert {array.dtype.name for array in served.values()} == {"int32"}


@pytest.mark.parametrize("by", PAIRINGS)
def test_a_difference_has_the_rows_of_the_pairing_and_the_errors_of_the_epochs_there(by: str, tmp_path: Path) -> None:
    server, fake_a, fake_b = two_runs(tmp_path, sketched=False)
    ask = {"run": "a/xai", "other": "b/xai", "by": by}
    served = server.arrays("difference", explainer="shap", probes="2,0", **{"class": 1}, **ask)
    _, steps, here, there = PAIRINGS[by]
    assert served["steps"].tolist() == steps
    for row, (mine, other) in enumerate(zip(here, there, strict=True)):
        if -2 in (mine, other):
            assert np.isnan(served["errors"][row]).all()
            continue
        # Oracle from outside: errors that have nothing in common add up in squares.
        e, f = (fake.truth[step].errors["shap"][[2, 0], 1] for fake, step in ((fake_a, mine), (fake_b, other)))
        np.testing.assert_allclose(served["errors"][row], np.sqrt(e**2 + f**2), rtol=2e-3)


def test_runs_that_cannot_be_compared_still_stand_side_by_side(tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write([0, 1])
    FakeRun(tmp_path / "b", players=(8,), seed=1).write([1, 2])
    served = Server(tmp_path).arrays("pairing", run="a/xai", other="b/xai")
    assert [array.tolist() for array in served.values()] == [[0, 1, 2], [0, 1, -2], [-2, 1, 2]]


@pytest.mark.parametrize("route", ["pairing", "difference"])
@pytest.mark.parametrize("by", ["val_accuracy", "best"])
def test_runs_without_a_common_metric_cannot_stand_side_by_side_by_it(by: str, route: str, tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write([0], logs={"val_f1": 1})
    FakeRun(tmp_path / "b").write([0], logs={"loss": 1})
    response = Server(tmp_path).get(route, {"run": "a/xai", "other": "b/xai", "by": by, "explainer": "shap", "class": "0"})
    assert response.status_code == 400
    assert re.search(
        rf"{route}: a and b have no (validation )?metric in common: a logged val_f1, b logged loss; align them by", response.text
    )
    assert_a_sentence(response.text)


# Comparable, explainer by explainer


def test_explainers_of_one_law_share_their_coalitions_so_that_runs_are_comparable_in_each() -> None:
    probes = make_probes([12, 20])
    least = Plan(probes, ("lime", "shap")).comparable
    for more in (["ig"], ["grad-cam", "banzhaf"], ["occlusion", "lime-net"], [Custom("mine", print)]):
        plan = Plan(probes, ["shap", *more, "lime"])
        assert plan.comparable["coalitions"] == least["coalitions"]
        assert wire.differing(least, plan.comparable, "shap") == wire.differing(plan.comparable, least, "lime") == []
        (words,) = wire.differing(least, plan.comparable)
        assert words.startswith("explainers (also ")
    # LIME alone is asked only coalitions by its own law.
    assert wire.differing(least, Plan(probes, "lime").comparable, "lime") == ["coalitions (evaluations, seed or methods)"]
    other = Plan(probes, [Lime(kernel_width=0.5), "shap"]).comparable
    assert wire.differing(least, other, "lime") == ["settings of 'lime'"]
    assert wire.differing(least, other, "shap") == []
    assert wire.differing(least, other) == ["explainers (different settings of 'lime')"]


def test_runs_are_compared_in_the_explainers_that_both_have_with_the_same_settings(tmp_path: Path) -> None:
    a = FakeRun(tmp_path / "a", sketched=False).write([0])
    b = FakeRun(tmp_path / "b", explainers=("ig", "shap", "lime"), sketched=False)
    b.plan = Plan(b.probes, ["ig", "shap", Lime(kernel_width=0.5)])
    b.write([0])
    server = Server(tmp_path)

    def asked_of(run: str, other: str, explainer: str) -> TestResponse:
        return server.get("difference", {"run": f"{run}/xai", "other": f"{other}/xai", "explainer": explainer, "class": "0"})

    for run, other in ("ab", "ba"):
        e, f = (fake.truth[0].errors["shap"][:, 0] for fake in (a, b))
        np.testing.assert_allclose(decode(asked_of(run, other, "shap").data)[1]["errors"][0], np.sqrt(e**2 + f**2), rtol=2e-3)
    refused = {
        ("b", "a", "ig"): (400, "difference: b and a can't be compared: a has no 'ig'; it has lime, shap."),
        ("a", "b", "lime"): (400, "difference: a and b can't be compared: they have different settings of 'lime'; log both with the same"),
        ("a", "b", "ig"): (404, "no explainer 'ig' in this run; it has ['lime', 'shap']."),
    }
    for ask, (status, sentence) in refused.items():
        response = asked_of(*ask)
        assert response.status_code == status
        assert sentence in response.text
        assert_a_sentence(response.text)


@pytest.mark.parametrize(("older", "status"), [('{"lime": {}, "shap": {}}', 200), ('{"shap": {}}', 400), (None, 400)])
def test_of_older_records_all_explainers_have_to_be_equal(older: str | None, status: int, tmp_path: Path) -> None:
    for name, text in (("a", '{"lime": {}, "shap": {}}'), ("b", older)):
        fake = FakeRun(tmp_path / name)
        record = fake.record()
        record["comparable"]["explainers"] = text or record["comparable"]["explainers"]
        fake.record = lambda record=record: record
        fake.write([0])
    response = Server(tmp_path).get("difference", {"run": "a/xai", "other": "b/xai", "explainer": "shap", "class": "0"})
    assert response.status_code == status
    assert status == 200 or "they have different explainers; log both" in response.text


# Areas that the user drew


def test_an_area_over_a_region_has_its_share(server: Server, run: FakeRun) -> None:
    ask = {"explainer": "shap", "class": "label", "run": "baseline/xai"}
    half = SIDE // 2
    assert (
        server.get("share", {**ask, "area": f"0,0,{half},0,{half},{SIDE},0,{SIDE}"}).data
        == server.get("share", {**ask, "region": "left"}).data
    )


def test_the_share_of_an_area_is_the_part_of_the_pixels_whose_centre_is_inside(server: Server, run: FakeRun) -> None:
    header, served = server.reply("share", explainer="lime", area=f"0,0,{SIDE},0,0,{SIDE}", probes="2,0", **{"class": 1})
    assert header["probes"] == [2, 0]
    # Above the diagonal from the lower left to the upper right; a centre on it is on its right.
    inside = [[column + row + 1 < SIDE for column in range(SIDE)] for row in range(SIDE)]
    values = np.abs(run.stack("values", "lime")[:, :, 1])
    for place, probe in enumerate([2, 0]):
        segments = run.probes.segments[probe]
        part = [np.mean([inside[row][column] for row, column in np.argwhere(segments == player)]) for player in range(run.players[probe])]
        magnitude = values[:, probe, : run.players[probe]]
        np.testing.assert_allclose(served["share"][:, place], (magnitude * part).sum(axis=1) / magnitude.sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(served["quartiles"][1], served["share"].mean(axis=1), rtol=1e-5)  # the median of two


def test_shares_of_some_probes_are_those_of_all_and_their_quartiles_are_their_own(server: Server) -> None:
    ask = {"explainer": "shap", "class": "label", "area": "0,0,5,0,5,3,0,3"}
    every, some = server.arrays("share", **ask), server.arrays("share", probes="2", **ask)
    np.testing.assert_array_equal(some["share"], every["share"][:, [2]])
    for quartile in some["quartiles"]:
        np.testing.assert_array_equal(quartile, some["share"][:, 0])


def test_the_mean_share_counts_few_probes_that_lean_on_a_region_and_no_probe_without_a_number(tmp_path: Path) -> None:
    share = np.full(8, 0.05)
    share[0] = 0.7
    left = np.arange(16) % 2 == 0  # half rows of the picture
    values = np.where(left, share[:, None], 1 - share[:, None])
    given_run(tmp_path / "few", [values] * 3, silent={1: [3], 2: range(8)})
    served = Server(tmp_path).arrays("share", run="few/xai", explainer="shap", region="left", **{"class": "label"})
    np.testing.assert_allclose(served["mean"], [(0.7 + 7 * 0.05) / 8, (0.7 + 6 * 0.05) / 7, np.nan], rtol=1e-6)
    np.testing.assert_allclose(served["quartiles"][1], [0.05, 0.05, np.nan], rtol=1e-6)


def test_the_share_of_an_area_is_the_same_for_500_probes_with_the_same_segments() -> None:
    segments = np.broadcast_to(stripes(49, 224), (500, 224, 224)).astype(np.uint16)
    mask = areas.drawn("20,20,200,30,120,210", 224, 224)
    inside = regions.overlap(segments, mask, 49)
    assert (inside == inside[0]).all()
    assert inside[0] @ np.bincount(segments[0].ravel()) == pytest.approx(mask.sum())


# What is judged


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """Runs whose first player matters, and runs whose last does; three seeds of each, which answer right."""
    folder = tmp_path_factory.mktemp("judged")
    for place, recipe in enumerate(("honest", "artefact")):
        values = np.full((4, 8), 0.02)
        values[:, -place] = 1.0
        for seed in range(3):
            unlike = values + 0.1 * np.random.default_rng(seed).random(values.shape)
            given_run(folder / f"{recipe}-seed{seed}", noisy_series(unlike, 7, seed=seed), first=-1)
    return Server(folder)


PAIR = {"run": "honest-seed0/xai", "other": "artefact-seed1/xai", "explainer": "shap", "class": "label"}


def test_a_comparison_served_is_the_readers_with_repeats_found_by_name(judged: Server) -> None:
    header, served = judged.reply("compare", **PAIR)
    runs = read_runs(judged.logdir)
    expected = runs["honest-seed0"].compare(runs["artefact-seed1"], "shap", repeats=runs)
    np.testing.assert_allclose(served["distance"], expected.distance, rtol=1e-6)
    np.testing.assert_allclose(served["floor"], expected.floor, rtol=1e-5)
    np.testing.assert_allclose(served["spread"], expected.spread, rtol=1e-6)
    np.testing.assert_array_equal(served["right"], expected.right)
    assert header["repeats"] == 6
    header, alone = judged.reply("compare", **PAIR, repeats="nothing-like-this")
    assert header["repeats"] == 0
    assert np.isnan(alone["spread"]).all()


def test_players_that_differ_by_more_than_noise_are_those_of_all_probes_together(judged: Server) -> None:
    served = judged.arrays("difference", probes="2", **PAIR)
    runs = read_runs(judged.logdir)
    expected = runs["honest-seed0"].compare(runs["artefact-seed1"], "shap").changed
    np.testing.assert_array_equal(served["real"], expected[:, [2]])
    assert served["real"][:, 0, 0].all(), "the first player is the one they differ in"


def test_findings_name_the_probes_in_sentences(judged: Server) -> None:
    reply = judged.json("findings", **PAIR, step=2)
    assert re.match(
        r"The runs differ by more than the seed explains: 4 of 4 probes that both runs get right have different reasons, .*\.$",
        reply["verdict"],
    )
    first = reply["findings"][0]
    assert re.fullmatch(
        r"probe \d \(#\d\): both right, \d+ % of the attribution differs \(noise floor \d %\); \d+ % of the difference is in segment [07]: A .*",
        first["text"],
    )
    assert (first["kind"], first["step"]) == ("reasons differ", 2)
    alone = judged.json("findings", **{name: value for name, value in PAIR.items() if name != "other"})
    assert alone["verdict"] == ""
    assert [finding["kind"] for finding in alone["findings"]] == ["trust"], "it never left the untrained model"


def test_events_served_are_the_readers(judged: Server) -> None:
    ask = {name: value for name, value in PAIR.items() if name != "other"}
    served = judged.json("events", **ask)
    run = read_runs(judged.logdir)["honest-seed0"]
    assert [(event["step"], event["probe"], event["kind"]) for event in served["events"]] == [
        (e.step, e.probe, e.kind) for e in run.events("shap")
    ]
    assert served["steady"]["run"] == run.steady_since("shap").of_run == 0


@pytest.mark.parametrize("arguments", [{"repeats": "("}, {"measure": "euclid"}, {"by": "loss"}])
def test_a_comparison_that_cannot_be_made_is_one_sentence(arguments: dict[str, str], judged: Server) -> None:
    response = judged.get("compare", {**PAIR, **arguments})
    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert next(iter(arguments.values())) in response.text


# Repeats


def write_seeds(logdir: Path, names: Iterable[str], steps: Sequence[int] = (0, 1)) -> dict[str, FakeRun]:
    """Runs that were asked the same of the same probes and answered at random."""
    written = {}
    for name in names:
        run = written[name] = FakeRun(logdir / name)
        run.rng = np.random.default_rng(list(name.encode()))
        run.write(steps)
    return written


SEEDS = [f"{recipe}-seed{seed}" for recipe in "ab" for seed in range(4)]
BESIDE = {"run": "a-seed0/xai", "other": "b-seed0/xai", "explainer": "shap", "class": "label"}


def named(server: Server) -> dict[str, str]:
    """The pair's request, with the versions that `runs` tells."""
    told = server.entries()
    return {**BESIDE, "version": told[BESIDE["run"]]["version"], "other_version": told[BESIDE["other"]]["version"]}


def spread(server: Server, ask: Mapping[str, str]) -> np.ndarray:
    return server.arrays("compare", **ask)["spread"]


def readers_spread(logdir: Path) -> np.ndarray:
    runs = read_runs(logdir)
    return runs["a-seed0"].compare(runs["b-seed0"], "shap", repeats=runs).spread


def test_a_comparison_beside_repeats_asks_tensorboard_for_nothing_twice(tmp_path: Path) -> None:
    write_seeds(tmp_path, SEEDS)
    server = Server(tmp_path)
    ask = named(server)
    listed = server.provider.lists
    first = server.get("compare", ask)
    assert server.provider.lists == listed, "the list of runs says of which version each repeat is"
    assert server.get("findings", {**ask, "step": "0"}).status_code == 200
    calls = server.provider.calls
    assert server.get("compare", ask).data == first.data
    assert server.get("findings", {**ask, "step": "1"}).status_code == 200
    assert server.provider.calls == calls, "another epoch is a row of what was judged"


def test_a_repeat_that_grew_or_appeared_is_judged_by_once_the_list_of_runs_has_told_of_it(tmp_path: Path) -> None:
    write_seeds(tmp_path, ["a-seed0", "b-seed0"])
    repeat = write_seeds(tmp_path, ["a-seed1"], [0])["a-seed1"]
    server = Server(tmp_path)
    ask = named(server)
    before = spread(server, ask)
    assert np.isnan(before[1]).all(), "the only pair of repeats has no second epoch"
    for change in (lambda: repeat.write([1]), lambda: write_seeds(tmp_path, ["b-seed1"])):
        change()
        server.reload()
        np.testing.assert_array_equal(spread(server, ask), before)
        assert named(server) == ask
        after = spread(server, ask)
        np.testing.assert_allclose(after, readers_spread(tmp_path), rtol=1e-6)
        assert np.isfinite(after).all()
        assert (after != before).any()
        before = after


@pytest.mark.parametrize("stale", [{}, {"version": "0"}, {"other_version": "0"}])
def test_a_request_that_knows_no_versions_is_judged_beside_repeats_as_they_are_now(stale: dict[str, str], tmp_path: Path) -> None:
    repeat = write_seeds(tmp_path, SEEDS, [0, 1])["a-seed1"]
    server = Server(tmp_path)
    ask = {**(named(server) if stale else BESIDE), **stale}
    before = spread(server, ask)
    repeat.write([1])
    server.reload()
    after = spread(server, ask)
    np.testing.assert_allclose(after, readers_spread(tmp_path), rtol=1e-6)
    assert (after != before).any()


@pytest.mark.parametrize("call", ["list_tensors", "read_tensors"])
@pytest.mark.parametrize("change", ["grew", "appeared"])
def test_whoever_looked_first_and_ends_last_brings_back_no_older_repeats(
    change: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "PATIENCE", 0)
    written = write_seeds(tmp_path, SEEDS)
    server = Server(tmp_path)
    ask = named(server)
    if call == "read_tensors":  # there has to be something to read
        written["a-seed1"].write([1])
        server.reload()
    plain, told = getattr(server.provider, call), []

    def late(*arguments: Any, **options: Any) -> Any:
        setattr(server.provider, call, plain)
        found = plain(*arguments, **options)
        if change == "grew":
            written["a-seed1"].write([1])
        else:
            write_seeds(tmp_path, ["a-seed5"])
        server.reload()
        told.append(server.entries())  # another page asks, and is answered first
        return found

    setattr(server.provider, call, late)
    server.entries()
    listed = server.provider.lists
    np.testing.assert_allclose(spread(server, ask), readers_spread(tmp_path), rtol=1e-6)
    assert server.provider.lists == listed
    assert server.entries() == told[0]


def test_of_many_repeats_the_first_by_name_count_whichever_appeared_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_REPEATS", 2)
    server = Server(tmp_path)
    for name in ("b-seed0", "a-seed2", "a-seed0", "a-seed1"):
        write_seeds(tmp_path, [name])
        server.reload()
        server.entries()
    found = spread(server, named(server))
    runs = read_runs(tmp_path)
    first = {name: run for name, run in runs.items() if name != "a-seed2"}
    np.testing.assert_allclose(found, runs["a-seed0"].compare(runs["b-seed0"], "shap", repeats=first).spread, rtol=1e-6)


@pytest.mark.parametrize("limit", ["RUNS_KEPT", "DECODED_BYTES"])
def test_repeats_that_no_longer_fit_are_looked_up_and_read_together(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, limit, 1)
    calls = []
    for seeds in (SEEDS[:3] + SEEDS[4:7], SEEDS):
        folder = tmp_path / str(len(seeds))
        write_seeds(folder, seeds)
        server = Server(folder)
        ask = named(server)
        listed = server.provider.lists
        np.testing.assert_allclose(spread(server, ask), readers_spread(folder), rtol=1e-6)
        calls.append(server.provider.lists - listed)
    assert calls[0] == calls[1] <= 3, "A and B, where they don't fit, and all repeats at once"


def test_a_repeat_without_the_probe_set_is_left_out(tmp_path: Path) -> None:
    write_seeds(tmp_path, SEEDS)
    FakeRun(tmp_path / "a-seed01", probe_set="other").write([0, 1])
    (tmp_path / "a-seed02").mkdir()
    write_raw(tmp_path / "a-seed02", {wire.record_tag(wire.DEFAULT_SET): b"nonsense"})
    server = Server(tmp_path)
    header, _ = server.reply("compare", **named(server), set=wire.DEFAULT_SET)
    assert header["repeats"] == 12
