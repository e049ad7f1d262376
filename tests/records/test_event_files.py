"""Event files as our reader has them, held against TensorBoard's own: whole, cut off, damaged, of other writers, and changed while they are read."""

from __future__ import annotations

import io
import os
import re
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.reading import assert_a_sentence, assert_reads_as_written
from support.records import FakeRun, event_files
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto

from tb_xai_plugin import read_run, read_runs
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import checksum, events, protobuf
from tb_xai_plugin.records import writer as writing
from tb_xai_plugin.records.sources import DirectorySource

pytestmark = pytest.mark.viewing

Read = dict[str, list[tuple[int, float, bytes]]]

OURS = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="xai", content=b'{"schema": 1}'))
OTHERS = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))


def by_tensorboard(folder: Path) -> Read:
    """{tag: (step, wall time, bytes)} of our tags, as TensorBoard's reader has them."""
    accumulator = EventAccumulator(str(folder), size_guidance={TENSORS: 0}, purge_orphaned_data=False).Reload()
    metadata = accumulator.summary_metadata
    return {
        tag: [(event.step, event.wall_time, in_bytes(make_ndarray(event.tensor_proto))) for event in accumulator.Tensors(tag)]
        for tag in accumulator.Tags()["tensors"]
        if tag in metadata and metadata[tag].plugin_data.plugin_name == "xai"
    }


def by_us(folder: Path) -> Read:
    source = DirectorySource(str(folder))
    return {tag: [(d.step, d.wall_time, in_bytes(d.value)) for d in data] for tag, data in source.tensors(source.tags()).items()}


