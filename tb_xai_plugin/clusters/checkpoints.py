"""The function `explain_checkpoints`: the record that the callback would have written, from the checkpoints of a training."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tb_xai_plugin.clusters import worker
from tb_xai_plugin.clusters.archives import CheckpointError
from tb_xai_plugin.clusters.crews import Call, Crew, Executors
from tb_xai_plugin.clusters.jobs import Job, Task, WorkerError
from tb_xai_plugin.clusters.ledger import Ledger
from tb_xai_plugin.clusters.pieces import Facts, Piece, merged
from tb_xai_plugin.clusters.places import WHO, Path, Paths, steps_of
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.engine.sweep import blocks
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.models.choice import ModelOutput
from tb_xai_plugin.probes import ProbeSet, load_probes
from tb_xai_plugin.run import Run, read_run
from tb_xai_plugin.training import folder
from tb_xai_plugin.training.checks import named, of_set

logger = logging.getLogger("tb_xai_plugin")

Probes = ProbeSet | Path | Mapping[str, ProbeSet | Path]


def explain_checkpoints(
    paths: Paths,
    probes: Probes,
    log_dir: Path,
    executor: Executors = None,
    build: Callable[[str], Any] | None = None,
    *,
    explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
    evaluations: int | str = "auto",
    output: str = "log-odds",
    classes: str | Sequence[int] = "auto",
    seed: int = 0,
    batch_size: int | str = "auto",
    curves: bool = False,
    head: str | Mapping[str, str] | None = None,
    model_output: ModelOutput | Mapping[str, ModelOutput] | None = None,
    first_epoch: int = 1,
    logs: Mapping[int, Mapping[str, float]] | None = None,
    trusted: bool = False,
    block: int = 128,
    window: int | None = None,
    on_error: str = "warn",
) -> Run:
    """Explain the checkpoints of a training, and write the record that ExplanationLogger would have written.

    What is in the record stays: a call that was interrupted, or that has further checkpoints, goes on where the record ends.

    Args:
        paths: the checkpoints: a folder, a pattern such as "ckpt/*.keras", a list of paths, or {step: path}. Without steps, they are the numbers in the names,
            less `first_epoch`.
        probes: what is explained, as for ExplanationLogger; or the path of a file that `probes.save` wrote, which workers then read themselves.
        log_dir: the run's directory; the record goes to <log_dir>/xai.
        executor: who does the work: None (this thread) | a number of processes on this machine | any concurrent.futures.Executor, e.g. Dask's
            `Client(…).get_executor()` | a function without arguments that makes one, which is called again when a worker's death has broken it.
        build: a function from a path to the model with its weights: for files of weights, Orbax, checkpoints of TensorFlow, and custom code. It may return
            the same model each time. Other processes must be able to import it, unless cloudpickle is installed.
        explainers, evaluations, output, classes, seed, batch_size, curves, head, model_output: see ExplanationLogger.
        first_epoch: the number that names of files give to the first epoch: 1, as keras.callbacks.ModelCheckpoint counts, which makes 0 the untrained model; or 0.
        logs: {step: {"loss": …}}, Keras's logs of each epoch, for the curves beside the explanations.
        trusted: whether to load files that may run code: .h5, pickles, and .keras files with functions in them.
        block: probes of one task, about; more than a block are explained by several workers. The record does not depend on it.
        window: tasks that are submitted and whose results are not yet in the record; default four for each worker (for each core, where the executor is given).
        on_error: "warn" (a checkpoint that can't be explained is a warning, and a gap in the record that says why) | "raise".

    Returns:
        The run.

    Raises:
        ValueError, TypeError: an option, the probes and the models do not fit together, log_dir holds another record, or no checkpoint can be explained.
        FileNotFoundError: a path that is not there. RuntimeError: workers die, or can't work. What was explained until then is in the record.
    """
    if on_error not in ("warn", "raise"):
        raise ValueError(f"{WHO}: unknown on_error {on_error!r}; choose from ['warn', 'raise'].")
    if build is not None and not callable(build):
        raise TypeError(f"{WHO}: build is {type(build).__name__}; give a function from a path to a model.")
    if isinstance(block, bool) or not isinstance(block, int) or block < 1:
        raise ValueError(f"{WHO}: block is {block!r}; give the number of probes of one task.")
    steps = steps_of(paths, first_epoch, builds=build is not None, trusted=trusted)
    sets, files = _sets(probes)
    progress = Progress("Explaining checkpoints")

    def plan(name: str) -> Plan:
        return Plan(
            *(sets[name], explainers),
            evaluations=evaluations,
            output=output,
            classes=classes,
            seed=seed,
            batch_size=batch_size,
            curves=curves,
            head=of_set("head", head, name, sets),
            model_output=of_set("model_output", model_output, name, sets),
            set_name=name if isinstance(probes, Mapping) else None,
        )

    try:
        with progress.phase("preparing coalitions"):
            plans = {name: plan(name) for name in sets}
        directory = folder.absolute(_directory(log_dir))
        folder.check_directory(directory)
    except (ValueError, TypeError, OSError) as error:
        raise type(error)(f"{WHO}: {error}") from error
    ledger = Ledger(directory, plans)
    crew = Crew(executor, window)
    try:
        job = Job(plans, next(iter(steps.values())), build, trusted, files)
        _Backfill(steps, job, ledger, crew, logs or {}, on_error, block).run(progress)
    finally:
        ledger.close()
        crew.close()
    return read_run(directory)


def _sets(probes: Any) -> tuple[dict[str, ProbeSet], dict[str, str]]:
    """{probe set: probes}, and {probe set: the file that they come from}."""
    given = probes if isinstance(probes, Mapping) else named(probes)
    files = {name: os.path.abspath(one) for name, one in given.items() if isinstance(one, str | os.PathLike)}
    made = {name: load_probes(files[name]) if name in files else one for name, one in given.items()}
    try:
        return (named(made) if isinstance(probes, Mapping) else made), files
    except (ValueError, TypeError) as error:
        raise type(error)(f"{WHO}: {error}") from error


def _directory(log_dir: Any) -> str:
    if not isinstance(log_dir, str | os.PathLike):
        raise TypeError(f"log_dir is {log_dir!r}; give the directory of a run.")
    return os.fspath(log_dir)


class _Backfill:
    """One call of `explain_checkpoints`, once its arguments are checked."""

    def __init__(
        self,
        steps: Mapping[int, str],
        job: Job,
        ledger: Ledger,
        crew: Crew,
        logs: Mapping[int, Mapping[str, float]],
        on_error: str,
        block: int,
    ) -> None:
        self._steps, self._job, self._ledger, self._crew, self._logs, self._on_error = steps, job, ledger, crew, logs, on_error
        self._blocks = {name: blocks(plan, block) for name, plan in job.plans.items()}
        self._waiting: list[tuple[int, str]] = []  # gaps before the record begins
        self._warned: set[str] = set()
        self._said: dict[int, str] = {}

    def run(self, progress: Progress) -> None:
        """Explain what the record lacks."""
        if all(self._ledger.is_in(step) and self._ledger.is_marked(step, path) for step, path in self._steps.items()):
            return  # without loading a model
        self._tell_steps()
        with progress.phase("binding the first model"):
            self._ledger.open(self._bind_first())
        todo = self._todo()
        outcomes = self._crew.results(self._calls(todo))
        for place in progress(range(len(todo)), "checkpoint"):
            step = todo[place]
            of_step = {name: [next(outcomes) for _ in self._blocks[name]] for name in self._job.plans}
            self._take(step, of_step)
        if not self._ledger.is_begun:
            raise ValueError(
                f"{WHO}: none of {len(self._steps)} checkpoints can be explained; the first: {next(iter(self._said.values()))}."
            )

    def _tell_steps(self) -> None:
        first, last = next(iter(self._steps.items())), list(self._steps.items())[-1]
        logger.info(
            "%s: %d checkpoints, from %s as step %d to %s as step %d.",
            *(WHO, len(self._steps), os.path.basename(first[1]), first[0], os.path.basename(last[1]), last[0]),
        )

    def _bind_first(self) -> Facts:
        """Bind the first checkpoint that can be: every worker reads outputs as this one, whichever checkpoint it is given first."""
        for step, path in self._steps.items():
            self._job = replace(self._job, reference=path)
            try:
                facts: Facts = self._crew.result(worker.look, self._job)
            except CheckpointError as error:
                self._fail(step, str(error))
                continue
            except WorkerError:
                raise
            except (ValueError, TypeError) as error:
                raise type(error)(f"{WHO}: {os.path.basename(path)}: {error}") from error
            self._warn(facts.warnings)
            return facts
        raise ValueError(f"{WHO}: none of {len(self._steps)} checkpoints can be explained; the first: {next(iter(self._said.values()))}.")

    def _todo(self) -> list[int]:
        """The steps to explain: those that the record lacks, and all after the first that it lacks, because a record has its steps in order."""
        unknown = [step for step, path in self._steps.items() if self._ledger.is_in(step) and not self._ledger.is_marked(step, path)]
        digests = self._crew.results((worker.digest_of, (self._job, self._steps[step])) for step in unknown)
        changed = set()
        for step, digest in zip(unknown, digests, strict=True):
            if isinstance(digest, Exception):
                if not self._ledger.is_gap(step):
                    self._fail(step, self._sentence(step, digest) + "; the record keeps what it has of it")
            elif self._ledger.is_gap(step) or self._ledger.is_changed(step, self._steps[step], digest):
                changed.add(step)
            else:
                self._ledger.mark(step, self._steps[step])
        lacking = [step for step in self._steps if step in changed or not self._ledger.is_in(step)]
        if not lacking or step_before(self._ledger.last_step, lacking[0]):
            return lacking
        self._ledger.go_back(lacking[0])
        return [step for step in self._steps if step >= lacking[0]]

    def _calls(self, todo: Sequence[int]) -> Iterator[Call]:
        for step in todo:
            for name, parts in self._blocks.items():
                for part in parts:
                    yield worker.explain, (self._job, Task(step, self._steps[step], name, part.start, part.stop))

    def _take(self, step: int, of_step: Mapping[str, Sequence[Any]]) -> None:
        """Write what came of one checkpoint."""
        outcomes = [outcome for parts in of_step.values() for outcome in parts]
        failure = next((self._sentence(step, outcome) for outcome in outcomes if isinstance(outcome, Exception)), None)
        if failure is None and len({piece.weights for piece in outcomes}) > 1:
            failure = f"{os.path.basename(self._steps[step])} changed while it was explained"
        if failure is not None:
            if step not in self._said:
                self._fail(step, failure)
            self._waiting.append((step, failure))
            if self._ledger.is_begun:
                self._write_gaps()
            return
        self._write_gaps()
        pieces: dict[str, list[Piece]] = {name: list(parts) for name, parts in of_step.items()}
        self._warn(sentence for piece in outcomes for sentence in piece.warnings)
        snapshots = {name: merged(parts, self._job.plans[name].probes) for name, parts in pieces.items()}
        weights, seconds = outcomes[0].weights, sum(piece.seconds for piece in outcomes)
        self._ledger.write_step(step, self._steps[step], snapshots, None, self._logs.get(step, {}), seconds, weights)
        for snapshot in snapshots.values():
            if snapshot.failures and self._on_error == "raise":
                raise next(iter(snapshot.failures.values()))
            if snapshot.problem:
                self._warn([f"{os.path.basename(self._steps[step])}: {snapshot.problem}"])

    def _write_gaps(self) -> None:
        """Write why there are no explanations of the checkpoints before. A record does not begin with them: it needs a model to be of."""
        for step, failure in self._waiting:
            self._ledger.write_step(step, self._steps[step], {}, failure, self._logs.get(step, {}), 0.0, None)
        self._waiting.clear()

    def _sentence(self, step: int, error: Exception) -> str:
        if isinstance(error, CheckpointError):
            return str(error)
        return f"{os.path.basename(self._steps[step])}: {type(error).__name__}: {error}"

    def _fail(self, step: int, sentence: str) -> None:
        """Say why a checkpoint can't be explained."""
        self._said[step] = sentence.rstrip(".")
        if self._on_error == "raise":
            raise ValueError(f"{WHO}: {self._said[step]}.")
        self._warn([self._said[step]])

    def _warn(self, sentences: Any) -> None:
        for sentence in sentences:
            if sentence not in self._warned:
                self._warned.add(sentence)
                warnings.warn(f"{WHO}: {sentence.rstrip('.')}.", stacklevel=5)


def step_before(last: int | None, step: int) -> bool:
    """Whether all steps of a record come before a step. last: its last epoch, None where it has none."""
    return last is None or last < step
