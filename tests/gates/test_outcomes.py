"""What rules find in runs whose numbers are known, and how sure that is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from support.analysed import given_run, noisy_series
from support.records import FakeRun

import tb_xai_plugin as xai
from tb_xai_plugin import cli
from tb_xai_plugin.gates.outcomes import Outcome
from tb_xai_plugin.judgement import words
from tb_xai_plugin.run import Run

pytestmark = pytest.mark.viewing

PLAYERS, PROBES, EPOCHS = 8, 4, 6


def lying_on(share: float) -> np.ndarray:
    """Four probes with that share on players 0 to 3; in rows of 8 x 8 pictures, half of each player is "left"."""
    values = np.full((PROBES, PLAYERS), (1 - share) / 4)
    values[:, :4] = share / 4
    return values


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The share on the upper half grows from 0.1 to 0.6 at epochs 0 to 5; from epoch 3 on, probe 0 is wrong. The untrained model has 0.1."""
    right = np.full((EPOCHS + 1, PROBES), 0.9)
    right[4:, 0] = 0.2
    shares = [0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    values = [lying_on(share) for share in shares]
    values[-1][3] = lying_on(0.9)[3]  # probe 3 alone has 0.9 at the last epoch
    accuracy = [0.1, 0.5, 0.6, 0.9, 0.8, 0.7, 0.6]
    return given_run(tmp_path_factory.mktemp("logs") / "growing", values, errors=1e-6, probability=right, first=-1, accuracy=accuracy)


UPPER = "'0,0,8,4'"  # pixels


def one(runs: object, rule: str, **options: object) -> Outcome:
    (outcome,) = xai.check(runs, rule, **options).outcomes  # type: ignore[arg-type]
    return outcome


@pytest.mark.parametrize(
    ("measured", "value"),
    [
        (f"share({UPPER})", (3 * 0.6 + 0.9) / 4),  # the last epoch
        (f"share({UPPER}, at=0)", 0.1),
        (f"share({UPPER}, at=untrained)", 0.1),
        (f"share({UPPER}, at=best)", 0.3),  # accuracy is best at epoch 2
        (f"share({UPPER}, over=max)", 0.9),
        (f"share({UPPER}, over=min)", 0.6),
        (f"share({UPPER}, over=median)", 0.6),
        (f"share({UPPER}, probes=3)", 0.9),
        (f"share({UPPER}, probes=0:3)", 0.6),
        (f"share({UPPER}, probes='#3')", 0.9),  # by its name
        ("share(left)", 0.5),
        ("val_accuracy", 0.6),
        ("metric(val_accuracy, at=best)", 0.9),
        ("right", 0.75),
        ("right(at=0)", 1.0),
        ("events(forgotten)", 1),
        ("events(learned)", 4),
        ("events(forgotten, probes=1:4)", 0),
        ("epochs", 6),
        ("gaps", 0),
        ("drift(previous, probes=0)", 0.1),  # total variation of two splits of |attribution|
        ("drift(untrained, probes=0)", 0.5),
        ("drift(2, probes=0)", 0.3),
        ("noise", 1e-6 * np.sqrt(8) / np.mean([np.sqrt(4 * (s / 4) ** 2 + 4 * ((1 - s) / 4) ** 2) for s in (0.6,)])),
    ],
)
def test_a_rule_finds_the_number_that_was_given(growing: Run, measured: str, value: float) -> None:
    found = one(growing, f"{measured} < 1e9")
    assert found.outcome == "passes", found.sentence
    assert found.value == pytest.approx(value, rel=0.05 if measured == "noise" else 1e-3, abs=1e-4)


def test_onset_is_an_epoch_or_never(growing: Run) -> None:
    since = growing.onset("shap", "0,0,8,4")
    assert since is not None
    assert one(growing, f"onset({UPPER}) == {since}").outcome == "passes"
    assert one(growing, f"onset({UPPER}) == never").outcome == "fails"
    assert one(growing, f"onset({UPPER}) > {since}").outcome == "fails"
    never = one(growing, "onset(left) == never")
    assert (never.outcome, never.text) == ("passes", "never")
    assert one(growing, "onset(left) > 3").outcome == "passes", "never is later than any epoch"


def test_every_means_the_epoch_at_which_the_rule_is_nearest_to_failing(growing: Run) -> None:
    below = one(growing, f"share({UPPER}, at=every) < 0.5")
    assert (below.outcome, below.step) == ("fails", 5)
    above = one(growing, f"share({UPPER}, at=every) > 0.05")
    assert (above.outcome, above.step, round(above.value or 0, 3)) == ("passes", 0, 0.1)


def test_an_epoch_without_a_number_leaves_every_epoch_unknown_unless_another_fails(tmp_path: Path) -> None:
    values = [lying_on(share) for share in (0.1, 0.2, 0.3)]
    run = given_run(tmp_path / "run", values, errors=1e-6, silent={1: range(PROBES)})
    unknown = one(run, f"share({UPPER}, at=every) < 0.9")
    assert (unknown.outcome, unknown.step, unknown.where) == ("unknown", None, "at epoch 1")
    assert "the model answered NaN or infinity" in unknown.sentence
    fails = one(run, f"share({UPPER}, at=every) < 0.25")
    assert (fails.outcome, fails.step) == ("fails", 2)


@pytest.mark.parametrize("over", ["mean", "max", "min", "median", "sum"])
def test_probes_with_numbers_do_not_speak_for_those_in_a_gap(tmp_path: Path, over: str) -> None:
    run = given_run(tmp_path / "run", [lying_on(0.1)] * 2, errors=1e-6, silent={1: [1, 2, 3]})
    found = one(run, f"share({UPPER}, over={over}) < 0.9")
    assert (found.outcome, found.where) == ("unknown", "at epoch 1")
    assert "the model answered NaN or infinity" in found.sentence
    assert one(run, f"share({UPPER}, over={over}, at=every) < 0.9").outcome == "unknown"
    assert one(run, f"share({UPPER}, over={over}, probes=0) < 0.9").outcome == "passes", "of this probe all is known"
    assert one(run, f"share({UPPER}, over={over}, at=0) < 0.9").where.startswith(f"at epoch 0, {over} of 4 probes")


def test_without_a_gap_the_evidence_says_how_many_probes_have_a_number(tmp_path: Path) -> None:
    values = lying_on(0.1)
    values[1:] = 0  # a share of nothing is no number
    run = given_run(tmp_path / "run", [values], errors=1e-6)
    found = one(run, f"share({UPPER}) < 0.9")
    assert (found.outcome, found.where) == ("passes", "at epoch 0, mean of 1 of 4 probes")


def test_an_epoch_at_which_there_is_nothing_to_measure_leaves_nothing_unknown(tmp_path: Path) -> None:
    long = given_run(tmp_path / "long", [lying_on(0.1)] * 4, errors=1e-6)
    short = given_run(tmp_path / "short", [lying_on(0.1)] * 2, errors=1e-6)
    runs = {"long": long, "short": short}
    assert one(runs, "agreement(short, at=every) > 0.9", only=["long"]).outcome == "passes"
    assert one(long, "drift(previous, at=every) < 0.5").outcome == "passes", "the first epoch has no previous one"
    fake = FakeRun(tmp_path / "validated")
    fake.write([0], logs={"val_loss": 1.0}).write([1], logs={"loss": 1.0}).write([2], logs={"val_loss": 0.5})
    assert one(xai.read_run(fake.log_dir), "metric(val_loss, at=every) < 2").outcome == "passes"


@pytest.mark.parametrize(
    ("losses", "comparison", "outcome", "step"),
    [
        ((1.0, np.inf, 0.5), "< 5", "fails", 1),
        ((1.0, -np.inf, 0.5), "> 0", "fails", 1),
        ((1.0, np.inf, 0.5), "> 0", "passes", 2),
        ((5.0, np.inf, 5.0), "== 5", "fails", 1),
        ((1.0, np.inf, 4.0), "!= 5", "passes", 2),
        ((1.0, np.nan, 0.5), "< 5", "unknown", None),
        ((1.0, np.nan, 9.0), "< 5", "fails", 2),
    ],
)
def test_infinity_is_a_value_of_an_epoch_and_nan_is_none(
    tmp_path: Path, losses: tuple[float, ...], comparison: str, outcome: str, step: int | None
) -> None:
    fake = FakeRun(tmp_path / "run")
    for epoch, loss in enumerate(losses):
        fake.write([epoch], logs={"loss": loss})
    found = one(xai.read_run(fake.log_dir), f"metric(loss, at=every) {comparison}")
    assert (found.outcome, found.step) == (outcome, step)
    assert found.sentence


@pytest.mark.parametrize(
    ("comparison", "outcome"), [("<", "fails"), ("<=", "passes"), (">", "fails"), (">=", "passes"), ("==", "passes"), ("!=", "fails")]
)
def test_comparisons_are_those_of_arithmetic(growing: Run, comparison: str, outcome: str) -> None:
    assert one(growing, f"epochs {comparison} 6").outcome == outcome


def test_by_default_a_rule_is_about_the_returned_model(tmp_path: Path) -> None:
    restored = FakeRun(tmp_path / "restored").write(range(-1, 6)).write_returned("restored", 2, explained=False)
    averages = FakeRun(tmp_path / "averages").write(range(-1, 6)).write_returned("averages")
    going = FakeRun(tmp_path / "going").write(range(-1, 6))
    for fake, step in ((restored, 2), (averages, 2**31 - 1), (going, 5)):
        run = xai.read_run(fake.log_dir)
        found = one(run, "share(left) < 2")
        at = run.all_steps.tolist().index(step)
        assert found.step == step
        assert found.value == pytest.approx(np.nanmean(run.share("shap", "left").share[at]))
        assert one(run, "share(left, at=last) < 2").step == 5


def test_the_interval_of_a_share_has_the_true_share_in_95_of_100_cases(tmp_path: Path) -> None:
    """Each of 200 epochs is one more draw of the sampling errors around the same values."""
    truth, draws = lying_on(0.35), 200
    run = given_run(tmp_path / "run", noisy_series(truth, draws, error=0.004), errors=0.004)
    report = xai.check(run, [f"share({UPPER}, at={epoch}) < 0.35" for epoch in range(draws)])
    within = sum(outcome.within_noise for outcome in report.outcomes)
    passing = sum(outcome.outcome == "passes" for outcome in report.outcomes)
    assert 0.9 <= within / draws <= 0.99
    assert 0.3 < passing / draws < 0.7, "the value alone would be a coin"


def test_the_interval_of_an_agreement_has_the_true_agreement_in_95_of_100_cases(tmp_path: Path) -> None:
    here, there, draws = lying_on(0.3), lying_on(0.5), 150
    runs = {
        name: given_run(tmp_path / name, noisy_series(values, draws, error=0.01, seed=seed), errors=0.01)
        for seed, (name, values) in enumerate({"a": here, "b": there}.items())
    }
    true_agreement = 1 - 0.5 * np.abs(here - there)[0].sum()
    rules = [f"agreement(b, at={epoch}) > {true_agreement}" for epoch in range(draws)]
    report = xai.check(runs, rules, only=["a"])
    assert sum(outcome.within_noise for outcome in report.outcomes) / draws >= 0.95


def test_a_rule_far_from_its_limit_is_sure_and_a_near_one_is_not(tmp_path: Path) -> None:
    run = given_run(tmp_path / "run", noisy_series(lying_on(0.3), EPOCHS, error=0.004), errors=0.004)
    for limit, within in ((0.5, False), (0.302, True), (0.298, True), (0.1, False)):
        found = one(run, f"share({UPPER}) < {limit}")
        assert (found.outcome, found.within_noise) == ("passes" if (found.value or 0) < limit else "fails", within)
        assert found.low is not None
        assert found.high is not None
        assert found.low < (found.value or 0) < found.high
    noisy = [f"share({UPPER}) < {limit}" for limit in (0.302, 0.298)]
    assert sum(xai.check(run, rule).passed for rule in noisy) == 1
    assert [xai.check(run, rule, strict=True).passed for rule in noisy] == [False, False]


def recipe(folder: Path, name: str, share: float, seeds: int = 3) -> None:
    for seed in range(seeds):
        moved = lying_on(share) + 0.01 * np.random.default_rng(seed).random((PROBES, PLAYERS))
        given_run(folder / f"{name}-seed{seed}", noisy_series(moved, EPOCHS, error=0.001, seed=seed), errors=0.001)


def test_verdicts_of_two_runs(tmp_path: Path) -> None:
    recipe(tmp_path, "honest", 0.1)
    recipe(tmp_path, "shortcut", 0.9)
    runs = xai.read_runs(tmp_path)
    found = {outcome.run: outcome.word for outcome in xai.check(runs, "verdict(honest-seed0) == same").outcomes}
    assert found == {name: "same" if name.startswith("honest") else "different" for name in runs if name != "honest-seed0"}
    assert {outcome.value for outcome in xai.check(runs, "different(honest-seed0) < 1", only=["shortcut-seed0"]).outcomes} == {1.0}


def test_the_reference_is_not_checked_against_itself(tmp_path: Path) -> None:
    recipe(tmp_path, "honest", 0.1, seeds=2)
    by_name = xai.check(tmp_path, "agreement(honest-seed0) > 0.9")
    assert [outcome.run for outcome in by_name.outcomes] == ["honest-seed1"]
    by_option = xai.check(tmp_path, "agreement(reference) > 0.9", reference="honest-seed0")
    assert [outcome.value for outcome in by_option.outcomes] == [outcome.value for outcome in by_name.outcomes]
    by_path = xai.check(tmp_path / "honest-seed1", f"agreement('{tmp_path / 'honest-seed0'}') > 0.9")
    assert by_path.outcomes[0].value == by_name.outcomes[0].value
    assert not xai.check(tmp_path / "honest-seed0", "agreement(honest-seed0) > 0.9").passed, "a check of nothing does not pass"


def test_runs_that_explain_other_probes_do_not_agree_but_are_a_mistake(tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write(range(2))
    FakeRun(tmp_path / "b", seed=1).write(range(2))
    (found,) = xai.check(tmp_path, "agreement(b) > 0.5").outcomes
    assert found.outcome == "mistake"
    assert re.match(r"a and b can't be compared: .+\.\n    agreement\(b\) > 0.5\n", found.words)


def test_a_rule_is_about_the_probe_set_that_is_asked_for(tmp_path: Path) -> None:
    FakeRun(tmp_path / "run", probe_set="day").write([0])
    FakeRun(tmp_path / "run", probe_set="night", players=(4, 4)).write([0])
    for probe_set, probes in (("day", 3), ("night", 2)):
        assert len(one(tmp_path / "run", "share(left) < 2", probe_set=probe_set).probes) == probes


def test_what_has_no_number_does_not_pass(tmp_path: Path) -> None:
    silent = FakeRun(tmp_path / "silent").write(range(-1, 3), silent=[0, 1, 2], reason="the model outputs NaN")
    found = one(xai.read_run(silent.log_dir), "share(left) < 1")
    assert found.outcome == "unknown"
    assert "the model outputs NaN" in found.sentence
    once = xai.read_run(FakeRun(tmp_path / "once").write_returned("once").log_dir)
    assert {one(once, rule).outcome for rule in ("onset(left) == never", "events(forgotten) == 0", "steady > 0")} == {"unknown"}
    assert one(once, "share(left) < 2").outcome == "passes"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("share(nowhere) < 1", "no region 'nowhere' in this record; it has ['left']"),
        ("share(left, explainer=shep) < 1", "did you mean 'shap'? Choose from shap"),
        ("share(left, class=nine) < 1", "has no class 'nine'; choose from class 0, class 1"),
        ("share(left, at=99) < 1", "has no number of epoch 99; its epochs are 0, 1, 2"),
        ("share(left, at=lst) < 1", "at= can't be 'lst'; did you mean 'last'?"),
        ("share(left, over=avg) < 1", "over= can't be 'avg'"),
        ("share(left, probes=77) < 1", "has no probe '77'; give a number from 0 to 3"),
        ("share(left, slice=night) < 1", "has no slice 'night'"),
        ("val_acuracy > 0.9", "has no metric 'val_acuracy'; did you mean 'val_accuracy'?"),
        ("fidelity(r3) > 0.9", "has no measure of fidelity 'r3' in growing; choose from r2, gap"),
        ("events(forgoten) == 0", "there is no event 'forgoten'; did you mean 'forgotten'?"),
        ("warned(unsure) < 1", "there is no warning 'unsure'"),
        ("agreement(reference) > 0.9", "say which run is meant with --reference"),
        ("drift(first) < 0.1", "unknown reference 'first'"),
        ("verdict(other) == same", "there is no run 'other'"),
    ],
)
def test_a_rule_that_names_what_a_run_does_not_have_is_a_mistake_and_others_are_checked(growing: Run, rule: str, sentence: str) -> None:
    report = xai.check(growing, [rule, "epochs == 6"])
    mistake, fine = report.outcomes
    assert (mistake.outcome, fine.outcome, report.exit_code) == ("mistake", "passes", 2)
    assert sentence in mistake.words
    assert rule in mistake.words
    assert "^" in mistake.words


