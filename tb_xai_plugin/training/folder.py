"""The folders of a log_dir: checked, found again, kept aside. A record is never overwritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from tb_xai_plugin.records import wire
from tb_xai_plugin.records.places import is_remote

# Records that made way for another one lie in <log_dir>/earlier-1, earlier-2, …, which TensorBoard shows as runs of their own.
ASIDE = "earlier"

# {log_dir: the highest number that was given in this process}.
_GIVEN: dict[str, int] = {}

# An event file with nothing but its header has at most so many bytes.
HEADER_BYTES = 128


def absolute(log_dir: str | os.PathLike[str]) -> str:
    """The absolute path of a log_dir: a notebook may change its directory before it trains, or while it does."""
    path = os.fspath(log_dir)
    return path if is_remote(path) else os.path.abspath(path)


def check_directory(log_dir: str) -> None:
    """Raise an error now, not after the first epoch, if a directory can't be written. No directory is created.

    Raises:
        FileExistsError: the directory, or one above it, is a file.
        PermissionError: the directory, or the nearest one that exists above it, is not writable.
    """
    if is_remote(log_dir):
        return
    path = record_directory(log_dir)
    while not os.path.lexists(path):
        path = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(path):
        what = "a link that leads nowhere" if os.path.islink(path) and not os.path.exists(path) else "a file"
        raise FileExistsError(f"log_dir is {log_dir!r}, and {path!r} is {what}; give a directory.")
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"log_dir is {log_dir!r}, and {path!r} is not writable; give a directory that is.")


def record_directory(log_dir: str) -> str:
    """The directory of a run's record."""
    return os.path.join(log_dir, wire.DIRECTORY)


def event_names(directory: str) -> set[str]:
    """The names of a directory's event files."""
    return {name for name in os.listdir(directory) if "tfevents" in name} if os.path.isdir(directory) else set()


def event_files(directory: str) -> dict[str, tuple[int, int]]:
    """{name: (size in bytes, time of the last change in nanoseconds)} of a directory's event files."""
    stats = {name: os.stat(os.path.join(directory, name)) for name in event_names(directory)}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def has_more_than_headers(directory: str, names: Iterable[str] | None = None) -> bool:
    """Whether an event file of a directory is larger than one into which nothing was written. names: of the files; None for all."""
    files = event_files(directory)
    return any(files.get(name, (0, 0))[0] > HEADER_BYTES for name in (files if names is None else names))


def has_file(directory: str, file: str) -> bool:
    """Whether a directory has a file of this name."""
    return os.path.exists(os.path.join(directory, file))


def directories(log_dir: str) -> Iterator[str]:
    """The directories of the run's record and of the records kept aside, oldest first."""
    yield record_directory(log_dir)
    numbers = [name.removeprefix(f"{ASIDE}-") for name in _names(log_dir)]
    yield from (record_directory(_aside(log_dir, number)) for number in sorted(int(number) for number in numbers if number.isdecimal()))


def _aside(log_dir: str, number: int) -> str:
    return os.path.join(log_dir, f"{ASIDE}-{number}")


def find(log_dir: str, file: str) -> str | None:
    """The directory, among `directories`, that has an event file of this name; None where none has."""
    return next((directory for directory in directories(log_dir) if has_file(directory, file)), None)


def move_aside(log_dir: str) -> str:
    """Move the record of a run to a run of its own, which is returned, e.g. <log_dir>/earlier-1."""
    source, aside = record_directory(log_dir), free(log_dir)
    target = record_directory(aside)
    os.makedirs(aside)
    try:
        if os.path.islink(source):
            raise OSError("a link stays: it says on which disk records are to be")
        os.rename(source, target)
    except OSError:
        try:
            _move_contents(source, target)  # a link, or where another disk is mounted
        except OSError:
            with suppress(OSError):
                os.rmdir(target)
                os.rmdir(aside)
            raise
    return aside


def _move_contents(source: str, target: str) -> None:
    os.makedirs(target)
    for name in os.listdir(source):
        shutil.move(os.path.join(source, name), os.path.join(target, name))


def copy_aside(log_dir: str, directory: str) -> str:
    """Copy a record below log_dir to a run of its own, which is returned. Its files are shared where the file system can.

    What a writer that still has one of them open adds to it, both have.
    """
    aside = free(log_dir)
    try:
        shutil.copytree(directory, record_directory(aside), copy_function=_link)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return aside


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # such as a file system without hard links
        shutil.copy2(source, target)


def free(log_dir: str) -> str:
    """The path of the next run kept aside. A number is not given again: a server that watches would take the new record for the one that was removed."""
    numbers = [int(name.removeprefix(f"{ASIDE}-")) for name in _names(log_dir) if name.removeprefix(f"{ASIDE}-").isdecimal()]
    _GIVEN[log_dir] = max([*numbers, _GIVEN.get(log_dir, 0)]) + 1
    return _aside(log_dir, _GIVEN[log_dir])


def _names(log_dir: str) -> list[str]:
    """The names in log_dir that begin as those of runs kept aside do."""
    with suppress(OSError):
        return [name for name in os.listdir(log_dir) if name.startswith(f"{ASIDE}-")]
    return []


def inside(path: str, log_dir: str) -> bool:
    """Whether a path lies below log_dir."""
    return path != log_dir and Path(log_dir).resolve() in Path(path).resolve().parents


def same(one: str, other: str) -> bool:
    """Whether two paths are the same directory, whether it exists or not."""
    return one == other if is_remote(one) or is_remote(other) else Path(one).resolve() == Path(other).resolve()
