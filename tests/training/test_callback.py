"""ExplanationLogger: training is never harmed, every epoch is logged, bad input is refused early."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from support.backends import BACKEND, on_tensorflow
from support.games import shapley_by_enumeration
from support.models import IMAGES, LABELS, MODELS, Subclassed, convolutional, functional, images_with_signal

import tb_xai_plugin as xai

PROBES = xai.ImageProbes(IMAGES[:4], LABELS[:4], class_names=["a", "b", "c"])


def logger(log_dir: Path | str, probes: object = PROBES, **options: object) -> xai.ExplanationLogger:
    return xai.ExplanationLogger(log_dir, probes, **{"evaluations": 66, **options})


def compiled(model: keras.Model, **options: object) -> keras.Model:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def fit(model: keras.Model, *callbacks: keras.callbacks.Callback, epochs: int = 3, **options: object) -> dict[str, list[float]]:
    options = {"x": IMAGES, "y": LABELS, **options}
    return model.fit(epochs=epochs, batch_size=None if "batch" in options else 16, verbose=0, callbacks=list(callbacks), **options).history


def activity_regularised() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(8, activity_regularizer="l2"),
            layers.GaussianNoise(0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    "make", [convolutional, Subclassed, activity_regularised], ids=["batch norm and dropout", "subclassed", "activity regulariser"]
)
def test_weights_optimizer_metrics_and_random_state_are_bit_identical_with_and_without_it(make: object, tmp_path: Path) -> None:
    def train(*callbacks: keras.callbacks.Callback) -> tuple[keras.Model, dict[str, list[float]]]:
        keras.utils.clear_session()  # Keras 3.10 sets no new seed for a global generator that is there already
        keras.utils.set_random_seed(7)
        model = compiled(make())
        history = fit(model, *callbacks, epochs=5, validation_data=(IMAGES, LABELS))
        return model, history

    plain, history = train()
    after_plain = (np.random.random(), float(keras.random.uniform(())))  # noqa: NPY002  the global state is what is tested
    logged, logged_history = train(logger(tmp_path, untrained=make is not Subclassed))
    after_logged = (np.random.random(), float(keras.random.uniform(())))  # noqa: NPY002
    assert history == logged_history
    assert after_plain == after_logged
    for ours, theirs in ((plain.weights, logged.weights), (plain.optimizer.variables, logged.optimizer.variables)):
        assert len(ours) == len(theirs) > 0
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert xai.read_run(tmp_path).steps.tolist() == [0, 1, 2, 3, 4]


class _AlwaysDropout(layers.Dropout):
    def call(self, inputs: object, training: bool = False) -> object:
        return super().call(inputs, training=True)


class _Counting(layers.Layer):
    def build(self, input_shape: object) -> None:
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: object) -> object:
        self.calls.assign_add(1.0)
        return inputs * (1 + 0.01 * self.calls)


@pytest.mark.parametrize("layer", [lambda: _AlwaysDropout(0.5), _Counting], ids=["Monte Carlo dropout", "a counter"])
def test_a_layer_whose_state_changes_when_it_only_infers_is_left_as_it_was(layer: object, tmp_path: Path) -> None:
    def train(*callbacks: keras.callbacks.Callback) -> list[np.ndarray]:
        keras.utils.set_random_seed(7)
        model = compiled(keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layer(), layers.Dense(3, activation="softmax")]))
        fit(model, *callbacks, epochs=3)
        return [np.array(v) for v in (*model.weights, *model.non_trainable_variables)]

    plain = train()
    with pytest.warns(UserWarning, match="depend on chance") if isinstance(layer(), layers.Dropout) else nullcontext():
        logged = train(logger(tmp_path))
    for ours, theirs in zip(plain, logged, strict=True):
        assert np.array_equal(ours, theirs)


@on_tensorflow
def test_a_mirrored_model_is_logged(tmp_path: Path) -> None:
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = compiled(functional())
    fit(model, logger(tmp_path), epochs=2)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1]
    assert run.untrained("shap") is not None


@pytest.mark.parametrize("name", MODELS)
def test_every_shape_of_model_is_logged_at_every_epoch_and_before_the_first(name: str, tmp_path: Path) -> None:
    model = compiled(MODELS[name]())
    model(IMAGES[:1])
    fit(model, logger(tmp_path))
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2]
    assert np.isfinite(run.values("shap")).all()
    assert run.untrained("shap") is not None


@pytest.mark.parametrize("name", ["subclassed", "without Input"])
def test_a_model_that_is_built_by_its_first_batch_is_logged_without_its_untrained_state(name: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="not built before its first batch.*call it on one batch before fit, or give untrained=False"):
        fit(compiled(MODELS[name]()), logger(tmp_path))
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2]
    assert np.isfinite(run.values("shap")).all()
    assert run.untrained("shap") is None
    fit(compiled(MODELS[name]()), logger(tmp_path / "silent", untrained=False))  # warnings are errors in tests


def test_the_record_is_the_explanation_of_the_model_at_that_epoch(tmp_path: Path) -> None:
    seen: list[dict[str, xai.Explanation]] = []
    model = compiled(functional())
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(xai.explain(model, PROBES, evaluations=66)))
    fit(model, logger(tmp_path), look)
    run = xai.read_run(tmp_path)
    for explainer in ("lime", "shap"):
        assert np.array_equal(run.values(explainer), [e[explainer].values for e in seen])
        assert np.array_equal(run.base_values(explainer), [e[explainer].base_values for e in seen])
        assert np.allclose(run.errors(explainer), [e[explainer].errors for e in seen], rtol=2e-3, atol=1e-6)
    assert np.allclose(run.outputs[-1], model.predict(IMAGES[:4], verbose=0), atol=1e-6)


def test_a_model_that_can_only_learn_from_one_corner_is_seen_to_look_there(tmp_path: Path) -> None:
    images, labels = images_with_signal()
    corner = np.zeros((8, 8), bool)
    corner[:4, :4] = True
    probes = xai.ImageProbes(images[:16], labels[:16], regions={"corner": corner})
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    fit(model, logger(tmp_path, probes), epochs=12, x=images, y=labels)
    run = xai.read_run(tmp_path)
    share = np.median(run.region_share("shap", "corner"), axis=1)
    untrained = run.all_region_share("shap", "corner", "label").share[0].mean()
    assert share[-1] > 0.6
    assert share[-1] > untrained + 0.15


def test_logs_and_costs_are_kept_beside_the_explanations(tmp_path: Path) -> None:
    history = fit(compiled(functional()), logger(tmp_path), validation_data=(IMAGES, LABELS))
    run = xai.read_run(tmp_path)
    assert {name: series.tolist() for name, series in run.logs.items()} == history
    assert (run.cost["evaluations"] == 4 * 66).all()
    assert (run.cost["seconds"] > 0).all()
    assert (run.cost["share"][1:] > 0).all()


def test_it_works_beside_the_tensorboard_callback(tmp_path: Path) -> None:
    fit(compiled(functional()), keras.callbacks.TensorBoard(tmp_path / "a"), logger(tmp_path / "a"), validation_data=(IMAGES, LABELS))
    assert sorted(os.listdir(tmp_path / "a")) == ["train", "validation", "xai"]
    assert list(xai.read_runs(tmp_path)) == ["a"]


def _generator() -> object:
    while True:
        yield IMAGES[:16], LABELS[:16]


@pytest.mark.parametrize("kind", ["tf.data", "generator", "PyDataset"])
def test_any_kind_of_data_trains(kind: str, tmp_path: Path) -> None:
    import tensorflow as tf

    class Sequence(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            return IMAGES[i * 16 : i * 16 + 16], LABELS[i * 16 : i * 16 + 16]

    data = {
        "tf.data": {"x": tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(16)},
        "generator": {"x": _generator(), "steps_per_epoch": 4, "validation_steps": 1},
        "PyDataset": {"x": Sequence()},
    }[kind]
    validation = _generator() if kind == "generator" else data["x"]
    compiled_model = compiled(functional())
    compiled_model.fit(epochs=2, verbose=0, shuffle=False, callbacks=[logger(tmp_path)], validation_data=validation, **data)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1]
    assert np.isfinite(run.logs["val_accuracy"]).all()


def test_a_run_resumed_with_initial_epoch_goes_on_in_the_same_record(tmp_path: Path) -> None:
    model = compiled(functional())
    fit(model, logger(tmp_path), epochs=3)
    before = xai.read_run(tmp_path)
    fit(model, logger(tmp_path), epochs=5, initial_epoch=3)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(run.values("shap")[:3], before.values("shap"))
    assert np.array_equal(run.untrained("shap"), before.untrained("shap"))
    assert run.missing == 0


def test_a_resumed_run_keeps_the_blocks_of_its_record_whatever_todays_rule_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = compiled(functional())
    fit(model, logger(tmp_path), epochs=2)
    monkeypatch.setattr("tb_xai_plugin.records.wire.BLOCK_BYTES", 1)  # one probe a block, from now on
    fit(model, logger(tmp_path), epochs=3, initial_epoch=2)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2]
    assert np.isfinite(run.values("shap")).all()


def test_a_new_model_in_an_old_log_dir_does_not_get_the_old_ones_untrained_state(tmp_path: Path) -> None:
    fit(compiled(functional()), logger(tmp_path))
    fit(compiled(functional()), logger(tmp_path, untrained=False))
    run = xai.read_run(tmp_path)
    assert run.untrained("shap") is None
    assert run.steps.tolist() == [0, 1, 2]
    assert run.missing == 0


def test_a_model_of_other_classes_begins_a_record_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    probes = xai.ImageProbes(IMAGES[:4])
    fit(compiled(functional()), logger(tmp_path, probes))
    before = _snapshot(tmp_path / "xai")
    fit(compiled(convolutional(5)), logger(tmp_path, probes), initial_epoch=3, epochs=5)
    assert _snapshot(tmp_path / "earlier-1" / "xai") == before
    assert xai.read_run(tmp_path).steps.tolist() == [3, 4]
    assert re.search(r"explanations of a model with 3 classes, in log-odds.* 5.*earlier-1", caplog.text)


def test_a_run_resumed_from_an_earlier_epoch_replaces_what_came_after(tmp_path: Path) -> None:
    model = compiled(functional())
    fit(model, logger(tmp_path), epochs=5)
    fit(model, logger(tmp_path), epochs=4, initial_epoch=2)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2, 3]
    assert np.allclose(run.values("lime")[-1], xai.explain(model, PROBES, evaluations=66)["lime"].values, atol=1e-6)


def test_a_run_resumed_on_a_machine_whose_clock_is_behind_still_replaces_what_came_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = compiled(functional())
    fit(model, logger(tmp_path), epochs=4)
    monkeypatch.setattr("tb_xai_plugin.records.writer.time.time", lambda: 1e9)
    fit(model, logger(tmp_path), epochs=3, initial_epoch=1)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2]
    assert np.allclose(run.values("lime")[-1], xai.explain(model, PROBES, evaluations=66)["lime"].values, atol=1e-6)


class _Crash(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt


def test_backup_and_restore_after_a_crash_reads_as_one_clean_series(tmp_path: Path) -> None:
    model = compiled(functional())
    with pytest.raises(KeyboardInterrupt):
        fit(model, logger(tmp_path / "run"), keras.callbacks.BackupAndRestore(tmp_path / "backup"), _Crash(), epochs=6)
    again = compiled(functional())
    fit(again, logger(tmp_path / "run"), keras.callbacks.BackupAndRestore(tmp_path / "backup"), epochs=6)
    run = xai.read_run(tmp_path / "run")
    assert run.steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert run.untrained("shap") is not None
    assert np.allclose(run.values("shap")[-1], xai.explain(again, PROBES, evaluations=66)["shap"].values, atol=1e-6)


def test_early_stopping_that_restores_the_best_weights_leaves_the_record_of_every_epoch(tmp_path: Path) -> None:
    stop = keras.callbacks.EarlyStopping(monitor="loss", mode="max", patience=2, restore_best_weights=True)
    fit(compiled(functional()), logger(tmp_path), stop, epochs=20)
    assert xai.read_run(tmp_path).steps.tolist() == [0, 1, 2]


@pytest.mark.skipif(BACKEND == "torch", reason="Keras warns while torch.compile compiles its training step")
def test_mixed_float16_and_jit_compile_are_logged(tmp_path: Path) -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        fit(compiled(convolutional(), jit_compile=True), logger(tmp_path))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert np.isfinite(xai.read_run(tmp_path).values("shap")).all()


def test_every_skips_epochs_but_not_the_last_and_keeps_the_curves_whole(tmp_path: Path) -> None:
    fit(compiled(functional()), logger(tmp_path / "two", every=2), logger(tmp_path / "own", every=lambda epoch: epoch in (1, 3)), epochs=6)
    run = xai.read_run(tmp_path / "two")
    assert run.steps.tolist() == [0, 2, 4, 5]
    assert len(run.logs["loss"]) == 4
    steps, logs = run.log_series()
    assert steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.isfinite(logs["loss"]).all()
    assert xai.read_run(tmp_path / "own").steps.tolist() == [1, 3]


def test_a_model_that_was_trained_before_has_no_untrained_step(tmp_path: Path) -> None:
    model = compiled(functional())
    fit(model, epochs=1)
    fit(model, logger(tmp_path))
    assert xai.read_run(tmp_path).untrained("shap") is None
    fit(compiled(functional()), logger(tmp_path / "off", untrained=False))
    assert xai.read_run(tmp_path / "off").untrained("shap") is None


def test_several_probe_sets_are_logged_in_one_run(tmp_path: Path) -> None:
    fit(compiled(functional()), logger(tmp_path, {"easy": PROBES, "hard": xai.ImageProbes(IMAGES[10:12])}))
    assert xai.read_run(tmp_path, "hard").values("shap").shape == (3, 2, 3, 16)
    assert xai.read_run(tmp_path, "easy").values("shap").shape == (3, 4, 3, 16)


class _TurnNaN(keras.callbacks.Callback):
    """The model's last bias is NaN at the end of epoch 1, and as before when training goes on."""

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch == 1:
            self.bias = self.model.layers[-1].bias.numpy()
            self.model.layers[-1].bias.assign(np.full(3, np.nan, np.float32))

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if epoch == 2:
            self.model.layers[-1].bias.assign(self.bias)


