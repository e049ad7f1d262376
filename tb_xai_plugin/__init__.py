"""Watch LIME and SHAP explanations evolve while a Keras model trains, in TensorBoard's XAI tab."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tb_xai_plugin.version import __version__

if TYPE_CHECKING:
    from tb_xai_plugin.clusters.checkpoints import explain_checkpoints
    from tb_xai_plugin.engine.explanation import Explanation
    from tb_xai_plugin.explainers import (
        Banzhaf,
        Custom,
        GradCam,
        IntegratedGradients,
        KernelShap,
        Lime,
        LimeNet,
        LimeTabular,
        LimeText,
        Occlusion,
    )
    from tb_xai_plugin.gates.check import assert_rules, check
    from tb_xai_plugin.probes import ImageProbes, SequenceProbes, TabularProbes, TextProbes, load_probes
    from tb_xai_plugin.reports.summary import summary
    from tb_xai_plugin.run import Run, read_run, read_runs
    from tb_xai_plugin.training.callback import ExplanationLogger
    from tb_xai_plugin.training.explain import explain
    from tb_xai_plugin.training.logger import RunLogger
    from tb_xai_plugin.training.once import log_model

# Names are imported when first used: TensorBoard imports this package at every start (its loader lives here),
# and a viewing machine has neither Keras nor TensorFlow.
_HOME = {
    "Banzhaf": "explainers",
    "Custom": "explainers",
    "ExplanationLogger": "training.callback",
    "explain": "training.explain",
    "explain_checkpoints": "clusters.checkpoints",
    "Explanation": "engine.explanation",
    "GradCam": "explainers",
    "ImageProbes": "probes",
    "IntegratedGradients": "explainers",
    "KernelShap": "explainers",
    "Lime": "explainers",
    "LimeNet": "explainers",
    "LimeTabular": "explainers",
    "LimeText": "explainers",
    "Occlusion": "explainers",
    "load_probes": "probes",
    "Run": "run",
    "RunLogger": "training.logger",
    "SequenceProbes": "probes",
    "TabularProbes": "probes",
    "TextProbes": "probes",
    "assert_rules": "gates.check",
    "check": "gates.check",
    "log_model": "training.once",
    "read_run": "run",
    "read_runs": "run",
    "summary": "reports.summary",
}

__all__ = [
    "Banzhaf",
    "Custom",
    "Explanation",
    "ExplanationLogger",
    "GradCam",
    "ImageProbes",
    "IntegratedGradients",
    "KernelShap",
    "Lime",
    "LimeNet",
    "LimeTabular",
    "LimeText",
    "Occlusion",
    "Run",
    "RunLogger",
    "SequenceProbes",
    "TabularProbes",
    "TextProbes",
    "__version__",
    "assert_rules",
    "check",
    "explain",
    "explain_checkpoints",
    "load_probes",
    "log_model",
    "read_run",
    "read_runs",
    "summary",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("keras", "tensorflow"):
            raise
        raise ImportError(f"{name} needs {error.name}; install it with 'pip install tensorflow'.") from error


def __dir__() -> list[str]:
    return sorted(__all__)
