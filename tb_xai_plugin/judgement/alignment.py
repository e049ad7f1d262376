"""Pairs of epochs of two runs: the same epoch, the closest validation metric, or the same distance from each run's best epoch. numpy only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement.words import choice_words, wrong_step
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.wire import RETURNED, UNTRAINED

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

# In place of a step where a run has no epoch; -1 is the untrained model, and RETURNED the returned one.
ABSENT = -2

# The metric that people look at first, in the order of the page's metrics.js.
PREFERRED = ("acc", "auc|f1|precision|recall|iou|dice", "mae|mse|error|r2")
SETTINGS = re.compile("lr|learning_rate")

# For any other metric, larger is better.
LESS_IS_BETTER = re.compile(
    "loss|error|mae|mse|mape|msle|entropy|divergence|hinge|poisson|cosh|false_|perplexity|brier|(?:^|_)(?:wer|cer|eer|ece|nll|fid|fpr|fnr)(?:_|$)",
    re.IGNORECASE,
)

# Relative difference below which two values of a metric count as equal.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Pairing:
    """Pairs of epochs of two runs, one pair a row.

    Attributes:
        steps: int64 (rows,), ascending: the epoch that names a row.
        here, there: int64 (rows,): the paired epoch of the first run and of the second; -2 (ABSENT) where it has none.
        metric: the metric that the pairs are chosen by, as Keras logs it; "" where none is used.
        best: the step of the row in which both runs are at their best; None where rows are not aligned by it.
    """

    steps: np.ndarray
    here: np.ndarray
    there: np.ndarray
    metric: str = ""
    best: int | None = None

    def row(self, step: int | None, known: np.ndarray, runs: tuple[str, str]) -> int:
        """The row of an epoch.

        Args:
            step: the epoch that names the row; by default the best epoch where runs are aligned by it, else the last that has something to
                compare. The returned model is the default only where there is nothing else.
            known: bool (rows,), whether a row has something to compare.
            runs: names of both runs, for errors.

        Raises:
            ArgumentError (a ValueError): a step that no row has, or runs without an explained epoch.
        """
        if not len(self.steps):
            raise ArgumentError(f"{runs[0]} and {runs[1]} have no explained epoch yet.")
        if step is None and self.best is not None:
            step = self.best
        if step is None:
            of_epochs = ~np.isin(self.steps, (UNTRAINED, RETURNED))
            choices = (of_epochs & known, of_epochs, self.steps == self.steps[-1])
            return int(np.flatnonzero(next(rows for rows in choices if rows.any()))[-1])
        matches = np.flatnonzero(self.steps == step)
        if not len(matches):
            raise ArgumentError(
                f"{wrong_step(step)} is not among those of {runs[0]} and {runs[1]}; choose one of {choice_words(self.steps)}."
            )
        return int(matches[0])


def places_of(run: Series, epochs: np.ndarray) -> np.ndarray:
    """int (rows,): the index of each epoch in `Run.all_steps`; -1 where it is ABSENT."""
    return np.where(epochs == ABSENT, -1, np.searchsorted(run.all_steps, epochs))


def rows_at(array: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows of an array at indices; NaN, False or -1 at index -1."""
    if not len(array):
        array = np.zeros((1, *array.shape[1:]), dtype=array.dtype)  # nothing is explained yet: all indices are -1
    rows = array[np.maximum(places, 0)]
    nothing = np.nan if rows.dtype.kind == "f" else False if rows.dtype.kind == "b" else -1
    chosen: np.ndarray = np.where((places >= 0).reshape(-1, *[1] * (rows.ndim - 1)), rows, rows.dtype.type(nothing))
    return chosen


