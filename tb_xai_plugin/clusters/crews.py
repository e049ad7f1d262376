"""Crews: calls that are handed to any executor in a window, and whose results come back in the order of the calls. Workers may die."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, TypeAlias

from tb_xai_plugin.clusters.jobs import WorkerError
from tb_xai_plugin.clusters.places import WHO

# A number of processes on this machine, an executor, or a function that makes one.
Executors: TypeAlias = int | Executor | Callable[[], Executor] | None

# Tasks a worker, in a window: while one is done, the next ones wait at the worker.
TASKS_A_WORKER = 4

# After so many deaths of workers without a result between them, a task is given up.
MOST_DEATHS = 3

# The names of errors of executors that mean that a worker died.
DEATHS = ("KilledWorker", "LostWorkerError", "WorkerCrashedError", "NannyTerminated")

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


class Serial(Executor):
    """Does the work in this thread, when it is submitted."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class _Handed:
    """A call that was handed to an executor."""

    call: Call
    future: Future[Any]
    deaths: int = 0


class Crew:
    """Hands calls to an executor.

    Args:
        given: a number of processes on this machine, an executor, a function that makes one, or None for this thread.
        window: the largest number of calls that are submitted and whose results are not taken yet; None: four for each worker.
    """

    def __init__(self, given: Executors, window: int | None = None) -> None:
        self._make: Callable[[], Any] | None = None
        workers = os.cpu_count() or 1
        if given is None:
            self._executor: Any = Serial()
        elif isinstance(given, int) and not isinstance(given, bool):
            if given < 1:
                raise ValueError(f"{WHO}: executor is {given}; give a number of processes from 1, an executor, or None.")
            workers = given
            self._make = lambda: processes(workers)
        elif callable(getattr(given, "submit", None)):
            self._executor = given
        elif callable(given):
            self._make = given
        else:
            raise TypeError(
                f"{WHO}: executor is {type(given).__name__}; give a number of processes, a concurrent.futures.Executor, or a function that makes one; Dask: "
                "Client(…).get_executor()."
            )
        if window is not None and (isinstance(window, bool) or not isinstance(window, int) or window < 1):
            raise ValueError(f"{WHO}: window is {window!r}; give the number of tasks to submit at a time, a few for each worker.")
        self._window = 1 if given is None else window or TASKS_A_WORKER * workers
        if self._make:
            self._executor = self._make()

    def results(self, calls: Iterable[Call]) -> Iterator[Any | Exception]:
        """The result of each call, in their order; an exception where it raised one.

        Raises:
            WorkerError: workers die, or can't work at all.
        """
        handed: deque[_Handed] = deque()
        coming = iter(calls)
        try:
            while True:
                while len(handed) < self._window and (call := next(coming, None)) is not None:
                    handed.append(self._handed(call))
                if not handed:
                    return
                first = handed[0]
                wait([first.future])
                error = _failure(first.future)
                if error is not None and _is_death(error):
                    self._after_a_death(handed, error)
                    continue
                handed.popleft()
                for waiting in handed:
                    waiting.deaths = 0
                if error is None:
                    yield first.future.result()
                elif sentence := _no_worker(error):
                    raise WorkerError(f"{WHO}: {sentence}") from error
                else:
                    yield error
        finally:
            for waiting in handed:
                waiting.future.cancel()

    def result(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of one call. Its exception is raised."""
        (outcome,) = self.results([(function, arguments)])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _handed(self, call: Call) -> _Handed:
        function, arguments = call
        try:
            return _Handed(call, self._executor.submit(function, *arguments))
        except BrokenExecutor as error:  # it broke while nobody looked
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return _Handed(call, failed)

    def _after_a_death(self, handed: deque[_Handed], error: BaseException) -> None:
        """Hand out again what a dead worker had. A result that came before is kept."""
        first = handed[0]
        first.deaths += 1
        if first.deaths >= MOST_DEATHS:
            raise WorkerError(
                f"{WHO}: workers died {first.deaths} times at the same task ({type(error).__name__}: {error}), which is often a lack of memory; give fewer workers, or "
                "batch_size=. What was explained is in the record, and the same call goes on there."
            ) from error
        if isinstance(error, BrokenExecutor):
            if self._make is None:
                raise WorkerError(
                    f"{WHO}: a worker died, and its pool is broken ({type(error).__name__}: {error}). What was explained is in the record: the same call with a new pool "
                    "goes on there. Give executor= a number of processes, or a function that makes a pool, and it goes on by itself."
                ) from error
            self.close()
            self._executor = self._make()
        for waiting in handed:
            failure = _failure(waiting.future) if waiting.future.done() else None
            if (failure is not None and _is_death(failure)) or (isinstance(error, BrokenExecutor) and not waiting.future.done()):
                waiting.future = self._handed(waiting.call).future

    def close(self) -> None:
        """End the processes that were made here. An executor of the user stays."""
        if self._make is not None:
            self._executor.shutdown(wait=True, cancel_futures=True) if not _is_loky(self._executor) else self._executor.shutdown(wait=True)


def _failure(future: Future[Any]) -> BaseException | None:
    """What a future that is done raised; None where it has a result."""
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _is_death(error: BaseException) -> bool:
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ in DEATHS


def _no_worker(error: BaseException) -> str | None:
    """Why workers can't work at all, as a sentence; None where the error is one of a task."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, WorkerError):
            return str(at)
        if isinstance(at, ModuleNotFoundError):
            return (
                f"a worker has no {at.name!r}; install it in the environment of the workers, e.g. pip install 'tb_xai_plugin[tensorflow]'."
            )
        if "pickle" in type(at).__name__.lower() or "pickle" in str(at)[:200]:
            return f"a task can't be sent to a worker ({at}); define functions at the top of a module."
        at = at.__cause__ or at.__context__
    return None


def processes(workers: int) -> Any:
    """A pool of processes: loky's where it is installed, else one that spawns. None is forked: TensorFlow does not survive that."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    try:
        from loky import ProcessPoolExecutor as Loky
    except ImportError:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), share_cores, (threads,))
    return Loky(workers, initializer=share_cores, initargs=(threads,))


def share_cores(threads: int) -> None:
    """Leave cores to the other processes of a pool: TensorFlow reads this when it is imported."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _is_loky(executor: Any) -> bool:
    return type(executor).__module__.startswith("loky")