def test_nan_answers_are_logged_as_missing_with_the_reason_and_training_goes_on(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="at epoch 1: the model returned NaN or infinity for 4 of 4 probes. Training goes on"):
        history = fit(compiled(functional()), _TurnNaN(), logger(tmp_path), epochs=4)
    assert len(history["loss"]) == 4
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2, 3]
    assert run.gaps == {1: "the model returned NaN or infinity for 4 of 4 probes"}
    assert np.isnan(run.values("shap")[1]).all()
    assert np.isfinite(run.values("shap")[[0, 2, 3]]).all()


def _fail_at(monkeypatch: pytest.MonkeyPatch, failing: set[int]) -> None:
    from tb_xai_plugin.engine import engine

    run, calls = engine.Engine.run, iter(range(100))

    def sometimes(self: engine.Engine, *options: object) -> engine.Snapshot:
        if next(calls) in failing:
            raise MemoryError("no memory left")
        return run(self, *options)

    monkeypatch.setattr(engine.Engine, "run", sometimes)


def test_a_failure_warns_once_leaves_a_gap_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_at(monkeypatch, {2, 3})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = fit(compiled(functional()), logger(tmp_path), epochs=5)
    ours = [str(w.message) for w in caught if "ExplanationLogger" in str(w.message)]
    assert len(ours) == 1
    assert "at epoch 1: MemoryError: no memory left" in ours[0]
    assert len(history["loss"]) == 5
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 1, 2, 3, 4]
    assert list(run.gaps) == [1, 2]
    assert np.isnan(run.values("shap")[1:3]).all()
    assert np.isfinite(run.logs["loss"]).all()


