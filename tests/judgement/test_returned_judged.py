"""What the returned model changes in the analysis of a run: nothing about its epochs. The oracle is the same record without that write."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.analysed import GivenRun, noisy_series
from support.records import FakeRun

from tb_xai_plugin import __version__, cli, read_run, read_runs
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import distances, findings
from tb_xai_plugin.judgement.alignment import ABSENT, pair, place
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.records.wire import RETURNED
from tb_xai_plugin.run import Run

pytestmark = pytest.mark.viewing

EPOCHS, PROBES, PLAYERS = 12, 4, 32  # four players in each row of pixels, two of them on the left


def values_of(epochs: int) -> list[np.ndarray]:
    """Reasons that move to the first players half way, and lean on the left from then on."""
    early, late = np.full((PROBES, PLAYERS), 0.3), np.full((PROBES, PLAYERS), 0.02)
    late[:, :2] = 1.5
    return [*noisy_series(early, 1 + epochs // 2, seed=1), *noisy_series(late, epochs - epochs // 2, seed=2)]


def trained(folder: Path, epochs: int = EPOCHS) -> GivenRun:
    """An untrained model and epochs, in which probe 1 is forgotten at the end."""
    values, errors = values_of(epochs), np.full((PROBES, PLAYERS), 0.01)
    probability = np.full((epochs + 1, PROBES), 0.9)
    probability[-2:, 1] = 0.2
    probability[0] = 0.5
    given = {step: (values[step + 1], errors, probability[step + 1]) for step in range(-1, epochs)}
    # The returned model's reasons and predictions are like no epoch's, so that anything that takes it for one shows.
    given[epochs] = (np.eye(PROBES, PLAYERS) * -5, errors, np.full(PROBES, 0.1))
    fake = GivenRun(folder, players=(PLAYERS,) * PROBES, explainers=("shap",), sketched=False, given=given)
    fake.write([-1], logs={})
    for epoch in range(epochs):
        fake.write([epoch], logs={"val_accuracy": 0.5 + epoch / 100})
    return fake


@pytest.fixture
def both(tmp_path: Path) -> tuple[Run, Run]:
    """A run with its returned model's own explanation, and the same without."""
    return read_run(trained(tmp_path / "with" / "run").write_returned().log_dir), read_run(trained(tmp_path / "without" / "run").log_dir)


def test_events_onsets_and_findings_are_those_without_it(both: tuple[Run, Run]) -> None:
    run, without = both
    assert {event.kind for event in without.events()} >= {"learned", "forgotten", "reason changed", "onset"}
    assert run.events() == without.events()
    assert run.onset("shap", "left") == without.onset("shap", "left") is not None
    assert [asdict(one) for one in findings.of_run(run, "shap", "label")] == [
        asdict(one) for one in findings.of_run(without, "shap", "label")
    ]
    assert findings.of_run(without, "shap", "label")


@pytest.mark.parametrize("measure", sorted(MEASURES))
@pytest.mark.parametrize("against", ["previous", "untrained", "final", 3])
def test_drift_and_floors_of_epochs_are_those_without_it(against: str | int, measure: str, both: tuple[Run, Run]) -> None:
    run, without = both
    for name in ("drift", "noise_floor"):
        np.testing.assert_array_equal(*(getattr(each, name)("shap", against, measure) for each in (run, without)))
    np.testing.assert_array_equal(*(each.changed("shap", against) for each in (run, without)))


def test_steadiness_shares_importance_and_trust_of_epochs_are_those_without_it(both: tuple[Run, Run]) -> None:
    run, without = both
    (one, other) = (asdict(each.steady_since("shap")) for each in both)
    np.testing.assert_equal(one, other)
    np.testing.assert_array_equal(*(each.region_share("shap", "left") for each in both))
    np.testing.assert_array_equal(*(each.importance("shap") for each in both))
    share, share_without = (each.share("shap", "left") for each in both)
    for name in ("before", "onset", "onset_of_run", "in_few", "measured", "rise", "least"):
        np.testing.assert_array_equal(getattr(share, name), getattr(share_without, name))
    for name in ("error", "untrained", "untrained_floor"):
        np.testing.assert_array_equal(getattr(run.trust("shap"), name)[:-1], getattr(without.trust("shap"), name))


def test_its_own_frame_has_drift_from_the_last_epoch_and_from_the_untrained_model(both: tuple[Run, Run]) -> None:
    run, _ = both
    (values,) = run.of_class("label", "values/shap")
    values = values.astype(np.float64)
    for against, reference in (("previous", -2), ("untrained", 0), ("final", -2), (4, 5)):
        expected = distances.total_variation(values[-1], values[reference])
        np.testing.assert_allclose(run.all_drift("shap", against, "tv", "label").distance[-1], expected)
    assert np.isfinite(run.trust("shap").untrained[-1]).all()
    assert np.isfinite(run.share("shap", "left").share[-1]).all()


