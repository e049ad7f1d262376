"""read_run, read_runs and the measures of distances.py."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.reading import SOURCES, Read, assert_reads_as_written, from_directory, from_provider, provider_source
from support.records import FakeRun, contents, event_files

from tb_xai_plugin import read_run
from tb_xai_plugin.records import sources, wire
from tb_xai_plugin.records.sources import Datum, DirectorySource
from tb_xai_plugin.records.writer import Writer
from tb_xai_plugin.run import Run

pytestmark = pytest.mark.viewing


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
            if wanted == 1:
                np.testing.assert_array_equal(alone.target_of("class 1"), classes)
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


@pytest.mark.parametrize("correlated", [True, False])
def test_a_record_keeps_what_players_share_of_their_errors_unless_an_earlier_version_began_it(correlated: bool, tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=[9, 4], correlated=correlated).write([0]).write([1])
    logged = read_run(tmp_path).all_noise("shap")
    assert logged is not None
    loadings = wire.decode_loadings(logged)
    if not correlated:
        assert logged.shape[-1] == wire.SKETCH
        assert loadings is None
    else:
        assert loadings is not None
        for step in (0, 1):
            given = written.with_loadings(written.truth[step].noise["shap"], step)
            assert given is not None
            assert np.abs(loadings[step].ravel() - given[..., wire.SKETCH :].ravel()).max() <= 0.5 / 7 + 1e-6


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
    assert written.about["blocks"] == [tuple(block) for block in blocks] == [(0, 7)]
    assert_reads_as_written(read_run(tmp_path), written)
