"""What ExplanationLogger checks of its arguments before anything is trained."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire

logger = logging.getLogger("tb_xai_plugin")


def check_directory(log_dir: str) -> None:
    """Fail now rather than after the first epoch. Nothing is left behind where nothing was."""
    if "://" in log_dir:  # a remote file system: TensorBoard's writer knows it, os does not
        return
    path = os.path.join(log_dir, wire.DIRECTORY)
    while not os.path.lexists(path):
        path = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(path):
        raise FileExistsError(f"ExplanationLogger: log_dir is {log_dir!r}, and {path!r} is a file; give a directory.")
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(f"ExplanationLogger: log_dir is {log_dir!r}, and {path!r} is not writable; give a directory that is.")


def named(probes: ProbeSet | Mapping[str, ProbeSet]) -> dict[str, ProbeSet]:
    if not isinstance(probes, Mapping):
        return {wire.DEFAULT_SET: probes}
    if not probes:
        raise ValueError("probes is an empty dict; give one ProbeSet, or {name: ProbeSet}.")
    for name in probes:
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f"probes has the name {name!r}; give names without '/'.")
    return dict(probes)
