"""The returned model in a record: the step RETURNED stands after all epochs and is none; the oracle is the same record without that write."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.reading import SOURCES, Read, assert_reads_as_written
from support.records import FakeRun, event_files
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

from tb_xai_plugin import read_run
from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.records import wire

pytestmark = pytest.mark.viewing


def tensors_of_last_event(folder: Path) -> dict[str, Any]:
    """{tag: array or text} of the last event that was written, by TensorBoard's own reader of files."""
    *_, last = EventFileLoader(str(event_files(folder)[-1])).Load()
    return {value.tag: make_ndarray(value.tensor) for value in last.summary.value}


@pytest.mark.parametrize("read", SOURCES)
@pytest.mark.parametrize("players", [(5, 4, 3), (49,) * 40], ids=["one block", "several blocks"])
def test_the_returned_model_stands_after_all_epochs_with_every_array(read: Read, players: tuple[int, ...], tmp_path: Path) -> None:
    written = FakeRun(tmp_path, players=players).write([-1, 0, 1, 2]).write_returned()
    run = read(written)
    assert run.all_steps.tolist() == [-1, 0, 1, 2, wire.RETURNED]
    assert run.steps.tolist() == [0, 1, 2]
    assert (run.returned_how, run.returned_epoch, run.missing) == ("averages", None, 0)
    assert_reads_as_written(run, written)
    in_file = tensors_of_last_event(tmp_path)
    blocks = [in_file[tag] for tag in (wire.step_tag("probes", "values/shap", block) for block in range(len(run.record["blocks"])))]
    np.testing.assert_array_equal(run.returned("shap"), np.concatenate(blocks))
    np.testing.assert_array_equal(run.all_values("shap")[-1], run.returned("shap"))
    np.testing.assert_array_equal(run.untrained("shap"), written.truth[-1].values["shap"])
    np.testing.assert_allclose(run.all_errors("shap")[-1], written.truth[wire.RETURNED].errors["shap"], rtol=1e-3)


def test_a_returned_model_with_the_weights_of_an_explained_epoch_has_that_epochs_explanation(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([-1, 0, 1, 2]).write_returned("restored", 1, explained=False)
    run = read_run(tmp_path)
    assert run.all_steps.tolist() == [-1, 0, 1, 2]
    np.testing.assert_array_equal(run.returned("lime"), written.truth[1].values["lime"])
    assert (run.returned_how, run.returned_epoch, run.missing) == ("restored", 1, 0)


def test_a_returned_model_of_an_epoch_that_was_not_due_has_its_own_explanation(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0]).write([1], explained=False).write_returned("last", 1)
    run = read_run(tmp_path)
    assert run.all_steps.tolist() == [0, wire.RETURNED]
    np.testing.assert_array_equal(run.returned("shap"), written.truth[wire.RETURNED].values["shap"])
    assert run.returned_epoch == 1


def test_logs_and_series_of_epochs_are_those_of_the_record_without_it(tmp_path: Path) -> None:
    with_it, without = FakeRun(tmp_path / "with").write([-1, 0, 1]).write_returned(), FakeRun(tmp_path / "without").write([-1, 0, 1])
    run, other = read_run(with_it.log_dir), read_run(without.log_dir)
    for name in ("values", "errors", "base_values"):
        np.testing.assert_array_equal(getattr(run, name)("shap"), getattr(other, name)("shap"))
    for name in ("steps", "outputs", "targets", "right"):
        np.testing.assert_array_equal(getattr(run, name), getattr(other, name))
    np.testing.assert_equal(run.logs, other.logs)
    np.testing.assert_equal(run.log_series(), other.log_series())
    assert len(run.cost["level"]) == len(run.all_steps) == len(run.wall_times) == len(other.all_steps) + 1


def test_the_next_fits_epoch_takes_its_place(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([-1, 0, 1]).write_returned()
    assert read_run(tmp_path).all_steps.tolist() == [-1, 0, 1, wire.RETURNED]
    written.write([2])
    run = read_run(tmp_path)
    assert run.all_steps.tolist() == [-1, 0, 1, 2]
    assert (run.returned_how, run.returned("shap"), run.missing) == (None, None, 0)
    written.write_returned("last", 2, explained=False)
    assert read_run(tmp_path).returned_epoch == 2


def test_a_later_epoch_replaces_it_also_where_epochs_between_are_not_logged(tmp_path: Path) -> None:
    FakeRun(tmp_path).write([0, 1]).write_returned().write([7])
    assert read_run(tmp_path).all_steps.tolist() == [0, 1, 7]


def test_an_earlier_epoch_replaces_it_and_the_epochs_after(tmp_path: Path) -> None:
    FakeRun(tmp_path).write([0, 1, 2]).write_returned().write([1])
    assert read_run(tmp_path).all_steps.tolist() == [0, 1]


def test_a_model_that_was_explained_once_has_no_epochs(tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "forest").write_returned("once")
    run = read_run(written.log_dir)
    assert (run.once, run.returned_how, run.returned_epoch) == (True, "once", None)
    assert (run.steps.tolist(), run.all_steps.tolist(), run.logs) == ([], [wire.RETURNED], {})
    np.testing.assert_array_equal(run.returned("shap"), written.truth[wire.RETURNED].values["shap"])
    assert run.values("shap").shape == (0, *written.truth[wire.RETURNED].values["shap"].shape)
    assert run.untrained("shap") is None


def test_a_record_without_the_key_says_nothing_of_a_returned_model(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path).write([-1, 0]).log_dir)
    assert (run.returned_how, run.returned_epoch, run.returned("shap"), run.once) == (None, None, None, False)


