"""Records that also hold what only some explainers and runs have: pairs, exact values, classes without values, a change on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from records import FakeRun

from tb_xai_plugin import wire
from tb_xai_plugin.engine import Snapshot
from tb_xai_plugin.writer import Writer

PAIRS = 3  # of each game; the rest of the wire's room is empty


@dataclass
class DetailedRun(FakeRun):
    """A FakeRun of which SHAP has interactions.

    Attributes:
        exact: explainers whose values have no error.
        one_class: explainers that give values for class 0 alone, with unknown errors.
        changes: {step: sentence}; from the first on, values are made from half of the evaluations.
        pairs: {step: float32 (probes, targets, PAIRS, 3)} as written.
    """

    exact: tuple[str, ...] = ()
    one_class: tuple[str, ...] = ()
    changes: Mapping[int, str] = field(default_factory=dict)
    pairs: dict[int, np.ndarray] = field(default_factory=dict, init=False)

    @property
    def details(self) -> dict[str, dict[str, Any]]:
        return {name: {**about, "interacting": name == "shap"} for name, about in super().details.items()}

    @property
    def evaluations(self) -> int:
        return int(self.record()["settings"]["evaluations"])

    def write_step(self, writer: Writer, step: int, **options: Any) -> None:
        super().write_step(_Detailing(writer, self), step, **options)

    def _interactions(self, step: int) -> np.ndarray:
        rng = np.random.default_rng(step + 2)
        found = np.full((len(self.players), self.targets, wire.PAIRS, 3), np.nan, dtype=np.float32)
        found[..., :PAIRS, 0] = rng.integers(0, 2, (*found.shape[:2], PAIRS))
        found[..., :PAIRS, 1] = 2
        found[..., :PAIRS, 2] = rng.choice([-1, 1], (*found.shape[:2], PAIRS)) * np.array([3.25, 2.25, 1.25])
        self.pairs[step] = found[..., :PAIRS, :]
        return found


class _Detailing:
    """A writer that adds the details to every step."""

    def __init__(self, writer: Writer, run: DetailedRun) -> None:
        self._writer, self._run = writer, run

    def write_step(self, probe_set: str, step: int, epoch: dict[str, Any], snapshot: Snapshot | None, **options: Any) -> None:
        run = self._run
        changed = any(step >= first for first in run.changes)
        epoch |= {"change": run.changes.get(step), "level": run.evaluations // 2 if changed else run.evaluations}
        if snapshot:
            explanations = dict(snapshot.explanations)
            for name, explanation in explanations.items():
                values, errors = explanation.values.copy(), explanation.errors
                if name in run.exact:
                    errors = np.where(np.isnan(errors), errors, np.float32(0))
                if name in run.one_class:
                    values[:, 1:] = np.nan
                    errors = np.full_like(errors, np.nan)
                interactions = run._interactions(step) if name == "shap" else None
                explanations[name] = replace(explanation, values=values, errors=errors, interactions=interactions)
            snapshot = replace(snapshot, explanations=explanations)
        self._writer.write_step(probe_set, step, epoch, snapshot, **options)
