"""RunLogger: explains a fixed probe set at the steps of any training loop, for TensorBoard's XAI tab."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.models.choice import ModelOutput
from tb_xai_plugin.models.predictors import Model
from tb_xai_plugin.models.state import digest
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.checks import check_place, named, of_set
from tb_xai_plugin.training.cost import CostLine
from tb_xai_plugin.training.steps import StepLogger, warn

# Steps are int32, and the largest one stands for the returned model.
LAST_STEP = wire.RETURNED - 2


class RunLogger:
    """Explains a fixed set of probes whenever it is called, and writes the record that TensorBoard's XAI tab shows. For training loops of your own, in any framework.

    The callback of Keras, ExplanationLogger, is one of its users, as are those in `tb_xai_plugin.integrations` for other frameworks. It writes the same record, and the same scalars.

    A model is used, and never changed. Leave the `with` block, or call `close`, at the end.

    Args:
        log_dir: the run's directory; records go to <log_dir>/xai. Steps go on in a record of the same probes and settings that is already there: steps that it has
            and that are logged again take their place, after a copy of it was kept in <log_dir>/earlier-1. Where the first step is not after the record's first, or
            the record is of other probes or settings, a new record begins, and the old one is kept there. A log line says so.
        probes: one ProbeSet, or {name: ProbeSet}.
        explainers: names or configured explainers; see `ExplanationLogger`. "ig" and "grad-cam" need a Keras model.
        evaluations, output, classes, seed, batch_size, curves, model_output, head: see `ExplanationLogger`. Where the model is a callable, its numbers alone tell what they mean: give head.
        on_error: "warn" (a failure at a later step warns once, leaves a gap, and the loop goes on) | "raise". What does not fit at the first step is an error in any case.

    Raises:
        ValueError, TypeError, FileExistsError, PermissionError: at construction, with one sentence that says what to do.

    Example:

        log = RunLogger("logs/loop", probes)  # or: with RunLogger("logs/loop", probes) as log:
        log(model, -1)  # before the loop
        log(model, epoch, {"loss": loss})  # after every epoch
        log.close()
    """

    _who: ClassVar[str] = "RunLogger"

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        evaluations: int | str = "auto",
        output: str = "log-odds",
        classes: str | Sequence[int] = "auto",
        seed: int = 0,
        batch_size: int | str = "auto",
        on_error: str = "warn",
        curves: bool = False,
        model_output: ModelOutput | Mapping[str, ModelOutput] | None = None,
        head: str | Mapping[str, str] | None = None,
    ) -> None:
        check_place(log_dir, on_error, self._who)
        # Absolute: a notebook may change its directory before it trains, or while it does.
        self.log_dir = folder.absolute(log_dir)
        self._on_error = on_error

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
            sets = named(probes)
            self.plans = {name: plan(name, probe_set) for name, probe_set in sets.items()}
        except (ValueError, TypeError) as error:
            raise type(error)(f"{self._who}: {error}") from error
        try:
            folder.check_directory(self.log_dir)
        except OSError as error:
            raise type(error)(f"{self._who}: {error}") from error
        self._model: Any = None
        self._newest: tuple[int, str | None] | None = None
        self._noted: tuple[int, float | None] | None = None  # the newest step, if it was noted alone, and the seconds of its training
        self._since: float | None = None
        self._closed = False
        self.reset(CostLine(1, None, self.log_dir))

    def reset(self, cost: CostLine) -> None:
        """Forget every model. cost: is told what explanations cost."""
        self._cost = cost
        self.steps = StepLogger(self.log_dir, self.plans, self._on_error, cost, self._who)

    def move(self, log_dir: str) -> None:
        """Write to another directory from now on, an absolute path."""
        self.steps.recorder.close()
        self.log_dir = log_dir
        self.reset(self._cost)

    def __getstate__(self) -> dict[str, Any]:
        """What was given, without anything of a loop: a copy begins anew. Plans are what the probes and options come to, and nothing changes them."""
        return {"log_dir": self.log_dir, "_on_error": self._on_error, "plans": self.plans}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._model, self._newest, self._noted, self._since, self._closed = None, None, None, None, False
        self.reset(CostLine(1, None, self.log_dir))

    def __enter__(self) -> RunLogger:
        self._since = time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def __call__(self, model: Model, step: int, logs: Mapping[str, Any] | None = None) -> None:
        """The same as `log`."""
        self.log(model, step, logs)

    def log(self, model: Model, step: int, logs: Mapping[str, Any] | None = None) -> None:
        """Explain the model as it is now, and write it.

        Args:
            model: a Keras model, a torch.nn.Module, or a callable batch -> (n,) or (n, classes); see `explain`. It may be the same one each time, or another one with the same outputs.
            step: an integer, larger than that of the call before: usually the epoch, from 0. -1 is the model before its training.
            logs: numbers of this step, e.g. {"loss": 0.3, "val_accuracy": 0.9}; what is not a number is left out. "accuracy" and "val_accuracy" have the meaning that they have in Keras.

        Raises:
            ValueError, TypeError: a step or logs that cannot be; at the first step also a model that does not fit the probes.
        """
        training_seconds = self._training_seconds(step)
        noted = self._noted is not None and step == self._noted[0]
        self._check(step, logs, noted=noted)
        if noted and self._noted is not None:
            training_seconds = self._noted[1]
        failure = self._bind(model)
        self._write(model, int(step), logs, 0, training_seconds, failure)
        self._noted = None

    def note(self, model: Model, step: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write the numbers of a step that is not explained, so that curves have all steps. `log` may still explain this step, until a later one comes.

        Args:
            model, step, logs: see `log`. The model is not evaluated, except that the first one of a loop tells what its outputs mean.

        Raises:
            ValueError, TypeError: see `log`.
        """
        training_seconds = self._training_seconds(step)
        self._check(step, logs)
        if not self.steps.engines:
            self._bind(model)
        self._write(model, int(step), logs, None, training_seconds)
        self._noted = int(step), training_seconds

    def _training_seconds(self, step: Any) -> float | None:
        """Seconds since the step before; None where they are not known."""
        return None if self._since is None or step == wire.UNTRAINED else time.perf_counter() - self._since

    def _write(
        self,
        model: Model,
        step: int,
        logs: Mapping[str, Any] | None,
        halvings: int | None,
        training_seconds: float | None,
        failure: Exception | None = None,
    ) -> None:
        """Write a step. halvings: see `StepLogger.log`."""
        if self._newest is None:
            self.steps.recorder.begin_at(step, model, self.steps.engines)
        # Of a model that was noted alone nothing is known, unless it is the one that was explained.
        weights = None if halvings is None and not _is_same(model, self._model) else self._weights()
        entry = {"logs": logs or {}, "training_seconds": training_seconds, "weights": weights}
        self._newest = step, weights
        for name in self.plans:
            with self.steps.training_goes_on(step):
                self.steps.log(name, step, halvings, entry, failure=failure)
        self._since = time.perf_counter()

    def _check(self, step: Any, logs: Any, *, noted: bool = False) -> None:
        """noted: whether this is the newest step, which was noted and is now explained."""
        if self._closed:
            raise ValueError(
                f"{self._who}: it is closed; log inside the with block, or make another one, which goes on in the same log_dir."
            )
        if isinstance(step, bool) or not isinstance(step, int | np.integer):
            raise TypeError(f"{self._who}: step is {step!r}; give an integer, e.g. the epoch; -1 is the model before its training.")
        if not wire.UNTRAINED <= step <= LAST_STEP:
            raise ValueError(f"{self._who}: step is {step}; give a number from -1 (the model before its training) to {LAST_STEP}.")
        if self._newest is not None and step <= self._newest[0] and not noted:
            raise ValueError(
                f"{self._who}: step {step} comes after step {self._newest[0]}; give increasing steps, or make another logger to go back to an earlier one."
            )
        if logs is not None and not isinstance(logs, Mapping):
            raise TypeError(f"{self._who}: logs is {type(logs).__name__}; give numbers by name, e.g. {{'loss': 0.3}}.")

    def _bind(self, model: Model) -> Exception | None:
        """Bind the plans to a model, unless it is that of the step before. A later model that does not fit is returned as a failure, which leaves a gap."""
        if self.steps.engines and _is_same(model, self._model):
            return None
        earlier = dict(self.steps.engines)
        try:
            with warnings.catch_warnings():
                if earlier:  # what is to be said of such a model was said at the first step
                    warnings.simplefilter("ignore")
                self.steps.bind(model)
            for name, engine in earlier.items():
                self.steps.engines[name].follow(engine)
            if earlier and (problem := self.steps.recorder.misfit(self.steps.engines)):
                raise ValueError(
                    f"the record holds {problem}; give models with the same outputs, and head= where their meaning was guessed"
                )
        except (ValueError, TypeError) as error:
            self.steps.engines, self.steps.refused = earlier, False
            if not earlier:
                raise type(error)(f"{self._who}: {error}") from error
            return error
        self._model = model
        return None

    def _weights(self) -> str | None:
        """The digest of the model's weights; None where it has none that are known."""
        try:
            return digest(self._model)
        except Exception as error:  # no reason to lose a step
            warn(
                f"the weights cannot be read, so the record does not know which model it is of ({type(error).__name__}: {error}).",
                self._who,
            )
            return None

    def close(self) -> None:
        """Write what the model is now, where its weights are known, and close the record. Nothing can be logged afterwards."""
        if self._closed:
            return
        if self._newest is not None and self._newest[1] is not None:
            with self.steps.training_goes_on(wire.RETURNED):
                self.log_returned(self._weights(), self._newest)
        self.abandon()

    def abandon(self) -> None:
        """Close the record of a loop that was interrupted: it has no model that it returns. What was logged stays."""
        self._closed, self._model = True, None
        with self.steps.training_goes_on(None):
            self.steps.recorder.close()
        self.steps.begin_fit()  # a model may take much memory

    def log_returned(
        self,
        weights: str | None,
        newest: tuple[int, str | None] | None,
        averages: str | None = None,
        halvings: Callable[[], int | None] = lambda: 0,
    ) -> None:
        """Write what the model is at the end: that of an explained step, or explained now.

        Args:
            weights: the digest of its weights; nothing is written where it is None.
            newest: the last step, and the digest of the weights then; None where nothing was logged.
            averages: the digest of the optimizer's moving averages, if it keeps them.
            halvings: returns those with which it is explained, if it is; see `Schedule`. None where there is no time for it.
        """
        if newest is None or weights is None or not self.steps.engines or self.steps.refused:
            return
        recorder, (last, last_weights) = self.steps.recorder, newest
        recorder.follow()  # the folder may have been removed since
        step = recorder.step_with(weights)
        if weights == last_weights and not self.steps.has_changed_since(last):
            how = "last"
        elif step is not None and step != last and not self.steps.has_changed_since(step):
            how = "restored"
        else:
            step, how = None, "averages" if weights == averages else "changed"
        due = {name: step is None or not recorder.is_explained(name, step) for name in self.plans}
        now = halvings() if any(due.values()) else None
        entry = {"logs": {} if step is None else self.steps.logs.get(step, {}), "weights": weights}
        for name in self.plans:
            self.steps.log(name, last + 1, now if due[name] else None, entry, {"returned": {"epoch": step, "how": how}})


def _is_same(model: Any, other: Any) -> bool:
    """Whether two models are the same object, or the same method of the same object: Python makes a method anew at each use."""
    if model is other:
        return True
    owner, function = getattr(model, "__self__", None), getattr(model, "__func__", None)
    return (
        owner is not None
        and function is not None
        and owner is getattr(other, "__self__", None)
        and function is getattr(other, "__func__", None)
    )
