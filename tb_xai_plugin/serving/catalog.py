"""Which runs a TensorBoard server holds and how far they are, kept until they change, with what was decoded of them."""

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
from tb_xai_plugin.probes import hash_of
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.record import probe_sets
from tb_xai_plugin.records.sources import ProviderSource, listed, read_texts
from tb_xai_plugin.run import Run
from tb_xai_plugin.version import __version__

logger = logging.getLogger(__name__)

# Memory of what is kept of all runs; the run that was not asked for longest goes first.
DECODED_BYTES = 2**29
RUNS_KEPT = 200

# Records that tell how long an epoch takes.
RECENT = 11

# In place of an entry of which nobody knows yet.
NEVER: tuple[int, dict[str, Any]] = (-1, {})

# Seconds to wait for another request, or `look`, that is reading the same; then it is read twice rather than not at all.
PATIENCE = 5.0


class Catalog:
    """The runs of a data provider. Asked from several threads: tables are locked for moments, and nothing is read meanwhile."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._code = _code()
        # With the moment of the look that each comes from: of requests that look at once, the first to look may be the last to write.
        self._entries: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self._moments = itertools.count()
        self._runs: OrderedDict[tuple[str, str, str], tuple[str, Run]] = OrderedDict()
        self._lock = threading.RLock()
        self._updating = threading.Lock()
        self._looking = threading.Lock()
        self._swept = False

    def entries(self, context: Any, experiment: str) -> list[dict[str, Any]]:
        """Entries of the `runs` route, in alphabetical order, up to date. What has not changed is not read again."""
        began, sources, versions = self._listed(context, experiment)
        if self._changed(experiment, versions):
            alone = self._updating.acquire(blocking=False)
            patient = alone or self._updating.acquire(timeout=PATIENCE)
            try:
                if not alone:  # whoever had the lock may have read what is newer than this list
                    began, sources, versions = self._listed(context, experiment)
                self._update(experiment, began, sources, versions)
            finally:
                if patient:
                    self._updating.release()
        with self._lock:
            for key in [key for key, (looked, _) in self._entries.items() if _gone(key, experiment, sources) and looked < began]:
                del self._entries[key]
            for key in [key for key in self._runs if _gone(key, experiment, sources) and key[:2] not in self._entries]:
                del self._runs[key]
            return [found[1] for name in sources if (found := self._entries.get((experiment, name)))]

    def run(self, context: Any, experiment: str, name: str, probe_set: str | None, version: str | None) -> tuple[Run, str]:
        """A run and its version: as of the version asked for where that is known, without asking the server; otherwise as it is now.

        Raises:
            RecordError: no such run, or one that can't be read.
        """
        kept = self._kept((experiment, name), probe_set, version) if version else None
        if kept is None:
            source = ProviderSource(self._provider, context, experiment, name)
            version = self._version(source)
            kept = self._keep((experiment, name), version, Run(source, display_name(name), probe_set), asked=True)
            self._shrink(kept)
        return kept.load(), version

    def runs(self, context: Any, experiment: str, wanted: Mapping[str, str], probe_set: str | None) -> dict[str, Run]:
        """{name: run} of {name: version}, as of that version where it is kept, otherwise as they are now; without those that can't be read.

        All that are not kept are looked up and read together.
        """
        runs = {name: self._kept((experiment, name), probe_set, version) for name, version in wanted.items()}
        absent = [name for name, kept in runs.items() if kept is None]
        if absent:
            _, sources, versions = self._listed(context, experiment)
            absent = [name for name in absent if name in sources]
            read_texts(sources[name] for name in absent)
            for name in absent:
                with suppress(RecordError):
                    run = Run(sources[name], display_name(name), probe_set)
                    runs[name] = self._keep((experiment, name), versions[name], run, asked=True)
            self._shrink(None)
        found = {}
        for name, kept in runs.items():
            with suppress(RecordError):
                if kept is not None:
                    found[name] = kept.load()
        return found

    def readable(self, context: Any, experiment: str, *, now: bool) -> dict[str, tuple[str, str]]:
        """{what a person calls it: TensorBoard's name and version} of the runs that can be read.

        now: False gives them as `entries` last told of them to anybody, which asks nobody.
        """
        with self._lock:
            found = [] if now else [entry for (of, _), (_, entry) in sorted(self._entries.items(), key=itemgetter(0)) if of == experiment]
        return {each["name"]: (each["run"], each["version"]) for each in found or self.entries(context, experiment) if not each["error"]}

    def look(self) -> None:
        """Somebody is looking at TensorBoard: have the entries ready, in the background, before the tab is clicked."""
        if self._provider is None or not self._looking.acquire(blocking=False):
            return
        try:
            threading.Thread(target=self._look, daemon=True, name="xai-catalog").start()
        except RuntimeError:  # no thread to be had: the click will read
            self._looking.release()

    def _look(self) -> None:
        try:
            if self.entries(RequestContext(), ""):
                self._sweep()
        except Exception:
            logger.debug("The runs were not read ahead.", exc_info=True)  # the request for them says what is wrong
        finally:
            self._looking.release()

    def _sweep(self) -> None:
        """Collect garbage now, once: TensorBoard's start and these runs make a full collection due, which stops the process for 0.3 s and
        would come between the click on the tab and its first picture."""
        if not self._swept:
            self._swept = True
            gc.collect()

    def _listed(self, context: Any, experiment: str) -> tuple[int, dict[str, ProviderSource], dict[str, str]]:
        """The moment at which this look began, {run: its source} and {run: its version}."""
        began = next(self._moments)
        sources = listed(self._provider, context, experiment)
        return began, sources, {name: self._version(source) for name, source in sources.items()}

    def _version(self, source: ProviderSource) -> str:
        # Replies may be kept by browsers: another version of the code makes other replies of the same record.
        return hash_of(self._code, source.version)

    def _changed(self, experiment: str, versions: Mapping[str, str]) -> list[str]:
        with self._lock:
            known = {name: self._entries.get((experiment, name), NEVER)[1].get("version") for name in versions}
        return [name for name, version in versions.items() if known[name] != version]

    def _update(self, experiment: str, began: int, sources: Mapping[str, ProviderSource], versions: Mapping[str, str]) -> None:
        changed = self._changed(experiment, versions)
        read_texts(sources[name] for name in changed)
        for name in changed:
            entry, runs = _entry(name, sources[name], versions[name])
            with self._lock:
                if self._entries.get((experiment, name), NEVER)[0] > began:
                    continue  # it is from a later look
                for run in runs:
                    self._keep((experiment, name), versions[name], run, asked=False)
                self._entries[experiment, name] = (began, entry)
        self._shrink(None)

    def _kept(self, place: tuple[str, str], probe_set: str | None, version: str) -> Run | None:
        with self._lock:
            sets = [probe_set] if probe_set else self._entries[place][1]["sets"][:1] if place in self._entries else []
            found = self._runs.get((*place, *sets)) if sets else None
            if found is None or found[0] != version:
                return None
            self._runs.move_to_end((*place, *sets))
        self._shrink(found[1])
        return found[1]

    def _keep(self, place: tuple[str, str], version: str, run: Run, *, asked: bool) -> Run:
        """The run that is kept of this version: this one, or one that was kept already, with what it has decoded.

        asked: one that was not asked for pushes out none that was.
        """
        key = (*place, run.probe_set)
        with self._lock:
            kept = self._runs.get(key)
            if kept is None or kept[0] != version:
                self._runs[key] = (version, run)
            if asked or kept is None:
                self._runs.move_to_end(key, last=asked)
            return self._runs[key][1]

    def _shrink(self, wanted: Run | None) -> None:
        """Keep within the limits; a run that is too large all by itself starts anew."""
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


def _entry(name: str, source: ProviderSource, version: str) -> tuple[dict[str, Any], list[Run]]:
    """One entry of the `runs` route, and the runs of its probe sets."""
    entry = {"run": name, "name": display_name(name), "sets": [], "comparable": {}, "version": version}
    entry |= {"epochs": 0, "last_step": None, "wall_time": None, "epoch_seconds": None, "error": None}
    try:
        sets = probe_sets(source, entry["name"])
        runs = [Run(source, entry["name"], probe_set).load() for probe_set in sets]
    except RecordError as error:
        return entry | {"error": str(error)}, []
    steps, wall_times = np.concatenate([run.steps for run in runs]), np.concatenate([run.wall_times for run in runs])
    entry |= {"sets": sets, "epochs": max(len(run.steps) for run in runs)}
    entry |= {"comparable": {run.probe_set: run.comparable for run in runs}}
    if len(steps):
        entry["last_step"] = int(steps.max())
    if len(wall_times):
        entry["wall_time"] = float(wall_times.max())
        entry["epoch_seconds"] = max(_usual_intervals(runs), default=None)
    return entry, runs


def _gone(key: tuple[str, ...], experiment: str, sources: Mapping[str, ProviderSource]) -> bool:
    return key[0] == experiment and key[1] not in sources


def _usual_intervals(runs: Iterable[Run]) -> list[float]:
    """Median seconds between the last records; of a run with less than two, none."""
    return [float(np.median(np.diff(run.wall_times[-RECENT:]))) for run in runs if len(run.wall_times) > 1]


def display_name(run: str) -> str:
    """What a person calls a run: TensorBoard's name without the trailing "xai"; both kinds of slashes occur."""
    parts = run.replace("\\", "/").split("/")
    return "/".join(parts[:-1] if parts[-1] == wire.DIRECTORY else parts) or "."


def _code() -> str:
    """Changes with the code that makes replies."""
    rooms = [resources.files(f"tb_xai_plugin{room}") for room in ("", ".serving", ".judgement", ".records", ".probes")]
    files = [file for room in rooms for file in sorted(room.iterdir(), key=lambda file: file.name) if file.name.endswith(".py")]
    return hash_of(__version__, *(file.read_text(encoding="utf-8") for file in files))
