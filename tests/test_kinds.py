"""Every kind of probes through training, record, reader and routes; and two kinds in one run."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.kinds import EPOCHS, FEATURES, KINDS, Kind, dense, logged, table, tabular, text, trained
from support.server import Server

import tb_xai_plugin as xai
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.records import wire
from tb_xai_plugin.run import Run
from tb_xai_plugin.training.standing import read_standing

STEPS = list(range(-1, EPOCHS))
NO_IMAGES = [name for name in KINDS if name != "image"]


@dataclass(frozen=True)
class Logged:
    """A run of three epochs of a kind, and its reader and server."""

    kind: Kind
    log_dir: Path
    model: keras.Model
    run: Run
    server: Server

    def reply(self, route: str, **arguments: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return self.server.reply(route, run="a/xai", **arguments)

    def refused(self, route: str, **arguments: Any) -> str:
        """The sentence of a 400."""
        response = self.server.get(route, {"run": "a/xai", "explainer": "shap", "class": "label", **arguments})
        assert (response.status_code, response.mimetype) == (400, "text/plain"), response.text
        return response.text


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Logged]:
    found = {}
    for name, make in KINDS.items():
        logdir, kind = tmp_path_factory.mktemp(name), make()
        model = logged(kind, logdir / "a")
        found[name] = Logged(kind, logdir / "a", model, xai.read_run(logdir / "a"), Server(logdir))
    return found


@pytest.fixture(params=list(KINDS))
def each(request: pytest.FixtureRequest, runs: dict[str, Logged]) -> Logged:
    return runs[request.param]


@pytest.fixture(params=NO_IMAGES)
def other(request: pytest.FixtureRequest, runs: dict[str, Logged]) -> Logged:
    return runs[request.param]


# Training


def test_weights_and_optimizer_are_bit_identical_with_and_without_it(each: Logged) -> None:
    plain = trained(each.kind)
    for ours, theirs in ((plain.weights, each.model.weights), (plain.optimizer.variables, each.model.optimizer.variables)):
        assert len(ours) == len(theirs) > 0
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_last_epoch_of_the_record_is_the_explanation_of_the_trained_model(each: Logged) -> None:
    found = xai.explain(each.model, each.kind.probes)
    for explainer in ("lime", "shap"):
        assert np.array_equal(each.run.values(explainer)[-1], found[explainer].values, equal_nan=True)
        assert np.array_equal(each.run.base_values(explainer)[-1], found[explainer].base_values)
    p = each.model.predict(each.kind.x[:4], verbose=0)
    assert np.allclose(each.run.outputs[-1], p, atol=1e-6)
    assert not np.array_equal(each.run.values("shap")[0], each.run.values("shap")[-1], equal_nan=True)


# The record and its reader


def test_the_probes_read_are_the_probes_logged(each: Logged) -> None:
    probes, read = each.kind.probes, each.run.probes
    assert type(read) is type(probes)
    assert (each.run.kind, read.kind) == (probes.kind, probes.kind)
    assert read.digest == probes.digest
    assert (read.names, read.class_names) == (probes.names, probes.class_names)
    assert list(read.regions) == list(probes.regions) == [each.kind.region]
    assert read.inputs.tolist() == probes.inputs.tolist()
    assert np.array_equal(read.players, probes.players)
    assert [read.player_names(i) for i in range(4)] == [probes.player_names(i) for i in range(4)]
    assert each.run.steps.tolist() == list(range(EPOCHS))


def toward_label(run: Run) -> np.ndarray:
    """(epochs, probes, players), of shap."""
    values, labels = run.values("shap"), run.record["probes"]["labels"]
    return np.stack([values[:, probe, label] for probe, label in enumerate(labels)], axis=1)


def test_importance_is_the_mean_over_probes(each: Logged) -> None:
    values = toward_label(each.run)
    found = each.run.importance("shap")
    assert found.shape == (EPOCHS, int(each.kind.probes.players.max()))
    for epoch in range(EPOCHS):
        for player in range(found.shape[1]):
            there = [abs(float(row[player])) for row in values[epoch] if np.isfinite(row[player])]
            assert found[epoch, player] == pytest.approx(sum(there) / len(there), rel=1e-6)
    of_class = each.run.importance("shap", target=1)
    assert np.allclose(of_class, np.nanmean(np.abs(each.run.values("shap")[:, :, 1]), axis=1), rtol=1e-6)


def test_the_share_of_players_is_theirs_of_all(other: Logged) -> None:
    names, numbers = other.kind.players
    values = np.abs(toward_label(other.run))
    whole = np.nansum(values, axis=-1)
    expected = np.zeros((EPOCHS, 4))
    for probe in range(4):
        for player, name in enumerate(other.kind.probes.player_names(probe)):
            expected[:, probe] += values[:, probe, player] * (name in names)
    assert np.allclose(other.run.region_share("shap", names), expected / whole, rtol=1e-5, atol=1e-9)
    assert expected[:, 0] == pytest.approx(values[:, 0, numbers].sum(axis=-1), rel=1e-6)
    assert np.allclose(other.run.region_share("shap", numbers), np.nansum(values[:, :, numbers], axis=-1) / whole, rtol=1e-5)
    assert np.allclose(other.run.region_share("shap", np.array(numbers)), other.run.region_share("shap", numbers))
    # Nobody counts twice.
    assert np.array_equal(other.run.region_share("shap", [*names, *names]), other.run.region_share("shap", names))


INSIDE = {
    "tabular": lambda probes, probe: [float(i in (3, 4)) for i in range(FEATURES)],
    "text": lambda probes, probe: [float(word in ("good", "fine")) for word in str(probes.inputs[probe]).split()],
    "sequence": lambda probes, probe: [1, 1, 0.5] + [0] * 7,
}


def test_the_share_of_a_named_region_counts_what_lies_inside(other: Logged) -> None:
    probes, values = other.kind.probes, np.abs(toward_label(other.run))
    found = other.run.region_share("shap", other.kind.region)
    for probe in range(4):
        inside = np.array(INSIDE[probes.kind](probes, probe))
        here = values[:, probe, : len(inside)]
        assert np.allclose(found[:, probe], here @ inside / here.sum(axis=1), rtol=1e-5)


def test_regions_that_are_not_there_are_refused_by_name(other: Logged) -> None:
    names, _ = other.kind.players
    players = int(other.kind.probes.players.max())
    for region, sentence in {
        "elsewhere": f"no region 'elsewhere' in this record; it has \\['{other.kind.region}'\\]",
        ("nobody",): "no player has the name 'nobody'; choose one of run.probes.player_names",
        **({} if other.kind.probes.kind == "text" else {(names[0], "nobody"): "no player has the name 'nobody'"}),
        (players,): f"there is no player {players}; give a number from 0 to {players - 1}",
        (0, -1): "there is no player -1",
        (True, False): "there is no player True",
        (0.5,): "there is no player 0.5",
        (): "the region has no player",
    }.items():
        with pytest.raises(ArgumentError, match=sentence):
            other.run.region_share("shap", region)
    with pytest.raises(ArgumentError, match="there is no player"):
        other.run.region_share("shap", np.ones(players, bool))


def test_tokens_are_found_in_whatever_case_as_in_named_regions(runs: dict[str, Logged]) -> None:
    run = runs["text"].run
    assert np.array_equal(run.region_share("shap", ["Good", "FINE"]), run.region_share("shap", "praise"))


def test_to_dataframe_has_a_row_for_every_number(each: Logged) -> None:
    frame = each.run.to_dataframe()
    players = each.kind.probes.players
    assert len(frame) == len(STEPS) * 2 * 2 * players.sum()
    assert np.isfinite(frame["value"]).all()
    chosen = frame[(frame.step == 2) & (frame.explainer == "shap") & (frame.probe == 1) & (frame.target == 1)]
    assert np.array_equal(chosen.value.to_numpy(np.float32), each.run.values("shap")[2, 1, 1, : players[1]])
    assert chosen["class"].unique().tolist() == ["yes"]
    assert chosen.player.tolist() == list(range(players[1]))


# Routes


def test_run_says_what_the_page_has_to_know_of_a_kind(each: Logged) -> None:
    probes = each.kind.probes
    found = each.server.json("run", run="a/xai")
    about = {
        "image": {"height": 5, "width": 4, "channels": 1},
        "tabular": {
            "features": [f"x{i}" for i in range(FEATURES)],
            "categorical": {},
            "player_names": [f"x{i}" for i in range(FEATURES)],
            "player_of": list(range(FEATURES)),
        },
        "text": {"words": [textwrap.shorten(str(text), 25, placeholder="…") for text in probes.inputs]},
        "sequence": {"length": FEATURES, "channels": 1, "channel_names": None, "alike": True},
    }[probes.kind]
    assert found["probes"] == {
        "kind": probes.kind,
        "count": 4,
        **about,
        "regression": False,
        "players": probes.players.tolist(),
        "names": probes.names,
        "labels": probes.labels.tolist(),
        "classes": 2,
        "class_names": ["no", "yes"],
    }
    assert found["regions"] == [each.kind.region]
    assert found["steps"] == STEPS
    assert set(probes.parts) < set(found["comparable"])
    assert found["settings"]["kind"] == probes.kind


def test_values_are_the_readers(each: Logged) -> None:
    for explainer in ("lime", "shap"):
        header, served = each.reply("values", explainer=explainer, probes="2,0", **{"class": 1})
        assert header["probes"] == [2, 0]
        assert served["steps"].tolist() == STEPS
        assert np.array_equal(served["values"], each.run.all_values(explainer)[:, [2, 0], 1], equal_nan=True)
        assert np.array_equal(served["errors"], each.run.all_errors(explainer)[:, [2, 0], 1], equal_nan=True)
        assert np.array_equal(served["base"], each.run.all_base_values(explainer)[:, [2, 0], 1])


def test_probes_are_served_as_people_see_them(other: Logged) -> None:
    probes, chosen = other.kind.probes, [3, 0]
    header, arrays = other.reply("probes", probes="3,0")
    assert header["probes"] == chosen
    inside = np.zeros((2, 1, int(probes.players.max())), dtype=np.float32)
    for row, probe in enumerate(chosen):
        part = INSIDE[probes.kind](probes, probe)
        inside[row, 0, : len(part)] = part
    assert arrays["regions"].dtype == np.float32
    assert np.array_equal(arrays.pop("regions"), inside)
    if probes.kind == "text":
        assert header["pieces"] == [[list(piece) for piece in probes.pieces[probe]] for probe in chosen]
        assert ["".join(piece for piece, _ in pieces) for pieces in header["pieces"]] == probes.inputs[chosen].tolist()
        assert arrays == {}
        return
    assert set(header) == {"probes", "arrays"}
    if probes.kind == "tabular":
        assert {name: array.dtype.name for name, array in arrays.items()} == {"rows": "float32", "missing": "uint8"}
        assert np.array_equal(arrays["rows"], probes.inputs[chosen])
        assert np.array_equal(arrays["missing"], np.zeros((2, FEATURES)))
    else:
        assert {name: array.dtype.name for name, array in arrays.items()} == {"series": "float32", "segments": "uint16"}
        assert np.array_equal(arrays["series"], probes.inputs[chosen][..., None])
        assert np.array_equal(arrays["segments"], probes.segments[chosen])


def test_probes_that_are_too_large_for_a_reply_are_refused(other: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tb_xai_plugin.serving.request.REPLY_BYTES", 250)
    assert "probes: 4 probes are 0 MiB, and a reply has at most 0 MiB; ask for fewer probes." in other.refused("probes")
    assert other.reply("probes", probes="1")[0]["probes"] == [1]


def test_missing_values_and_display_are_served(tmp_path: Path) -> None:
    x, y = table()
    rows = x[:3].copy()
    rows[1, 4] = np.nan
    least = {"labels": y[:3], "background": x, "missing": "baseline"}
    kind = tabular()
    probes = {"shown": xai.TabularProbes(rows, display=lambda shown: shown * 10, **least), "plain": xai.TabularProbes(rows, **least)}
    logged(kind, tmp_path / "a", probes, evaluations=256)
    server = Server(tmp_path)
    shown, plain = (server.reply("probes", run="a/xai", set=name)[1] for name in ("shown", "plain"))
    assert np.argwhere(shown["missing"]).tolist() == np.argwhere(plain["missing"]).tolist() == [[1, 4]]
    expected = np.where(np.isnan(rows), x[:, 4].mean(dtype=np.float64), rows)
    assert np.allclose(plain["rows"], expected, atol=1e-6)
    assert np.allclose(shown["rows"], 10 * expected, atol=1e-5)
    # Nobody to speak of: no region.
    assert plain["regions"].shape == (3, 0, FEATURES)


def test_share_is_the_readers_of_a_region_and_of_players(other: Logged) -> None:
    _, numbers = other.kind.players
    for asked, region in (({"region": other.kind.region}, other.kind.region), ({"players": ",".join(map(str, numbers))}, numbers)):
        header, served = other.reply("share", explainer="shap", probes="2,0", **{"class": "label", **asked})
        expected = other.run.all_region_share("shap", region, "label").share[:, [2, 0]]
        assert header["probes"] == [2, 0]
        assert np.allclose(served["share"], expected, rtol=1e-6, equal_nan=True)
        assert np.allclose(served["quartiles"], np.nanquantile(expected, [0.25, 0.5, 0.75], axis=1), rtol=1e-6, equal_nan=True)
        assert np.isfinite(served["share"]).all()


def test_what_share_can_not_do_is_said_in_a_sentence(other: Logged) -> None:
    kind = other.kind.probes.kind
    assert f"'area' is for images, and these are {kind} probes; give 'players'" in other.refused("share", area="0,0,8,0,8,8")
    for players in ("x3", "-1", "0:3", "1,,2", "1,", "1.5", "9" * 12):
        assert f"share: players is '{players}'; give e.g. '3,7,9'." in other.refused("share", players=players)
    assert "there is no player 99" in other.refused("share", players="0,99")
    assert "give one of" in other.refused("share", players="0", region=other.kind.region)
    assert "give one of" in other.refused("share")


def test_images_have_areas_and_no_players(runs: dict[str, Logged]) -> None:
    image = runs["image"]
    assert "'players' is for probes that are not images" in image.refused("share", players="0,1")
    ask = {"explainer": "shap", "class": "label"}
    left = image.reply("share", **ask, region="left")[1]["share"]
    assert np.allclose(image.reply("share", **ask, area="0,0,2,0,2,5,0,5")[1]["share"], left)


def test_importance_is_the_readers(each: Logged) -> None:
    ask = {"explainer": "shap", "class": "label"}
    header, served = each.reply("importance", **ask)
    assert set(header) == {"arrays"}
    assert served["steps"].tolist() == STEPS
    assert served["importance"].dtype == np.float32
    assert np.allclose(served["importance"], each.run.all_importance("shap", "label"), rtol=1e-6)
    assert np.array_equal(each.reply("importance", **ask, since=0)[1]["importance"], served["importance"][2:])
    assert each.server.get("importance", {"run": "a/xai", "explainer": "magic", "class": "label"}).status_code == 404


def test_every_other_route_answers_for_every_kind(each: Logged) -> None:
    ask = {"explainer": "shap", "class": "label"}
    for route, shape in {
        "fidelity": (EPOCHS + 1, 4, len(each.run.measures("shap"))),
        "answers": (EPOCHS + 1, 4),
        "outputs": (EPOCHS + 1, 4, 2),
        "drift": (EPOCHS + 1, 4),
        "difference": (EPOCHS + 1, 4, int(each.kind.probes.players.max())),
    }.items():
        named = {"answers": "predicted", "outputs": "full", "difference": "errors"}.get(route, route)
        assert each.reply(route, **ask)[1][named].shape == shape


# Two kinds in one run


def series(segments: int = FEATURES) -> xai.SequenceProbes:
    """The rows of `tabular` as series with an axis of channels, which the model does not have."""
    x, y = table()
    return xai.SequenceProbes(x[:4, :, None], y[:4], segments=segments, baseline=0, model_input=lambda batch: batch[..., 0])


def two_kinds(log_dir: Path, epochs: int, *, first: int = 0, model: keras.Model | None = None) -> keras.Model:
    """One Dense model, explained on the same rows as a table and as series."""
    kind = tabular()
    if model is None:
        keras.utils.set_random_seed(5)
        model = dense()
        model.compile("adam", "sparse_categorical_crossentropy")
    callback = xai.ExplanationLogger(log_dir, {"rows": kind.probes, "signal": series()}, ["shap", "ig"], evaluations=256)
    model.fit(kind.x, kind.y, initial_epoch=first, epochs=epochs, verbose=0, callbacks=[callback])
    return model


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log_dir of a run of two kinds that was interrupted after two of its three epochs."""
    log_dir = tmp_path_factory.mktemp("both") / "a"
    model = two_kinds(log_dir, 2)
    before = {name: xai.read_run(log_dir, name).values("shap") for name in ("rows", "signal")}
    two_kinds(log_dir, EPOCHS, first=2, model=model)
    for name, values in before.items():
        assert np.array_equal(xai.read_run(log_dir, name).values("shap")[:2], values)
    return log_dir


