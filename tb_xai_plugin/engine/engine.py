"""The engine: a plan bound to a model; one pass of model evaluations serves every explainer."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tb_xai_plugin.engine import deletion
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.merging import nothing, put_in
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import Answers, Snapshot
from tb_xai_plugin.engine.sweep import Said, Sweep
from tb_xai_plugin.explainers.contract import Attribution
from tb_xai_plugin.explainers.fidelity import correlation
from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.heads import OutputCheck
from tb_xai_plugin.models.predictors import Predictor, build_predictor, is_keras_model
from tb_xai_plugin.models.reach import cut_off
from tb_xai_plugin.models.threads import one_blas_thread
from tb_xai_plugin.probes import ProbeSet, TextProbes

# classes="auto" explains all classes up to here; above, the true class and the two the model finds likeliest.
MOST_CLASSES = 16
CHANGING_TARGETS = 3

# Of explainers that ask the model itself: of the summed values of the players present with the answers, over all coalitions.
CORRELATION = "correlation"

# Wraps a range of probe numbers.
Progress = Callable[[range], Iterable[int]]


class Engine:
    """A plan bound to a model.

    Raises:
        ValueError: the model and the probes do not fit together; see `predictors.build_predictor`.
    """

    def __init__(self, plan: Plan, model: Any) -> None:
        self.plan = plan
        probes = plan.probes
        for explainer in plan.asking.values():
            explainer.check(model)
        self._model = model
        self._predictor = build_predictor(
            *(model, plan.masker, probes.model_input, plan.batch),
            output=plan.output,
            labelled=probes.labels is not None,
            for_callables=probes.for_callables,
        )
        self.head = self._predictor.head
        self.classes = self.head.classes
        self._fixed_seconds = 0.0
        self._check_classes()
        constant = self.constant_targets
        self._sweep = Sweep(plan, self._predictor, None if constant is None else lambda answers: self._read(answers, np.array(constant)))
        self._doubts: OutputCheck | None = OutputCheck(self.head, plan.output, of_callable=not is_keras_model(model))
        self._clipped = 0.0
        if isinstance(probes, TextProbes) and not probes.mask_token:
            self._warn_of_texts_cut_off(probes)

    def _warn_of_texts_cut_off(self, probes: TextProbes) -> None:
        encode = partial(self.plan.masker.encoded, probe=0)
        see = encode if probes.encode else lambda texts: self._predictor.evaluate_rows(lambda: encode(texts))()
        with self._predictor.preserving_state():
            cut = cut_off(probes, see, encoded=probes.encode is not None)
        if cut:
            warnings.warn(str(cut), stacklevel=4)

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

    @property
    def details(self) -> dict[str, dict[str, Any]]:
        """What comes with each explainer's values: {explainer: {"fidelity": [measure, …], "sketched": bool, "interacting": bool, "unit": str}}."""
        found = {}
        for name, explainer in self.plan.explainers.items():
            fitted = name in self.plan.fitting or name in self.plan.sampling
            measures = [*explainer.fidelity]
            if self.plan.fitting and name in self.plan.asking:
                measures.append(CORRELATION)
            if self.plan.curves:
                measures += deletion.MEASURES
            found[name] = {
                "fidelity": measures,
                "sketched": fitted and explainer.sketched,
                "interacting": name in self.plan.fitting and explainer.interacting,
                "unit": getattr(explainer, "unit", None) or outputs.unit(self.head, self.plan.output),
            }
        return found

    def _check_classes(self) -> None:
        probes, columns = self.plan.probes, self.classes
        if self.head.kind == "regression" and self.plan.output == "probability":
            raise ValueError("output='probability' was asked of a regression model; use output='raw', or leave it out.")
        if probes.truth is not None and (self.head.kind != "regression" or probes.truth.shape[1] != columns):
            answers = f"{columns} classes" if self.head.kind != "regression" else f"{columns} numbers of a regression"
            raise ValueError(
                f"labels are {probes.truth.shape[1]} fraction{'s' if probes.truth.shape[1] > 1 else ''} a probe, and the model answers with {answers}; "
                "give class numbers, or one number for each output."
            )
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

    @property
    def fixed_seconds(self) -> float:
        """What the newest explanation took that fewer evaluations would not have saved: gradients, curves, explainers of the user's own."""
        return self._fixed_seconds

    def run(self, level: int | None = None, progress: Progress = iter) -> Snapshot:
        """Evaluate the model on the coalitions of every probe, and explain.

        level: one of `Plan.levels`; by default the last. progress: wraps the probe numbers while the model is evaluated.
        """
        with self._predictor.preserving_state():
            level = level or self.plan.evaluations
            answers = self._ask(level, progress)
            self._say_doubts()
            return self.explain(answers, level)

    def _say_doubts(self) -> None:
        """Once, after the first answers."""
        if self._doubts is None:
            return
        self._clipped = self._doubts.clipped
        if sentence := self._doubts.warning():
            warnings.warn(sentence, stacklevel=4)
        self._doubts = None

    def seconds_expected(self) -> float:
        """What one explanation with all evaluations will about take, before there has been one: a batch and the matrices are timed.

        What asks the model itself is guessed from its number of passes, and takes a second longer the first time, to compile.
        """
        plan = self.plan
        players, count, targets = int(plan.probes.players[0]), len(plan.probes), self.shape["targets"]
        masks = plan.designs[players].masks
        with self._predictor.preserving_state():
            began = time.perf_counter()
            self._predictor.evaluate(masks[: plan.batch], 0)
            a_pass = (time.perf_counter() - began) / plan.batch
        passes = (
            len(masks) * plan.repeats
            + plan.samples * len(plan.sampling)
            + sum(explainer.passes(targets) if hasattr(explainer, "passes") else len(masks) for explainer in plan.asking.values())
        )
        passes += 2 * (players - 1) * len(plan.explainers) * plan.curves
        games = np.random.default_rng(0).normal(size=(len(masks), 1, targets))
        began = time.perf_counter()
        with one_blas_thread():
            for name in plan.fitting:
                plan.fitted(name, players, plan.evaluations)(games)
            for name in plan.sampling:
                # Of the last probe: where not all are kept, its matrix is made again every time.
                plan.fitted_around(name, count - 1, plan.samples)(np.zeros((plan.samples, 1, targets)))
        return count * (passes * a_pass + time.perf_counter() - began) + 1.0 * len(plan.asking)

    def _ask(self, level: int, progress: Progress) -> Answers:
        plan, probes = self.plan, self.plan.probes
        count = len(probes)
        full, empty = np.full((2, count, self.classes), np.nan)
        targets: list[np.ndarray] = []
        games: list[np.ndarray] = []
        silent, without_any, evaluations = 0, 0, 0.0
        sampled: dict[str, list[np.ndarray]] = {name: [] for name in plan.sampling}
        nobody = None
        for probe, heard in zip(progress(range(count)), self._sweep(level), strict=True):
            evaluations += heard.evaluations
            if self._doubts:
                self._doubts.add(heard.asked.answers)
            if heard.nobody is not nobody:
                nobody = heard.nobody
                without = plan.masker.empty_mean(outputs.probabilities(self.head, self.head.scores(nobody.answers)))
            if heard.asked.finite and (nobody is None or nobody.finite):
                full[probe], empty[probe] = outputs.probabilities(self.head, self.head.scores(heard.asked.answers[:2]))
                if nobody is not None:
                    empty[probe] = without
                targets.append(self._targets(probe, full[probe]))
                alone = None if nobody is None else self._explained(nobody, targets[-1])
                games.append(plan.masker.game(heard.masks, self._explained(heard.asked, targets[-1]), alone))
                silent += any(not each.finite for each in heard.around.values())
            else:
                # A whole probe has probabilities, whatever is said of the others.
                whole, none = np.isfinite(heard.asked.answers[:2]).all(axis=1)
                if whole:
                    full[probe] = outputs.probabilities(self.head, self.head.scores(heard.asked.answers[:1]))[0]
                silent += 1
                without_any += whole and not none
                targets.append(self._targets(probe, full[probe] if whole else np.zeros(self.classes)))
                games.append(np.full((len(heard.masks), len(targets[-1])), np.nan))
            for name, each in heard.around.items():
                # What it can't say around a probe must not cost the others the probe.
                explained = self._explained(each, targets[-1])
                sampled[name].append(explained if each.finite and np.isfinite(games[-1]).all() else np.full_like(explained, np.nan))
        problem = f"the model answered NaN or infinity for {silent} of {count} probes" if silent else None
        if isinstance(probes, TextProbes) and silent and silent == without_any:
            problem = (
                "the model answers NaN or infinity for a text with all its tokens absent, and not for a whole one; "
                "give mask_token (one that the model knows, e.g. '[UNK]'), so that no text is empty"
            )
        return Answers(
            games,
            np.array(targets, dtype=np.int32),
            full.astype(np.float32),
            empty.astype(np.float32),
            round(evaluations),
            problem,
            sampled,
        )

    def _explained(self, said: Said, targets: np.ndarray) -> np.ndarray:
        return self._read(said.answers, targets) if said.explained is None else said.explained

    def _read(self, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """What is explained: float64 (rows, targets); NaN where the answers are not finite."""
        with np.errstate(invalid="ignore"):
            return outputs.explained(self.head, self.plan.output, answers, targets)

    def explain(self, answers: Answers, level: int) -> Snapshot:
        """Explain from answers that are there already; from the first `level` evaluations of them."""
        make = {name: partial(self._from_answers, name, answers, level) for name in self.plan.fitting}
        make |= {name: partial(self._from_samples, name, answers, level) for name in self.plan.sampling}
        make |= {name: partial(self._from_the_model, explainer, answers, level) for name, explainer in self.plan.asking.items()}
        self._failures: dict[str, Exception] = {}
        with one_blas_thread():
            found = {name: make[name]() for name in [*self.plan.fitting, *self.plan.sampling]}
        began = time.perf_counter()
        found |= {name: make[name]() for name in self.plan.asking}
        if self.plan.curves:
            found = {name: self._with_curves(attribution, answers) for name, attribution in found.items()}
        self._fixed_seconds = time.perf_counter() - began
        explanations = {name: self._explanation(name, found[name], answers) for name in self.plan.explainers}
        return Snapshot(explanations, answers, level, dict(self._failures), self.plan.repeats)

    def _from_answers(self, name: str, answers: Answers, level: int) -> Attribution:
        """Apply an explainer's matrix to all probes with equally many players at once."""
        players = self.plan.probes.players
        merged: dict[str, Any] = {}
        for n in self.plan.designs:
            members = np.flatnonzero(players == n)
            games = np.stack([answers.games[i][:level] for i in members], axis=1)
            part = self.plan.fitted(name, n, level)(games)
            put_in(merged, members, answers.targets.shape, int(players.max()), part)
        return Attribution(**merged)

    def _from_samples(self, name: str, answers: Answers, level: int) -> Attribution:
        """Apply an explainer that drew inputs of its own, probe by probe: each has a matrix of its own."""
        merged: dict[str, Any] = {}
        samples = self.plan.samples_at(level)
        for probe, game in enumerate(answers.sampled[name]):
            part = self.plan.fitted_around(name, probe, samples)(game[:samples, None])
            put_in(merged, np.array([probe]), answers.targets.shape, int(self.plan.probes.players.max()), part)
        return Attribution(**merged)

    def _from_the_model(self, explainer: Any, answers: Answers, level: int) -> Attribution:
        full, empty = (np.array([game[row] for game in answers.games]) for row in (0, 1))
        about = self._model, self.plan.probes, self.classes, self.head.kind == "regression"
        asked = _Asked(*about, answers.targets, full, empty, self._predictor)
        try:
            found = explainer.explain(asked)
        except Exception as error:
            # What it alone can't do must not cost the others their epoch.
            self._failures[explainer.name] = error
            found = nothing(answers, int(self.plan.probes.players.max()), explainer.fidelity)
        if not self.plan.fitting:
            return found
        masks = [self.plan.designs[int(n)].masks[:level] for n in self.plan.probes.players]
        close = np.stack([correlation(z, v[:, : z.shape[1]], game) for z, v, game in zip(masks, found.values, answers.games, strict=True)])
        return replace(found, fidelity={**found.fidelity, CORRELATION: close})

    def _targets(self, probe: int, probabilities: np.ndarray) -> np.ndarray:
        """The classes to explain for one probe."""
        if self.constant_targets is not None:
            return np.array(self.constant_targets)
        labels = self.plan.probes.labels
        likeliest = np.argsort(-probabilities, kind="stable")
        if labels is not None:
            likeliest = np.concatenate([[labels[probe]], likeliest[likeliest != labels[probe]]])
        return likeliest[:CHANGING_TARGETS]

    def _with_curves(self, found: Attribution, answers: Answers) -> Attribution:
        """Deletion and insertion of each probe's true class (the predicted one where there are no labels), in probability; NaN for others."""
        labels = self.plan.probes.labels
        measured = np.full((2, *answers.targets.shape), np.nan)
        for probe, n in enumerate(self.plan.probes.players):
            # A regression's first output, as `Run.wanted_class` has it.
            likeliest = 0 if self.head.kind == "regression" else answers.full[probe].argmax()
            wanted = likeliest if labels is None or self.head.kind == "regression" else labels[probe]
            places = np.flatnonzero(answers.targets[probe] == wanted)
            if not len(places) or not np.isfinite(found.values[probe, places[0], :n]).all():
                continue
            curve = self._probabilities_once(deletion.masks(found.values[probe, places[0], :n]), probe)[:, wanted]
            ends = float(answers.full[probe, wanted]), float(answers.empty[probe, wanted])
            measured[:, probe, places[0]] = deletion.areas(curve, *ends)
        return replace(found, fidelity={**found.fidelity, **dict(zip(deletion.MEASURES, measured, strict=True))})

    def _probabilities_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float64 (coalitions, classes), of coalitions that are no design's."""
        masker = self.plan.masker
        stacked = masker.stacked
        answers = (
            self._predictor.evaluate_rows(partial(masker.feed_once, coalitions, probe))()
            if stacked
            else self._predictor.evaluate(coalitions, probe)
        )
        return masker.mean_of_once(outputs.probabilities(self.head, self.head.scores(answers)))

    def _explanation(self, name: str, found: Attribution, answers: Answers) -> Explanation:
        measures = self.details[name]["fidelity"]
        if set(measures) != set(found.fidelity):
            raise ValueError(f"explainer {name!r} gave the measures {sorted(found.fidelity)} and announced {sorted(measures)}; give these.")
        return Explanation(
            values=found.values.astype(np.float32),
            errors=found.errors.astype(np.float32),
            base_values=found.base.astype(np.float32),
            outputs=np.array([game[0] for game in answers.games], dtype=np.float32),
            targets=answers.targets,
            probes=self.plan.probes,
            fidelity={measure: found.fidelity[measure].astype(np.float32) for measure in measures},
            noise=None if found.noise is None else found.noise.astype(np.float32),
            interactions=None if found.interactions is None else found.interactions.astype(np.float32),
            unit=self.details[name]["unit"],
            clipped=self._clipped,
        )


@dataclass(frozen=True)
class _Asked:
    """The `Asked` of asking explainers."""

    model: Any
    probes: ProbeSet
    classes: int
    regression: bool
    targets: np.ndarray
    full: np.ndarray
    empty: np.ndarray
    predictor: Predictor

    def gradients(self, points: np.ndarray, probe: int) -> np.ndarray:
        return self.predictor.gradients(points, probe, self.targets[probe])

    def last_convolution(self, probe: int, layer: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        return self.predictor.last_convolution(probe, self.targets[probe], layer)