def in_bytes(value: np.ndarray | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    return bytes(value.item()) if value.dtype == object else f"{value.dtype} {value.shape} ".encode() + value.tobytes()


def value(tag: str, array: np.ndarray | bytes, metadata: SummaryMetadata | None = OURS) -> Summary.Value:
    return Summary.Value(tag=tag, tensor=make_tensor_proto(array), metadata=metadata)


def event(step: int, *values: Summary.Value) -> Event:
    return Event(step=step, wall_time=1e9 + step, summary=Summary(value=values))


SMALL = [
    Event(wall_time=1, file_version="brain.Event:2"),
    event(-1, value("a/epoch", b'{"x": 1}'), value("a/values", np.arange(6, dtype=np.float32).reshape(2, 3))),
    event(0, value("loss", np.float32(3), OTHERS)),
    event(0, value("a/epoch", b'{"x": 2}'), value("a/values", np.zeros((2, 3), np.float32), None)),
    event(7, value("a/epoch", b""), value("a/errors", np.ones((1, 2), np.float16))),
]


def write(path: Path, *written: Event | bytes) -> Path:
    """An event file. bytes: of a record that is no event."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for each in written:
            RecordWriter(file).write(each if isinstance(each, bytes) else each.SerializeToString())
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "log" / "events.out.tfevents.1", *SMALL)


# ---- the same as TensorBoard's reader


def test_a_file_that_is_cut_at_any_byte_is_read_as_by_tensorboard(file: Path) -> None:
    whole = file.read_bytes()
    counts = set()
    for length in range(len(whole) + 1):
        file.write_bytes(whole[:length])
        read = by_us(file.parent)
        assert read == by_tensorboard(file.parent), length
        assert DirectorySource(str(file.parent)).damages == []
        counts.add(sum(map(len, read.values())))
    assert counts == {0, 2, 4, 6}


def test_a_file_with_any_byte_changed_is_read_as_by_tensorboard_and_says_where_it_ends(file: Path) -> None:
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(changed)
        source = DirectorySource(str(file.parent))
        assert by_us(file.parent) == by_tensorboard(file.parent), place
        (damage,) = source.damages
        assert_a_sentence(damage)
        (at,) = map(int, re.findall(r"damaged at byte (\d+)", damage))
        assert at <= place


@pytest.mark.parametrize("zeros", [1, 7, 8, 11, 12, 16, 500])
def test_a_tail_of_zeros_costs_nothing_that_is_before_it(zeros: int, file: Path) -> None:
    """What a file system may leave of a machine that lost its power."""
    whole = by_us(file.parent)
    with file.open("ab") as handle:
        handle.write(bytes(zeros))
    assert by_us(file.parent) == by_tensorboard(file.parent) == whole


def test_files_are_read_one_after_another_and_damage_ends_one_of_them(file: Path) -> None:
    rng = np.random.default_rng(1)
    whole = file.read_bytes()
    for _ in range(40):
        for number in range(3):
            content = bytearray(whole)
            if rng.random() < 0.5:
                content[int(rng.integers(len(content)))] ^= 255
            (file.parent / f"events.out.tfevents.{number}.host").write_bytes(content[: int(rng.integers(len(content)))])
        assert by_us(file.parent) == by_tensorboard(file.parent)


def test_other_files_and_other_events_are_left_out(file: Path) -> None:
    whole = by_us(file.parent)
    for name in ("events.out.tfevents.0", "events.out.tfevents.2.profile-empty", "notes.txt", "tfevents"):
        (file.parent / name).write_bytes(b"")
    (file.parent / "events.out.tfevents.9.profile-empty").write_bytes(file.read_bytes())
    write(file.parent / "events.out.tfevents.5", event(3, value("loss", np.float32(1), OTHERS)), Event(step=4, graph_def=b"a graph"))
    assert by_us(file.parent) == by_tensorboard(file.parent) == whole


def test_fields_in_any_order_and_of_any_kind_are_read_as_by_tensorboard(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)

    def part(message: Event | Summary | Summary.Value) -> bytes:
        return bytes(message.SerializeToString())

    def field(number: int, content: bytes) -> bytes:
        return part_of_length(number << 3 | 2, content)

    def part_of_length(key: int, content: bytes) -> bytes:
        return varint(key) + varint(len(content)) + content

    def varint(number: int) -> bytes:
        return bytes([number & 127 | 128]) + varint(number >> 7) if number > 127 else bytes([number])

    def a_value() -> bytes:
        tag = f"tag {rng.integers(3)} 日本"
        parts = [
            part(Summary.Value(tag=tag)),
            part(Summary.Value(tensor=make_tensor_proto(rng.random(3).astype(np.float32)))),
            part(Summary.Value(metadata=OURS if rng.random() < 0.8 else OTHERS)),
            part(Summary.Value(node_name="node")),
            part(Summary.Value(simple_value=2)),
            part(Summary.Value(histo=HistogramProto(num=1))),
            field(4711, b"unknown"),
            varint(99 << 3) + varint(2**63 + 5),
            varint(98 << 3 | 1) + bytes(8),
            varint(97 << 3 | 5) + bytes(4),
        ]
        chosen = [0, 1, 2, *rng.choice(np.arange(3, len(parts)), rng.integers(3), replace=False)]
        return b"".join(parts[number] for number in rng.permutation(chosen))

    for number in range(200):
        records = []
        for step in range(3):
            summaries = [field(5, b"".join(field(1, a_value()) for _ in range(rng.integers(4)))) for _ in range(rng.integers(1, 3))]
            others = [part(Event(step=int(rng.integers(-5, 2**40)))), part(Event(wall_time=float(step))), field(17, b"unknown")]
            others += [part(Event(file_version="brain.Event:2"))] * (rng.random() < 0.2)
            parts = [*summaries, *others]
            records.append(b"".join(parts[place] for place in rng.permutation(len(parts))))
        write(tmp_path / str(number) / "events.out.tfevents.1", *records)
        assert by_us(tmp_path / str(number)) == by_tensorboard(tmp_path / str(number)), number


def tensors() -> Iterator[TensorProto]:
    """Every form in which TensorFlow writes an array."""
    for dtype in (np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.bool_):
        for shape in ((), (1,), (3,), (2, 3), (0,), (2, 0)):
            array = (np.arange(np.prod(shape)).reshape(shape) - 1).astype(dtype)
            yield make_tensor_proto(array)
            content = TensorProto(tensor_content=array.tobytes())
            content.MergeFrom(TensorProto(dtype=make_tensor_proto(array).dtype, tensor_shape=make_tensor_proto(array).tensor_shape))
            yield content
    shape = make_tensor_proto(np.zeros((2, 3))).tensor_shape
    yield TensorProto(dtype=1, tensor_shape=shape, float_val=[2.5])
    yield TensorProto(dtype=1, tensor_shape=shape, float_val=[1, 2, 3, 4, 5, 6])
    yield TensorProto(dtype=2, tensor_shape=shape, double_val=[2.5])
    yield TensorProto(dtype=3, tensor_shape=shape, int_val=[-7])
    yield TensorProto(dtype=6, tensor_shape=shape, int_val=range(6))
    yield TensorProto(dtype=9, tensor_shape=shape, int64_val=[2**40])
    yield TensorProto(dtype=10, tensor_shape=shape, bool_val=[True])
    yield TensorProto(dtype=19, tensor_shape=shape, half_val=[0x3C00])
    yield TensorProto(dtype=19, tensor_shape=shape, half_val=range(0x3C00, 0x3C06))
    yield make_tensor_proto(b"bytes")
    yield TensorProto(dtype=7, string_val=[b""])
    yield TensorProto(dtype=7, tensor_shape=make_tensor_proto(np.zeros(1)).tensor_shape, string_val=[b"one"])


def test_tensors_in_every_form_are_those_of_tensorboard() -> None:
    for proto in tensors():
        read, wanted = protobuf.array_of(proto.SerializeToString()), make_ndarray(proto)
        assert (read.dtype, read.shape) == (wanted.dtype, wanted.shape), proto
        np.testing.assert_array_equal(read, wanted)


@pytest.mark.parametrize(
    "proto", [TensorProto(dtype=1, tensor_content=b"abc"), TensorProto(dtype=1, tensor_content=bytes(12)), TensorProto(dtype=77)]
)
def test_a_tensor_that_is_none_is_a_value_error(proto: TensorProto) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        protobuf.array_of(proto.SerializeToString())


def test_files_of_tf_summary_are_read_as_by_tensorboard(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="needs TensorFlow, whose writer it is")
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for step in range(3):
            tf.summary.scalar("loss", step, step=step)
            tf.summary.histogram("weights", np.arange(20.0), step=step)
            for array in (np.full((2, 2), step, np.float32), np.arange(6, dtype=np.int8), np.zeros((3, 3), np.float16)):
                tf.summary.write(
                    f"ours/{array.dtype}", array, step=step, metadata=tf.compat.v1.SummaryMetadata.FromString(OURS.SerializeToString())
                )
    writer.close()
    assert len(by_us(tmp_path)) == 3
    assert by_us(tmp_path) == by_tensorboard(tmp_path)


@pytest.mark.parametrize("record", [b"\xff" * 30, b"\x2a\x05", b"\x0b", b"\x2a\x02\x0a\x09", b"\x09\x01", b"\x10" + b"\xff" * 11])
def test_a_record_with_a_sound_checksum_that_is_no_event_ends_its_file(record: bytes, tmp_path: Path) -> None:
    """TensorBoard's reader fails on it as a whole."""
    write(tmp_path / "events.out.tfevents.1", SMALL[1], record, SMALL[3])
    source = DirectorySource(str(tmp_path))
    assert {tag: [d.step for d in data] for tag, data in source.tensors(source.tags()).items()} == {"a/epoch": [-1], "a/values": [-1]}
    assert len(source.damages) == 1


def test_checksums_are_those_of_tensorboard() -> None:
    rng = np.random.default_rng(3)
    lengths = [*range(20), 255, 256, 257, 4095, 4096, 4097, 11369, 11370, 11371, 11372, 20_000, 20_017, 31_001, 150_000]
    for length in [*lengths, *rng.integers(0, 30_000, 30).tolist()]:
        for data in (rng.bytes(length), bytes(length), b"\xff" * length):
            assert checksum.crc32c(data) == crc32c(data), length


@pytest.mark.parametrize("installed", [True, False], ids=["google-crc32c", "NumPy"])
def test_what_is_written_has_the_bytes_that_tensorboard_would_write(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if installed:
        pytest.importorskip("google_crc32c", reason="google-crc32c is not installed; it comes with 'pip install tb_xai_plugin[fast]'")
    else:
        monkeypatch.setitem(sys.modules, "google_crc32c", None)
    checksum._fastest.cache_clear()
    assert (checksum._fastest() is checksum.crc32c) != installed
    data, files = np.random.default_rng(3).bytes(30_000), [io.BytesIO(), io.BytesIO()]
    for writer, file in zip((RecordWriter, writing._Records), files, strict=True):
        for length in (0, 1, 300, 30_000):
            writer(file).write(data[:length])
    checksum._fastest.cache_clear()
    assert files[0].getvalue() == files[1].getvalue()


# ---- files that change


def test_of_a_file_that_grows_what_was_there_is_read(file: Path) -> None:
    source = DirectorySource(str(file.parent))
    with file.open("ab") as handle:
        RecordWriter(handle).write(event(9, value("a/epoch", b"later")).SerializeToString())
    assert [datum.step for datum in source.tensors(["a/epoch"])["a/epoch"]] == [-1, 0, 7]
    assert [datum.step for datum in DirectorySource(str(file.parent)).tensors(["a/epoch"])["a/epoch"]] == [-1, 0, 7, 9]


@pytest.mark.skipif(os.name != "posix", reason="needs a system where open files may be removed")
@pytest.mark.parametrize("how", ["removed", "replaced", "removed with its folder"])
def test_what_was_read_stays_when_the_file_goes(how: str, tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "run").write(range(3))
    run = read_run(written.log_dir)
    (path,) = event_files(tmp_path / "run")
    if how == "removed":
        path.unlink()
    elif how == "replaced":  # as rsync replaces a file
        other = FakeRun(tmp_path / "other", seed=5).write(range(2))
        (of_other,) = event_files(Path(other.log_dir))
        of_other.replace(path)
    else:
        shutil.rmtree(tmp_path / "run")
    assert_reads_as_written(run, written)


@pytest.mark.parametrize("keeps", [0, 64])
def test_a_file_that_is_written_anew_in_place_is_an_error_and_no_other_number(
    keeps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEPT_OPEN", keeps)
    written = FakeRun(tmp_path / "run").write(range(3))
    run = read_run(written.log_dir).load()
    (path,) = event_files(tmp_path / "run")
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2 :] = bytes(len(changed) - len(changed) // 2)
    path.write_bytes(changed)
    with pytest.raises(RecordError, match="read the run again") as caught:
        run.values("shap")
    assert_a_sentence(str(caught.value))


def test_many_runs_keep_few_files_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, most = events._kept, 3
    monkeypatch.setattr(events, "KEPT_OPEN", before + most)
    written = [FakeRun(tmp_path / f"run {number}", seed=number).write(range(2)) for number in range(8)]
    runs = read_runs(tmp_path)
    assert events._kept == before + (most if os.name == "posix" else 0)
    for run, wrote in zip(runs.values(), written, strict=True):
        assert_reads_as_written(run, wrote)
    del runs, run
    assert events._kept <= before


def test_damage_is_said_once_in_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    FakeRun(tmp_path / "run").write(range(3))
    (path,) = event_files(tmp_path / "run")
    content = bytearray(path.read_bytes())
    content[-200] ^= 255
    path.write_bytes(content)
    run = read_run(tmp_path / "run")
    run.values("shap")
    (said,) = caplog.messages
    assert_a_sentence(said)
    assert str(path) in said


def test_a_header_that_names_more_bytes_than_there_are_takes_no_memory(tmp_path: Path) -> None:
    header = struct.pack("<Q", 2**62)
    (tmp_path / "events.out.tfevents.1").write_bytes(header + struct.pack("<I", checksum.masked(header)) + bytes(100))
    assert by_us(tmp_path) == {}  # TensorFlow's reader ends the process
