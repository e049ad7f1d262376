"""What the loggers of all frameworks have in common: one RunLogger a training, and how often it is called."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.training.checks import check_pace
from tb_xai_plugin.training.logger import RunLogger


class _Hooked(RunLogger):
    """Speaks in the name that users write."""

    _who: ClassVar[str] = "ExplanationLogger"


class Hooked:
    """Calls a RunLogger at the steps of one training after another.

    Args:
        log_dir, probes, explainers, options: see `RunLogger`.
        every: the number of steps from one explanation to the next; the last step of a training is always explained. Or a callable step -> bool, which then decides alone.
            Of the other steps the record has the logs.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer,
        every: int | Callable[[int], bool],
        options: Mapping[str, Any],
    ) -> None:
        check_pace(every, None)
        self._blank = _Hooked(log_dir, probes, explainers, **options)
        self._every = every
        self._log: RunLogger | None = None
        self._pending: tuple[Any, int, Mapping[str, Any]] | None = None
        self._newest = self._noted = -2

    def begin(self) -> None:
        """A training begins. One that was interrupted may have left its record open."""
        self.end()
        self._log, self._newest, self._noted = copy.copy(self._blank).__enter__(), -2, -2

    def untrained(self, model: Any) -> None:
        """Explain the model before its training."""
        self._write(model, -1, {})

    def step(self, model: Any, step: int, logs: Mapping[str, Any], *, last: bool = False) -> None:
        """A step of the training is done: explain the model, if it is due, else write the logs alone.

        last: whether this step is known to be the last one. It need not be: a step that was not due is explained at the end, if none follows.
        """
        # Some hooks are called once more for a step, and training is not to end because of that.
        if step <= self._newest or step < self._noted:
            return
        due = bool(self._every(step)) if callable(self._every) else last or step % self._every == 0
        if due:
            self._write(model, step, logs)
            self._pending = None
            return
        if step > self._noted:
            assert self._log is not None, "a training has begun"
            self._log.note(model, step, logs)
            self._noted = step
        if not callable(self._every):
            self._pending = model, step, dict(logs)

    def finish(self, *, gone: bool = False) -> None:
        """The training is done. gone: whether the model is no longer that of the last step."""
        if self._pending is not None and not gone:
            self._write(*self._pending)
        if self._log is not None:
            self._log.close()
        self.end()

    def end(self) -> None:
        """Close the record of a training that has ended in any way."""
        log, self._log, self._pending = self._log, None, None
        if log is not None:
            log.abandon()

    def _write(self, model: Any, step: int, logs: Mapping[str, Any]) -> None:
        assert self._log is not None, "a training has begun"
        self._newest = step
        self._log.log(model, step, logs)
