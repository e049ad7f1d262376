"""The function `log_model`: a model as a run of its own, to be compared with others, such as its pruned version."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.models.choice import ModelOutput
from tb_xai_plugin.models.predictors import Model
from tb_xai_plugin.models.state import digest
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.run import Run, read_run
from tb_xai_plugin.training.entries import epoch_json
from tb_xai_plugin.training.logger import RunLogger


class _Once(RunLogger):
    """Speaks in the name of the function."""

    _who = "log_model"


def log_model(
    model: Model,
    probes: ProbeSet | Mapping[str, ProbeSet],
    log_dir: str | os.PathLike[str],
    explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
    *,
    logs: Mapping[str, Any] | None = None,
    evaluations: int | str = "auto",
    output: str = "log-odds",
    classes: str | Sequence[int] = "auto",
    seed: int = 0,
    batch_size: int | str = "auto",
    curves: bool = False,
    model_output: ModelOutput | Mapping[str, ModelOutput] | None = None,
    head: str | Mapping[str, str] | None = None,
) -> Run:
    """Explain a model once and write it as a run of its own, so that it can be compared with others: a model and its pruned, quantised or distilled version, or another architecture.

    Two runs compare as a whole where probes, evaluations, output, classes and seed are equal: `log_model(a, probes, "logs/a").compare(log_model(b, probes, "logs/b"), "shap")`.

    Args:
        model: a Keras model, a torch.nn.Module, or any callable batch -> (n,) or (n, classes); see `explain`.
        probes: one ProbeSet, or {name: ProbeSet}.
        log_dir: the run's directory. If it already holds another model that was explained once, that one is kept in <log_dir>/earlier-1; the same numbers again add nothing.
        logs: numbers to write beside the explanation, e.g. {"val_accuracy": 0.93}.
        explainers, evaluations, output, classes, seed, batch_size, curves, model_output, head: see `explain`; model_output and head also for each probe set, {name: …}.

    Returns:
        The run, as `read_run` reads it; with several probe sets that of the first one.

    Raises:
        ValueError: an option is out of range, the model and the probes do not fit together, or log_dir has the record of a training.
        TypeError: an argument has the wrong type.
        FileExistsError, PermissionError: log_dir is a file, or can't be written.
    """
    if logs is not None and not isinstance(logs, Mapping):
        raise TypeError(f"log_model: logs is {type(logs).__name__}; give numbers by name, e.g. {{'val_accuracy': 0.9}}.")
    once = _Once(
        *(log_dir, probes, explainers),
        evaluations=evaluations,
        output=output,
        classes=classes,
        seed=seed,
        batch_size=batch_size,
        curves=curves,
        model_output=model_output,
        head=head,
    )
    recorder, progress = once.steps.recorder, Progress("Explaining")
    recorder.begin_once(model)
    with progress.phase("binding the model"):
        try:
            engines = {name: Engine(plan, model) for name, plan in once.plans.items()}
        except (ValueError, TypeError) as error:
            raise type(error)(f"log_model: {error}") from error
    written: list[tuple[str, Engine, Snapshot, dict[str, Any]]] = []
    weights = digest(model)
    for name, engine in engines.items():
        began = time.perf_counter()
        snapshot = engine.run(progress=progress)
        for explainer, failure in snapshot.failures.items():
            raise type(failure)(f"log_model: explainer {explainer!r} failed: {failure}") from failure
        if snapshot.outputs.problem:
            warnings.warn(f"log_model: {snapshot.outputs.problem}; the values of these probes are NaN.", stacklevel=2)
        epoch = epoch_json(
            explained=True,
            reason=snapshot.problem,
            snapshot=snapshot,
            samples=engine.plan.drawn(snapshot.level),
            seconds=time.perf_counter() - began,
            logs=logs or {},
            weights=weights,
        )
        written.append((name, engine, snapshot, {"change": None, **epoch, "returned": {"epoch": None, "how": "once"}}))
    if not all(recorder.holds(snapshot, weights, name, epoch["logs"]) for name, _, snapshot, epoch in written):
        for name, engine, snapshot, epoch in written:
            recorder.write(name, 0, engine, snapshot, epoch)
    recorder.close()
    return read_run(once.log_dir, next(iter(once.plans)))
