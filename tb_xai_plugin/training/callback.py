"""ExplanationLogger: explains a fixed probe set at every epoch of `model.fit`, for TensorBoard's XAI tab."""

from __future__ import annotations

import copy
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.models.choice import ModelOutput
from tb_xai_plugin.models.network import Network
from tb_xai_plugin.models.state import digest, steps_made
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire
from tb_xai_plugin.training import folder, siblings
from tb_xai_plugin.training.checks import check_pace
from tb_xai_plugin.training.cost import CostLine, EpochClock
from tb_xai_plugin.training.logger import RunLogger
from tb_xai_plugin.training.pace import Pace
from tb_xai_plugin.training.steps import StepLogger, warn

logger = logging.getLogger("tb_xai_plugin")


@dataclass
class _Fit:
    """What one fit has come to."""

    comes_last: bool = False  # `_conclude` is called after all other callbacks
    first_batch_begun: bool = False
    begun: bool = False  # its record is chosen
    newest: tuple[int, str | None] | None = None  # the step of its last epoch, and the digest of the weights
    averages: str | None = None  # the digest of the moving averages of the optimizer, if it keeps them
    concluded: bool = False
    weights_unread: bool = False
    clock: EpochClock = field(default_factory=EpochClock)


class _AfterAllOthers(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Calls a logger after all other callbacks of the fit: one of them may still put other weights into the model."""

    def __init__(self, owner: ExplanationLogger) -> None:
        super().__init__()
        self.owner = owner

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.owner._conclude()


class _FitLogger(RunLogger):
    """The logger of the callback, which speaks in its name."""

    _who = "ExplanationLogger"


class ExplanationLogger(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Keras callback that explains a fixed set of probes before the first epoch and after every epoch, for TensorBoard's XAI tab.

    It also writes ordinary scalars: drift with its noise floor, shares of regions and counts of events ("xai/drift/shap" and so on).

    Training is not affected: weights, optimizer state, metrics and random state are bit-identical with and without it. A failure while
    training is a warning and a gap in the record.

    Args:
        log_dir: the run's directory, the same as given to keras.callbacks.TensorBoard; records go to <log_dir>/xai. If it already holds a record, another fit
            of the same model goes on in it. Anything else begins a new record, and the old one is kept in <log_dir>/earlier-1; a log line says so.
        probes: one ProbeSet, or {name: ProbeSet}.
        explainers: names ("lime", "shap", "banzhaf", "occlusion" and "lime-net" share one set of model evaluations; "ig" and "grad-cam" use
            gradients), or configured explainers (Lime(kernel_width=0.5)), or your own (Custom).
        every: the number of epochs from one explanation to the next; the first and the last epoch are always explained. Or a callable
            epoch -> bool, which then decides alone. Place EarlyStopping before this callback, so that the last epoch is known.
        evaluations: model evaluations per probe; "auto" is 16 per player (of images 12), at least 256 (of tables 1024) and at most 2048.
        max_overhead: the most time that explanations may take, as a share of the training time, e.g. 0.05. Writing and compiling are
            included. None is no limit. To keep the limit, evaluations are halved first (to a part of the same coalitions), then fewer epochs
            are explained. Each change is logged by the logger "tb_xai_plugin", and is marked in the record and on the page. The untrained model
            is explained after the first epoch, from a copy of its weights, if there is time for it. The untrained model, the last epoch
            and the returned model are explained in spite of the limit where each takes at most 5 seconds; the time beyond the limit is then logged at the end.
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
        check_pace(every, max_overhead)
        self._run = _FitLogger(
            *(log_dir, probes, explainers),
            evaluations=evaluations,
            output=output,
            classes=classes,
            seed=seed,
            batch_size=batch_size,
            on_error=on_error,
            curves=curves,
            model_output=model_output,
            head=head,
        )
        self._network = Network(model, [np.shape(plan.probes.inputs)[1:] for plan in self._plans.values()])
        self.log_dir = self._run.log_dir
        self._every, self._untrained, self._max_overhead = every, untrained, max_overhead
        self._is_copy = False
        self._reset()

    def _reset(self) -> None:
        """Forget every fit."""
        self._cost = CostLine(self._every, self._max_overhead, self.log_dir)
        self._run.reset(self._cost)
        self._in_fit = _Fit()
        self._said_averages = False
        self._pace: Pace | None = None

    @property
    def _plans(self) -> Mapping[str, Plan]:
        return self._run.plans

    @property
    def _steps(self) -> StepLogger:
        return self._run.steps

    def __getstate__(self) -> dict[str, Any]:
        """The arguments, without anything of a fit: a copy, also one that is made while a model trains, begins anew."""
        of_a_fit = {"_in_fit", "_pace", "_cost", "_model", "params"}
        return {name: value for name, value in vars(self).items() if name not in of_a_fit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__init__()
        self.__dict__.update(state)
        self._run = copy.copy(self._run)
        self._reset()

    def __deepcopy__(self, memo: dict[int, Any]) -> ExplanationLogger:
        copied = copy.copy(self)
        copied._is_copy = True
        # Plans and the network in `model=` are shared: nothing changes the former, and the latter is what is trained. A subclass may have more.
        for name, value in self.__getstate__().items():
            if name not in ("_run", "_network", "_is_copy"):
                setattr(copied, name, copy.deepcopy(value, memo))
        copied._cost.says_as(self._cost)
        return copied

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        callbacks = siblings.list_of_fit()
        if siblings.is_running(self._steps.recorder.callbacks) and callbacks is not self._steps.recorder.callbacks:
            raise ValueError(
                "ExplanationLogger: this one is in another fit that is going on; give each fit a logger of its own, or a copy."
            )
        self._find_directory(callbacks or [])
        self._steps.recorder.callbacks = callbacks
        # The engines are built again at every fit: it may be another model, or one that was compiled with another loss or precision.
        self._steps.begin_fit()
        self._cost.begin_fit()
        self._in_fit = _Fit()
        self._pace = None
        self._refuse_twins(callbacks or [])
        if callbacks is not None:
            self._come_last(callbacks)
        self._say_of_averages(callbacks or [])
        if self._max_overhead is not None:
            every = None if callable(self._every) else self._every
            self._pace = Pace(self._max_overhead, self._plans, every)
        self._bind_early()

    def _find_directory(self, callbacks: list[Any]) -> None:
        """Where the record of this fit is: a tuner may have made this copy, or have set the attribute, as tuners do with that of TensorBoard."""
        if self._is_copy and (place := siblings.trial_directory(self.log_dir, callbacks)):
            self.log_dir = place
        self._is_copy = False
        self.log_dir = folder.absolute(self.log_dir)
        if self.log_dir != self._steps.recorder.log_dir:
            self._run.move(self.log_dir)

    def _refuse_twins(self, callbacks: list[Any]) -> None:
        """Raise an error where two loggers of one fit would write into one record."""
        for other in callbacks:
            if isinstance(other, ExplanationLogger) and other is not self and folder.same(other.log_dir, self.log_dir):
                self._steps.refused = True
                raise ValueError(
                    f"ExplanationLogger: two of them have log_dir {self.log_dir!r}; give each its own, or one of them both probe sets, "
                    "{name: probes}."
                )

    def _come_last(self, callbacks: list[Any]) -> None:
        """Be called at the end after all other callbacks: one of them may still put other weights into the model."""
        callbacks[:] = [one for one in callbacks if not (isinstance(one, _AfterAllOthers) and one.owner is self)]
        callbacks.append(_AfterAllOthers(self))
        self._in_fit.comes_last = True

    def _say_of_averages(self, callbacks: list[Any]) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        if siblings.averages(optimizer) and not siblings.averaged_at_epoch_end(self, callbacks) and not self._said_averages:
            self._said_averages = True
            logger.warning(
                "ExplanationLogger: the optimizer keeps moving averages of the weights (use_ema), which fit puts into the model at its end. Epochs are "
                "explained with the weights in training, and the returned model with the averages; for averages at every epoch, put "
                "keras.callbacks.SwapEMAWeights(swap_on_epoch=True) before this callback."
            )

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        # Not on_train_batch_end: where a callback has it, Keras no longer hands out the logs of a batch while the next one runs.
        if self._in_fit.first_batch_begun:
            self._bind_after_first_batch()
        self._in_fit.first_batch_begun = True
        self._in_fit.clock.batch()

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._in_fit.clock.validation_batch()

    def _bind_after_first_batch(self) -> None:
        """Bind the plans to a network that its first batch builds; it is refused right after this batch, like a built one before it."""
        if not self._steps.engines and not self._steps.refused:
            self._bind_early()
            if not self._steps.engines:
                self._steps.refused = True
                raise ValueError(f"ExplanationLogger: {self._network.still_not_built(self.model)}")

    def _bind_early(self) -> None:
        """Bind the plans to the network, if it is built; what does not fit is an error now, before anything is lost."""
        try:
            network = self._network.of(self.model)
        except (ValueError, TypeError) as error:
            self._steps.refused = True
            raise type(error)(f"ExplanationLogger: {error}") from error
        if not network.built:
            return
        try:
            with self._billed():
                self._bind()
        except (ValueError, TypeError) as error:
            self._steps.refused = True
            raise type(error)(f"ExplanationLogger: {self._network.refused(str(error), self.model)}") from error

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Not in on_train_begin: BackupAndRestore restores the weights there, possibly after this callback has run.
        if not self._in_fit.begun:
            self._in_fit.begun = True
            with self._steps.training_goes_on(wire.UNTRAINED), self._billed():
                self._begin(epoch)
        self._in_fit.clock.begin()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        training_seconds = self._in_fit.clock.end()
        if self._in_fit.first_batch_begun:  # the epoch may have had a single batch
            self._bind_after_first_batch()
        with self._billed():
            failure: Exception | None = None
            halvings: int | None = None
            changes: dict[str, str] = {}
            try:
                if not self._steps.engines and not self._steps.refused:
                    self._bind()
                self._steps.recorder.check(self._steps.engines)
                halvings, changes = self._decide(epoch, training_seconds)
            except Exception as error:
                failure = error
            step = epoch + self._steps.recorder.offset
            began, explained = time.perf_counter(), 0
            weights = self._weights()
            hashing = time.perf_counter() - began
            self._in_fit.newest = step, weights
            entry = {"logs": logs or {}, "training_seconds": training_seconds, "weights": weights}
            for name in self._plans:
                with self._steps.training_goes_on(step):
                    self._steps.log(name, step, halvings, entry, {"change": changes.get(name), "epoch": epoch}, failure)
                    explained += halvings is not None
            if halvings is not None and explained == len(self._plans):
                seconds, fixed = time.perf_counter() - began, sum(engine.fixed_seconds for engine in self._steps.engines.values())
                if self._pace:
                    self._pace.learn(seconds, halvings, fixed)
                self._cost.learn(seconds, fixed + hashing, self._in_fit.clock, hashing)

    def _weights(self) -> str | None:
        """The digest of the network's weights; None where it has none, or they cannot be read."""
        try:
            return digest(self._network.of(self.model))
        except Exception as error:  # no reason to lose an epoch
            if not self._in_fit.weights_unread:
                warn(f"the weights cannot be read, so the record does not know which model it is of ({type(error).__name__}: {error}).")
            self._in_fit.weights_unread = True
            return None

    def _decide(self, epoch: int, training_seconds: float) -> tuple[int | None, dict[str, str]]:
        """The halvings of this epoch, None where it is not explained; and {probe set: what changes from here on}.

        With max_overhead, this is also when the untrained model is explained.
        """
        last = self._last_epoch(epoch)
        due = self._is_due(epoch, last)
        if self._pace is None or self._steps.refused:
            return (0 if due else None), {}
        to_come = max(last - epoch, 0)
        due_after = to_come if callable(self._every) else sum(self._is_due(later, last) for later in range(epoch + 1, last + 1))
        halvings = self._pace.decide(to_come, training_seconds, due, due_after, self._steps.engines)
        changes = self._pace.changes(explained=halvings is not None)
        if self._pace.untrained_due:
            with self._steps.training_goes_on(wire.UNTRAINED), self._pace.untrained(self._network.of(self.model)) as untrained_halvings:
                weights = self._weights()
                for name in self._plans:
                    self._steps.log(name, wire.UNTRAINED, untrained_halvings, {"weights": weights}, {"change": changes.get(name)})
                changes = {}
        return halvings, changes

    @contextmanager
    def _billed(self) -> Iterator[None]:
        """The time spent inside counts as spent from the budget, where there is one."""
        with self._pace.billed() if self._pace else nullcontext():
            yield

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._in_fit.comes_last:
            self._conclude()
        elif siblings.averages(getattr(self.model, "optimizer", None)):
            self._in_fit.averages = self._weights()  # as `fit` put them in, unless a callback before this one has changed them

    def _conclude(self) -> None:
        """Explain the model that fit returns, where no explained epoch has its weights, and close the record. It is called after all other callbacks."""
        if self._in_fit.concluded:
            return
        self._in_fit.concluded = True
        with self._steps.training_goes_on(wire.RETURNED), self._billed():
            self._log_returned()
        if self._pace:
            self._pace.conclude()
        self._cost.conclude(self._in_fit.clock)
        with self._steps.training_goes_on(None):
            self._steps.recorder.close()

    def _log_returned(self) -> None:
        """Write what the returned model is: that of an explained epoch, or explained now."""
        halvings = self._pace.halvings_at_end if self._pace else lambda: 0
        self._run.log_returned(self._weights(), self._in_fit.newest, self._in_fit.averages, halvings)

    def _begin(self, epoch: int) -> None:
        """Choose the record of this fit, and explain the model before its first epoch, if it is untrained."""
        network = self._network.of(self.model)
        weights = self._weights()
        new = self._steps.recorder.begin(epoch, network, weights, self._steps.engines)
        has_trained = steps_made(getattr(self.model, "optimizer", None)) > 0 and not self._steps.recorder.initial
        if epoch > 0 or not new or has_trained or not self._untrained:
            return
        if not self._steps.engines:
            # Building the model here would draw its weights earlier than Keras does, and so change the training.
            warn(
                f"model {network.name!r} is not built before its first batch, so its untrained state is not explained; "
                "call it on one batch before fit, or give untrained=False."
            )
            return
        if self._pace:
            self._pace.keep_untrained(network)  # explained after the first epoch, if there is time for it
            return
        for name in self._plans:
            self._steps.log(name, wire.UNTRAINED, 0, {"weights": weights})

    def _bind(self) -> None:
        self._steps.bind(self._network.of(self.model))

    def _is_due(self, epoch: int, last: int) -> bool:
        if callable(self._every):
            return bool(self._every(epoch))
        return epoch % self._every == 0 or epoch == last

    def _last_epoch(self, epoch: int) -> int:
        """The last epoch of this fit, as far as is known at the end of `epoch`; -1 in a custom training loop that has not set it."""
        return epoch if getattr(self.model, "stop_training", False) else int((self.params or {}).get("epochs", 0)) - 1