def test_an_explainer_that_fails_leaves_a_gap_of_its_own_and_says_which(tmp_path: Path) -> None:
    def fails(model: object, probes: object) -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.warns(UserWarning, match="explainer 'mine' failed with ZeroDivisionError: division by zero"):
        fit(compiled(functional()), logger(tmp_path, explainers=["shap", xai.Custom("mine", fails)]), epochs=2)
    run = xai.read_run(tmp_path)
    assert np.isfinite(run.values("shap")).all()
    assert np.isnan(run.values("mine")).all()
    assert "explainer 'mine' failed" in run.gaps[0]
    assert re.search(r"2 epochs of \d+ probes?, 3 with gaps: ", repr(run)), "the untrained model's too"


def test_on_error_raise_raises_and_keeps_what_was_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_at(monkeypatch, {2})
    with pytest.raises(MemoryError, match="no memory left"):
        fit(compiled(functional()), logger(tmp_path, on_error="raise"), epochs=5)
    assert np.isfinite(xai.read_run(tmp_path).values("shap")[0]).all()


def test_a_log_dir_that_cannot_be_written_while_training_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tb_xai_plugin.records.writer import Writer

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Writer, "write_step", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert len(fit(compiled(functional()), logger(tmp_path))["loss"]) == 3


def test_a_disk_that_is_full_for_a_while_leaves_a_gap_not_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    flush, full = EventFileWriter.flush, []

    def flush_or_fail(self: EventFileWriter) -> None:
        if full:
            raise OSError("No space left on device")
        flush(self)

    monkeypatch.setattr(EventFileWriter, "flush", flush_or_fail)
    disk = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: full.append(1) if epoch == 1 else full.clear() if epoch == 3 else None
    )
    with pytest.warns(UserWarning, match="at epoch 1: OSError: No space left on device"):
        fit(compiled(functional()), disk, logger(tmp_path), epochs=6)
    assert {0, 3, 4, 5} <= set(xai.read_run(tmp_path).steps.tolist())


