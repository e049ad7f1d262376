"""Which epochs of two runs stand side by side: the same, those of the closest validation metric, or as far from each run's best. numpy only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

# Stands where a run has no epoch; -1 is the untrained model.
ABSENT = -2

# The metric that people look at first, in the order of the page's metrics.js.
PREFERRED = ("acc", "auc|f1|precision|recall|iou|dice", "mae|mse|error|r2")
SETTINGS = re.compile("lr|learning_rate")

# Of any other metric, more is better.
LESS_IS_BETTER = re.compile(
    "loss|error|mae|mse|mape|msle|entropy|divergence|hinge|poisson|cosh|false_|perplexity|brier|(?:^|_)(?:wer|cer|eer|ece|nll|fid|fpr|fnr)(?:_|$)",
    re.IGNORECASE,
)

# Differences of metrics that are equal but for rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Pairing:
    """Epochs of two runs, side by side.

    Attributes:
        steps: int64 (rows,), ascending: the epoch that a row is called by.
        here, there: int64 (rows,): the epoch of the one run and of the other; ABSENT where it has none.
        metric: the one that decided, as Keras logs it; "" where none did.
        best: the row in which both are at their best; None where rows are not counted from there.
    """

    steps: np.ndarray
    here: np.ndarray
    there: np.ndarray
    metric: str = ""
    best: int | None = None


def pair(run: Series, other: Series, by: str = "epoch") -> Pairing:
    """Which epochs of `run` (here) and `other` (there) stand side by side. The untrained model only ever stands beside the untrained model.

    Args:
        by: "epoch": every epoch that was explained in either. Where one of them logged it and was not due to explain it, its nearest explained
            epoch stands there (of two the earlier); where it has not logged it, none.
            "val_accuracy": each epoch of `run` with the epoch of `other` whose validation metric is closest (of equally close ones the first).
            "best": each epoch of `run` with that of `other` that is as far from its best, by the rule of "epoch".

    Raises:
        ArgumentError (a ValueError): an unknown way, or no metric that both logged.
    """
    if by not in WAYS:
        raise ArgumentError(f"unknown alignment {by!r}; choose from {list(WAYS)}.")
    return WAYS[by](run, other)


def beside(run: Series, other: Series, step: int) -> Pairing:
    """All epochs of `run` beside one of `other`, which may be the same run.

    Raises:
        ArgumentError (a ValueError): a step that was not explained.
    """
    place(other, step)
    return Pairing(run.all_steps, run.all_steps, np.full(len(run.all_steps), step))


def place(run: Series, step: int) -> int:
    """Where a step is among `Run.all_steps`.

    Raises:
        ArgumentError (a ValueError): a step that was not explained.
    """
    found = np.flatnonzero(run.all_steps == step)
    if not len(found):
        raise ArgumentError(f"{run.name}: step {step} was not explained; there are {run.all_steps.tolist()}.")
    return int(found[0])


def _by_epoch(run: Series, other: Series) -> Pairing:
    steps = np.union1d(run.all_steps, other.all_steps)
    return Pairing(steps, _standing_for(run, steps), _standing_for(other, steps))


def _by_closest(run: Series, other: Series) -> Pairing:
    metric, here, there = _common_metric(run, other, validation_only=True)
    candidates, found = other.steps[np.isfinite(there)], there[np.isfinite(there)]

    def closest(wanted: float) -> int:
        if not np.isfinite(wanted):
            return ABSENT
        distance = np.abs(found - wanted)
        return int(candidates[np.argmax(distance <= distance.min() + ROUNDING * abs(wanted))])

    pairs = dict(zip(run.steps.tolist(), map(closest, here.tolist()), strict=True))
    pairs[wire.UNTRAINED] = wire.UNTRAINED if wire.UNTRAINED in other.all_steps else ABSENT
    return Pairing(run.all_steps, run.all_steps, np.array([pairs[step] for step in run.all_steps.tolist()], dtype=np.int64), metric)


def _by_best(run: Series, other: Series) -> Pairing:
    metric, here, there = _common_metric(run, other, validation_only=False)
    steps = run.all_steps
    best = _best(run, metric, here)
    wanted = steps + _best(other, metric, there) - best
    # An epoch that would be as far back as the untrained model is not the untrained model.
    wanted = np.where(steps == wire.UNTRAINED, wire.UNTRAINED, np.where(wanted < 0, ABSENT, wanted))
    return Pairing(steps, steps, _standing_for(other, wanted), metric, best)


WAYS: dict[str, Callable[[Series, Series], Pairing]] = {"epoch": _by_epoch, "val_accuracy": _by_closest, "best": _by_best}


def _standing_for(run: Series, wanted: np.ndarray) -> np.ndarray:
    """The explained epoch that stands for each epoch: itself, or where it was logged and not due the nearest; ABSENT where it was not logged."""
    trained, (logged, _) = run.steps, run.log_series()
    if not len(trained):
        return np.where(np.isin(wanted, run.all_steps), wanted, ABSENT)
    after = np.searchsorted(trained, wanted).clip(max=len(trained) - 1)
    before = (after - 1).clip(min=0)
    nearest = np.where(wanted - trained[before] <= trained[after] - wanted, trained[before], trained[after])
    found = np.where(np.isin(wanted, logged), nearest, ABSENT)
    return np.where(np.isin(wanted, run.all_steps), wanted, found)


def _common_metric(run: Series, other: Series, *, validation_only: bool) -> tuple[str, np.ndarray, np.ndarray]:
    """The first metric that both have numbers of, and what it was at the `steps` of each."""
    logs, other_logs = run.logs, other.logs
    common = [name for name in logs if name in other_logs and all(np.isfinite(each[name]).any() for each in (logs, other_logs))]
    validation = [name for name in common if name.startswith("val_")]
    training = [] if validation_only else [name for name in common if name not in validation and not SETTINGS.fullmatch(name)]
    names = [*_in_order(validation), *_in_order(training)]
    if not names:
        which = "validation metric" if validation_only else "metric"
        raise ArgumentError(
            f"{run.name} and {other.name} have no {which} in common: they logged {_listed(logs)} and {_listed(other_logs)}; "
            f"align them by 'epoch'{', or give validation_data to fit' if validation_only else ''}."
        )
    return names[0], logs[names[0]], other_logs[names[0]]


def _in_order(names: Iterable[str]) -> list[str]:
    """The one that people look at first comes first; losses last."""

    def rank(name: str) -> int:
        name = name.removeprefix("val_")
        if "loss" in name:
            return len(PREFERRED) + (1 if name == "loss" else 2)
        return next((place for place, pattern in enumerate(PREFERRED) if re.search(pattern, name, re.IGNORECASE)), len(PREFERRED))

    return sorted(names, key=rank)


def first_metric(logs: Iterable[str]) -> str:
    """The metric of one run that people look at first, of the validation if there is one; "" where nothing was logged."""
    names = [name for name in logs if not SETTINGS.fullmatch(name)]
    validation = [name for name in names if name.startswith("val_")]
    return next(iter(_in_order(validation or names)), "")


def _listed(logs: Iterable[str]) -> str:
    return ", ".join(logs) or "nothing"


def _best(run: Series, metric: str, series: np.ndarray) -> int:
    """The explained epoch at which a metric is best; of equally good ones that of the smallest loss, then the first.

    A small validation set makes many epochs equally good, the first of which is half trained.
    """
    worth = np.where(np.isfinite(series), -series if LESS_IS_BETTER.search(metric) else series, -np.inf)
    losses = run.logs.get("val_loss" if metric.startswith("val_") else "loss", np.full(len(series), np.inf))
    tied = np.flatnonzero(worth == worth.max())
    return int(run.steps[tied[np.where(np.isfinite(losses[tied]), losses[tied], np.inf).argmin()]])
