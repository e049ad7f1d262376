"""What a worker does: it binds a model once, and puts the weights of one checkpoint after the other into it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from tb_xai_plugin.clusters.archives import CheckpointError, loaded, outputs_of, quietly, signature, without_optimizer
from tb_xai_plugin.clusters.jobs import Job, Sent, Task, WorkerError
from tb_xai_plugin.clusters.pieces import Facts, Piece
from tb_xai_plugin.clusters.places import SUFFIX
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.models.network import about, architecture
from tb_xai_plugin.models.refusals import is_keras_model
from tb_xai_plugin.models.state import copied, digest, put_back

# What Keras warns of when a checkpoint has another state of the optimizer than the model, which explanations do not need.
OF_OPTIMIZER = "Skipping variable loading for optimizer"

# The process that imported this module: another one that has it was forked. And the processes that were looked at.
_IMPORTED_BY = os.getpid()
_LOOKED_AT: set[int] = set()

# Each thread has a model of its own.
_OF_THREAD = threading.local()


def look(job: Job | Sent) -> Facts:
    """Bind the first checkpoint, and tell what the record must know."""
    return _bound(job).facts


def digest_of(job: Job | Sent, path: str) -> str | None:
    """The digest of a checkpoint's weights."""
    return _bound(job).put(path)


def explain(job: Job | Sent, task: Task) -> Piece:
    """Explain a block of probes by a checkpoint.

    Raises:
        CheckpointError: the checkpoint can't be explained; the sentence begins with its name.
        WorkerError: this process can't explain any.
    """
    began = time.perf_counter()
    bound = _bound(job)
    weights = bound.put(task.path)
    snapshot, warned = bound.run(task.probe_set, range(task.start, task.stop))
    return Piece.of(snapshot, weights=weights, seconds=time.perf_counter() - began, warnings=tuple(warned))


def _bound(job: Job | Sent) -> _Bound:
    """The bound model of this thread."""
    _look_at_process()
    kept: _Bound | None = getattr(_OF_THREAD, "bound", None)
    if kept is None or kept.job.hash != job.hash:
        _OF_THREAD.bound = None  # one model at a time in memory
        kept = _OF_THREAD.bound = _Bound(job.opened())
    return kept


def _look_at_process() -> None:
    """Refuse to work in a process that was forked after TensorFlow had begun its threads, which the fork does not have: it would wait for ever."""
    process = os.getpid()
    if process not in _LOOKED_AT:
        if process != _IMPORTED_BY and "tensorflow" in sys.modules:
            raise WorkerError(
                "this pool forks its processes from one that uses TensorFlow, in which they would wait for ever; give executor=2 for two processes, or "
                "ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('spawn'))."
            )
        _LOOKED_AT.add(process)


class _Bound:
    """A model that is bound to the plans of a job.

    Attributes:
        job: the job, which names the checkpoint that was bound.
        facts: what the record must know of the model.
    """

    def __init__(self, job: Job) -> None:
        self.job, reference = job, job.reference
        self._signature = signature(reference) if job.build is None else None
        with quietly() as caught:
            self._model = without_optimizer(self._made(reference))
            self._engines = {name: Engine(plan, self._model) for name, plan in job.plans.items()}
        self.facts = Facts.of(about(self._model), self._engines, _sentences(caught))
        self._weights = digest(self._model)
        self._now: tuple[str, Any] | None = (reference, _stamp(reference))
        self._fresh = set(self._engines)

    def _made(self, path: str) -> Any:
        """The model of a path."""
        if self.job.build is None:
            return loaded(path, trusted=self.job.trusted)
        try:
            return self.job.build(path)
        except Exception as error:  # the user's function may raise anything
            raise CheckpointError(f"{os.path.basename(path)}: build failed on it ({type(error).__name__}: {error})") from error

    def put(self, path: str) -> str | None:
        """Put the weights of a checkpoint into the bound model, and return their digest."""
        now = path, _stamp(path)
        if self._now != now or now[1] is None:
            self._now = None  # a failure may leave half of the weights
            self._put(path)
            self._weights = digest(self._model)
            self._now = now
        return self._weights

    def _put(self, path: str) -> None:
        name = os.path.basename(path)
        if self.job.build is None and path.endswith(SUFFIX):
            if signature(path) != self._signature:
                raise CheckpointError(self._foreign(path))
            with quietly():
                try:
                    self._model.load_weights(path)
                except Exception as error:  # whatever Keras and HDF5 raise on damage
                    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
                    raise CheckpointError(
                        f"{name} is damaged: its weights can't be read ({type(error).__name__}: {reason[:200]}); save it again, or leave it out"
                    ) from error
            return
        with quietly():
            model = self._made(path)
        if model is self._model:  # a function that puts the weights into a model that it keeps
            return
        if is_keras_model(model) and is_keras_model(self._model):
            if not model.built or architecture(model) != architecture(self._model) or outputs_of(model) != outputs_of(self._model):
                raise CheckpointError(self._unlike(path, model))
            put_back(self._model, copied(model))
            return
        with quietly():  # a callable, such as a forest, is no set of weights
            engines = {set_name: Engine(plan, model) for set_name, plan in self.job.plans.items()}
        if how := self.facts.differing(Facts.of(about(model), engines)):
            raise CheckpointError(f"{name} {how}; give it a log_dir of its own")
        self._model, self._engines = model, engines

    def _foreign(self, path: str) -> str:
        with quietly():
            return self._unlike(path, loaded(path, trusted=self.job.trusted))

    def _unlike(self, path: str, model: Any) -> str:
        """How a model differs from the bound one, as a sentence. Files of one name in two folders are told apart by their paths."""
        here, there = outputs_of(self._model), outputs_of(model)
        name, first = os.path.basename(path), os.path.basename(self.job.reference)
        if name == first:
            name, first = path, self.job.reference
        if here and there and here[-1] != there[-1]:
            return f"{name} has {there[-1]} outputs, and {first} has {here[-1]}; explain it into a log_dir of its own"
        return f"{name} is a model of another architecture than {first}; explain it into a log_dir of its own"

    def run(self, probe_set: str, block: range) -> tuple[Any, Sequence[str]]:
        """The snapshot of a block of probes, and what was warned of. The first explanation may warn of what the outputs look like."""
        engine = self._engines[probe_set]
        if probe_set not in self._fresh:
            return engine.run(block=block), []
        with quietly() as caught:
            snapshot = engine.run(block=block)
        self._fresh.discard(probe_set)
        return snapshot, _sentences(caught)


def _sentences(caught: Sequence[Any]) -> list[str]:
    """What warnings say to the user; not those of the libraries below."""
    said = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    return [sentence for sentence in dict.fromkeys(said) if OF_OPTIMIZER not in sentence]


def _stamp(path: str) -> Any:
    """When a file was written; None for what is no file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
