"""StepLogger: explains a network at one step after another, and writes what comes of it. A failure is a gap, not an end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import numpy as np

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.judgement.words import step_words
from tb_xai_plugin.records import wire
from tb_xai_plugin.training.cost import CostLine
from tb_xai_plugin.training.entries import epoch_json
from tb_xai_plugin.training.recorder import Recorder


def warn(sentence: str, who: str = "ExplanationLogger") -> None:
    """Warn in the name of a logger."""
    warnings.warn(f"{who}: {sentence}", stacklevel=3)


class StepLogger:
    """Explains the probe sets of one log_dir and writes them.

    Args:
        log_dir: the run's directory.
        plans: {probe set: its plan}.
        on_error: "warn" | "raise".
        cost: is told what explanations cost.
        who: the name of the logger in sentences.

    Attributes:
        recorder: writes the record.
        engines: {probe set: its engine}; empty until `bind`.
        refused: whether the probes do not fit the network, so that nothing is explained in this fit.
        logs: {step: Keras's logs} of this fit.
    """

    def __init__(self, log_dir: str, plans: Mapping[str, Plan], on_error: str, cost: CostLine, who: str = "ExplanationLogger") -> None:
        self.recorder = Recorder(log_dir, plans, who)
        self._who = who
        self._plans, self._on_error, self._cost = plans, on_error, cost
        self._unbilled = 0.0  # seconds of compiling and writing, which count as part of the next step
        self._scalars_failed = False
        self.begin_fit()

    def begin_fit(self) -> None:
        """Forget the network of the last fit: it may be another one, or one that was compiled with another loss or precision."""
        self.engines: dict[str, Engine] = {}
        self.refused = False
        self.logs: dict[int, Mapping[str, Any]] = {}
        self._own_outputs: dict[tuple[str, int], np.ndarray | None] = {}
        self._gap_reported = False

    def bind(self, network: Any) -> None:
        """Bind the plans to a network.

        Raises:
            ValueError, TypeError: they do not fit.
        """
        began = time.perf_counter()
        try:
            with Progress("Explaining").phase("binding the model"):
                self.engines = {name: Engine(plan, network) for name, plan in self._plans.items()}
        except (ValueError, TypeError):
            self.refused = True
            raise
        self._unbilled += time.perf_counter() - began

    def log(
        self,
        name: str,
        step: int,
        halvings: int | None,
        entry: Mapping[str, Any],
        more: Mapping[str, Any] = MappingProxyType({}),
        failure: Exception | None = None,
    ) -> None:
        """Explain one probe set and write the result. A failure to explain is written too, and raised.

        Args:
            halvings: see `Schedule`; None where this step is not explained.
            entry: arguments of `epoch_json`; more: further keys of the step's JSON.
            failure: one that has already happened.
        """
        if self.refused and not failure:
            return
        snapshot: Snapshot | None = None
        began = time.perf_counter()
        shown = wire.RETURNED if "returned" in more else step
        try:
            if halvings is not None and not failure:
                level = self._plans[name].levels[-1 - halvings]
                snapshot = self.engines[name].run(level, Progress(f"Explaining {step_words(shown)}"))
                self._own_outputs[name, shown] = self.engines[name].watch.own
        except Exception as error:
            failure = error
        problem = f"{type(failure).__name__}: {failure}" if failure else snapshot.problem if snapshot else None
        if name in self.engines:
            seconds, self._unbilled = time.perf_counter() - began + self._unbilled, 0.0
            samples = self._plans[name].drawn(snapshot.level) if snapshot else {}
            epoch = epoch_json(
                explained=halvings is not None or failure is not None,
                reason=problem,
                snapshot=snapshot,
                samples=samples,
                seconds=seconds,
                **entry,
            )
            writing = time.perf_counter()
            self.recorder.write(name, step, self.engines[name], snapshot, {"change": None, **epoch, **more})
            self.logs[shown] = entry.get("logs", {})
            if snapshot:
                self._cost.explained(name, len(self._plans[name].probes), snapshot.evaluations, sum(samples.values()))
                if shown != wire.RETURNED:
                    self._write_scalars(name, step, snapshot)
            self._unbilled = time.perf_counter() - writing
        if failure:
            raise failure
        if snapshot and snapshot.failures and self._on_error == "raise":
            raise next(iter(snapshot.failures.values()))
        if problem:
            self._report_gap(shown, problem)

    def has_changed_since(self, step: int) -> bool:
        """Whether the network gives other outputs than when it was explained at a step of this fit, although its weights are the same."""
        return any(self.engines[name].watch.differs(own) for (name, at), own in self._own_outputs.items() if at == step and own is not None)

    def _write_scalars(self, name: str, step: int, snapshot: Snapshot) -> None:
        """Write drift, shares and events as ordinary scalars. The record is complete without them, so a failure is only a warning."""
        try:
            self.recorder.write_scalars(name, step, self.engines[name], snapshot)
        except Exception as error:
            if not self._scalars_failed:
                warn(
                    f"the scalars of drift and events could not be written at epoch {step} ({type(error).__name__}: {error}); the record was written.",
                    self._who,
                )
            self._scalars_failed = True

    @contextmanager
    def training_goes_on(self, step: int | None) -> Iterator[None]:
        """A failure inside becomes a warning, the first time in a fit, unless on_error is "raise"."""
        try:
            yield
        except Exception as error:
            if self._on_error == "raise":
                raise
            self._report_gap(step, f"{type(error).__name__}: {error}")

    def _report_gap(self, step: int | None, problem: str) -> None:
        """Warn about a failure, the first time in a fit."""
        if self._gap_reported:
            return
        self._gap_reported = True
        when = {None: "at the end", wire.RETURNED: "at the end", wire.UNTRAINED: "before the first epoch"}.get(step, f"at epoch {step}")
        what = "nothing is explained in this fit" if self.refused else "the record has a gap there. Further gaps are not reported"
        warn(f"{when}: {problem.rstrip('.')}. Training goes on; {what}.", self._who)
