"""Records of tables and texts with known numbers: columns of a one-hot code, names of rows, labels, true values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.records import FakeRun

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.probes import ProbeSet, TabularProbes, TextProbes

FEATURES = ["age", "fare", "deck_A", "deck_B", "deck_C"]
ROWS = np.array([[22, 7.25, 0, 0, 1], [38, 71.5, 1, 0, 0], [26, 8, 0, 1, 0], [35, 53, 0, 0, 0]])
TEXTS = ["A film that nobody will forget soon", "the plot is thin", "Good film, GOOD plot"]


def table(**options: Any) -> TabularProbes:
    """Four passengers; the region "money" is declared, and so is "fare", with another feature in it."""
    given: dict[str, Any] = {
        "labels": [0, 1, 1, 0],
        "class_names": ["died", "survived"],
        "names": ["Mr Owen", "Mrs Cumings", "Miss Bonnell", "Mr Allen"],
        "groups": {"deck": ["deck_A", "deck_B", "deck_C"]},
        "regions": {"money": ["fare"], "fare": ["age", "fare"]},
        **options,
    }
    return TabularProbes(ROWS, background=np.vstack([ROWS, ROWS + np.array([1, 1, 0, 0, 0])]), feature_names=FEATURES, **given)


def texts(**options: Any) -> TextProbes:
    return TextProbes(TEXTS, **{"labels": [1, 0, 1], "class_names": ["bad", "good"], **options})


@dataclass
class NamedRun(FakeRun):
    """A FakeRun of other probes than pictures."""

    given: ProbeSet | None = None
    head: str = "softmax"

    def __post_init__(self) -> None:
        assert self.given is not None
        self.players = self.given.players.tolist()
        super().__post_init__()
        self.probes = self.given.read_by(self.head, self.classes)
        self.plan = Plan(self.probes, self.explainers, evaluations="auto", output="log-odds", classes="auto", seed=0, batch_size="auto")

    def record(self) -> Mapping[str, Any]:
        record = super().record()
        if self.head == "regression":
            record["settings"] |= {"head": "regression", "regression": True, "unit": "output"}
            record["details"] = {name: {**about, "unit": "output"} for name, about in record["details"].items()}
        return record
