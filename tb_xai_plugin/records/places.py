"""Where records lie: below a local directory, or on a remote file system, through TensorBoard's file layer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import wire


def is_remote(path: str) -> bool:
    """Whether a path is on a remote file system, which TensorBoard's reader and writer support and `os` does not."""
    return "://" in path


def is_directory(path: str) -> bool:
    return bool(_remote(path, "isdir")) if is_remote(path) else os.path.isdir(path)


def has_events(directory: str) -> bool:
    """Whether a directory has event files."""
    if is_remote(directory):
        return is_directory(directory) and any("tfevents" in name for name in _remote(directory, "listdir"))
    return os.path.isdir(directory) and any("tfevents" in name for name in os.listdir(directory))


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rstrip("/").rpartition("/")[2] if is_remote(path) else os.path.basename(os.path.abspath(path))


def name_below(logdir: str, names: Iterable[str], path: str) -> str | None:
    """The name of a run below a directory, whatever the form of its path; None where it is not in that directory.

    Several names may be links to one run: the one that the path ends with comes first.
    """

    def directory(*parts: str) -> str:
        real = os.path.realpath(os.path.join(*parts))
        return os.path.dirname(real) if os.path.basename(real) == wire.DIRECTORY else real

    written = [name for name in names if os.path.abspath(os.path.join(logdir, name)) == os.path.abspath(path)]
    return next(iter([*written, *(name for name in names if directory(logdir, name) == directory(path))]), None)


def without_kept_aside(names: Iterable[str]) -> list[str]:
    """The names of runs below a directory, without the records that a logger kept aside: earlier-1, earlier-2, … in the directory of another run."""
    known = list(names)
    runs = set(known)

    def aside(name: str) -> bool:
        parent, _, last = name.rpartition("/")
        return last.removeprefix("earlier-").isdecimal() and last.startswith("earlier-") and (parent or ".") in runs

    return [name for name in known if not aside(name)]


def record_directories(logdir: str) -> list[tuple[str, str]]:
    """(run name, directory of its record) of all runs below a directory, in the order of their names.

    Links are followed, as TensorBoard follows them; a link to a directory that it lies in ends there.
    """
    found = []
    for parent in _remote_directories(logdir) if is_remote(logdir) else _directories(logdir, ()):
        directory = os.path.join(parent, wire.DIRECTORY)
        if has_events(directory):
            name = parent[len(logdir) :].strip("/") or "." if is_remote(logdir) else os.path.relpath(parent, logdir)
            found.append((name.replace(os.sep, "/"), directory))
    return sorted(found)


def _directories(directory: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """A directory and all below it. above: (device, number) of those that it lies in."""
    try:
        stat = os.stat(directory)
        if (stat.st_dev, stat.st_ino) in above:
            return
        with os.scandir(directory) as entries:
            inner = [entry.path for entry in entries if _leads_to_directory(entry)]
    except OSError:  # removed meanwhile, or nothing that we may look into
        return
    yield directory
    for path in inner:
        yield from _directories(path, (*above, (stat.st_dev, stat.st_ino)))


def _leads_to_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a directory or a link to one; a link that leads nowhere, e.g. to itself, is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _remote_directories(logdir: str) -> Iterator[str]:
    return (parent for parent, _, _ in _remote(logdir, "walk"))


def _remote(path: str, method: str) -> Any:
    """What TensorBoard's file layer says of a remote path: TensorFlow's where it is installed, fsspec's otherwise.

    Raises:
        RecordError (a ValueError): a file system that it does not know, or can't reach.
    """
    from tensorboard.compat import tf

    try:
        said = getattr(tf.io.gfile, method)(path)
        return list(said) if method == "walk" else said
    except Exception as error:  # each file system has errors of its own
        raise RecordError(f"TensorBoard's file layer can't read {path!r} ({error}).") from error
