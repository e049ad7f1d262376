"""Plan: everything about explaining a probe set that does not depend on the model, checked and worked out once before training."""

from __future__ import annotations

import json
import operator
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tb_xai_plugin import explainers
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.explainers.contract import Fitted
from tb_xai_plugin.explainers.lime_tabular import fewest_samples
from tb_xai_plugin.games import coalitions
from tb_xai_plugin.games.maskers import build_masker
from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.threads import one_blas_thread
from tb_xai_plugin.probes import ProbeSet, TabularProbes, hash_of

# Masked inputs of one batch: enough to keep the cores busy, little next to the model's own activations.
LARGEST_BATCH = 256
BATCH_BYTES = 64 * 2**20
LARGEST_ROWS = 1024

# Of tables, evaluations up to which "auto" asks all coalitions on all reference rows: 5 features.
MOST_WHOLE = 4096

# Of samples, and matrices fitted to them, that are kept.
SAMPLES_BYTES = 512 * 2**20

# Inputs that an explainer draws of its own around a probe, and numbers in them; the first is the package's default.
AUTO_SAMPLES = 5000
AUTO_NUMBERS = 150_000


class Plan:
    """Everything that does not depend on the model: coalitions, and each explainer's matrix for them.

    Args: those of `explain`.

    Attributes:
        designs: {players: Design}.
        evaluations: coalitions of a probe; each takes `repeats` evaluations of the model.
        levels: numbers of evaluations, ascending, that explanations can be made from; the last is all of them.
        batch: evaluations at a time.
        fitting, sampling, asking: {name: explainer} that work from answers on the coalitions, from answers on inputs of their own, and that ask
            the model themselves.
        samples: evaluations of a probe, of each explainer that draws inputs of its own.
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
        if isinstance(probes, TabularProbes) and len(probes.background) == 1:
            warnings.warn(
                "TabularProbes: background has one row, so an absent feature has that row's value, and LIME draws nothing else; give training rows, a "
                "few hundred.",
                stacklevel=3,
            )
        self.probes = probes
        self.explainers = explainers.resolve(explainers_asked, probes.kind)
        self.output = _checked_choice("output", output, outputs.OUTPUTS)
        self.classes = _checked_classes(classes)
        self.seed = _checked_number("seed", seed, 0)
        self.curves = _checked_choice("curves", curves, (False, True))
        most = int(probes.players.max())
        if most > coalitions.MOST_PLAYERS:
            raise ValueError(
                f"a probe has {most} players (segments, features, tokens); give at most {coalitions.MOST_PLAYERS}, 16 to 64 are a good number."
            )
        most_coalitions, asked = _shared_out(probes, _checked_evaluations(evaluations, most), evaluations, most)
        self.masker = build_masker(probes, most_coalitions, asked)
        self.repeats = self.masker.repeats
        self.sampling = {name: explainer for name, explainer in self.explainers.items() if hasattr(explainer, "neighbours")}
        self.fitting = {name: each for name, each in self.explainers.items() if hasattr(each, "fit") and name not in self.sampling}
        self.asking = {name: each for name, each in self.explainers.items() if not hasattr(each, "fit")}
        self.samples = self._samples(asked, automatic=evaluations == "auto")
        laws = frozenset().union(*(explainer.laws for explainer in self.fitting.values()))
        counts = np.unique(probes.players).tolist()
        with one_blas_thread():
            self.designs = {n: self.masker.with_noise(coalitions.build_design(n, most_coalitions, laws, self.seed)) for n in counts}
        self.evaluations = max(len(design.masks) for design in self.designs.values())
        self.levels = coalitions.levels(most, self.evaluations)
        self.batch = self._batch(batch_size)
        self.fitted = cache(self._fitted)
        self.fitted_around = _first_kept(self._fitted_around, self._room_for_samples())
        self.neighbours = _first_kept(self._neighbours, self._room_for_samples())
        with one_blas_thread():
            self._fit()

    def _fit(self) -> None:
        """Before training, what is kept of it."""
        for name in self.fitting:
            for n in self.designs:
                self.fitted(name, n, self.evaluations)
        for name in self.sampling:
            # The fewest samples too, so that a kernel too narrow for them is refused now.
            self.fitted_around(name, 0, self.samples_at(self.levels[0]))
            for probe in range(min(len(self.probes), self._room_for_samples())):
                self.fitted_around(name, probe, self.samples)

    def _fitted(self, name: str, players: int, level: int) -> Fitted:
        """An explainer's matrix for probes with so many players, from the first `level` evaluations."""
        return self.fitting[name].fit(self.designs[players].first(level))

    def _samples(self, asked: int, *, automatic: bool) -> int:
        """Of each explainer that draws inputs of its own: by default as many as the `lime` package has, or what many features leave room for."""
        features = self._features
        return int(max(4 * features, min(AUTO_SAMPLES, AUTO_NUMBERS // features))) if automatic else asked

    def samples_at(self, level: int) -> int:
        """How many inputs of their own sampling explainers have where explanations are made from `level` coalitions."""
        # As few coalitions as there may be of players that are groups of many features would leave too few for these.
        return max(self.samples * level // self.evaluations, min(self.samples, fewest_samples(self._features)))

    def drawn(self, level: int) -> dict[str, int]:
        """Evaluations of a probe besides those on coalitions: of each explainer that draws inputs of its own."""
        return dict.fromkeys(self.sampling, self.samples_at(level))

    @property
    def _features(self) -> int:
        return max(1, np.size(self.probes.inputs[0]))

    def _neighbours(self, name: str, probe: int) -> Any:
        return self.sampling[name].neighbours(self.probes, probe, self.samples, self.seed)

    def _fitted_around(self, name: str, probe: int, samples: int) -> Fitted:
        """An explainer fitted to the first so many inputs of its own around a probe."""
        return self.sampling[name].fit(self.neighbours(name, probe).first(samples), self.probes.player_of)

    def _room_for_samples(self) -> int:
        """Of how many probes samples are kept between epochs; of the others they are drawn again, the same."""
        # What is drawn, as float32 and float64, and the matrix.
        return max(1, int(SAMPLES_BYTES // ((4 + 8 + 8) * self.samples * self._features)))

    def _batch(self, asked: int | str) -> int:
        if asked != "auto":
            return min(_checked_number("batch_size", asked, 1, "'auto' or "), max(self.evaluations * self.repeats, self.samples))
        if isinstance(self.probes, TabularProbes):
            # A call costs more than its rows: better a few too many of them than more calls.
            return min(LARGEST_ROWS, max(self.evaluations * self.repeats, self.samples if self.sampling else 0))
        largest = int(np.clip(BATCH_BYTES // self.masker.nbytes, 1, min(LARGEST_BATCH, self.levels[0])))
        # Every level is a whole number of batches, so that half the evaluations are half the work.
        return -(-self.levels[0] // -(-self.levels[0] // largest))

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked, for the record; JSON. evaluations: of a probe on coalitions; samples: further ones of a probe, {explainer: how many}."""
        return {
            "kind": self.probes.kind,
            "explainers": explainers.settings(self.explainers),
            "evaluations": self.evaluations * self.repeats,
            "samples": self.drawn(self.evaluations),
            "output": self.output,
            "classes": self.classes,
            "seed": self.seed,
            "curves": self.curves,
        }

    def _further_draws(self) -> list[str]:
        """What else of the draw explanations depend on, besides the coalitions: of tables, where few features have all of them anyway."""
        repeats = [f"{self.repeats} reference rows"] if isinstance(self.probes, TabularProbes) else []
        return [*repeats, *([f"{self.samples} samples, seed {self.seed}"] if self.sampling else [])]

    @property
    def comparable(self) -> dict[str, str | dict[str, str]]:
        """Records are comparable in an explainer where its entry and all other parts are equal."""
        return {
            **self.probes.parts,
            "coalitions": hash_of(*(self.designs[n].masks for n in sorted(self.designs)), *self._further_draws()),
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


def _first_kept(make: Callable[..., Any], room: int) -> Callable[..., Any]:
    """Keeps the first so many results. Not the latest: probes come in turn, and each would drive out the one that is asked for next."""
    kept: dict[tuple[Any, ...], Any] = {}

    def found(*key: Any) -> Any:
        if key in kept:
            return kept[key]
        made = make(*key)
        if len(kept) < room:
            kept[key] = made
        return made

    return found


def _shared_out(probes: ProbeSet, coalitions_asked: int, asked: Any, players: int) -> tuple[int, int]:
    """How many coalitions, and evaluations for all of them: of a table, coalitions are evaluated on several reference rows."""
    if not isinstance(probes, TabularProbes):
        return coalitions_asked, coalitions_asked
    rows, all_coalitions = len(probes.references), 2**players
    if asked == "auto":
        # Few features: nothing needs to be left to chance.
        whole = all_coalitions * rows
        least = max(coalitions_asked, 256)
        return (
            coalitions_asked,
            whole if whole <= MOST_WHOLE else coalitions_asked * rows if probes.absent == "average" else least,
        )
    number = int(asked)
    if probes.absent == "average":
        least = coalitions.fewest_evaluations(players) * rows
        if number < least:
            raise ValueError(
                f"evaluations is {number}, too few to average {players} players over {rows} reference rows; give at least {least}, or absent='paired'."
            )
        return min(number // rows // 2 * 2, all_coalitions), number
    return coalitions_asked, number
