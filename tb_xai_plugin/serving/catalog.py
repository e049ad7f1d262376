"""The runs of a TensorBoard server and their progress, cached until they change, together with their decoded arrays."""

from __future__ import annotations

import gc
import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import resources
from operator import itemgetter
from typing import Any

import numpy as np
from tensorboard.context import RequestContext

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.judgement.differences import explained
from tb_xai_plugin.judgement.repeats import recorded
from tb_xai_plugin.probes import hash_of
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.record import probe_sets
from tb_xai_plugin.records.sources import ProviderSource, Source, list_sources, prefetch_json
from tb_xai_plugin.run import Run
from tb_xai_plugin.version import __version__

logger = logging.getLogger(__name__)

# The most memory of all cached runs; the least recently used run is dropped first.
DECODED_BYTES = 2**29
RUNS_KEPT = 200

# How many of the last records the usual time between records is taken from.
RECENT = 11

# In place of an entry that does not exist yet.
NEVER: tuple[int, dict[str, Any]] = (-1, {})

# Seconds to wait for another thread that is reading the same runs; after that they are read twice.
PATIENCE = 5.0


class Catalog:
    """The runs of a data provider. Thread-safe: the tables are locked for moments only, and nothing is read while they are."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._code = _code()
        # Each entry has the number of the listing that it is from: of concurrent requests, the first to list the runs may be the last to write.
        self._entries: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self._moments = itertools.count()
        self._runs: OrderedDict[tuple[str, str, str], tuple[str, Run]] = OrderedDict()
        self._lock = threading.RLock()
        self._updating = threading.Lock()
        self._prefetching = threading.Lock()
        self._garbage_collected = False

    def entries(self, context: Any, experiment: str) -> list[dict[str, Any]]:
        """The up-to-date entries of the `runs` route, in alphabetical order. Runs that have not changed are not read again."""
        moment, sources, versions = self._list(context, experiment)
        if self._changed(experiment, versions):
            alone = self._updating.acquire(blocking=False)
            locked = alone or self._updating.acquire(timeout=PATIENCE)
            try:
                if not alone:  # the thread that had the lock may have read something newer than this listing
                    moment, sources, versions = self._list(context, experiment)
                self._update(experiment, moment, sources, versions)
            finally:
                if locked:
                    self._updating.release()
        with self._lock:
            for key in [key for key, (listed, _) in self._entries.items() if _gone(key, experiment, sources) and listed < moment]:
                del self._entries[key]
            for run_key in [key for key in self._runs if _gone(key, experiment, sources) and key[:2] not in self._entries]:
                del self._runs[run_key]
            return [entry[1] for name in sources if (entry := self._entries.get((experiment, name)))]

    def run(self, context: Any, experiment: str, name: str, probe_set: str | None, version: str | None) -> tuple[Run, str]:
        """A run and its version: the requested version where it is cached, without a call to the server; otherwise the current one.

        Raises:
            RecordError: no such run, or one that can't be read.
        """
        cached = self._cached((experiment, name), probe_set, version) if version else None
        if cached is not None and version:
            return cached.load(), version
        source = ProviderSource(self._provider, context, experiment, name)
        current = self._version(source)
        run = self._cache((experiment, name), current, Run(source, display_name(name), probe_set), requested=True)
        self._evict(run)
        return run.load(), current

    def runs(self, context: Any, experiment: str, wanted: Mapping[str, str], probe_set: str | None) -> dict[str, Run]:
        """{name: run} of {name: version}: that version where it is cached, otherwise the current one; without runs that can't be read.

        All runs that are not cached are listed and read together.
        """
        runs = {name: self._cached((experiment, name), probe_set, version) for name, version in wanted.items()}
        absent = [name for name, run in runs.items() if run is None]
        if absent:
            _, sources, versions = self._list(context, experiment)
            absent = [name for name in absent if name in sources]
            prefetch_json(sources[name] for name in absent)
            for name in absent:
                with suppress(RecordError):
                    current = Run(sources[name], display_name(name), probe_set)
                    runs[name] = self._cache((experiment, name), versions[name], current, requested=True)
            self._evict(None)
        loaded = {}
        for name, run in runs.items():
            with suppress(RecordError):
                if run is not None:
                    loaded[name] = run.load()
        return loaded

    def readable(self, context: Any, experiment: str, *, now: bool) -> dict[str, dict[str, Any]]:
        """{display name: entry} of the runs that can be read.

        now: whether to list the runs; False uses the last entries, without a call to the server.
        """
        with self._lock:
            entries = [] if now else [entry for (of, _), (_, entry) in sorted(self._entries.items(), key=itemgetter(0)) if of == experiment]
        entries = entries or self.entries(context, experiment)
        return {entry["name"]: entry for entry in entries if not entry["error"]}

    def prefetch(self) -> None:
        """Update the entries in the background, so that they are ready when the user opens the tab."""
        if self._provider is None or not self._prefetching.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._prefetch, daemon=True, name="xai-catalog").start()
        except RuntimeError:  # no further thread can be started: the tab's own request will read the runs
            self._prefetching.release()

    def _prefetch(self) -> None:
        try:
            if self.entries(RequestContext(), ""):
                self._collect_garbage()
        except Exception:
            logger.debug("The runs could not be read ahead.", exc_info=True)  # the tab's own request reports the error
        finally:
            self._prefetching.release()

    def _collect_garbage(self) -> None:
        """Collect garbage now, once. TensorBoard's start and these runs make a full collection due; it stops the process for 0.3 s, which would
        delay the first view of the tab."""
        if not self._garbage_collected:
            self._garbage_collected = True
            gc.collect()

    def _list(self, context: Any, experiment: str) -> tuple[int, dict[str, ProviderSource], dict[str, str]]:
        """The number of this listing, {run: its source} and {run: its version}."""
        moment = next(self._moments)
        sources = list_sources(self._provider, context, experiment)
        return moment, sources, {name: self._version(source) for name, source in sources.items()}

    def _version(self, source: ProviderSource) -> str:
        # Browsers keep replies, and other code may make other replies from the same record.
        return hash_of(self._code, source.version)

    def _changed(self, experiment: str, versions: Mapping[str, str]) -> list[str]:
        with self._lock:
            known = {name: self._entries.get((experiment, name), NEVER)[1].get("version") for name in versions}
        return [name for name, version in versions.items() if known[name] != version]

    def _update(self, experiment: str, moment: int, sources: Mapping[str, ProviderSource], versions: Mapping[str, str]) -> None:
        changed = self._changed(experiment, versions)
        prefetch_json(sources[name] for name in changed)
        for name in changed:
            entry, runs = entry_of(name, sources[name], versions[name])
            with self._lock:
                if self._entries.get((experiment, name), NEVER)[0] > moment:
                    continue  # the entry is from a later listing
                for run in runs:
                    self._cache((experiment, name), versions[name], run, requested=False)
                self._entries[experiment, name] = (moment, entry)
        self._evict(None)

    def _cached(self, place: tuple[str, str], probe_set: str | None, version: str) -> Run | None:
        """The cached run of (experiment, name) in this version; None where there is none."""
        with self._lock:
            chosen = probe_set or next(iter(self._entries.get(place, NEVER)[1].get("sets", [])), None)
            if chosen is None:
                return None
            key = (*place, chosen)
            cached = self._runs.get(key)
            if cached is None or cached[0] != version:
                return None
            self._runs.move_to_end(key)
        self._evict(cached[1])
        return cached[1]

    def _cache(self, place: tuple[str, str], version: str, run: Run, *, requested: bool) -> Run:
        """Cache a run of (experiment, name), and return it, or the one that is cached already in this version with its decoded arrays.

        requested: whether a request needs the run; a run that none needs does not push out those that were requested.
        """
        key = (*place, run.probe_set)
        with self._lock:
            cached = self._runs.get(key)
            if cached is None or cached[0] != version:
                self._runs[key] = (version, run)
            if requested or cached is None:
                self._runs.move_to_end(key, last=requested)
            return self._runs[key][1]

    def _evict(self, wanted: Run | None) -> None:
        """Drop runs until the limits are kept, but not `wanted`; if that is too large alone, it drops its decoded arrays."""
        with self._lock:
            sizes = {key: run.nbytes for key, (_, run) in self._runs.items()}
            held = sum(sizes.values())
            for key in [key for key, (_, run) in self._runs.items() if run is not wanted]:
                if len(self._runs) <= RUNS_KEPT and held <= DECODED_BYTES:
                    return
                held -= sizes[key]
                del self._runs[key]
        if wanted is not None and held > DECODED_BYTES:
            wanted.forget()


def entry_of(name: str, source: Source, version: str) -> tuple[dict[str, Any], list[Run]]:
    """One entry of the `runs` route, and the runs of its probe sets."""
    entry: dict[str, Any] = {
        "run": name,
        "name": display_name(name),
        "sets": [],
        "comparable": {},
        "recipes": {},
        "explained": {},
        "version": version,
    }
    entry |= {"epochs": 0, "last_step": None, "returned": None, "wall_time": None, "epoch_seconds": None, "error": None}
    try:
        sets = probe_sets(source, entry["name"])
        runs = [Run(source, entry["name"], probe_set).load() for probe_set in sets]
    except RecordError as error:
        return entry | {"error": str(error)}, []
    steps, wall_times = np.concatenate([run.steps for run in runs]), np.concatenate([run.wall_times for run in runs])
    entry |= {"sets": sets, "epochs": max(len(run.steps) for run in runs)}
    entry |= {"comparable": {run.probe_set: run.comparable for run in runs}, "recipes": {run.probe_set: recorded(run) for run in runs}}
    entry |= {"explained": {run.probe_set: explained(run) for run in runs}}
    if len(steps):
        entry["last_step"] = int(steps.max())
    if all(run.returned_how is not None for run in runs):
        entry["returned"] = returned_of(runs[0])
    if len(wall_times):
        entry["wall_time"] = float(wall_times.max())
        entry["epoch_seconds"] = max(_usual_intervals(runs), default=None)
    return entry, runs


def _gone(key: tuple[str, ...], experiment: str, sources: Mapping[str, ProviderSource]) -> bool:
    return key[0] == experiment and key[1] not in sources


def _usual_intervals(runs: Iterable[Run]) -> list[float]:
    """The median seconds between the last records of each run that has at least two. The returned model is written at once after the last epoch."""
    written = [run.wall_times[run.all_steps != wire.RETURNED][-RECENT:] for run in runs]
    return [float(np.median(np.diff(wall_times))) for wall_times in written if len(wall_times) > 1]


def returned_of(run: Run) -> dict[str, Any]:
    """What the record says of the returned model."""
    return {"epoch": run.returned_epoch, "how": run.returned_how}


def display_name(run: str) -> str:
    """The name of a run for people: TensorBoard's name without the trailing "xai". Both kinds of slashes occur."""
    parts = run.replace("\\", "/").split("/")
    return "/".join(parts[:-1] if parts[-1] == wire.DIRECTORY else parts) or "."


def _code() -> str:
    """A hash of the code that makes replies."""
    package = resources.files("tb_xai_plugin")
    rooms = [package, *sorted((room for room in package.iterdir() if room.is_dir()), key=lambda room: room.name)]
    files = [file for room in rooms for file in sorted(room.iterdir(), key=lambda file: file.name) if file.name.endswith(".py")]
    return hash_of(__version__, *(file.read_text(encoding="utf-8") for file in files))
