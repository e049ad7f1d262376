"""Where a run's tensors come from: a directory of event files, or TensorBoard's DataProvider."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from tb_xai_plugin.probes import hash_of
from tb_xai_plugin.records import wire

T = TypeVar("T")

# More than any tag holds. Never the plugin's sampling hint: that is 0 for "all", and a provider takes 0 as "none".
EVERYTHING = 10**6

# What is read in one call. TensorBoard's data server takes 40 ms for a small reply, 10 ms for one of a few MB, and disproportionately long
# for a large one; at most it sends 256 MiB.
CALL_BYTES = 2**23

# How much JSON an epoch and a record have, as a rule.
EPOCH_BYTES = 2**10
RECORD_BYTES = 2**16


@dataclass(frozen=True)
class Datum:
    """One tensor of a tag: `value` is an array, or bytes for a string tensor."""

    step: int
    wall_time: float
    value: Any


class Source(Protocol):
    """One run's tags and tensors."""

    def tags(self) -> dict[str, bytes]:
        """{tag: what the writer kept beside it}."""

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        """{tag: all of its tensors, in no particular order}, read in one go; [] where there is no such tag."""


class DirectorySource:
    """Event files of one directory, read with TensorBoard's own reader; a truncated last event is left out."""

    def __init__(self, directory: str) -> None:
        from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

        self._accumulator = EventAccumulator(directory, size_guidance={TENSORS: 0}, purge_orphaned_data=False)
        with _quiet():
            self._accumulator.Reload()

    def tags(self) -> dict[str, bytes]:
        metadata = {tag: self._accumulator.SummaryMetadata(tag) for tag in self._accumulator.Tags()["tensors"]}
        return {tag: m.plugin_data.content for tag, m in metadata.items() if m.plugin_data.plugin_name == wire.PLUGIN_NAME}

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        from tensorboard.util.tensor_util import make_ndarray

        there = set(self._accumulator.Tags()["tensors"])
        events = {tag: self._accumulator.Tensors(tag) if tag in there else [] for tag in tags}
        return {tag: [Datum(e.step, e.wall_time, _value(make_ndarray(e.tensor_proto))) for e in found] for tag, found in events.items()}


class ProviderSource:
    """One run as a TensorBoard server serves it, with either of its loaders."""

    def __init__(self, provider: Any, context: Any, experiment: str, run: str, series: Mapping[str, Any] | None = None) -> None:
        """series: what `provider.list_tensors` says of the run, where it is known already."""
        self._provider, self._context, self._experiment, self._run = provider, context, experiment, run
        if series is None:
            from tensorboard.data.provider import RunTagFilter

            run_only = RunTagFilter(runs=[run])
            listed = provider.list_tensors(context, experiment_id=experiment, plugin_name=wire.PLUGIN_NAME, run_tag_filter=run_only)
            series = listed.get(run, {})
        self._series = series
        self._ahead: dict[str, list[Datum]] = {}

    @property
    def version(self) -> str:
        """Changes whenever anything in the run changed."""
        return hash_of(*(f"{tag} {s.max_step} {s.max_wall_time!r}" for tag, s in sorted(self._series.items())))

    def tags(self) -> dict[str, bytes]:
        return {tag: s.plugin_content for tag, s in self._series.items()}

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        found: dict[str, list[Datum]] = {tag: [] for tag in tags}
        ahead = {tag: data for tag in found if (data := self._ahead.pop(tag, None)) is not None}
        absent = [tag for tag in found if tag in self._series and tag not in ahead]
        return found | ahead | (self.read([self._run], absent).get(self._run, {}) if absent else {})

    def read(self, runs: Sequence[str], tags: Sequence[str]) -> dict[str, dict[str, list[Datum]]]:
        """{run: {tag: its tensors}} in one call, which costs 40 ms however little it brings."""
        from tensorboard.data.provider import RunTagFilter

        series = self._provider.read_tensors(
            self._context,
            experiment_id=self._experiment,
            plugin_name=wire.PLUGIN_NAME,
            downsample=EVERYTHING,
            run_tag_filter=RunTagFilter(runs=runs, tags=tags),
        )
        return {
            run: {tag: [Datum(d.step, d.wall_time, _value(d.numpy)) for d in data] for tag, data in found.items()}
            for run, found in series.items()
        }

    @property
    def text_bytes(self) -> int:
        """About how much JSON there is of the run."""
        return RECORD_BYTES + EPOCH_BYTES * max((s.max_step + 2 for s in self._series.values()), default=0)


def listed(provider: Any, context: Any, experiment: str) -> dict[str, ProviderSource]:
    """{run: its source} of all runs that have records, in alphabetical order."""
    series = provider.list_tensors(context, experiment_id=experiment, plugin_name=wire.PLUGIN_NAME)
    return {run: ProviderSource(provider, context, experiment, run, series[run]) for run in sorted(series)}


def read_texts(sources: Iterable[ProviderSource]) -> None:
    """Read what is JSON of several runs of one server, in as few calls as can be; their sources give it out once, without another call."""
    for together in calls([(source, source.text_bytes) for source in sources]):
        tags = sorted({tag for source in together for tag in source.tags() if tag.endswith((wire.record_tag(""), wire.epoch_tag("")))})
        found = together[0].read([source._run for source in together], tags) if tags else {}
        for source in together:
            source._ahead |= found.get(source._run, {})


def calls(sizes: Iterable[tuple[T, int]]) -> list[list[T]]:
    """What to read together: the largest first, each in the first call that has room."""
    bins: list[tuple[list[T], int]] = []
    for item, size in sorted(sizes, key=lambda pair: -pair[1]):
        place = next((place for place, (_, filled) in enumerate(bins) if filled + size <= CALL_BYTES), None)
        if place is None:
            bins.append(([item], size))
        else:
            bins[place] = ([*bins[place][0], item], bins[place][1] + size)
    return [items for items, _ in bins]


def has_events(directory: str) -> bool:
    return os.path.isdir(directory) and any("tfevents" in name for name in os.listdir(directory))


def _value(array: np.ndarray) -> Any:
    return array if array.dtype.kind in "fiub" else bytes(array.item())


@contextmanager
def _quiet() -> Iterator[None]:
    """TensorBoard's loader reports every truncated file on the console; the reader says it where it matters."""
    logger = logging.getLogger("tensorboard")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