def test_an_unknown_step_names_the_returned_model_among_the_choice(both: tuple[Run, Run]) -> None:
    run, without = both
    with pytest.raises(
        ArgumentError,
        match=r"step 99 was not explained; choose one of \[-1, 0, .*, 11\] \(-1 is the untrained model\) or the returned model\.",
    ):
        place(run, 99)
    with pytest.raises(
        ArgumentError, match=r"the returned model was not explained; choose one of \[-1, 0, .*, 11\] \(-1 is the untrained model\)\."
    ):
        place(without, RETURNED)
    with pytest.raises(ArgumentError, match=r"step 99 is not in the record; choose one of the steps from -1 to 11"):
        run.drift("shap", 99)


# Pairs


def rows(a: Run, b: Run, by: str = "epoch") -> list[tuple[int, int, int]]:
    pairs = pair(a, b, by)
    return list(zip(pairs.steps.tolist(), pairs.here.tolist(), pairs.there.tolist(), strict=True))


def run_of(folder: Path, steps: range, *returned: Any, **options: Any) -> Run:
    fake = FakeRun(folder, players=(3,)).write(steps)
    if returned:
        fake.write_returned(*returned, **options)
    return read_run(folder)


def test_the_returned_models_of_two_runs_are_a_pair(tmp_path: Path) -> None:
    a, b = (run_of(tmp_path / name, range(2), "averages") for name in "ab")
    assert rows(a, b) == [(0, 0, 0), (1, 1, 1), (RETURNED, RETURNED, RETURNED)]


