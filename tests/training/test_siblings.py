"""The other callbacks of a fit: found wherever the logger stands, and what follows from them: averages, trials of a tuner, the very end."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from support.fits import DATA, OTHER_PROBES, PROBES, Notebook, by_hand, network, steps_kept

import tb_xai_plugin as xai
from tb_xai_plugin.training import siblings

Callbacks = list[keras.callbacks.Callback]


class Spy(keras.callbacks.Callback):
    """Keeps what `list_of_fit` finds."""

    found: list[Any] | None = None
    asked = False

    def on_train_begin(self, logs: object = None) -> None:
        self.found, self.asked = siblings.list_of_fit(), True


class Group(keras.callbacks.Callback):
    """Calls other callbacks, as users write it."""

    def __init__(self, *callbacks: keras.callbacks.Callback) -> None:
        super().__init__()
        self.callbacks = list(callbacks)

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def on_train_begin(self, logs: object = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_end(self, logs: object = None) -> None:
        for callback in self.callbacks:
            callback.on_train_end(logs)


class Halve(keras.callbacks.Callback):
    """Halves the weights at the very end of a training."""

    def on_train_end(self, logs: object = None) -> None:
        self.model.set_weights([weight / 2 for weight in self.model.get_weights()])


def fit(model: keras.Model, callbacks: Any, epochs: int = 2) -> None:
    model.fit(DATA, epochs=epochs, verbose=0, shuffle=False, callbacks=callbacks)


# ---- the list


def test_in_fit_it_is_the_list_of_all_callbacks() -> None:
    spy, other = Spy(), keras.callbacks.Callback()
    fit(network(), [spy, other], epochs=1)
    assert spy.found is not None
    assert spy in spy.found
    assert other in spy.found


def test_in_a_list_that_its_user_gives_to_fit_it_is_that_list() -> None:
    spy, other, model = Spy(), keras.callbacks.Callback(), network()
    given = keras.callbacks.CallbackList([spy, other], add_history=True, model=model)
    fit(model, given, epochs=1)
    assert spy.found is given.callbacks


@pytest.mark.parametrize("within", [lambda spy: Group(spy), lambda spy: Group(Group(spy))], ids=["a group", "a group in a group"])
def test_in_a_group_of_callbacks_it_is_the_list_of_the_fit(within: Callable[[Spy], keras.callbacks.Callback]) -> None:
    spy, other = Spy(), keras.callbacks.Callback()
    group = within(spy)
    fit(network(), [group, other], epochs=1)
    assert spy.found is not None
    assert group in spy.found
    assert other in spy.found


def test_in_a_loop_with_a_list_of_the_users_own_it_is_that_list() -> None:
    spy, other = Spy(), keras.callbacks.Callback()
    hooks = keras.callbacks.CallbackList([spy, other])
    by_hand(hooks, network())
    assert spy.found is hooks.callbacks


@pytest.mark.parametrize("hooks", [Spy, lambda: Group(Spy())], ids=["alone", "in a group"])
def test_in_a_loop_without_a_list_there_is_none(hooks: Callable[[], Any]) -> None:
    made = hooks()
    by_hand(made, network())
    spy = made if isinstance(made, Spy) else made.callbacks[0]
    assert spy.asked
    assert spy.found is None


def test_a_fit_inside_a_callback_of_another_fit_has_its_own_list() -> None:
    inner, outer = Spy(), Spy()

    class Inside(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            fit(network(), [inner], epochs=1)

    fit(network(), [outer, Inside()], epochs=1)
    assert inner.found is not None
    assert outer.found is not None
    assert inner in inner.found
    assert inner not in outer.found
    assert outer not in inner.found


# ---- the very end


PLACES: dict[str, Callable[[keras.callbacks.Callback], Callbacks]] = {
    "before": lambda logger: [logger, Halve()],
    "after": lambda logger: [Halve(), logger],
    "in a group": lambda logger: [Group(logger), Halve()],
    "in a group in a group": lambda logger: [Group(Group(logger)), Halve()],
    "beside it in a group": lambda logger: [Group(logger, Halve())],
    "in a nested list": lambda logger: [keras.callbacks.CallbackList([logger]), Halve()],
}


@pytest.mark.parametrize("place", PLACES)
def test_the_returned_model_is_looked_at_after_all_other_callbacks(place: str, tmp_path: Path) -> None:
    model = network()
    fit(model, PLACES[place](xai.ExplanationLogger(tmp_path, PROBES, "shap")))
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1]
    assert (run.returned_epoch, run.returned_how) == (None, "changed")
    np.testing.assert_allclose(run.returned("shap"), xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5)


def test_a_list_that_is_used_again_does_not_grow(tmp_path: Path) -> None:
    model, logger = network(), xai.ExplanationLogger(tmp_path, PROBES, "shap")
    listed = keras.callbacks.CallbackList([logger], add_history=True, model=model)
    sizes = []
    for _ in range(3):
        fit(model, listed, epochs=1)
        sizes.append(len(listed.callbacks))
    assert len(set(sizes)) == 1


def test_the_lists_that_users_pass_stay_as_they_are(tmp_path: Path) -> None:
    callbacks = [xai.ExplanationLogger(tmp_path, PROBES, "shap"), Halve()]
    before = list(callbacks)
    fit(network(), callbacks)
    assert callbacks == before


# ---- moving averages


AVERAGES = r"moving averages of the weights \(use_ema\)"


def averaging(*, scaled: bool = False, use_ema: bool = True) -> keras.Model:
    optimizer = keras.optimizers.Adam(0.1, use_ema=use_ema, ema_momentum=0.8)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax")])
    optimizer = keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer
    model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def said_of_averages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if re.search(AVERAGES, message)]


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "inside LossScaleOptimizer"])
def test_moving_averages_are_said_once_per_logger(scaled: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model, logger = averaging(scaled=scaled), xai.ExplanationLogger(tmp_path / "a", PROBES, "shap")
    for _ in range(3):
        fit(model, [logger], epochs=1)
    (sentence,) = said_of_averages(caplog)
    assert "SwapEMAWeights(swap_on_epoch=True)" in sentence
    fit(model, [xai.ExplanationLogger(tmp_path / "b", PROBES, "shap")], epochs=1)
    assert len(said_of_averages(caplog)) == 2


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "inside LossScaleOptimizer"])
def test_an_optimizer_without_averages_is_not_spoken_of(scaled: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(averaging(scaled=scaled, use_ema=False), [xai.ExplanationLogger(tmp_path, PROBES, "shap")], epochs=1)
    assert said_of_averages(caplog) == []


def swap(on_epoch: bool) -> keras.callbacks.Callback:
    return keras.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)


SWAPS: dict[str, tuple[Callable[[keras.callbacks.Callback], Callbacks], bool]] = {
    "on epochs, before": (lambda logger: [swap(True), logger], False),
    "on epochs, after": (lambda logger: [logger, swap(True)], True),
    "around validation, before": (lambda logger: [swap(False), logger], True),
    "around validation, after": (lambda logger: [logger, swap(False)], True),
}


@pytest.mark.parametrize("case", SWAPS)
def test_averages_are_said_where_epochs_are_not_explained_with_them(case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The oracle is Keras: whether the model has the weights in training, where the logger stands."""
    callbacks, expected = SWAPS[case]

    class Beside(keras.callbacks.Callback):
        """Stands where the logger stands, and sees whether the weights are those of the last batch."""

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.trained = self.model.get_weights()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.in_training = all(np.array_equal(a, b) for a, b in zip(self.model.get_weights(), self.trained, strict=True))

    logger, beside = xai.ExplanationLogger(tmp_path, PROBES, "shap"), Beside()
    placed = [one for callback in callbacks(logger) for one in ([callback, beside] if callback is logger else [callback])]
    fit(averaging(), placed, epochs=2)  # after the first step, the averages are the weights
    assert beside.in_training == expected
    assert len(said_of_averages(caplog)) == expected


