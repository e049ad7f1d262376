"""Plan: everything about explaining a probe set that does not depend on the model. It is checked and computed once, before training."""

from __future__ import annotations

import json
import operator
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from itertools import repeat
from typing import Any, TypeVar

import numpy as np

from tb_xai_plugin import explainers
from tb_xai_plugin.engine.lineup import Lineup, Size
from tb_xai_plugin.explainers import AnyExplainer, Explainer, KernelShap, ModelExplainer, SamplingExplainer, row_process
from tb_xai_plugin.explainers.contract import DrawnInputs, Fitted
from tb_xai_plugin.explainers.lime_tabular import fewest_samples
from tb_xai_plugin.games import coalitions
from tb_xai_plugin.games.build import build_masker
from tb_xai_plugin.games.sided_masker import unsided
from tb_xai_plugin.games.tabular_masker import TabularMasker
from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.choice import Choice, ModelOutput
from tb_xai_plugin.models.heads import HEADS
from tb_xai_plugin.models.threads import one_blas_thread
from tb_xai_plugin.probes import ImageProbes, ProbeSet, TabularProbes, hash_of

# Largest batches of masked inputs: enough to keep the cores busy, and little memory next to the model's own activations.
LARGEST_BATCH = 256
BATCH_BYTES = 64 * 2**20
LARGEST_ROWS = 1024

# Evaluations for each player who takes part, where "auto" chooses. Of images they cost most, and fewer are enough since coalitions are better chosen.
EVALUATIONS = 16
IMAGE_EVALUATIONS = 12

# Up to this number of evaluations, "auto" evaluates all coalitions of a table on all reference rows: 5 features.
MOST_COMPLETE = 4096

# The fewest evaluations that "auto" chooses for the rows of a table: few features have few coalitions, and each takes several reference rows.
AUTO_ROWS = 1024

# Most bytes of samples, and of matrices fitted to them, that are kept.
SAMPLES_BYTES = 512 * 2**20

# Most probes whose attributions are computed in one product of matrices. The last bits of a product depend on its shape, so a part of the probes that
# begins at a multiple of this number has the same numbers alone as among all.
CHUNK = 64

# Default number of inputs that an explainer draws around a probe (as in the `lime` package), and the most numbers in them.
AUTO_SAMPLES = 5000
AUTO_NUMBERS = 150_000

_Choice = TypeVar("_Choice")
_Result = TypeVar("_Result")


