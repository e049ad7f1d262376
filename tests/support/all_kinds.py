"""Runs of every kind of probe and of every way to end, written without training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.records import FakeRun

import tb_xai_plugin as xai

NAMES = [f"class {c}" for c in range(2)]
WORDS = ("good", "bad", "fine", "poor", "film", "plot", "the", "a")


def table(players: int, probes: int, seed: int = 0) -> xai.TabularProbes:
    x = np.random.default_rng(seed).normal(size=(24, players)).astype(np.float32)
    y = np.arange(probes) % 2
    return xai.TabularProbes(
        *(x[:probes], y),
        background=x,
        feature_names=[f"feature {i}" for i in range(players)],
        class_names=NAMES,
        regions={"first two": ["feature 0", "feature 1"]},
    )


def text(words: int, probes: int, seed: int = 0) -> xai.TextProbes:
    rng = np.random.default_rng(seed)
    written = [" ".join(rng.choice(WORDS, words - i % 3)) for i in range(probes)]
    return xai.TextProbes(written, np.arange(probes) % 2, encode=encoded, class_names=NAMES, regions={"praise": ["good", "fine"]})


def encoded(given: list[str]) -> np.ndarray:
    return np.array([[len(one)] for one in given], dtype=np.int32)


def series(segments: int, probes: int, seed: int = 0) -> xai.SequenceProbes:
    x = np.random.default_rng(seed).normal(size=(probes, 40, 2)).astype(np.float32)
    return xai.SequenceProbes(x, np.arange(probes) % 2, segments=segments, class_names=NAMES, regions={"early": [0, 9]})


@dataclass
class OtherRun(FakeRun):
    """A FakeRun whose probes are no pictures. make: (players, probes, seed) -> probes."""

    make: Callable[..., xai.ProbeSet] = table

    def make_probes(self) -> xai.ProbeSet:
        made = self.make(max(self.players), len(self.players), self.seed)
        self.players = made.players.tolist()
        return made


def write_all(folder: Path) -> dict[str, FakeRun]:
    """{name: run}, two of each kind that compare, and those that are special in one way."""
    made: dict[str, FakeRun] = {}

    def two(name: str, make: Callable[[Path], FakeRun], epochs: int) -> None:
        for i, letter in enumerate("ab"):
            run = make(folder / f"{name}-{letter}")
            run.rng = np.random.default_rng(i)
            made[f"{name}-{letter}"] = run.write(range(-1, epochs - i))

    two("image", lambda at: FakeRun(at, players=(5, 4, 3, 6, 4, 5, 3, 6), side=12), 7)
    two("table", lambda at: OtherRun(at, players=(30,) * 12, make=table), 6)
    two("text", lambda at: OtherRun(at, players=(30,) * 6, make=text), 5)
    two("series", lambda at: OtherRun(at, players=(10,) * 6, make=series), 5)
    # Repeats of one recipe, of which B may be one.
    for seed in range(3):
        run = FakeRun(folder / f"image-c-seed{seed}", players=(5, 4, 3, 6, 4, 5, 3, 6), side=12)
        run.rng = np.random.default_rng(10 + seed)
        made[run.log_dir.name] = run.write(range(-1, 6))
    made["methods"] = FakeRun(
        *(folder / "methods",),
        explainers=("lime", "shap", "banzhaf", "occlusion"),
        interacting=("shap",),
        exact=("occlusion",),
        one_class=("banzhaf",),
        changes={3: "half of the evaluations, to keep max_overhead"},
    ).write(range(-1, 5))
    made["one-epoch"] = FakeRun(folder / "one-epoch").write([0])
    made["many-classes"] = FakeRun(folder / "many-classes", players=(5, 4, 3, 5), classes=60, changing_targets=False).write(range(4))
    # A loop of the user's own, without a loss of that name; one class; a model's second output.
    made["gan"] = FakeRun(folder / "gan").write(range(4), logs={"d_loss": 0.7, "g_loss": 0.5})
    made["one-class"] = FakeRun(folder / "one-class", classes=1).write(range(4), logs={"age_mae": 3, "sex_accuracy": 0.5, "loss": 1})
    made["bare"] = FakeRun(folder / "bare").write(range(3), logs={})
    made["wide"] = OtherRun(folder / "wide", players=(60,) * 5, make=table).write(range(4))
    # Two sets of probes, of two kinds.
    sets = folder / "sets"
    made["sets"] = FakeRun(sets, probe_set="pictures").write(range(4))
    made["sets/rows"] = OtherRun(sets, probe_set="rows", players=(8,) * 4, make=table).write(range(4))
    # How trainings end.
    made["averaged"] = FakeRun(folder / "averaged").write(range(5)).write_returned("averages")
    made["restored"] = FakeRun(folder / "restored").write(range(5)).write_returned("restored", 1, explained=False)
    made["forest"] = OtherRun(folder / "forest", players=(30,) * 12, make=table).write_returned("once")
    made["once"] = FakeRun(folder / "once").write_returned("once")
    made["gap"] = FakeRun(folder / "gap").write(range(2))
    made["gap"].write([2], silent=(0, 1, 2), reason="the model returned NaN")
    made["gap"].write(range(3, 5))
    return made
