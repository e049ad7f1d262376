"""Which epochs of two runs stand side by side; the oracles are logs made by hand, and the rules of http_api.md in their simplest form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from support.records import FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement.alignment import ABSENT, pair
from tb_xai_plugin.run import Run

pytestmark = pytest.mark.viewing

NAN = float("nan")


def written(folder: Path, logs: Mapping[int, Mapping[str, float]], explained: Iterable[int] | None = None) -> Run:
    """A run with these logs; explained at some of its epochs, by default at all."""
    fake, due = FakeRun(folder, players=(3,)), set(logs if explained is None else explained)
    for step in sorted(logs):
        fake.write([step], logs=logs[step], explained=step in due)
    return read_run(folder)


def run_of(folder: Path, explained: Iterable[int], logged: Iterable[int] = ()) -> Run:
    explained = list(explained)
    return written(folder, {step: {} for step in {*explained, *logged}}, explained)


def with_metric(folder: Path, series: Iterable[float], name: str = "val_accuracy", *, untrained: bool = False) -> Run:
    logs: dict[int, dict[str, float]] = {epoch: {name: value} for epoch, value in enumerate(series)}
    return written(folder, {-1: {}, **logs} if untrained else logs)


def rows(a: Run, b: Run, by: str) -> list[tuple[int, int, int]]:
    found = pair(a, b, by)
    assert len(found.steps) == len(found.here) == len(found.there)
    assert (np.diff(found.steps) > 0).all()
    return list(zip(found.steps.tolist(), found.here.tolist(), found.there.tolist(), strict=True))


# By epoch


def test_runs_that_explained_the_same_epochs_go_by_them(tmp_path: Path) -> None:
    a, b = (run_of(tmp_path / name, [-1, 0, 1, 2]) for name in "ab")
    assert rows(a, b, "epoch") == [(step, step, step) for step in (-1, 0, 1, 2)]
    assert pair(a, b).metric == ""


def test_an_epoch_that_was_not_due_is_the_nearest_explained_one_and_of_two_the_earlier(tmp_path: Path) -> None:
    a = run_of(tmp_path / "a", range(7))
    b = run_of(tmp_path / "b", [0, 4], range(7))  # epoch 2 is as near to 0 as to 4
    assert rows(a, b, "epoch") == [(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 3, 4), (4, 4, 4), (5, 5, 4), (6, 6, 4)]
    assert rows(b, a, "epoch") == [(step, there, here) for step, here, there in rows(a, b, "epoch")]


def test_an_epoch_that_a_run_has_not_logged_has_nothing_beside_it(tmp_path: Path) -> None:
    a = run_of(tmp_path / "a", range(6))
    b = run_of(tmp_path / "b", [0, 1, 3])  # a hole at 2, and an end at 3
    assert rows(a, b, "epoch") == [(0, 0, 0), (1, 1, 1), (2, 2, ABSENT), (3, 3, 3), (4, 4, ABSENT), (5, 5, ABSENT)]


def test_the_untrained_model_stands_beside_the_untrained_model_only(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a", [-1, 0, 1]), run_of(tmp_path / "b", [1], [0, 1])
    assert rows(a, b, "epoch") == [(-1, -1, ABSENT), (0, 0, 1), (1, 1, 1)]
    only_untrained = run_of(tmp_path / "c", [-1], [-1, 0])
    assert rows(a, only_untrained, "epoch") == [(-1, -1, -1), (0, 0, ABSENT), (1, 1, ABSENT)]


def test_schedules_that_never_meet_still_stand_side_by_side(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a", [0, 2, 4], range(6)), run_of(tmp_path / "b", [1, 3, 5], range(6))
    assert rows(a, b, "epoch") == [(0, 0, 1), (1, 0, 1), (2, 2, 1), (3, 2, 3), (4, 4, 3), (5, 4, 5)]


@pytest.mark.parametrize("seed", range(6))
def test_by_epoch_is_the_rule_applied_epoch_for_epoch(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    runs = []
    for name in "ab":
        logged = sorted(rng.choice(12, rng.integers(3, 10), replace=False).tolist())
        explained = {step for step in logged if rng.random() < 0.6} | {logged[0]} | ({-1} if rng.random() < 0.5 else set())
        runs.append((run_of(tmp_path / name, explained, logged), explained, logged))

    def expected(step: int, explained: set[int], logged: list[int]) -> int:
        if step in explained:
            return step
        if step not in logged:
            return ABSENT
        return min((other for other in sorted(explained) if other >= 0), key=lambda other: (abs(other - step), other))

    (a, *about_a), (b, *about_b) = runs
    union = sorted(about_a[0] | about_b[0])
    assert rows(a, b, "epoch") == [(step, expected(step, *about_a), expected(step, *about_b)) for step in union]


# By validation accuracy


def test_each_epoch_stands_beside_the_one_of_the_closest_accuracy_and_of_ties_the_first(tmp_path: Path) -> None:
    a = with_metric(tmp_path / "a", [0.5, 0.7, 0.9], untrained=True)
    # 0.6 and 0.8 are as far from 0.7, but for rounding; 0.9 is there twice.
    b = with_metric(tmp_path / "b", [0.1, 0.8, 0.6, 0.9, 0.9], untrained=True)
    assert rows(a, b, "val_accuracy") == [(-1, -1, -1), (0, 0, 2), (1, 1, 1), (2, 2, 3)]
    assert pair(a, b, "val_accuracy").metric == "val_accuracy"


def test_a_run_beside_itself_has_every_epoch_beside_one_of_equal_accuracy(tmp_path: Path) -> None:
    accuracy = [0.5, 0.75, 0.5, 1.0, 0.75]
    run = with_metric(tmp_path, accuracy)
    assert [accuracy.index(accuracy[here]) for _, here, _ in rows(run, run, "val_accuracy")] == pair(
        run, run, "val_accuracy"
    ).there.tolist()


def test_an_epoch_without_the_metric_has_nothing_beside_it_and_is_never_found(tmp_path: Path) -> None:
    a = with_metric(tmp_path / "a", [0.5, NAN, float("inf"), 0.9])
    b = with_metric(tmp_path / "b", [NAN, 0.4, NAN])
    assert rows(a, b, "val_accuracy") == [(0, 0, 1), (1, 1, ABSENT), (2, 2, ABSENT), (3, 3, 1)]


def test_only_explained_epochs_stand_beside_another(tmp_path: Path) -> None:
    a = with_metric(tmp_path / "a", [0.5, 0.9])
    b = written(tmp_path / "b", {0: {"val_accuracy": 0.6}, 1: {"val_accuracy": 0.5}, 2: {"val_accuracy": 0.9}}, explained=[0, 2])
    assert rows(a, b, "val_accuracy") == [(0, 0, 0), (1, 1, 2)]
    assert rows(b, a, "val_accuracy") == [(0, 0, 0), (2, 2, 1)]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["val_loss", "accuracy", "val_f1", "val_sparse_categorical_accuracy"], "val_sparse_categorical_accuracy"),
        (["loss", "val_loss", "val_mae", "val_f1_score"], "val_f1_score"),
        (["val_loss", "val_custom", "val_mae"], "val_mae"),
        (["val_loss", "val_kl_loss", "val_custom"], "val_custom"),
        (["accuracy", "val_kl_loss", "val_loss"], "val_loss"),
    ],
)
def test_accuracy_comes_before_other_metrics_and_those_before_the_loss(names: list[str], chosen: str, tmp_path: Path) -> None:
    logs = {0: dict.fromkeys(names, 0.5)}
    a, b = (written(tmp_path / name, logs) for name in "ab")
    assert pair(a, b, "val_accuracy").metric == pair(a, b, "best").metric == chosen


def test_a_metric_that_one_run_lacks_or_has_no_number_of_is_passed_over(tmp_path: Path) -> None:
    a = written(tmp_path / "a", {0: {"val_acc": 0.5, "val_auc": NAN, "val_loss": 0.5}})
    b = written(tmp_path / "b", {0: {"val_accuracy": 0.5, "val_auc": 0.5, "val_loss": 0.5}})
    assert pair(a, b, "val_accuracy").metric == "val_loss"


# By the best epoch


def test_best_epochs_stand_side_by_side_and_the_others_are_counted_from_there(tmp_path: Path) -> None:
    a = with_metric(tmp_path / "a", [0.1, 0.9, 0.3, 0.2], untrained=True)
    b = with_metric(tmp_path / "b", [0.1, 0.2, 0.3, 0.8, 0.4], untrained=True)
    assert rows(a, b, "best") == [(-1, -1, -1), (0, 0, 2), (1, 1, 3), (2, 2, 4), (3, 3, ABSENT)]
    assert rows(b, a, "best") == [(-1, -1, -1), (0, 0, ABSENT), (1, 1, ABSENT), (2, 2, 0), (3, 3, 1), (4, 4, 2)]


@pytest.mark.parametrize(
    "name",
    ["val_loss", "val_mean_squared_error", "val_mae", "loss", "val_binary_crossentropy", "val_perplexity", "val_wer", "val_brier_score"],
)
def test_of_losses_and_errors_the_smallest_is_the_best(name: str, tmp_path: Path) -> None:
    a = with_metric(tmp_path / "a", [0.9, 0.1, 0.8], name)
    b = with_metric(tmp_path / "b", [0.2, 0.7, 0.9], name)
    assert rows(a, b, "best") == [(0, 0, ABSENT), (1, 1, 0), (2, 2, 1)]


def test_of_equally_good_epochs_the_first_is_the_best(tmp_path: Path) -> None:
    a, b = with_metric(tmp_path / "a", [0.5, 0.9, 0.9]), with_metric(tmp_path / "b", [0.9, NAN, 0.9])
    assert rows(a, b, "best") == [(0, 0, ABSENT), (1, 1, 0), (2, 2, 1)]


def test_of_equally_good_epochs_that_of_the_smallest_loss_is_the_best(tmp_path: Path) -> None:
    def trained(name: str, losses: Iterable[float], prefix: str = "val_") -> Run:
        accuracies = [0.5, 1.0, 1.0, 1.0]
        logs = {
            epoch: {f"{prefix}accuracy": right, f"{prefix}loss": loss}
            for epoch, (right, loss) in enumerate(zip(accuracies, losses, strict=True))
        }
        return written(tmp_path / name, logs)

    a, b = trained("a", [0.1, 0.5, 0.4, 0.3]), trained("b", [0.1, NAN, 0.2, 0.3])
    assert rows(a, b, "best") == [(0, 0, ABSENT), (1, 1, 0), (2, 2, 1), (3, 3, 2)]
    assert pair(a, b, "best").best == 3
    unvalidated = trained("c", [0.1, 0.5, 0.4, 0.4], ""), trained("d", [0.1, NAN, NAN, NAN], "")
    assert rows(*unvalidated, "best") == [(0, 0, ABSENT), (1, 1, 0), (2, 2, 1), (3, 3, 2)]


def test_without_validation_the_best_is_that_of_training(tmp_path: Path) -> None:
    logs = {0: {"lr": 0.1, "loss": 1, "accuracy": 0.9}, 1: {"lr": 0.1, "loss": 0.1, "accuracy": 0.5}}
    a, b = (written(tmp_path / name, logs) for name in "ab")
    assert pair(a, b, "best").metric == "accuracy"


def test_the_best_epoch_is_one_that_was_explained_and_what_was_not_due_is_the_nearest(tmp_path: Path) -> None:
    a = with_metric(tmp_path / "a", [0.1, 0.2, 0.9, 0.3, 0.2])
    series = enumerate([0.1, 0.2, 0.3, 0.99, 0.8, 0.5, 0.4])
    b = written(tmp_path / "b", {epoch: {"val_accuracy": value} for epoch, value in series}, explained=[0, 2, 4, 6])
    assert rows(a, b, "best") == [(0, 0, 2), (1, 1, 2), (2, 2, 4), (3, 3, 4), (4, 4, 6)]


# What can't be paired


@pytest.mark.parametrize("by", ["val_accuracy", "best"])
def test_runs_without_a_common_metric_are_refused_with_what_they_logged(by: str, tmp_path: Path) -> None:
    a = written(tmp_path / "a", {0: {"accuracy": 0.5, "lr": 0.1, "val_iou": 0.1}})
    b = written(tmp_path / "b", {0: {"lr": 0.1, "val_custom": 0.3}})
    with pytest.raises(
        ValueError, match=r"a and b have no .*metric in common: a logged .*val_iou.*, b logged lr, val_custom; align"
    ) as caught:
        pair(a, b, by)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
    nothing = written(tmp_path / "c", {-1: {}})
    with pytest.raises(ValueError, match="c logged nothing; align them by 'epoch'"):
        pair(a, nothing, by)


def test_an_unknown_alignment_is_refused_with_those_there_are(tmp_path: Path) -> None:
    run = run_of(tmp_path, [0])
    with pytest.raises(ValueError, match=r"unknown alignment 'loss'; choose from .*'epoch', 'val_accuracy', 'best'"):
        pair(run, run, "loss")
