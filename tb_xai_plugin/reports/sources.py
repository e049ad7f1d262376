"""The records below the paths that a user gives, each by a name."""

from __future__ import annotations

import logging
import os
import posixpath
from collections.abc import Sequence

from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.records import places, wire
from tb_xai_plugin.records.sources import Source, source_of

logger = logging.getLogger("tb_xai_plugin")


def sources_of(paths: Sequence[str]) -> dict[str, Source]:
    """{name: record} of runs, and of all runs below directories of runs, in the order given.

    Names are the runs' places below the directory that all of them lie in.

    Raises:
        FileNotFoundError: a path that is no directory, or has no record.
    """
    found: dict[str, str] = {}  # {directory of a run: that of its record}
    for path in paths:
        found |= _below(path)
    names = _names(list(found))
    sources: dict[str, Source] = {}
    for number in Progress("Reading runs")(range(len(found)), unit="run"):
        name, record = names[number], list(found.values())[number]
        sources[name] = source_of(record)
        for damage in getattr(sources[name], "damages", ()):
            logger.warning(damage)
    return sources


def _below(path: str) -> dict[str, str]:
    if not places.is_directory(path):
        raise FileNotFoundError(f"export: there is no directory {path!r}; give the log_dir of a run, or a directory of runs.")
    inner = os.path.join(path, wire.DIRECTORY)
    if places.has_events(inner):
        return {_clean(path): inner}
    if os.path.basename(_clean(path)) == wire.DIRECTORY and places.has_events(path):
        return {os.path.dirname(_clean(path)): path}
    below = places.record_directories(path)
    if not below:
        raise FileNotFoundError(f"export: no explanations in {path!r}; give the log_dir of an ExplanationLogger, or a directory of runs.")
    chosen = set(places.without_kept_aside(name for name, _ in below))
    return {_clean(os.path.join(path, name)): record for name, record in below if name in chosen}


def _clean(path: str) -> str:
    return path.rstrip("/") if places.is_remote(path) else os.path.abspath(path)


def _names(directories: Sequence[str]) -> list[str]:
    """The places of directories below the one that all of them lie in, in the form of a run's name."""
    slashed = [directory.replace(os.sep, "/") for directory in directories]
    parents = {posixpath.dirname(directory) for directory in slashed}
    try:
        shared = posixpath.commonpath(parents)
    except ValueError:  # on several drives, or local and remote
        return slashed
    return [directory[len(shared) :].strip("/") or "." if directory.startswith(shared) else directory for directory in slashed]
