"""Two runs: epochs side by side, comparable explainers, areas that the user drew. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.analysed import given_run
from support.records import SIDE, FakeRun, decode, make_probes, stripes
from support.server import (
    Server,
    assert_a_sentence,
)
from werkzeug.test import TestResponse

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import Custom, Lime
from tb_xai_plugin.probes import areas, regions
from tb_xai_plugin.records import wire

pytestmark = pytest.mark.viewing

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
    # The unit follows from the output, which is named.
    assert wire.differing(least, Plan(probes, output="probability").comparable, "shap") == ["output (log-odds and probability)"]


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
