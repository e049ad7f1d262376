"""Where a run's tensors come from: a directory of event files, or TensorBoard's DataProvider."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from tb_xai_plugin.probes import hash_of
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.events import Index, Tensor
from tb_xai_plugin.records.places import is_remote

T = TypeVar("T")

# More than any tag holds. Never the plugin's sampling hint: that is 0 for "all", and a provider takes 0 as "none".
EVERYTHING = 10**6

# The most that is read in one call. TensorBoard's data server takes 40 ms for a small reply, 10 ms for one of a few MB, and
# disproportionately long for a large one; it sends at most 256 MiB.
CALL_BYTES = 2**23

# Usual size of the JSON of an epoch and of a record.
EPOCH_BYTES = 2**10
RECORD_BYTES = 2**16


class Datum(Protocol):
    """One tensor of a tag: `value` is an array, or bytes for a string tensor."""

    @property
    def step(self) -> int: ...

    @property
    def wall_time(self) -> float: ...

    @property
    def value(self) -> np.ndarray | bytes: ...


class ReadDatum(NamedTuple):
    """A Datum that is in memory."""

    step: int
    wall_time: float
    value: np.ndarray | bytes


class StoredDatum:
    """A Datum that lies in an event file: its value is read whenever it is used, and not kept. A long record has gigabytes of them."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    @property
    def step(self) -> int:
        return self._tensor.event.step

    @property
    def wall_time(self) -> float:
        return self._tensor.event.wall_time

    @property
    def value(self) -> np.ndarray | bytes:
        return _value(self._tensor.read())


class Source(Protocol):
    """One run's tags and tensors."""

    def tags(self) -> dict[str, bytes]:
        """{tag: the content that the writer stored in its metadata}."""

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        """{tag: all of its tensors, in no particular order}, read in one go; [] where there is no such tag."""


class DirectorySource:
    """The event files of one local directory; see `events.Index` for truncated and damaged ones. Tensors are read when they are used.

    Attributes:
        damages: a sentence for each damaged file.
    """

    def __init__(self, directory: str) -> None:
        index = Index(directory)
        self.damages = index.damages
        self._contents = {
            tag: content for tag, (name, content) in index.plugins.items() if name == wire.PLUGIN_NAME and tag in index.tensors
        }
        self._tensors = {tag: index.tensors[tag] for tag in self._contents}

    def tags(self) -> dict[str, bytes]:
        return dict(self._contents)

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        return {tag: [StoredDatum(tensor) for tensor in self._tensors.get(tag, [])] for tag in tags}


class RemoteSource:
    """The event files of one directory on a remote file system, such as gs://, read with TensorBoard's own reader; all is in memory."""

    damages: Sequence[str] = ()

    def __init__(self, directory: str) -> None:
        from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

        self._accumulator = EventAccumulator(directory, size_guidance={TENSORS: 0}, purge_orphaned_data=False)
        with _quiet():
            self._accumulator.Reload()

    def tags(self) -> dict[str, bytes]:
        present = set(self._accumulator.Tags()["tensors"])
        plugin_data = {tag: metadata.plugin_data for tag, metadata in self._accumulator.summary_metadata.items() if tag in present}
        return {tag: data.content for tag, data in plugin_data.items() if data.plugin_name == wire.PLUGIN_NAME}

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        from tensorboard.util.tensor_util import make_ndarray

        present = set(self._accumulator.Tags()["tensors"])
        events = {tag: self._accumulator.Tensors(tag) if tag in present else [] for tag in tags}
        return {
            tag: [ReadDatum(event.step, event.wall_time, _value(make_ndarray(event.tensor_proto))) for event in of_tag]
            for tag, of_tag in events.items()
        }


def source_of(directory: str) -> DirectorySource | RemoteSource:
    """The event files of a directory, local or remote."""
    return RemoteSource(directory) if is_remote(directory) else DirectorySource(directory)


