"""What goes wrong beside a training: disks, folders, damaged records, other writers. Training goes on, and no epoch is lost in silence."""

from __future__ import annotations

import copy
import gc
import os
import re
import shutil
import struct
import threading
import warnings
import weakref
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from google.protobuf.message import DecodeError
from support.fits import PROBES, At, Interrupt, Notebook, Weights, network, outputs_of, steps_kept
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import tb_xai_plugin as xai
from tb_xai_plugin.training import callback as callback_module
from tb_xai_plugin.training import folder, recorder, standing


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    return Notebook(tmp_path)


def in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, nothing is known of records but what they hold."""
    for name in ("KNOWN", "OPEN", "KEPT", "SAID"):
        monkeypatch.setattr(recorder, name, type(getattr(recorder, name))())


def has(folder: Path, steps: list[int], weights: list[Weights]) -> xai.Run:
    """The record has these steps and no others, complete, each explained with these weights."""
    run = xai.read_run(folder)
    assert run.log_series()[0].tolist() == run.steps.tolist() == steps
    np.testing.assert_allclose(run.outputs, [outputs_of(each) for each in weights], atol=1e-6)
    assert np.isfinite(run.values("shap")).all()
    assert run.missing == 0
    np.testing.assert_array_equal(run.probes.inputs, PROBES.inputs)
    return run


class Disk:
    """A disk that can be full: TensorBoard's writer fails then, and for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        add_event = EventFileWriter.add_event

        def add_or_fail(writer: EventFileWriter, event: object) -> None:
            if self.full:
                raise OSError("No space left on device")
            add_event(writer, event)

        monkeypatch.setattr(EventFileWriter, "add_event", add_or_fail)


# ---- folders that are removed