# ---- tuners


LOGS = "/runs/logs"


class TensorBoard:
    """What a tuner makes of `keras.callbacks.TensorBoard`."""

    def __init__(self, log_dir: Any) -> None:
        self.log_dir = log_dir


def trial(name: Any) -> Any:
    return SimpleNamespace(trial=SimpleNamespace(trial_id=name))


TRIALS: dict[str, tuple[list[Any], str | None]] = {
    "no sign of a tuner": ([object()], None),
    "nothing": ([], None),
    "tensorboard below": ([TensorBoard(f"{LOGS}/07/execution0")], f"{LOGS}/07/execution0"),
    "tensorboard below, as a Path": ([TensorBoard(Path(LOGS, "07"))], f"{LOGS}/07"),
    "tensorboard at the same place": ([TensorBoard(LOGS)], None),
    "tensorboard at the same place, otherwise written": ([TensorBoard(f"{LOGS}/../logs/")], None),
    "tensorboard above": ([TensorBoard("/runs")], None),
    "tensorboard beside, with the same beginning": ([TensorBoard(f"{LOGS}2/07")], None),
    "a trial": ([trial("07")], f"{LOGS}/07"),
    "a trial with a number": ([trial(7)], f"{LOGS}/7"),
    "trial 0": ([trial(0)], f"{LOGS}/0"),
    "a trial without a name": ([trial(None)], None),
    "a trial, and tensorboard elsewhere": ([TensorBoard("/elsewhere"), trial("07")], f"{LOGS}/07"),
    "a trial, and tensorboard below": ([trial("07"), TensorBoard(f"{LOGS}/07/execution1")], f"{LOGS}/07/execution1"),
    "two of tensorboard": ([TensorBoard("/elsewhere"), TensorBoard(f"{LOGS}/07")], f"{LOGS}/07"),
    "another callback with a log_dir": ([SimpleNamespace(log_dir=f"{LOGS}/07")], None),
    "tensorboard without a log_dir": ([TensorBoard(None)], None),
}


