"""Standard errors of differences: a run's values minus those of another step, or of another run with the same coalitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import alignment, summaries
from tb_xai_plugin.judgement.alignment import ABSENT, Pairing
from tb_xai_plugin.judgement.noise import NOTHING, LoggedPair, errors_between
from tb_xai_plugin.records import wire

if TYPE_CHECKING:
    from tb_xai_plugin.records.series import Series, Target

KINDS = {"image": "images", "tabular": "tables", "text": "texts", "sequence": "series"}

# The most names in a sentence.
MOST_NAMED = 6

# Selects rows of (all_steps, probes, …): indices of steps, or (indices of steps, indices of probes).
Rows: TypeAlias = np.ndarray | tuple[np.ndarray, np.ndarray]

# Of a run, (all_steps, probes, …) each: standard errors, sketches of the sampling errors (None where there are none), and the explained class.
Logged = tuple[np.ndarray, np.ndarray | None, np.ndarray]


def of_step(run: Series, other: Series, explainer: str, step: int, other_step: int, *, shared: bool) -> np.ndarray:
    """See `Run.change_errors`."""
    refuse_incomparable(run, other, explainer)
    here, there = np.array([alignment.place(run, step)]), np.array([alignment.place(other, other_step)])
    logged, others = ((r.all_errors(explainer), r.all_noise(explainer) if shared else None, r.all_targets()) for r in (run, other))
    (errors,) = _of_pairs(run, other, logged, others, here, there)
    return np.asarray(errors)


def of_class(run: Series, other: Series, explainer: str, at: int | Pairing, target: Target, probes: Sequence[int]) -> np.ndarray:
    """See `Run.all_change_errors`."""
    refuse_incomparable(run, other, explainer)
    pairing = at if isinstance(at, Pairing) else alignment.against_step(run, other, at)
    rows = np.flatnonzero((pairing.here != ABSENT) & (pairing.there != ABSENT))
    here, there = np.searchsorted(run.all_steps, pairing.here[rows]), np.searchsorted(other.all_steps, pairing.there[rows])
    logged, others = (_logged(r, explainer, target, probes) for r in (run, other))
    errors = np.full((len(pairing.steps), len(probes), run.record["shape"]["players"]), np.nan, dtype=np.float32)
    errors[rows] = _of_pairs(run, other, logged, others, here, there)
    return errors


class ChangeErrors:
    """Standard errors of one run's values minus its own values at other steps, which may differ between probes; of one class."""

    def __init__(self, run: Series, explainer: str, target: Target) -> None:
        self._run = run
        self._logged = _logged(run, explainer, target, slice(None))

    def __call__(self, here: Sequence[int], there: np.ndarray) -> np.ndarray:
        """float32 (rows, probes, players). here: (rows,), there: int (rows, probes): indices into `Run.all_steps`; -1 in `there` is taken as 0."""
        probes = np.arange(there.shape[1])
        return _of_pairs(
            self._run,
            self._run,
            self._logged,
            self._logged,
            (np.asarray(here, dtype=np.intp)[:, None], probes),
            (np.maximum(there, 0), probes),
        )

    def logged(self, here: tuple[np.ndarray, np.ndarray], there: tuple[np.ndarray, np.ndarray]) -> LoggedPair:
        """What was logged of the sampling errors of both, (…, numbers) each. here, there: (indices into `Run.all_steps`, probes), (…) each."""
        sketches = self._logged[1]
        return NOTHING if sketches is None else (sketches[here], sketches[there])

    def at(self, here: tuple[np.ndarray, np.ndarray], there: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """float32 (rows, players), of single explanations. here, there: (indices into `Run.all_steps`, probes), int (rows,) each."""
        (errors, noise, classes), levels = self._logged, self._run.cost["level"]
        return errors_between(
            *(errors[here], errors[there]),
            *(None if noise is None else noise[here], None if noise is None else noise[there]),
            same_level=np.asarray(levels[here[0]] == levels[there[0]]),
            same_class=classes[here] == classes[there],
        )


def noise_of_class(run: Series, explainer: str, target: Target) -> np.ndarray | None:
    """What was logged of the sampling errors of one class, int8 (all_steps, probes, numbers); None for an explainer that does not sample."""
    return _logged(run, explainer, target, slice(None))[1]


def _logged(run: Series, explainer: str, target: Target, probes: Sequence[int] | slice) -> Logged:
    """What was logged of one class and some probes."""
    sketches = [f"noise/{explainer}"] if run.record["details"][explainer]["sketched"] else []
    errors, *noise = run.of_class(target, f"errors/{explainer}", *sketches)
    if not isinstance(probes, slice) and list(probes) == list(range(errors.shape[1])):
        probes = slice(None)  # a list of numbers would copy
    return errors[:, probes], noise[0][:, probes] if noise else None, run.target_of(target)[:, probes]


def _of_pairs(run: Series, other: Series, logged: Logged, others: Logged, here: Rows, there: Rows) -> np.ndarray:
    """Standard errors of `run` at `here` minus `other` at `there`; NaN where the two explain different classes."""
    (errors, noise, classes), (other_errors, other_noise, other_classes) = logged, others
    levels, other_levels = run.cost["level"], other.cost["level"]

    def of_part(part: slice) -> np.ndarray:
        at, of_other = (_rows(side, part) for side in (here, there))
        return errors_between(
            *(errors[at], other_errors[of_other]),
            *(None if noise is None else noise[at], None if other_noise is None else other_noise[of_other]),
            same_level=np.asarray(levels[_steps(here)[part]] == other_levels[_steps(there)[part]]),
            same_class=classes[at] == other_classes[of_other],
        )

    numbers = math.prod(errors.shape[1:]) if noise is None else max(math.prod(errors.shape[1:]), math.prod(noise.shape[1:]))
    pieces = [of_part(part) for part in summaries.parts(len(_steps(here)), numbers)]
    return np.concatenate(pieces) if pieces else of_part(slice(0))


def _steps(rows: Rows) -> np.ndarray:
    return rows[0] if isinstance(rows, tuple) else rows


def _rows(rows: Rows, part: slice) -> Rows | slice:
    """The part of the rows; a slice, which copies nothing, where whole steps follow one another."""
    steps = _steps(rows)[part]
    of_steps = steps.ndim == 1 or steps.shape[1] == 1
    if of_steps and len(steps) and (np.diff(steps, axis=0) == 1).all():
        return slice(int(steps.flat[0]), int(steps.flat[0]) + len(steps))
    return (steps, rows[1]) if isinstance(rows, tuple) else steps


def refuse_absent(run: Series, other: Series, explainer: str) -> None:
    """Raise an ArgumentError where one of two runs does not have an explainer."""
    if explainer not in run.explainers:
        raise ArgumentError(f"{run.name}: no explainer {explainer!r} in this record; it has {run.explainers}.")
    if explainer not in other.explainers:
        raise ArgumentError(f"{run.name} and {other.name} can't be compared: {incomparable(run, other, explainer)}.")


def refuse_incomparable(run: Series, other: Series, explainer: str) -> None:
    """Raise an ArgumentError where two runs can't be compared in an explainer."""
    refuse_absent(run, other, explainer)
    reason = incomparable(run, other, explainer)
    if reason:
        raise ArgumentError(f"{run.name} and {other.name} can't be compared: {reason}.")


def explained(run: Series) -> dict[str, Any]:
    """What a run explains, as far as two runs must have it in common to stand side by side; in JSON's types."""
    probes = run.record["probes"]
    columns = (
        [*probes["features"], *(name for name in probes["player_names"] if name not in probes["features"])]
        if run.kind == "tabular"
        else None
    )
    return {
        "kind": run.kind,
        "regression": bool(run.settings.get("regression")),
        "classes": run.settings["number_of_classes"],
        "class_names": probes.get("class_names"),
        "columns": columns,
    }


def nothing_common(run: Series, other: Series) -> str:
    """Why two runs can't even stand side by side: they explain other things, or share no column. "" where they can. The tab has the same rule."""
    a, b = explained(run), explained(other)
    if a["kind"] != b["kind"]:
        return f"A explains {KINDS[a['kind']]}, B {KINDS[b['kind']]}"
    if a["regression"] != b["regression"]:
        tasks = ["a regression" if side["regression"] else "a classification" for side in (a, b)]
        return f"A explains {tasks[0]}, B {tasks[1]}"
    if a["classes"] != b["classes"]:
        return f"A has {a['classes']} {'outputs' if a['regression'] else 'classes'}, B {b['classes']}"
    names = [side["class_names"] for side in (a, b)]
    if all(names) and names[0] != names[1]:
        return _class_names_words(*names)
    if a["columns"] is not None and not set(a["columns"]) & set(b["columns"]):
        return "the tables have no column in common"
    return ""


def _class_names_words(mine: Sequence[str], others: Sequence[str]) -> str:
    extra = [[name for name in side if name not in rest] for side, rest in ((mine, others), (others, mine))]
    parts = [f"{letter} has {names_words(side)}" for letter, side in zip("AB", extra, strict=True) if side]
    return f"the classes have other names: {', '.join(parts)}" if parts else "the classes have the same names in another order"


def names_words(names: Sequence[str]) -> str:
    """The first few of some names."""
    quoted = [f"“{name}”" for name in names[:MOST_NAMED]]
    return f"{', '.join(quoted)}{f' and {len(names) - MOST_NAMED} more' if len(names) > MOST_NAMED else ''}"


def refuse_nothing_common(run: Series, other: Series) -> None:
    """Raise an ArgumentError where two runs have nothing that could stand side by side."""
    reason = nothing_common(run, other)
    if reason:
        raise ArgumentError(f"{run.name} (A) and {other.name} (B) have nothing to compare: {reason}.")


def incomparable(run: Series, other: Series, explainer: str) -> str:
    """Why two runs can't be compared in an explainer; "" where they can."""
    if explainer not in other.explainers:
        return f"{other.name} has no {explainer!r}; it has {', '.join(other.explainers)}"
    differing = wire.differing(run.comparable, other.comparable, explainer)
    if differing:
        return f"they have different {', '.join(differing)}; log both with the same"
    # The settings have no names of classes. Where these differ, a number means another class.
    return nothing_common(run, other)