def pair(run: Series, other: Series, by: str = "epoch") -> Pairing:
    """Pair the epochs of `run` (here) with epochs of `other` (there).

    The untrained model is paired with the untrained model only, and the returned one with the returned one: where a run's has the weights of an
    explained epoch, that epoch takes the place. A model that was explained once has no epochs: its one explanation is paired with every row.

    Args:
        by: "epoch": a row for every epoch that either run explained. Where a run logged that epoch but did not explain it, its nearest
            explained epoch takes the place (of two equally near the earlier); where the run did not log it, there is none.
            "val_accuracy": each epoch of `run` with the epoch of `other` whose validation metric is closest (the first of equally close ones).
            "best": each epoch of `run` with the epoch of `other` at the same distance from its best epoch, by the rule of "epoch".

    Raises:
        ArgumentError (a ValueError): an unknown alignment, or no metric that both runs logged.
    """
    if by not in WAYS:
        raise ArgumentError(f"unknown alignment {by!r}; choose from {list(WAYS)}.")
    if run.once or other.once:
        return _with_once(run, other)
    return WAYS[by](run, other)


def with_returned(pairing: Pairing, run: Series, other: Series) -> Pairing:
    """The same pairing with the row of the returned models, also where both have the weights of explained epochs; without it where a run has none."""
    here, there = run.returned_step, other.returned_step
    if here is None or there is None or RETURNED in pairing.steps:
        return pairing
    rows = (np.append(pairing.steps, RETURNED), np.append(pairing.here, here), np.append(pairing.there, there))
    return Pairing(*rows, pairing.metric, pairing.best)


def against_step(run: Series, other: Series, step: int) -> Pairing:
    """Pair all epochs of `run` with one epoch of `other`, which may be the same run.

    Raises:
        ArgumentError (a ValueError): a step that was not explained.
    """
    place(other, step)
    return Pairing(run.all_steps, run.all_steps, np.full(len(run.all_steps), step))


def place(run: Series, step: int) -> int:
    """The index of a step in `Run.all_steps`.

    Raises:
        ArgumentError (a ValueError): a step that was not explained.
    """
    matches = np.flatnonzero(run.all_steps == step)
    if not len(matches):
        raise ArgumentError(f"{run.name}: {wrong_step(step)} was not explained; choose one of {choice_words(run.all_steps)}.")
    return int(matches[0])


def _by_epoch(run: Series, other: Series) -> Pairing:
    steps = np.union1d(run.all_steps, other.all_steps)
    return Pairing(steps, _nearest_explained(run, steps), _nearest_explained(other, steps))


def _with_once(run: Series, other: Series) -> Pairing:
    """Every step of one run with the one explanation of the other, or of both."""
    steps = np.union1d(run.all_steps, other.all_steps)
    here, there = (np.full(len(steps), RETURNED) if side.once else _nearest_explained(side, steps) for side in (run, other))
    paired = (here != ABSENT) & (there != ABSENT)
    return Pairing(steps[paired], here[paired], there[paired])


def _by_closest(run: Series, other: Series) -> Pairing:
    metric, here, there = _common_metric(run, other, validation_only=True)
    candidates, metrics = other.steps[np.isfinite(there)], there[np.isfinite(there)]

    def closest(wanted: float) -> int:
        if not np.isfinite(wanted):
            return ABSENT
        distance = np.abs(metrics - wanted)
        return int(candidates[np.argmax(distance <= distance.min() + ROUNDING * abs(wanted))])

    pairs = dict(zip(run.steps.tolist(), map(closest, here.tolist()), strict=True))
    pairs[wire.UNTRAINED] = wire.UNTRAINED if wire.UNTRAINED in other.all_steps else ABSENT
    pairs[RETURNED] = ABSENT if other.returned_step is None else other.returned_step
    return Pairing(run.all_steps, run.all_steps, np.array([pairs[step] for step in run.all_steps.tolist()], dtype=np.int64), metric)


def _by_best(run: Series, other: Series) -> Pairing:
    metric, here, there = _common_metric(run, other, validation_only=False)
    steps = run.all_steps
    best = _best(run, metric, here)
    wanted = steps + _best(other, metric, there) - best
    # An epoch is never paired with the untrained model, nor with the returned one.
    wanted = np.where(run.is_epoch, np.where(wanted < 0, ABSENT, wanted), steps)
    return Pairing(steps, steps, _nearest_explained(other, wanted), metric, best)


