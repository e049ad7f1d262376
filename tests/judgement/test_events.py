"""Events of a training run: forgetting against a direct count, changed reasons and onsets where they were planted, none where nothing happened."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from support.analysed import GivenRun, given_run

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement import distances, events, findings, onsets
from tb_xai_plugin.judgement.alignment import ABSENT
from tb_xai_plugin.judgement.events import Event

pytestmark = pytest.mark.viewing

PLAYERS = 8
LEFT, RIGHT = np.arange(PLAYERS) < PLAYERS // 2, np.arange(PLAYERS) >= PLAYERS // 2
NOTHING_SURE = 0.01


def shape(on: np.ndarray, seed: int = 0) -> np.ndarray:
    """An explanation that lies on some players."""
    return np.where(on, 1 + np.random.default_rng(seed).random(PLAYERS), 0.05)


def noisy(values: np.ndarray, seed: int, error: float = NOTHING_SURE) -> np.ndarray:
    return values + np.random.default_rng(seed).standard_normal(values.shape) * error


def series(shapes: list[np.ndarray], probes: int = 2, error: float = NOTHING_SURE) -> list[np.ndarray]:
    """The same shape for every probe at each epoch, with noise."""
    return [noisy(np.tile(each, (probes, 1)), epoch, error) for epoch, each in enumerate(shapes)]


def kinds(found: list[Event]) -> list[tuple[int, int, str]]:
    return [(event.step, event.probe, event.kind) for event in found]


def of_kind(found: list[Event], *wanted: str) -> list[tuple[int, int]]:
    return [(event.step, event.probe) for event in found if event.kind in wanted]


def followed(steps: list[int], right: np.ndarray, known: np.ndarray, probability: np.ndarray) -> list[Event]:
    follower = events.Predictions(right.shape[1])
    return [event for epoch in zip(steps, right, known, probability, strict=True) for event in follower.follow(*epoch)]


# Predictions


def test_forgetting_events_are_those_of_a_direct_count(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    probability = rng.choice([0.2, 0.8], size=(30, 6))
    run = given_run(tmp_path, [np.ones((6, PLAYERS))] * 30, probability=probability)
    labels = run.record["probes"]["labels"]
    right = np.argmax(run.outputs, axis=-1) == labels
    forgotten = [(step, probe) for probe in range(6) for step, (a, b) in enumerate(pairwise(right[:, probe]), 1) if a and not b]
    found = run.events("shap")
    assert sorted(forgotten) == of_kind(found, "forgotten")
    assert sum(event.kind == "learned" for event in found) == right.any(axis=0).sum(), "each probe is learned once"
    ups = [(step, probe) for probe in range(6) for step, (a, b) in enumerate(pairwise([False, *right[:, probe]])) if b and not a]
    assert sorted(ups) == of_kind(found, "learned", "relearned")


def test_the_size_of_a_forgetting_is_how_far_the_probability_fell() -> None:
    right, probability = np.array([[True], [False]]), np.array([[0.75], [0.25]])
    learned, forgotten = followed([3, 4], right, np.ones_like(right), probability)
    assert (learned.step, learned.kind) == (3, "learned")
    assert (forgotten.step, forgotten.kind, forgotten.size, forgotten.floor) == (4, "forgotten", -0.5, 0.0)


def test_the_untrained_model_is_right_by_chance_and_forgets_nothing(tmp_path: Path) -> None:
    probability = np.array([[0.9], [0.1], [0.9]])
    run = given_run(tmp_path, [np.ones((1, PLAYERS))] * 3, probability=probability, first=-1)
    assert kinds(run.events("shap")) == [(1, 0, "learned")]


def test_an_epoch_without_an_answer_decides_nothing() -> None:
    right, known = np.array([[True], [False], [True]]), np.array([[True], [False], [True]])
    assert kinds(followed([0, 1, 2], right, known, right * 1.0)) == [(0, 0, "learned")]


# Reasons


def test_a_reason_that_moves_elsewhere_while_right_is_an_event_at_that_epoch(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 8 + [shape(RIGHT)] * 6))
    found = [event for event in run.events("shap") if event.kind == "reason changed"]
    assert kinds(found) == [(8, 0, "reason changed"), (8, 1, "reason changed")]
    assert all(event.size > 0.8 > event.floor for event in found)
    assert {event.explainer for event in found} == {"shap"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("error", [0.01, 0.1, 0.5])
def test_noise_is_no_changed_reason(seed: int, error: float, tmp_path: Path) -> None:
    values = [noisy(np.tile(shape(LEFT), (16, 1)), 1000 * seed + epoch, error) for epoch in range(40)]
    assert of_kind(given_run(tmp_path, values, error).events("shap"), "reason changed", "collapsed", "onset") == []


def test_restless_training_needs_a_larger_change_than_its_own_variation(tmp_path: Path) -> None:
    """What moves by a third of its mass from epoch to epoch, to and fro, changes no reason."""
    restless = [shape(LEFT | (np.arange(PLAYERS) == 4 + epoch % 4)) for epoch in range(30)]
    assert of_kind(given_run(tmp_path, series(restless)).events("shap"), "reason changed") == []


def test_one_epoch_that_is_far_off_is_no_changed_reason(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 8 + [shape(RIGHT)] + [shape(LEFT)] * 6))
    assert of_kind(run.events("shap"), "reason changed") == []


def test_a_reason_changes_only_while_right(tmp_path: Path) -> None:
    right = np.full((14, 2), 0.9)
    right[8, 0] = 0.1  # probe 0 is forgotten at the epoch of the change, and relearned with another reason
    run = given_run(tmp_path, series([shape(LEFT)] * 8 + [shape(RIGHT)] * 6), probability=right)
    assert of_kind(run.events("shap"), "reason changed") == [(8, 1)]


def test_what_moves_on_slowly_has_no_moment_of_change_and_is_not_steady(tmp_path: Path) -> None:
    shapes = [(1 - part) * shape(LEFT) + part * shape(RIGHT) for part in np.linspace(0, 1, 40)]
    run = given_run(tmp_path, series(shapes, 1))
    assert of_kind(run.events("shap"), "reason changed") == []
    assert run.steady_since("shap").of_run is None


def test_a_change_that_takes_several_epochs_is_one_event(tmp_path: Path) -> None:
    parts = [*np.zeros(8), *np.linspace(0, 1, 9)[1:], *np.ones(6)]
    run = given_run(tmp_path, series([(1 - part) * shape(LEFT) + part * shape(RIGHT) for part in parts], 3))
    happened = of_kind(run.events("shap"), "reason changed")
    assert [probe for _, probe in happened] == [0, 1, 2]
    assert all(8 <= step < 16 for step, _ in happened)


def test_learning_is_no_change_of_reasons(tmp_path: Path) -> None:
    """An explanation that settles, fast at first and then ever slower, as those of most trainings."""
    rest = np.linspace(0, 1, PLAYERS)
    shapes = [shape(LEFT) + 3 * np.exp(-epoch / 3) * rest for epoch in range(20)]
    assert of_kind(given_run(tmp_path, series(shapes)).events("shap"), "reason changed") == []


def test_a_change_that_takes_two_epochs_is_one_event(tmp_path: Path) -> None:
    between = (shape(LEFT) + shape(RIGHT)) / 2
    run = given_run(tmp_path, series([*[shape(LEFT)] * 8, between, *[shape(RIGHT)] * 6]))
    assert [len([e for e in run.events("shap") if (e.kind, e.probe) == ("reason changed", probe)]) for probe in range(2)] == [1, 1]


def test_a_gap_is_no_end_of_a_reason(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 8 + [shape(RIGHT)] * 6), silent={8: [0, 1]})
    assert of_kind(run.events("shap"), "reason changed") == [(9, 0), (9, 1)]


def test_events_of_a_run_do_not_change_while_it_goes_on(tmp_path: Path) -> None:
    shapes = [shape(LEFT)] * 8 + [shape(RIGHT)] * 6 + [shape(LEFT)] * 6
    whole = given_run(tmp_path / "whole", series(shapes)).events("shap")
    for epochs in (9, 10, 14, 17):
        part = given_run(tmp_path / str(epochs), series(shapes)[:epochs]).events("shap")
        assert part == [event for event in whole if event in part], "nothing is taken back"
        sure = [event for event in whole if event.step < epochs - 1 and event.kind != "onset"]
        assert [event for event in part if event.kind != "onset"][: len(sure)] == sure


# Collapse


def test_an_explanation_that_becomes_flat_has_collapsed(tmp_path: Path) -> None:
    run = given_run(tmp_path, [*series([shape(LEFT)] * 5), *[np.zeros((2, PLAYERS))] * 4])
    assert of_kind(run.events("shap"), "collapsed") == [(5, 0), (5, 1)]


def test_a_model_that_answers_nan_has_collapsed_there(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 6), silent={4: [1], 5: [1]})
    assert of_kind(run.events("shap"), "collapsed") == [(4, 1)]


@pytest.mark.parametrize("lost", ["NaN", "flat"])
def test_what_is_lost_at_the_first_epoch_has_collapsed_since_the_untrained_model(lost: str, tmp_path: Path) -> None:
    values = series([shape(LEFT)] * 5)
    silent = {epoch: [0, 1] for epoch in range(4)} if lost == "NaN" else None
    run = given_run(tmp_path, values if silent else [values[0], *[np.zeros((2, PLAYERS))] * 4], first=-1, silent=silent)
    assert of_kind(run.events("shap"), "collapsed") == [(0, 0), (0, 1)]
    found = [finding.text for finding in findings.of_run(run, "shap", "label")]
    assert found[0].startswith("2 explanations collapsed at epoch 0")
    assert not any("steady" in text for text in found) or lost == "flat"


def test_a_run_that_never_answered_says_so(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 6), silent={epoch: [0, 1] for epoch in range(6)})
    assert [finding.text for finding in findings.of_run(run, "shap", "label")] == [
        "No epoch has an explanation: the model outputs NaN or infinity, or its output does not depend on the players."
    ]


def test_after_one_wild_epoch_nothing_has_collapsed(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([*[shape(LEFT)] * 5, 3000 * shape(LEFT), *[shape(LEFT)] * 5]))
    assert of_kind(run.events("shap"), "collapsed") == []


def test_where_only_the_class_asked_about_changes_no_reason_does(tmp_path: Path) -> None:
    """Without labels the likeliest class is explained: another one is another question."""
    values = {epoch: (np.tile(shape(LEFT), (2, 1)), np.full((2, 8), 0.01), np.full(2, 0.9 if epoch < 8 else 0.1)) for epoch in range(16)}
    fake = GivenRun(tmp_path, players=(8, 8), explainers=("shap",), sketched=False, given=values).write(range(16))
    run = read_run(fake.log_dir)
    assert of_kind(run.events("shap", target="predicted"), "reason changed") == []
    assert np.isnan(run.drift("shap", target="predicted")[8]).all()
    assert np.isfinite(run.drift("shap", target="predicted")[9]).all()


def test_what_noise_hides_is_not_called_like_the_untrained_model(tmp_path: Path) -> None:
    trust = given_run(tmp_path, series([shape(LEFT), *[shape(RIGHT)] * 5], error=1.0), errors=1.0, first=-1).trust("shap")
    assert not trust.warnings["like the untrained model"].any()
    assert trust.warnings["uncertain"].all()


def test_an_untrained_models_faint_explanation_is_no_collapse(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([0.01 * shape(LEFT), 0.3 * shape(LEFT), *[shape(LEFT)] * 5]))
    assert of_kind(run.events("shap"), "collapsed") == []


# Regions: "left" is the left half of the pictures


def leaning(parts: list[float], seed: int = 0) -> list[np.ndarray]:
    """Pictures of 8 stripes in reading order: all players lie to the left and right alike, but for their rows; so 8 players of an 8 x 8 picture are rows."""
    return [np.tile(np.concatenate([np.full(2, part / 2), np.full(6, (1 - part) / 6)]), (4, 1)) for part in parts]


def test_an_onset_is_the_first_epoch_from_which_the_share_stays_above(tmp_path: Path) -> None:
    run = given_run(tmp_path, [noisy(values, i) for i, values in enumerate(leaning([0.2, 0.2, 0.2, 0.5, 0.2, 0.6, 0.6, 0.7]))], first=-1)
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    assert run.onset("shap", top) == 4, "not 2, from which it fell back"
    share = run.all_region_share("shap", top, "label")
    assert share.onset.tolist() == [5] * 4, "places among all steps"
    assert share.measured
    assert share.pointed[-1].tolist() == [1.0] * 4
    assert share.positive[-1] == pytest.approx(0.7, abs=0.05)


def test_without_an_untrained_model_the_size_of_the_region_stands_for_it(tmp_path: Path) -> None:
    run = given_run(tmp_path, leaning([0.25, 0.26, 0.6, 0.6, 0.6]))
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    share = run.all_region_share("shap", top, "label")
    assert not share.measured
    assert share.before == pytest.approx(0.25)
    assert run.onset("shap", top) == 2


def test_what_an_untrained_model_looks_at_by_chance_has_to_be_unlearned_first(tmp_path: Path) -> None:
    run = given_run(tmp_path, [noisy(values, i) for i, values in enumerate(leaning([0.4, 0.2, 0.1, 0.1, 0.35, 0.4, 0.4]))], first=-1)
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    assert run.onset("shap", top) == 3, "not above the untrained model's, and yet it began to look there"


def test_a_share_that_noise_moves_has_no_onset(tmp_path: Path) -> None:
    values = [noisy(each, epoch, 0.1) for epoch, each in enumerate(leaning([0.25] * 20))]
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    run = given_run(tmp_path, values, 0.1, first=-1)
    assert run.onset("shap", top) is None


@pytest.mark.parametrize(
    ("rise", "expected"),
    [
        ([0, 0.2, 0.2], 1),
        ([0.2, 0, 0.2], -1),  # the last epoch alone does not say that it stays
        ([0.2, 0, 0.2, 0.2], 2),
        ([0.2, 0.06, 0.2], 0),  # more than half of what counts is kept
        ([0.2, np.nan, 0.2], 0),
        ([0, 0, 0], -1),
        ([0.2, 0.2, 0.01], 0),  # one epoch alone decides nothing
        ([0.2, 0.2, 0.01, 0.01], -1),
        ([0.2, 0.2, 0.01, 0.2, 0.2], 0),
        ([], -1),
    ],
)
def test_onset_of_a_worked_example(rise: list[float], expected: int) -> None:
    assert onsets.onset(np.array(rise, dtype=float), np.full(len(rise), 0.1)) == expected


def test_a_region_that_few_probes_have_is_judged_by_those(tmp_path: Path) -> None:
    """Four of sixteen texts have the token."""
    values = [np.tile(np.full(8, 0.5), (16, 1)) for _ in range(8)]
    for epoch in range(3, 8):
        values[epoch][:4, 0] = 9.0
    run = given_run(tmp_path, [noisy(each, i) for i, each in enumerate(values)], first=-1)
    mask = np.zeros((16, 8, 8), dtype=bool)
    mask[:4, 0] = True
    assert run.onset("shap", mask) == 2
    share = run.region_share("shap", mask)
    assert np.isnan(share[:, 4:]).all(), "they have no part of it"


def test_fewer_evaluations_are_no_onset(tmp_path: Path) -> None:
    """|value| of a player that does nothing grows with its error; that is not leaning on it."""
    rng, truth = np.random.default_rng(0), np.concatenate([np.zeros(2), np.full(6, 0.3)])
    values = [truth + rng.standard_normal((6, 8)) * (0.02 if epoch < 9 else 0.06) for epoch in range(20)]
    given = {epoch - 1: (each, np.full((6, 8), 0.02 if epoch < 9 else 0.06), np.full(6, 0.9)) for epoch, each in enumerate(values)}
    fake = GivenRun(tmp_path, players=(8,) * 6, explainers=("shap",), sketched=False, given=given).write(range(-1, 19))
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    assert read_run(fake.log_dir).onset("shap", top) is None


def test_an_untrained_model_that_says_nothing_leaves_the_size_of_the_region(tmp_path: Path) -> None:
    run = given_run(tmp_path, [np.zeros((4, 8)), *leaning([0.25, 0.25, 0.9, 0.9, 0.9])], first=-1)
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    assert run.onset("shap", top) == 2


def test_a_run_leans_where_some_of_its_probes_do(tmp_path: Path) -> None:
    """A stamp that lies in six of twenty probes moves the mean share little, and says all of those six."""
    stamped = np.arange(20) < 6
    values = [np.where(stamped[:, None], leaning([part])[0][0], leaning([0.1])[0][0]) for part in (0.1, 0.1, 0.5, 0.5, 0.5, 0.5)]
    run = given_run(tmp_path, [noisy(each, i) for i, each in enumerate(values)], first=-1)
    top = np.zeros((8, 8), dtype=bool)
    top[:2] = True
    share = run.share("shap", top)
    assert np.flatnonzero(share.onset >= 0).tolist() == np.flatnonzero(stamped).tolist()
    assert (run.onset("shap", top), share.in_few) == (1, True)
    few = [np.where((np.arange(20) < 2)[:, None], leaning([part])[0][0], leaning([0.1])[0][0]) for part in (0.1, 0.1, 0.5, 0.5, 0.5)]
    assert given_run(tmp_path / "few", [noisy(each, i) for i, each in enumerate(few)], first=-1).onset("shap", top) is None, (
        "two are not enough"
    )


# Steady


def test_steady_is_from_where_it_stays_near_what_it_is_at_the_end(tmp_path: Path) -> None:
    shapes = [shape(RIGHT)] * 6 + [shape(LEFT)] * 12
    run = given_run(tmp_path, series(shapes), accuracy=[0.1, 0.5, 0.8, *[0.9, 0.905] * 7, 0.9])
    steady = run.steady_since("shap")
    assert steady.step.tolist() == [6, 6]
    assert (steady.of_run, steady.of_metric, steady.metric) == (6, 3, "val_accuracy")


@pytest.mark.parametrize("epochs", [5, 8, 12, 30, 60])
def test_what_moves_to_the_end_is_not_steady_and_neither_is_its_accuracy(epochs: int, tmp_path: Path) -> None:
    parts = np.linspace(0, 1, epochs)
    shapes = [(1 - part) * shape(LEFT) + part * shape(RIGHT) for part in parts]
    steady = given_run(tmp_path, series(shapes), accuracy=0.3 + 0.6 * parts).steady_since("shap")
    assert (steady.step.tolist(), steady.of_run, steady.of_metric) == ([ABSENT, ABSENT], None, None)


def test_what_walks_about_at_random_is_not_steady_and_what_trembles_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    steps = 0.1 * rng.standard_normal((60, 2, PLAYERS))
    walk = given_run(tmp_path / "walk", list(shape(LEFT) + np.cumsum(steps, axis=0)), errors=0.003).steady_since("shap")
    assert walk.of_run is None
    tremble = given_run(tmp_path / "tremble", list(shape(LEFT) + steps), errors=0.003).steady_since("shap")
    assert tremble.step.tolist() == [0, 0]


def test_what_the_model_has_no_answer_for_any_more_is_not_steady(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 20), silent={epoch: [0] for epoch in range(12, 20)})
    assert run.steady_since("shap").step.tolist() == [ABSENT, 0]


def test_a_gap_counts_for_nothing_towards_steady(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(RIGHT)] * 6 + [shape(LEFT)] * 7), silent={epoch: [0] for epoch in (8, 9, 10)})
    assert run.steady_since("shap").step.tolist() == [ABSENT, 6]


def test_the_final_explanation_is_the_last_with_numbers(tmp_path: Path) -> None:
    shapes = series([shape(RIGHT)] * 6 + [shape(LEFT)] * 8)
    run = given_run(tmp_path, shapes, silent={13: [0]})
    drift = run.drift("shap", "final", target=0)
    last = [run.values("shap")[place, probe, 0].astype(float) for probe, place in enumerate((12, 13))]
    expected = np.stack(
        [distances.total_variation(run.values("shap")[:, probe, 0].astype(float), each) for probe, each in enumerate(last)], axis=1
    )
    expected[[12, 13], [0, 1]] = np.nan
    np.testing.assert_allclose(drift, expected, atol=1e-6)
    assert run.steady_since("shap").step.tolist() == [6, 6]


# Trust


def test_an_explanation_that_never_left_the_untrained_models_says_so(tmp_path: Path) -> None:
    run = given_run(tmp_path, series([shape(LEFT)] * 5), first=-1)
    trust = run.trust("shap")
    assert trust.warnings["like the untrained model"][1:].mean() > 0.8
    assert not trust.warnings["uncertain"].any()
    changed = given_run(tmp_path / "changed", series([shape(LEFT), *[shape(RIGHT)] * 5]), first=-1).trust("shap")
    assert not changed.warnings["like the untrained model"].any()


def test_an_explanation_within_its_errors_is_uncertain(tmp_path: Path) -> None:
    trust = given_run(tmp_path, series([shape(LEFT)] * 3), errors=0.5).trust("shap")
    assert trust.warnings["uncertain"].all()
    assert trust.error[0, 0] == pytest.approx(0.5 * np.sqrt(PLAYERS) / np.sqrt((shape(LEFT) ** 2).sum()), rel=0.05)
