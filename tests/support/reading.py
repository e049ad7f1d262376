"""A run as the reader has it, from a directory and from TensorBoard, held against what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from support.records import FakeRun
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.util.tensor_util import make_ndarray

from tb_xai_plugin import read_run
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.sources import ProviderSource
from tb_xai_plugin.run import Run


def from_directory(run: FakeRun) -> Run:
    return read_run(run.log_dir)


def from_provider(run: FakeRun) -> Run:
    """The same as TensorBoard's Python loader has it."""
    return Run(provider_source(run), "a run", run.probe_set)


def provider_source(run: FakeRun) -> ProviderSource:
    multiplexer = EventMultiplexer(tensor_size_guidance={"xai": 0}).AddRunsFromDirectory(str(run.log_dir))
    multiplexer.Reload()
    return ProviderSource(MultiplexerDataProvider(multiplexer, str(run.log_dir)), RequestContext(), "", "xai")


SOURCES = [from_directory, from_provider]


Read = Callable[[FakeRun], Run]


def assert_reads_as_written(run: Run, written: FakeRun) -> None:
    """Steps and all arrays; whatever a restart replaced must be gone."""
    trained = [step not in (wire.UNTRAINED, wire.RETURNED) for step in written.steps]
    steps = np.array(written.steps)[trained]
    np.testing.assert_array_equal(run.steps, steps)
    np.testing.assert_array_equal(run.all_steps, written.steps)
    for explainer in written.explainers:
        np.testing.assert_array_equal(run.values(explainer), written.stack("values", explainer)[trained])
        np.testing.assert_array_equal(run.base_values(explainer), written.stack("base", explainer)[trained])
        np.testing.assert_allclose(run.errors(explainer), written.stack("errors", explainer)[trained], rtol=1e-3)
    np.testing.assert_array_equal(run.outputs, written.stack("full")[trained])
    np.testing.assert_array_equal(run.empty_outputs, written.stack("empty")[trained])
    np.testing.assert_array_equal(run.targets, written.stack("targets")[trained])


def assert_a_sentence(text: str) -> None:
    assert text.endswith((".", "?")), text
    assert "\n" not in text


def scalars_of(folder: Path) -> dict[str, dict[int, float]]:
    """{tag: {step: value}} of TensorBoard's own dashboard."""
    accumulator = EventAccumulator(str(folder / "xai"), size_guidance={TENSORS: 0}).Reload()
    own = [tag for tag in accumulator.Tags()["tensors"] if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"]
    return {tag: {event.step: make_ndarray(event.tensor_proto).item() for event in accumulator.Tensors(tag)} for tag in own}
