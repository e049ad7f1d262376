"""Names of event files: a new one is read by a TensorBoard that runs already, whatever clocks say. TensorBoard's own watcher of directories is the oracle."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.directory_watcher import DirectoryWatcher
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.backend.event_processing.io_wrapper import IsSummaryEventsFile

from tb_xai_plugin.records.events import names_of_files
from tb_xai_plugin.records.sources import DirectorySource
from tb_xai_plugin.records.writer import PREFIX, Writer

pytestmark = pytest.mark.viewing

EPOCH = {"logs": {}}


class Watched:
    """A directory of records, and the steps that a running TensorBoard (--load_fast=false) has read of it."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir, self.directory = log_dir, log_dir / "xai"
        self.directory.mkdir(parents=True)
        self._watcher = DirectoryWatcher(str(self.directory), LegacyEventFileLoader, IsSummaryEventsFile)
        self.steps: list[int] = []

    def reload(self) -> list[int]:
        self.steps += [event.step for event in self._watcher.Load() if event.HasField("summary")]
        return self.steps

    def write(self, step: int) -> Writer:
        """What a process writes that begins with this step."""
        writer = Writer(str(self.log_dir))
        writer.write_step("probes", step, EPOCH, None, constant_targets=True)
        return writer


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move every clock of the process by so many seconds."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.mark.parametrize("seconds", [-3600, -86400 * 365, -1, 0, 3600])
def test_a_run_goes_on_in_a_running_tensorboard_on_a_machine_with_another_clock(
    seconds: int, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.write(0).close()
    assert watched.reload() == [0]
    set_clock(monkeypatch, seconds)
    for step in (1, 2):
        watched.write(step).close()
        assert watched.reload()[-1] == step
    assert watched.steps == [0, 1, 2]
    source = DirectorySource(str(watched.directory))
    assert [datum.step for datum in source.tensors(["probes/epoch"])["probes/epoch"]] == [0, 1, 2]


@pytest.mark.parametrize(
    "there",
    [
        "events.out.tfevents.9999999998.host.1.0",
        "events.out.tfevents.9999999998.host.1.0.v2",
        "events.out.tfevents.99999999999.in-milliseconds",
        "old-events.out.tfevents.1700000000.host.1.0",
        "yesterday.tfevents",
    ],
)
def test_the_new_name_sorts_after_any_that_is_there(there: str, watched: Watched) -> None:
    (watched.directory / there).write_bytes(b"")
    (watched.directory / "zzz, no event file").write_bytes(b"")
    assert watched.reload() == []
    watched.write(3).close()
    assert watched.reload() == [3]
    assert names_of_files(str(watched.directory))[0] == there


def test_many_files_of_one_second_are_read_in_their_order_and_nobody_waits(watched: Watched) -> None:
    began = time.monotonic()
    for step in range(25):
        watched.write(step).close()
        assert watched.reload() == list(range(step + 1))
    assert time.monotonic() - began < 15
    source = DirectorySource(str(watched.directory))
    data = source.tensors(["probes/epoch"])["probes/epoch"]
    assert [datum.step for datum in data] == list(range(25))
    assert all(json.loads(datum.value) == EPOCH for datum in data)


def test_files_of_one_second_in_several_directories_have_no_name_in_common(tmp_path: Path) -> None:
    """A record that was moved aside is found by the name of its file: with a name of another record's, a model went on in that one."""
    runs = [Watched(tmp_path / name) for name in ("a", "b", "c")]
    names = [run.write(step).file for step in range(4) for run in runs]
    assert len(set(names)) == len(names)


def test_a_file_that_a_server_may_remember_counts_though_it_is_gone(watched: Watched) -> None:
    gone = f"{PREFIX}9999999998.host.1.0"
    writer = Writer(str(watched.log_dir), files=[gone])
    writer.write_scalars(0, {"loss": np.float32(1)})
    assert writer.file is not None
    assert writer.file > gone
    assert not writer.vanished
    writer.close()
    assert os.listdir(watched.directory) == [writer.file]


def test_where_the_clock_is_right_the_name_is_tensorboards_own(watched: Watched) -> None:
    (watched.directory / "events.out.tfevents.1600000000.host.1.0").write_bytes(b"")
    writer = watched.write(0)
    writer.close()
    (second,) = re.findall(r"tfevents\.(\d{10})\.", writer.file or "")
    assert abs(int(second) - time.time()) < 60
