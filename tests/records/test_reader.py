"""read_run, read_runs and the measures of distances.py."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from support.records import FakeRun, contents, event_files, make_probes
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.context import RequestContext
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tb_xai_plugin import read_run, read_runs
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.judgement import distances, noise, summaries
from tb_xai_plugin.probes import regions
from tb_xai_plugin.records import sources, wire
from tb_xai_plugin.records.sources import Datum, DirectorySource, ProviderSource
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import Run

pytestmark = pytest.mark.viewing


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
    steps = [step for step in written.steps if step != wire.UNTRAINED]
    trained = [step != wire.UNTRAINED for step in written.steps]
    np.testing.assert_array_equal(run.steps, steps)
    np.testing.assert_array_equal(run.all_steps, written.steps)
    for explainer in written.explainers:
        np.testing.assert_array_equal(run.values(explainer), written.stack("values", explainer)[trained])
        np.testing.assert_array_equal(run.base_values(explainer), written.stack("base", explainer)[trained])
        np.testing.assert_allclose(run.errors(explainer), written.stack("errors", explainer)[trained], rtol=1e-3)
    np.testing.assert_array_equal(run.outputs, written.stack("full")[trained])
    np.testing.assert_array_equal(run.empty_outputs, written.stack("empty")[trained])
    np.testing.assert_array_equal(run.targets, written.stack("targets")[trained])


# Reading what was written


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"players": [7], "explainers": ("shap",)},
        {"players": [2, 9, 4], "classes": 40, "changing_targets": True},
        {"players": [49] * 12, "classes": 16, "side": 14},  # several blocks an epoch
    ],
    ids=["small", "one-probe", "changing-targets", "several-blocks"],
)
def test_every_array_is_read_to_the_last_bit(options: dict[str, Any], read: Read, tmp_path: Path) -> None:
    written = FakeRun(tmp_path, **options).write([-1, 0, 1, 2])
    run = read(written)
    assert_reads_as_written(run, written)
    for explainer in written.explainers:
        np.testing.assert_array_equal(run.untrained(explainer), written.truth[-1].values[explainer])
    assert run.missing == 0


def test_values_are_float32_and_the_same_when_read_again(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path).write([0, 1]).log_dir)
    arrays = [run.values("shap"), run.errors("shap"), run.base_values("shap"), run.outputs]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(run.errors("shap"), run.errors("shap"))


def test_the_probes_read_are_the_probes_logged(tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[3, 6]).write([0])
    probes = read_run(tmp_path).probes
    assert probes.digest == written.probes.digest
    assert (probes.names, probes.class_names) == (written.probes.names, written.probes.class_names)
    for name in ("inputs", "images", "labels", "segments", "baseline", "players"):
        np.testing.assert_array_equal(getattr(probes, name), getattr(written.probes, name))
    np.testing.assert_array_equal(probes.regions["left"], written.probes.regions["left"])


def test_settings_and_what_is_comparable_are_the_plans(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0])
    run = read_run(tmp_path)
    assert run.comparable == {**written.plan.comparable, "unit": "log-odds", "answers": "2 classes"}
    assert json.loads(json.dumps(written.plan.settings)).items() <= run.settings.items()


def test_logs_are_aligned_with_steps(tmp_path: Path) -> None:
    run = (
        FakeRun(tmp_path).write([0], logs={"loss": 2}).write([1], logs={"loss": 1, "lr": 0.1}, explained=False).write([2], logs={"lr": 0.2})
    )
    read = read_run(run.log_dir)
    np.testing.assert_array_equal(read.steps, [0, 2])
    np.testing.assert_array_equal(read.logs["loss"], [2, np.nan])
    np.testing.assert_array_equal(read.logs["lr"], [np.nan, 0.2])
    steps, logs = read.log_series()
    np.testing.assert_array_equal(steps, [0, 1, 2])
    np.testing.assert_array_equal(logs["loss"], [2, 1, np.nan])


def test_a_record_without_an_untrained_model_says_so(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path).write([0, 1]).log_dir)
    assert run.untrained("shap") is None
    assert np.isnan(run.drift("shap", "untrained")).all()


def test_an_epoch_that_failed_is_a_gap_with_its_reason(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0]).write([1], silent=[2], reason="the model answered NaN for 1 of 3 probes").write([2])
    run = read_run(tmp_path)
    assert run.gaps == {1: "the model answered NaN for 1 of 3 probes"}
    assert_reads_as_written(run, written)
    assert np.isnan(run.values("lime")[1, 2]).all()


def test_an_epoch_without_a_snapshot_is_nan_and_never_interpolated(tmp_path: Path) -> None:
    # on_error="warn": explaining failed altogether.
    run = FakeRun(tmp_path).write([0])
    writer = Writer(str(tmp_path))
    epoch = {"logs": {}, "explained": True, "reason": "OOM", "evaluations": 0, "level": 0, "change": None}
    epoch |= {"seconds": 0.1, "training": 1.0, "share": None, "fresh": False, "logged": 2}
    writer.write_step("probes", 1, epoch, None, constant_targets=True)
    writer.close()
    read = read_run(run.log_dir)
    np.testing.assert_array_equal(read.steps, [0, 1])
    assert np.isnan(read.values("shap")[1]).all()
    assert np.isnan(read.outputs[1]).all()
    assert read.gaps == {1: "OOM"}
    assert (read.predicted()[1] == -1).all()


def test_a_data_frame_has_one_row_for_each_number(tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[5, 3], classes=2).write([-1, 0, 1])
    pytest.importorskip("pandas", reason="pip install pandas")
    frame = read_run(tmp_path).to_dataframe()
    assert len(frame) == 3 * 2 * 2 * (5 + 3)  # steps, explainers, targets, players
    assert not frame["value"].isna().any()
    assert sorted(frame["step"].unique()) == [-1, 0, 1]
    for _, row in frame.sample(40, random_state=0).iterrows():
        truth = written.truth[row["step"]]
        place = (row["probe"], row["target"], row["player"])
        assert row["value"] == truth.values[row["explainer"]][place]
        assert row["error"] == pytest.approx(truth.errors[row["explainer"]][place], rel=1e-3)
        assert row["label"] == written.probes.labels[row["probe"]]
        assert row["name"] == f"#{row['probe']}"


# Restarts


RESTARTS = {
    "resumed where it stopped": [range(-1, 4), range(4, 7)],
    "resumed at an earlier epoch": [range(10), range(5, 8)],
    "resumed from the last checkpoint again and again": [range(4), range(3, 5), range(3, 6), range(3, 4)],
    "begun anew": [range(-1, 6), range(-1, 3)],
    "begun anew without the untrained model": [range(-1, 6), range(2)],
    "the same epoch six times": [[0], [1], [1], [1], [1], [1], [1]],
    "epochs counted backwards": [[9], [6], [3]],
    "every third epoch": [range(0, 12, 3), range(6, 15, 3)],
}


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize("sessions", RESTARTS.values(), ids=list(RESTARTS))
def test_after_a_restart_the_newest_write_of_a_step_counts_and_later_steps_are_dropped(
    sessions: list[range], read: Read, tmp_path: Path
) -> None:
    written = FakeRun(tmp_path)
    for steps in sessions:
        written.write(steps)
    run = read(written)
    assert_reads_as_written(run, written)
    assert run.missing == 0


@pytest.mark.parametrize("seed", range(5))
def test_any_sequence_of_restarts_reads_as_written(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    written = FakeRun(tmp_path, players=[3, 2], explainers=("shap",))
    for _ in range(5):
        first = int(rng.integers(-1, 8))
        written.write(range(first, first + int(rng.integers(1, 6))), explained=bool(rng.integers(4)))
    run = read_run(tmp_path)
    assert [step for step, _, _ in run.writes] == written.steps
    explained = [step for step in written.steps if step in run.all_steps]
    places = [written.steps.index(step) for step in explained]
    np.testing.assert_array_equal(run.all_values("shap"), written.stack("values", "shap")[places])


def test_a_restart_in_the_same_process_reads_as_written(tmp_path: Path) -> None:
    written = FakeRun(tmp_path)
    writer = Writer(str(tmp_path))
    written.write_record(writer)
    for step in [-1, 0, 1, 2, 1, 2, 0, 1]:
        written.write_step(writer, step)
    writer.close()
    assert_reads_as_written(read_run(tmp_path), written)


# Sources


def test_both_sources_give_the_same_arrays_bit_for_bit(tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[49] * 12, classes=12, side=14).write([-1, 0, 1, 2]).write([1, 2, 3], silent=[4], reason="NaN")
    directory, provider = DirectorySource(str(tmp_path / "xai")), provider_source(written)
    assert directory.tags() == provider.tags()
    both = [source.tensors(directory.tags()) for source in (directory, provider)]
    for tag in directory.tags():
        there, here = (sorted(found[tag], key=lambda d: d.wall_time) for found in both)
        assert [(d.step, d.wall_time) for d in there] == [(d.step, d.wall_time) for d in here]
        for a, b in zip(there, here, strict=True):
            np.testing.assert_array_equal(a.value, b.value)
            assert getattr(a.value, "dtype", bytes) == getattr(b.value, "dtype", bytes)
    nothing = {"probes/nothing": []}
    assert directory.tensors(nothing) == provider.tensors(nothing) == nothing


KINDS_OF_RUNS = {
    "several-blocks": {"players": [49] * 12, "classes": 16, "side": 14, "interacting": ("shap",)},
    "changing-targets": {"players": [2, 9, 4], "classes": 40, "changing_targets": True},
    "no-labels": {"labels": False},
}


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize("kind", KINDS_OF_RUNS)
def test_one_class_read_alone_is_that_class_of_the_whole(kind: str, read: Read, tmp_path: Path) -> None:
    written = FakeRun(tmp_path, **KINDS_OF_RUNS[kind]).write([-1, 0, 1, 2]).write([1, 2, 3], silent=[1], reason="NaN")
    whole = read(written)
    names = [name for name in whole._quantities if name not in ("outputs", "targets")]
    for wanted in ("label", "predicted", 0, 1):
        alone = read(written)
        arrays = dict(zip(names, alone.of_class(wanted, *names), strict=True))
        for name in reversed(names):
            expected, classes = whole.toward(whole._series(name), wanted)
            np.testing.assert_array_equal(arrays[name], expected)
            np.testing.assert_array_equal(alone.target_of(wanted), classes)
            assert arrays[name].dtype == expected.dtype
        # Errors without the values beside them, and after them.
        errors, values = ("errors/shap", "values/shap")
        for order in ([errors], [values, errors], [errors, values]):
            again = read(written)
            for name in order:
                np.testing.assert_array_equal(again.of_class(wanted, name)[0], arrays[name])
        # Out of what is there as a whole.
        np.testing.assert_array_equal(whole.of_class(wanted, errors)[0], arrays[errors])


@pytest.mark.parametrize("read", SOURCES)
def test_answers_and_outputs_of_some_probes_are_those_of_all(read: Read, tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[49] * 24, classes=16, side=14).write([0, 1, 2]).write([1, 2], silent=[4], reason="NaN")
    full, empty = written.stack("full"), written.stack("empty")
    run = read(written)
    assert len(run.record["blocks"]) > 2
    for probes in ([0], [23, 3, 12, 4], list(range(24))):
        np.testing.assert_array_equal(run.outputs_of(probes), np.stack([full, empty], axis=2)[:, probes])
    answers = run.answers()
    silent = np.isnan(full).any(axis=2)
    np.testing.assert_array_equal(answers["predicted"], np.where(silent, -1, np.nan_to_num(full).argmax(axis=2)))
    np.testing.assert_array_equal(answers["probability"], full.max(axis=2))
    np.testing.assert_array_equal(answers["label_probability"], full[:, np.arange(24), written.probes.labels])


def test_however_little_is_read_at_once_the_arrays_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = FakeRun(tmp_path, players=[49] * 12, classes=16, side=14).write([0, 1, 2])
    monkeypatch.setattr("tb_xai_plugin.records.sources.CALL_BYTES", 1)
    monkeypatch.setattr("tb_xai_plugin.records.record.TOGETHER_BYTES", 1)
    run = from_provider(written)
    assert_reads_as_written(run, written)
    np.testing.assert_array_equal(run.of_class(3, "values/lime")[0], written.stack("values", "lime")[:, :, 3])
    np.testing.assert_array_equal(run.static("segments"), written.probes.segments)


def test_calls_are_few_and_none_is_too_large() -> None:
    sizes = np.random.default_rng(0).integers(1, sources.CALL_BYTES, 100).tolist()
    made = sources.calls(list(enumerate(sizes)))
    assert sorted(item for call in made for item in call) == list(range(100))
    assert all(sum(sizes[item] for item in call) <= sources.CALL_BYTES for call in made)
    # First-fit decreasing needs at most 11/9 of the fewest there can be, and 2/3 (Dosa, 2007); these are at least the sum.
    assert len(made) <= 11 / 9 * (-(-sum(sizes) // sources.CALL_BYTES) + 3) + 2 / 3
    assert sources.calls([("one", 10 * sources.CALL_BYTES)]) == [["one"]], "what is too large goes alone"


def test_what_was_forgotten_is_read_again(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0, 1])
    run = from_directory(written)
    assert_reads_as_written(run, written)
    held = run.nbytes
    run.forget()
    assert run.nbytes < held
    assert_reads_as_written(run, written)


def test_regions_are_those_written(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0])
    run = from_directory(written)
    np.testing.assert_array_equal(run.regions(["left"])[0], written.probes.regions["left"])
    np.testing.assert_array_equal(run.regions(["left"], [2, 0])[0], written.probes.regions["left"][[2, 0]])
    assert run.regions([], [2, 0]).shape == (0, 2, *written.probes.inputs.shape[1:])


class Sampled(DirectorySource):
    """A source that serves all tags without step 0, as TensorBoard does where it was told to sample; and one tag without step 2."""

    without_2 = ""

    def tensors(self, tags: Iterable[str]) -> dict[str, list[Datum]]:
        return {tag: self._sampled(tag, there) for tag, there in super().tensors(tags).items()}

    def _sampled(self, tag: str, there: list[Datum]) -> list[Datum]:
        lost = {0, 2} if tag == self.without_2 else {0} if len(there) > 1 else set()
        return [datum for datum in there if datum.step not in lost]


def test_a_sampled_epoch_counts_where_all_of_its_tags_are_there(tmp_path: Path) -> None:
    FakeRun(tmp_path, players=[40, 40], classes=100, changing_targets=True, side=16, interacting=("shap",)).write(range(4))
    source = Sampled(str(tmp_path / "xai"))
    tags = {tag for tag, there in source.tensors(source.tags()).items() if len(there) == 3} - {wire.epoch_tag("probes")}
    assert {tag.split("/")[1] for tag in tags} == {"outputs", "targets", "values", "errors", "base", "fidelity", "noise", "interactions"}
    assert (Run(source, "a run").steps.tolist(), Run(source, "a run").missing) == ([1, 2, 3], 1)
    for tag in tags:
        source.without_2 = tag
        run = Run(source, "a run")
        assert (tag, run.steps.tolist(), run.missing) == (tag, [1, 3], 2)


def test_reading_writes_nothing(tmp_path: Path) -> None:
    FakeRun(tmp_path).write([0, 1])
    before = contents(tmp_path)
    run = read_run(tmp_path)
    if find_spec("pandas"):
        run.to_dataframe()
    run.drift("shap")
    assert contents(tmp_path) == before


# Size and precision


def test_sixty_epochs_of_sixteen_probes_two_explainers_and_ten_classes_fit_in_8_mb(tmp_path: Path) -> None:
    # Random numbers, which nothing compresses.
    written = FakeRun(tmp_path, players=[49] * 16, classes=10, side=28).write(range(60))
    assert sum(path.stat().st_size for path in event_files(tmp_path)) < 8_000_000
    run = read_run(tmp_path)
    assert run.values("shap").shape == (60, 16, 10, 49)
    np.testing.assert_array_equal(run.values("shap"), written.stack("values", "shap"))
    np.testing.assert_allclose(run.errors("shap"), written.stack("errors", "shap"), rtol=1e-3)


@pytest.mark.parametrize("unit", [1e-20, 1e-6, 1, 1e6, 1e20])
def test_standard_errors_keep_a_thousandth_in_any_unit(unit: float) -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((4, 3, 9)) * unit).astype(np.float32)
    errors = (rng.uniform(1e-3, 10, values.shape) * unit).astype(np.float32)
    values[0, :, 7:] = errors[0, :, 7:] = np.nan
    np.testing.assert_allclose(wire.decode_errors(wire.encode_errors(errors, values), wire.error_unit(values)), errors, rtol=1e-3)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_the_unit_of_errors_is_the_largest_finite_value(odd: float) -> None:
    assert wire.error_unit(np.array([[odd, 1], [-3, odd]], dtype=np.float32)) == 3
    assert wire.error_unit(np.array([odd, odd], dtype=np.float32)) == 1


def test_errors_of_attributions_that_are_all_zero_or_missing_survive() -> None:
    for values in (np.zeros((1, 1, 3), np.float32), np.full((1, 1, 3), np.nan, np.float32)):
        errors = np.array([[[0.5, 0, 2]]], dtype=np.float32)
        np.testing.assert_allclose(wire.decode_errors(wire.encode_errors(errors, values), wire.error_unit(values)), errors, rtol=1e-3)


@pytest.mark.parametrize("players", [2, 9, 49, 100])
@pytest.mark.parametrize("targets", [1, 3, 10, 16])
def test_a_tag_stays_far_below_what_tensorboard_sends_in_one_reply(targets: int, players: int, tmp_path: Path) -> None:
    # 256 MiB a reply, of 1000 epochs and more.
    run = FakeRun(tmp_path, players=[players] * 64, classes=targets, side=10, explainers=("shap",), interacting=("shap",))
    blocks = wire.step_blocks(run.record())
    assert [block for block, _ in blocks] == [0, *(stop for _, stop in blocks[:-1])]
    assert blocks[-1][1] == 64
    run.write([0])
    source = DirectorySource(str(tmp_path / "xai"))
    arrays = {tag: d.value for tag, there in source.tensors(source.tags()).items() for d in there if isinstance(d.value, np.ndarray)}
    assert max(array.nbytes for array in arrays.values()) * 1000 < 2**28 / 4
    assert {array.nbytes for array in arrays.values()} & set(range(2**14, 2**15 + 1)), "and blocks are no smaller than need be"


def test_the_wire_knows_all_tags_of_a_step_and_their_shapes(tmp_path: Path) -> None:
    written = FakeRun(tmp_path, classes=20, changing_targets=True, interacting=("shap",)).write([0])
    source = DirectorySource(str(tmp_path / "xai"))
    arrays = {tag: d.value for tag, there in source.tensors(source.tags()).items() for d in there if isinstance(d.value, np.ndarray)}
    expected = {wire.step_tag("probes", name, 0): about for name, about in wire.quantities(written.record()).items()}
    assert {tag: (array.dtype, array.shape) for tag, array in arrays.items()} == {
        tag: (about.dtype, (3, *about.shape)) for tag, about in expected.items()
    }


def test_a_record_goes_on_with_its_own_blocks_whatever_the_rule_is_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = FakeRun(tmp_path, players=[9] * 7).write([0, 1])
    blocks = read_run(tmp_path).record["blocks"]
    with monkeypatch.context() as patch:
        patch.setattr(wire, "step_blocks", lambda record: [(probe, probe + 1) for probe in range(7)])
        written.write([2, 3])
    assert written.blocks == [tuple(block) for block in blocks] == [(0, 7)]
    assert_reads_as_written(read_run(tmp_path), written)


# Damage


@pytest.mark.parametrize("cut", [1, 10, 300, 1000])
def test_of_a_truncated_last_event_the_epochs_before_it_are_read(cut: int, tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[9] * 4).write(range(5))
    (file,) = event_files(tmp_path)
    whole = file.stat().st_size
    with file.open("r+b") as handle:
        handle.truncate(whole - cut)
    run = read_run(tmp_path)
    np.testing.assert_array_equal(run.steps, [0, 1, 2, 3])
    np.testing.assert_array_equal(run.values("shap"), written.stack("values", "shap")[:4])


@pytest.mark.parametrize("read", SOURCES)
def test_a_run_resumed_after_a_crash_in_the_middle_of_a_write_reads_clean(read: Read, tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write(range(5))
    (file,) = event_files(tmp_path)
    with file.open("r+b") as handle:
        handle.truncate(file.stat().st_size - 50)
    written.write([4, 5])
    assert_reads_as_written(read(written), written)


def test_a_flipped_byte_costs_the_epochs_from_there_on_and_no_traceback(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write(range(5))
    (file,) = event_files(tmp_path)
    content = bytearray(file.read_bytes())
    content[-200] ^= 0xFF
    file.write_bytes(content)
    run = read_run(tmp_path)
    np.testing.assert_array_equal(run.steps, [0, 1, 2, 3])
    np.testing.assert_array_equal(run.values("shap"), written.stack("values", "shap")[:4])


# What users do wrong


def assert_a_sentence(text: str) -> None:
    assert text.endswith((".", "?")), text
    assert "\n" not in text


def write_a_scalar(folder: Path) -> None:
    events = EventFileWriter(str(folder))
    events.add_event(Event(step=0, summary=Summary(value=[Summary.Value(tag="epoch_loss", simple_value=1)])))
    events.close()


@pytest.mark.parametrize("read", [read_run, read_runs])
def test_a_directory_that_is_not_there_is_named(read: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        read(tmp_path / "nowhere")
    assert_a_sentence(str(caught.value))


def test_a_directory_without_explanations_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no explanations in") as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))
    assert read_runs(tmp_path) == {}


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("x")
    with pytest.raises(FileNotFoundError, match="a file"):
        read_run(tmp_path / "a file")


def test_a_directory_of_runs_is_sent_to_read_runs(tmp_path: Path) -> None:
    FakeRun(tmp_path / "baseline").write([0])
    with pytest.raises(FileNotFoundError, match="read_runs") as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))


def test_a_directory_with_other_events_only_is_no_run(tmp_path: Path) -> None:
    write_a_scalar(tmp_path / "logs")
    with pytest.raises(FileNotFoundError) as caught:
        read_run(tmp_path / "logs")
    assert_a_sentence(str(caught.value))


def test_an_event_file_that_was_never_filled_has_a_sentence(tmp_path: Path) -> None:
    # A process that died before its first flush.
    (tmp_path / "xai").mkdir()
    (tmp_path / "xai" / "events.out.tfevents.1").touch()
    with pytest.raises((FileNotFoundError, RecordError)) as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))


def test_a_newer_record_asks_for_an_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wire, "SCHEMA", 7)
        FakeRun(tmp_path).write([0])
    with pytest.raises(ValueError, match="upgrade tb_xai_plugin") as caught:
        read_run(tmp_path)
    assert_a_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda run: run.values("gradcam"), "lime"),
        (lambda run: run.errors("gradcam"), "shap"),
        (lambda run: run.base_values("gradcam"), "shap"),
        (lambda run: run.untrained("gradcam"), "shap"),
        (lambda run: run.drift("gradcam"), "shap"),
        (lambda run: run.drift("shap", "yesterday"), "untrained"),
        (lambda run: run.drift("shap", 99), "99"),
        (lambda run: run.drift("shap", measure="euclid"), "cosine"),
        (lambda run: run.drift("shap", target="dog"), "predicted"),
        (lambda run: run.drift("shap", target=2), "2 classes"),
        (lambda run: run.region_share("shap", "sky"), "left"),
    ],
)
def test_what_is_not_in_the_record_is_refused_with_what_is(ask: Callable[[Run], Any], word: str, tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path).write([0, 1]).log_dir)
    with pytest.raises(ValueError, match=word) as caught:
        ask(run)
    assert_a_sentence(str(caught.value))


def test_an_unknown_probe_set_is_refused_with_those_there_are(tmp_path: Path) -> None:
    FakeRun(tmp_path, probe_set="odd").write([0])
    with pytest.raises(ValueError, match=r"\['odd'\]"):
        read_run(tmp_path, "even")


# Names


@pytest.mark.parametrize("form", [str, Path, lambda path: f"{path}/", lambda path: path / "xai"], ids=["str", "Path", "slash", "record"])
def test_a_run_is_found_by_any_form_of_its_path(form: Callable[[Path], Any], tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "baseline").write([0])
    assert_reads_as_written(read_run(form(tmp_path / "baseline")), written)


def test_read_runs_names_every_run_as_tensorboard_does_less_the_xai(tmp_path: Path) -> None:
    written = {name: FakeRun(tmp_path / name, seed=i).write([0]) for i, name in enumerate([".", "b", "a/deep", "a"])}
    write_a_scalar(tmp_path / "b" / "train")
    runs = read_runs(tmp_path)
    assert list(runs) == [".", "a", "a/deep", "b"]
    for name, run in runs.items():
        assert run.name == name
        assert_reads_as_written(run, written[name])


def test_two_probe_sets_of_one_run_are_read_apart(tmp_path: Path) -> None:
    odd = FakeRun(tmp_path, probe_set="odd", seed=1).write([0, 1])
    even = FakeRun(tmp_path, probe_set="even", seed=2, players=[2, 2]).write([0])
    assert_reads_as_written(read_run(tmp_path, "odd"), odd)
    assert_reads_as_written(read_run(tmp_path), even)


# Measures


A = np.array([0.5, -0.3, 0.2, 0.0])


def test_total_variation_of_a_worked_example() -> None:
    assert distances.total_variation(np.array([1.0, 0]), np.array([0.5, 0.5])) == pytest.approx(0.5)
    assert distances.total_variation(np.array([3.0, -1]), np.array([-1.0, 1])) == pytest.approx(0.5 * (1.25 + 0.75))


@pytest.mark.parametrize("measure", sorted(distances.MEASURES.keys() - {"magnitude"}))
def test_distance_to_itself_is_zero_in_any_unit(measure: str) -> None:
    assert distances.MEASURES[measure](A, A) == pytest.approx(0, abs=1e-12)
    assert distances.MEASURES[measure](A, 7 * A) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_distances_are_symmetric_and_stay_in_their_range(measure: str) -> None:
    most = {"tv": 1, "cosine": 2, "spearman": 2, "top-k": 1, "magnitude": np.inf}[measure]
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 50, 9))
    there, back = distances.MEASURES[measure](a, b), distances.MEASURES[measure](b, a)
    np.testing.assert_allclose(there, back, atol=1e-12)
    assert (there >= 0).all()
    assert (there <= most).all()


def test_magnitude_tells_size_apart_from_shape() -> None:
    assert distances.magnitude(A, 100 * A) == pytest.approx(2)
    assert distances.magnitude(A, -A[::-1]) == pytest.approx(0, abs=1e-12)


def test_reversed_signs_are_as_far_as_can_be() -> None:
    assert distances.total_variation(A, -A) == pytest.approx(1)
    assert distances.cosine(A, -A) == pytest.approx(2)
    assert distances.top_k(A, -A) == 0, "top-k and Spearman compare magnitudes"
    assert distances.spearman(A, -A) == pytest.approx(0)


def test_explanations_that_share_no_player_are_as_far_as_can_be() -> None:
    assert distances.total_variation(np.array([1.0, 2, 0, 0]), np.array([0, 0, 5.0, 1])) == pytest.approx(1)
    assert distances.top_k(np.array([9.0, 8, 0, 0, 0]), np.array([0, 0, 0, 8.0, 9])) == 1


@pytest.mark.parametrize("seed", range(10))
def test_cosine_and_spearman_equal_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = np.round(rng.standard_normal((2, 12)), 1)  # rounded: with ties
    assert distances.cosine(a, b) == pytest.approx(scipy.spatial.distance.cosine(a, b))
    assert distances.spearman(a, b) == pytest.approx(1 - scipy.stats.spearmanr(np.abs(a), np.abs(b)).statistic)


@pytest.mark.parametrize("players", [1, 2, 4, 5, 8, 9])
def test_top_k_is_the_jaccard_distance_of_the_largest_quarter(players: int) -> None:
    rng = np.random.default_rng(players)
    a, b = rng.standard_normal((2, players))
    k = math.ceil(players / 4)
    top_a, top_b = (set(sorted(range(players), key=lambda i: -abs(row[i]))[:k]) for row in (a, b))
    assert distances.top_k(a, b) == pytest.approx(1 - len(top_a & top_b) / len(top_a | top_b))


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_players_that_a_probe_does_not_have_change_nothing(measure: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 6))
    padding = np.full((3, 4), np.nan)
    padded = distances.MEASURES[measure](np.concatenate([a, padding], 1), np.concatenate([b, padding], 1))
    np.testing.assert_allclose(padded, distances.MEASURES[measure](a, b))


@pytest.mark.parametrize("measure", distances.MEASURES)
def test_there_is_no_distance_to_an_explanation_without_numbers(measure: str) -> None:
    nothing = np.full(4, np.nan)
    assert np.isnan(distances.MEASURES[measure](A, nothing))
    assert np.isnan(distances.MEASURES[measure](nothing, nothing))


@pytest.mark.parametrize("measure", ["tv", "cosine", "spearman"])
def test_an_explanation_that_is_all_zero_has_no_direction_to_compare(measure: str) -> None:
    assert np.isnan(distances.MEASURES[measure](A, np.zeros(4)))


def worked_drift(against: Any) -> list[float]:
    """Total variation of three one-hot explanations and a gap; steps -1, 0, 1, 2."""
    values = np.array([[1.0, 0, 0], [0, 1, 0], [np.nan] * 3, [0.5, 0.5, 0]])[:, None]
    return distances.to_reference(values, np.array([-1, 0, 1, 2]), against)[:, 0].tolist()


@pytest.mark.parametrize(
    ("against", "expected"),
    [
        ("previous", [np.nan, 1, np.nan, 0.5]),  # across the gap: against step 0
        ("untrained", [np.nan, 1, np.nan, 0.5]),
        ("final", [0.5, 0.5, np.nan, np.nan]),
        (0, [1, np.nan, np.nan, 0.5]),
    ],
)
def test_drift_of_a_worked_example(against: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(worked_drift(against), expected)


def test_quartiles_are_of_the_probes_that_have_numbers() -> None:
    series = np.array([[1, 2, 3, 4, 5], [7, np.nan, 9, np.nan, 8], [np.nan] * 5])
    np.testing.assert_allclose(summaries.quartiles(series), np.array([[2, 3, 4], [7.5, 8, 8.5], [np.nan] * 3]).T)


@pytest.mark.parametrize("probes", [1, 2, 5, 32])
def test_quartiles_equal_numpys_whatever_is_missing(probes: int) -> None:
    series = np.random.default_rng(probes).standard_normal((40, probes, 3))
    series[np.random.default_rng(0).random(series.shape) < 0.4] = np.nan
    series[:3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanquantile(series, (0.25, 0.5, 0.75), axis=1)
    np.testing.assert_allclose(summaries.quartiles(series), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (4, 5), (0, 5, 2), (4, 0, 2), (4, 5, 0), (4, 5, 2)])
def test_quartiles_keep_the_axes_after_the_probes(shape: tuple[int, ...]) -> None:
    found = summaries.quartiles(np.ones(shape))
    assert found.shape == (3, shape[0], *shape[2:])
    assert (np.isnan(found) if shape[1] == 0 else found == 1).all()


def test_region_share_of_everything_is_one_and_of_nothing_zero() -> None:
    values = np.array([[[0.5, -1.5, np.nan]]])
    np.testing.assert_allclose(summaries.region_share(values, np.ones((1, 3))), 1)
    np.testing.assert_allclose(summaries.region_share(values, np.zeros((1, 3))), 0)
    np.testing.assert_allclose(summaries.region_share(values, np.array([[1.0, 0.5, 1]])), (0.5 + 0.75) / 2)
    assert np.isnan(summaries.region_share(np.zeros((1, 1, 3)), np.ones((1, 3))))


def test_overlap_is_the_part_of_each_segments_area() -> None:
    probes = make_probes([2, 4])
    top = np.zeros((2, 8, 8), dtype=bool)
    top[:, :3] = True  # 3 of 8 rows
    np.testing.assert_allclose(regions.overlap(probes.segments, top, 4), [[0.75, 0, 0, 0], [1, 0.5, 0, 0]])


@pytest.mark.parametrize("read", SOURCES)
def test_fidelity_and_noise_are_read_as_written(read: Read, tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run", classes=5, changing_targets=True).write(range(3))
    run = read(fake)
    for explainer in fake.explainers:
        assert np.array_equal(run.all_fidelity(explainer), fake.stack("fidelity", explainer))
        assert list(run.fidelity(explainer)) == ["r2", "gap"]
        written, found = fake.stack("noise", explainer), run.all_noise(explainer).astype(float)
        cosine = (written * found).sum(-1) / np.sqrt((written**2).sum(-1) * (found**2).sum(-1))
        assert cosine.min() > 0.9999, "int8 keeps the direction"
        assert run.interactions(explainer) is None


def test_an_explainer_without_measures_and_sketches_writes_no_tags_for_them(tmp_path: Path) -> None:
    written = FakeRun(tmp_path, measures=(), sketched=False).write(range(2))
    assert not [tag for tag in DirectorySource(str(tmp_path / "xai")).tags() if "/fidelity/" in tag or "/noise/" in tag]
    run = read_run(tmp_path)
    assert_reads_as_written(run, written)
    assert run.fidelity("shap") == {}
    assert (run.all_fidelity("shap").shape, run.all_fidelity("shap").dtype) == ((2, 3, 2, 0), np.float32)
    assert run.all_noise("shap") is None
    e, f = run.errors("shap")
    np.testing.assert_allclose(run.change_errors("shap", 1, 0), np.sqrt(e**2 + f**2), rtol=1e-6)
    with pytest.raises(ValueError, match="no explainer 'gradcam'"):
        run.all_fidelity("gradcam")


def test_a_record_or_an_epoch_that_lacks_a_part_is_damaged(tmp_path: Path) -> None:
    FakeRun(tmp_path / "whole").write([0])
    run = read_run(tmp_path / "whole")
    whole = {"record": run.record, "epoch": run.writes[0][2]}
    for what in whole:
        for key in whole[what].keys() - {"schema"}:
            writer = Writer(str(tmp_path / what / key))
            for each in whole:
                parts = {name: part for name, part in whole[each].items() if (each, name) != (what, key)}
                writer._write(0, [(f"probes/{each}", json.dumps(parts).encode())])
            writer.close()
            damaged = read_run(tmp_path / what / key)
            with pytest.raises(RecordError, match="damaged"):
                damaged.record, damaged.writes  # noqa: B018


def test_the_error_of_a_change_is_that_of_the_difference() -> None:
    e, f = np.array([[3.0, 1.0]]), np.array([[4.0, 1.0]])
    one, other = np.array([[1, 0]], dtype=np.int8), np.array([[0, 5]], dtype=np.int8)
    assert noise.change_errors(e, f, None, None) == pytest.approx(np.array([[5.0, np.sqrt(2)]]))
    assert noise.change_errors(e, f, one, other) == pytest.approx(np.array([[5.0, np.sqrt(2)]]))
    assert noise.change_errors(e, f, one, one * 100) == pytest.approx(np.array([[1.0, 0.0]]))
    assert noise.change_errors(e, f, one, -one) == pytest.approx(np.array([[7.0, 2.0]]))


def test_the_error_of_a_change_between_epochs_is_smaller_than_of_two_values_where_coalitions_are_shared(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run").write(range(3))
    run = read_run(tmp_path / "run")
    shared, independent = (run.change_errors("shap", 2, 0, shared=shared) for shared in (True, False))
    e, f = (fake.truth[step].errors["shap"] for step in (2, 0))
    assert np.allclose(independent, np.sqrt(e**2 + f**2), rtol=1e-3, equal_nan=True)
    r = (fake.truth[2].noise["shap"] * fake.truth[0].noise["shap"]).sum(-1)
    r /= np.sqrt((fake.truth[2].noise["shap"] ** 2).sum(-1) * (fake.truth[0].noise["shap"] ** 2).sum(-1))
    assert np.allclose(shared, np.sqrt(e**2 + f**2 - 2 * r[..., None] * e * f), rtol=0.02, equal_nan=True)
    assert np.array_equal(run.change_errors("shap", 1, 1), np.where(np.isnan(run.errors("shap")[1]), np.nan, 0), equal_nan=True)


def test_the_error_of_a_change_to_a_step_that_was_not_explained_is_refused(tmp_path: Path) -> None:
    FakeRun(tmp_path / "a").write(range(2))
    FakeRun(tmp_path / "b", seed=1).write(range(2))
    runs = read_runs(tmp_path)
    with pytest.raises(ValueError, match="step 7 was not explained; choose one of"):
        runs["a"].change_errors("shap", 7, 0)
    with pytest.raises(ValueError, match="a and b can't be compared: they have different probes, labels; log both") as caught:
        runs["a"].change_errors("shap", 1, 1, runs["b"])
    assert_a_sentence(str(caught.value))


def test_each_probe_and_class_has_the_error_of_its_own_change(tmp_path: Path) -> None:
    # Of 4 classes 3 are explained, in another order at every epoch: a few stay where they are.
    fake = FakeRun(tmp_path / "run", players=[4] * 200, classes=4, changing_targets=True, side=4).write(range(2))
    run = read_run(tmp_path / "run")
    found, (now, then) = run.change_errors("shap", 1, 0), (fake.truth[1], fake.truth[0])
    stayed = now.targets == then.targets
    assert 0.1 < stayed.mean() < 0.5
    r = (now.noise["shap"] * then.noise["shap"]).sum(-1)
    r = (r / np.sqrt((now.noise["shap"] ** 2).sum(-1) * (then.noise["shap"] ** 2).sum(-1)))[..., None]
    e, f = now.errors["shap"], then.errors["shap"]
    expected = np.sqrt(e**2 + f**2 - 2 * r * e * f)
    np.testing.assert_allclose(found, np.where(stayed[..., None], expected, np.nan), rtol=0.02)


@pytest.mark.parametrize("target", ["label", "predicted", 3])
def test_the_error_of_a_change_is_the_same_for_one_step_and_for_all(target: Any, tmp_path: Path) -> None:
    fake = FakeRun(tmp_path / "run", players=[4] * 50, classes=4, changing_targets=True, side=4).write(range(4))
    run = read_run(tmp_path / "run")
    every = run.all_change_errors("shap", run, 0, target, range(50))
    wanted, targets = run.wanted_class(target), fake.stack("targets")
    compared = 0
    for step, probe in np.ndindex(4, 50):
        one, other = (np.flatnonzero(targets[s, probe] == wanted[s, probe]) for s in (step, 0))
        if not (len(one) and len(other)) or wanted[step, probe] != wanted[0, probe]:
            assert np.isnan(every[step, probe]).all()
        elif one[0] == other[0]:
            np.testing.assert_array_equal(every[step, probe], run.change_errors("shap", step, 0)[probe, one[0]])
            compared += 1
    assert compared > 20


def test_a_run_says_in_one_line_what_it_is(tmp_path: Path) -> None:
    FakeRun(tmp_path / "run").write([-1, 0, 1])
    assert repr(read_run(tmp_path / "run")) == "Run('run', 2 epochs of 3 probes: lime, shap)"


def test_a_data_frame_names_the_class_of_every_target(tmp_path: Path) -> None:
    FakeRun(tmp_path / "named", classes=4, changing_targets=True).write([0, 1])
    pytest.importorskip("pandas", reason="pip install pandas")
    frame = read_run(tmp_path / "named").to_dataframe()
    assert list(frame.columns) == ["step", "explainer", "probe", "name", "label", "target", "class", "player", "value", "error"]
    assert (frame["class"] == "class " + frame["target"].astype(str)).all()
    assert len(set(frame["class"])) == 4
    unnamed = FakeRun(tmp_path / "unnamed")
    unnamed.probes.class_names = None
    frame = read_run(unnamed.write([0]).log_dir).to_dataframe()
    assert frame["class"].isna().all()


def test_the_share_of_a_mask_is_that_of_the_region_it_marks(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([-1, 0, 1])
    run, mask = read_run(tmp_path), written.probes.regions["left"]
    for same in (mask, mask[0]):
        np.testing.assert_array_equal(run.region_share("shap", same), run.region_share("shap", "left"))
    for bad, word in ((mask[0, :3], "give a bool mask"), (mask.astype(float), "float64"), (np.zeros_like(mask), "without a single pixel")):
        with pytest.raises(ValueError, match=word) as caught:
            run.region_share("shap", bad)
        assert_a_sentence(str(caught.value))


def test_files_of_one_process_have_names_in_the_order_they_were_written(tmp_path: Path) -> None:
    # TensorBoard reads them by name. Twelve in a second: the process's counter goes from one digit to two, or from two to three, at some time.
    run = FakeRun(tmp_path / "run")
    written: list[str] = []
    for step in range(12):
        before = set(written)
        run.write([step])
        written += sorted({path.name for path in (tmp_path / "run" / "xai").iterdir()} - before)
    assert written == sorted(written)
    assert len(written) == 12
