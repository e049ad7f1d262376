"""The engine: a plan made once before training, and one pass of model evaluations that serves every explainer."""

from __future__ import annotations

import json
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin import coalitions, explainers, outputs
from tb_xai_plugin.explainers import Explainer
from tb_xai_plugin.explanation import Explanation
from tb_xai_plugin.maskers import ImageMasker
from tb_xai_plugin.predictors import build_predictor
from tb_xai_plugin.probes import ProbeSet, hash_of

# classes="auto" explains all classes up to here; above, the true class and the two the model finds likeliest.
MOST_CLASSES = 16
CHANGING_TARGETS = 3

# Masked inputs of one batch: enough to keep the cores busy, little next to the model's own activations.
LARGEST_BATCH = 256
BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Snapshot:
    """All explainers at one moment.

    Attributes:
        explanations: {explainer: Explanation}.
        full, empty: float32 (probes, classes), probabilities (a regression: the output) on the whole probe and with every player absent.
        evaluations: how often the model was evaluated.
        problem: why some numbers are missing, in one phrase; None where all are there.
    """

    explanations: dict[str, Explanation]
    full: np.ndarray
    empty: np.ndarray
    evaluations: int
    problem: str | None


class Plan:
    """Everything that does not depend on the model: coalitions, and each explainer's matrix for them.

    Args: those of `explain`.

    Attributes:
        masks: {players: bool (evaluations, players)}.
        settings: what was asked, for the record; JSON.
    """

    def __init__(
        self,
        probes: ProbeSet,
        explainers_asked: Sequence[str | Explainer] | str | Explainer,
        *,
        evaluations: int | str,
        output: str,
        classes: str | Sequence[int],
        seed: int,
        batch_size: int | str,
    ) -> None:
        if not isinstance(probes, ProbeSet):
            raise TypeError(f"probes is {type(probes).__name__}; give a ProbeSet, e.g. ImageProbes(x_test[:16], y_test[:16]).")
        self.probes = probes
        self.explainers = explainers.resolve(explainers_asked)
        self.output = _checked_choice("output", output, outputs.OUTPUTS)
        self.classes = _checked_classes(classes)
        self.seed = _checked_number("seed", seed, 0)
        most = int(probes.players.max())
        if most > coalitions.MOST_PLAYERS:
            raise ValueError(f"a probe has {most} players (segments); give at most {coalitions.MOST_PLAYERS}, 16 to 64 are a good number.")
        self.evaluations = _checked_evaluations(evaluations, most)
        self.masker = ImageMasker(probes)
        self.batch = self._batch(batch_size)
        laws = {explainer.law for explainer in self.explainers.values()}
        designs = {n: coalitions.build_design(n, self.evaluations, laws, self.seed) for n in np.unique(probes.players).tolist()}
        self.masks = {n: design.masks for n, design in designs.items()}
        self.fitted = {name: {n: e.fit(d) for n, d in designs.items()} for name, e in self.explainers.items()}

    def _batch(self, asked: int | str) -> int:
        if asked != "auto":
            return min(_checked_number("batch_size", asked, 1, "'auto' or "), self.evaluations)
        largest = int(np.clip(BATCH_BYTES // (self.probes.inputs[0].size * 4), 1, LARGEST_BATCH))
        return -(-self.evaluations // -(-self.evaluations // largest))

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "kind": self.probes.kind,
            "explainers": explainers.settings(self.explainers),
            "evaluations": self.evaluations,
            "output": self.output,
            "classes": self.classes,
            "seed": self.seed,
        }

    @property
    def comparable(self) -> dict[str, str]:
        """Records are comparable where all of these are equal."""
        return {
            **self.probes.parts,
            "coalitions": hash_of(*(self.masks[n] for n in sorted(self.masks))),
            "explainers": json.dumps(self.settings["explainers"], sort_keys=True),
            "output": self.output,
            "classes": json.dumps(self.classes),
        }


class Engine:
    """A plan bound to a model.

    Raises:
        ValueError: the model and the probes do not fit together; see `predictors.build_predictor`.
    """

    def __init__(self, plan: Plan, model: Any) -> None:
        self.plan = plan
        probes = plan.probes
        self._predictor = build_predictor(
            model, plan.masker, probes.model_input, plan.batch, raw=plan.output == "raw", labelled=probes.labels is not None
        )
        self._masks = {n: _padded(masks, plan.batch, plan.masker.players) for n, masks in plan.masks.items()}
        self.head = self._predictor.head
        self.classes = self.head.classes
        self._check_classes()

    @property
    def settings(self) -> dict[str, Any]:
        """What was found out about the model, for the record."""
        return {
            "head": self.head.kind,
            "clipped": self.head.clipped,
            "unit": outputs.unit(self.head, self.plan.output),
            "regression": self.head.kind == "regression",
            "number_of_classes": self.classes,
        }

    @property
    def comparable(self) -> dict[str, str]:
        """What records must have in common besides `Plan.comparable`."""
        return {"unit": outputs.unit(self.head, self.plan.output), "answers": f"{self.classes} classes"}

    @property
    def constant_targets(self) -> list[int] | None:
        """The explained classes where they are the same for all probes and epochs, else None."""
        asked = self.plan.classes
        if not isinstance(asked, str):
            return asked
        return list(range(self.classes)) if asked == "all" or self.classes <= MOST_CLASSES else None

    @property
    def shape(self) -> dict[str, int]:
        """Sizes of what `run` returns."""
        probes, constant = self.plan.probes, self.constant_targets
        targets = CHANGING_TARGETS if constant is None else len(constant)
        return {"probes": len(probes), "targets": targets, "players": int(probes.players.max()), "classes": self.classes}

    def _check_classes(self) -> None:
        probes, columns = self.plan.probes, self.classes
        if self.head.kind == "regression" and self.plan.output == "probability":
            raise ValueError("output='probability' was asked of a regression model; use output='raw', or leave it out.")
        if probes.labels is not None and self.head.kind != "regression" and probes.labels.max() >= columns:
            raise ValueError(f"label {probes.labels.max()} is out of range: the model answers for {columns} classes, 0 to {columns - 1}.")
        if probes.class_names is not None and len(probes.class_names) != columns and self.head.kind != "regression":
            raise ValueError(
                f"class_names has {len(probes.class_names)} names, and the model answers for {columns} classes; give one name a class."
            )
        if not isinstance(self.plan.classes, str) and max(self.plan.classes) >= columns:
            raise ValueError(
                f"classes asks for class {max(self.plan.classes)}, and the model answers for {columns} classes, 0 to {columns - 1}."
            )

    def run(self) -> Snapshot:
        """Evaluate the model on every coalition of every probe, and explain."""
        with self._predictor.leaving_no_trace():
            return self._run()

    def _run(self) -> Snapshot:
        plan, probes = self.plan, self.plan.probes
        count = len(probes)
        full, empty = np.full((2, count, self.classes), np.nan)
        targets: list[np.ndarray] = []
        games: list[np.ndarray] = []
        silent = 0
        evaluations = 0
        for probe in range(count):
            masks = self._masks[int(probes.players[probe])]
            answers = self._predictor.answers(masks, probe)
            evaluations += len(masks)
            answers = answers[: len(plan.masks[int(probes.players[probe])])]
            if np.isfinite(answers).all():
                ends = outputs.probabilities(self.head, self.head.scores(answers[:2]))
                full[probe], empty[probe] = ends
                targets.append(self._targets(probe, ends[0]))
                games.append(outputs.explained(self.head, plan.output, answers, targets[-1]))
            else:
                silent += 1
                targets.append(self._targets(probe, np.zeros(self.classes)))
                games.append(np.full((len(answers), len(targets[-1])), np.nan))
        stacked = np.array(targets, dtype=np.int32)
        problem = f"the model answered NaN or infinity for {silent} of {count} probes" if silent else None
        explanations = {name: self._explanation(name, games, stacked) for name in plan.explainers}
        return Snapshot(explanations, full.astype(np.float32), empty.astype(np.float32), evaluations, problem)

    def _targets(self, probe: int, probabilities: np.ndarray) -> np.ndarray:
        """The classes to explain for one probe."""
        if self.constant_targets is not None:
            return np.array(self.constant_targets)
        labels = self.plan.probes.labels
        likeliest = np.argsort(-probabilities, kind="stable")
        if labels is not None:
            likeliest = np.concatenate([[labels[probe]], likeliest[likeliest != labels[probe]]])
        return likeliest[:CHANGING_TARGETS]

    def _explanation(self, name: str, games: list[np.ndarray], targets: np.ndarray) -> Explanation:
        """Apply the explainer's matrix to all probes with equally many players at once."""
        probes = self.plan.probes
        shape = (*targets.shape, int(probes.players.max()))
        values, errors = np.full((2, *shape), np.nan, dtype=np.float32)
        base = np.full(targets.shape, np.nan, dtype=np.float32)
        for n, fitted in self.plan.fitted[name].items():
            members = np.flatnonzero(probes.players == n)
            attribution = fitted(np.concatenate([games[i] for i in members], axis=1))
            values[members, :, :n] = attribution.values.T.reshape(len(members), -1, n)
            errors[members, :, :n] = attribution.errors.T.reshape(len(members), -1, n)
            base[members] = attribution.base.reshape(len(members), -1)
        return Explanation(values, errors, base, np.array([game[0] for game in games], dtype=np.float32), targets, probes)


def explain(
    model: Any,
    probes: ProbeSet,
    explainers: Sequence[str | Explainer] | str | Explainer = ("lime", "shap"),
    *,
    evaluations: int | str = "auto",
    output: str = "log-odds",
    classes: str | Sequence[int] = "auto",
    seed: int = 0,
    batch_size: int | str = "auto",
) -> dict[str, Explanation]:
    """Explain a model's answers on probes, once, without training.

    Args:
        model: a Keras model, or any callable batch -> (n,) or (n, classes), e.g. a random forest's predict_proba.
        probes: what to explain.
        explainers: names ("lime", "shap") or configured ones (Lime(kernel_width=0.5)); all share one set of evaluations.
        evaluations: model evaluations a probe; "auto" is 16 a player, at least 256 and at most 2048 (or what that many players need).
        output: "log-odds" | "probability" | "raw"; a regression is always explained in its own output.
        classes: "auto" (all up to 16 classes; above, the true class and the two likeliest others) | "all" | a list of class numbers.
        seed: of the coalitions; the same seed gives the same coalitions in any process.
        batch_size: evaluations in one batch; "auto" keeps a batch of masked probes below 64 MiB.

    Returns:
        {"lime": Explanation, "shap": Explanation}, in the order asked.

    Raises:
        ValueError, TypeError: with one sentence.
    """
    plan = Plan(probes, explainers, evaluations=evaluations, output=output, classes=classes, seed=seed, batch_size=batch_size)
    snapshot = Engine(plan, model).run()
    if snapshot.problem:
        warnings.warn(f"explain: {snapshot.problem}; their values are NaN.", stacklevel=2)
    return snapshot.explanations


def _padded(masks: np.ndarray, batch: int, players: int) -> np.ndarray:
    """Rows up to a multiple of the batch and columns up to the widest probe; what is added is never read."""
    rows = -(-len(masks) // batch) * batch
    padded = np.ones((rows, players), dtype=np.float32)
    padded[: len(masks), : masks.shape[1]] = masks
    return padded


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
