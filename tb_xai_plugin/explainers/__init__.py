"""Explainers: most are a fixed matrix that turns a model's answers on the coalitions into attributions; some ask the model for gradients.

A new one is a file with a frozen dataclass, an `Explainer` or an `AskingExplainer` of `fitted`, and one line in EXPLAINERS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from tb_xai_plugin.explainers.banzhaf import Banzhaf
from tb_xai_plugin.explainers.fitted import AskingExplainer, Explainer
from tb_xai_plugin.explainers.kernel_shap import KernelShap
from tb_xai_plugin.explainers.lime import Lime
from tb_xai_plugin.explainers.occlusion import Occlusion

AnyExplainer = Explainer | AskingExplainer

EXPLAINERS: dict[str, type[AnyExplainer]] = {
    "lime": Lime,
    "shap": KernelShap,
    "banzhaf": Banzhaf,
    "occlusion": Occlusion,
}


def resolve(explainers: str | AnyExplainer | Sequence[str | AnyExplainer]) -> dict[str, AnyExplainer]:
    """Names or configured explainers -> {name: explainer}, in the order given.

    Raises:
        ValueError: an unknown name, the same explainer twice, or none; TypeError: something else.
    """
    if isinstance(explainers, str) or not isinstance(explainers, Sequence):
        explainers = [explainers]
    resolved: dict[str, AnyExplainer] = {}
    for given in explainers:
        if isinstance(given, str) and given not in EXPLAINERS:
            raise ValueError(f"unknown explainer {given!r}; choose from {sorted(EXPLAINERS)}.")
        if not isinstance(given, (str, *EXPLAINERS.values())):
            raise TypeError(f"explainers has {given!r}; give names from {sorted(EXPLAINERS)}, or e.g. Lime(kernel_width=0.5).")
        explainer = EXPLAINERS[given]() if isinstance(given, str) else given
        if explainer.name in resolved:
            raise ValueError(f"explainers names {explainer.name!r} twice; give each once.")
        resolved[explainer.name] = explainer
    if not resolved:
        raise ValueError(f"explainers is empty; choose from {sorted(EXPLAINERS)}.")
    return resolved


def settings(explainers: dict[str, AnyExplainer]) -> dict[str, dict[str, object]]:
    """{name: options} for the record."""
    return {name: asdict(explainer) for name, explainer in explainers.items()}


__all__ = [
    "EXPLAINERS",
    "AnyExplainer",
    "AskingExplainer",
    "Banzhaf",
    "Explainer",
    "KernelShap",
    "Lime",
    "Occlusion",
    "resolve",
    "settings",
]
