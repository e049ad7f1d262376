"""Checkpoints of Keras: the record is the callback's, goes on where it ends, and a bad checkpoint is one sentence."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest
from keras import layers
from support.checkpoints import events_of, steps_written
from support.models import images_with_signal

import tb_xai_plugin as xai
from tb_xai_plugin.cli import main
from tb_xai_plugin.clusters import archives, worker

EPOCHS = 3
IMAGES, LABELS = images_with_signal()
CORNER = np.arange(64).reshape(8, 8) % 8 < 2
PROBES = xai.ImageProbes(IMAGES[:5], LABELS[:5], regions={"left": CORNER})
ROWS = IMAGES.reshape(64, -1)[:, :6]
TABLE = xai.TabularProbes(ROWS[:4], LABELS[:4], background=ROWS[8:24])


def network(classes: int = 3, activation: str = "relu") -> keras.Model:
    """With batch normalisation, whose state is no weight that training changes, and dropout, which has a seed."""
    convolution = [layers.Conv2D(2, 3, activation=activation), layers.BatchNormalization(), layers.Flatten(), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *convolution, layers.Dense(classes, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was logged while it went on, in live/, its checkpoints in ckpt/, and its losses in log.csv."""
    folder = tmp_path_factory.mktemp("trained")
    keras.utils.set_random_seed(3)
    model = network()
    (folder / "ckpt").mkdir()
    model.save(folder / "ckpt" / "e-00.keras")
    callbacks = [
        xai.ExplanationLogger(folder / "live", PROBES),
        keras.callbacks.ModelCheckpoint(folder / "ckpt" / "e-{epoch:02d}.keras"),
        keras.callbacks.CSVLogger(str(folder / "log.csv")),
    ]
    model.fit(IMAGES, LABELS, epochs=EPOCHS, batch_size=16, verbose=0, callbacks=callbacks)
    return folder


@pytest.fixture
def ckpt(trained: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoints."""
    return Path(shutil.copytree(trained / "ckpt", tmp_path / "ckpt"))


def sentences(call: Any) -> list[str]:
    """What a call warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught if str(warning.message).startswith("explain_checkpoints")]


def without_returned(events: list[tuple[int, str, bytes]]) -> list[tuple[int, str, bytes]]:
    """Without the last write, of what `fit` returned: no checkpoint says what that was."""
    return [(step, tag, content) for step, tag, content in events if step < EPOCHS]


def test_the_record_is_the_one_that_the_callback_wrote_to_the_byte(trained: Path, tmp_path: Path) -> None:
    run = xai.explain_checkpoints(trained / "ckpt", PROBES, tmp_path / "back")
    live = xai.read_run(trained / "live")
    assert run.all_steps.tolist() == [-1, 0, 1, 2]
    for name in ("lime", "shap"):
        np.testing.assert_array_equal(run.values(name), live.values(name))
        np.testing.assert_array_equal(run.errors(name), live.errors(name))
        np.testing.assert_array_equal(run.untrained(name), live.untrained(name))
    np.testing.assert_array_equal(run.outputs, live.outputs)
    assert not run.unfinished  # of the training the record knows nothing
    assert events_of(tmp_path / "back") == without_returned(events_of(trained / "live"))
    assert np.abs(run.values("shap")).max() > 0.05


def test_two_processes_write_the_same(trained: Path, tmp_path: Path) -> None:
    xai.explain_checkpoints(trained / "ckpt", PROBES, tmp_path / "back", 2)
    assert events_of(tmp_path / "back") == without_returned(events_of(trained / "live"))


