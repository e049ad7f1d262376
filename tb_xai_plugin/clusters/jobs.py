"""Jobs and tasks. A job is what all tasks have in common, and a worker keeps it; a task is a checkpoint and a block of probes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.probes import ProbeSet, hash_of, load_probes
from tb_xai_plugin.version import __version__


class WorkerError(RuntimeError):
    """Something is wrong with a worker, and not with a checkpoint: a sentence."""


# {hash: job}, in a worker.
_KNOWN: dict[str, Job] = {}
MOST_KNOWN = 4


@dataclass(frozen=True)
class Job:
    """What all tasks of a call have in common.

    Attributes:
        plans: {probe set: its plan}.
        reference: the path of the checkpoint that every worker binds first; the weights of all others are put into its model.
        build: path -> model; None for files that Keras loads itself.
        trusted: whether files that hold code may be loaded.
        files: {probe set: the file that its probes come from}; workers read them there, and are not sent the probes.
        call: of each call another one: a file may be written anew between two calls, and a function may be another one of the same name.
    """

    plans: Mapping[str, Plan]
    reference: str
    build: Callable[[str], Any] | None = None
    trusted: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    call: str = field(default_factory=lambda: uuid4().hex)

    @cached_property
    def hash(self) -> str:
        """Equal for the same job of one call, wherever it is."""
        parts = [
            f"{name}: {sorted(plan.comparable.items())}, {plan.batch}, {plan.head}, {plan.model_output.described}"
            for name, plan in self.plans.items()
        ]
        return hash_of(__version__, self.call, self.reference, str(self.trusted), repr(self.build), *parts)

    @cached_property
    def _packed(self) -> bytes:
        """The job as bytes, made once."""
        plans = {
            name: (self.files.get(name) and (self.files[name], plan.probes.digest), plan.__reduce__()) for name, plan in self.plans.items()
        }
        sent = {name: (file, make, (file or probes, *rest)) for name, (file, (make, (probes, *rest))) in plans.items()}
        return _pickled((__version__, sent, self.reference, self.build, self.trusted, dict(self.files), self.call))

    def __reduce__(self) -> tuple[Any, ...]:
        return Sent, (self.hash, self._packed)

    def opened(self) -> Job:
        """The job itself; see `Sent.opened`."""
        return self


@dataclass(frozen=True)
class Sent:
    """A job on its way to a worker. It is opened by the task: a process that fails while it unpickles a task would end, and break its pool."""

    hash: str
    packed: bytes

    def opened(self) -> Job:
        """The job: one that this process has already, or one made of the bytes.

        Raises:
            WorkerError: this process has another version, or other probes.
        """
        if self.hash in _KNOWN:
            return _KNOWN[self.hash]
        version, sent, *rest = pickle.loads(self.packed)
        if version != __version__:
            raise WorkerError(f"a worker has tb_xai_plugin {__version__}, and this process {version}; install the same version for both.")
        plans = {name: make(_probes_at(*file) if file else arguments[0], *arguments[1:]) for name, (file, make, arguments) in sent.items()}
        while len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)))
        return _KNOWN.setdefault(self.hash, Job(plans, *rest))


def _probes_at(path: str, digest: str) -> ProbeSet:
    probes = load_probes(path)
    if probes.digest != digest:
        raise WorkerError(f"{path!r} has other probes on a worker than here; let all read the same file.")
    return probes


def _pickled(content: Any) -> bytes:
    """Bytes of an object. cloudpickle, which Dask and loky bring, takes functions that pickle does not, such as lambdas.

    Raises:
        WorkerError: neither takes it.
    """
    try:
        return pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        with suppress(Exception):
            import cloudpickle

            return bytes(cloudpickle.dumps(content))
        raise WorkerError(
            f"a function can't be sent to another process ({type(error).__name__}: {error}); define build= and the functions of probes at the top of a module."
        ) from error


@dataclass(frozen=True)
class Task:
    """One checkpoint and one block of probes. A worker may do it twice; the results are equal.

    Attributes:
        step: where the checkpoint stands in the record.
        path: the checkpoint.
        probe_set: the name of the probe set.
        start, stop: the block of its probes.
    """

    step: int
    path: str
    probe_set: str
    start: int
    stop: int
