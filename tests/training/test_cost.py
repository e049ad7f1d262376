"""The line that says what explanations cost: its figures are those of the clock, and it comes once."""

from __future__ import annotations

import copy
import logging
import math
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.fits import DATA, OTHER_PROBES, PROBES, At, network

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.training import cost
from tb_xai_plugin.training.cost import CostLine, EpochClock

BATCH = 2.0


class Time:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(cost, "time", time)
    return time


def epoch(time: Time, clock: EpochClock, batches: int, validation: int = 0, compiling: float = 0.0) -> float:
    """An epoch whose batches take BATCH seconds each, those of validation half of it; the first of each kind also compiles."""
    clock.begin()
    for number in range(batches):
        clock.batch()
        time.now += BATCH + (compiling if number == 0 else 0)
    for number in range(validation):
        clock.validation_batch()
        time.now += BATCH / 2 + (compiling if number == 0 else 0)
    return clock.end()


# ---- the clock


@pytest.mark.parametrize(("batches", "validation"), [(3, 0), (50, 0), (3, 3), (50, 7)])
def test_the_compiling_of_the_first_batches_is_no_part_of_an_epochs_time(time: Time, batches: int, validation: int) -> None:
    clock, usual = EpochClock(), BATCH * (batches + validation / 2)
    kinds = 2 if validation else 1
    assert epoch(time, clock, batches, validation, compiling=30) == pytest.approx(usual + 30 * kinds)
    assert clock.total == pytest.approx(usual + 30 * kinds)
    assert clock.usual == pytest.approx(usual)


@pytest.mark.parametrize(("batches", "validation"), [(1, 0), (2, 0), (50, 1), (1, 50)])
def test_too_few_batches_tell_nothing_of_compiling(time: Time, batches: int, validation: int) -> None:
    clock = EpochClock()
    epoch(time, clock, batches, validation, compiling=30)
    assert math.isnan(clock.usual)
    assert clock.total > 30


@pytest.mark.parametrize(("batches", "validation"), [(1, 0), (2, 0), (50, 1), (50, 7)])
def test_later_epochs_have_nothing_to_compile(time: Time, batches: int, validation: int) -> None:
    clock = EpochClock()
    epoch(time, clock, batches, validation, compiling=30)
    epoch(time, clock, batches, validation)
    assert clock.usual == clock.total == pytest.approx(BATCH * (batches + validation / 2))


def test_a_first_batch_that_is_fast_takes_nothing_away(time: Time) -> None:
    clock = EpochClock()
    epoch(time, clock, 10, compiling=-1)
    assert clock.usual == clock.total == pytest.approx(19)


def test_time_between_epochs_is_no_epochs(time: Time) -> None:
    clock = EpochClock()
    epoch(time, clock, 5)
    time.now += 1000
    assert epoch(time, clock, 5) == pytest.approx(10)


# ---- the line


def line_of(
    time: Time, seconds: float, *, every: Any = 1, max_overhead: float | None = None, fixed: float = 0.0, epochs: int = 1
) -> CostLine:
    """The line of a training with epochs of 20 seconds, in which every explanation took `seconds`."""
    line, clock = CostLine(every, max_overhead), EpochClock()
    line.begin_fit()
    line.explained("probes", 12, 784, 0)  # the untrained model
    for number in range(epochs):
        epoch(time, clock, 10, compiling=30 if number == 0 else 0)
        line.explained("probes", 12, 784, 0)
        line.learn(seconds, fixed, clock)
    line.conclude(clock)
    return line