def test_two_kinds_of_one_run_are_read_each_by_its_name_and_continued(both: Path) -> None:
    for name, probes in (("rows", tabular().probes), ("signal", series())):
        run = xai.read_run(both, name)
        assert (run.kind, run.probes.digest) == (probes.kind, probes.digest)
        assert (run.all_steps.tolist(), run.gaps) == (STEPS, {})
        assert run.values("shap").shape == (EPOCHS, 4, 2, FEATURES)
        assert np.isfinite(run.values("shap")).all()
        assert np.isfinite(run.values("ig")).all()
    rows, signal = (xai.read_run(both, name) for name in ("rows", "signal"))
    assert np.allclose(rows.outputs, signal.outputs, atol=1e-6)
    assert not np.allclose(rows.values("shap"), signal.values("shap"), atol=1e-2)
    with pytest.raises(ValueError, match=r"no probe set 'pictures'; it has \['rows', 'signal'\]"):
        xai.read_run(both, "pictures")


def test_two_kinds_of_one_run_are_served_each_by_its_name(both: Path) -> None:
    server = Server(both.parent)
    assert server.entries()["a/xai"]["sets"] == ["rows", "signal"]
    for name in ("rows", "signal"):
        run = xai.read_run(both, name)
        assert server.json("run", run="a/xai", set=name)["probes"]["kind"] == run.kind
        served = server.arrays("values", run="a/xai", set=name, explainer="shap", **{"class": 1})
        assert np.array_equal(served["values"], run.all_values("shap")[:, :, 1])
        played = server.arrays("share", run="a/xai", set=name, explainer="shap", players="3", **{"class": 1})["share"]
        assert np.allclose(played, run.all_region_share("shap", [3], 1).share)


