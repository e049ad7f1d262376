"""The numbers of the routes are those of the record. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.records import PAIRS, SIDE, FakeRun
from support.server import (
    ARRAY_ROUTES,
    SECTIONS,
    Server,
    arguments_of,
    asked,
    assert_a_sentence,
)

from tb_xai_plugin.engine import deletion
from tb_xai_plugin.engine.engine import CORRELATION
from tb_xai_plugin.explainers import EXPLAINERS
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import read_run

pytestmark = pytest.mark.viewing

# Numbers


def test_runs_says_how_far_each_run_is(server: Server, run: FakeRun) -> None:
    reply = server.json("runs")
    assert reply["schema"] == 1
    (entry,) = reply["runs"]
    del entry["version"], entry["wall_time"], entry["epoch_seconds"]
    assert list(entry.pop("recipes")) == ["probes"]
    assert entry.pop("comparable") == {"probes": server.json("run", run="baseline/xai")["comparable"]}
    explained = {"kind": "image", "regression": False, "classes": 3, "class_names": ["class 0", "class 1", "class 2"], "columns": None}
    assert entry.pop("explained") == {"probes": explained}
    assert entry == {
        "run": "baseline/xai",
        "name": "baseline",
        "sets": ["probes"],
        "epochs": 5,
        "last_step": 4,
        "returned": None,
        "error": None,
    }


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
    assert header["largest"] == np.nanmax(np.abs(values))
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
