"""Damaged records, and what users do wrong: one sentence each. Names that records may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.reading import SOURCES, Read, assert_a_sentence, assert_reads_as_written
from support.records import FakeRun, event_files
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tb_xai_plugin import read_run, read_runs
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import wire
from tb_xai_plugin.run import Run

# Damage


@pytest.mark.parametrize("cut", [1, 10, 300, 1000])
def test_of_a_truncated_last_event_the_epochs_before_it_are_read(cut: int, tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[9] * 4).write(range(5))
    (file,) = event_files(tmp_path)
    whole = file.stat().st_size
    with file.open("r+b") as handle:
        handle.truncate(whole - cut)
    run = read_run(tmp_path)
    np.testing.assert_array_equal(run.steps, [0, 1, 2, 3])
    np.testing.assert_array_equal(run.values("shap"), written.stack("values", "shap")[:4])


@pytest.mark.parametrize("read", SOURCES)
def test_a_run_resumed_after_a_crash_in_the_middle_of_a_write_reads_clean(read: Read, tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write(range(5))
    (file,) = event_files(tmp_path)
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size - 50)
    written.write([4, 5])
    assert_reads_as_written(read(written), written)


def test_a_flipped_byte_costs_the_epochs_from_there_on_and_no_traceback(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write(range(5))
    (file,) = event_files(tmp_path)
    content = bytearray(file.read_bytes())
    content[-200] ^= 0xFF
    file.write_bytes(content)
    run = read_run(tmp_path)
    np.testing.assert_array_equal(run.steps, [0, 1, 2, 3])
    np.testing.assert_array_equal(run.values("shap"), written.stack("values", "shap")[:4])


# What users do wrong


def write_a_scalar(folder: Path) -> None:
    events = EventFileWriter(str(folder))
    events.add_event(Event(step=0, summary=Summary(value=[Summary.Value(tag="epoch_loss", simple_value=1)])))
    events.close()


@pytest.mark.parametrize("read", [read_run, read_runs])
def test_a_directory_that_is_not_there_is_named(read: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        read(tmp_path / "nowhere")
    assert_a_sentence(str(caught.value))


def test_a_directory_without_explanations_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no explanations in") as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))
    assert read_runs(tmp_path) == {}


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("x")
    with pytest.raises(FileNotFoundError, match="a file"):
        read_run(tmp_path / "a file")


def test_a_directory_of_runs_is_sent_to_read_runs(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline").write([0])
    with pytest.raises(FileNotFoundError, match="read_runs") as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))


def test_a_directory_with_other_events_only_is_no_run(tmp_path: Path) -> None:
    write_a_scalar(tmp_path / "logs")
    with pytest.raises(FileNotFoundError) as caught:
        read_run(tmp_path / "logs")
    assert_a_sentence(str(caught.value))


def test_an_event_file_that_was_never_filled_has_a_sentence(tmp_path: Path) -> None:
    # A process that died before its first flush.
    (tmp_path / "xai").mkdir()
    (tmp_path / "xai" / "events.out.tfevents.1").touch()
    with pytest.raises((FileNotFoundError, RecordError)) as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))


def test_a_newer_record_asks_for_an_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "SCHEMA", 7)
        FakeRun(tmp_path).write([0])
    with pytest.raises(ValueError, match="upgrade tb_xai_plugin") as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda run: run.values("gradcam"), "lime"),
        (lambda run: run.errors("gradcam"), "shap"),
        (lambda run: run.base_values("gradcam"), "shap"),
        (lambda run: run.untrained("gradcam"), "shap"),
        (lambda run: run.drift("gradcam"), "shap"),
        (lambda run: run.drift("shap", "yesterday"), "untrained"),
        (lambda run: run.drift("shap", 99), "99"),
        (lambda run: run.drift("shap", measure="euclid"), "cosine"),
        (lambda run: run.drift("shap", target="dog"), "predicted"),
        (lambda run: run.drift("shap", target=2), "2 classes"),
        (lambda run: run.region_share("shap", "sky"), "left"),
    ],
)
def test_what_is_not_in_the_record_is_refused_with_what_is(ask: Callable[[Run], Any], word: str, tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path).write([0, 1]).log_dir)
    with pytest.raises(ValueError, match=word) as caught:
        ask(run)
    assert_a_sentence(str(caught.value))


def test_an_unknown_probe_set_is_refused_with_those_there_are(tmp_path: Path) -> None:
    FakeRun(tmp_path, probe_set="odd").write([0])
    with pytest.raises(ValueError, match=r"\['odd'\]"):
        read_run(tmp_path, "even")


# Names


@pytest.mark.parametrize("form", [str, Path, lambda path: f"{path}/", lambda path: path / "xai"], ids=["str", "Path", "slash", "record"])
def test_a_run_is_found_by_any_form_of_its_path(form: Callable[[Path], Any], tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "baseline").write([0])
    assert_reads_as_written(read_run(form(tmp_path / "baseline")), written)


def test_read_runs_names_every_run_as_tensorboard_does_less_the_xai(tmp_path: Path) -> None:
    written = {name: FakeRun(tmp_path / name, seed=i).write([0]) for i, name in enumerate([".", "b", "a/deep", "a"])}
    write_a_scalar(tmp_path / "b" / "train")
    runs = read_runs(tmp_path)
    assert list(runs) == [".", "a", "a/deep", "b"]
    for name, run in runs.items():
        assert run.name == name
        assert_reads_as_written(run, written[name])


def test_two_probe_sets_of_one_run_are_read_apart(tmp_path: Path) -> None:
    odd = FakeRun(tmp_path, probe_set="odd", seed=1).write([0, 1])
    even = FakeRun(tmp_path, probe_set="even", seed=2, players=[2, 2]).write([0])
    assert_reads_as_written(read_run(tmp_path, "odd"), odd)
    assert_reads_as_written(read_run(tmp_path), even)
