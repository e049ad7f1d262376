"""The engine: a plan bound to a model. One set of model evaluations serves every explainer."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from tb_xai_plugin.engine import deletion, fits
from tb_xai_plugin.engine.access import Access
from tb_xai_plugin.engine.chance import chance_of
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.merging import missing
from tb_xai_plugin.engine.missing import warn_of_filling
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.engine.said import reading, say, warn_of_texts_cut_off
from tb_xai_plugin.engine.snapshot import ModelOutputs, Snapshot, problem_of
from tb_xai_plugin.engine.sweep import ProbeOutputs, RowOutputs, Sweep
from tb_xai_plugin.engine.watch import Watch
from tb_xai_plugin.explainers.contract import Attribution, ModelExplainer, correlates
from tb_xai_plugin.explainers.fidelity import correlation
from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.classes import checked_class_names
from tb_xai_plugin.models.frameworks.modules import as_callable
from tb_xai_plugin.models.heads import OutputCheck
from tb_xai_plugin.models.predictors import Model, Reading, build_predictor
from tb_xai_plugin.models.refusals import is_keras_model
from tb_xai_plugin.models.threads import one_blas_thread
from tb_xai_plugin.probes import ProbeSet, TabularProbes, TextProbes

# classes="auto" explains all classes up to this number; with more, the true class and the two that the model finds likeliest, where classes exclude
# each other; of a regression or of independent labels, the first ones.
MOST_CLASSES = 16
CHANGING_TARGETS = 3

logger = logging.getLogger("tb_xai_plugin")

# Fidelity of model-based explainers: the correlation, over all coalitions, of the sum of the present players' values with the outputs.
CORRELATION = "correlation"


class Engine:
    """A plan bound to a model.

    Args:
        plan: the coalitions and the fitted explainers.
        model: a Keras model, a torch.nn.Module, or a callable batch -> (n,) or (n, classes).

    Attributes:
        probes: the probes of the plan, with their labels as this model reads them.
        watch: looks at the outputs of every explanation.

    Raises:
        ValueError: the model and the probes do not fit together; see `predictors.build_predictor`.
    """

    def __init__(self, plan: Plan, model: Model) -> None:
        self.plan, model = plan, as_callable(model)
        probes = plan.probes if is_keras_model(model) else checked_class_names(model, plan.probes)
        for explainer in plan.model_based.values():
            explainer.check(model)
        self._model = model
        sets = probes.label_sets is not None
        how = Reading(
            *(plan.output, plan.head, plan.model_output.option, plan.model_output.hint),
            labelled=probes.labels is not None or sets,
            multilabel=sets,
        )
        self._predictor = build_predictor(model, plan.masker, probes, plan.batch, how)
        self.head = self._predictor.head
        say(self.head, self._predictor.checked.said)
        self.classes = self.head.classes
        self._fixed_seconds = 0.0
        self.probes = self._check_classes(probes)
        constant = self.constant_targets
        self._sweep = Sweep(plan, self._predictor, None if constant is None else lambda raw: self._read(raw, np.array(constant)))
        self._check: OutputCheck | None = OutputCheck(self.head, plan.output, guessed=plan.head is None and not is_keras_model(model))
        self._clipped = 0.0
        self._warned = False
        self.watch = Watch(self._predictor)
        if isinstance(probes, TextProbes) and not probes.mask_token:
            warn_of_texts_cut_off(plan, probes, self._predictor)
        of_inputs = self._predictor.outputs
        if isinstance(probes, TabularProbes) and of_inputs and not (probes.model_input or probes.side_inputs):
            warn_of_filling(probes, lambda rows: self._probabilities(of_inputs(rows, len(probes))))

    @property
    def settings(self) -> dict[str, Any]:
        """How the model's outputs are read and explained, for the record."""
        return {
            "head": self.head.kind,
            "read_as": reading(self.head),
            "read_by": self.head.by,
            "clipped": self.head.clipped,
            "unit": outputs.unit(self.head, self.plan.output),
            "regression": self.head.kind == "regression",
            "number_of_classes": self.classes,
        }

    @property
    def comparable(self) -> dict[str, str]:
        """What two records must have in common besides `Plan.comparable`."""
        return {"unit": outputs.unit(self.head, self.plan.output), "answers": f"{self.classes} classes"}

    @property
    def constant_targets(self) -> list[int] | None:
        """The explained classes where they are the same for all probes and epochs, else None."""
        classes = self.plan.classes
        if not isinstance(classes, str):
            return classes
        if classes == "all" or self.classes <= MOST_CLASSES:
            return list(range(self.classes))
        # The likeliest classes say what a classifier sees. Of a regression or of independent labels, the largest outputs say nothing, and they change.
        return None if self.head.exclusive else list(range(MOST_CLASSES))

    @property
    def shape(self) -> dict[str, int]:
        """Sizes of the arrays that `run` returns."""
        probes, constant = self.plan.probes, self.constant_targets
        targets = CHANGING_TARGETS if constant is None else len(constant)
        return {"probes": len(probes), "targets": targets, "players": int(probes.players.max()), "classes": self.classes}

    @cached_property
    def details(self) -> dict[str, dict[str, Any]]:
        """The parts of each explanation besides its values: {explainer: {"fidelity": [measure, …], "sketched": bool, "correlated": bool, "interacting": bool, "unit": str}}."""
        plan, details = self.plan, {}
        for name, explainer in plan.explainers.items():
            fitted = plan.fitting.get(name) or plan.sampling.get(name)
            measures = [*explainer.fidelity]
            if plan.fitting and name in plan.model_based:
                measures.append(CORRELATION)
            if plan.curves:
                measures += deletion.MEASURES
            details[name] = {
                "fidelity": measures,
                "sketched": fitted is not None and fitted.sketched,
                "correlated": fitted is not None and fitted.sketched and correlates(self.shape["players"]),
                "interacting": name in plan.fitting and plan.fitting[name].interacting,
                "unit": getattr(explainer, "unit", None) or outputs.unit(self.head, plan.output),
            }
        return details

    def _check_classes(self, probes: ProbeSet) -> ProbeSet:
        """Read the labels as this model does, and hold labels, names and chosen classes against its outputs."""
        head, classes = self.head, self.classes
        regression = head.kind == "regression"
        things = "outputs" if regression else "classes"
        if regression and self.plan.output == "probability":
            raise ValueError(
                f"output is 'probability', but the model's outputs are read as a regression ({head.by}); give head='probabilities' or 'logits' if they are of classes, else leave output out."
            )
        probes = probes.read_by(head.kind, head.columns)
        if probes.class_names is not None and len(probes.class_names) != classes and not regression:
            raise ValueError(
                f"class_names has {len(probes.class_names)} names, but the model has {classes} classes; give one name per class."
            )
        if not isinstance(self.plan.classes, str) and max(self.plan.classes) >= classes:
            raise ValueError(
                f"classes has class {max(self.plan.classes)}, but the model has {classes} {things}; give numbers from 0 to {classes - 1}."
            )
        if self.plan.classes == "auto" and classes > MOST_CLASSES and not head.exclusive:
            logger.warning(
                "%s: the model has %d %s, of which the first %d are explained; choose others with classes=[…], or all with classes='all'.",
                *(type(probes).__name__, classes, "outputs" if regression else "independent classes", MOST_CLASSES),
            )
        return probes

    @property
    def fixed_seconds(self) -> float:
        """Seconds of the newest explanation that do not depend on the number of evaluations: gradients, curves, and the user's own explainers."""
        return self._fixed_seconds

    def run(self, level: int | None = None, progress: Progress | None = None, block: range | None = None) -> Snapshot:
        """Evaluate the model on the coalitions of every probe, and explain.

        Args:
            level: number of coalitions, one of `Plan.levels`; default: the last of them.
            progress: shows how far this is; default: nothing is shown.
            block: the probes to explain, one of `sweep.blocks`; default: all. All arrays are then of these probes alone, and equal to those parts of a whole run.
        """
        with self._predictor.preserving_state():
            level = level or self.plan.evaluations
            model_outputs = self._evaluate(level, progress, block or range(len(self.probes)))
            self._warn_of_outputs()
            with progress.phase("computing attributions") if progress else nullcontext():
                return self.explain(model_outputs, level)

    def _warn_of_outputs(self) -> None:
        """Warn once, after the first evaluations, where the outputs contradict their reading."""
        if self._check is None:
            return
        self._clipped = self._check.clipped
        if not self._warned and (sentence := self._check.warning()):
            warnings.warn(sentence, stacklevel=4)
            self._warned = True
        self._check = None

    def follow(self, earlier: Engine) -> None:
        """Do not warn again of what was said of the outputs of an earlier model in the same loop."""
        self._warned = earlier._warned

    def seconds_expected(self) -> float:
        """An estimate, before the first explanation, of the seconds that one takes with all evaluations: it times a batch and the matrices.

        The time of a model-based explainer is estimated from its number of passes, plus a second for compilation.
        """
        plan = self.plan
        players, count, targets = int(plan.probes.players[0]), len(plan.probes), self.shape["targets"]
        masks = plan.masks(0, plan.evaluations)
        with self._predictor.preserving_state():
            began = time.perf_counter()
            self._predictor.evaluate(masks[: plan.batch], 0)
            a_pass = (time.perf_counter() - began) / plan.batch
        passes = (
            len(masks) * plan.repeats
            + plan.samples * len(plan.sampling)
            + sum(explainer.passes(targets) if hasattr(explainer, "passes") else len(masks) for explainer in plan.model_based.values())
        )
        passes += 2 * (players - 1) * len(plan.explainers) * plan.curves
        games = np.random.default_rng(0).normal(size=(len(masks), 1, targets))
        began = time.perf_counter()
        with one_blas_thread():
            for name in plan.by_coalitions:
                plan.fitted(name, plan.lineup.sizes[0], plan.evaluations)(games)
            for name in plan.by_rows:
                plan.fitted_rows(name, 0, plan.evaluations)(np.zeros((fits.number_of_rows(plan, plan.evaluations), 1, targets)))
            for name in plan.sampling:
                # Time the last probe: where not all are kept, its matrix is made again every time.
                plan.fitted_around(name, count - 1, plan.samples)(np.zeros((plan.samples, 1, targets)))
        return count * (passes * a_pass + time.perf_counter() - began) + 1.0 * len(plan.model_based)

    def _evaluate(self, level: int, progress: Progress | None, block: range) -> ModelOutputs:
        """Evaluate the model on the first `level` coalitions of every probe of a block."""
        plan, count = self.plan, len(block)
        full, empty = np.full((2, count, self.classes), np.nan)
        targets: list[np.ndarray] = []
        games: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        not_finite, only_empty_not_finite, evaluations = 0, 0, 0.0
        sampled: dict[str, list[np.ndarray]] = {name: [] for name in plan.sampling}
        empty_rows: RowOutputs | None = None
        for probe, of_probe in zip(progress(block) if progress else block, self._sweep(level, block), strict=True):
            place = probe - block.start
            evaluations += of_probe.evaluations
            raw = of_probe.coalitions.raw
            if self._check:
                self._check.add(raw)
            self.watch(probe, raw)
            if of_probe.coalitions.finite and (of_probe.empty is None or of_probe.empty.finite):
                full[place], empty[place] = self._probabilities(raw[:2])
                if of_probe.empty is not None:
                    if of_probe.empty is not empty_rows:  # probes that are evaluated together share it
                        empty_rows = of_probe.empty
                        mean_of_empty = plan.masker.empty_mean(self._probabilities(empty_rows.raw))
                    empty[place] = mean_of_empty
                targets.append(self._targets(probe, full[place]))
                games.append(self._game(of_probe, targets[-1]))
                not_finite += any(not sample.finite for sample in of_probe.samples.values())
            else:
                full[place], of_targets, only_empty = self._of_not_finite(probe, raw)
                not_finite += 1
                only_empty_not_finite += only_empty
                targets.append(of_targets)
                games.append(np.full((len(of_probe.masks), len(of_targets)), np.nan))
            if plan.by_rows:
                on_rows = self._on_rows(of_probe, targets[-1])
                rows.append(on_rows if np.isfinite(games[-1]).all() else np.full_like(on_rows, np.nan))
            for name, sample in of_probe.samples.items():
                # Where outputs around a probe are not finite, only this explainer loses the probe.
                explained = self._explained(sample, targets[-1])
                sampled[name].append(explained if sample.finite and np.isfinite(games[-1]).all() else np.full_like(explained, np.nan))
        return ModelOutputs(
            games,
            np.array(targets, dtype=np.int32),
            full.astype(np.float32),
            empty.astype(np.float32),
            round(evaluations),
            problem_of(not_finite, only_empty_not_finite, count, texts=isinstance(self.probes, TextProbes)),
            rows,
            sampled,
            self._chance(targets, block) if self._predictor.checked.by_chance else None,
            block,
            (not_finite, only_empty_not_finite),
        )

    def _chance(self, targets: Sequence[np.ndarray], block: range) -> np.ndarray:
        """float64 (probes, targets): the standard deviation that chance gives to the explained output on one coalition."""
        plan = self.plan

        def once(probe: int, wanted: np.ndarray) -> np.ndarray:
            masks = plan.masker.evaluated(plan.masks(probe, plan.evaluations))[: plan.batch]
            return self._read(self._predictor.evaluate(masks, probe), wanted)

        deviations = [chance_of(partial(once, probe, wanted)) for probe, wanted in zip(block, targets, strict=True)]
        return np.asarray(np.array(deviations) / np.sqrt(plan.repeats))

    def _of_not_finite(self, probe: int, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
        """What remains of a probe with outputs that are not finite. raw: (coalitions, columns).

        Returns:
            Probabilities on the unmasked probe, NaN where its output is not finite; the classes to explain; and whether the output is finite on
            the unmasked probe and not on the empty coalition.
        """
        full_finite, empty_finite = np.isfinite(raw[:2]).all(axis=1)
        full = self._probabilities(raw[:1])[0] if full_finite else np.full(self.classes, np.nan)
        targets = self._targets(probe, full if full_finite else np.zeros(self.classes))
        return full, targets, bool(full_finite and not empty_finite)

    def _probabilities(self, raw: np.ndarray) -> np.ndarray:
        return outputs.probabilities(self.head, self.head.scores(raw))

    def _game(self, of_probe: ProbeOutputs, targets: np.ndarray) -> np.ndarray:
        """float64 (coalitions, targets), the explained output on the coalitions of a probe."""
        empty = None if of_probe.empty is None else self._explained(of_probe.empty, targets)
        return self.plan.masker.game(of_probe.masks, self._explained(of_probe.coalitions, targets), empty)

    def _on_rows(self, of_probe: ProbeOutputs, targets: np.ndarray) -> np.ndarray:
        """float64 (reference rows + evaluations, targets), the explained output on the rows of a table."""
        assert of_probe.empty is not None, "tables share the reference rows"
        return np.concatenate([self._explained(of_probe.empty, targets), self._explained(of_probe.coalitions, targets)])

    def _explained(self, rows: RowOutputs, targets: np.ndarray) -> np.ndarray:
        return self._read(rows.raw, targets) if rows.explained is None else rows.explained

    def _read(self, raw: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The explained output, float64 (rows, targets); NaN where raw outputs are not finite."""
        with np.errstate(invalid="ignore"):
            return outputs.explained(self.head, self.plan.output, raw, targets)

    def explain(self, model_outputs: ModelOutputs, level: int) -> Snapshot:
        """Explain from outputs that were evaluated before. level: number of coalitions that are used, at most those evaluated."""
        plan = self.plan
        with one_blas_thread():
            attributions = {name: fits.from_coalitions(plan, name, model_outputs, level) for name in plan.by_coalitions}
            attributions |= {name: fits.from_rows(plan, name, model_outputs, level) for name in plan.by_rows}
            attributions |= {name: fits.from_samples(plan, name, model_outputs, level) for name in plan.sampling}
        began = time.perf_counter()
        from_model = {name: self._from_model(explainer, model_outputs, level) for name, explainer in plan.model_based.items()}
        attributions |= {name: attribution for name, (attribution, _) in from_model.items()}
        failures = {name: failure for name, (_, failure) in from_model.items() if failure is not None}
        if plan.curves:
            attributions = {name: self._with_curves(attribution, model_outputs) for name, attribution in attributions.items()}
        self._fixed_seconds = time.perf_counter() - began
        explanations = {name: self._explanation(name, attributions[name], model_outputs) for name in plan.explainers}
        return Snapshot(explanations, model_outputs, level, failures, plan.repeats)

    def _from_model(self, explainer: ModelExplainer, model_outputs: ModelOutputs, level: int) -> tuple[Attribution, Exception | None]:
        """Apply a model-based explainer, and measure the correlation of its values with the outputs on coalitions.

        Where the explainer fails, the numbers are NaN, and its exception is returned, too.
        """
        failure: Exception | None = None
        full, empty = (np.array([game[row] for game in model_outputs.games]) for row in (0, 1))
        about = self._model, self.probes, self.classes, self.head.kind == "regression"
        access = Access(*about, model_outputs.targets, full, empty, self._predictor)
        try:
            attribution = explainer.explain(access)
        except Exception as error:
            # A failure of one explainer must not cost the others their epoch.
            failure = error
            attribution = missing(model_outputs, int(self.plan.probes.players.max()), explainer.fidelity)
        if not self.plan.fitting:
            return attribution, failure
        masks = [self.plan.masks(probe, level) for probe in range(len(self.probes))]
        correlations = [
            correlation(z, values[:, : z.shape[1]], game)
            for z, values, game in zip(masks, attribution.values, model_outputs.games, strict=True)
        ]
        return replace(attribution, fidelity={**attribution.fidelity, CORRELATION: np.stack(correlations)}), failure

    def _targets(self, probe: int, probabilities: np.ndarray) -> np.ndarray:
        """The classes to explain for one probe."""
        if self.constant_targets is not None:
            return np.array(self.constant_targets)
        labels = self.probes.labels
        likeliest = np.argsort(-probabilities, kind="stable")
        if labels is not None:
            likeliest = np.concatenate([[labels[probe]], likeliest[likeliest != labels[probe]]])
        return likeliest[:CHANGING_TARGETS]

    def _with_curves(self, attribution: Attribution, model_outputs: ModelOutputs) -> Attribution:
        """Deletion and insertion areas, in probability, for the class that `Run.wanted_class` calls "label"; NaN for other classes."""
        measured = np.full((2, *model_outputs.targets.shape), np.nan)
        wanted_classes = self.probes.wanted_classes(model_outputs.full, self.constant_targets, regression=self.head.kind == "regression")
        for probe, (n, wanted) in enumerate(zip(self.plan.probes.players, wanted_classes, strict=True)):
            places = np.flatnonzero(model_outputs.targets[probe] == wanted)
            if not len(places) or not np.isfinite(attribution.values[probe, places[0], :n]).all():
                continue
            curve = self._probabilities_once(deletion.masks(attribution.values[probe, places[0], :n]), probe)[:, wanted]
            ends = float(model_outputs.full[probe, wanted]), float(model_outputs.empty[probe, wanted])
            measured[:, probe, places[0]] = deletion.areas(curve, *ends)
        return replace(attribution, fidelity={**attribution.fidelity, **dict(zip(deletion.MEASURES, measured, strict=True))})

    def _probabilities_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float64 (coalitions, classes), on coalitions outside a design."""
        masker, predictor = self.plan.masker, self._predictor
        if not len(coalitions):
            return np.zeros((0, self.classes))
        if masker.stacked:
            raw = predictor.evaluate_rows(partial(masker.feed_once, coalitions, probe))()
        else:
            raw = predictor.evaluate(coalitions, probe)
        return masker.mean_of_once(self._probabilities(raw))

    def _explanation(self, name: str, attribution: Attribution, model_outputs: ModelOutputs) -> Explanation:
        measures = self.details[name]["fidelity"]
        if set(measures) != set(attribution.fidelity):
            raise ValueError(
                f"explainer {name!r} gave the measures {sorted(attribution.fidelity)}, but its `fidelity` names {sorted(measures)}; make both the same."
            )
        return Explanation(
            values=attribution.values.astype(np.float32),
            errors=attribution.errors.astype(np.float32),
            base_values=attribution.base.astype(np.float32),
            outputs=np.array([game[0] for game in model_outputs.games], dtype=np.float32),
            targets=model_outputs.targets,
            probes=self.probes,
            fidelity={measure: attribution.fidelity[measure].astype(np.float32) for measure in measures},
            noise=None if attribution.noise is None else attribution.noise.astype(np.float32),
            interactions=None if attribution.interactions is None else attribution.interactions.astype(np.float32),
            unit=self.details[name]["unit"],
            clipped=self._clipped,
            explainer=name,
        )
