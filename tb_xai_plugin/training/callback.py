"""ExplanationLogger: explains a fixed probe set at every epoch of `model.fit`, for TensorBoard's XAI tab."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.progress import progress_bar
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.judgement.words import step_words
from tb_xai_plugin.models.choice import ModelOutput
from tb_xai_plugin.models.network import Network
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.record import probe_sets
from tb_xai_plugin.records.sources import DirectorySource, has_events
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import Run
from tb_xai_plugin.training.checks import check_directory, check_options, differing_parts, named_or_refused, of_set
from tb_xai_plugin.training.entries import epoch_json, versions_of_packages
from tb_xai_plugin.training.pace import Pace
from tb_xai_plugin.training.scalars import RunScalars

logger = logging.getLogger("tb_xai_plugin")


class ExplanationLogger(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keras callback that explains a fixed set of probes before the first epoch and after every epoch, for TensorBoard's XAI tab.

    It also writes ordinary scalars: drift with its noise floor, shares of regions and counts of events ("xai/drift/shap" and so on).

    Training is not affected: weights, optimizer state, metrics and random state are bit-identical with and without it. A failure while
    training is a warning and a gap in the record.

    Args:
        log_dir: the run's directory, the same as given to keras.callbacks.TensorBoard; records go to <log_dir>/xai. If it already holds a
            record with the same probes and options, a fit with `initial_epoch` continues that record (a resumed run), and a fit from epoch 0 replaces it, with a warning.
        probes: one ProbeSet, or {name: ProbeSet}.
        explainers: names ("lime", "shap", "banzhaf", "occlusion" and "lime-net" share one set of model evaluations; "ig" and "grad-cam" use
            gradients), or configured explainers (Lime(kernel_width=0.5)), or your own (Custom).
        every: the number of epochs from one explanation to the next; the first and the last epoch are always explained. Or a callable
            epoch -> bool, which then decides alone. Place EarlyStopping before this callback, so that the last epoch is known.
        evaluations: model evaluations per probe; "auto" is 16 per player, at least 256 and at most 2048.
        max_overhead: the most time that explanations may take, as a share of the training time, e.g. 0.05. Writing and compiling are
            included. None is no limit. To keep the limit, evaluations are halved first (to a part of the same coalitions), then fewer epochs
            are explained. Each change is logged by the logger "tb_xai_plugin", and is marked in the record and on the page. The untrained model
            is explained after the first epoch, from a copy of its weights, if there is time for it. The untrained model and the last epoch
            are explained in spite of the limit where each takes at most 5 seconds; the time beyond the limit is then logged at the end.
        output: the explained output: "log-odds" | "probability" | "raw"; a regression is always explained in its own output.
        classes: the explained classes: "auto" (all of up to 16 classes; of more, the true class and the two others with the largest
            probability, or, of a regression and of independent labels, the first 16 outputs) | "all" | a list of class numbers.
        seed: the seed of the coalitions. Runs can be compared where probes, evaluations, output, classes and seed are equal, in each
            explainer that both have with the same settings.
        untrained: whether to explain the model before its first epoch too, as step -1.
        batch_size: evaluations in one batch; "auto" keeps a batch of masked probes below 64 MiB.
        on_error: "warn" (a failure while training warns once, leaves a gap, and training goes on) | "raise". It is for failures of later epochs: what does not
            fit is an error in any case, at construction, when training begins, or, for a model that its first batch builds, right after that batch.
        curves: whether to log deletion and insertion areas too, which takes 2 (players - 1) further evaluations per probe and explainer.
        model: the network to explain, where fit trains a wrapper around it (a GAN, a VAE, distillation): a Keras model, or a callable on the model in fit,
            e.g. model=lambda gan: gan.discriminator. Nothing is demanded of the wrapper. Default: the model in fit.
        model_output: which output is explained; see `explain`. With several probe sets, {name of the set: output}; sets that have the names of outputs
            explain these by themselves, so that a model with several heads takes one set per head.
        head: what the outputs mean, "regression" | "logits" | "probabilities" | "labels"; see `explain`. With several probe sets, also {name of the set: head}.

    Raises:
        ValueError, TypeError, FileExistsError, PermissionError: at construction or when training begins, with one sentence that says what to do.

    Example:

        probes = ImageProbes(x_test[:16], y_test[:16])
        model.fit(x, y, epochs=20, callbacks=[keras.callbacks.TensorBoard("logs/baseline"), ExplanationLogger("logs/baseline", probes)])
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        every: int | Callable[[int], bool] = 1,
        evaluations: int | str = "auto",
        max_overhead: float | None = None,
        output: str = "log-odds",
        classes: str | Sequence[int] = "auto",
        seed: int = 0,
        untrained: bool = True,
        batch_size: int | str = "auto",
        on_error: str = "warn",
        curves: bool = False,
        model: Any = None,
        model_output: ModelOutput | Mapping[str, ModelOutput] | None = None,
        head: str | Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        check_options(log_dir, every, max_overhead, on_error)
        sets = named_or_refused(probes)
        self._network = Network(model, [np.shape(getattr(probe_set, "inputs", ()))[1:] for probe_set in sets.values()])
        self.log_dir = os.fspath(log_dir)
        self._every, self._untrained, self._on_error, self._max_overhead = every, untrained, on_error, max_overhead

        def plan(name: str, probe_set: ProbeSet) -> Plan:
            return Plan(
                *(probe_set, explainers),
                evaluations=evaluations,
                output=output,
                classes=classes,
                seed=seed,
                batch_size=batch_size,
                curves=curves,
                head=of_set("head", head, name, sets),
                model_output=of_set("model_output", model_output, name, sets),
                set_name=name if isinstance(probes, Mapping) else None,
            )

        try:
            self._plans = {name: plan(name, probe_set) for name, probe_set in sets.items()}
        except (ValueError, TypeError) as error:
            raise type(error)(f"ExplanationLogger: {error}") from error
        check_directory(self.log_dir)
        # The steps and the record of each probe set that this log_dir already holds.
        self._logged: dict[str, list[int]] = {name: [] for name in self._plans}
        self._records: dict[str, dict[str, Any]] = {}
        self._scalars: dict[str, RunScalars] = {}
        self._scalars_failed = False
        self._writer = Writer(self.log_dir, after=self._read_existing())
        self._engines: dict[str, Engine] = {}
        self._refused = False  # the probes do not fit the model
        self._first_batch_begun = False
        self._fresh = False  # the next step begins a new record, which replaces that of an older model
        self._unbilled = 0.0  # seconds of compiling and writing, which count as part of the next step
        self._epoch_began = 0.0
        self._gap_reported = False
        self._pace: Pace | None = None

    def _read_existing(self) -> float:
        """Continue a record that the directory already holds, or raise an error; returns the wall time of its newest write."""
        directory = os.path.join(self.log_dir, wire.DIRECTORY)
        newest = 0.0
        if not has_events(directory):
            return newest
        source = DirectorySource(directory)
        try:
            present = probe_sets(source, self.log_dir)
            records = {name: Run(source, self.log_dir, name) for name in present if name in self._plans}
            for name, run in records.items():
                self._refuse_different(name, run)
                self._logged[name] = [step for step, _, _ in run.writes]
                self._records[name] = run.record
                newest = max([newest, *(wall_time for _, wall_time, _ in run.writes)])
        except RecordError as error:
            raise ValueError(
                f"ExplanationLogger: {directory} holds a record that can't be continued ({error}); choose another log_dir, or delete that directory."
            ) from error
        return newest

    def _refuse_different(self, name: str, run: Run) -> None:
        if differing := differing_parts(self._plans[name], run):
            raise ValueError(
                f"ExplanationLogger: {self.log_dir} already holds explanations with different {', '.join(differing)}; "
                f"choose another log_dir, or delete {os.path.join(self.log_dir, wire.DIRECTORY)}."
            )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # The engines are built again at every fit: it may be another model, or one that was compiled with another loss or precision.
        self._engines, self._refused, self._fresh = {}, False, False
        self._first_batch_begun = False
        self._pace = None
        if self._max_overhead is not None:
            every = None if callable(self._every) else self._every
            self._pace = Pace(self._max_overhead, self._plans, every)
        self._bind_early()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Not on_train_batch_end: where a callback has it, Keras no longer hands out the logs of a batch while the next one runs.
        if self._first_batch_begun:
            self._bind_after_first_batch()
        self._first_batch_begun = True

    def _bind_after_first_batch(self) -> None:
        """Bind the plans to a network that its first batch builds; it is refused right after this batch, like a built one before it."""
        if not self._engines and not self._refused:
            self._bind_early()
            if not self._engines:
                self._refused = True
                raise ValueError(f"ExplanationLogger: {self._network.still_not_built(self.model)}")

    def _bind_early(self) -> None:
        """Bind the plans to the network, if it is built; what does not fit is an error now, before anything is lost."""
        try:
            network = self._network.of(self.model)
        except (ValueError, TypeError) as error:
            self._refused = True
            raise type(error)(f"ExplanationLogger: {error}") from error
        if not network.built:
            return
        try:
            with self._billed():
                self._bind()
        except (ValueError, TypeError) as error:
            self._refused = True
            raise type(error)(f"ExplanationLogger: {self._network.refused(str(error), self.model)}") from error

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Not in on_train_begin: BackupAndRestore restores the weights there, possibly after this callback has run.
        if epoch == 0:
            with self._training_goes_on(wire.UNTRAINED), self._billed():
                self._begin_anew()
        self._epoch_began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        training_seconds = time.perf_counter() - self._epoch_began
        if self._first_batch_begun:  # the epoch may have had a single batch
            self._bind_after_first_batch()
        with self._billed():
            failure: Exception | None = None
            halvings: int | None = None
            changes: dict[str, str] = {}
            try:
                halvings, changes = self._decide(epoch, training_seconds)
            except Exception as error:
                failure = error
            began, explained = time.perf_counter(), 0
            for name in self._plans:
                with self._training_goes_on(epoch):
                    self._log(name, epoch, halvings, logs or {}, training_seconds, changes.get(name), failure)
                    explained += halvings is not None
            if self._pace and halvings is not None and explained == len(self._plans):
                self._pace.learn(time.perf_counter() - began, halvings, sum(engine.fixed_seconds for engine in self._engines.values()))
        self._fresh = False

    def _decide(self, epoch: int, training_seconds: float) -> tuple[int | None, dict[str, str]]:
        """The halvings of this epoch, None where it is not explained; and {probe set: what changes from here on}."""
        last = self._last_epoch(epoch)
        due = self._is_due(epoch, last)
        if self._pace is None or self._refused:
            return (0 if due else None), {}
        if not self._engines:
            self._bind()
        to_come = max(last - epoch, 0)
        due_after = to_come if callable(self._every) else sum(self._is_due(later, last) for later in range(epoch + 1, last + 1))
        halvings = self._pace.decide(to_come, training_seconds, due, due_after, self._engines)
        changes = self._pace.changes(explained=halvings is not None)
        if self._pace.untrained_due:
            with self._training_goes_on(wire.UNTRAINED), self._pace.untrained(self._network.of(self.model)) as untrained_halvings:
                for name in self._plans:
                    self._log(name, wire.UNTRAINED, untrained_halvings, change=changes.get(name))
                # Only now: if it could not be written, the next step still has to begin the new record.
                self._fresh, changes = False, {}
        return halvings, changes

    @contextmanager
    def _billed(self) -> Iterator[None]:
        """The time spent inside counts as spent from the budget, where there is one."""
        with self._pace.billed() if self._pace else nullcontext():
            yield

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._pace:
            self._pace.conclude()
        with self._training_goes_on(None):
            self._writer.close()

    def _begin_anew(self) -> None:
        """Explain the model before its first epoch, if it is untrained."""
        iterations = getattr(getattr(self.model, "optimizer", None), "iterations", 0)
        if int(keras.ops.convert_to_numpy(iterations)) > 0:
            return
        # The record, if any, is of another model. Its untrained state must not be taken for this one's.
        self._fresh = True
        for name, steps in self._logged.items():
            if steps:
                logger.warning(
                    "ExplanationLogger: %s already holds %d epochs of probe set %r; this fit begins at epoch 0 and replaces them. "
                    "Give fit initial_epoch=%d to continue them, or choose another log_dir to keep both.",
                    *(self.log_dir, sum(step != wire.UNTRAINED for step in steps), name, max(steps) + 1),
                )
        if not self._untrained:
            return
        if not self._engines:
            # Building the model here would draw its weights earlier than Keras does, and so change the training.
            self._warn(
                f"model {self._network.of(self.model).name!r} is not built before its first batch, so its untrained state is not explained; "
                "call it on one batch before fit, or give untrained=False."
            )
            return
        if self._pace:
            self._pace.keep_untrained(self._network.of(self.model))  # explained after the first epoch, if there is time for it
            return
        for name in self._plans:
            self._log(name, wire.UNTRAINED, 0)
        self._fresh = False

    @contextmanager
    def _training_goes_on(self, step: int | None) -> Iterator[None]:
        """A failure inside becomes a warning, the first time, unless on_error is "raise"."""
        try:
            yield
        except Exception as error:
            if self._on_error == "raise":
                raise
            self._report_gap(step, f"{type(error).__name__}: {error}")

    def _bind(self) -> None:
        began = time.perf_counter()
        try:
            network = self._network.of(self.model)
            engines = {name: Engine(plan, network) for name, plan in self._plans.items()}
            for name, record in self._records.items():
                self._refuse_other_model(record, engines[name])
        except ValueError:
            self._refused = True
            raise
        self._engines = engines
        self._unbilled += time.perf_counter() - began

    def _refuse_other_model(self, record: Mapping[str, Any], engine: Engine) -> None:
        unit = record["settings"]["unit"]
        if (record["shape"], record["targets"], unit) != (engine.shape, engine.constant_targets, engine.settings["unit"]):
            raise ValueError(
                f"{self.log_dir} already holds explanations of a model with {record['shape']['classes']} classes, in {unit}; this model has "
                f"{engine.classes}, in {engine.settings['unit']}; choose another log_dir, or delete {os.path.join(self.log_dir, wire.DIRECTORY)}."
            )

    def _is_due(self, epoch: int, last: int) -> bool:
        if callable(self._every):
            return bool(self._every(epoch))
        return epoch % self._every == 0 or epoch == last

    def _last_epoch(self, epoch: int) -> int:
        """The last epoch of this fit, as far as is known at the end of `epoch`; -1 in a custom training loop that has not set it."""
        return epoch if getattr(self.model, "stop_training", False) else int((self.params or {}).get("epochs", 0)) - 1

    def _log(
        self,
        name: str,
        step: int,
        halvings: int | None,
        logs: Mapping[str, Any] = MappingProxyType({}),
        training_seconds: float | None = None,
        change: str | None = None,
        failure: Exception | None = None,
    ) -> None:
        """Explain one probe set and write the result. A failure to explain is written too, and raised.

        halvings: see `Schedule`; None where this epoch is not explained. failure: one that has already happened.
        """
        if self._refused and not failure:
            return
        snapshot: Snapshot | None = None
        began = time.perf_counter()
        try:
            if halvings is not None and not failure:
                if not self._engines:
                    self._bind()
                level = self._plans[name].levels[-1 - halvings]
                snapshot = self._engines[name].run(level, progress_bar(f"Explaining {step_words(step)}"))
        except Exception as error:
            failure = error
        problem = f"{type(failure).__name__}: {failure}" if failure else snapshot.problem if snapshot else None
        if name in self._engines:
            seconds, self._unbilled = time.perf_counter() - began + self._unbilled, 0.0
            samples = self._plans[name].drawn(snapshot.level) if snapshot else {}
            epoch = epoch_json(logs, halvings is not None or failure is not None, problem, snapshot, samples, seconds, training_seconds)
            writing = time.perf_counter()
            self._write(name, step, snapshot, {**epoch, "fresh": self._fresh, "change": change})
            if snapshot:
                self._write_scalars(name, step, snapshot)
            self._unbilled = time.perf_counter() - writing
        if failure:
            raise failure
        if snapshot and snapshot.failures and self._on_error == "raise":
            raise next(iter(snapshot.failures.values()))
        if problem:
            self._report_gap(step, problem)

    def _write(self, name: str, step: int, snapshot: Snapshot | None, epoch: dict[str, Any]) -> None:
        plan, engine = self._plans[name], self._engines[name]
        targets = engine.constant_targets
        record = self._records.get(name)
        if record is None:
            names, arrays = engine.probes.as_record()
            record = {
                "probes": {**names, "count": len(plan.probes), "players": plan.probes.players.tolist()},
                "settings": {**plan.settings, **engine.settings, "versions": versions_of_packages()},
                "comparable": {**plan.comparable, **engine.comparable},
                "targets": targets,
                "shape": engine.shape,
                "details": engine.details,
            }
            self._writer.write_record(name, record, arrays)
        before = [] if epoch["fresh"] else [s for s in self._logged[name] if s < step]
        epoch = {**epoch, "logged": len(before) + 1}
        self._writer.write_step(name, step, epoch, snapshot, constant_targets=targets is not None, blocks=record.get("blocks"))
        # Only now: a step that could not be written is not in the record.
        self._records[name], self._logged[name] = record, [*before, step]

    def _write_scalars(self, name: str, step: int, snapshot: Snapshot) -> None:
        """Write drift, shares and events as ordinary scalars. The record is complete without them, so a failure is only a warning."""
        try:
            for at, scalars in self._scalars_of(name, step).follow(step, snapshot):
                self._writer.write_scalars(at, scalars)
        except Exception as error:
            if not self._scalars_failed:
                self._warn(
                    f"the scalars of drift and events could not be written at epoch {step} ({type(error).__name__}: {error}); the record was written."
                )
            self._scalars_failed = True

    def _scalars_of(self, name: str, step: int) -> RunScalars:
        """The scalars of a probe set, which have followed all earlier epochs of the record."""
        run_scalars = self._scalars.get(name)
        if run_scalars is None or self._fresh or (run_scalars.step is not None and run_scalars.step >= step):
            prefix = "xai" if len(self._plans) == 1 else f"xai {name}"
            run_scalars = self._scalars[name] = RunScalars(
                *(prefix, self._engines[name].probes),
                regression=self._engines[name].settings["regression"],
                targets=self._engines[name].constant_targets,
            )
            if any(logged < step for logged in self._logged[name]) and not self._fresh:
                run_scalars.resume(Run(DirectorySource(self._writer.directory), self.log_dir, name), step)
        return run_scalars

    def _report_gap(self, step: int | None, problem: str) -> None:
        """Warn about a failure, the first time."""
        if self._gap_reported:
            return
        self._gap_reported = True
        when = "at the end" if step is None else "before the first epoch" if step == wire.UNTRAINED else f"at epoch {step}"
        what = "nothing is explained in this fit" if self._refused else "the record has a gap there. Further gaps are not reported"
        self._warn(f"{when}: {problem.rstrip('.')}. Training goes on; {what}.")

    @staticmethod
    def _warn(sentence: str) -> None:
        warnings.warn(f"ExplanationLogger: {sentence}", stacklevel=3)
