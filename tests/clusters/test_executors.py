"""One suite for every executor: the record is the same, to the byte, also where a worker is killed in the middle."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.checkpoints import OPTIONS, PROBES, STEPS, Linear, build, events_of, poisoned, steps_written, written

import tb_xai_plugin as xai
from tb_xai_plugin.clusters import crews, jobs

SPAWN = multiprocessing.get_context("spawn")


@contextlib.contextmanager
def threads() -> Iterator[Any]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@contextlib.contextmanager
def spawned() -> Iterator[Any]:
    yield lambda: ProcessPoolExecutor(2, SPAWN)


@contextlib.contextmanager
def number_of_processes() -> Iterator[Any]:
    pytest.importorskip("loky", reason="install loky to test its processes: pip install 'tb_xai_plugin[cluster]'")
    yield 2


@contextlib.contextmanager
def dask() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="install distributed to test Dask: pip install 'tb_xai_plugin[cluster]'")
    quiet: dict[str, Any] = {"dashboard_address": None, "silence_logs": "CRITICAL"}
    with (
        distributed.LocalCluster(2, processes=True, threads_per_worker=1, host="127.0.0.1", **quiet) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS = {"threads": threads, "spawned processes": spawned, "loky": number_of_processes, "Dask": dask}
# Threads can't be killed.
MORTAL = ("spawned processes", "loky", "Dask")


def explained(paths: Any, log_dir: Path, executor: Any = None, **options: Any) -> xai.Run:
    return xai.explain_checkpoints(paths, PROBES, log_dir, executor, build, **{**OPTIONS, **options})


@pytest.fixture(scope="module")
def in_this_thread(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, bytes]]:
    """The content of the record that is made without any executor."""
    folder = tmp_path_factory.mktemp("serial")
    explained(written(folder / "ckpt"), folder / "run")
    return events_of(folder / "run")


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of processes that were killed
@pytest.mark.parametrize("kind", EXECUTORS)
def test_the_record_is_the_same_to_the_byte_also_after_a_worker_was_killed(
    kind: str, in_this_thread: list[tuple[int, str, bytes]], tmp_path: Path
) -> None:
    paths = written(tmp_path / "ckpt")
    if kind in MORTAL:
        poisoned(paths[2])
    with EXECUTORS[kind]() as executor:
        run = explained(paths, tmp_path / "run", executor)
    assert not list((tmp_path / "ckpt").glob("*.kill"))
    assert steps_written(tmp_path / "run") == dict.fromkeys(range(-1, STEPS - 1), 1)
    assert events_of(tmp_path / "run") == in_this_thread
    assert run.values("shap").shape[:2] == (STEPS - 1, len(PROBES))


def test_values_are_those_of_explain(tmp_path: Path) -> None:
    """Of the same model, without checkpoints, tasks and blocks."""
    paths = written(tmp_path / "ckpt", 2)
    run = explained(paths, tmp_path / "run")
    once = xai.explain(build(str(paths[0])), PROBES, evaluations=66, head="probabilities")
    for name, explanation in once.items():
        np.testing.assert_array_equal(run.values(name)[-1], explanation.values)
        np.testing.assert_array_equal(run.all_base_values(name)[-1], explanation.base_values)


@pytest.mark.parametrize("block", [1, 100, 1000])
def test_the_record_does_not_depend_on_the_size_of_blocks(block: int, in_this_thread: list[tuple[int, str, bytes]], tmp_path: Path) -> None:
    explained(written(tmp_path / "ckpt"), tmp_path / "run", block=block)
    assert events_of(tmp_path / "run") == in_this_thread


class Dying(Executor):
    """Does the work at once, until it breaks."""

    def __init__(self, tasks: int) -> None:
        self.left = tasks

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.left -= 1
        if self.left < 0:
            future.set_exception(BrokenExecutor("a process was terminated abruptly"))
        else:
            future.set_result(function(*arguments, **options))
        return future


def test_a_pool_that_was_given_and_breaks_leaves_what_is_done_and_the_next_call_goes_on(
    in_this_thread: list[tuple[int, str, bytes]], tmp_path: Path
) -> None:
    paths = written(tmp_path / "ckpt")
    with pytest.raises(RuntimeError, match=r"a worker died, and its pool is broken .* the same call with a new pool goes on there"):
        explained(paths, tmp_path / "run", Dying(8), window=1)
    assert steps_written(tmp_path / "run") == {-1: 1, 0: 1}  # one call looks, three explain a step
    explained(paths, tmp_path / "run")
    assert events_of(tmp_path / "run") == in_this_thread


def test_a_task_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    made: list[Executor] = []

    def pool() -> Executor:
        made.append(Dying(1 + 3 if not made else 0))
        return made[-1]

    with pytest.raises(
        RuntimeError, match=r"workers died 3 times at the same task .*often a lack of memory.*What was explained is in the record"
    ):
        explained(written(tmp_path / "ckpt"), tmp_path / "run", pool)
    assert steps_written(tmp_path / "run") == {-1: 1}
    assert len(made) == 3


class Faulty(Executor):
    """An executor whose workers raise an error of the surroundings."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(self.error)
        return future


