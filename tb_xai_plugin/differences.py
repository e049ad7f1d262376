"""Standard errors of differences: of a run's values less those of another step, or of another run that was asked the same coalitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin import stability, wire
from tb_xai_plugin.stability import ArgumentError

if TYPE_CHECKING:
    from tb_xai_plugin.reader import Run

# Out of a series (all_steps, probes, targets, …), what is to be subtracted; and its classes. See `Run.toward`.
Pick = Callable[["Run", np.ndarray], tuple[np.ndarray, np.ndarray]]


def of_step(run: Run, other: Run, explainer: str, step: int, other_step: int, *, shared: bool) -> np.ndarray:
    """See `Run.change_errors`."""
    _refuse_incomparable(run, other)
    here, there = _place(run, step), _place(other, other_step)
    return _of_pairs(run, other, explainer, [here], [there], lambda r, series: (series, r.all_targets()), shared)[0]


def of_class(run: Run, other: Run, explainer: str, at: int | None, target: str | int, probes: Sequence[int]) -> np.ndarray:
    """See `Run.all_change_errors`."""
    _refuse_incomparable(run, other)
    if at is not None:
        _place(other, at)
    steps = run.all_steps if at is None else np.full(len(run.all_steps), at)
    here = np.flatnonzero(np.isin(steps, other.all_steps))
    there = np.searchsorted(other.all_steps, steps[here])

    def pick(r: Run, series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        picked, classes = r.toward(series, target)
        return picked[:, probes], classes[:, probes]

    errors = np.full((len(steps), len(probes), run.record["shape"]["players"]), np.nan, dtype=np.float32)
    errors[here] = _of_pairs(run, other, explainer, here, there, pick, shared=True)
    return errors


def _of_pairs(run: Run, other: Run, explainer: str, here: Sequence[int], there: Sequence[int], pick: Pick, shared: bool) -> np.ndarray:
    """Of `run` at the places `here` less `other` at the places `there`; NaN where they explain other classes."""
    (errors, classes), (others, other_classes) = pick(run, run.all_errors(explainer)), pick(other, other.all_errors(explainer))
    errors, others = errors[here], others[there]
    same_class = (classes[here] == other_classes[there])[..., None]
    noise, other_noise = run.all_noise(explainer), other.all_noise(explainer)
    sketches: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    if shared and noise is not None and other_noise is not None:
        # Of other coalitions, the errors have nothing in common.
        same_level = run.cost["level"][here] == other.cost["level"][there]
        sketch, other_sketch = pick(run, noise)[0][here], pick(other, other_noise)[0][there]
        sketches = sketch * same_level.reshape(-1, *[1] * (sketch.ndim - 1)), other_sketch
    return np.where(same_class, stability.change_errors(errors, others, *sketches), np.float32(np.nan))


def _refuse_incomparable(run: Run, other: Run) -> None:
    parts = dict.fromkeys([*run.comparable, *other.comparable])
    differing = [wire.PART_NAMES.get(part, part) for part in parts if run.comparable.get(part) != other.comparable.get(part)]
    if differing:
        raise ArgumentError(
            f"{run.name} and {other.name} can't be compared: they have other {', '.join(differing)}; log both with the same, to subtract them."
        )


def _place(run: Run, step: int) -> int:
    found = np.flatnonzero(run.all_steps == step)
    if not len(found):
        raise ArgumentError(f"{run.name}: step {step} was not explained; there are {run.all_steps.tolist()}.")
    return int(found[0])
