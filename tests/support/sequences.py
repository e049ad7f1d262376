"""The sequences of fits: in a loop, twice, interrupted, with folders that are removed, and so on. Each is what the cells of a notebook would be."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import keras
from support.fits import (
    OTHER_PROBES,
    PROBES,
    At,
    BuiltByItsFirstBatch,
    Fit,
    Interrupt,
    Notebook,
    Sequence,
    Wrapper,
    compiled,
    each_of,
    network,
)

import tb_xai_plugin as xai

# ---- the same model again


def in_a_loop(n: Notebook) -> None:
    model, logger = network(), n.logger()
    for _ in range(5):
        n.fit(model, logger, epochs=1)


def twice(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=2)
    n.fit(model, logger, epochs=3)


def a_cell_run_twice(n: Notebook) -> None:
    each_of([network()] * 2, n)


def shorter_after_longer(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=5)
    n.fit(model, logger, epochs=3)


def continued_by_initial_epoch(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=2)
    n.fit(model, logger, epochs=4, initial_epoch=2)


def initial_epoch_too_small(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=4)
    n.fit(model, logger, epochs=3, initial_epoch=1)


def initial_epoch_too_large(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=2)
    n.fit(model, logger, epochs=7, initial_epoch=5)


def the_same_weights_in_another_object(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger(), epochs=2)
    loaded = network()
    loaded.set_weights(model.get_weights())
    n.fit(loaded, n.logger(), epochs=2)


def an_earlier_epoch_put_back(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger(), epochs=3)
    loaded = network()
    loaded.set_weights(n.fits[0].weights[1])
    n.fit(loaded, n.logger(), epochs=2)


def compiled_again(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=2)
    n.fit(compiled(model, 0.1), logger, epochs=2)


# ---- another model


def other_models(n: Notebook) -> None:
    logger = n.logger()
    for _ in range(3):
        n.fit(network(), logger, epochs=2)


def a_cell_run_twice_with_a_new_model(n: Notebook) -> None:
    each_of([network(), network()], n)


def shorter_with_a_new_model(n: Notebook) -> None:
    n.fit(network(), n.logger(), epochs=5)
    n.fit(network(), n.logger(), epochs=3)


def initial_weights_put_back(n: Notebook) -> None:
    model, logger = network(), n.logger()
    initial = model.get_weights()
    for _ in range(3):
        model.set_weights(initial)
        n.fit(model, logger, epochs=2)


def two_models_in_turn(n: Notebook) -> None:
    models, logger = [network(), network()], n.logger()
    for _ in range(3):
        for model in models:
            n.fit(model, logger, epochs=1)


def two_models_in_turn_with_new_loggers(n: Notebook) -> None:
    each_of([network(), network()] * 2, n)


def built_by_the_first_batch(n: Notebook) -> None:
    model, logger = compiled(BuiltByItsFirstBatch()), n.logger(untrained=False)
    n.fit(model, logger)
    n.fit(model, logger)
    n.fit(compiled(BuiltByItsFirstBatch()), logger)


def a_wrapper(n: Notebook) -> None:
    logger = n.logger(model=lambda wrapper: wrapper.inner)

    def wrapped(inner: keras.Model) -> Wrapper:
        wrapper = Wrapper(inner)
        wrapper.compile(run_eagerly=True)
        return wrapper

    inner = network()
    n.fit(wrapped(inner), logger)
    n.fit(wrapped(inner), logger)
    n.fit(wrapped(network()), logger)


def one_of_two_models_goes_back(n: Notebook) -> None:
    """The first model's record lies aside, and goes on there; then it is trained again from an epoch that it has."""
    models, logger = [network(), network()], n.logger()
    n.fit(models[0], logger)
    n.fit(models[1], logger)
    n.fit(models[0], logger, epochs=4, initial_epoch=2)
    n.fit(models[0], logger, epochs=4, initial_epoch=3)


def a_record_kept_aside_is_removed(n: Notebook) -> None:
    """The first model's record lay aside. When it is gone, and that model is trained again, the second one's record makes way in its place."""
    models, logger = [network(), network()], n.logger()
    n.fit(models[0], logger)
    n.fit(models[1], logger)
    shutil.rmtree(n.logs / "earlier-1", ignore_errors=True)
    n.fit(models[0], logger)


