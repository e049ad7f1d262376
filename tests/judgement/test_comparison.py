"""Two runs compared: distances and errors against their definitions, the order of probes, repeats, the words of verdict and findings, and the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support.analysed import given_run, noisy_series
from support.records import FakeRun

from tb_xai_plugin import cli, read_run, read_runs
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import distances, findings, region_pairs
from tb_xai_plugin.run import Run

pytestmark = pytest.mark.viewing

PLAYERS = 8
EPOCHS = 4


def lying_on(players: list[int], probes: int = 5) -> np.ndarray:
    values = np.full((probes, PLAYERS), 0.02)
    values[:, players] = 1.0
    return values


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """Runs a, b with other reasons for probes 1 and 3, of which b answers 3 wrong; seeds of two recipes."""
    base = lying_on([0, 1])
    other = base.copy()
    other[1], other[3] = lying_on([6, 7])[0], lying_on([5])[0]
    other[4, 1] = 0.5  # less of the same
    right = np.full((EPOCHS, 5), 0.9)
    wrong = right.copy()
    wrong[:, 3] = 0.2
    given_run(tmp_path / "a", noisy_series(base, EPOCHS), probability=right)
    given_run(tmp_path / "b", noisy_series(other, EPOCHS, seed=50), probability=wrong)
    for recipe, players in (("honest", [0, 1]), ("artefact", [5, 6])):
        for seed in range(5):
            unlike = lying_on(players) + 0.1 * np.random.default_rng(seed).random((5, PLAYERS))
            given_run(tmp_path / f"{recipe}-seed{seed}", noisy_series(unlike, EPOCHS, seed=seed))
    return tmp_path


def test_a_comparison_is_the_distance_of_both_runs_at_each_epoch(logdir: Path) -> None:
    a, b = read_run(logdir / "a"), read_run(logdir / "b")
    for measure, distance in distances.MEASURES.items():
        found = a.compare(b, "shap", measure=measure, target=0)
        expected = distance(a.values("shap")[:, :, 0].astype(float), b.values("shap")[:, :, 0].astype(float))
        np.testing.assert_allclose(found.distance, expected, atol=1e-6)
        np.testing.assert_allclose(b.compare(a, "shap", measure=measure, target=0).distance, expected, atol=1e-6)
    assert found.steps.tolist() == list(range(EPOCHS))


def test_only_what_differs_by_more_than_noise_is_real(logdir: Path) -> None:
    found = read_run(logdir / "a").compare(read_run(logdir / "b"), "shap")
    assert found.real.all(axis=0).tolist() == [False, True, False, True, True]
    changed = found.changed.all(axis=0)
    assert np.flatnonzero(changed[1]).tolist() == [0, 1, 6, 7]
    assert np.flatnonzero(changed[4]).tolist() == [1]
    assert found.changed[:, [0, 2]].mean() < 0.05


def test_probes_that_both_answer_right_come_first(logdir: Path) -> None:
    found = read_run(logdir / "a").compare(read_run(logdir / "b"), "shap")
    assert found.both_right.all(axis=0).tolist() == [True, True, True, False, True]
    assert found.look_first() == [1, 4, 3]
    assert found.typical == pytest.approx(np.median(found.distance[:, [0, 1, 2, 4]], axis=1))


def test_repeats_of_a_recipe_tell_how_far_apart_another_seed_is(logdir: Path) -> None:
    runs = read_runs(logdir)
    within = runs["honest-seed0"].compare(runs["honest-seed1"], "shap", repeats=runs)
    between = runs["honest-seed0"].compare(runs["artefact-seed0"], "shap", repeats=runs)
    assert len(within.repeats) == 3, "pairs of the three other seeds: no run is part of its own yardstick"
    assert len(between.repeats) == 20, "of both recipes"
    assert within.verdict().startswith("The runs differ by no more than the seed explains: ")
    assert between.verdict().startswith("The runs differ by more than the seed explains: ")
    assert between.typical[-1] > between.spread[-1].max()
    alone = runs["a"].compare(runs["b"], "shap", repeats=runs)
    assert alone.spread is None
    assert "how far apart two seeds are is unknown" in alone.verdict()


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (6, "The runs differ by more than the seed explains on 6 of 20 probes"),
        (2, "The runs differ by no more than the seed explains, except on 2 of 20 probes"),
    ],
)
def test_other_reasons_in_a_few_probes_are_told_from_what_another_seed_makes(moved: int, words: str, tmp_path: Path) -> None:
    for recipe, players in (("clean", [0, 1]), ("stamped", [6, 7])):
        for seed in range(5):
            values = lying_on([0, 1], 20) + 0.15 * np.random.default_rng([len(recipe), seed]).random((20, PLAYERS))
            values[:moved, [0, 1]], values[:moved, players] = values[:moved, players].copy(), values[:moved, [0, 1]].copy()
            given_run(tmp_path / f"{recipe}-seed{seed}", noisy_series(values, 2, seed=seed))
    runs = read_runs(tmp_path)
    found = runs["clean-seed0"].compare(runs["stamped-seed1"], "shap", repeats=runs)
    assert np.flatnonzero(found.beyond_repeats[-1]).tolist() == list(range(moved))
    assert re.match(
        rf"{words} that both runs get right: median distance 0\.\d\d; 20 pairs of repeats: 0\.\d\d to 0\.\d\d\.$", found.verdict()
    )
    alike = runs["clean-seed0"].compare(runs["clean-seed1"], "shap", repeats=runs)
    assert alike.verdict().startswith("The runs differ by no more than the seed explains: ")


@pytest.mark.parametrize(("seeds", "told"), [(3, True), (2, False)])
def test_all_seeds_of_one_recipe_above_all_of_the_other_are_told(seeds: int, told: bool, tmp_path: Path) -> None:
    """A region, the left half of pictures of two columns of players, with 50 to 52 % of one recipe and 56 to 58 % of the other: no onset, and no chance."""
    shares: dict[str, float] = {}
    for place, recipe in enumerate(("plain", "stamped")):
        for seed in range(seeds):
            part = 0.5 + 0.06 * place + 0.01 * seed
            values = np.tile(np.repeat([part, 1 - part], 4) / 4, (5, 1))
            fake = given_run(tmp_path / f"{recipe}-seed{seed}", noisy_series(values, 3, 1e-4, seed=seed), errors=1e-4)
            shares[fake.name] = part
    runs = read_runs(tmp_path)
    half = np.tile(np.repeat([1.0, 0.0], 4), (5, 1))
    for run in runs.values():
        run.inside = lambda region, chosen=None: half if chosen is None else half[list(chosen)]
    a, b = runs["plain-seed0"], runs["stamped-seed1"]
    compared = a.compare(b, "shap", repeats=runs)
    seeds_a, seeds_b = compared.regions["left"].seeds
    assert np.sort(seeds_a[:, -1]) == pytest.approx([shares[f"plain-seed{seed}"] for seed in range(seeds)], abs=1e-3)
    assert np.sort(seeds_b[:, -1]) == pytest.approx([shares[f"stamped-seed{seed}"] for seed in range(seeds)], abs=1e-3)
    sentence = "left: 3 runs of A's recipe put 50 % to 52 % there, 3 runs of B's recipe 56 % to 58 %."
    assert compared.verdict().startswith(sentence) is told
    assert (sentence in [finding.text for finding in findings.of_pair(compared, a, b)]) is told


@pytest.mark.parametrize(("seeds", "told"), [(5, True), (4, False)])
def test_runs_with_the_same_seed_are_pairs(seeds: int, told: bool, tmp_path: Path) -> None:
    """30 to 70 % of one recipe on the left, 34 to 74 % of the other: the ranges overlap, and yet every seed has more in the second."""
    for place, recipe in enumerate(("plain", "stamped")):
        for seed in range(seeds):
            part = 0.3 + 0.04 * place + 0.1 * seed
            given_run(
                tmp_path / f"{recipe}-seed{seed}",
                noisy_series(np.tile(np.repeat([part, 1 - part], 4) / 4, (5, 1)), 3, 1e-4, seed=seed),
                errors=1e-4,
            )
    runs = read_runs(tmp_path)
    half = np.tile(np.repeat([1.0, 0.0], 4), (5, 1))
    for run in runs.values():
        run.inside = lambda region, chosen=None: half if chosen is None else half[list(chosen)]
    compared = runs["plain-seed0"].compare(runs["stamped-seed0"], "shap", repeats=runs)
    sentence = "left: with each of 5 seeds, the run of B's recipe puts 4 to 4 points more there than that of A's."
    assert (sentence in [finding.text for finding in findings.of_pair(compared, runs["plain-seed0"], runs["stamped-seed0"])]) is told


def test_two_seeds_are_too_few_to_judge_by(logdir: Path) -> None:
    runs = {
        name: run
        for name, run in read_runs(logdir).items()
        if not name.startswith("artefact") and name not in ("honest-seed3", "honest-seed4")
    }
    verdict = (
        runs["a"].compare(runs["honest-seed0"], "shap", repeats={name: runs[name] for name in ("honest-seed0", "honest-seed1")}).verdict()
    )
    assert re.search(r"; how far apart two seeds are is unknown from so few repeats \(1 pair of repeats: 0\.\d\d\)\.$", verdict)


def test_repeats_that_stopped_earlier_are_not_known_later(logdir: Path, tmp_path: Path) -> None:
    for name, player in (("z-seed9", 0), ("y", 5)):
        given_run(tmp_path / "long" / name, noisy_series(lying_on([player]), 10))
    for seed in range(4):
        given_run(tmp_path / "long" / f"z-seed{seed}", noisy_series(lying_on([0]), 6, seed=seed))
    runs = read_runs(tmp_path / "long")
    found = runs["z-seed9"].compare(runs["y"], "shap", repeats=runs)
    assert np.isnan(found.spread[-1]).all()
    assert "how far apart two seeds are is unknown" in found.verdict(9)
    assert found.verdict(3).startswith("The runs differ by more than the seed explains")


def test_a_repeat_that_has_just_begun_is_no_reason_not_to_compare_others(tmp_path: Path) -> None:
    for seed in range(4):
        given_run(tmp_path / f"z-seed{seed}", noisy_series(lying_on([seed]), 3, seed=seed))
    FakeRun(tmp_path / "z-seed4", players=(8,) * 5, explainers=("shap",), sketched=False).write([0], explained=False)
    given_run(tmp_path / "z-seed5", [lying_on([0])], first=-1)
    runs = read_runs(tmp_path)
    assert len(runs) == 6
    for align in ("epoch", "val_accuracy", "best"):
        found = runs["z-seed0"].compare(runs["z-seed1"], "shap", align, repeats=runs)
        assert np.isfinite(found.typical).all()
        assert np.isfinite(found.spread).any()


def test_what_is_sure_and_small_is_no_other_reason(tmp_path: Path) -> None:
    alike, moved = lying_on([0, 1]), lying_on([0, 1])
    moved[:, 1] = 0.8  # a twentieth of the map is elsewhere
    for name in ("a-seed0", "a-seed1", "a-seed2"):
        given_run(tmp_path / name, noisy_series(alike, 2, 1e-4, seed=int(name[-1])), errors=1e-4)
    given_run(tmp_path / "b", noisy_series(moved, 2, 1e-4, seed=9), errors=1e-4)
    runs = read_runs(tmp_path)
    found = runs["a-seed0"].compare(runs["b"], "shap", repeats=runs)
    assert found.real.all()
    assert not found.other_reasons.any()
    assert found.look_first() == []
    assert re.fullmatch(
        r"The runs differ by more than the seed explains, but too little to matter: none of 5 probes that both runs get right have different "
        r"reasons, median distance 0\.05; 3 pairs of repeats: 0\.00\.",
        found.verdict(),
    )


def test_where_noise_is_unknown_nothing_is_called_the_same(tmp_path: Path) -> None:
    for name, players in (("a", [0]), ("b", [5])):
        given_run(tmp_path / name, noisy_series(lying_on(players), 2), errors=float("nan"))
    found = read_run(tmp_path / "a").compare(read_run(tmp_path / "b"), "shap")
    assert re.match(
        r"The explanations of 5 probes that both runs get right have the median distance 0\.8\d; how much of it is noise is unknown",
        found.verdict(),
    )
    assert sorted(found.look_first()) == [0, 1, 2, 3, 4]


def test_repeats_counted_from_the_best_are_compared_at_their_own_best(tmp_path: Path) -> None:
    """Four runs that are alike at their best and nowhere else; the bests of repeats come later."""
    for name, best in (("a", 2), ("b", 2), ("c-seed1", 6), ("c-seed2", 6), ("c-seed3", 6), ("a-seed1", 6)):
        values = [lying_on([0 if epoch == best else 1 + (epoch + len(name)) % 7]) for epoch in range(8)]
        accuracy = [0.9 if epoch == best else 0.5 for epoch in range(8)]
        given_run(
            tmp_path / name,
            [each + 0.001 * np.random.default_rng(epoch).random(each.shape) for epoch, each in enumerate(values)],
            accuracy=accuracy,
        )
    runs = read_runs(tmp_path)
    found = runs["c-seed1"].compare(runs["b"], "shap", "best", repeats=runs)
    assert found.steps[found.place()] == 6, "the row of the best is the one that is spoken of"
    assert found.spread[found.place()].max() < 0.01


def test_what_is_no_run_is_refused_in_one_sentence(logdir: Path) -> None:
    a, b = read_run(logdir / "a"), read_run(logdir / "b")
    with pytest.raises(TypeError, match=r"^a: compare got a str; give a run, as read_run returns it\.$"):
        a.compare("logs/b", "shap")
    with pytest.raises(TypeError, match=r"^a: repeats is a str; give \{name: run\}, as read_runs returns it\.$"):
        a.compare(b, "shap", repeats="logs")
    assert repr(a.compare(b, "shap")).startswith(
        "Comparison('a', 'b', 'shap', 4 epochs: 2 of 4 probes that both runs get right have different reasons"
    )
    assert repr(a.trust("shap")).startswith("Trust(4 steps of 5 probes; not additive: ")


def test_runs_that_cannot_be_compared_say_why(logdir: Path, tmp_path: Path) -> None:
    FakeRun(tmp_path / "other", explainers=("lime",)).write([0])
    with pytest.raises(ArgumentError, match=r"a and other can't be compared: other has no 'shap'; it has lime"):
        read_run(logdir / "a").compare(read_run(tmp_path / "other"), "shap")
    with pytest.raises(ArgumentError, match="unknown measure 'euclid'"):
        read_run(logdir / "a").compare(read_run(logdir / "b"), "shap", measure="euclid")
    with pytest.raises(ArgumentError, match="step 77"):
        read_run(logdir / "a").compare(read_run(logdir / "b"), "shap").place(77)


def test_two_runs_may_be_compared_with_each_other_at_once(logdir: Path) -> None:
    """As the page does when A and B change places while replies are on their way."""
    runs, meet = [read_run(logdir / name) for name in "ab"], threading.Barrier(2, timeout=20)

    def ask(run: Run, other: Run) -> None:
        run.cached("with the other", make=lambda: (meet.wait(), other.values("shap")))

    asking = [threading.Thread(target=ask, args=pair, daemon=True) for pair in (runs, runs[::-1])]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(20)
    assert not any(thread.is_alive() for thread in asking), "each waits for the other"


# The command line


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_line_says_which_probes_and_players(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, str(logdir / "a"), str(logdir / "b"), "--align", "epoch")
    assert "2 of 4 probes that both runs get right have different reasons" in text
    first, second, third = text.split("Look at\n")[1].splitlines()
    assert re.fullmatch(
        r"  probe 1 “class [01]” \(#1\): both right, 9[0-9] % of the attribution differs \(noise floor [0-9] %\); [0-9]+ % of the difference is in segment \d: A .*",
        first,
    )
    assert "; 49 % of the difference is in segment 1: A +" in second
    assert third.startswith("  probe 3 “class 0” (#3): A right, B wrong, ")


def test_the_command_line_tells_regions_with_their_onset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Players 0 to 7 are rows of 8 x 8 pictures; "left" is half of each, so that both runs have 50 % there."""
    for name in "ab":
        given_run(tmp_path / name, noisy_series(lying_on([0]), EPOCHS), first=0)
    text = said(capsys, str(tmp_path / "a"), str(tmp_path / "b"))
    assert re.search(r"^left +50.0 ± 0.1 % +never +50.0 ± 0.1 % +never$", text, re.MULTILINE)