@pytest.mark.parametrize("case", TRIALS)
def test_the_directory_of_a_trial(case: str) -> None:
    callbacks, expected = TRIALS[case]
    assert siblings.trial_directory(LOGS, callbacks) == expected


class Tuner(keras.callbacks.Callback):
    """What KerasTuner puts into a fit that is one of its trials."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.trial = SimpleNamespace(trial_id=name)


def test_a_deep_copy_beside_a_tuner_has_the_folder_of_its_trial_and_the_logger_itself_has_not(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    logger = notebook.logger()
    for name in ("0", "1"):
        copied = copy.deepcopy(logger)
        fit(network(), [copied, Tuner(name)])
        assert copied.log_dir == str(notebook.logs / name)
    fit(network(), [logger, Tuner("2")])
    assert steps_kept(notebook.logs) == {"0": [0, 1], "1": [0, 1], ".": [0, 1]}


def test_a_deep_copy_stays_in_the_folder_of_its_first_trial(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    copied, model = copy.deepcopy(notebook.logger()), network()
    for _ in range(2):
        fit(model, [copied, Tuner("0")])
    assert steps_kept(notebook.logs) == {"0": [0, 1, 2, 3]}


# ---- two loggers


def test_two_loggers_with_one_folder_are_refused_whatever_list_they_stand_in(tmp_path: Path) -> None:
    def two() -> Callbacks:
        return [xai.ExplanationLogger(tmp_path, probes, "shap") for probes in (PROBES, OTHER_PROBES)]

    model = network()
    for train in (lambda: fit(model, two()), lambda: by_hand(keras.callbacks.CallbackList(two()), model)):
        with pytest.raises(ValueError, match=re.escape(f"two of them have log_dir {str(tmp_path)!r}")):
            train()
    assert not list(tmp_path.rglob("*tfevents*"))