@pytest.mark.parametrize(
    ("writes", "words"),
    [
        ({}, "Run('run', 2 epochs of 3 probes: lime, shap)"),
        (
            {"how": "averages"},
            "Run('run', 2 epochs of 3 probes: lime, shap; returned model: moving averages of the optimizer, the weights of no epoch)",
        ),
        (
            {"how": "restored", "epoch": 0, "explained": False},
            "Run('run', 2 epochs of 3 probes: lime, shap; returned model: epoch 0, restored)",
        ),
        (
            {"how": "last", "epoch": 1, "explained": False},
            "Run('run', 2 epochs of 3 probes: lime, shap; returned model: epoch 1, the last)",
        ),
        (
            {"how": "restored", "epoch": -1, "explained": False},
            "Run('run', 2 epochs of 3 probes: lime, shap; returned model: the untrained model, restored)",
        ),
    ],
)
def test_the_repr_says_what_the_returned_model_is(writes: dict[str, Any], words: str, tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "run").write([-1, 0, 1])
    if writes:
        written.write_returned(**writes)
    assert repr(read_run(written.log_dir)) == words


def test_the_repr_says_that_a_training_has_not_finished_where_the_record_tells(tmp_path: Path) -> None:
    written = FakeRun(tmp_path / "run").write([0, 1], weights="ab12")
    run = read_run(tmp_path / "run")
    assert (run.unfinished, repr(run)) == (True, "Run('run', 2 epochs of 3 probes: lime, shap; not finished)")
    written.write_returned("last", 1, explained=False)
    assert not read_run(tmp_path / "run").unfinished


def test_the_repr_of_a_model_explained_once(tmp_path: Path) -> None:
    assert (
        repr(read_run(FakeRun(tmp_path / "forest").write_returned("once").log_dir))
        == "Run('forest', one explanation of 3 probes: lime, shap)"
    )


def test_a_failed_explanation_of_the_returned_model_has_its_reason_and_is_no_epochs_gap(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path / "run").write([0]).write_returned(silent=[0, 1, 2], reason="the model returned NaN").log_dir)
    assert (run.gaps, run.returned_problem) == ({}, "the model returned NaN")
    assert np.isnan(run.returned("shap")).all()
    assert repr(run).startswith("Run('run', 1 epoch of 3 probes: lime, shap; returned model with gaps: moving averages")
    once = read_run(FakeRun(tmp_path / "once").write_returned("once", silent=[0], reason="the model returned NaN").log_dir)
    assert (once.gaps, once.returned_problem) == ({}, "the model returned NaN")
    gaps = read_run(FakeRun(tmp_path / "gaps").write([0]).write([1], silent=[0, 1, 2], reason="the model returned NaN").log_dir)
    assert repr(gaps).startswith("Run('gaps', 2 epochs of 3 probes, 1 with gaps: lime, shap")
    assert repr(once) == "Run('once', one explanation with gaps of 3 probes: lime, shap)"


def test_a_returned_model_with_the_weights_of_an_epoch_has_the_problem_of_that_epoch(tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0]).write([1], silent=[2], reason="the model returned NaN")
    assert read_run(tmp_path).returned_problem is None
    written.write_returned("last", 1, explained=False)
    run = read_run(tmp_path)
    assert run.gaps == {1: "the model returned NaN"}
    assert run.returned_problem == "the model returned NaN"
    written.write_returned("restored", 0, explained=False)
    assert read_run(tmp_path).returned_problem is None


@pytest.mark.parametrize("returned", ["yes", ["a"], {"epoch": 1}, {"epoch": "one", "how": "last"}, {"epoch": None, "how": 3}])
def test_what_can_not_be_read_of_a_returned_model_is_damage(returned: Any, tmp_path: Path) -> None:
    written = FakeRun(tmp_path).write([0]).write([1], returned=returned)
    with pytest.raises(RecordError, match="is damaged"):
        read_run(written.log_dir).load()


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
def test_the_dataframe_has_the_returned_model_in_its_last_rows(tmp_path: Path) -> None:
    run = read_run(FakeRun(tmp_path).write([-1, 0]).write_returned().log_dir)
    frame = run.to_dataframe()
    last = frame[(frame["step"] == wire.RETURNED) & (frame["explainer"] == "shap")]
    expected = run.returned("shap")
    np.testing.assert_array_equal(last["value"], expected[np.isfinite(expected)])
    assert sorted(frame["step"].unique()) == [-1, 0, wire.RETURNED]