SHARES: dict[str, tuple[float, dict[str, Any], str]] = {
    "halve": (1.6, {}, "12 probes × 784 evaluations, 1.6 s, 8 % of an epoch's 20 s; max_overhead=0.05 would halve it"),
    "just half": (2.0, {}, "2 s, 10 % of an epoch's 20 s; max_overhead=0.05 would halve it"),
    "more than half": (
        2.2,
        {},
        "11 % of an epoch's 20 s; max_overhead=0.05 would bring it down, to 5 % in a training of many epochs, by fewer evaluations or fewer epochs explained",
    ),
    "halving saves little": (
        1.6,
        {"fixed": 1.2},
        "8 % of an epoch's 20 s; max_overhead=0.05 would bring it down, to 5 % in a training of many epochs,",
    ),
    "more than an epoch": (
        300,
        {},
        "300 s, 1,500 % of an epoch's 20 s; max_overhead=0.05 would bring it down, to 5 % in a training of many epochs,",
    ),
    "no advice": (1.0, {}, "1 s, 5 % of an epoch's 20 s."),
    "nearly nothing": (0.0234, {}, "0.023 s, 0.12 % of an epoch's 20 s."),
    "every": (8.0, {"every": 5}, "8 s, 8 % of an epoch's 20 s (one in 5 is explained); max_overhead=0.05 would halve it"),
    "every, cheap": (4.0, {"every": 5}, "4 s, 4 % of an epoch's 20 s (one in 5 is explained)."),
    "every decides alone": (1.6, {"every": lambda epoch: epoch == 3}, "8 % of an epoch's 20 s; max_overhead=0.05 would halve it"),
    "a limit was given": (1.6, {"max_overhead": 0.2}, "1.6 s, 8 % of an epoch's 20 s."),
}