@pytest.mark.parametrize("by", ["epoch", "val_accuracy", "best"])
def test_the_epoch_whose_weights_it_has_takes_the_place_of_a_returned_model_without_its_own_explanation(by: str, tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a", range(3), "averages"), run_of(tmp_path / "b", range(3), "restored", 1, explained=False)
    assert rows(a, b, by)[-1] == (RETURNED, RETURNED, 1)
    if by == "epoch":
        assert rows(b, a)[-1] == (RETURNED, 1, RETURNED)


@pytest.mark.parametrize("by", ["epoch", "val_accuracy", "best"])
def test_a_run_that_has_not_finished_has_no_returned_model_to_pair(by: str, tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a", range(2), "changed"), run_of(tmp_path / "b", range(2))
    assert rows(a, b, by)[-1] == (RETURNED, RETURNED, ABSENT)


def test_runs_whose_returned_models_are_epochs_have_no_row_for_them(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a", range(3), "last", 2, explained=False), run_of(tmp_path / "b", range(3), "restored", 1, explained=False)
    assert rows(a, b) == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]


@pytest.mark.parametrize("by", ["epoch", "val_accuracy", "best"])
def test_a_model_explained_once_stands_beside_every_step(by: str, tmp_path: Path) -> None:
    forest = read_run(FakeRun(tmp_path / "forest", players=(3,)).write_returned("once").log_dir)
    network, finished = run_of(tmp_path / "network", range(-1, 2)), run_of(tmp_path / "finished", range(2), "averages")
    restored = run_of(tmp_path / "restored", range(2), "restored", 0, explained=False)
    assert rows(network, forest, by) == [(step, step, RETURNED) for step in (-1, 0, 1)]
    assert rows(forest, network, by) == [(step, RETURNED, step) for step in (-1, 0, 1)]
    assert rows(finished, forest, by) == [(step, step, RETURNED) for step in (0, 1, RETURNED)]
    assert rows(restored, forest, by) == [(0, 0, RETURNED), (1, 1, RETURNED), (RETURNED, 0, RETURNED)]
    assert rows(forest, forest, by) == [(RETURNED, RETURNED, RETURNED)]


# Comparisons


def given(folder: Path, values: list[np.ndarray], *, returned: int | None = None, once: bool = False, first: int = 0) -> None:
    """returned: how many of the last values are of the returned model."""
    errors, sure = np.full((PROBES, PLAYERS), 0.01), np.full(PROBES, 0.9)
    steps = range(first, first + len(values))
    fake = GivenRun(
        folder,
        players=(PLAYERS,) * PROBES,
        explainers=("shap",),
        sketched=False,
        given={s: (v, errors, sure) for s, v in zip(steps, values, strict=True)},
    )
    fake.write(steps[: len(values) - (returned or 0)])
    if returned:
        fake.write_returned("once" if once else "averages")


def lying_on(players: list[int]) -> np.ndarray:
    values = np.full((PROBES, PLAYERS), 0.02)
    values[:, players] = 1.0
    return values


def test_a_comparison_is_judged_at_the_last_epoch_and_the_returned_models_have_their_own_row(tmp_path: Path) -> None:
    given(tmp_path / "a", [lying_on([0]), lying_on([0]), lying_on([5])], returned=1)
    given(tmp_path / "b", [lying_on([0]), lying_on([0]), lying_on([7])], returned=1)
    a, b = (read_run(tmp_path / name) for name in "ab")
    compared = a.compare(b, "shap")
    assert compared.steps.tolist() == [0, 1, RETURNED]
    np.testing.assert_allclose(compared.distance[:2], 0, atol=1e-12)
    expected = distances.total_variation(*(read.returned("shap")[:, 0].astype(float) for read in (a, b)))
    np.testing.assert_allclose(compared.distance[2], expected, rtol=1e-6)
    assert compared.place() == 1
    assert compared.verdict().startswith("None of")
    assert compared.verdict(RETURNED).startswith(f"The returned models: {PROBES} of {PROBES} probes")
    with pytest.raises(ArgumentError, match=r"step 9 is not among those of a and b; choose one of \[0, 1\] or the returned model"):
        compared.place(9)


@pytest.mark.parametrize("by", ["epoch", "val_accuracy", "best"])
def test_returned_models_that_are_epochs_are_compared_as_those_epochs(by: str, tmp_path: Path) -> None:
    """The usual end of a training: the returned model has the weights of the last epoch, or of the best one, and no explanation of its own."""
    restored_run(tmp_path / "a", [lying_on([0]), lying_on([3]), lying_on([5])])
    restored_run(tmp_path / "b", [lying_on([1]), lying_on([3]), lying_on([5])], last=True)
    a, b = (read_run(tmp_path / name) for name in "ab")
    compared = a.compare(b, "shap", by)
    assert compared.steps.tolist() == [0, 1, 2, RETURNED]
    expected = distances.total_variation(*(read.values("shap")[epoch, :, 0].astype(float) for read, epoch in ((a, 0), (b, 2))))
    np.testing.assert_allclose(compared.distance[-1], expected, rtol=1e-6)
    assert compared.verdict(RETURNED).startswith(f"The returned models: {PROBES} of {PROBES} probes")
    assert compared.place() < 3
    assert repr(compared).startswith("Comparison('a', 'b', 'shap', 3 epochs: ")


def test_without_numbers_a_comparison_is_about_the_last_epoch(tmp_path: Path) -> None:
    for name in "ab":
        restored_run(tmp_path / name, [lying_on([0]) * np.nan])
    a, b = (read_run(tmp_path / name) for name in "ab")
    assert a.compare(b, "shap").place() == 0
    assert repr(a.compare(b, "shap")).startswith("Comparison('a', 'b', 'shap', 1 epoch: There is nothing to compare")


def test_repeats_that_were_explained_once_show_the_effect_of_the_seed_at_every_epoch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for seed in range(4):
        moved = lying_on([0, 1])
        moved[:, 0] -= 0.3 * rng.random(PROBES)
        given(tmp_path / f"forest-seed{seed}", [moved], returned=1, once=True)
    given(tmp_path / "network", [lying_on([0, 1]), lying_on([6]), lying_on([6])])
    runs = read_runs(tmp_path)
    compared = runs["forest-seed0"].compare(runs["network"], "shap", repeats=runs)
    assert compared.steps.tolist() == [0, 1, 2]
    assert compared.repeats.shape == (6, 3, PROBES)
    assert np.isfinite(compared.repeats).all()
    np.testing.assert_array_equal(compared.repeats[:, 0], compared.repeats[:, 2])
    assert "by more than the seed explains" in compared.verdict(2)


def test_repeats_of_which_only_the_returned_model_was_explained_say_nothing_of_epochs(tmp_path: Path) -> None:
    for seed in range(2):
        given(tmp_path / f"ema-seed{seed}", [lying_on([seed])], returned=1)
    for name in ("cnn", "other"):
        given(tmp_path / name, [lying_on([0]), lying_on([1]), lying_on([2])], returned=1)
    runs = read_runs(tmp_path)
    repeats = {**runs, "cnn": runs["ema-seed0"]}
    compared = runs["ema-seed0"].compare(runs["other"], "shap", repeats=repeats)
    assert compared.steps.tolist() == [0, 1, RETURNED]
    assert np.isnan(compared.repeats[:, :2]).all()
    assert np.isfinite(compared.repeats[:, 2]).all()


def test_repeats_that_returned_an_epoch_are_compared_in_the_row_of_the_returned_models(tmp_path: Path) -> None:
    given(tmp_path / "other", [lying_on([4]), lying_on([4]), lying_on([4])], returned=1)
    for seed in range(3):
        values = lying_on([0, 1])
        values[:, seed] += 0.1
        restored_run(tmp_path / f"cnn-seed{seed}", [values, lying_on([0])])
    runs = read_runs(tmp_path)
    compared = runs["cnn-seed0"].compare(runs["other"], "shap", repeats=runs)
    assert compared.steps.tolist() == [0, 1, RETURNED]
    np.testing.assert_array_equal(compared.repeats[:, 2], compared.repeats[:, 0])  # all have the weights of epoch 0
    assert np.isfinite(compared.repeats).all()


def restored_run(folder: Path, values: list[np.ndarray], *, last: bool = False) -> None:
    """A run whose returned model has the weights of epoch 0, or of the last epoch."""
    errors, sure = np.full((PROBES, PLAYERS), 0.01), np.full(PROBES, 0.9)
    of_steps = {step: (each, errors, sure) for step, each in enumerate([*values, values[0]])}
    fake = GivenRun(folder, players=(PLAYERS,) * PROBES, explainers=("shap",), sketched=False, given=of_steps)
    returned = ("last", len(values) - 1) if last else ("restored", 0)
    fake.write(range(len(values))).write_returned(*returned, explained=False)


def test_everything_about_a_model_explained_once_is_known_or_empty(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path / "forest").write_returned("once").log_dir)
    assert run.events() == []
    assert run.onset("shap", "left") is None
    assert run.steady_since("shap").of_run is None
    for against in ("previous", "untrained", "final"):
        assert np.isnan(run.all_drift("shap", against, "tv", "label").distance).all()
    share = run.share("shap", "left")
    assert np.isfinite(share.share).any()
    assert (share.measured, share.onset_of_run, share.rise.shape[0]) == (False, -1, 0)
    assert run.trust("shap").error.shape[0] == 1
    assert {finding.step for finding in findings.of_run(run, "shap", "label")} <= {RETURNED}
    other = read_run(FakeRun(tmp_path / "network").write([-1, 0, 1]).log_dir)
    for a, b in ((run, other), (other, run)):
        compared = a.compare(b, "shap")
        assert compared.place() == 2
        assert np.isfinite(compared.distance).all()
        assert compared.verdict()
        findings.of_pair(compared, a, b)


# The command line


def test_the_command_line_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"tb-xai {__version__}\n"


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert cli.main(["compare", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_the_command_line_says_what_each_returned_model_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given(tmp_path / "ema", [lying_on([0]), lying_on([0]), lying_on([5])], returned=1)
    restored_run(tmp_path / "restored", [lying_on([0]), lying_on([0]), lying_on([2])])
    text = said(capsys, tmp_path / "ema", tmp_path / "restored")
    assert "\nA returned: moving averages of the optimizer, the weights of no epoch\nB returned: epoch 0, restored\n" in text
    assert text.startswith("None of 4")
    text = said(capsys, tmp_path / "ema", tmp_path / "restored", "--epoch", "returned")
    assert text.startswith("The returned models: 4 of 4 probes")
    assert re.search(r"^A ema +returned +", text, re.MULTILINE)
    assert re.search(r"^B restored +0 +val_accuracy 0.5 +", text, re.MULTILINE)


def test_the_command_line_compares_two_finished_runs_by_their_returned_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    restored_run(tmp_path / "a", [lying_on([0]), lying_on([4])], last=True)
    restored_run(tmp_path / "b", [lying_on([0]), lying_on([5])], last=True)
    text = said(capsys, tmp_path / "a", tmp_path / "b", "--epoch", "returned")
    assert text.startswith("The returned models: 4 of 4 probes")
    assert re.search(r"^A a +1 +val_accuracy", text, re.MULTILINE)


def test_the_command_line_compares_a_network_with_a_model_explained_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given(tmp_path / "forest", [lying_on([0])], returned=1, once=True)
    given(tmp_path / "network", [lying_on([0]), lying_on([0]), lying_on([5])])
    text = said(capsys, tmp_path / "network", tmp_path / "forest")
    assert text.startswith("4 of 4 probes that both runs get right have different reasons")
    assert re.search(r"^B forest( +-){8}$", text, re.MULTILINE)
    assert "\nB: explained once, without training\n" in text
    assert said(capsys, tmp_path / "network", tmp_path / "forest", "--epoch", "0").startswith("None of 4 probes")
    report = json.loads(said(capsys, tmp_path / "network", tmp_path / "forest", "--json"))
    assert [report["runs"][letter]["returned"] for letter in "AB"] == [None, {"epoch": None, "how": "once"}]
