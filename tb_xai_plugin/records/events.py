"""The event files of a directory, without TensorBoard's reader: their records are checked and listed once, tensors are read when they are used.

A file is a sequence of TFRecords: the length (uint64), its checksum (uint32), that many bytes, their checksum. Files are read in the order of their
names, as TensorBoard reads them. What is cut off at the end of a file is left out, because its writer may still be writing it; so is all that
follows a damaged record.

Files are not mapped into memory: if another process cuts off a mapped file, the next access ends this process.
"""

from __future__ import annotations

import os
import struct
import threading
import weakref
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import checksum, protobuf

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")

# So many files of a process stay open, so that they can be read after they were removed; others are opened again.
# On Windows none does, because nobody could remove them.
KEPT_OPEN = 64 if os.name == "posix" else 0

_keeping = threading.Lock()
_kept = 0


class Event(NamedTuple):
    """A record of an event file: where its bytes begin, how many they are, and their checksum."""

    file: EventFile
    step: int
    wall_time: float
    offset: int
    length: int
    checksum: int


class Tensor(NamedTuple):
    """A tensor that was not read yet: where it lies in the bytes of its event."""

    event: Event
    start: int
    stop: int

    def read(self) -> np.ndarray:
        """The array.

        Raises:
            ValueError: a damaged tensor.
            RecordError (a ValueError): the file is no longer what it was.
        """
        return protobuf.array_of(self.event.file.read(self.event, self.start, self.stop))


class EventFile:
    """One event file, open until it is `listed`, and as long as it is used if few are.

    Attributes:
        path: its path.
        damage: where it is damaged, in a sentence; None where it is not.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.damage: str | None = None
        self._file: IO[bytes] | None = open(path, "rb")  # noqa: SIM115
        stat = os.fstat(self._file.fileno())
        self._state, self._size = _state(stat), stat.st_size

    def events(self) -> Iterator[tuple[Event, list[protobuf.Value], bytes]]:
        """(event, its values, its bytes) of each whole record, up to the first damaged one."""
        assert self._file is not None, "it is read once"
        at = 0
        layouts: dict[bytes, protobuf.Layout] = {}
        while self._size - at >= HEADER.size:
            header = self._file.read(HEADER.size)
            if len(header) < HEADER.size:
                break
            length, of_length = HEADER.unpack(header)
            if checksum.masked(header[:8]) != of_length:
                self.damaged(at)
                break
            begin, end = at + HEADER.size, at + HEADER.size + length
            if self._size < end + FOOTER.size:
                break
            data, footer = self._file.read(length), self._file.read(FOOTER.size)
            if len(footer) < FOOTER.size:
                break
            (of_data,) = FOOTER.unpack(footer)
            try:
                if checksum.masked(data) != of_data:
                    raise ValueError("another checksum")
                step, wall_time, values = protobuf.values_of(data, layouts)
            except (ValueError, IndexError, struct.error):
                self.damaged(at)
                break
            yield Event(self, step, wall_time, begin, length, of_data), values, data
            at = end + FOOTER.size

    def damaged(self, at: int) -> None:
        """Say that the record at a byte is damaged."""
        self.damage = f"{self.path}: the event file is damaged at byte {at}; what follows is left out."

    def listed(self) -> None:
        """Close the file, unless it is one of few."""
        assert self._file is not None, "it is listed once"
        if _keep(self, self._file):
            return
        self._file.close()
        self._file = None

    def read(self, event: Event, start: int, stop: int) -> bytes:
        """Some bytes of an event.

        Raises:
            RecordError (a ValueError): the file is no longer what it was.
        """
        try:
            if self._file is not None:
                return self._read(self._file, event, start, stop)
            with open(self.path, "rb", buffering=0) as file:
                return self._read(file, event, start, stop)
        except OSError as error:
            raise self._changed() from error

    def _read(self, file: IO[bytes], event: Event, start: int, stop: int) -> bytes:
        if _state(os.fstat(file.fileno())) == self._state:
            data = _read_at(file, event.offset + start, stop - start)
            if len(data) == stop - start:
                return data
        # It has grown, or it is another file: the event is still there if its checksum is the same.
        data = _read_at(file, event.offset, event.length)
        if len(data) != event.length or checksum.masked(data) != event.checksum:
            raise self._changed()
        return data[start:stop]

    def _changed(self) -> RecordError:
        return RecordError(f"{self.path}: the event file was replaced or removed after it was read; read the run again.")


def _state(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _read_at(file: IO[bytes], offset: int, length: int) -> bytes:
    if hasattr(os, "pread"):  # several threads may read one file
        return os.pread(file.fileno(), length, offset)
    file.seek(offset)
    return file.read(length)


def _keep(owner: EventFile, file: IO[bytes]) -> bool:
    """Whether a file stays open until its owner is no longer used."""
    global _kept
    with _keeping:
        if _kept >= KEPT_OPEN:
            return False
        _kept += 1
    weakref.finalize(owner, _close, file)
    return True


def _close(file: IO[bytes]) -> None:
    global _kept
    file.close()
    with _keeping:
        _kept -= 1


def names_of_files(directory: str) -> list[str]:
    """Names of a directory's event files, in the order in which they are read."""
    return sorted(name for name in os.listdir(directory) if "tfevents" in name and not name.endswith(".profile-empty"))


class Index:
    """The tensors of a directory's event files.

    Attributes:
        plugins: {tag: (name, content) of the plugin, as the first metadata of the tag has them}.
        tensors: {tag: its tensors, in the order of the files}.
        damages: a sentence for each damaged file.

    Raises:
        RecordError (a ValueError): a file that can't be opened.
    """

    def __init__(self, directory: str) -> None:
        self.plugins: dict[str, tuple[str, bytes]] = {}
        self.tensors: dict[str, list[Tensor]] = {}
        self.damages: list[str] = []
        for name in names_of_files(directory):
            path = os.path.join(directory, name)
            try:
                file = EventFile(path)
            except (FileNotFoundError, IsADirectoryError):
                continue
            except OSError as error:
                raise RecordError(f"{path}: the event file can't be read ({error.strerror}).") from error
            for event, values, data in file.events():
                try:
                    self._add(event, values, data)
                except ValueError:
                    file.damaged(event.offset - HEADER.size)
                    break
            file.listed()
            self.damages += [file.damage] if file.damage else []

    def _add(self, event: Event, values: list[protobuf.Value], data: bytes) -> None:
        first = {tag: metadata for tag, _, metadata in reversed(values) if metadata is not None and tag not in self.plugins}
        self.plugins |= {tag: protobuf.plugin_of(data, *metadata) for tag, metadata in first.items()}
        for tag, tensor, _ in values:
            if tensor is not None:
                self.tensors.setdefault(tag, []).append(Tensor(event, *tensor))
