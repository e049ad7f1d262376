"""The returned model: what `fit` hands back is in the record, whatever changed its weights after the last epoch; and training is as without the callback."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from support.fits import DATA, OTHER_PROBES, PROBES, ROWS, At, Interrupt, Notebook, Weights, Wrapper, by_hand, network, outputs_of

import tb_xai_plugin as xai
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.records import wire

Callbacks = list[keras.callbacks.Callback]

EPOCHS, BEST = 7, 3


class Witness(keras.callbacks.Callback):
    """Stands right after the logger, and so sees the weights that it explains."""

    def __init__(self, of: Callable[[keras.Model], keras.Model]) -> None:
        super().__init__()
        self.of, self.seen = of, []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seen.append(self.of(self.model).get_weights())


class Score(keras.callbacks.Callback):
    """A metric that is best at epoch BEST."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        logs["score"] = -abs(epoch - BEST)


class AtTheEnd(keras.callbacks.Callback):
    """Does something with the model in `on_train_end`."""

    def __init__(self, do: Callable[[keras.Model], object]) -> None:
        super().__init__()
        self.do = do

    def on_train_end(self, logs: object = None) -> None:
        self.do(self.model)


def with_optimizer(optimizer: keras.optimizers.Optimizer, *, dtype: str | None = None) -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="softmax", dtype=dtype)])
    model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def averaging(**options: Any) -> keras.Model:
    return with_optimizer(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.8, **options))


def normalising() -> keras.Model:
    """Its state also has statistics, and the state of a random generator that no `set_weights` puts back."""
    body = [layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((4,)), *body, layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def best() -> keras.callbacks.EarlyStopping:
    return keras.callbacks.EarlyStopping("score", mode="max", patience=3, restore_best_weights=True)


def halve(model: keras.Model) -> None:
    model.set_weights([weight / 2 for weight in model.get_weights()])


class Case:
    """One way to train: the model, the callbacks before and after the logger, and how the returned model came to be.

    network: the explained network of the model in fit.
    """

    def __init__(
        self,
        how: str,
        model: Callable[[], keras.Model] = network,
        before: Callable[[Path], Callbacks] = lambda folder: [],
        after: Callable[[Path], Callbacks] = lambda folder: [],
        network: Callable[[keras.Model], keras.Model] = lambda model: model,
        epochs: int = EPOCHS,
        **options: Any,
    ) -> None:
        self.how, self.model, self.before, self.after, self.network = how, model, before, after, network
        self.epochs, self.options = epochs, options


def _checkpoint(folder: Path) -> Callbacks:
    path = folder / "best.weights.h5"
    save = keras.callbacks.ModelCheckpoint(path, "score", mode="max", save_best_only=True, save_weights_only=True)
    return [Score(), save, AtTheEnd(lambda model: model.load_weights(path))]


def swap(on_epoch: bool) -> Callable[[Path], Callbacks]:
    return lambda folder: [keras.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)]


def wrapped() -> keras.Model:
    wrapper = Wrapper(network())
    wrapper.compile(run_eagerly=True)
    return wrapper


CASES = {
    "nothing changes": Case("last"),
    "every=5": Case("last", every=5),
    "every decides alone": Case("last", every=lambda epoch: epoch == 1),
    "moving averages": Case("averages", averaging),
    "moving averages and every=5": Case("averages", averaging, every=5),
    # One step an epoch: the seventh is not overwritten, the sixth is.
    "averages overwrite, not at the last step": Case("averages", lambda: averaging(ema_overwrite_frequency=2)),
    "averages overwrite at the last step": Case("last", lambda: averaging(ema_overwrite_frequency=2), epochs=6),
    "SwapEMAWeights before": Case("averages", averaging, before=swap(False), fit={"validation_data": DATA}),
    "SwapEMAWeights after": Case("averages", averaging, after=swap(False), fit={"validation_data": DATA}),
    "SwapEMAWeights on epochs, before": Case("last", averaging, before=swap(True)),
    "SwapEMAWeights on epochs, after": Case("averages", averaging, after=swap(True)),
    "loss scaling and averages": Case(
        "averages", lambda: with_optimizer(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.8)))
    ),
    "mixed precision and averages": Case(
        "averages", lambda: with_optimizer(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.8), dtype="mixed_float16")
    ),
    "EarlyStopping before": Case("restored", before=lambda folder: [Score(), best()]),
    "EarlyStopping after": Case("restored", before=lambda folder: [Score()], after=lambda folder: [best()]),
    "EarlyStopping before, every=5": Case("restored", before=lambda folder: [Score(), best()], every=5),
    "EarlyStopping after, every=5": Case("restored", before=lambda folder: [Score()], after=lambda folder: [best()], every=5),
    "EarlyStopping before, batch norm and dropout": Case("restored", normalising, before=lambda folder: [Score(), best()], every=5),
    "EarlyStopping before, max_overhead": Case("restored", before=lambda folder: [Score(), best()], max_overhead=1e-3),
    "ModelCheckpoint put back": Case("restored", before=_checkpoint),
    "ModelCheckpoint put back after, every=5": Case("restored", after=_checkpoint, every=5),
    "set before the logger's end": Case("changed", before=lambda folder: [AtTheEnd(halve)]),
    "set after the logger's end": Case("changed", after=lambda folder: [AtTheEnd(halve)]),
    "a learning rate of 0": Case("last", lambda: network(rate=0.0)),
    "one epoch": Case("last", epochs=1),
    "a wrapper": Case("last", wrapped, network=lambda wrapper: wrapper.inner),
    "a wrapper whose network is set": Case(
        "changed", wrapped, after=lambda folder: [AtTheEnd(lambda wrapper: halve(wrapper.inner))], network=lambda wrapper: wrapper.inner
    ),
}


