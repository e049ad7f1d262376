"""Where a run's tensors come from: a directory of event files, or TensorBoard's DataProvider."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tb_xai_plugin import wire
from tb_xai_plugin.probes import hash_of

# More than any tag holds. Never the plugin's sampling hint: that is 0 for "all", and a provider takes 0 as "none".
EVERYTHING = 10**6


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

    def tensors(self, tag: str) -> list[Datum]:
        """All tensors of a tag, in no particular order; [] where there is no such tag."""


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

    def tensors(self, tag: str) -> list[Datum]:
        from tensorboard.util.tensor_util import make_ndarray

        if tag not in self._accumulator.Tags()["tensors"]:
            return []
        return [Datum(e.step, e.wall_time, _value(make_ndarray(e.tensor_proto))) for e in self._accumulator.Tensors(tag)]


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

    @property
    def version(self) -> str:
        """Changes whenever anything in the run changed."""
        return hash_of(*(f"{tag} {s.max_step} {s.max_wall_time!r}" for tag, s in sorted(self._series.items())))

    def tags(self) -> dict[str, bytes]:
        return {tag: s.plugin_content for tag, s in self._series.items()}

    def tensors(self, tag: str) -> list[Datum]:
        from tensorboard.data.provider import RunTagFilter

        series = self._provider.read_tensors(
            self._context,
            experiment_id=self._experiment,
            plugin_name=wire.PLUGIN_NAME,
            downsample=EVERYTHING,
            run_tag_filter=RunTagFilter(runs=[self._run], tags=[tag]),
        )
        return [Datum(d.step, d.wall_time, _value(d.numpy)) for d in series.get(self._run, {}).get(tag, [])]


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
