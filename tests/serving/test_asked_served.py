"""Routes that are asked for regions by name: the shares are the reader's, and what no record can have is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.named import NamedRun, table, texts
from support.server import Server

from tb_xai_plugin import SequenceProbes, read_run

ASK = {"explainer": "shap", "class": "label"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    logdir = tmp_path_factory.mktemp("logs")
    series = SequenceProbes(np.arange(18, dtype=np.float32).reshape(3, 6, 1), [0, 1, 0], segments=3)
    probes = {"table": table(), "texts": texts(), "sentences": texts(tokenize="sentences"), "series": series}
    for name, given in probes.items():
        NamedRun(logdir / name, given=given).write(range(-1, 4))
    return Server(logdir)


def test_names_are_shared_as_the_reader_has_them(server: Server) -> None:
    run = read_run(Path(server.logdir) / "table")
    for names, region in (("age", ["age"]), ("fare", ["fare"]), ("age,deck%5FB,cabin", ["age", "deck_B"])):
        header, served = server.reply("share", run="table/xai", names=names, **ASK)
        np.testing.assert_allclose(served["share"][1:], run.region_share("shap", region), rtol=1e-5)
        np.testing.assert_allclose(served["own"], run.region_size(region), rtol=1e-6)
        assert header["unknown"] == (["cabin"] if "cabin" in names else [])
    (of_feature,) = [server.arrays("share", run="table/xai", region="deck_B", **ASK)["share"][1:]]
    np.testing.assert_allclose(of_feature, run.region_share("shap", "deck_B"), rtol=1e-5)


def test_the_players_of_names_are_sent_so_that_the_page_outlines_what_the_share_counts(server: Server) -> None:
    """A word in a sentence and another case of it count too: the reader's own rule, whole."""
    for name, names in (("texts", "good"), ("sentences", "good"), ("table", "deck_B"), ("series", "2:4")):
        run = read_run(Path(server.logdir) / name)
        served = server.arrays("share", run=f"{name}/xai", names=names, **ASK)
        np.testing.assert_array_equal(served["inside"], run.inside([names]) > 0)
        assert served["inside"].any()
        (of_one,) = server.arrays("share", run=f"{name}/xai", names=names, probes="2", **ASK)["inside"]
        np.testing.assert_array_equal(of_one, served["inside"][2])
    assert "inside" not in server.arrays("share", run="table/xai", region="money", **ASK)


@pytest.mark.parametrize(
    ("run", "given", "status"),
    [
        ("table", {"names": "cabin"}, 404),
        ("texts", {"names": "Spielberg"}, 404),
        ("table", {"region": "x" * 5000}, 404),
        ("table", {"names": ",".join(["age"] * 101)}, 400),
        ("table", {"names": "age,,"}, 400),
        ("table", {"names": "%00%ff<b>"}, 404),
        ("table", {"names": "age", "region": "fare"}, 400),
        ("table", {"area": "0,0,1,1"}, 400),
        ("texts", {"names": "y" * 1001}, 400),
    ],
)
def test_hostile_names_are_refused_in_one_short_sentence(run: str, given: dict[str, str], status: int, server: Server) -> None:
    response = server.get("share", {"run": f"{run}/xai", **ASK, **given})
    assert (response.status_code, response.mimetype) == (status, "text/plain")
    assert len(response.text) < 500
    assert "\n" not in response.text.strip()


@pytest.mark.parametrize("route", ["events", "findings"])
def test_what_is_no_list_of_regions_is_refused_and_what_the_record_lacks_is_left_out(route: str, server: Server) -> None:
    for asked in (
        "x",
        "{}",
        "[1]",
        "[" * 100000,
        '[{"name": "a"}]',
        '[{"name": "a", "names": 1}]',
        '[{"name": "a", "names": "b", "area": "c"}]',
    ):
        response = server.get(route, {"run": "table/xai", **ASK, "asked": asked})
        assert (response.status_code, len(response.text) < 500) == (400, True), asked[:50]
    many = json.dumps([{"name": str(i), "names": "age"} for i in range(17)])
    assert server.get(route, {"run": "table/xai", **ASK, "asked": many}).status_code == 400
    plain = server.json(route, run="table/xai", **ASK)
    absent = json.dumps(
        [
            {"name": "a", "names": "cabin"},
            {"name": "b", "area": "0,0,8,8"},
            {"name": "c", "players": "99"},
            {"name": "money", "names": "age"},
        ]
    )
    assert server.json(route, run="table/xai", **ASK, asked=absent) == plain
