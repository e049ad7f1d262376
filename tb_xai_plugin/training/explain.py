"""The function `explain`: explanations of a model at one moment, without training."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.engine.snapshot import Snapshot
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.models.choice import ModelOutput
from tb_xai_plugin.models.predictors import Model
from tb_xai_plugin.models.state import digest
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.entries import epoch_json
from tb_xai_plugin.training.recorder import Recorder


def explain(
    model: Model,
    probes: ProbeSet,
    explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
    *,
    evaluations: int | str = "auto",
    output: str = "log-odds",
    classes: str | Sequence[int] = "auto",
    seed: int = 0,
    batch_size: int | str = "auto",
    curves: bool = False,
    head: str | None = None,
    model_output: ModelOutput | None = None,
    log_dir: str | os.PathLike[str] | None = None,
) -> dict[str, Explanation]:
    """Explain a model's outputs on probes, once and without training.

    Args:
        model: a Keras model, a torch.nn.Module (see the page on PyTorch), or any callable batch -> (n,) or (n, classes), e.g. a random forest's predict_proba. Its outputs on the probes as given are compared
            once with those that are explained.
        probes: the inputs to explain, e.g. ImageProbes.
        explainers: one or several, each a name ("lime", "shap", "banzhaf", "occlusion" and "lime-net" share one set of evaluations; "ig" and
            "grad-cam" use gradients), a configured explainer, e.g. Lime(kernel_width=0.5), or your own method as a Custom. Default: LIME and SHAP.
        evaluations: model evaluations per probe; "auto" is 16 per player (of images 12), at least 256 (of tables 1024) and at most 2048 (or the fewest that so many players need).
        output: the explained quantity, "log-odds" | "probability" | "raw"; a regression is always explained in its own output.
        classes: the explained classes: "auto" (all, if there are at most 16; else the true class and the two likeliest others) | "all" |
            a list of class numbers.
        seed: seed of the coalitions; the same seed gives the same coalitions in every process.
        batch_size: evaluations in one batch; "auto" keeps a batch of masked probes below 64 MiB.
        head: what the outputs mean: "regression" | "logits" | "probabilities" | "labels" (class numbers or names, as `predict` of scikit-learn returns).
            Default: what the model's last layer, its numbers and its loss tell; where they tell nothing, a regression, with a warning if there are labels.
        model_output: which output is explained where the model has several, or one that is not (n,) or (n, classes): its name or number, or a callable on the
            outputs, or on outputs and inputs (e.g. a reconstruction error). Inside a graph for Keras models: use keras.ops.
        log_dir: a run's directory to write the explanation into too, so that it stands in the XAI tab, e.g. a random forest beside each epoch of a network. If it
            already holds another explanation, that one is kept in <log_dir>/earlier-1.
        curves: whether to measure the areas under deletion and insertion curves too, at 2 (players - 1) further evaluations per probe and explainer.

    Returns:
        {name of the explainer: Explanation}, in the order of `explainers`.

    Raises:
        ValueError: an option is out of range, the model and the probes do not fit together, or log_dir has the record of a training; the message says what
            to give instead.
        TypeError: an argument has the wrong type.
        FileExistsError, PermissionError: log_dir is a file, or can't be written.
    """
    recorder: Recorder | None = None
    if log_dir is not None:
        _check_directory(log_dir)
    progress = Progress("Explaining")
    with progress.phase("preparing coalitions"):
        plan = Plan(
            *(probes, explainers),
            evaluations=evaluations,
            output=output,
            classes=classes,
            seed=seed,
            batch_size=batch_size,
            curves=curves,
            head=head,
            model_output=model_output,
        )
    if log_dir is not None:
        recorder = Recorder(folder.absolute(log_dir), {wire.DEFAULT_SET: plan}, by="explain")
        recorder.begin_once(model)
    began = time.perf_counter()
    with progress.phase("binding the model"):
        engine = Engine(plan, model)
    snapshot = engine.run(progress=progress)
    for name, error in snapshot.failures.items():
        raise type(error)(f"explain: explainer {name!r} failed: {error}") from error
    if snapshot.outputs.problem:
        warnings.warn(f"explain: {snapshot.outputs.problem}; the values of these probes are NaN.", stacklevel=2)
    if recorder:
        seconds = time.perf_counter() - began
        try:
            _write(recorder, engine, snapshot, seconds, digest(model))
        except Exception as error:  # what took so long is not thrown away
            warnings.warn(f"explain: the record could not be written, {error} The explanation itself is returned.", stacklevel=2)
    return snapshot.explanations


def _write(recorder: Recorder, engine: Engine, snapshot: Snapshot, seconds: float, weights: str | None) -> None:
    if not recorder.holds(snapshot, weights):  # a cell that is run again adds nothing
        samples = engine.plan.drawn(snapshot.level)
        epoch = epoch_json(explained=True, reason=snapshot.problem, snapshot=snapshot, samples=samples, seconds=seconds, weights=weights)
        recorder.write(wire.DEFAULT_SET, 0, engine, snapshot, {"change": None, **epoch, "returned": {"epoch": None, "how": "once"}})
    recorder.close()


def _check_directory(log_dir: Any) -> None:
    if not isinstance(log_dir, str | os.PathLike):
        raise TypeError(f"explain: log_dir is {log_dir!r}; give the directory of a run.")
    try:
        folder.check_directory(os.fspath(log_dir))
    except OSError as error:
        raise type(error)(f"explain: {error}") from error
