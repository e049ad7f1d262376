"""Writing of records as TensorBoard events, with TensorBoard's own writer."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_HALF, DT_INT8
from tensorboard.summary.writer import event_file_writer
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from tb_xai_plugin.records import checksum, wire
from tb_xai_plugin.records.places import is_remote

if TYPE_CHECKING:
    from tb_xai_plugin.engine.snapshot import Snapshot

# How the names of event files begin; the second follows, in ten digits.
PREFIX = "events.out.tfevents."


class Writer:
    """Writes the event file of one process in `<log_dir>/xai`; the file is created at the first write.

    Args:
        after: wall time of the newest write that the directory holds, or held. Writes of this writer are later, even if the clock is behind.
        files: names of the event files that the directory held, where a server may still remember them. The new file sorts after them.

    Attributes:
        directory: the directory; it may be changed while the file is open, if somebody moved it.
        file: the name of the newest event file of this writer; None before the first write, and on a remote file system.
        files: the names of all of them.
    """

    def __init__(self, log_dir: str, after: float = 0.0, files: Iterable[str] = ()) -> None:
        self.directory = os.path.join(log_dir, wire.DIRECTORY)
        self.file: str | None = None
        self.files: set[str] = set()
        self._files_before = frozenset(files)
        self._open = _Open()
        # A fit that is interrupted never closes the file, and the thread of TensorBoard's writer would live on.
        weakref.finalize(self, self._open.close)
        self._last_wall_time = after
        self._records: dict[str, Mapping[str, Any]] = {}

    def write_record(self, probe_set: str, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Write what does not change over epochs. record: JSON; arrays: {name: (probes, …)}."""
        record = {"schema": wire.SCHEMA, **record, "arrays": wire.describe(arrays), "blocks": wire.step_blocks(record)}
        # One event per block: a static array may be large.
        for tag, packed in wire.static_tensors(probe_set, arrays):
            self._write(0, [(tag, packed)])
        self._write(0, [(wire.record_tag(probe_set), json.dumps(record).encode())])
        self._records[probe_set] = record

    def write_step(
        self,
        probe_set: str,
        step: int,
        epoch: Mapping[str, Any],
        snapshot: Snapshot | None,
        *,
        constant_targets: bool,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        """Write one epoch as one event.

        Args:
            epoch: JSON: Keras's logs, cost, and why numbers are missing.
            snapshot: the explanations; None where nothing was explained.
            constant_targets: whether the record has the explained classes, because they do not change between epochs.
            record: the record that is continued; None for the one that this writer wrote.
        """
        tensors: list[tuple[str, Any]] = [(wire.epoch_tag(probe_set), json.dumps(epoch).encode())]
        if snapshot is not None:
            tensors += self._step_tensors(probe_set, snapshot, constant_targets, record or self._records[probe_set])
        self._write(step, tensors)
        self.flush()

    @staticmethod
    def _step_tensors(
        probe_set: str, snapshot: Snapshot, constant_targets: bool, record: Mapping[str, Any]
    ) -> Iterator[tuple[str, np.ndarray]]:
        first, logged = next(iter(snapshot.explanations.values())), wire.quantities(record)
        quantities: dict[str, np.ndarray] = {"outputs": np.stack([snapshot.outputs.full, snapshot.outputs.empty], axis=1)}
        if not constant_targets:
            quantities["targets"] = first.targets
        for name, explanation in snapshot.explanations.items():
            quantities[f"values/{name}"] = explanation.values
            quantities[f"base/{name}"] = explanation.base_values
            if explanation.fidelity:
                quantities[f"fidelity/{name}"] = np.stack(list(explanation.fidelity.values()), axis=-1)
            if explanation.noise is not None:
                # A record that an earlier version began has sketches alone.
                noise = f"noise/{name}"
                quantities[noise] = wire.encode_noise(explanation.noise)[..., : logged[noise].shape[-1]]
            if explanation.interactions is not None:
                quantities[f"interactions/{name}"] = explanation.interactions
        for block, (start, stop) in enumerate(record["blocks"]):
            for quantity, array in quantities.items():
                yield wire.step_tag(probe_set, quantity, block), array[start:stop]
            for name, explanation in snapshot.explanations.items():
                errors = wire.encode_errors(explanation.errors[start:stop], explanation.values[start:stop])
                yield wire.step_tag(probe_set, f"errors/{name}", block), errors

    def write_scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Numbers for TensorBoard's own Scalars dashboard."""
        self._write(step, [(tag, np.float32(value)) for tag, value in scalars.items()], _scalar_metadata())
        self.flush()

    def _write(self, step: int, tensors: Iterable[tuple[str, Any]], metadata: SummaryMetadata | None = None) -> None:
        if self._open.events is None:
            self._open.events, self.file = _newest_file(self.directory, self._files_before)
            self.files |= {self.file} if self.file else set()
        # Strictly increasing: (step, wall time) identifies a write, and the latest write of a step counts.
        self._last_wall_time = max(time.time(), np.nextafter(self._last_wall_time, np.inf))
        metadata = metadata or _metadata()
        values = [Summary.Value(tag=tag, metadata=metadata, tensor=_tensor(tensor)) for tag, tensor in tensors]
        event = Event(wall_time=self._last_wall_time, step=step, summary=Summary(value=values))
        with self._new_file_after_a_failure():
            self._open.events.add_event(event)

    def flush(self) -> None:
        """Write all events to disk."""
        if self._open.events is not None:
            with self._new_file_after_a_failure():
                self._open.events.flush()

    @contextmanager
    def _new_file_after_a_failure(self) -> Iterator[None]:
        """Make the next write open another file if this one fails: after an error such as a full disk, TensorBoard's writer never writes again."""
        try:
            yield
        except Exception:
            with suppress(Exception):
                self._open.close()
            raise

    @property
    def vanished(self) -> bool:
        """Whether the file is no longer in the directory: somebody removed or moved it, and nobody would read what is written."""
        return self.file is not None and not os.path.exists(os.path.join(self.directory, self.file))

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._open.events is not None

    @property
    def last_wall_time(self) -> float:
        """The wall time of the newest write."""
        return self._last_wall_time

    def close(self) -> None:
        """Close the file; a later write opens a new one."""
        self._open.close()


class _Open:
    """The event file that a writer has open."""

    def __init__(self) -> None:
        self.events: EventFileWriter | None = None

    def close(self) -> None:
        events, self.events = self.events, None
        if events is not None:
            events.close()


def _newest_file(directory: str, files: frozenset[str]) -> tuple[EventFileWriter, str | None]:
    """A new event file, and its name, which sorts after all others: TensorBoard reads the files of a directory in that order, and never goes back.

    A name contains the second and, at its end, a counter of the process without leading zeros. So it does not sort last where the clock is behind
    that of whoever wrote before, and where a process creates its tenth file within a second.

    files: names that the directory held before.
    """
    begin = f"{PREFIX}{int(time.time()):010d}"
    # With TensorBoard's counter, no two files of a process have one name: a record that moved is found by the name of its file.
    rest = f".{socket.gethostname()}.{os.getpid()}.{event_file_writer._global_uid.get()}"
    name = begin + rest
    if is_remote(directory):
        return _Events(os.path.join(directory, name)), None
    before = files | set(os.listdir(directory) if os.path.isdir(directory) else [])
    latest = max((name for name in before if "tfevents" in name), default="")
    if begin <= latest[: len(begin)]:
        second = re.match(re.escape(PREFIX) + "([0-9]{10})", latest)
        name = f"{PREFIX}{int(second[1]) + 1:010d}{rest}" if second else ""
        name = name if name > latest else latest + rest  # the name of another program, or of a user
    return _Events(os.path.join(directory, name)), name


class _Events(EventFileWriter):  # type: ignore[misc]
    """TensorBoard's writer with a name and checksums of ours, which its constructor has no arguments for."""

    def __init__(self, path: str) -> None:
        self._logdir, self._file_name = os.path.dirname(path), path
        event_file_writer.tf.io.gfile.makedirs(self._logdir)
        self._general_file_writer = event_file_writer.tf.io.gfile.GFile(path, "wb")
        self._async_writer = event_file_writer._AsyncWriter(_Records(self._general_file_writer), 10, 120)
        self.add_event(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self.flush()


class _Records(RecordWriter):  # type: ignore[misc]
    """TensorBoard's works out checksums byte by byte in Python, at 3 MB/s: an epoch of a large record would take as long to write as to explain."""

    def write(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        parts = length, struct.pack("<I", checksum.masked(length)), data, struct.pack("<I", checksum.masked(data))
        self._writer.write(b"".join(parts))


def _tensor(value: np.ndarray | bytes) -> TensorProto:
    """A TensorProto. float16 and int8 are written as bytes: make_tensor_proto appends their numbers one by one, a thousand times slower."""
    kinds = {"float16": DT_HALF, "int8": DT_INT8}
    if not (isinstance(value, np.ndarray) and value.dtype.name in kinds):
        return make_tensor_proto(value)
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in value.shape])
    return TensorProto(
        dtype=kinds[value.dtype.name], tensor_shape=shape, tensor_content=value.astype(value.dtype.newbyteorder("<")).tobytes()
    )


def _metadata() -> SummaryMetadata:
    plugin = SummaryMetadata.PluginData(plugin_name=wire.PLUGIN_NAME, content=wire.schema_content())
    return SummaryMetadata(plugin_data=plugin, data_class=DATA_CLASS_TENSOR)


def _scalar_metadata() -> SummaryMetadata:
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"), data_class=DATA_CLASS_SCALAR)
