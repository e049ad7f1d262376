"""Runs side by side in one table: a row a run, with what its record says at the returned model or the last epoch."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.gates.check import Checkable, runs_of
from tb_xai_plugin.judgement import events, history, summaries
from tb_xai_plugin.judgement.repeats import find, recorded
from tb_xai_plugin.plots.of_run import chosen_explainer
from tb_xai_plugin.records import places, wire
from tb_xai_plugin.records.asked import Regions
from tb_xai_plugin.run import Run

if TYPE_CHECKING:
    import pandas

    from tb_xai_plugin.records.series import Target

# Columns of words; all others have numbers.
WORDS = ("recipe", "explainer", "returned")


def summary(
    runs: Checkable | Iterable[Run], explainer: str | None = None, *, target: Target = "label", regions: Regions = None
) -> pandas.DataFrame:
    """Runs side by side, one row each, as `tb-xai summary` prints them.

    Numbers of explanations are those of the model that `fit` returned, or of the last epoch that has numbers where that has none; means over probes.

    Args:
        runs: a log directory, runs, or {name: run}, as read_runs returns it.
        explainer: the explainer whose values are used; by default "shap" where a run has it, else its first.
        target: the explained class: "label" | "predicted" | a class number.
        regions: regions besides those declared with the probes, as in `Run.events`.

    Returns:
        pandas.DataFrame: one row a run, by its name. Its columns are recipe (what repeats have in common; None where none are known), probes, explainer,
        epochs, step (2147483647 is the returned model where it is no epoch), returned (how it came about); each logged metric; right (part of the
        probes that are predicted right); of each region "share …", "error …" (the standard error) and "onset …" (an epoch, NaN for never); drift (total variation
        from the untrained model), steady (the epoch), each kind of event (how many), noise (sampling error, relative to the size of the explanation),
        warned (part of the probes with a warning), overhead. What a run does not have is NaN, or None in place of a word.

    Raises:
        ImportError: pandas is not installed.
        ArgumentError (a ValueError): an explainer, class or region that a run does not have.
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError("summary needs pandas; install it with 'pip install pandas'.") from error
    rows = rows_of(runs, explainer, target, regions)
    frame = pandas.DataFrame.from_records([flat(row) for row in rows], index=pandas.Index([row["run"] for row in rows], name="run"))
    for column in frame.columns.difference(list(WORDS)):
        frame[column] = pandas.to_numeric(frame[column])  # None becomes NaN
    return frame


def rows_of(
    runs: Checkable | Iterable[Run],
    explainer: str | None = None,
    target: Target = "label",
    regions: Regions = None,
    probe_set: str | None = None,
) -> list[dict[str, Any]]:
    """The rows of `summary`, of plain values: metrics, regions and events are dictionaries. None where a run has no number."""
    known = _named(runs, probe_set)
    found = find({name: recorded(run) for name, run in known.items()}) if len(known) > 1 else None
    rows = []
    for name, run in known.items():
        rows.append({"run": name, "recipe": found.recipe(name) if found else None, **_row(run, explainer, target, regions)})
        if isinstance(runs, str | os.PathLike):
            run.forget()  # a directory of long runs would take the memory of all
    return rows


def _named(runs: Checkable | Iterable[Run], probe_set: str | None) -> dict[str, Run]:
    if isinstance(runs, str | os.PathLike | Run | Mapping):
        named = runs_of(runs, probe_set)
        return {name: named[name] for name in places.without_kept_aside(named)} if isinstance(runs, str | os.PathLike) else named
    named = {}
    for run in runs:
        if not isinstance(run, Run):
            raise TypeError(f"summary got a {type(run).__name__} among runs; give a log directory, runs, or {{name: run}}.")
        if run.name in named:
            raise ArgumentError(f"summary: two runs are called {run.name!r}; give {{name: run}}.")
        named[run.name] = run
    return named


def step_of(run: Run, known: np.ndarray) -> int | None:
    """The step that a run is judged by: the returned model's, or else the last explained epoch; None where nothing is explained yet.

    A step without numbers counts only where no epoch has any. known: bool (all_steps,), whether a step has numbers.
    """
    steps, returned = run.all_steps, run.returned_step
    with_numbers = steps[known].tolist()
    if returned is not None and (returned in with_numbers or not (known & run.is_epoch).any()):
        return returned
    for chosen in (steps[known & run.is_epoch], run.steps, steps):
        if len(chosen):
            return int(chosen[-1])
    return None


def _row(run: Run, explainer: str | None, target: Target, regions: Regions) -> dict[str, Any]:
    name = chosen_explainer(run, explainer)
    has_numbers = np.isfinite(run.of_class(target, f"values/{name}")[0]).any(axis=(1, 2)) if len(run.all_steps) else np.zeros(0, dtype=bool)
    step = step_of(run, has_numbers)
    asked = [regions] if isinstance(regions, str) else list(regions or ())
    given = regions if isinstance(regions, Mapping) else {}
    wanted = dict.fromkeys([*run.record["probes"]["regions"], *asked])
    row: dict[str, Any] = {
        "probes": run.record["shape"]["probes"],
        "explainer": name,
        "epochs": len(run.steps),
        "step": step,
        "returned": run.returned_how,
        "metrics": dict.fromkeys(run.logs),
        "right": None,
        "regions": {region: {"share": None, "error": None, "onset": None} for region in wanted},
        "drift": None,
        "steady": None,
        "events": dict.fromkeys(events.KINDS),
        "noise": None,
        "warned": None,
        "overhead": run.overhead,
    }
    if step is None:
        return row
    at = run.all_steps.tolist().index(step)
    logged, logs = run.log_series()
    epoch = run.returned_epoch if step == wire.RETURNED else step
    row["metrics"] = {metric: _number(series[logged == epoch][:1].sum()) if epoch in logged else None for metric, series in logs.items()}
    right, known = history.right(run)
    row["right"] = float(right[at][known[at]].mean()) if run.labelled and known[at].any() else None
    row["regions"] = {region: _region(run, name, given.get(region, region), target, at) for region in wanted}
    row["drift"] = _mean(run.all_drift(name, "untrained", "tv", target).distance[at])
    row["steady"] = None if run.once else run.steady_since(name, target=target).of_run
    happened = Counter(event.kind for event in run.events(name, target=target))
    row["events"] = {
        kind: None if run.once or (kind in events.OF_PREDICTIONS and not run.labelled) else happened[kind] for kind in events.KINDS
    }
    trust = run.trust(name, target=target)
    row["noise"] = _mean(trust.error[at])
    row["warned"] = float(np.logical_or.reduce([warned[at] for warned in trust.warnings.values()]).mean()) if has_numbers[at] else None
    return row


def _region(run: Run, explainer: str, region: Any, target: Target, at: int) -> dict[str, Any]:
    share = run.share(explainer, region, target=target)
    known = np.isfinite(share.share[at])
    errors = share.errors[at][known]
    error = float(np.sqrt((errors**2).sum()) / len(errors)) if len(errors) else math.nan
    onset = int(run.all_steps[share.onset_of_run]) if share.onset_of_run >= 0 else None
    return {"share": _mean(share.share[at]), "error": _number(error), "onset": onset}


def _mean(series: np.ndarray) -> float | None:
    return _number(float(summaries.mean_of_known(series)))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with a column for each metric, region and event."""
    columns: dict[str, Any] = {}
    for name, value in row.items():
        if name == "regions":
            columns |= {f"{what} {region}": part for region, of_region in value.items() for what, part in of_region.items()}
        elif name in ("metrics", "events"):
            columns |= value
        elif name != "run":
            columns[name] = value
    return columns