# ---- interrupted


def interrupted_in_its_first_epoch(n: Notebook) -> None:
    """There is only an untrained model in the record."""
    model, logger = network(), n.logger()
    n.fit(model, logger, Interrupt(0))
    n.fit(model, logger)


def interrupted_in_mid_epoch(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, Interrupt(2), epochs=5)
    n.fit(model, logger, epochs=2)


def interrupted_then_a_new_callback(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger(), Interrupt(2), epochs=5)
    n.fit(model, n.logger(), epochs=2)


def interrupted_then_a_new_model(n: Notebook) -> None:
    logger = n.logger()
    n.fit(network(), logger, Interrupt(2), epochs=5)
    n.fit(network(), logger, epochs=2)


def interrupted_in_mid_explanation(n: Notebook) -> None:
    calls = iter(range(100))

    def interrupts(model: object, probes: object) -> object:
        if next(calls) == 3:  # the untrained model, epochs 0 and 1, and now epoch 2
            raise KeyboardInterrupt
        return PROBES.inputs[:, None, :].repeat(2, axis=1)

    model, logger = network(), n.logger(explainers=["shap", xai.Custom("mine", interrupts)])
    if not n.logged:
        logger = At(2, _interrupt, end=True)
    n.fit(model, logger, epochs=5)
    n.fit(model, logger if n.logged else n.logger(), epochs=2)


def _interrupt() -> None:
    raise KeyboardInterrupt


def a_crash_and_backup(n: Notebook) -> None:
    """The crash comes in the middle of epoch 2; the backup is of epoch 1."""
    n.fit(network(), n.logger(), _backup(n), Interrupt(2), epochs=5)
    n.fit(network(), n.logger(), _backup(n), epochs=5)


def a_crash_before_the_backup(n: Notebook) -> None:
    """The crash comes after epoch 2 was logged, and before it was backed up."""
    n.fit(network(), n.logger(), At(2, _interrupt, end=True), _backup(n), epochs=5)
    n.fit(network(), n.logger(), _backup(n), epochs=5)


def _backup(n: Notebook) -> keras.callbacks.BackupAndRestore:
    return keras.callbacks.BackupAndRestore(os.fspath(n.folder / "backup"))


# ---- folders that change


def removed_between(n: Notebook) -> None:
    model, logger = network(), n.logger()
    n.fit(model, logger, epochs=3)
    shutil.rmtree(n.logs, ignore_errors=True)
    n.fit(model, logger, epochs=2)


def removed_between_models(n: Notebook) -> None:
    logger = n.logger()
    n.fit(network(), logger, epochs=3)
    shutil.rmtree(n.logs, ignore_errors=True)
    n.fit(network(), logger, epochs=2)


def removed_in_mid_run(n: Notebook) -> None:
    n.fit(network(), n.logger(), At(2, lambda: shutil.rmtree(n.logs, ignore_errors=True)), epochs=5)


def record_recreated_in_mid_run(n: Notebook) -> None:
    def recreate() -> None:
        shutil.rmtree(n.logs / "xai", ignore_errors=True)
        (n.logs / "xai").mkdir(parents=True)

    n.fit(network(), n.logger(), At(2, recreate), epochs=5)


def renamed_in_mid_run(n: Notebook) -> None:
    """The user moves the run away while it is trained. What was there stays there."""
    n.fit(network(), n.logger(), At(2, lambda: n.logged and n.logs.rename(n.folder / "renamed")), epochs=5)


def replaced_by_a_file_in_mid_run(n: Notebook) -> None:
    """The record is a file from epoch 2 on; the file is gone before epoch 4."""

    def replace() -> None:
        shutil.rmtree(n.logs / "xai", ignore_errors=True)
        n.logs.mkdir(exist_ok=True)
        (n.logs / "xai").write_text("not a record")

    n.fit(network(), n.logger(), At(2, replace), At(4, lambda: (n.logs / "xai").unlink()), epochs=6)


def log_dir_replaced_by_a_file_between(n: Notebook) -> None:
    """The log_dir itself is a file when the second fit begins, until its epoch 1."""
    model, logger = network(), n.logger()
    n.fit(model, logger)
    shutil.rmtree(n.logs, ignore_errors=True)
    n.logs.write_text("not a folder")
    n.fit(model, logger, At(1, n.logs.unlink), epochs=3)