def test_regions_that_lie_elsewhere_are_not_set_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        given_run(tmp_path / name, noisy_series(lying_on([0]), EPOCHS))
    b = read_run(tmp_path / "b")
    assert region_pairs.common_regions(read_run(tmp_path / "a"), b) == ["left"]
    elsewhere = b.statics("segments", "regions")[1]
    elsewhere[:, :, 4:] = 0  # the upper left quarter alone
    assert region_pairs.common_regions(read_run(tmp_path / "a"), b) == []


def test_the_command_line_prints_json(logdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(said(capsys, str(logdir / "honest-seed0"), str(logdir / "artefact-seed1"), "--repeats", str(logdir), "--json"))
    assert report["typical distance"] > report["between repeats"][2]
    assert report["runs"]["B"]["name"] == "artefact-seed1"
    assert report["runs"]["A"]["events"]["learned"] == 5
    assert [finding["probe"] for finding in report["look at"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a", "nowhere"], "there is no directory"),
        (["a", "b", "--explainer", "magic"], "no explainer 'magic'"),
        (["a", "b", "--class", "9"], "class 9 is out of range"),
        (["a", "b", "--set", "other"], "no probe set 'other'"),
        (["a", "b", "--epoch", "99"], "step 99 is not among"),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence(
    arguments: list[str], sentence: str, logdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b, *rest = arguments
    assert cli.main(["compare", str(logdir / a), str(logdir / b), *rest]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tb-xai: ")
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_the_shell_does_without_tensorflow_where_there_is_one(logdir: Path) -> None:
    code = f"import sys; from tb_xai_plugin import cli; sys.argv = ['tb-xai', 'compare', {str(logdir / 'a')!r}, {str(logdir / 'b')!r}]; cli.main()"
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}; print('tensorflow' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert "2 of 4 probes that both runs get right have different reasons" in ended.stdout
    assert ended.stdout.endswith("False\n")


def test_noise_that_could_hide_any_difference_is_named_with_its_floor(tmp_path: Path) -> None:
    for name, players in (("a", [0, 1]), ("b", [2, 3])):
        given_run(tmp_path / name, noisy_series(lying_on(players), 2), errors=2.0)
    compared = read_run(tmp_path / "a").compare(read_run(tmp_path / "b"), "shap")
    assert compared.outcome() == "unclear"
    median, floor = (f"{numbers[-1]:.2f}" for numbers in (compared.typical, compared.typical_floor))
    assert compared.verdict().startswith(
        f"Noise hides whether 5 probes that both runs get right have different reasons: median distance {median}, "
        f"median noise floor {floor} (give more evaluations); how far apart"
    )