WAYS: dict[str, Callable[[Series, Series], Pairing]] = {"epoch": _by_epoch, "val_accuracy": _by_closest, "best": _by_best}


def _nearest_explained(run: Series, wanted: np.ndarray) -> np.ndarray:
    """The explained epoch for each wanted epoch: itself, or the nearest where it was logged but not explained; ABSENT where it was not logged.

    For RETURNED, the step that explains the returned model.
    """
    trained, (logged, _) = run.steps, run.log_series()
    wanted = np.where(wanted == RETURNED, ABSENT if run.returned_step is None else run.returned_step, wanted)
    if not len(trained):
        return np.where(np.isin(wanted, run.all_steps), wanted, ABSENT)
    after = np.searchsorted(trained, wanted).clip(max=len(trained) - 1)
    before = (after - 1).clip(min=0)
    nearest = np.where(wanted - trained[before] <= trained[after] - wanted, trained[before], trained[after])
    return np.where(np.isin(wanted, run.all_steps), wanted, np.where(np.isin(wanted, logged), nearest, ABSENT))


def _common_metric(run: Series, other: Series, *, validation_only: bool) -> tuple[str, np.ndarray, np.ndarray]:
    """The preferred metric among those that both runs have numbers of, and its values at the `steps` of each run."""
    logs, other_logs = run.logs, other.logs
    common = [name for name in logs if name in other_logs and all(np.isfinite(series[name]).any() for series in (logs, other_logs))]
    validation = [name for name in common if name.startswith("val_")]
    training = [] if validation_only else [name for name in common if name not in validation and not SETTINGS.fullmatch(name)]
    names = [*_in_order(validation), *_in_order(training)]
    if not names:
        which = "validation metric" if validation_only else "metric"
        raise ArgumentError(
            f"{run.name} and {other.name} have no {which} in common: {run.name} logged {_listed(logs)}, {other.name} logged "
            f"{_listed(other_logs)}; align them by 'epoch'{', or give validation_data to fit' if validation_only else ''}."
        )
    return names[0], logs[names[0]], other_logs[names[0]]


def _in_order(names: Iterable[str]) -> list[str]:
    """Sorted by preference: accuracy first, losses last."""

    def rank(name: str) -> int:
        name = name.removeprefix("val_")
        if "loss" in name:
            return len(PREFERRED) + (1 if name == "loss" else 2)
        return next((place for place, pattern in enumerate(PREFERRED) if re.search(pattern, name, re.IGNORECASE)), len(PREFERRED))

    return sorted(names, key=rank)


def first_metric(logs: Iterable[str]) -> str:
    """The preferred metric of one run, a validation metric if there is one; "" where nothing was logged."""
    names = [name for name in logs if not SETTINGS.fullmatch(name)]
    validation = [name for name in names if name.startswith("val_")]
    return next(iter(_in_order(validation or names)), "")


def best_epoch(run: Series) -> tuple[int, str] | None:
    """The explained epoch at which a run's preferred metric is best, and the name of that metric; None where no epoch has a number of one."""
    logs = run.logs
    metric = first_metric(name for name, series in logs.items() if np.isfinite(series).any())
    return (_best(run, metric, logs[metric]), metric) if metric else None


def _listed(logs: Iterable[str]) -> str:
    return ", ".join(logs) or "nothing"


def _best(run: Series, metric: str, series: np.ndarray) -> int:
    """The explained epoch at which a metric is best; of equally good ones the one with the smallest loss, then the first.

    With a small validation set many epochs are equally good, and the first of them is only half trained.
    """
    score = np.where(np.isfinite(series), -series if LESS_IS_BETTER.search(metric) else series, -np.inf)
    losses = run.logs.get("val_loss" if metric.startswith("val_") else "loss", np.full(len(series), np.inf))
    tied = np.flatnonzero(score == score.max())
    return int(run.steps[tied[np.where(np.isfinite(losses[tied]), losses[tied], np.inf).argmin()]])
