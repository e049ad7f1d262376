"""`RunLogger`: in any loop it writes the record that the callback writes; what was logged stays, whatever a loop does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.fits import DATA, LABELS, OTHER_PROBES, PROBES, ROWS, network
from support.records import ROOT, run_python

import tb_xai_plugin as xai
from tb_xai_plugin.records import wire

Rows = Callable[[np.ndarray], np.ndarray]


def linear(slope: float, classes: int = 2) -> Rows:
    """Logits of a linear model: the attributions of column 0 are in proportion to the slope, those of the others are 0."""
    return lambda rows: slope * np.asarray(rows)[:, :1] * np.arange(classes)


def loop(log_dir: Path, steps: range, probes: Any = PROBES, *, slope: float = 1.0, **options: Any) -> None:
    with xai.RunLogger(log_dir, probes, "shap", head="logits", output="raw", **options) as log:
        for step in steps:
            log(linear(slope * (step + 2)), step, {"loss": 1 / (step + 2)})


def strength(run: xai.Run) -> list[float]:
    """The slope at each epoch without a gap, as the values have it: it tells which model was explained."""
    values = run.values("shap")[:, 0, 1]
    values = values[np.isfinite(values[:, 0])]
    distance = PROBES.inputs[0, 0] - PROBES.background[:, 0].mean()
    assert np.allclose(values[:, 1:], 0, atol=1e-4)
    return np.round(values[:, 0] / distance, 3).tolist()


def test_a_loop_writes_the_record_that_the_callback_writes(tmp_path: Path) -> None:
    class Witness(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.weights: list[list[np.ndarray]] = []
            self.logs: list[dict[str, float]] = []

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.weights.append(self.model.get_weights())
            self.logs.append(dict(logs or {}))

    model, witness = network(), Witness()
    before = model.get_weights()
    model.fit(DATA, epochs=3, verbose=0, shuffle=False, callbacks=[xai.ExplanationLogger(tmp_path / "fit", PROBES), witness])
    again = network()
    again.set_weights(before)
    with xai.RunLogger(tmp_path / "loop", PROBES) as log:
        log(again, -1)
        for epoch, (weights, logs) in enumerate(zip(witness.weights, witness.logs, strict=True)):
            again.set_weights(weights)
            log(again, epoch, logs)
    fit, hand = xai.read_run(tmp_path / "fit"), xai.read_run(tmp_path / "loop")
    assert hand.steps.tolist() == fit.steps.tolist() == [0, 1, 2]
    for explainer in ("lime", "shap"):
        for read in ("all_values", "all_errors", "all_base_values"):
            np.testing.assert_array_equal(getattr(hand, read)(explainer), getattr(fit, read)(explainer))
    np.testing.assert_array_equal(hand.all_outputs(), fit.all_outputs())
    np.testing.assert_array_equal(hand.logs["loss"], fit.logs["loss"])
    assert (hand.returned_how, hand.returned_epoch) == (fit.returned_how, fit.returned_epoch) == ("last", 2)


def test_each_step_is_what_explain_says_of_the_same_callable(tmp_path: Path) -> None:
    loop(tmp_path, range(-1, 3))
    run = xai.read_run(tmp_path)
    for place, step in enumerate(run.steps):
        once = xai.explain(linear(step + 2), PROBES, "shap", head="logits", output="raw")["shap"]
        np.testing.assert_array_equal(run.values("shap")[place], once.values)
    assert run.untrained("shap").shape == run.values("shap")[0].shape
    np.testing.assert_allclose(run.logs["loss"], [1 / 2, 1 / 3, 1 / 4])
    assert not run.returned_how, "of a callable nothing tells whether it is the one that was explained"


def test_a_later_loop_goes_on_and_one_that_goes_back_keeps_a_copy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loop(tmp_path, range(2))
    loop(tmp_path, range(2, 4))
    assert (caplog.messages, strength(xai.read_run(tmp_path))) == ([], [2, 3, 4, 5])
    loop(tmp_path, range(1, 3), slope=10.0)
    assert "its epochs take their place" in caplog.messages[-1]
    assert strength(xai.read_run(tmp_path)) == [2, 30, 40]
    assert strength(xai.read_run(tmp_path / "earlier-1")) == [2, 3, 4, 5]


@pytest.mark.parametrize(
    "other", [lambda place: loop(place, range(1), slope=7.0), lambda place: loop(place, range(5, 6), OTHER_PROBES)], ids=["again", "probes"]
)
def test_another_training_begins_a_record_and_keeps_the_old_one(
    tmp_path: Path, other: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    loop(tmp_path, range(2))
    other(tmp_path)
    (message,) = caplog.messages
    assert message.startswith("RunLogger: ")
    assert "it is kept as" in message
    assert len(xai.read_run(tmp_path).steps) == 1
    assert strength(xai.read_run(tmp_path / "earlier-1")) == [2, 3]


def test_a_step_that_fails_is_a_gap_and_the_loop_goes_on(tmp_path: Path) -> None:
    def broken(rows: np.ndarray) -> np.ndarray:
        raise RuntimeError("no memory")

    log = xai.RunLogger(tmp_path, PROBES, "shap", head="logits", output="raw")
    log(linear(1), 0)
    with pytest.warns(UserWarning, match=r"^RunLogger: at epoch 1: .*no memory.*Training goes on; the record has a gap there"):
        log(broken, 1)
    log(linear(3), 2)
    log.close()
    run = xai.read_run(tmp_path)
    assert strength(run) == [1, 3]
    assert "no memory" in run.gaps[1]
    with xai.RunLogger(tmp_path / "raises", PROBES, "shap", head="logits", output="raw", on_error="raise") as strict:
        strict(linear(1), 0)
        with pytest.raises(ValueError, match="no memory"):
            strict(broken, 1)


def test_a_model_with_other_outputs_is_a_gap_that_says_so_and_what_is_logged_stays(tmp_path: Path) -> None:
    with xai.RunLogger(tmp_path, PROBES, "shap", head="logits", output="raw") as log:
        log(linear(1), 0)
        with pytest.warns(UserWarning, match=r"holds explanations of a model with 2 classes.* where this one has 3"):
            log(linear(1, classes=3), 1)
        log(linear(2), 2)
    assert strength(xai.read_run(tmp_path)) == [1, 2]


def test_what_does_not_fit_is_an_error_at_the_first_step(tmp_path: Path) -> None:
    log = xai.RunLogger(tmp_path, PROBES, "shap", head="logits", output="raw")
    with pytest.raises(ValueError, match=r"^RunLogger: the callable .* failed on a batch of probes of shape \(4,\)"):
        log(lambda rows: rows @ np.ones(9), 0)
    log(linear(1), 0)  # another one does
    assert not (tmp_path / "earlier-1").exists()


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda log: log(linear(1), 3), ValueError, "step 3 comes after step 3; give increasing steps"),
        (lambda log: log(linear(1), 1.5), TypeError, r"step is 1\.5; give an integer"),
        (lambda log: log(linear(1), -2), ValueError, "step is -2; give a number from -1"),
        (lambda log: log(linear(1), 4, 0.5), TypeError, r"logs is float; give numbers by name"),
        (lambda log: [log.close(), log(linear(1), 4)], ValueError, "it is closed"),
    ],
    ids=["not increasing", "no integer", "below -1", "logs", "closed"],
)
def test_a_wrong_call_is_one_sentence_and_nothing_is_lost(
    tmp_path: Path, call: Callable[[xai.RunLogger], Any], error: type[Exception], sentence: str
) -> None:
    log = xai.RunLogger(tmp_path, PROBES, "shap", head="logits", output="raw")
    log(linear(1), 3)
    with pytest.raises(error, match=f"^RunLogger: {sentence}"):
        call(log)
    log.close()
    assert strength(xai.read_run(tmp_path)) == [1]


def test_an_interrupted_loop_leaves_what_was_logged_and_does_not_count_as_finished(tmp_path: Path) -> None:
    def interrupted() -> None:
        with xai.RunLogger(tmp_path, PROBES, "shap") as log:
            log(network(), 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    run = xai.read_run(tmp_path)
    assert (run.steps.tolist(), run.returned_how) == ([0], None)
    assert "not finished" in repr(run)


def test_weights_that_are_put_back_at_the_end_are_known(tmp_path: Path) -> None:
    model = network()
    with xai.RunLogger(tmp_path, PROBES, "shap") as log:
        log(model, 0)
        best = model.get_weights()
        model.set_weights([weight + 1 for weight in best])
        log(model, 1)
        model.set_weights(best)
    run = xai.read_run(tmp_path)
    assert (run.returned_how, run.returned_epoch) == ("restored", 0)


def test_several_probe_sets_are_logged_together(tmp_path: Path) -> None:
    loop(tmp_path, range(2), {"a": PROBES, "b": OTHER_PROBES})
    first, second = xai.read_run(tmp_path, "a"), xai.read_run(tmp_path, "b")
    assert first.steps.tolist() == second.steps.tolist() == [0, 1]
    np.testing.assert_array_equal(second.probes.inputs, ROWS[3:6])
    assert LABELS[3:6].tolist() == list(second.probes.labels)


def test_neither_keras_nor_tensorflow_is_needed(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules.update(keras=None, tensorflow=None)
import numpy as np, tb_xai_plugin as xai
rows = np.random.default_rng(0).normal(size=(8, 4))
probes = xai.TabularProbes(rows[:2], [0, 1], background=rows)
with xai.RunLogger({str(tmp_path)!r}, probes, head="logits") as log:
    for step in range(2):
        log(lambda x: x[:, :2] * (step + 1), step, {{"loss": 0.5}})
print(xai.read_run({str(tmp_path)!r}))
"""
    printed = run_python(sys.executable, code, folder=tmp_path, environment={"PYTHONPATH": str(ROOT)})
    assert "2 epochs of 2 probes" in printed