@pytest.mark.parametrize("case", SHARES)
def test_the_share_is_that_of_the_clock_and_the_advice_follows_from_it(case: str, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    seconds, options, expected = SHARES[case]
    caplog.set_level(logging.INFO, "tb_xai_plugin")
    line_of(time, seconds, **options)
    (sentence,) = caplog.messages
    assert sentence.startswith("ExplanationLogger: explanations cost 12 probes × 784 evaluations, ")
    assert expected in sentence
    assert sentence.endswith(".")
    assert sentence.count("max_overhead") == expected.count("max_overhead")


@pytest.mark.parametrize(("max_overhead", "level"), [(None, logging.WARNING), (0.05, logging.INFO)])
def test_who_gave_a_limit_is_not_warned(max_overhead: float | None, level: int, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tb_xai_plugin")
    line_of(time, 1.6, max_overhead=max_overhead)
    assert [record.levelno for record in caplog.records] == [level]


def test_the_line_comes_once_however_long_the_training(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    line = line_of(time, 1.6, epochs=4)
    line.begin_fit()
    line.learn(5.0, 0.0, EpochClock())
    line.conclude(EpochClock())
    assert len(caplog.messages) == 1


def test_the_first_explanation_of_a_fit_compiles_and_is_not_taken_for_the_usual(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """Without an untrained model, the line waits for the second epoch, whose explanation takes a tenth of the first's."""
    line, clock = CostLine(1, None), EpochClock()
    line.begin_fit()
    for seconds in (16.0, 1.6):
        epoch(time, clock, 10)
        line.explained("probes", 12, 784, 0)
        line.learn(seconds, 0.0, clock)
        assert len(caplog.messages) == (seconds < 10)
    assert "1.6 s, 8 % of an epoch's 20 s;" in caplog.messages[0]


def test_a_training_too_short_to_tell_compiling_apart_says_so_at_its_end(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    line, clock = CostLine(1, None), EpochClock()
    line.begin_fit()
    epoch(time, clock, 1, compiling=18)
    line.explained("probes", 12, 784, 0)
    line.learn(16.0, 0.0, clock)
    assert caplog.messages == []
    line.conclude(clock)
    (sentence,) = caplog.messages
    assert "16 s, with compiling, 80 % of an epoch's 20 s" in sentence


def test_where_nothing_was_explained_nothing_is_said(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    line, clock = CostLine(1, None), EpochClock()
    line.begin_fit()
    epoch(time, clock, 10)
    line.conclude(clock)
    assert caplog.messages == []


def test_an_interrupted_fit_leaves_nothing_for_the_line_of_the_next(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """The engines are built again, so that the first explanation of the next fit compiles again."""
    line = CostLine(1, None)
    for _ in range(2):  # each interrupted after its first epoch
        clock = EpochClock()
        line.begin_fit()
        epoch(time, clock, 10)
        line.explained("probes", 12, 784, 0)
        line.learn(16.0, 0.0, clock)
    assert caplog.messages == []


def test_each_probe_set_is_named_with_its_size(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    line, clock = CostLine(1, None), EpochClock()
    line.begin_fit()
    for _ in range(2):
        epoch(time, clock, 10)
        line.explained("digits", 12, 784, 0)
        line.explained("rows", 3, 256, 1000)
        line.learn(1.6, 0.0, clock)
    (sentence,) = caplog.messages
    assert "cost 12 probes × 784 evaluations + 3 probes × (256 + 1,000 of LIME's own) evaluations, 1.6 s" in sentence


# ---- in a fit


def fitted(logger: keras.callbacks.Callback, time: Time, monkeypatch: pytest.MonkeyPatch, seconds: float, epochs: int = 3) -> None:
    """A fit in which the explanation of each probe set takes so long, an epoch takes 20 seconds, and nothing else takes any time."""
    run = Engine.run

    def slow(self: Engine, *args: Any, **options: Any) -> Any:
        time.now += seconds
        return run(self, *args, **options)

    def pass_time(*_: object) -> None:
        time.now += 20

    monkeypatch.setattr("time.perf_counter", time.perf_counter)
    monkeypatch.setattr(Engine, "run", slow)
    training = keras.callbacks.LambdaCallback(on_epoch_end=pass_time)
    network().fit(DATA, epochs=epochs, verbose=0, shuffle=False, callbacks=[training, logger])


def cost_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if "explanations cost" in message]


def test_two_probe_sets_are_paid_together(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sets = {"one": PROBES, "other": OTHER_PROBES}
    fitted(xai.ExplanationLogger(tmp_path, sets, "shap", evaluations=16), time, monkeypatch, seconds=0.8)
    (sentence,) = cost_lines(caplog)
    assert (
        "cost 3 probes × 16 evaluations + 3 probes × 16 evaluations, 1.6 s, 8 % of an epoch's 20 s; max_overhead=0.05 would halve it"
        in sentence
    )


def test_limes_own_samples_are_counted_where_the_model_is_evaluated_on_them(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The oracle counts the rows that a model is given, with LIME and without it."""
    fitted(xai.ExplanationLogger(tmp_path, PROBES, ("lime", "shap"), evaluations=32), time, monkeypatch, seconds=1.6)
    (sentence,) = cost_lines(caplog)
    found = re.search(r"cost 3 probes × \(32 \+ (\d+) of LIME's own\) evaluations", sentence)
    assert found, sentence
    assert 3 * int(found[1]) == rows_given(("lime", "shap")) - rows_given("shap") > 0


def rows_given(explainers: Any) -> int:
    rows: list[int] = []

    def counting(batch: np.ndarray) -> np.ndarray:
        rows.append(len(batch))
        return batch[:, :2]

    xai.explain(counting, PROBES, explainers, evaluations=32, head="logits")
    return sum(rows)


def test_copies_of_a_logger_say_the_line_once_together(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A tuner copies the logger for each of a hundred trials."""
    logger = xai.ExplanationLogger(tmp_path, PROBES, "shap", evaluations=16)
    for _ in range(3):
        fitted(copy.deepcopy(logger), time, monkeypatch, seconds=0.1, epochs=2)
    fitted(logger, time, monkeypatch, seconds=0.1, epochs=2)
    assert len(cost_lines(caplog)) == 1


def test_new_loggers_of_one_log_dir_say_the_line_once(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A cell that is run again and again."""
    for _ in range(3):
        fitted(xai.ExplanationLogger(tmp_path, PROBES, "shap", evaluations=16), time, monkeypatch, seconds=0.1, epochs=2)
    assert len(cost_lines(caplog)) == 1


def test_loggers_of_two_log_dirs_say_it_each(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in "ab":
        fitted(xai.ExplanationLogger(tmp_path / name, PROBES, "shap", evaluations=16), time, monkeypatch, seconds=0.1, epochs=2)
    assert len(cost_lines(caplog)) == 2


def test_a_fit_of_one_epoch_has_its_line(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fitted(xai.ExplanationLogger(tmp_path, PROBES, "shap", evaluations=16), time, monkeypatch, seconds=1.6, epochs=1)
    (sentence,) = cost_lines(caplog)
    assert "1.6 s, with compiling, 8 % of an epoch's 20 s" in sentence


def test_an_interrupted_training_says_nothing_of_cost_and_the_next_one_does(
    time: Time, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    logger = xai.ExplanationLogger(tmp_path, PROBES, "shap", untrained=False)
    with pytest.raises(KeyboardInterrupt):
        network().fit(DATA, epochs=3, verbose=0, shuffle=False, callbacks=[logger, At(0, stop, end=True)])
    assert cost_lines(caplog) == []
    fitted(logger, time, monkeypatch, seconds=1.6)
    assert len(cost_lines(caplog)) == 1