def test_an_assertion_fails_with_the_table(growing: Run) -> None:
    xai.assert_rules(growing, "epochs == 6", f"share({UPPER}, at=0) < 0.2")
    with pytest.raises(AssertionError, match=r"rules are not kept\n\n +run +rule +value(?s:.)+fails +growing +epochs < 6 +6"):
        xai.assert_rules(growing, "epochs == 6", "epochs < 6")
    with pytest.raises(AssertionError, match="no region 'nowhere'"):
        xai.assert_rules(growing, "share(nowhere) < 1")
    with pytest.raises(TypeError, match="give a log directory, a run, or"):
        xai.assert_rules(3, "epochs == 6")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is no rule"):
        xai.assert_rules(growing)


def test_epochs_without_any_number_are_not_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = FakeRun(tmp_path / "run").write([0, 1], silent=[0], reason="the model returned NaN")
    run.write([2], silent=[0, 1, 2], reason="the model returned NaN")
    assert one(xai.read_run(run.log_dir), "epochs == 2").value == 2, "epochs with some numbers count"
    assert cli.main(["show", str(run.log_dir)]) == 0
    assert "2 explained of 3 logged, 0 to 2" in capsys.readouterr().out


def test_rules_about_two_runs_take_the_row_of_the_verdict_and_name_the_run_that_lacks_an_epoch(tmp_path: Path) -> None:
    for name, epochs in (("long", 5), ("short", 3)):
        given_run(tmp_path / name, noisy_series(lying_on(0.3), epochs))
    for reference, run in (("long", "short"), ("short", "long")):
        rules = [
            f"{measure}({reference}) {limit}" for measure, limit in (("verdict", "== same"), ("agreement", "> 0.5"), ("different", "< 0.5"))
        ]
        asked = [rule.replace(reference, f"'{tmp_path / reference}'") for rule in rules]
        outcomes = xai.check(xai.read_run(tmp_path / run), asked).outcomes
        assert [found.step for found in outcomes] == [2, 2, 2]
        assert [found.outcome for found in outcomes] == ["passes"] * 3
        missing = one(xai.read_run(tmp_path / run), f"agreement('{tmp_path / reference}', at=4) > 0.5")
        assert missing.words == "there is no number: short explained no epoch that is aligned with epoch 4"