class Plan:
    """The part of an explanation that does not depend on the model: the coalitions, and each explainer's matrix for them.

    The arguments are those of `explain`, and the name of the probe set where there are several.

    Attributes:
        lineup: the players of each probe who take part in its coalitions.
        designs: {(players who take part, others): Design}.
        evaluations: number of coalitions of a probe; each takes `repeats` model evaluations.
        levels: the numbers of coalitions, ascending, from which explanations can be made; the last is `evaluations`.
        batch: evaluations at a time.
        fitting: {name: explainer} of the explainers that work from outputs on the coalitions.
        by_coalitions: names of those among them that have a matrix for each number of players.
        by_rows: names of those that have a matrix for each probe, and work from outputs on the rows of a table.
        sampling: {name: explainer} of those that work from outputs on inputs that they draw themselves.
        model_based: {name: explainer} of those that work on the model itself.
        samples: evaluations per probe of each sampling explainer.
    """

    def __init__(
        self,
        probes: ProbeSet,
        chosen: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        evaluations: int | str = "auto",
        output: str = "log-odds",
        classes: str | Sequence[int] = "auto",
        seed: int = 0,
        batch_size: int | str = "auto",
        curves: bool = False,
        head: str | None = None,
        model_output: ModelOutput | None = None,
        set_name: str | None = None,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "evaluations": evaluations,
            "output": output,
            "classes": classes,
            "seed": seed,
            "batch_size": batch_size,
            "curves": curves,
            "head": head,
            "model_output": model_output,
            "set_name": set_name,
        }
        self._chosen = chosen
        if not isinstance(probes, ProbeSet):
            raise TypeError(f"probes is {type(probes).__name__}; give a ProbeSet, e.g. {_example(probes)}.")
        if isinstance(probes, TabularProbes) and len(probes.background) == 1:
            warnings.warn(
                "TabularProbes: background has one row, so an absent feature always has that row's value, and LIME draws no other values; give a few "
                "hundred training rows.",
                stacklevel=3,
            )
        self.probes = probes
        self.explainers = explainers.resolve(chosen, probes.kind)
        self.output = _checked_choice("output", output, outputs.OUTPUTS)
        self.head = None if head is None else _checked_choice("head", head, HEADS)
        self.model_output = Choice.of(model_output, None, set_name)
        self.classes = _checked_classes(classes)
        self.seed = _checked_number("seed", seed, 0)
        self.curves = _checked_choice("curves", curves, (False, True))
        if int(probes.players.max()) > coalitions.MOST_PLAYERS:
            raise ValueError(
                f"a probe has {int(probes.players.max())} players (segments, features, tokens); give at most {coalitions.MOST_PLAYERS}, 16 to 64 are a good number."
            )
        self.lineup = Lineup.of(probes)
        most = self.lineup.most
        most_coalitions, total = self._split(_checked_evaluations(evaluations, most, _per_player(probes)), evaluations, most)
        self.masker = build_masker(probes, most_coalitions, total)
        self.repeats = self.masker.repeats
        self.explainers = self._with_estimators(most_coalitions)
        self.fitting: dict[str, Explainer] = {}
        self.sampling: dict[str, SamplingExplainer] = {}
        self.model_based: dict[str, ModelExplainer] = {}
        for name, explainer in self.explainers.items():
            if isinstance(explainer, SamplingExplainer):
                self.sampling[name] = explainer
            elif isinstance(explainer, Explainer):
                self.fitting[name] = explainer
            else:
                self.model_based[name] = explainer
        self.by_rows = [
            name for name, explainer in self.fitting.items() if isinstance(explainer, KernelShap) and explainer.estimator == "rows"
        ]
        self.by_coalitions = [name for name in self.fitting if name not in self.by_rows]
        self.samples = self._samples(total, automatic=evaluations == "auto")
        laws: frozenset[str] = frozenset().union(*(explainer.laws for explainer in self.fitting.values()))
        sizes = sorted(set(self.lineup.sizes))
        with one_blas_thread():
            drawn = {n: coalitions.build_design(n, most_coalitions, laws, self.seed) for n, _ in sizes}
        self.designs = {(n, others): self.masker.with_noise(replace(drawn[n], others=others)) for n, others in sizes}
        self.evaluations = max(len(design.masks) for design in self.designs.values())
        self.levels = coalitions.levels(most, self.evaluations)
        self.batch = self._batch(batch_size)
        self.fitted = cache(self._fitted)
        self.fitted_rows = cache(self._fitted_rows)
        self.fitted_around = _first_kept(self._fitted_around, self._room_for_samples())
        self.neighbours = _first_kept(self._neighbours, self._room_for_samples())
        with one_blas_thread():
            self._fit()

    def __reduce__(self) -> tuple[Any, ...]:
        # What is computed is computed again: it is large, and its caches cannot be pickled.
        return partial(Plan, **self._arguments), (self.probes, self._chosen)

    def __deepcopy__(self, memo: Any) -> Plan:
        return self  # nothing changes it

    def _fit(self) -> None:
        """Fit the explainers before training, as far as the results are kept."""
        for name in self.by_coalitions:
            for size in self.designs:
                self.fitted(name, size, self.evaluations)
        self.fit_rows(self.evaluations)
        for name in self.sampling:
            # Fit the fewest samples too, so that a kernel that is too narrow for them is refused now.
            self.fitted_around(name, 0, self.samples_at(self.levels[0]))
            for probe in range(min(len(self.probes), self._room_for_samples())):
                self.fitted_around(name, probe, self.samples)

    def fit_rows(self, level: int) -> None:
        """Fit the explainers that have a matrix for each probe to the first `level` coalitions, so that no explanation has to."""
        for name in self.by_rows:
            with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as threads:
                list(threads.map(partial(self.fitted_rows, name), range(len(self.probes)), repeat(level)))

    def masks(self, probe: int, level: int) -> np.ndarray:
        """The first `level` coalitions of a probe, bool (evaluations, players)."""
        return self.lineup.masks(self.designs[self.lineup.sizes[probe]].first(level), probe)

    def _fitted(self, name: str, size: Size, level: int) -> Fitted:
        """An explainer fitted to the first `level` coalitions of probes with line-ups of this size."""
        return self.fitting[name].fit(self.designs[size].first(level))

    def _fitted_rows(self, name: str, probe: int, level: int) -> Fitted:
        """An explainer fitted to the rows that the first `level` coalitions of a probe take."""
        explainer, masker = self.fitting[name], unsided(self.masker)
        assert isinstance(explainer, KernelShap), "only it has an estimator by rows"
        assert isinstance(masker, TabularMasker), "only tables have rows"
        return explainer.fit_rows(masker.rows(self.designs[masker.players, 0].first(level), probe))

    def _split(self, most_coalitions: int, evaluations: int | str, players: int) -> tuple[int, int]:
        """Number of coalitions, and of evaluations for all of them; those of a table are evaluated on several reference rows.

        Args:
            most_coalitions: number of coalitions with one evaluation each.
            evaluations: the option.
            players: number of players of the probe that has most.
        """
        probes = self.probes
        if not isinstance(probes, TabularProbes):
            return most_coalitions, most_coalitions
        rows, all_coalitions = len(probes.references), int(2**players)
        if evaluations == "auto":
            if all_coalitions * rows <= MOST_COMPLETE:  # few features: all coalitions on all rows
                return most_coalitions, all_coalitions * rows
            if probes.absent == "average":
                return most_coalitions, most_coalitions * rows
            by_rows = any(isinstance(each, KernelShap) and each.estimator in ("auto", "rows") for each in self.explainers.values())
            if by_rows and row_process.affordable(len(probes), rows, max(AUTO_ROWS, most_coalitions)):
                most_coalitions = coalitions.auto_evaluations(players, AUTO_ROWS)
                return most_coalitions, max(most_coalitions, AUTO_ROWS)
            return most_coalitions, max(most_coalitions, 256)
        number = int(evaluations)
        if probes.absent == "average":
            least = coalitions.fewest_evaluations(players) * rows
            if number < least:
                raise ValueError(
                    f"evaluations is {number}, too few to average {players} players over {rows} reference rows; give at least {least}, or absent='paired'."
                )
            return min(number // rows // 2 * 2, all_coalitions), number
        return most_coalitions, number

    def _with_estimators(self, coalitions_each: int) -> dict[str, AnyExplainer]:
        """The explainers, where one leaves its estimator open with that which suits the probes."""
        masker = unsided(self.masker)
        # The value of a single player is the whole difference.
        rows = isinstance(masker, TabularMasker) and not masker.averaged and masker.players > 1
        affordable = isinstance(self.probes, TabularProbes) and row_process.affordable(
            len(self.probes), len(self.probes.references), coalitions_each * self.masker.repeats
        )
        return {
            name: explainer.chosen(rows=rows, affordable=affordable) if isinstance(explainer, KernelShap) else explainer
            for name, explainer in self.explainers.items()
        }

    def _samples(self, evaluations: int, *, automatic: bool) -> int:
        """Number of inputs of each sampling explainer: by default as many as in the `lime` package, or as many as AUTO_NUMBERS allows."""
        features = self._features
        return int(max(4 * features, min(AUTO_SAMPLES, AUTO_NUMBERS // features))) if automatic else evaluations

    def samples_at(self, level: int) -> int:
        """Number of inputs of each sampling explainer where explanations are made from `level` coalitions."""
        # Where players are groups of many features, there may be few coalitions; in proportion, there would be too few inputs for all features.
        return max(self.samples * level // self.evaluations, min(self.samples, fewest_samples(self._features)))

    def drawn(self, level: int) -> dict[str, int]:
        """Evaluations per probe besides those on coalitions, {sampling explainer: number}."""
        return dict.fromkeys(self.sampling, self.samples_at(level))

    @property
    def _features(self) -> int:
        """Numbers in one input."""
        return max(1, np.size(self.probes.inputs[0]))

    def _neighbours(self, name: str, probe: int) -> DrawnInputs:
        assert isinstance(self.probes, TabularProbes), "_fitted_around refuses other probes first"
        return self.sampling[name].neighbours(self.probes, probe, self.samples, self.seed)

    def _fitted_around(self, name: str, probe: int, samples: int) -> Fitted:
        """A sampling explainer fitted to the first `samples` inputs that it draws around a probe."""
        if not isinstance(self.probes, TabularProbes):
            raise TypeError(f"explainer {name!r} draws its own inputs, which only works for tables; use it with TabularProbes.")
        return self.sampling[name].fit(self.neighbours(name, probe).first(samples), self.probes.player_of)

    def _room_for_samples(self) -> int:
        """Number of probes whose samples are kept between epochs; the samples of others are drawn again, and are the same."""
        # The inputs as float32 and the regressors as float64, and the matrix.
        return max(1, int(SAMPLES_BYTES // ((4 + 8 + 8) * self.samples * self._features)))

    def _batch(self, batch_size: int | str) -> int:
        """Evaluations in one batch."""
        if batch_size != "auto":
            return min(_checked_number("batch_size", batch_size, 1, "'auto' or "), max(self.evaluations * self.repeats, self.samples))
        if isinstance(self.probes, TabularProbes):
            # A call costs more than its rows, so a few rows too many are better than more calls.
            return min(LARGEST_ROWS, max(self.evaluations * self.repeats, self.samples if self.sampling else 0))
        largest = int(np.clip(BATCH_BYTES // self.masker.nbytes, 1, min(LARGEST_BATCH, self.levels[0])))
        # Every level is a whole number of batches, so that half the evaluations take half the time.
        return -(-self.levels[0] // -(-self.levels[0] // largest))

    def alike(self, block: range) -> Iterator[tuple[Size, np.ndarray]]:
        """(size of the line-up, numbers of the probes that have it), for at most CHUNK neighbouring probes at a time. block: the numbers of all of them."""
        sizes = self.lineup.sizes
        for start in range(block.start, block.stop, CHUNK):
            neighbours = np.arange(start, min(start + CHUNK, block.stop))
            for size in self.designs:
                members = np.array([probe for probe in neighbours.tolist() if sizes[probe] == size], dtype=np.intp)
                if len(members):
                    yield size, members

    @property
    def settings(self) -> dict[str, Any]:
        """The options, for the record, as JSON values.

        "evaluations" are those of a probe on coalitions, "samples" further ones, {explainer: number}.
        """
        chosen = {} if self.model_output.option is None else {"model_output": self.model_output.described}
        return {
            "kind": self.probes.kind,
            "explainers": explainers.settings(self.explainers),
            "evaluations": self.evaluations * self.repeats,
            "samples": self.drawn(self.evaluations),
            "output": self.output,
            "classes": self.classes,
            "seed": self.seed,
            "coalitions": coalitions.CHOICE,
            "curves": self.curves,
            **chosen,
        }

    def _further_draws(self) -> list[str]:
        """The further random draws that explanations depend on, besides the coalitions. Only tables have some."""
        repeats = [f"{self.repeats} reference rows"] if isinstance(self.probes, TabularProbes) else []
        return [*repeats, *([f"{self.samples} samples, seed {self.seed}"] if self.sampling else [])]

    @property
    def comparable(self) -> dict[str, str | dict[str, str]]:
        """What two records must have in common: they can be compared in an explainer where its entry and all other parts are equal."""
        return {
            **self.probes.parts,
            "coalitions": hash_of(*(self.designs[size].masks for size in sorted(self.designs)), *self._further_draws()),
            "explainers": {name: json.dumps(options, sort_keys=True) for name, options in self.settings["explainers"].items()},
            "output": self.output,
            "classes": json.dumps(self.classes),
            **({} if self.model_output.option is None else {"model_output": str(self.model_output.described)}),
        }


def _example(given: Any) -> str:
    """A probe set that is made from what was given instead of one."""
    return "TabularProbes(frame[:16], background=frame)" if hasattr(given, "columns") else "ImageProbes(x_test[:16], y_test[:16])"


def _checked_choice(what: str, given: Any, choices: Sequence[_Choice]) -> _Choice:
    if given not in choices:
        raise ValueError(f"unknown {what} {given!r}; choose from {list(choices)}.")
    choice: _Choice = given
    return choice


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


def _per_player(probes: ProbeSet) -> int:
    """The evaluations for each player that "auto" makes."""
    return IMAGE_EVALUATIONS if isinstance(probes, ImageProbes) else EVALUATIONS


def _checked_evaluations(evaluations: int | str, players: int, per_player: int) -> int:
    if isinstance(evaluations, str):
        _checked_choice("evaluations", evaluations, ("auto",))
        return coalitions.auto_evaluations(players, per_player=per_player)
    least = coalitions.fewest_evaluations(players)
    number = _checked_number("evaluations", evaluations, 1, "'auto' or ")
    if number < least:
        raise ValueError(f"evaluations is {number}, too few for {players} players; give at least {least}, or 'auto'.")
    return int(min(number - number % 2, 2**players))


def _first_kept(make: Callable[..., _Result], room: int) -> Callable[..., _Result]:
    """Keep the first `room` results of a function. The latest would not help: probes come in turn, and each would drop the one that is needed next."""
    kept: dict[tuple[Any, ...], _Result] = {}

    def result(*key: Any) -> _Result:
        if key in kept:
            return kept[key]
        made = make(*key)
        if len(kept) < room:
            kept[key] = made
        return made

    return result