def same(ours: Weights, theirs: Weights) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def trained(case: Case, folder: Path, logged: bool = True) -> tuple[keras.Model, Witness, dict[str, list[float]]]:
    """The model in fit, what stood right after the logger, and Keras's history."""
    keras.utils.set_random_seed(7)
    model, witness = case.model(), Witness(case.network)
    options = {name: option for name, option in case.options.items() if name != "fit"}
    if case.network(model) is not model:
        options["model"] = case.network
    logger = [xai.ExplanationLogger(folder / "run", PROBES, "shap", on_error="raise", **options)] if logged else []
    callbacks = [*case.before(folder), *logger, witness, *case.after(folder)]
    history = model.fit(DATA, epochs=case.epochs, verbose=0, shuffle=False, callbacks=callbacks, **case.options.get("fit", {}))
    return model, witness, history.history


@pytest.mark.parametrize("name", CASES)
def test_what_the_returned_model_does_is_in_the_record(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    model, witness, _ = trained(case, tmp_path)
    run, returned = xai.read_run(tmp_path / "run"), case.network(model)
    tolerance = 2e-3 if "mixed" in name else 1e-5  # float16 has three digits
    np.testing.assert_allclose(run.returned("shap"), xai.explain(returned, PROBES, "shap")["shap"].values, rtol=0, atol=tolerance)
    equal = [epoch for epoch, weights in enumerate(witness.seen) if same(weights, returned.get_weights())]
    assert run.returned_epoch == (equal[-1] if equal else None)
    assert run.returned_how == case.how
    assert {"last": len(witness.seen) - 1, "restored": BEST}.get(case.how) == run.returned_epoch
    assert run.log_series()[0].tolist() == list(range(len(witness.seen)))
    assert set(run.steps) <= set(range(len(witness.seen)))
    assert re.search("returned", repr(run))


@pytest.mark.parametrize(
    "name", ["EarlyStopping before", "EarlyStopping after", "a learning rate of 0", "nothing changes", "moving averages"]
)
def test_the_returned_model_is_explained_where_no_explained_epoch_has_its_weights_and_not_otherwise(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explained: list[int] = []
    run_engine = Engine.run
    monkeypatch.setattr(Engine, "run", lambda *arguments: explained.append(1) or run_engine(*arguments))
    trained(CASES[name], tmp_path)
    run = xai.read_run(tmp_path / "run")
    anew = name == "moving averages"
    assert (wire.RETURNED in run.all_steps) == anew
    assert len(explained) == 1 + len(run.log_series()[0]) + anew  # the untrained model too
    if not anew:
        np.testing.assert_array_equal(run.returned("shap"), run.values("shap")[run.steps.tolist().index(run.returned_epoch)])


TRAINED_ALIKE = ["moving averages", "SwapEMAWeights before", "SwapEMAWeights on epochs, before", "SwapEMAWeights on epochs, after"]
TRAINED_ALIKE += [
    "loss scaling and averages",
    "EarlyStopping after, every=5",
    "ModelCheckpoint put back",
    "set after the logger's end",
    "a wrapper",
]


@pytest.mark.parametrize("name", TRAINED_ALIKE)
def test_the_returned_model_is_the_one_that_fit_returns_without_the_callback(name: str, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain, plain_witness, plain_history = trained(CASES[name], tmp_path / "plain", logged=False)
    model, witness, history = trained(CASES[name], tmp_path)
    assert history == plain_history
    _identical(model, plain)
    assert len(witness.seen) == len(plain_witness.seen)
    assert all(same(ours, theirs) for ours, theirs in zip(witness.seen, plain_witness.seen, strict=True))


def _identical(ours: keras.Model, theirs: keras.Model) -> None:
    for group in ("variables", "non_trainable_variables"):
        _equal(getattr(ours, group), getattr(theirs, group))
    _equal(ours.optimizer.variables, theirs.optimizer.variables)


def _equal(ours: list[Any], theirs: list[Any]) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(np.array(a), np.array(b))


# ---- states that only inferring changes


class Counter(layers.Layer):
    """Counts its calls, in a variable of Keras."""

    def build(self, input_shape: object) -> None:
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        return inputs * (1 + 0.01 * self.calls)


class CounterOfTensorFlow(layers.Layer):
    """Counts its calls, in a variable that Keras does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = tf.Variable(0.0, trainable=False)

    def call(self, inputs: Any) -> Any:
        self.calls.assign_add(1.0)
        return inputs * (1 + 0.01 * self.calls)


def _stateful() -> list[layers.Layer]:
    return [keras.Input(batch_shape=(len(ROWS), 4)), layers.Reshape((4, 1)), layers.LSTM(3, stateful=True)]


def _counting() -> list[Any]:
    return [keras.Input((4,)), Counter(), CounterOfTensorFlow(), layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)]


STATES: dict[str, Callable[[], list[Any]]] = {
    "a stateful layer": _stateful,
    "counters of Keras and of TensorFlow, batch norm and dropout": _counting,
}


@pytest.mark.parametrize("name", STATES)
def test_training_is_bit_identical_over_two_fits_although_the_returned_model_was_explained_between(name: str, tmp_path: Path) -> None:
    def train(*callbacks: keras.callbacks.Callback) -> tuple[keras.Model, list[float], list[np.ndarray]]:
        keras.utils.set_random_seed(7)
        model = keras.Sequential([*STATES[name](), layers.Dense(2, activation="softmax")])
        model.compile(keras.optimizers.Adam(0.1, use_ema=True, ema_momentum=0.8), "sparse_categorical_crossentropy", metrics=["accuracy"])
        losses, outputs = [], []
        for _ in range(2):
            losses += model.fit(DATA, epochs=2, verbose=0, shuffle=False, validation_data=DATA, callbacks=list(callbacks)).history[
                "val_loss"
            ]
            outputs.append(model.predict(ROWS, verbose=0, batch_size=len(ROWS)))
        return model, losses, outputs

    plain, plain_losses, plain_outputs = train()
    logged, losses, outputs = train(xai.ExplanationLogger(tmp_path, PROBES, "shap", batch_size=len(ROWS), on_error="raise"))
    assert losses == plain_losses
    _equal(outputs, plain_outputs)
    _identical(logged, plain)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2, 3]
    assert run.returned_how == "averages"


# ---- fits that follow, and fits that do not end


def test_the_next_fit_supersedes_the_returned_model_of_the_last(tmp_path: Path) -> None:
    notebook, model = Notebook(tmp_path), averaging()
    with notebook.listening():
        notebook.fit(model, logger := notebook.logger())
        first = xai.read_run(notebook.logs).returned("shap")
        notebook.fit(model, logger, AtTheEnd(halve), epochs=3)
    run = xai.read_run(notebook.logs)
    assert run.steps.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(run.returned("shap"), xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5)
    assert np.abs(run.returned("shap") - first).max() > 1e-3
    assert run.returned_epoch is None


def test_a_model_loaded_with_the_averages_that_fit_returned_goes_on(tmp_path: Path) -> None:
    """Its weights are those of the returned model, and of no epoch."""
    notebook, model = Notebook(tmp_path), averaging()
    loaded = averaging()
    with notebook.listening():
        notebook.fit(model, notebook.logger())
        loaded.set_weights(model.get_weights())
        notebook.fit(loaded, notebook.logger())
    run = xai.read_run(notebook.logs)
    assert run.log_series()[0].tolist() == [0, 1, 2, 3]
    assert not (notebook.logs / "earlier-1").exists()


def test_an_interrupted_fit_has_no_returned_model(tmp_path: Path) -> None:
    notebook, model = Notebook(tmp_path), network()
    with notebook.listening():
        notebook.fit(model, notebook.logger(), Interrupt(2), epochs=5)
        run = xai.read_run(notebook.logs)
        assert (run.returned("shap"), run.returned_epoch, run.returned_how) == (None, None, None)
        notebook.fit(model, notebook.logger(), At(0, _interrupt, end=True), epochs=5)
        run = xai.read_run(notebook.logs)
        assert run.steps.tolist() == [0, 1, 2]
        assert run.returned_how is None
        # Interrupted before its first epoch ends: the record is still that of the finished fit.
        notebook.fit(model, notebook.logger())
        notebook.fit(model, notebook.logger(), Interrupt(0))
    run = xai.read_run(notebook.logs)
    assert run.steps.tolist() == [0, 1, 2, 3, 4]
    assert (run.returned_epoch, run.returned_how) == (4, "last")


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_a_fit_without_epochs_leaves_the_record_of_the_model_that_was_trained(tmp_path: Path) -> None:
    notebook, model = Notebook(tmp_path), network()
    with notebook.listening():
        notebook.fit(model, notebook.logger(), epochs=0)
        assert not list(tmp_path.rglob("*tfevents*"))
        notebook.fit(model, logger := notebook.logger())
        notebook.fit(model, logger, epochs=2, initial_epoch=2)
        notebook.fit(network(), logger, epochs=0)
    assert [fit.error for fit in notebook.fits] == [None] * 4
    assert notebook.said == []
    run = xai.read_run(notebook.logs)
    assert run.steps.tolist() == [0, 1]
    assert (run.returned_epoch, run.returned_how) == (1, "last")
    np.testing.assert_allclose(run.returned("shap"), xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5)


def test_a_folder_removed_after_the_last_epoch_leaves_a_record_of_what_is_in_it(tmp_path: Path) -> None:
    """The record that begins with the returned model has no epochs, and names none."""
    notebook, model = Notebook(tmp_path), network()
    with notebook.listening():
        notebook.fit(model, notebook.logger(), At(2, lambda: shutil.rmtree(notebook.logs), end=True), epochs=3)
    assert notebook.fits[0].error is None
    run = xai.read_run(notebook.logs)
    assert run.log_series()[0].tolist() == []
    assert run.returned_epoch is None
    np.testing.assert_allclose(run.returned("shap"), xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5)


def test_every_probe_set_has_the_returned_model(tmp_path: Path) -> None:
    model, logger = averaging(), xai.ExplanationLogger(tmp_path, {"one": PROBES, "other": OTHER_PROBES}, "shap")
    model.fit(DATA, epochs=2, verbose=0, shuffle=False, callbacks=[logger])
    for name, probes in (("one", PROBES), ("other", OTHER_PROBES)):
        run = xai.read_run(tmp_path, name)
        np.testing.assert_allclose(run.returned("shap"), xai.explain(model, probes, "shap")["shap"].values, atol=1e-5)


def test_a_returned_model_that_cannot_be_explained_is_one_warning(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    broken = AtTheEnd(lambda model: model.set_weights([weight * np.nan for weight in model.get_weights()]))
    with notebook.listening():
        notebook.fit(network(), notebook.logger(), broken, epochs=3)
    assert notebook.fits[0].error is None
    assert len(notebook.said) == 1
    assert re.search("at the end: .*NaN", notebook.said[0])
    run = xai.read_run(notebook.logs)
    assert run.steps.tolist() == [0, 1, 2]
    assert np.isfinite(run.values("shap")).all()
    assert (run.returned_epoch, run.returned_how) == (None, "changed")
    assert np.isnan(run.returned("shap")).all()


def test_a_callback_that_fails_in_its_end_fails_as_without_the_logger(tmp_path: Path) -> None:
    def fail(model: keras.Model) -> None:
        raise RuntimeError("mine")

    for place in (0, 1):
        callbacks: Callbacks = [xai.ExplanationLogger(tmp_path / str(place), PROBES, "shap")]
        callbacks.insert(place, AtTheEnd(fail))
        with pytest.raises(RuntimeError, match="mine"):
            network().fit(DATA, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
        assert xai.read_run(tmp_path / str(place)).steps.tolist() == [0, 1]


def test_the_callback_works_in_a_loop_of_ones_own(tmp_path: Path) -> None:
    """Hooks called by hand, one callback alone or a list of them: the record is whole when `on_train_end` was called."""
    alone = xai.ExplanationLogger(tmp_path / "alone", PROBES, "shap")
    listed = keras.callbacks.CallbackList([xai.ExplanationLogger(tmp_path / "listed", PROBES, "shap")])
    for name, hooks in (("alone", alone), ("listed", listed)):
        model = network()
        by_hand(hooks, model)
        run = xai.read_run(tmp_path / name)
        assert run.steps.tolist() == [0, 1]
        assert (run.returned_epoch, run.returned_how) == (1, "last")
        np.testing.assert_allclose(run.outputs[-1], outputs_of(model.get_weights()), atol=1e-6)
        assert run.missing == 0


def test_a_list_of_callbacks_that_is_used_again_works_again(tmp_path: Path) -> None:
    model, logger = averaging(), xai.ExplanationLogger(tmp_path, PROBES, "shap")
    listed = keras.callbacks.CallbackList([logger], add_history=True, model=model)
    for _ in range(3):
        model.fit(DATA, epochs=1, verbose=0, shuffle=False, callbacks=listed)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2]
    np.testing.assert_allclose(run.returned("shap"), xai.explain(model, PROBES, "shap")["shap"].values, atol=1e-5)
