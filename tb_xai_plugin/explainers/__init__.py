"""Explainers: most are a fixed matrix that turns a model's outputs on the coalitions into attributions; some use the model's gradients.

A new explainer is a file with a frozen dataclass, an `Explainer`, `SamplingExplainer` or `ModelExplainer` of `contract`, and one line in EXPLAINERS.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

from tb_xai_plugin.explainers.banzhaf import Banzhaf
from tb_xai_plugin.explainers.contract import Explainer, ModelExplainer, SamplingExplainer
from tb_xai_plugin.explainers.custom import Custom
from tb_xai_plugin.explainers.grad_cam import GradCam
from tb_xai_plugin.explainers.integrated_gradients import IntegratedGradients
from tb_xai_plugin.explainers.kernel_shap import KernelShap
from tb_xai_plugin.explainers.lime import Lime, LimeText
from tb_xai_plugin.explainers.lime_net import LimeNet
from tb_xai_plugin.explainers.lime_tabular import LimeTabular
from tb_xai_plugin.explainers.occlusion import Occlusion

AnyExplainer: TypeAlias = Explainer | ModelExplainer | SamplingExplainer

EXPLAINERS: dict[str, type[AnyExplainer]] = {
    "lime": Lime,
    "lime-net": LimeNet,
    "shap": KernelShap,
    "banzhaf": Banzhaf,
    "occlusion": Occlusion,
    "ig": IntegratedGradients,
    "grad-cam": GradCam,
}

# The class of "lime" for kinds of probes that have their own; for all others, Lime.
LIME_OF = {"tabular": LimeTabular, "text": LimeText}

# The kinds of probes that an explainer accepts, where it does not accept all.
KINDS_OF = {"ig": ("image", "tabular", "sequence"), "grad-cam": ("image",)}


def resolve(explainers: str | AnyExplainer | Sequence[str | AnyExplainer], kind: str = "image") -> dict[str, AnyExplainer]:
    """Turn names and configured explainers into {name: explainer}, in the order given.

    Args:
        explainers: one or several names from EXPLAINERS or configured explainers.
        kind: kind of the probes.

    Raises:
        ValueError: an unknown name, the same explainer twice, no explainer, or one that is not for this kind of probes.
        TypeError: neither a name nor an explainer.
    """
    if isinstance(explainers, str) or not isinstance(explainers, Sequence):
        explainers = [explainers]
    resolved: dict[str, AnyExplainer] = {}
    for given in explainers:
        if isinstance(given, str) and given not in EXPLAINERS:
            raise ValueError(f"unknown explainer {given!r}; choose from {sorted(EXPLAINERS)}.")
        if not isinstance(given, str) and not _is_explainer(given):
            raise TypeError(f"explainers has {given!r}; give names from {sorted(EXPLAINERS)}, or e.g. Lime(kernel_width=0.5).")
        explainer = _for_kind(EXPLAINERS[given]() if isinstance(given, str) else given, kind)
        if not isinstance(explainer, _class_of(explainer.name, kind)):
            raise ValueError(
                f"explainers has a {type(explainer).__name__} called {explainer.name!r}, which is another's name; give it a name of its own."
            )
        if explainer.name in resolved:
            raise ValueError(f"explainers has {explainer.name!r} twice; give each explainer once.")
        resolved[explainer.name] = explainer
    if not resolved:
        raise ValueError(f"explainers is empty; choose from {sorted(EXPLAINERS)}.")
    return resolved


def settings(explainers: dict[str, AnyExplainer]) -> dict[str, dict[str, object]]:
    """Options for the record, {name: {option: value}}: the fields of dataclasses, the attributes of other objects."""

    def options(explainer: AnyExplainer) -> dict[str, object]:
        names = [field.name for field in fields(explainer)] if is_dataclass(explainer) else sorted(vars(explainer))
        return {name: _as_json(getattr(explainer, name)) for name in names if not name.startswith("_")}

    return {name: options(explainer) for name, explainer in explainers.items()}


def _class_of(name: str, kind: str) -> type[Any]:
    """The class that a name stands for, for a kind of probes."""
    return LIME_OF.get(kind, Lime) if name == Lime.name else EXPLAINERS.get(name, object)


def _for_kind(explainer: AnyExplainer, kind: str) -> AnyExplainer:
    """The explainer for a kind of probes: "lime" is another class for texts and for tables."""
    if kind not in KINDS_OF.get(explainer.name, (kind,)):
        raise ValueError(
            f"explainer {explainer.name!r} is not for {kind} probes but for {' and '.join(KINDS_OF[explainer.name])}; leave it out."
        )
    wanted = _class_of(explainer.name, kind)
    if type(explainer) is Lime and wanted is LimeText:
        return LimeText(**{field.name: getattr(explainer, field.name) for field in fields(explainer)})
    if explainer == Lime():
        default: AnyExplainer = wanted()
        return default
    if type(explainer) in (Lime, LimeText, LimeTabular) and type(explainer) is not wanted:
        raise ValueError(f"{type(explainer).__name__} is not for {kind} probes; give {wanted.__name__}(...), or the name 'lime'.")
    return explainer


def _as_json(option: object) -> object:
    """An option as JSON; functions and other objects become their qualified name, which is the same in every process."""
    try:
        return json.loads(json.dumps(option.tolist() if hasattr(option, "tolist") else option))
    except (TypeError, ValueError):
        named = option if hasattr(option, "__qualname__") else type(option)
        return f"{named.__module__}.{named.__qualname__}"


def _is_explainer(given: object) -> bool:
    """Whether an object follows one of the explainers' protocols and has a name that fits folders and addresses."""
    name = getattr(given, "name", None)
    if isinstance(given, type) or not isinstance(name, str) or not name.strip() or "/" in name:
        return False
    return isinstance(given, Explainer | ModelExplainer | SamplingExplainer)


__all__ = [
    "EXPLAINERS",
    "AnyExplainer",
    "Banzhaf",
    "Custom",
    "Explainer",
    "GradCam",
    "IntegratedGradients",
    "KernelShap",
    "Lime",
    "LimeNet",
    "LimeTabular",
    "LimeText",
    "ModelExplainer",
    "Occlusion",
    "SamplingExplainer",
    "resolve",
    "settings",
]
