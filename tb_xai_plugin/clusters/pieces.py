"""Pieces: what a worker sends back of one checkpoint and one block of probes, as plain arrays; and the snapshot that they make together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import ModelOutputs, Snapshot, problem_of
from tb_xai_plugin.probes import ProbeSet, TextProbes

# The arrays of an explanation that have an axis of probes.
ARRAYS = ("values", "errors", "base_values", "outputs", "targets")
OPTIONAL = ("noise", "interactions")


@dataclass(frozen=True)
class Facts:
    """What a worker finds out about the models when it binds the first one: what the head needs to begin the record, without a model of its own.

    Attributes:
        model: what a record says about the explained model.
        sets: {probe set: what its engine says}.
        warnings: what was warned of.
    """

    model: Mapping[str, Any]
    sets: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Mapping[str, Any], engines: Mapping[str, Engine], warnings: Sequence[str] = ()) -> Facts:
        return cls(model, {name: _said(engine) for name, engine in engines.items()}, tuple(warnings))

    def differing(self, other: Facts) -> str | None:
        """How the models of two checkpoints differ, in words; None where they can stand in one record."""
        for name, here in self.sets.items():
            there = other.sets[name]
            if here["settings"]["number_of_classes"] != there["settings"]["number_of_classes"]:
                return f"has {there['settings']['number_of_classes']} classes, and the first checkpoint {here['settings']['number_of_classes']}"
            if here["comparable"] != there["comparable"]:
                return f"has outputs in {there['settings']['unit']}, and the first checkpoint in {here['settings']['unit']}"
            if here["constant_targets"] != there["constant_targets"]:
                return "explains other classes than the first checkpoint; give classes="
        if self.model["architecture"] != other.model["architecture"]:
            return "is of another architecture than the first checkpoint"
        return None


def _said(engine: Engine) -> dict[str, Any]:
    probes = engine.probes
    return {
        "settings": engine.settings,
        "comparable": engine.comparable,
        "constant_targets": engine.constant_targets,
        "shape": engine.shape,
        "details": engine.details,
        "head": (engine.head.kind, engine.head.columns),
        "class_names": probes.class_names,
        # Words that the model reads as numbers of its classes.
        "labels": probes.labels if engine.plan.probes.label_words is not None else None,
    }


class Bound:
    """What an engine says, for the recorder, which asks for nothing else; made of Facts."""

    def __init__(self, plan: Plan, said: Mapping[str, Any]) -> None:
        self.plan = plan
        self.settings: dict[str, Any] = dict(said["settings"])
        self.comparable: dict[str, str] = dict(said["comparable"])
        self.constant_targets: list[int] | None = said["constant_targets"]
        self.shape: dict[str, int] = dict(said["shape"])
        self.details: dict[str, dict[str, Any]] = dict(said["details"])
        self.classes: int = said["settings"]["number_of_classes"]
        probes: ProbeSet = plan.probes
        if said["labels"] is not None or said["class_names"] != probes.class_names:
            probes = probes.with_classes(said["class_names"], said["labels"])
        self.probes = probes.read_by(*said["head"])


@dataclass(frozen=True)
class Piece:
    """The explanations of a block of probes by one checkpoint.

    Attributes:
        explanations: {explainer: {array: (probes of the block, …)}}.
        full, empty, targets, evaluations, not_finite: as in ModelOutputs.
        level, repeats: as in Snapshot.
        failures: {explainer: (name of its exception, its message)}.
        weights: the digest of the model's weights; None where it has none.
        seconds: time of loading and explaining.
        warnings: what was warned of.
    """

    explanations: Mapping[str, Mapping[str, Any]]
    full: np.ndarray
    empty: np.ndarray
    targets: np.ndarray
    evaluations: int
    not_finite: tuple[int, int]
    level: int
    repeats: int
    failures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    weights: str | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, snapshot: Snapshot, **more: Any) -> Piece:
        outputs = snapshot.outputs
        explanations: dict[str, dict[str, Any]] = {}
        for name, explanation in snapshot.explanations.items():
            arrays: dict[str, Any] = {array: getattr(explanation, array) for array in (*ARRAYS, *OPTIONAL)}
            explanations[name] = {
                **arrays,
                "fidelity": dict(explanation.fidelity),
                "unit": explanation.unit,
                "clipped": explanation.clipped,
            }
        return cls(
            *(explanations, outputs.full, outputs.empty, outputs.targets, outputs.evaluations, outputs.not_finite),
            *(snapshot.level, snapshot.repeats),
            failures={name: (type(error).__name__, str(error)) for name, error in snapshot.failures.items()},
            **more,
        )


def merged(pieces: Sequence[Piece], probes: ProbeSet) -> Snapshot:
    """The snapshot of all probes. pieces: those of all blocks, in their order."""
    first = pieces[0]
    not_finite, only_empty = (sum(piece.not_finite[which] for piece in pieces) for which in (0, 1))
    outputs = ModelOutputs(
        games=[],
        targets=np.concatenate([piece.targets for piece in pieces]),
        full=np.concatenate([piece.full for piece in pieces]),
        empty=np.concatenate([piece.empty for piece in pieces]),
        evaluations=sum(piece.evaluations for piece in pieces),
        problem=problem_of(not_finite, only_empty, len(probes), texts=isinstance(probes, TextProbes)),
        block=range(len(probes)),
        not_finite=(not_finite, only_empty),
    )
    explanations = {name: _explanation([piece.explanations[name] for piece in pieces], probes) for name in first.explanations}
    # An exception of a worker's own class may not be known here; its name and its message are what the record holds.
    failures = {name: type(kind, (Exception,), {})(message) for name, (kind, message) in first.failures.items()}
    return Snapshot(explanations, outputs, first.level, failures, first.repeats)


def _explanation(parts: Sequence[Mapping[str, Any]], probes: ProbeSet) -> Explanation:
    def joined(arrays: Sequence[Any]) -> Any:
        return None if arrays[0] is None else np.concatenate(arrays)

    return Explanation(
        **{array: joined([part[array] for part in parts]) for array in (*ARRAYS, *OPTIONAL)},
        probes=probes,
        fidelity={measure: joined([part["fidelity"][measure] for part in parts]) for measure in parts[0]["fidelity"]},
        unit=parts[0]["unit"],
        clipped=parts[0]["clipped"],
    )