def test_a_worker_without_the_package_is_one_sentence(tmp_path: Path) -> None:
    wrapped = RuntimeError("Error during deserialization of the task graph.")
    wrapped.__cause__ = ModuleNotFoundError("No module named 'tb_xai_plugin'", name="tb_xai_plugin")
    for error in (wrapped, wrapped.__cause__):
        with pytest.raises(
            RuntimeError, match=r"^explain_checkpoints: a worker has no 'tb_xai_plugin'; install it in the environment of the workers"
        ):
            explained(written(tmp_path / "ckpt"), tmp_path / "run", Faulty(error))
    assert not (tmp_path / "run").exists()


def test_a_worker_with_another_version_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    from tb_xai_plugin.engine.plan import Plan

    job = jobs.Job({"probes": Plan(PROBES, "shap", evaluations=66)}, "a", build)
    sent = pickle.loads(pickle.dumps(job))
    assert isinstance(sent, jobs.Sent)
    assert sent.opened().plans["probes"].probes.digest == PROBES.digest
    jobs._KNOWN.clear()
    monkeypatch.setattr(jobs, "__version__", "0.0.1")
    with pytest.raises(jobs.WorkerError, match=r"a worker has tb_xai_plugin 0\.0\.1, and this process .*install the same version for both"):
        sent.opened()


def test_functions_that_no_process_can_import_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)  # as where it is not installed
    with pytest.raises(RuntimeError, match=r"explain_checkpoints: a function can't be sent to another process .*at the top of a module"):
        xai.explain_checkpoints(
            written(tmp_path / "ckpt"), PROBES, tmp_path / "run", lambda: ProcessPoolExecutor(1, SPAWN), lambda path: build(path), **OPTIONS
        )


@pytest.mark.parametrize("executor", [0, True, "dask", 2.0])
def test_an_executor_that_is_none_is_refused(executor: Any, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^explain_checkpoints: executor is .*; give a number of processes"):
        explained(written(tmp_path / "ckpt"), tmp_path / "run", executor)


def test_no_more_than_a_window_of_tasks_waits(tmp_path: Path) -> None:
    class Lazy(ThreadPoolExecutor):
        most = 0
        futures: list[Future[Any]] = []  # noqa: RUF012

        def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
            self.futures.append(super().submit(function, *arguments, **options))
            self.most = max(self.most, sum(not future.done() for future in self.futures))
            return self.futures[-1]

    with Lazy(1) as pool:
        explained(written(tmp_path / "ckpt"), tmp_path / "run", pool, window=3)
        assert 1 < pool.most <= 3


def test_results_come_in_the_order_of_the_calls_whichever_is_ready_first() -> None:
    import time

    with ThreadPoolExecutor(4) as pool:
        crew = crews.Crew(pool, window=4)
        calls = [(lambda wait: time.sleep(wait) or wait, (wait,)) for wait in (0.2, 0.1, 0.0, 0.15, 0.0)]
        assert list(crew.results(calls)) == [0.2, 0.1, 0.0, 0.15, 0.0]


def test_probes_that_lie_in_a_file_are_read_there_and_not_sent(tmp_path: Path, in_this_thread: list[tuple[int, str, bytes]]) -> None:
    import pickle

    PROBES.save(tmp_path / "probes.npz")
    run = xai.explain_checkpoints(written(tmp_path / "ckpt"), tmp_path / "probes.npz", tmp_path / "run", None, build, **OPTIONS)
    assert run.probes.digest == PROBES.digest
    assert events_of(tmp_path / "run") == in_this_thread
    from tb_xai_plugin.engine.plan import Plan

    plans = {"probes": Plan(PROBES, "shap", evaluations=66)}
    at_file, with_probes = (
        len(pickle.dumps(jobs.Job(plans, "a", build, files=files))) for files in ({"probes": str(tmp_path / "probes.npz")}, {})
    )
    assert at_file < 2000 < PROBES.inputs.nbytes < with_probes
    assert re.search("corner", str(run.probes.regions))
    assert isinstance(build(str(tmp_path / "ckpt" / "epoch-1.npz")), Linear)


def test_a_file_of_a_callable_that_was_replaced_is_explained_anew_and_a_copy_is_not(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "ckpt", 1).values()
    other = written(tmp_path / "other", 2)[0]
    run, kept = tmp_path / "run", tmp_path / "run" / "earlier-1"
    explained({0: path}, run)
    os.utime(path, (1, 1))
    explained({0: path}, run)
    assert not kept.exists(), "a copy of a file has another time and the same content"
    shutil.copyfile(other, path)
    os.utime(path, (1, 1))
    found = explained({0: path}, run).values("shap")
    assert kept.exists()
    np.testing.assert_array_equal(found, explained({0: other}, tmp_path / "fresh").values("shap"))