def test_an_unbuilt_model_refuses_the_probes_right_after_its_first_batch_with_the_sentence_of_a_built_one(tmp_path: Path) -> None:
    probes = xai.ImageProbes(np.random.default_rng(0).random((4, 9, 9, 1)))
    batches: list[int] = []
    counting = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: batches.append(batch))
    built = Subclassed()
    built(IMAGES[:1])
    sentences = []
    for model in (Subclassed(), built):
        with pytest.raises(ValueError, match=r"^ExplanationLogger: the model does not accept probes of shape \(9, 9, 1\)") as refused:
            fit(compiled(model), logger(tmp_path, probes, untrained=False), counting)
        sentences.append(re.sub(r"_\d+", "", str(refused.value)))
    assert batches == [0]
    assert sentences[0] == sentences[1]


@pytest.mark.parametrize(
    ("probes", "sentence"),
    [
        (
            xai.ImageProbes(np.random.default_rng(0).random((4, 9, 9, 1))),
            r"does not accept probes of shape \(9, 9, 1\) \(it takes \(8, 8, 1\)\); give the probes exactly as you give inputs to fit",
        ),
        (xai.ImageProbes(IMAGES[:4], [0, 1, 2, 9]), "label 9 is out of range"),
    ],
)
def test_probes_that_do_not_fit_the_model_stop_before_the_first_batch(probes: xai.ImageProbes, sentence: str, tmp_path: Path) -> None:
    model = compiled(functional())
    with pytest.raises(ValueError, match=f"ExplanationLogger: .*{sentence}"):
        fit(model, logger(tmp_path, probes))
    assert int(model.optimizer.iterations) == 0
    assert not os.listdir(tmp_path)