def moved_aside_by_another_fit(n: Notebook) -> None:
    """Another model is trained into the same log_dir between epochs 1 and 2 of this one."""
    outer, inner = network(), network()
    loggers = n.logger(), n.logger()
    n.fit(outer, loggers[0], At(1, lambda: n.fit(inner, loggers[1], epochs=2), end=True), epochs=4)


def another_fit_begins_before_the_first_write(n: Notebook) -> None:
    """An epoch may take an hour: this fit has begun, and written nothing, when another one begins with the same log_dir, and ends."""
    outer, inner = network(), network()
    loggers = n.logger(untrained=False), n.logger(untrained=False)
    n.fit(outer, loggers[0], At(0, lambda: n.fit(inner, loggers[1], epochs=2)), epochs=3)


def moved_aside_by_another_process(n: Notebook) -> None:
    """What another process does that begins a record here: files appear and go without a word to this one."""
    other, logger = network(), n.logger(log_dir=n.folder / "elsewhere")

    def begin() -> None:
        n.fit(other, logger, epochs=2)
        if n.logged:
            (n.logs / "earlier-1").mkdir()
            (n.logs / "xai").rename(n.logs / "earlier-1" / "xai")
            (n.folder / "elsewhere" / "xai").rename(n.logs / "xai")

    n.fit(network(), n.logger(), At(1, begin, end=True), epochs=4)


# ---- copies


def copied(n: Notebook) -> None:
    """Before its first fit, and after it; each copy trains a model of its own."""
    logger = n.logger()
    n.fit(network(), copy.deepcopy(logger))
    n.fit(network(), logger)
    n.fit(network(), copy.copy(logger))


def copied_in_mid_fit(n: Notebook) -> None:
    copies: list[keras.callbacks.Callback] = []
    logger, model, other = n.logger(), network(), network()  # to copy a model draws random numbers, and Keras's own callbacks copy theirs
    n.fit(model, logger, At(1, lambda: copies.append(copy.deepcopy(logger))), epochs=3)
    n.fit(model, copies[0])
    n.fit(other, copies[0])


def pickled(n: Notebook) -> None:
    logger, model = n.logger(), network()
    n.fit(model, logger)
    n.fit(model, pickle.loads(pickle.dumps(logger)))


def pickled_for_another_process(n: Notebook) -> None:
    """The callback and the model go to another process, which trains on."""
    logger, model = n.logger(), network()
    n.fit(model, logger)
    if n.logged:
        (n.folder / "logger.pickle").write_bytes(pickle.dumps(logger))
        model.save(n.folder / "model.keras")
        path = os.pathsep.join(filter(None, [os.fspath(Path(__file__).parent.parent), *sys.path]))
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE, n.folder],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        elsewhere = json.loads(done.stdout.splitlines()[-1])
        n.said += elsewhere["said"]
        n.fits.append(Fit(losses=elsewhere["losses"]))


ELSEWHERE = """
import json, pathlib, pickle, sys
import keras
from support.fits import Notebook

n = Notebook(pathlib.Path(sys.argv[1]))
with n.listening():
    fit = n.fit(keras.saving.load_model(n.folder / "model.keras"), pickle.loads((n.folder / "logger.pickle").read_bytes()))
assert fit.error is None, fit.error
print(json.dumps({"said": n.said, "losses": fit.losses}))
"""


def keras_tuner(n: Notebook) -> None:
    _search(n, n.logger())


def keras_tuner_beside_tensorboard(n: Notebook) -> None:
    _search(n, n.logger(), keras.callbacks.TensorBoard(os.fspath(n.logs)), executions_per_trial=2)


def _search(n: Notebook, *callbacks: keras.callbacks.Callback, **options: int) -> None:
    import keras_tuner

    class Model(keras_tuner.HyperModel):
        def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
            return network(rate=hp.Choice("rate", [0.5, 0.2, 0.1]))

        def fit(self, hp: object, model: keras.Model, callbacks: list[keras.callbacks.Callback], **_: object) -> dict[str, float]:
            return {"loss": n.fit(model, *callbacks, epochs=2).losses[-1]}

    objective = keras_tuner.Objective("loss", "min")
    tuner = keras_tuner.GridSearch(Model(), objective, max_trials=3, directory=n.folder / "search", project_name="search", **options)
    tuner.search(callbacks=list(callbacks), verbose=0)


