"""What reading costs, in imports, time and memory; and where runs may lie: on remote file systems, behind links."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.reading import assert_a_sentence, assert_reads_as_written
from support.records import FakeRun, event_files
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.util.tensor_util import make_tensor_proto

from tb_xai_plugin import read_run, read_runs
from tb_xai_plugin.cli import main
from tb_xai_plugin.engine import progress
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import checksum
from tb_xai_plugin.records.sources import DirectorySource, RemoteSource, source_of

pytestmark = pytest.mark.viewing


# ---- what reading costs


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return done.stdout


def test_reading_and_analysing_import_no_framework(tmp_path: Path) -> None:
    """Also where they are installed."""
    for name in ("a-seed1", "a-seed2", "b-seed1"):
        FakeRun(tmp_path / name, seed=len(name)).write(range(3))
    code = """
import sys
import tb_xai_plugin as xai
run, other = xai.read_run(sys.argv[1] + "/a-seed1"), xai.read_runs(sys.argv[1])["b-seed1"]
run.values("shap"), run.outputs, run.probes, run.events(), run.drift("shap"), run.region_share("shap", "left"), run.trust("shap")
run.compare(other, "shap", repeats=xai.read_runs(sys.argv[1])).verdict()
from tb_xai_plugin.cli import main
main(["compare", sys.argv[1] + "/a-seed1", sys.argv[1] + "/b-seed1", "--repeats", sys.argv[1]])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras", "torch", "jax", "skimage", "pandas"}))
"""
    assert python(code, str(tmp_path)).splitlines()[-1] == "[]"


def test_reading_is_many_times_as_fast_as_checksums_in_python(tmp_path: Path) -> None:
    """400 MB/s where nothing else runs; TensorBoard's reader without TensorFlow reads 10 MB/s."""
    ours = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="xai"))
    tensor = make_tensor_proto(np.zeros(8192, np.float32))
    values = [Summary.Value(tag=f"a/values/{number}", tensor=tensor, metadata=ours) for number in range(8)]
    written = Event(summary=Summary(value=values)).SerializeToString()
    header = struct.pack("<Q", len(written))
    record = header + struct.pack("<I", checksum.masked(header)) + written + struct.pack("<I", checksum.masked(written))
    (tmp_path / "events.out.tfevents.1").write_bytes(40 * record)
    best = np.inf
    for _ in range(5):
        began = time.process_time()
        source = DirectorySource(str(tmp_path))
        best = min(best, time.process_time() - began)
    assert len(source.tensors(["a/values/7"])["a/values/7"]) == 40
    assert 40 * len(record) / 1e6 / best > 100


def test_long_reading_shows_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, str, int, float]] = []

    def bar(numbers: range, *, desc: str, unit: str, delay: float) -> range:
        shown.append((desc, unit, len(numbers), delay))
        return numbers

    monkeypatch.setattr(progress, "_bar", lambda: bar)
    for name in "abc":
        FakeRun(tmp_path / name).write(range(1))
    assert list(read_runs(tmp_path)) == ["a", "b", "c"]
    assert shown == [("Reading runs", "run", 3, 2.0)]


def test_help_comes_without_numpy_and_names_the_commands_as_they_name_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
import sys
from tb_xai_plugin.cli import main
try:
    main(["--help"])
except SystemExit:
    print(sorted({"numpy", "google", "tensorboard"} & sys.modules.keys()))
"""
    *said, imported = python(code).splitlines()
    assert imported == "[]"
    with pytest.raises(SystemExit):
        main(["--help", "compare"])  # now the command says it
    assert " ".join(capsys.readouterr().out.split()) == " ".join(" ".join(said).split())


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process as Linux counts it")
def test_one_method_and_class_of_a_long_record_take_a_part_of_its_memory(tmp_path: Path) -> None:
    FakeRun(tmp_path / "long", players=[60] * 40, classes=20).write(range(20))
    size = sum(path.stat().st_size for path in event_files(tmp_path / "long"))
    code = """
import resource, sys
import tb_xai_plugin as xai
xai.read_run(sys.argv[2]).of_class(0, "values/shap")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
xai.read_run(sys.argv[1]).of_class(0, "values/shap")
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
    FakeRun(tmp_path / "small", players=[60] * 2, classes=20).write(range(2))
    assert int(python(code, str(tmp_path / "long"), str(tmp_path / "small"))) < size / 2


# ---- where runs lie


def test_a_remote_directory_is_read_through_tensorboards_file_layer(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs a file layer that knows file://")
    written = FakeRun(tmp_path / "logs" / "a run").write(range(3))
    remote = f"file://{tmp_path}/logs"
    assert isinstance(source_of(f"{remote}/a run/xai"), RemoteSource)
    assert_reads_as_written(read_run(f"{remote}/a run"), written)
    assert read_run(f"{remote}/a run/").name == "a run"
    runs = read_runs(remote)
    assert list(runs) == ["a run"]
    assert_reads_as_written(runs["a run"], written)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_run(f"{remote}/nowhere")


def test_a_file_system_that_nobody_knows_has_a_sentence() -> None:
    with pytest.raises((FileNotFoundError, RecordError), match="nosuch://bucket") as caught:
        read_run("nosuch://bucket/run")
    assert_a_sentence(str(caught.value))


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links that anybody may make")
def test_links_to_runs_are_followed_as_in_tensorboard_and_loops_end(tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "elsewhere" / "baseline").write(range(2))
    logs = tmp_path / "logs"
    (logs / "group").mkdir(parents=True)
    FakeRun(logs / "own").write(range(2))
    (logs / "linked").symlink_to(written.log_dir)
    (logs / "relative").symlink_to("../elsewhere")
    (logs / "group" / "up").symlink_to(logs)
    (logs / "group" / "self").symlink_to("self")
    (logs / "gone").symlink_to(tmp_path / "gone")
    (logs / "self").symlink_to("self")
    (logs / "one").symlink_to("other")
    (logs / "other").symlink_to("one")
    (logs / "record").mkdir()
    (logs / "record" / "xai").symlink_to(Path(written.log_dir) / "xai")
    runs = read_runs(logs)
    assert list(runs) == ["linked", "own", "record", "relative/baseline"]
    for name in ("linked", "record", "relative/baseline"):
        assert_reads_as_written(runs[name], written)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links that anybody may make")
def test_links_to_a_run_are_no_repeats_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They would show that the seed explains nothing."""
    for recipe in "ab":
        for number in range(1, 4):
            FakeRun(tmp_path / f"{recipe}-seed{number}").write(range(2))
    alone = read_run(tmp_path / "a-seed1").compare(read_run(tmp_path / "b-seed1"), "shap", repeats=read_runs(tmp_path))
    for number in (0, 4):
        (tmp_path / f"a-seed{number}").symlink_to(tmp_path / "a-seed1")
    with_links = read_run(tmp_path / "a-seed1").compare(read_run(tmp_path / "b-seed1"), "shap", repeats=read_runs(tmp_path))
    assert len(alone.repeats) == 6
    np.testing.assert_array_equal(with_links.repeats, alone.repeats)
    assert main(["compare", str(tmp_path / "a-seed0"), str(tmp_path / "b-seed1"), "--repeats", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"]["A"]["name"] == "a-seed0"
