"""The JSON that is written with an epoch's arrays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.version import __version__


def epoch_json(
    logs: Mapping[str, Any],
    explained: bool,
    reason: str | None,
    snapshot: Snapshot | None,
    samples: dict[str, int],
    seconds: float,
    training_seconds: float | None,
) -> dict[str, Any]:
    """The JSON of one epoch.

    Args:
        logs: Keras's logs; what is not a number is left out.
        explained: whether the epoch was to be explained.
        reason: why numbers are missing; None where none are.
        snapshot: the explanations; None where there are none.
        samples: {explainer: evaluations per probe besides those on coalitions}.
        seconds: time of the explanation; training_seconds: of the epoch's training, None for the untrained model.
    """
    return {
        "logs": {str(name): float(value) for name, value in logs.items() if _is_number(value)},
        "explained": explained,
        "reason": reason,
        "evaluations": snapshot.outputs.evaluations if snapshot else 0,
        "level": snapshot.evaluations if snapshot else 0,
        "samples": samples,
        "seconds": seconds,
        "training": training_seconds,
        "share": seconds / training_seconds if training_seconds else None,
    }


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def versions_of_packages() -> dict[str, str]:
    """The versions that a record names, of the packages that are there."""
    versions = {"tb_xai_plugin": __version__}
    for package in ("keras", "tensorflow", "scikit-image", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            # Some installations come without metadata.
            imported = getattr(sys.modules.get(package), "__version__", None)
            if imported:
                versions[package] = str(imported)
    return versions