# ---- records that cannot go on


def other_options(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger())
    n.fit(model, n.logger(output="probability"))


def other_options_and_an_initial_epoch(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger())
    n.fit(model, n.logger(explainers="lime"), initial_epoch=2, epochs=4)


def other_probes(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger())
    n.fit(model, n.logger(OTHER_PROBES))


def other_classes(n: Notebook) -> None:
    logger = n.logger()
    n.fit(network(), logger)
    n.fit(network(3), logger, initial_epoch=2, epochs=4)


def a_damaged_record(n: Notebook) -> None:
    model = network()
    n.fit(model, n.logger())
    for file in (n.logs / "xai").glob("*tfevents*"):
        content = bytearray(file.read_bytes())
        content[60 : len(content) // 2] = b"\xff" * (len(content) // 2 - 60)
        file.write_bytes(content)
    n.fit(model, n.logger())


def a_record_that_was_cut_off(n: Notebook) -> None:
    """As after a machine that went down while it wrote: the last write of the file is not whole."""
    model, logger = network(), n.logger()
    n.fit(model, logger)
    for file in (n.logs / "xai").glob("*tfevents*"):
        file.write_bytes(file.read_bytes()[:-20])
    n.fit(model, n.logger())


def another_version_of_the_schema(n: Notebook) -> None:
    from tb_xai_plugin.records import wire

    model, known = network(), wire.SCHEMA
    wire.SCHEMA = 99
    try:
        n.fit(model, n.logger())
    finally:
        wire.SCHEMA = known
    n.fit(model, n.logger())


def several_probe_sets(n: Notebook) -> None:
    model, logger = network(), n.logger({"one": PROBES, "other": OTHER_PROBES})
    n.fit(model, logger)
    n.fit(model, logger)
    n.fit(network(), logger)


# ---- options that decide what is explained


def every_five(n: Notebook) -> None:
    model, logger = network(), n.logger(every=5)
    n.fit(model, logger, epochs=7)
    n.fit(model, logger, epochs=7)


def max_overhead(n: Notebook) -> None:
    model, logger = network(), n.logger(max_overhead=0.01)
    n.fit(model, logger, epochs=3)
    n.fit(model, logger, epochs=3)
    n.fit(network(), logger, epochs=3)


# What the benchmark shows: a name for readers, and the sequence.
SHOWN: dict[str, Sequence] = {
    "in a loop: five fits of one epoch": in_a_loop,
    "twice: 2 epochs, then 3": twice,
    "k-fold: three new models, one callback": other_models,
    "k-fold: one model, its initial weights put back": initial_weights_put_back,
    "interrupted in epoch 2, then the same callback": interrupted_in_mid_epoch,
    "interrupted in epoch 2, then a new callback": interrupted_then_a_new_callback,
    "interrupted while epoch 2 is explained": interrupted_in_mid_explanation,
    "folder removed between a fit of 3 and one of 2": removed_between,
    "folder removed before epoch 2 of 5": removed_in_mid_run,
    "record replaced by a file in epochs 2 and 3 of 6": replaced_by_a_file_in_mid_run,
    "copied: three copies, three models": copied,
    "pickled, for the same model": pickled,
    "pickled, for another process": pickled_for_another_process,
    "KerasTuner, three trials": keras_tuner,
    "KerasTuner, three trials twice, beside TensorBoard": keras_tuner_beside_tensorboard,
    "two models in turn, three epochs each": two_models_in_turn,
    "a shorter fit (3) after a longer one (5)": shorter_after_longer,
    "the same with a new model": shorter_with_a_new_model,
    "a crash in epoch 2 of 5, BackupAndRestore": a_crash_and_backup,
    "a crash between record and backup": a_crash_before_the_backup,
    "a cell run twice: new callback, the same model": a_cell_run_twice,
    "a cell run twice: new callback, new model": a_cell_run_twice_with_a_new_model,
    "initial_epoch=1 in a record of 4": initial_epoch_too_small,
    "other options in a used folder": other_options,
    "a damaged record in the folder": a_damaged_record,
    "a record of another schema in the folder": another_version_of_the_schema,
    "another fit with the same log_dir in mid-run": moved_aside_by_another_fit,
}
