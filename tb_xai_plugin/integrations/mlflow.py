"""MLflow: the scalars of a run, and what there is to say about it, in the tracking run that is active."""

from __future__ import annotations

import os
import re

import mlflow
from mlflow.entities import Metric, RunTag

from tb_xai_plugin.judgement import findings
from tb_xai_plugin.records.events import Index
from tb_xai_plugin.records.record import probe_sets
from tb_xai_plugin.records.sources import source_of
from tb_xai_plugin.run import read_run
from tb_xai_plugin.training import folder

# The most metrics that a server takes in one request.
MOST_AT_ONCE = 1000

NOTHING = "nothing stands out"


def log_run(log_dir: str | os.PathLike[str], *, run_id: str | None = None) -> str:
    """Write a run's scalars and its verdict into an MLflow run.

    The metrics have the names that they have in TensorBoard ("xai/drift/shap", "xai/share of corner/shap", …) and their steps; characters that MLflow refuses become "_".
    The tag "xai.verdict" has the most important finding, and the artifact "xai/verdict.txt" all of them, for each probe set and explainer. What is logged again replaces nothing: MLflow keeps both.

    Args:
        log_dir: the run's directory, on this machine.
        run_id: of an MLflow run; by default the one that is active.

    Returns:
        The verdict.

    Raises:
        ValueError: no MLflow run is active, or log_dir has no record.
        FileNotFoundError: there is no such directory.
    """
    active = mlflow.active_run()
    if run_id is None and active is None:
        raise ValueError("log_run: no MLflow run is active; call it inside `with mlflow.start_run():`, or give run_id.")
    run_id = run_id or active.info.run_id
    place = folder.absolute(log_dir)
    names = probe_sets(source_of(folder.record_directory(place)), place) if os.path.isdir(folder.record_directory(place)) else [None]
    runs = {name or "": read_run(place, name) for name in names}
    sentences = {
        f"{name}, {explainer}": [finding.text for finding in findings.of_run(run, explainer, "label")]
        for name, run in runs.items()
        for explainer in run.explainers
    }
    verdict = next((said[0] for said in sentences.values() if said), NOTHING)
    client = mlflow.MlflowClient()
    metrics = _metrics(place, {step for run in runs.values() for step in run.all_steps.tolist()})
    for at in range(0, len(metrics), MOST_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[at : at + MOST_AT_ONCE])
    client.log_batch(run_id, tags=[RunTag("xai.verdict", verdict), RunTag("xai.log_dir", place)])
    lines = [line for heading, said in sentences.items() for line in (heading, *(f"  {text}" for text in said or [NOTHING]))]
    client.log_text(run_id, "\n".join([*lines, ""]), "xai/verdict.txt")
    return verdict


def _metrics(log_dir: str, steps: set[int]) -> list[Metric]:
    """The scalars that the record's event files hold, of the steps that count; of a step that was written twice, the newer one."""
    index = Index(folder.record_directory(log_dir))
    newest = {
        (tag, tensor.event.step): tensor
        for tag, tensors in index.tensors.items()
        if index.plugins[tag][0] == "scalars"
        for tensor in tensors
        if tensor.event.step in steps
    }
    return [
        Metric(re.sub(r"[^/\w.\- :]", "_", tag), float(tensor.read()), int(1000 * tensor.event.wall_time), step)
        for (tag, step), tensor in newest.items()
    ]
