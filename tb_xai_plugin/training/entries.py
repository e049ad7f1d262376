"""The JSON that is written with an epoch's arrays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.version import __version__


def epoch_json(
    *,
    explained: bool,
    reason: str | None,
    snapshot: Snapshot | None,
    samples: Mapping[str, int],
    seconds: float,
    logs: Mapping[str, Any] = MappingProxyType({}),
    training_seconds: float | None = None,
    weights: str | None = None,
) -> dict[str, Any]:
    """The JSON of one epoch.

    Args:
        explained: whether the epoch was to be explained.
        reason: why numbers are missing; None where none are.
        snapshot: the explanations; None where there are none.
        samples: {explainer: evaluations per probe besides those on coalitions}.
        seconds: time of the explanation; training_seconds: of the epoch's training, None for the untrained and the returned model.
        logs: Keras's logs; what is not a number is left out.
        weights: the digest of the explained network's weights.
    """
    return {
        "logs": {str(name): number for name, value in logs.items() if (number := _number(value)) is not None},
        "explained": explained,
        "reason": reason,
        "evaluations": snapshot.outputs.evaluations if snapshot else 0,
        "level": snapshot.evaluations if snapshot else 0,
        "samples": dict(samples),
        "seconds": seconds,
        "training": training_seconds,
        "share": seconds / training_seconds if training_seconds else None,
        "weights": weights,
    }


def _number(value: Any) -> float | None:
    """A number as a float; None for what is none. A tensor of PyTorch that needs gradients warns where it becomes a number."""
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError):
        return None


def record_json(plan: Plan, engine: Engine, model: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is written once at the beginning of a record: its JSON, and the arrays of its probes. model: `about` it."""
    names, arrays = engine.probes.as_record()
    record = {
        "probes": {**names, "count": len(plan.probes), "players": plan.probes.players.tolist()},
        "settings": {**plan.settings, **engine.settings, "versions": versions_of_packages()},
        "comparable": {**plan.comparable, **engine.comparable},
        "targets": engine.constant_targets,
        "shape": engine.shape,
        "details": engine.details,
        "model": dict(model),
    }
    return record, arrays


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
