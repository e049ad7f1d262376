"""Standard errors of differences: of a run's values less those of another step, or of another run that was asked the same coalitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import alignment
from tb_xai_plugin.judgement.alignment import ABSENT, Pairing
from tb_xai_plugin.judgement.noise import change_errors
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series

# Of a run, (all_steps, probes, …) each: standard errors, sketches of the sampling errors (None where there are none), and the class they are of.
Logged = tuple[np.ndarray, np.ndarray | None, np.ndarray]


def of_step(run: Series, other: Series, explainer: str, step: int, other_step: int, *, shared: bool) -> np.ndarray:
    """See `Run.change_errors`."""
    refuse_incomparable(run, other, explainer)
    here, there = alignment.place(run, step), alignment.place(other, other_step)
    logged, others = ((r.all_errors(explainer), r.all_noise(explainer) if shared else None, r.all_targets()) for r in (run, other))
    return _of_pairs(run, other, logged, others, [here], [there])[0]


def of_class(run: Series, other: Series, explainer: str, at: int | Pairing, target: str | int, probes: Sequence[int]) -> np.ndarray:
    """See `Run.all_change_errors`."""
    refuse_incomparable(run, other, explainer)
    pairing = at if isinstance(at, Pairing) else alignment.beside(run, other, at)
    rows = np.flatnonzero((pairing.here != ABSENT) & (pairing.there != ABSENT))
    here, there = np.searchsorted(run.all_steps, pairing.here[rows]), np.searchsorted(other.all_steps, pairing.there[rows])
    logged, others = (_logged(r, explainer, target, probes) for r in (run, other))
    errors = np.full((len(pairing.steps), len(probes), run.record["shape"]["players"]), np.nan, dtype=np.float32)
    errors[rows] = _of_pairs(run, other, logged, others, here, there)
    return errors


class Places:
    """Of one run and class: errors of values less those at other places of `Run.all_steps`, which may be others for each probe."""

    def __init__(self, run: Series, explainer: str, target: str | int) -> None:
        self._run = run
        self._logged = _logged(run, explainer, target, slice(None))

    def __call__(self, here: Sequence[int], there: np.ndarray) -> np.ndarray:
        """float32 (rows, probes, players). here: (rows,) places; there: int (rows, probes), -1 counts as 0."""
        probes = np.arange(there.shape[1])
        return _of_pairs(
            self._run,
            self._run,
            self._logged,
            self._logged,
            (np.asarray(here, dtype=np.intp)[:, None], probes),
            (np.maximum(there, 0), probes),
        )


def _logged(run: Series, explainer: str, target: str | int, probes: Sequence[int] | slice) -> Logged:
    """Of one class and some probes."""
    sketches = [f"noise/{explainer}"] if run.record["details"][explainer]["sketched"] else []
    errors, *noise = run.of_class(target, f"errors/{explainer}", *sketches)
    return errors[:, probes], noise[0][:, probes] if noise else None, run.target_of(target)[:, probes]


def _of_pairs(run: Series, other: Series, logged: Logged, others: Logged, here: Any, there: Any) -> np.ndarray:
    """Of `run` at the places `here` less `other` at the places `there`; NaN where they explain other classes.

    here, there: what selects rows of (all_steps, probes, …): places, or (places, probes).
    """
    (errors, noise, classes), (other_errors, other_noise, other_classes) = logged, others
    sketches: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    if noise is not None and other_noise is not None:
        # Of other coalitions, the errors have nothing in common.
        levels, other_levels = (each.cost["level"][at[0] if isinstance(at, tuple) else at] for each, at in ((run, here), (other, there)))
        same_level = levels == other_levels
        sketches = noise[here] * same_level.reshape(*same_level.shape, *[1] * (noise[here].ndim - same_level.ndim)), other_noise[there]
    same_class = (classes[here] == other_classes[there])[..., None]
    return np.where(same_class, change_errors(errors[here], other_errors[there], *sketches), np.float32(np.nan))


def refuse_incomparable(run: Series, other: Series, explainer: str) -> None:
    """Raise an ArgumentError where two runs can't be compared in an explainer."""
    if explainer not in run.explainers:
        raise ArgumentError(f"{run.name}: no explainer {explainer!r} in this record; it has {run.explainers}.")
    reason = incomparable(run, other, explainer)
    if reason:
        raise ArgumentError(f"{run.name} and {other.name} can't be compared: {reason}.")


def incomparable(run: Series, other: Series, explainer: str) -> str:
    """Why two runs can't be compared in an explainer; "" where they can."""
    if explainer not in other.explainers:
        return f"{other.name} has no {explainer!r}; it has {', '.join(other.explainers)}"
    differing = wire.differing(run.comparable, other.comparable, explainer)
    if differing:
        return f"they have other {', '.join(differing)}; log both with the same, to subtract them"
    return ""
