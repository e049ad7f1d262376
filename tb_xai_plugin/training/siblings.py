"""The other callbacks of the same fit. Keras gives a callback no way to them, but it calls the callback from their list."""

from __future__ import annotations

import inspect
import os
import sys
from types import FrameType
from typing import Any

from tb_xai_plugin.training import folder


def list_of_fit() -> list[Any] | None:
    """The callbacks of the fit that is calling, those that are groups of others among them; None outside of a fit, such as in a user's training loop."""
    frame, owner = inspect.currentframe(), None
    while frame is not None:
        if _is_of_keras(frame):
            caller = frame.f_locals.get("self")
            callbacks = _callbacks(caller)
            # A list may be one of the callbacks of another one.
            if callbacks is not None and (owner is None or any(one is owner for one in callbacks)):
                owner = caller
        frame = frame.f_back
    return _callbacks(owner)


def is_running(callbacks: list[Any] | None) -> bool:
    """Whether the fit that has these callbacks is going on, in any thread. One that was interrupted never tells its callbacks."""
    if callbacks is None:
        return False
    for frame in sys._current_frames().values():
        at: FrameType | None = frame
        while at is not None:
            if at.f_code.co_name == "fit" and _is_of_keras(at) and _callbacks(at.f_locals.get("callbacks")) is callbacks:
                return True
            at = at.f_back
    return False


def _is_of_keras(frame: FrameType) -> bool:
    """Whether a frame is of a function of Keras. Those of users are left alone: before Python 3.13, who asks for their variables keeps these alive."""
    return str(frame.f_globals.get("__name__")).startswith("keras.")


def _callbacks(value: Any) -> list[Any] | None:
    """The callbacks in a `keras.callbacks.CallbackList`; None for anything else."""
    if not any(base.__name__ == "CallbackList" for base in type(value).__mro__):
        return None
    callbacks = getattr(value, "callbacks", None)
    return callbacks if isinstance(callbacks, list) else None


def trial_directory(log_dir: str, callbacks: list[Any]) -> str | None:
    """Where a copy of a logger writes that a tuner made for one trial; None where there is no sign of a tuner.

    That is where the copy of `keras.callbacks.TensorBoard` writes, if the tuner moved it below log_dir, as KerasTuner does. Otherwise it is
    a folder with the name of the trial.
    """
    for callback in callbacks:
        of_tensorboard = getattr(callback, "log_dir", None)
        if (
            type(callback).__name__ == "TensorBoard"
            and isinstance(of_tensorboard, str | os.PathLike)
            and folder.inside(os.fspath(of_tensorboard), log_dir)
        ):
            return str(os.fspath(of_tensorboard))
    trials = (getattr(getattr(callback, "trial", None), "trial_id", None) for callback in callbacks)
    name = next((str(trial) for trial in trials if trial is not None), None)
    return None if name is None else os.path.join(log_dir, name)


def restores(callbacks: list[Any]) -> bool:
    """Whether a backup may tell a fit at which epoch it begins."""
    return any(type(callback).__name__ == "BackupAndRestore" for callback in callbacks)


def averages(optimizer: Any) -> bool:
    """Whether an optimizer keeps moving averages of the weights, which `fit` puts into the model at its end."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    return any(bool(getattr(one, "use_ema", False)) for one in getattr(inner, "optimizers", [inner]))


def averaged_at_epoch_end(callback: Any, callbacks: list[Any]) -> bool:
    """Whether a SwapEMAWeights(swap_on_epoch=True) before the callback puts the moving averages into the model at the end of every epoch."""
    before = callbacks[: next((place for place, one in enumerate(callbacks) if one is callback), 0)]
    return any(type(one).__name__ == "SwapEMAWeights" and getattr(one, "swap_on_epoch", False) for one in before)
