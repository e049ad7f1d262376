"""Events, trust, comparisons and findings, also beside repeats. Through TensorBoard's own WSGI application; http_api.md is the oracle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.analysed import given_run, noisy_series
from support.records import FakeRun
from support.server import (
    Server,
    write_raw,
)

from tb_xai_plugin import read_runs
from tb_xai_plugin.judgement import repeats
from tb_xai_plugin.records import wire
from tb_xai_plugin.serving import catalog

pytestmark = pytest.mark.viewing

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
        r"probe \d “class [01]” \(#\d\): both right, \d+ % of the attribution differs \(noise floor \d %\); \d+ % of the difference is in segment [07]: A .*",
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


def test_repeats_served_are_those_of_the_reader_or_of_a_pattern(judged: Server) -> None:
    seeds = {recipe: [f"{recipe}-seed{seed}/xai" for seed in range(3)] for recipe in ("artefact", "honest")}
    found = [{"recipe": recipe, "runs": names} for recipe, names in seeds.items()]
    assert judged.json("repeats", set="probes") == {"groups": found, "pattern": "", "proposed": []}
    assert judged.json("repeats", set="probes", repeats="^[a-z]+")["groups"] == [
        {"recipe": f"-seed{seed}", "runs": [f"artefact-seed{seed}/xai", f"honest-seed{seed}/xai"]} for seed in range(3)
    ]
    assert judged.get("repeats", {"set": "probes", "repeats": "("}).status_code == 400