def test_several_probe_sets_and_explainers_on_the_model_itself(tmp_path: Path) -> None:
    model = network()
    sets = {"a": PROBES, "b": xai.ImageProbes(IMAGES[5:8], LABELS[5:8])}
    options: dict[str, Any] = {"explainers": ("shap", "ig", "grad-cam"), "curves": True, "evaluations": 66}
    model.save(tmp_path / "untrained-0.keras")
    callback = xai.ExplanationLogger(tmp_path / "live", sets, **options)
    model.fit(IMAGES[:16], LABELS[:16], verbose=0, callbacks=[callback, keras.callbacks.ModelCheckpoint(tmp_path / "epoch-1.keras")])
    xai.explain_checkpoints([tmp_path / "epoch-1.keras", tmp_path / "untrained-0.keras"], sets, tmp_path / "back", **options)
    live = [event for event in events_of(tmp_path / "live") if event[0] < 1]
    assert [event for event in events_of(tmp_path / "back") if event[0] < 1] == live


def test_what_is_done_is_not_done_again_and_no_model_is_loaded_for_it(
    trained: Path, ckpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = ckpt / "e-03.keras"
    last.rename(tmp_path / "later.keras")
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    (tmp_path / "later.keras").rename(last)
    explained: list[int] = []
    explain = worker.explain
    monkeypatch.setattr(worker, "explain", lambda job, task: explained.append(task.step) or explain(job, task))
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    assert explained == [2]
    assert events_of(tmp_path / "back") == without_returned(events_of(trained / "live"))
    monkeypatch.setattr(worker, "look", None)
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    assert explained == [2]
    for path in ckpt.iterdir():  # copied to another place: the weights tell that they are the same
        os.utime(path, (1, 1))
    monkeypatch.undo()
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    assert steps_written(tmp_path / "back") == dict.fromkeys(range(-1, EPOCHS), 1)
    assert not (tmp_path / "back" / "earlier-1").exists()


def test_a_call_that_is_interrupted_loses_nothing(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explain = worker.explain

    def interrupted(job: Any, task: Any) -> Any:
        if task.step == 1:
            raise KeyboardInterrupt
        return explain(job, task)

    monkeypatch.setattr(worker, "explain", interrupted)
    with pytest.raises(KeyboardInterrupt):
        xai.explain_checkpoints(trained / "ckpt", PROBES, tmp_path / "back")
    assert xai.read_run(tmp_path / "back").all_steps.tolist() == [-1, 0]
    monkeypatch.undo()
    xai.explain_checkpoints(trained / "ckpt", PROBES, tmp_path / "back")
    assert steps_written(tmp_path / "back") == dict.fromkeys(range(-1, EPOCHS), 1)
    assert events_of(tmp_path / "back") == without_returned(events_of(trained / "live"))


def test_a_checkpoint_that_comes_between_is_put_in_its_place_and_the_old_record_is_kept(
    trained: Path, ckpt: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (ckpt / "e-02.keras").rename(tmp_path / "later.keras")
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    before = events_of(tmp_path / "back")
    (tmp_path / "later.keras").rename(ckpt / "e-02.keras")
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    assert any("kept as" in message for message in caplog.messages)
    assert events_of(tmp_path / "back" / "earlier-1") == before
    run, live = xai.read_run(tmp_path / "back"), xai.read_run(trained / "live")
    assert run.steps.tolist() == live.steps.tolist()
    np.testing.assert_array_equal(run.values("shap"), live.values("shap"))


def test_bad_checkpoints_are_a_sentence_each_and_a_gap_that_says_why(ckpt: Path, tmp_path: Path) -> None:
    whole = (ckpt / "e-02.keras").read_bytes()
    (ckpt / "e-02.keras").write_bytes(whole[: len(whole) // 2])
    network(classes=5).save(ckpt / "e-04.keras")
    network(activation="tanh").save(ckpt / "e-05.keras")
    damaged = bytearray((ckpt / "e-03.keras").read_bytes())
    at = damaged.find(b"\x89HDF")
    damaged[at : at + 4000] = bytes(4000)
    (ckpt / "e-06.keras").write_bytes(damaged)
    said = sentences(lambda: xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back"))
    expected = [
        "e-02.keras is half written or damaged .*; save it again, or leave it out",
        "e-04.keras has 5 outputs, and e-00.keras has 3; explain it into a log_dir of its own",
        "e-05.keras is a model of another architecture than e-00.keras; explain it into a log_dir of its own",
        "e-06.keras is (half written or )?damaged.*; save it again, or leave it out",
    ]
    assert len(said) == len(expected)
    for sentence, pattern in zip(said, expected, strict=True):
        assert re.fullmatch(rf"explain_checkpoints: {pattern}\.", sentence), sentence
    run = xai.read_run(tmp_path / "back")
    reasons = {step: epoch["reason"] for step, _, epoch in run.writes}
    assert [step for step, reason in reasons.items() if reason is None] == [-1, 0, 2]
    assert all(re.fullmatch(pattern, reasons[step]) for step, pattern in zip((1, 3, 4, 5), expected, strict=True))
    assert np.isfinite(run.values("shap")[[0, 2]]).all()


def test_with_on_error_raise_the_first_bad_checkpoint_ends_the_call_and_what_is_done_stays(ckpt: Path, tmp_path: Path) -> None:
    (ckpt / "e-02.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=r"^explain_checkpoints: e-02\.keras is half written or damaged"):
        xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back", on_error="raise")
    assert xai.read_run(tmp_path / "back").all_steps.tolist() == [-1, 0]


def test_a_first_checkpoint_that_is_bad_is_a_gap_and_a_repaired_one_takes_its_place(trained: Path, ckpt: Path, tmp_path: Path) -> None:
    whole = (ckpt / "e-00.keras").read_bytes()
    (ckpt / "e-00.keras").write_bytes(whole[:100])
    (said,) = sentences(lambda: xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back"))
    assert "e-00.keras is half written" in said
    assert xai.read_run(tmp_path / "back").steps.tolist() == [0, 1, 2]
    (ckpt / "e-00.keras").write_bytes(whole)
    run = xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    np.testing.assert_array_equal(run.untrained("shap"), xai.read_run(trained / "live").untrained("shap"))
    assert run.steps.tolist() == [0, 1, 2]


def test_where_no_checkpoint_can_be_explained_nothing_is_written(ckpt: Path, tmp_path: Path) -> None:
    for path in ckpt.iterdir():
        path.write_bytes(b"half")
    with (
        pytest.warns(UserWarning, match="half written"),
        pytest.raises(ValueError, match=r"none of 4 checkpoints can be explained; the first: e-00\.keras"),
    ):
        xai.explain_checkpoints(ckpt, PROBES, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("options", [{"seed": 1}, {"explainers": "shap"}, {"evaluations": 66}])
def test_a_record_of_other_options_is_refused_and_stays(options: dict[str, Any], trained: Path, ckpt: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "live", tmp_path / "live")
    before = events_of(tmp_path / "live")
    with pytest.raises(
        ValueError, match=r"explain_checkpoints: log_dir is .*, which holds explanations with different .*; give a directory of its own"
    ):
        xai.explain_checkpoints(ckpt, PROBES, tmp_path / "live", **options)
    assert events_of(tmp_path / "live") == before


def test_a_record_of_the_callback_itself_is_known_by_its_weights_and_gone_on_with(trained: Path, ckpt: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "live", tmp_path / "live")
    before = events_of(tmp_path / "live")
    xai.explain_checkpoints(ckpt, PROBES, tmp_path / "live")
    assert events_of(tmp_path / "live") == before


@keras.saving.register_keras_serializable("tests")
class Doubling(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return 2 * inputs


def test_code_is_run_only_when_asked(tmp_path: Path) -> None:
    doubled = keras.Sequential([keras.Input((6,)), layers.Lambda(lambda x: 2 * x), layers.Dense(2, activation="softmax")])
    doubled.save(tmp_path / "m-1.keras")
    with (
        pytest.warns(UserWarning, match="runs as code"),
        pytest.raises(ValueError, match=r"m-1\.keras has a function in it, which runs as code .* give trusted=True"),
    ):
        xai.explain_checkpoints(tmp_path / "m-1.keras", TABLE, tmp_path / "run")
    run = xai.explain_checkpoints(tmp_path / "m-1.keras", TABLE, tmp_path / "run", trusted=True)
    once = xai.explain(doubled, TABLE)
    np.testing.assert_array_equal(run.values("shap")[0], once["shap"].values)


def test_other_files_are_refused_before_anything_is_done_and_build_takes_them(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((6,)), Doubling(), layers.Dense(2, activation="softmax")])
    model.save_weights(tmp_path / "m-1.weights.h5")
    (tmp_path / "m-1.h5").touch()
    (tmp_path / "m-1.pkl").touch()
    for name, what in (
        ("m-1.weights.h5", "has weights and no model; give build="),
        ("m-1.h5", "may run code .* trusted=True"),
        ("m-1.pkl", "may run code"),
    ):
        with pytest.raises(ValueError, match=rf"explain_checkpoints: '{re.escape(name)}' .*{what}"):
            xai.explain_checkpoints(tmp_path / name, TABLE, tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        xai.explain_checkpoints(tmp_path / "m-2.keras", TABLE, tmp_path / "run")
    kept = keras.models.clone_model(model)

    def build(path: str) -> keras.Model:
        kept.load_weights(path)
        return kept

    run = xai.explain_checkpoints(tmp_path / "m-1.weights.h5", TABLE, tmp_path / "run", build=build)
    np.testing.assert_array_equal(run.values("shap")[0], xai.explain(model, TABLE)["shap"].values)


def test_probes_that_do_not_fit_are_refused_with_the_name_of_the_checkpoint(ckpt: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^explain_checkpoints: e-00\.keras: the model does not accept probes of shape"):
        xai.explain_checkpoints(ckpt, TABLE, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_logs_stand_beside_the_explanations(trained: Path, tmp_path: Path) -> None:
    run = xai.explain_checkpoints(trained / "ckpt", PROBES, tmp_path / "back", logs={0: {"loss": 2.0}, 2: {"loss": 1.0}}, evaluations=66)
    np.testing.assert_array_equal(run.logs["loss"], [2, np.nan, 1])


def test_the_command_line_does_the_same(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PROBES.save(tmp_path / "probes.npz")
    paths = sorted(map(str, (trained / "ckpt").glob("*.keras")))
    options = ["--probes", str(tmp_path / "probes.npz"), "--logdir", str(tmp_path / "back"), "--logs", str(trained / "log.csv")]
    assert main(["explain", *paths, *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    schema = (files("tb_xai_plugin.cli") / "schemas" / "explain-1.json").read_text(encoding="utf-8")
    jsonschema.validate(report, json.loads(schema))
    assert (report["explained"], report["gaps"], report["probes"]) == ([-1, 0, 1, 2], [], 5)
    run, live = xai.read_run(tmp_path / "back"), xai.read_run(trained / "live")
    np.testing.assert_array_equal(run.values("lime"), live.values("lime"))
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(run.logs[name], live.logs[name], rtol=1e-6)


def test_the_command_line_says_what_is_wrong(ckpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    PROBES.save(tmp_path / "probes.npz")
    options = ["--probes", str(tmp_path / "probes.npz"), "--logdir", str(tmp_path / "back"), "--evaluations", "66"]
    (ckpt / "e-03.keras").write_bytes(b"half")
    assert main(["explain", str(ckpt), *options]) == 1
    printed = capsys.readouterr()
    assert "3 checkpoints explained, steps -1 to 1, 5 probes, lime, shap; 1 could not be explained" in printed.out
    assert re.search(r"^tb-xai: explain_checkpoints: e-03\.keras is half written", printed.err, re.MULTILINE)
    for wrong, sentence in (
        (["--probes", str(tmp_path / "none.npz")], "there is no file .*; write one with probes.save"),
        (["--build", "nothing:here"], "--build 'nothing:here' can't be imported .*; give MODULE:FUNCTION"),
        (["--logs", str(tmp_path / "none.csv")], "--logs .* can't be read"),
        (["--workers", "0"], "executor is 0"),
        (["--first-epoch", "9"], "would be step .*; give --first-epoch"),
    ):
        assert main(["explain", str(ckpt), *options, *wrong]) == 2
        assert re.search(rf"^tb-xai: .*{sentence}", capsys.readouterr().err, re.MULTILINE)
    for name, sentence in (
        ("e-1.h5", "if you trust whoever wrote it, give --trusted"),
        ("e-1.npz", "give --build MODULE:FUNCTION, a function"),
    ):
        (tmp_path / name).touch()
        assert main(["explain", str(tmp_path / name), *options]) == 2
        assert sentence in capsys.readouterr().err


def small(activation: str, seed: int) -> keras.Model:
    """A layer is called as its activation is."""
    keras.utils.set_random_seed(seed)
    inside = [layers.Dense(4, name="inside"), layers.Activation(activation, name=activation), layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((6,)), *inside])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_a_network_of_another_activation_is_another_architecture_whatever_its_layers_are_called(tmp_path: Path) -> None:
    for place, activation in enumerate(("relu", "tanh")):
        small(activation, 1).save(tmp_path / f"e{place}.keras")
    with pytest.warns(UserWarning, match="another architecture"):
        run = xai.explain_checkpoints({0: tmp_path / "e0.keras", 1: tmp_path / "e1.keras"}, TABLE, tmp_path / "run", explainers="shap")
    assert list(run.gaps) == [1]


def test_a_checkpoint_that_takes_the_place_of_another_of_its_size_and_time_is_explained_anew(tmp_path: Path) -> None:
    path, values = tmp_path / "e0.keras", []
    for seed in (1, 2):
        small("relu", seed).save(path)
        os.utime(path, (1e9, 1e9))
        run = xai.explain_checkpoints({0: path}, TABLE, tmp_path / "run", explainers="shap")
        values.append(run.values("shap")[0])
        np.testing.assert_allclose(values[-1], xai.explain(small("relu", seed), TABLE, "shap")["shap"].values, atol=1e-5)
    assert not np.allclose(values[0], values[1], atol=1e-3)


def test_a_path_that_has_another_model_now_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "e0.keras"
    small("relu", 1).save(path)
    assert xai.explain_checkpoints({0: path}, TABLE, tmp_path / "first", explainers="shap").settings["regression"] is False
    model = small("relu", 1)
    model.layers[-1].activation = keras.activations.linear
    model.compile("sgd", "mse")
    model.save(path)
    assert xai.explain_checkpoints({0: path}, TABLE, tmp_path / "second", explainers="shap").settings["regression"] is True


def test_names_that_keras_gives_to_layers_do_not_count_where_inputs_and_outputs_have_names_of_the_user(tmp_path: Path) -> None:
    found = []
    for _ in range(2):  # the second network's layers have further numbers
        first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
        both = layers.Dense(2)(layers.Concatenate()([first, second]))
        keras.Model({"first": first, "second": second}, {"both": both}).save(tmp_path / "e0.keras")
        found.append(archives.signature(str(tmp_path / "e0.keras")))
    assert found[0] == found[1]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    paths = {place: tmp_path / activation / "e1.keras" for place, activation in enumerate(("relu", "tanh"))}
    for path in paths.values():
        path.parent.mkdir()
        small(path.parent.name, 1).save(path)
    with pytest.warns(UserWarning, match=re.escape(f"{paths[1]} is a model of another architecture than {paths[0]};")):
        xai.explain_checkpoints(paths, TABLE, tmp_path / "run", explainers="shap")
