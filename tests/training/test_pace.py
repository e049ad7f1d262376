"""max_overhead, through a real fit whose clock is the test's: what is spent, what is left out, and that it is said."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from support.models import IMAGES, LABELS, convolutional, unbuilt

import tb_xai_plugin as xai
from tb_xai_plugin.engine import engine
from tb_xai_plugin.engine.plan import Plan

PROBES = xai.ImageProbes(IMAGES[:4], LABELS[:4])
EVALUATIONS = 256


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    return clock


def train(
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    log_dir: Path,
    *,
    epoch_seconds: float,
    explanation_seconds: float,
    epochs: int = 20,
    **options: object,
) -> xai.Run:
    """A fit in which every epoch and every explanation with all evaluations take so long."""
    run = engine.Engine.run

    def slow(self: engine.Engine, level: int | None = None, *args: object) -> engine.Snapshot:
        clock.now += explanation_seconds * level / EVALUATIONS
        return run(self, level, *args)

    monkeypatch.setattr(engine.Engine, "run", slow)
    monkeypatch.setattr(engine.Engine, "seconds_expected", lambda self: explanation_seconds / 1.5)

    class Training(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            clock.now += epoch_seconds

    model = convolutional()
    model.compile("adam", "sparse_categorical_crossentropy")
    options = {"max_overhead": 0.05, "evaluations": EVALUATIONS, **options}
    logger = xai.ExplanationLogger(log_dir, PROBES, **options)
    model.fit(IMAGES, LABELS, epochs=epochs, verbose=0, callbacks=[Training(), logger])
    return xai.read_run(log_dir)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, but for the line that says what explanations cost: it comes in every fit."""
    return [message for message in caplog.messages if "explanations cost" not in message]


def test_with_time_enough_everything_is_explained_and_nothing_is_said(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=100, explanation_seconds=2)
    assert run.all_steps.tolist() == [-1, *range(20)]
    assert set(run.cost["level"]) == {EVALUATIONS}
    assert run.changes == {}
    assert said(caplog) == []


