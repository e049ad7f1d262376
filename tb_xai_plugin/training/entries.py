"""What is written of an epoch beside its numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.records import wire
from tb_xai_plugin.version import __version__

logger = logging.getLogger("tb_xai_plugin")


def epoch_json(
    logs: Mapping[str, Any],
    explained: bool,
    reason: str | None,
    snapshot: Snapshot | None,
    samples: dict[str, int],
    seconds: float,
    training_seconds: float | None,
) -> dict[str, Any]:
    return {
        "logs": {str(name): float(value) for name, value in logs.items() if _is_number(value)},
        "explained": explained,
        "reason": reason,
        "evaluations": snapshot.answers.evaluations if snapshot else 0,
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
    versions = {"tb_xai_plugin": __version__, "keras": version("keras")}
    for package in ("tensorflow", "scikit-image", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def when_words(step: int) -> str:
    return "the untrained model" if step == wire.UNTRAINED else f"epoch {step}"