def held(log_dir: Path, probes: object, *chosen: object, **options: object) -> str | None:
    """What a logger finds in the way in a log_dir; None where it can go on there."""
    logger = xai.ExplanationLogger(log_dir, probes, *chosen, **options)
    return read_standing(str(log_dir / "xai"), str(log_dir), logger._plans).problem


def test_a_run_of_two_kinds_does_not_go_on_with_other_probes_of_either(both: Path) -> None:
    x, y = table()
    moved = xai.TabularProbes(x[1:5], y[1:5], background=x, feature_names=[f"x{i}" for i in range(FEATURES)])
    known = {"rows": tabular().probes, "signal": series()}
    assert held(both, known, ["shap", "ig"], evaluations=256) is None
    cases = (({"rows": moved}, "probes"), ({"signal": series(5)}, "segments"), ({"rows": series(), "signal": known["rows"]}, "probes"))
    for other, word in cases:
        assert re.match(f"explanations with different .*{word}", str(held(both, {**known, **other}, ["shap", "ig"], evaluations=256)))


def test_a_run_goes_on_with_equal_probes_and_not_with_other_names_and_regions(other: Logged) -> None:
    assert held(other.log_dir, KINDS[other.run.kind]().probes) is None
    names, arrays = other.kind.probes.as_record()
    for attribute, value, word in (("class_names", ["nein", "ja"], "class names"), ("regions", {}, "regions")):
        probes = type(other.kind.probes).from_record(names, arrays)
        setattr(probes, attribute, value)
        assert str(held(other.log_dir, probes)).startswith(f"explanations with different {word}")


def test_a_region_with_other_players_under_the_same_name_is_another(other: Logged) -> None:
    probes = KINDS[other.run.kind]().probes
    elsewhere = {"tabular": [5], "text": ["the"], "sequence": np.broadcast_to(np.arange(FEATURES) > 8, (4, FEATURES))}
    probes.regions = {other.kind.region: elsewhere[probes.kind]}
    assert held(other.log_dir, probes) == "explanations with different regions"


def test_records_of_all_kinds_are_json_and_little_endian_arrays(each: Logged) -> None:
    names, arrays = each.kind.probes.as_record()
    assert json.loads(json.dumps(names)) == names
    for name, array in arrays.items():
        again = wire.unpack(wire.pack(array), array.dtype.name, array.shape)
        assert np.array_equal(again, array), name


def test_kinds_are_four() -> None:
    assert {name: make().probes.kind for name, make in KINDS.items()} == {name: name for name in KINDS}
    assert len(set(text().probes.players.tolist())) > 1
