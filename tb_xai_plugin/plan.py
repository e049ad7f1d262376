"""Plan: everything about explaining a probe set that does not depend on the model, checked and worked out once before training."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tb_xai_plugin import coalitions, explainers, outputs
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.explainers.contract import Fitted
from tb_xai_plugin.maskers import ImageMasker
from tb_xai_plugin.probes import ProbeSet, hash_of

# Masked inputs of one batch: enough to keep the cores busy, little next to the model's own activations.
LARGEST_BATCH = 256
BATCH_BYTES = 64 * 2**20


class Plan:
    """Everything that does not depend on the model: coalitions, and each explainer's matrix for them.

    Args: those of `explain`.

    Attributes:
        designs: {players: Design}.
        evaluations: of a probe.
        levels: numbers of evaluations, ascending, that explanations can be made from; the last is all of them.
        batch: evaluations at a time.
        fitting, asking: {name: explainer} that work from answers on the coalitions, and that ask the model themselves.
    """

    def __init__(
        self,
        probes: ProbeSet,
        explainers_asked: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        evaluations: int | str = "auto",
        output: str = "log-odds",
        classes: str | Sequence[int] = "auto",
        seed: int = 0,
        batch_size: int | str = "auto",
        curves: bool = False,
    ) -> None:
        if not isinstance(probes, ProbeSet):
            raise TypeError(f"probes is {type(probes).__name__}; give a ProbeSet, e.g. ImageProbes(x_test[:16], y_test[:16]).")
        self.probes = probes
        self.explainers = explainers.resolve(explainers_asked)
        self.output = _checked_choice("output", output, outputs.OUTPUTS)
        self.classes = _checked_classes(classes)
        self.seed = _checked_number("seed", seed, 0)
        self.curves = _checked_choice("curves", curves, (False, True))
        most = int(probes.players.max())
        if most > coalitions.MOST_PLAYERS:
            raise ValueError(f"a probe has {most} players (segments); give at most {coalitions.MOST_PLAYERS}, 16 to 64 are a good number.")
        most_evaluations = _checked_evaluations(evaluations, most)
        self.masker = ImageMasker(probes)
        self.fitting = {name: explainer for name, explainer in self.explainers.items() if hasattr(explainer, "fit")}
        self.asking = {name: explainer for name, explainer in self.explainers.items() if name not in self.fitting}
        laws = frozenset().union(*(explainer.laws for explainer in self.fitting.values()))
        counts = np.unique(probes.players).tolist()
        self.designs = {n: coalitions.build_design(n, most_evaluations, laws, self.seed) for n in counts}
        self.evaluations = max(len(design.masks) for design in self.designs.values())
        self.levels = coalitions.levels(most, self.evaluations)
        self.batch = self._batch(batch_size)
        self.fitted = cache(self._fitted)
        for name in self.fitting:
            for n in counts:
                self.fitted(name, n, self.evaluations)

    def _fitted(self, name: str, players: int, level: int) -> Fitted:
        """An explainer's matrix for probes with so many players, from the first `level` evaluations."""
        return self.fitting[name].fit(self.designs[players].first(level))

    def _batch(self, asked: int | str) -> int:
        if asked != "auto":
            return min(_checked_number("batch_size", asked, 1, "'auto' or "), self.evaluations)
        largest = int(np.clip(BATCH_BYTES // (self.probes.inputs[0].size * 4), 1, min(LARGEST_BATCH, self.levels[0])))
        # Every level is a whole number of batches, so that half the evaluations are half the work.
        return -(-self.levels[0] // -(-self.levels[0] // largest))

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked, for the record; JSON."""
        return {
            "kind": self.probes.kind,
            "explainers": explainers.settings(self.explainers),
            "evaluations": self.evaluations,
            "output": self.output,
            "classes": self.classes,
            "seed": self.seed,
            "curves": self.curves,
        }

    @property
    def comparable(self) -> dict[str, str | dict[str, str]]:
        """Records are comparable in an explainer where its entry and all other parts are equal."""
        return {
            **self.probes.parts,
            "coalitions": hash_of(*(self.designs[n].masks for n in sorted(self.designs))),
            "explainers": {name: json.dumps(options, sort_keys=True) for name, options in self.settings["explainers"].items()},
            "output": self.output,
            "classes": json.dumps(self.classes),
        }


def _checked_choice(what: str, given: Any, choices: Sequence[str]) -> str:
    if given not in choices:
        raise ValueError(f"unknown {what} {given!r}; choose from {list(choices)}.")
    return given


def _checked_number(what: str, given: Any, least: int, also: str = "") -> int:
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least:
        raise ValueError(f"{what} is {given!r}; give {also}a whole number of at least {least}.")
    return int(given)


def _checked_classes(classes: Any) -> str | list[int]:
    if isinstance(classes, str):
        return _checked_choice("classes", classes, ("auto", "all"))
    try:
        numbers = [operator.index(c) for c in classes]
    except TypeError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) != len(numbers):
        raise ValueError(f"classes is {classes!r}; give 'auto', 'all' or a list of different class numbers from 0.")
    return numbers


def _checked_evaluations(evaluations: Any, players: int) -> int:
    if isinstance(evaluations, str):
        _checked_choice("evaluations", evaluations, ("auto",))
        return coalitions.auto_evaluations(players)
    least = coalitions.fewest_evaluations(players)
    number = _checked_number("evaluations", evaluations, 1, "'auto' or ")
    if number < least:
        raise ValueError(f"evaluations is {number}, too few for {players} players; give at least {least}, or 'auto'.")
    return min(number - number % 2, 2**players)