def test_a_noted_step_has_its_numbers_alone_until_it_is_explained(tmp_path: Path) -> None:
    with xai.RunLogger(tmp_path, PROBES, "shap", head="logits", output="raw") as log:
        log.note(linear(1), 0, {"loss": 3.0})
        log(linear(2), 1, {"loss": 2.0})
        log.note(linear(3), 2, {"loss": 1.0})
        with pytest.raises(ValueError, match="step 2 comes after step 2"):
            log.note(linear(3), 2)
        log.note(linear(4), 3, {"loss": 0.5})
        log(linear(4), 3, {"loss": 0.5})
        with pytest.raises(ValueError, match="step 3 comes after step 3"):
            log(linear(4), 3)
    run = xai.read_run(tmp_path)
    steps, logs = run.log_series()
    assert (steps.tolist(), logs["loss"].tolist()) == ([0, 1, 2, 3], [3.0, 2.0, 1.0, 0.5])
    assert (run.steps.tolist(), strength(run)) == ([1, 3], [2, 4])
    assert all(epoch["training"] > 0 for _, _, epoch in run.writes)


def test_numbers_of_a_model_that_is_noted_at_the_end_do_not_stand_for_an_explanation(tmp_path: Path) -> None:
    model = network()
    with xai.RunLogger(tmp_path, PROBES, "shap") as log:
        log(model, 0)
        model.set_weights([2 * weights for weights in model.get_weights()])
        log.note(model, 1)
    run = xai.read_run(tmp_path)
    assert (run.steps.tolist(), run.all_steps.tolist(), run.returned_how) == ([0], [0, wire.RETURNED], "last")


def test_outputs_that_log_odds_do_not_suit_are_said_once_though_each_step_has_another_model(tmp_path: Path) -> None:
    def steep(slope: float) -> Rows:
        return lambda rows: 1 / (1 + np.exp(-slope * np.clip(np.asarray(rows, float)[:, :1], -1, 1)))

    with xai.RunLogger(tmp_path, PROBES, "shap", head="probabilities") as log:
        log(steep(1), 0)  # nothing is to be said yet
        with pytest.warns(UserWarning, match="of the model's outputs are 0 or 1"):
            log(steep(200), 1)
        log(steep(300), 2)  # warnings are errors in tests
        log(steep(400), 3)
    assert xai.read_run(tmp_path).steps.tolist() == [0, 1, 2, 3]