def test_with_less_time_the_whole_series_has_half_the_evaluations_and_says_so(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=100, explanation_seconds=8)
    assert run.all_steps.tolist() == [-1, *range(20)]
    assert set(run.cost["level"]) == {EVALUATIONS // 2}
    sentence = f"{EVALUATIONS // 2} evaluations per probe instead of {EVALUATIONS}, to keep max_overhead=0.05"
    assert run.changes == {-1: sentence}
    assert said(caplog) == [f"ExplanationLogger: {sentence}."]
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.slow
def test_with_little_time_epochs_are_left_out_and_the_last_is_not(clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=10, explanation_seconds=4)
    assert 3 <= len(run.steps) < 20
    assert run.steps[-1] == 19
    assert len(run.log_series()[0]) == 20, "the curves are whole"
    assert any("epochs, to keep max_overhead" in change for change in run.changes.values())


@pytest.mark.slow
@pytest.mark.parametrize("explanation_seconds", [0.5, 2.0, 5.0, 20.0, 100.0])
def test_what_is_spent_stays_within_the_share(
    explanation_seconds: float, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=20, explanation_seconds=explanation_seconds)
    assert run.cost["seconds"].sum() <= 0.05 * 20 * 20 * 1.001
    assert run.overhead == pytest.approx(run.cost["seconds"].sum() / (20 * 20))


def test_without_time_for_anything_nothing_is_explained_and_it_says_so(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=1, explanation_seconds=100)
    assert run.all_steps.tolist() == []
    assert run.changes == {0: "nothing is explained until there is time for it, to keep max_overhead=0.05"}
    assert "the untrained model is not explained" in said(caplog)[0]
    assert "no epoch was explained: one explanation takes about" in said(caplog)[-1]


def test_a_training_too_short_for_a_series_has_its_two_ends_explained_where_they_are_quick(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=0.2, explanation_seconds=1.0)  # 0.05 of the training is 0.2 s
    assert run.all_steps.tolist() == [-1, 19]
    assert set(run.cost["level"]) == {EVALUATIONS // 2}
    assert run.cost["seconds"].sum() == pytest.approx(2 * 0.5)
    sentence = (
        f"only the untrained model and the last epoch are explained, with {EVALUATIONS // 2} evaluations per probe, "
        "until max_overhead=0.05 leaves time for more"
    )
    assert run.changes == {-1: sentence}
    assert said(caplog) == [
        f"ExplanationLogger: {sentence}.",
        "ExplanationLogger: explanations took 1 s in all, more than the 0.2 s that max_overhead=0.05 of this training allows: "
        "the untrained model, the last epoch and the returned model are always explained where each takes only a few seconds.",
    ]


@pytest.mark.parametrize(("seconds", "explained"), [(11.0, [-1, 19]), (15.0, [])])
def test_the_two_ends_are_explained_whatever_the_budget_where_they_are_expected_to_take_a_few_seconds_and_no_longer(
    seconds: float, explained: list[int], clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Half the evaluations of the first are expected to take 4.4 s, and take 5.5 s: what was begun is ended.
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=0.5, explanation_seconds=seconds, every=5)
    assert run.all_steps.tolist() == explained


def test_of_a_training_that_stops_early_the_last_epoch_is_explained(clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.model.stop_training = epoch == 3

    monkeypatch.setattr(engine.Engine, "seconds_expected", lambda self: 1.0)
    model = convolutional()
    model.compile("adam", "sparse_categorical_crossentropy")
    for name, options in {"share": {"max_overhead": 0.05}, "every": {"every": 10}}.items():
        logger = xai.ExplanationLogger(tmp_path / name, PROBES, evaluations=EVALUATIONS, **options)
        model.fit(IMAGES, LABELS, epochs=20, verbose=0, callbacks=[Stop(), logger])
    assert xai.read_run(tmp_path / "share").all_steps.tolist() == [-1, 3]
    assert xai.read_run(tmp_path / "every").steps.tolist() == [0, 3]


def test_without_an_untrained_model_the_last_epoch_alone_is_quick_enough(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=0.2, explanation_seconds=1.0, untrained=False)
    assert run.all_steps.tolist() == [19]
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == (
        f"ExplanationLogger: only the last epoch is explained, with {EVALUATIONS // 2} evaluations per probe, "
        "until max_overhead=0.05 leaves time for more."
    )
    assert "explanations took 0.5 s in all, more than the 0.2 s" in said[1]


def test_fewer_evaluations_are_the_first_half_of_the_same_coalitions() -> None:
    plan = Plan(PROBES, evaluations=EVALUATIONS)
    bound = engine.Engine(plan, convolutional())
    all_outputs = bound.run().outputs
    from_the_first_half = bound.explain(all_outputs, EVALUATIONS // 2)
    asked_half = bound.run(EVALUATIONS // 2)
    assert asked_half.outputs.evaluations == len(PROBES) * EVALUATIONS // 2
    for name in ("lime", "shap"):
        values = from_the_first_half.explanations[name].values
        assert np.allclose(values, asked_half.explanations[name].values, atol=1e-4)
        assert not np.allclose(values, bound.explain(all_outputs, EVALUATIONS).explanations[name].values, atol=1e-4)


@pytest.mark.parametrize(
    ("every", "sentence"),
    [(3, r"every (6|9|12) epochs, to keep"), (lambda epoch: epoch % 3 == 0, r"one in [2-9] of the epochs that are due, to keep")],
    ids=["number", "callable"],
)
def test_a_sparser_schedule_is_said_in_epochs_and_not_in_turns(
    every: object, sentence: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = train(clock, monkeypatch, tmp_path, epoch_seconds=12, explanation_seconds=4.4, epochs=60, untrained=False, every=every)
    assert re.search(sentence, list(run.changes.values())[-1])
    assert set(run.steps[:-1] % 3) == {0}
    if every == 3:
        stride = int(re.search(r"every (\d+) epochs", list(run.changes.values())[-1])[1])
        assert np.diff(run.steps)[-2] == stride


@pytest.mark.parametrize("options", [{}, {"max_overhead": 0.5}], ids=["without", "with max_overhead"])
def test_a_model_that_does_not_fit_the_probes_is_never_passed_over(options: dict[str, object], tmp_path: Path) -> None:
    probes = xai.ImageProbes(IMAGES[:4], [0, 1, 2, 3])  # and the model answers for three classes
    model = unbuilt()
    model.compile("adam", "sparse_categorical_crossentropy")
    logger = xai.ExplanationLogger(tmp_path, probes, on_error="raise", untrained=False, **options)
    with pytest.raises(ValueError, match="label 3 is out of range"):
        model.fit(IMAGES, LABELS, epochs=2, verbose=0, callbacks=[logger])


def test_gradients_are_counted_on_before_the_first_of_them() -> None:
    bound = {names: engine.Engine(Plan(PROBES, names), convolutional()) for names in (("shap",), ("shap", "ig"))}
    assert bound["shap", "ig"].seconds_expected() > bound["shap",].seconds_expected()
    snapshot = bound["shap", "ig"].run()
    assert set(snapshot.explanations) == {"shap", "ig"}
    assert bound["shap", "ig"].fixed_seconds > 0


def test_the_untrained_model_is_explained_late_and_training_is_bit_identical(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def weights(*callbacks: keras.callbacks.Callback) -> tuple[list[np.ndarray], list[np.ndarray]]:
        keras.utils.set_random_seed(3)
        model = convolutional()
        model.compile("adam", "sparse_categorical_crossentropy")
        untrained = model.get_weights()
        model.fit(IMAGES, LABELS, epochs=3, verbose=0, callbacks=list(callbacks))
        return untrained, model.get_weights() + [np.array(variable) for variable in model.optimizer.variables]

    untrained, plain = weights()
    monkeypatch.setattr(engine.Engine, "seconds_expected", lambda self: 0.0)

    class Training(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            clock.now += 1000

    _, logged = weights(Training(), xai.ExplanationLogger(tmp_path, PROBES, evaluations=EVALUATIONS, max_overhead=0.05))
    assert all(np.array_equal(a, b) for a, b in zip(plain, logged, strict=True))
    run = xai.read_run(tmp_path)
    assert run.all_steps.tolist() == [-1, 0, 1, 2]
    model = convolutional()
    model.set_weights(untrained)
    expected = xai.explain(model, PROBES, "shap", evaluations=EVALUATIONS)["shap"].values
    assert np.allclose(run.untrained("shap"), expected, atol=1e-4)


@pytest.mark.parametrize("bad", [0, -0.1, "5%", True, 5])
def test_a_share_that_is_none_is_refused(bad: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give a share of the training time"):
        xai.ExplanationLogger(tmp_path, PROBES, max_overhead=bad)