def _snapshot(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch with PROBES and the default options. Read-only."""
    folder = tmp_path_factory.mktemp("logged")
    fit(compiled(functional(), run_eagerly=True), logger(folder), epochs=1)
    return folder


@pytest.mark.parametrize(
    ("probes", "options", "named"),
    [
        (xai.ImageProbes(IMAGES[4:8], LABELS[:4]), {}, "different probes"),
        (xai.ImageProbes(IMAGES[:4], LABELS[4:8]), {}, "different labels"),
        (xai.ImageProbes(IMAGES[:4], LABELS[:4], segments=np.arange(64).reshape(8, 8) // 8), {}, "different segments"),
        (xai.ImageProbes(IMAGES[:4], LABELS[:4], baseline=0.0), {}, "different baseline"),
        (xai.ImageProbes(IMAGES[:4], LABELS[:4], class_names=["a", "b", "d"]), {}, "different class names"),
        (
            xai.ImageProbes(IMAGES[:4], LABELS[:4], class_names=["a", "b", "c"], regions={"r": np.eye(8, dtype=bool)}),
            {},
            "different regions",
        ),
        (xai.ImageProbes(IMAGES[:4], LABELS[:4], class_names=["a", "b", "c"], display=1 - IMAGES[:4]), {}, "different display"),
        (PROBES, {"seed": 1}, r"different coalitions \(evaluations, seed or methods\)"),
        (PROBES, {"output": "probability"}, "different output"),
        (PROBES, {"explainers": "shap"}, "different .*explainers"),
        (PROBES, {"explainers": ("lime", xai.KernelShap(estimator="wls"))}, r"different .*explainers \(different settings of 'shap'\)"),
        (PROBES, {"explainers": ("lime", "shap", "occlusion")}, r"different .*explainers \(no 'occlusion'\)"),
        (
            PROBES,
            {"explainers": (xai.Lime(kernel_width=0.5), "ig")},
            r"different .*explainers \(different settings of 'lime', no 'ig', also 'shap'\)",
        ),
        ({"mine": PROBES}, {}, r"other probe sets \(probes\)"),
    ],
)
def test_a_record_of_other_explanations_is_kept_as_it_was_and_a_log_line_says_what_differs(
    probes: object, options: dict[str, object], named: str, logged: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(logged / "xai", tmp_path / "xai")
    before = _snapshot(tmp_path / "xai")
    other = logger(tmp_path, probes, **options)
    assert _snapshot(tmp_path / "xai") == before
    fit(compiled(functional(), run_eagerly=True), other, epochs=1)
    assert _snapshot(tmp_path / "earlier-1" / "xai") == before
    assert xai.read_run(tmp_path).steps.tolist() == [0]
    assert re.search(rf"explanations (with|of) {named}.*earlier-1", caplog.text)


def test_a_log_dir_that_is_a_file_or_not_writable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="is a file; give a directory"):
        logger(tmp_path / "file")
    with pytest.raises(FileExistsError, match="is a file"):
        logger(tmp_path / "file" / "run")
    (tmp_path / "locked").mkdir()
    # Tests may run as root, whom no mode bit stops.
    monkeypatch.setattr(os, "access", lambda path, mode: "locked" not in str(path))
    with pytest.raises(PermissionError, match="not writable"):
        logger(tmp_path / "locked" / "run")
    assert not os.listdir(tmp_path / "locked")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"explainers": "saliency"}, "unknown explainer 'saliency'; choose from"),
        ({"output": "logits"}, "unknown output 'logits'; choose from"),
        ({"on_error": "ignore"}, "unknown on_error 'ignore'; choose from"),
        ({"every": 0}, "every is 0"),
        ({"max_overhead": -1}, "max_overhead is -1; give a share of the training time"),
        ({"probes": {}}, "empty dict"),
        ({"probes": {"a/b": PROBES}}, "without '/'"),
        ({"probes": IMAGES}, "give a ProbeSet"),
    ],
)
def test_a_bad_option_is_refused_at_construction(options: dict[str, object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError), match=f"ExplanationLogger: .*{sentence}"):
        logger(tmp_path, **options)
    with pytest.raises(TypeError, match="unexpected keyword"):
        logger(tmp_path, evaluation=3)


def test_logged_shap_equals_enumeration_of_the_trained_model(tmp_path: Path) -> None:
    labels = np.arange(8).repeat(8).reshape(8, 8)
    probes = xai.ImageProbes(IMAGES[:4], LABELS[:4], segments=labels, baseline=0.25)
    model = compiled(functional())
    fit(model, logger(tmp_path, probes, evaluations=256), epochs=2)

    def game(coalitions: np.ndarray) -> np.ndarray:
        p = model.predict(np.where(coalitions[:, labels][..., None], IMAGES[1], 0.25), verbose=0).astype(np.float64)
        return np.log(p[:, 0] / (p[:, 1] + p[:, 2]))

    assert np.abs(xai.read_run(tmp_path).values("shap")[-1, 1, 0] - shapley_by_enumeration(game, 8)).max() < 1e-5


def test_a_package_without_metadata_costs_no_epoch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("tb_xai_plugin.training.entries.version", missing)
    fit(compiled(convolutional()), logger(tmp_path), epochs=1)
    run = xai.read_run(tmp_path)
    assert run.gaps == {}
    assert run.settings["versions"]["keras"] == keras.__version__