def test_at_every_epoch_one_without_a_number_or_an_infinite_one_does_not_pass(tmp_path: Path) -> None:
    values = [lying_on(0.5)] * 3
    silent = given_run(tmp_path / "silent", values, errors=1e-6, silent={1: range(PROBES)})
    assert one(silent, f"share({UPPER}, at=every) < 2").outcome == "unknown"
    assert one(silent, f"share({UPPER}, at=every) < 0").outcome == "fails"
    assert one(silent, f"share({UPPER}, at=2) < 2").outcome == "passes"
    partly = given_run(tmp_path / "partly", values, errors=1e-6, silent={2: [1]})
    assert one(partly, f"share({UPPER}) < 2").outcome == "unknown"
    assert one(partly, f"share({UPPER}, probes=0) < 2").outcome == "passes"
    endless = given_run(tmp_path / "endless", values, errors=1e-6, accuracy=[0.5, np.inf, 0.7])
    for rule in ("metric(val_accuracy, at=every) < 5", "metric(val_accuracy, at=1) < 5", "metric(val_accuracy, at=every) == 0.5"):
        outcome = one(endless, rule)
        assert (outcome.outcome, outcome.text) == ("fails", "inf"), rule


def test_a_name_with_line_ends_is_no_line_of_its_own() -> None:
    lines = words.table([["class", "share"], ["a\n::error::b\u2028##", "0.5"]])
    assert len(lines) == len("\n".join(lines).splitlines()) == 2