def test_a_folder_removed_after_a_write_that_failed_is_begun_anew(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody makes room. The new record is complete: a record without its probes could not be read."""
    disk = Disk(monkeypatch)

    def make_room() -> None:
        shutil.rmtree(notebook.logs)
        disk.full = False

    with notebook.listening():
        notebook.fit(network(), notebook.logger(), At(1, lambda: setattr(disk, "full", True)), At(2, make_room), epochs=5)
    has(notebook.logs, [2, 3, 4], notebook.fits[0].weights[2:])
    assert len([sentence for sentence in notebook.said if "No space left on device" in sentence]) == 1
    assert len([sentence for sentence in notebook.said if "removed" in sentence]) == 1


def test_a_folder_removed_in_the_first_epoch_of_a_fit_that_goes_back_is_begun_anew(notebook: Notebook) -> None:
    """The copy that was to be kept is of a record that is gone."""
    model, logger = network(), notebook.logger()
    with notebook.listening():
        notebook.fit(model, logger, epochs=4)
        notebook.fit(model, logger, At(1, lambda: shutil.rmtree(notebook.logs)), epochs=5, initial_epoch=1)
    has(notebook.logs, [1, 2, 3, 4], notebook.fits[1].weights)
    assert [path.name for path in notebook.logs.iterdir()] == ["xai"]
    (sentence,) = notebook.said
    assert "removed while training" in sentence


def test_a_folder_removed_in_each_epoch_leaves_the_last_one(notebook: Notebook) -> None:
    removed = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: shutil.rmtree(notebook.logs, ignore_errors=True))
    with notebook.listening():
        notebook.fit(network(), removed, notebook.logger(), epochs=4)
    has(notebook.logs, [3], notebook.fits[0].weights[3:])


@pytest.mark.parametrize("kept", [0, 200], ids=["emptied", "cut off"])
def test_files_that_are_emptied_between_two_fits_of_one_logger_are_not_gone_on_with(kept: int, notebook: Notebook) -> None:
    """Nobody removed the files, so only their sizes tell."""
    model, logger = network(), notebook.logger()
    with notebook.listening():
        notebook.fit(model, logger, epochs=2)
        for file in (notebook.logs / "xai").iterdir():
            file.write_bytes(file.read_bytes()[:kept])
        notebook.fit(model, logger, epochs=2)
    has(notebook.logs, [0, 1], notebook.fits[1].weights)
    (sentence,) = notebook.said
    assert "a new record begins" in sentence


# ---- copies that fail


def test_a_copy_aside_that_fails_half_way_leaves_nothing_behind(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even at each further epoch: the disk is full enough."""
    model = network()
    with notebook.listening():
        for _ in range(2):  # two event files
            notebook.fit(model, notebook.logger())
        before = {path.name: path.read_bytes() for path in (notebook.logs / "xai").iterdir()}
        copied: list[object] = []

        def no_links(*_: object) -> None:
            raise OSError("no links on this file system")

        def half(source: str, target: str, **_: object) -> None:
            copied.append(shutil.copyfile(source, target))
            if len(copied) % 2 == 0:
                raise OSError("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "link", no_links)
            patch.setattr(shutil, "copy2", half)
            notebook.fit(model, notebook.logger(), epochs=4, initial_epoch=1)
    assert len(copied) >= 2
    assert [path.name for path in notebook.logs.iterdir()] == ["xai"]
    assert {path.name: path.read_bytes() for path in (notebook.logs / "xai").iterdir()} == before
    assert len([sentence for sentence in notebook.said if "No space left on device" in sentence]) == 1


def test_a_copy_aside_works_without_hard_links(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError("no links on this file system")

    monkeypatch.setattr(os, "link", no_links)
    model, logger = network(), notebook.logger()
    with notebook.listening():
        notebook.fit(model, logger, epochs=3)
        notebook.fit(model, logger, epochs=3, initial_epoch=1)
    has(notebook.logs / "earlier-1", [0, 1, 2], notebook.fits[0].weights)
    has(notebook.logs, [0, 1, 2], [notebook.fits[0].weights[0], *notebook.fits[1].weights])


def refused(*_: object, **__: object) -> None:
    raise OSError("Device or resource busy")


def test_a_record_that_cannot_be_renamed_is_moved_file_by_file(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where another disk is mounted at <log_dir>/xai."""
    with notebook.listening():
        notebook.fit(network(), notebook.logger())
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", refused)
            notebook.fit(network(), notebook.logger(), epochs=3)
    has(notebook.logs / "earlier-1", [0, 1], notebook.fits[0].weights)
    has(notebook.logs, [0, 1, 2], notebook.fits[1].weights)
    (sentence,) = notebook.said
    assert "earlier-1" in sentence


def test_a_move_aside_that_fails_leaves_the_record_and_no_empty_folder(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    with notebook.listening():
        notebook.fit(network(), notebook.logger())
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", refused)
            patch.setattr(shutil, "move", refused)
            notebook.fit(network(), notebook.logger())
    has(notebook.logs, [0, 1], notebook.fits[0].weights)
    assert [path.name for path in notebook.logs.iterdir()] == ["xai"]
    (sentence,) = notebook.said
    assert "Device or resource busy" in sentence


# ---- records that are damaged


ERRORS = [
    xai.errors.RecordError("mine"),
    KeyError("unit"),
    AttributeError("mine"),
    OSError("mine"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "mine"),
    DecodeError("mine"),
    zlib.error("mine"),
    struct.error("mine"),
    RuntimeError("mine"),
    AssertionError("mine"),
]
PLACES_TO_FAIL = {"reading": (standing, "probe_sets"), "comparing": (recorder, "misfit")}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", PLACES_TO_FAIL)
def test_a_record_whose_reading_fails_is_kept_aside_and_the_training_has_its_own(
    place: str, error: Exception, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name = PLACES_TO_FAIL[place]
    works, failed = getattr(module, name), []

    def fails_once(*arguments: Any) -> Any:
        if not failed:
            failed.append(1)
            raise error
        return works(*arguments)

    with notebook.listening():
        notebook.fit(network(), notebook.logger())
        in_another_process(monkeypatch)
        with monkeypatch.context() as patch:
            patch.setattr(module, name, fails_once)
            notebook.fit(network(), notebook.logger(), epochs=3)
    assert failed
    has(notebook.logs / "earlier-1", [0, 1], notebook.fits[0].weights)
    has(notebook.logs, [0, 1, 2], notebook.fits[1].weights)
    (sentence,) = notebook.said
    assert "earlier-1" in sentence


def test_a_byte_that_changed_anywhere_in_a_record_costs_the_next_fit_nothing(notebook: Notebook) -> None:
    """Whatever is left of the old record is kept aside as it is."""
    model = network()
    with notebook.listening():
        notebook.fit(model, notebook.logger())
        (file,) = (notebook.logs / "xai").iterdir()
        whole = file.read_bytes()
        for place in np.linspace(0, len(whole) - 1, 12).astype(int):
            damaged = notebook.folder / f"damaged-{place}"
            (damaged / "xai").mkdir(parents=True)
            changed = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
            (damaged / "xai" / file.name).write_bytes(changed)
            notebook.fit(network(), notebook.logger(log_dir=damaged), epochs=1)
            has(damaged, [0], notebook.fits[-1].weights)
            assert (damaged / "earlier-1" / "xai" / file.name).read_bytes() == changed


# ---- weights and warnings


def test_weights_that_cannot_be_read_are_one_warning(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(model: object) -> str:
        raise RuntimeError("on another device")

    with notebook.listening(), monkeypatch.context() as patch:
        patch.setattr(callback_module, "digest", unreadable)
        notebook.fit(network(), notebook.logger(), epochs=4)
    (sentence,) = notebook.said
    assert re.search("weights cannot be read.*RuntimeError: on another device", sentence)
    has(notebook.logs, [0, 1, 2, 3], notebook.fits[0].weights)
    with notebook.listening():
        notebook.fit(network(), notebook.logger())
    has(notebook.logs / "earlier-1", [0, 1, 2, 3], notebook.fits[0].weights)
    has(notebook.logs, [0, 1], notebook.fits[1].weights)


def test_deprecation_warnings_that_are_errors_change_nothing(notebook: Notebook) -> None:
    """As pytest users set it. A second fit of the model goes on, and the record knows the returned model."""
    model = network()
    with notebook.listening(), warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("error", PendingDeprecationWarning)
        notebook.fit(model, notebook.logger())
        loaded = network()
        loaded.set_weights(model.get_weights())
        notebook.fit(loaded, notebook.logger())
    run = has(notebook.logs, [0, 1, 2, 3], [*notebook.fits[0].weights, *notebook.fits[1].weights])
    assert (run.returned_epoch, run.returned_how) == (3, "last")
    (sentence,) = notebook.said
    assert "goes on" in sentence


# ---- others that write


def test_two_loggers_of_one_model_in_turn_keep_all_epochs(notebook: Notebook) -> None:
    model, loggers = network(), [notebook.logger(), notebook.logger()]
    with notebook.listening():
        for turn in range(6):
            notebook.fit(model, loggers[turn % 2], epochs=1)
    has(notebook.logs, list(range(6)), [fit.weights[0] for fit in notebook.fits])
    assert [path.name for path in notebook.logs.iterdir()] == ["xai"]
    assert len(notebook.said) <= 2
    assert len(set(notebook.said)) == len(notebook.said)


def test_a_copy_of_the_model_trained_into_its_folder_in_mid_fit_takes_no_epoch_from_it(notebook: Notebook) -> None:
    """The copy has the weights of an epoch of the record, so it could go on there; but that record is being written."""
    model = network()

    def train_a_copy() -> None:
        copied = network()
        copied.set_weights(model.get_weights())
        notebook.fit(copied, notebook.logger(), epochs=2)

    with notebook.listening():
        notebook.fit(model, notebook.logger(), At(1, train_a_copy), epochs=4)
    outer, inner = notebook.fits
    kept = steps_kept(notebook.logs)
    assert sorted(map(len, kept.values()))[-2:] == [2, 4]
    of_outer, of_inner = (next(name for name, steps in kept.items() if len(steps) == count) for count in (4, 2))
    has(notebook.logs / of_outer, [0, 1, 2, 3], outer.weights)
    has(notebook.logs / of_inner, kept[of_inner], inner.weights)
    assert notebook.said


def test_a_record_that_is_a_symbolic_link_stays_on_its_disk(notebook: Notebook) -> None:
    """A user keeps records on a larger disk. The link stays, and what is kept aside is found below log_dir."""
    disk = notebook.folder / "disk"
    disk.mkdir()
    notebook.logs.mkdir()
    (notebook.logs / "xai").symlink_to(disk, target_is_directory=True)
    first = network()
    with notebook.listening():
        notebook.fit(first, notebook.logger())
        notebook.fit(first, notebook.logger())
        has(disk, [0, 1, 2, 3], [*notebook.fits[0].weights, *notebook.fits[1].weights])
        notebook.fit(network(), notebook.logger(), epochs=3)
        has(notebook.logs / "earlier-1", [0, 1, 2, 3], [*notebook.fits[0].weights, *notebook.fits[1].weights])
        has(disk, [0, 1, 2], notebook.fits[2].weights)
        notebook.fit(first, notebook.logger(), epochs=1)
    assert (notebook.logs / "xai").readlink() == disk
    has(disk, [0, 1, 2], notebook.fits[2].weights)
    assert steps_kept(notebook.logs)["earlier-1"] == [0, 1, 2, 3, 4]


# ---- subclasses, and fits that never end


class WithMore(xai.ExplanationLogger):
    """A user's own logger, which counts epochs and holds what can't be shared."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.seen: list[int] = []
        self.settings = {"nested": [1, 2]}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.seen.append(epoch)
        super().on_epoch_end(epoch, logs)


@pytest.mark.parametrize("in_mid_fit", [False, True])
def test_a_deep_copy_of_a_subclass_shares_no_attribute_of_its_own(in_mid_fit: bool, notebook: Notebook) -> None:
    logger = WithMore(notebook.logs, PROBES, "shap")
    copies: list[WithMore] = []
    take = At(1, lambda: copies.append(copy.deepcopy(logger)))
    with notebook.listening():
        notebook.fit(network(), logger, *([take] if in_mid_fit else []))
        copied = copies[0] if in_mid_fit else copy.deepcopy(logger)
        assert type(copied) is WithMore
        assert copied.seen == ([0] if in_mid_fit else [0, 1])
        notebook.fit(network(), copied, epochs=1)
        copied.settings["nested"].append(3)
    assert logger.seen == [0, 1]
    assert logger.settings == {"nested": [1, 2]}
    has(notebook.logs, [0], notebook.fits[1].weights)
    has(notebook.logs / "earlier-1", [0, 1], notebook.fits[0].weights)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc, which only Linux has")
def test_twenty_interrupted_fits_leave_no_file_open_and_no_thread(notebook: Notebook) -> None:
    """Half of them with one logger, half with a new one each time."""
    model, logger = network(), notebook.logger()
    threads = threading.active_count()
    with notebook.listening():
        for turn in range(20):
            notebook.fit(model, notebook.logger() if turn % 2 else logger, Interrupt(1))
    assert steps_kept(notebook.logs) == {".": list(range(20))}
    assert len(notebook.said) == 1
    del logger
    gc.collect()
    open_files = [os.readlink(file) for file in Path("/proc/self/fd").iterdir() if os.path.lexists(file)]
    assert not [file for file in open_files if os.fspath(notebook.folder) in file]
    assert threading.active_count() <= threads


def test_what_a_function_deletes_after_a_fit_is_gone(notebook: Notebook) -> None:
    """Data and models may be large: nothing of the package holds what the user has let go, not even until the function returns."""
    model, logger = network(), notebook.logger()
    large = type("Large", (), {})()
    notebook.fit(model, logger)
    notebook.fit(model, logger)
    notebook.fit(network(), notebook.logger())
    alive = [weakref.ref(each) for each in (model, logger, large)]
    del model, logger, large
    gc.collect()
    assert [each() for each in alive] == [None, None, None]


def test_a_check_of_a_folder_creates_nothing(tmp_path: Path) -> None:
    folder.check_directory(os.fspath(tmp_path / "a" / "b"))
    assert list(tmp_path.iterdir()) == []