class ProviderSource:
    """One run as a TensorBoard server serves it, with either of its loaders."""

    def __init__(self, provider: Any, context: Any, experiment: str, run: str, series: Mapping[str, Any] | None = None) -> None:
        """series: the run's part of `provider.list_tensors`; None asks the provider."""
        self._provider, self._context, self._experiment, self._run = provider, context, experiment, run
        if series is None:
            from tensorboard.data.provider import RunTagFilter

            run_only = RunTagFilter(runs=[run])
            of_runs = provider.list_tensors(context, experiment_id=experiment, plugin_name=wire.PLUGIN_NAME, run_tag_filter=run_only)
            series = of_runs.get(run, {})
        self._series = series
        self._prefetched: dict[str, list[Datum]] = {}

    @property
    def version(self) -> str:
        """A hash that changes whenever anything in the run changed."""
        return hash_of(*(f"{tag} {s.max_step} {s.max_wall_time!r}" for tag, s in sorted(self._series.items())))

    def tags(self) -> dict[str, bytes]:
        return {tag: s.plugin_content for tag, s in self._series.items()}

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        none: dict[str, list[Datum]] = {tag: [] for tag in tags}
        prefetched = {tag: data for tag in none if (data := self._prefetched.pop(tag, None)) is not None}
        absent = [tag for tag in none if tag in self._series and tag not in prefetched]
        return none | prefetched | (self.read([self._run], absent).get(self._run, {}) if absent else {})

    def read(self, runs: Sequence[str], tags: Sequence[str]) -> dict[str, dict[str, list[Datum]]]:
        """{run: {tag: its tensors}} in one call, which takes 40 ms even for a few bytes."""
        from tensorboard.data.provider import RunTagFilter

        of_runs = self._provider.read_tensors(
            self._context,
            experiment_id=self._experiment,
            plugin_name=wire.PLUGIN_NAME,
            downsample=EVERYTHING,
            run_tag_filter=RunTagFilter(runs=runs, tags=tags),
        )
        return {
            run: {tag: [ReadDatum(d.step, d.wall_time, _value(d.numpy)) for d in data] for tag, data in of_tags.items()}
            for run, of_tags in of_runs.items()
        }

    @property
    def text_bytes(self) -> int:
        """Estimated size of the run's JSON."""
        return RECORD_BYTES + EPOCH_BYTES * max((s.max_step + 2 for s in self._series.values()), default=0)


def list_sources(provider: Any, context: Any, experiment: str) -> dict[str, ProviderSource]:
    """{run: its source} of all runs that have records, in alphabetical order."""
    series = provider.list_tensors(context, experiment_id=experiment, plugin_name=wire.PLUGIN_NAME)
    return {run: ProviderSource(provider, context, experiment, run, series[run]) for run in sorted(series)}


def prefetch_json(sources: Iterable[ProviderSource]) -> None:
    """Read the JSON of several runs of one server in as few calls as possible. Each source then returns its own once, without another call."""
    for together in calls([(source, source.text_bytes) for source in sources]):
        tags = sorted({tag for source in together for tag in source.tags() if tag.endswith((wire.record_tag(""), wire.epoch_tag("")))})
        of_runs = together[0].read([source._run for source in together], tags) if tags else {}
        for source in together:
            source._prefetched |= of_runs.get(source._run, {})


def calls(sizes: Iterable[tuple[T, int]]) -> list[list[T]]:
    """Distribute items over calls of at most CALL_BYTES: the largest first, each into the first call that has room. sizes: (item, bytes)."""
    bins: list[tuple[list[T], int]] = []
    for item, size in sorted(sizes, key=lambda pair: -pair[1]):
        place = next((place for place, (_, filled) in enumerate(bins) if filled + size <= CALL_BYTES), None)
        if place is None:
            bins.append(([item], size))
        else:
            bins[place] = ([*bins[place][0], item], bins[place][1] + size)
    return [items for items, _ in bins]


def _value(array: np.ndarray) -> np.ndarray | bytes:
    return array if array.dtype.kind in "fiub" else bytes(array.item())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence TensorBoard's loader, which reports every truncated file on the console."""
    logger = logging.getLogger("tensorboard")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
