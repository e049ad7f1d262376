"""`explain(…, log_dir=)`: the record holds what explain returned, and no folder loses what it already held."""

from __future__ import annotations

import gc
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from support.fits import LABELS, OTHER_PROBES, PROBES, ROWS, Notebook, network

import tb_xai_plugin as xai

FOREST = RandomForestClassifier(n_estimators=5, min_samples_leaf=2, random_state=0).fit(ROWS, LABELS)


class Counted:
    """The forest, and how often it was evaluated."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.calls += 1
        return FOREST.predict_proba(rows)


def explained(log_dir: Any, model: Callable[..., Any] = FOREST.predict_proba, probes: Any = PROBES, **options: Any) -> dict[str, Any]:
    return xai.explain(model, probes, **{"explainers": ("lime", "shap"), "output": "probability", "log_dir": log_dir, **options})


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def same_bits(recorded: np.ndarray, returned: np.ndarray) -> None:
    assert recorded.dtype == returned.dtype
    assert recorded.tobytes() == returned.tobytes()


def is_record_of(run: xai.Run, explanations: dict[str, Any]) -> None:
    """The record has no epoch and one explanation: this one. Errors are written as float16: three digits."""
    assert run.log_series()[0].tolist() == run.steps.tolist() == []
    assert (run.returned_how, run.returned_epoch) == ("once", None)
    assert run.explainers == list(explanations)
    for name, explanation in explanations.items():
        same_bits(run.returned(name), explanation.values)
        same_bits(run.all_base_values(name)[-1], explanation.base_values)
        largest = np.nanmax(np.abs(explanation.values))
        np.testing.assert_allclose(run.all_errors(name)[-1], explanation.errors, rtol=1e-3, atol=1e-6 * largest)
        same_bits(run.all_outputs()[-1, :, 0], explanation.outputs)


def test_the_record_of_a_forest_is_what_explain_returned_to_the_bit(tmp_path: Path) -> None:
    explanations = explained(tmp_path / "forest")
    run = xai.read_run(tmp_path / "forest")
    is_record_of(run, explanations)
    assert np.abs(run.returned("shap")).max() > 0.05
    assert run.all_errors("lime").max() > 0
    np.testing.assert_allclose(run.all_outputs()[-1, :, 0], FOREST.predict_proba(ROWS[:3]), atol=1e-6)
    np.testing.assert_array_equal(run.probes.inputs, PROBES.inputs)


def test_writing_a_record_changes_nothing_that_explain_returns(tmp_path: Path) -> None:
    for name, explanation in explained(None).items():
        same_bits(explained(tmp_path / name)[name].values, explanation.values)


def test_a_second_explanation_keeps_the_first_aside_with_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = explained(tmp_path)
    before = files(tmp_path / "xai")
    assert caplog.messages == []
    second = explained(tmp_path, lambda rows: FOREST.predict_proba(-rows))
    is_record_of(xai.read_run(tmp_path), second)
    is_record_of(xai.read_run(tmp_path / "earlier-1"), first)
    assert files(tmp_path / "earlier-1" / "xai") == before
    (sentence,) = caplog.messages
    assert sentence.startswith("explain: ")
    assert os.fspath(tmp_path / "earlier-1") in sentence


def test_the_same_explanation_again_adds_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A cell that is run three times leaves one run in the tab, not three."""
    for _ in range(3):
        explanations = explained(tmp_path)
    assert caplog.messages == []
    assert [path.name for path in tmp_path.iterdir()] == ["xai"]
    is_record_of(xai.read_run(tmp_path), explanations)


def test_a_model_with_the_same_attributions_and_other_outputs_is_another_explanation(tmp_path: Path) -> None:
    """A constant that is added changes outputs and base values, and no attribution. Small whole numbers are exact."""
    probes = xai.TabularProbes(np.eye(3, 4, dtype="f4"), background=np.repeat([[0, 2]], 4, axis=0).T.astype("f4"))

    def shifted(by: float) -> Any:
        return explained(tmp_path, lambda rows: 2 * rows[:, 0] + by, probes, explainers="occlusion", output="raw", head="regression")

    first, second = shifted(0)["occlusion"], shifted(8)["occlusion"]
    same_bits(second.values, first.values)
    np.testing.assert_array_equal(second.outputs, first.outputs + 8)
    is_record_of(xai.read_run(tmp_path), {"occlusion": second})
    is_record_of(xai.read_run(tmp_path / "earlier-1"), {"occlusion": first})


@pytest.mark.parametrize("options", [{"seed": 1}, {"explainers": "shap"}, {"probes": OTHER_PROBES}, {"evaluations": 16}])
def test_other_options_keep_the_first_explanation_too(options: dict[str, Any], tmp_path: Path) -> None:
    first, second = explained(tmp_path), explained(tmp_path, **options)
    is_record_of(xai.read_run(tmp_path), second)
    is_record_of(xai.read_run(tmp_path / "earlier-1"), first)


def test_a_folder_with_a_training_is_refused_before_anything_is_evaluated(tmp_path: Path) -> None:
    notebook, forest = Notebook(tmp_path), Counted()
    notebook.fit(network(), notebook.logger())
    before = files(notebook.logs)
    for options in ({"explainers": "shap", "output": "log-odds"}, {"probes": OTHER_PROBES}):
        with pytest.raises(ValueError, match=re.escape(repr(str(notebook.logs))) + ".*2 epochs"):
            explained(notebook.logs, forest, **options)
    assert forest.calls == 0
    assert files(notebook.logs) == before
    explained(tmp_path / "of its own", forest)
    assert forest.calls > 0


def test_a_training_keeps_the_explanation_that_its_folder_held(tmp_path: Path) -> None:
    notebook, model = Notebook(tmp_path), network()
    explanations = xai.explain(model, PROBES, "shap", log_dir=notebook.logs)
    with notebook.listening():
        notebook.fit(model, notebook.logger())
    is_log_odds = xai.read_run(notebook.logs / "earlier-1")
    same_bits(is_log_odds.returned("shap"), explanations["shap"].values)
    assert is_log_odds.returned_how == "once"
    assert xai.read_run(notebook.logs).log_series()[0].tolist() == [0, 1]
    assert xai.read_run(notebook.logs).untrained("shap") is not None
    (sentence,) = notebook.said
    assert "earlier-1" in sentence


def test_a_folder_that_is_a_file_is_refused_before_anything_is_evaluated(tmp_path: Path) -> None:
    forest = Counted()
    (tmp_path / "file").write_text("mine")
    for log_dir in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileExistsError, match=f"explain: .*{re.escape(repr(str(tmp_path / 'file')))} is a file"):
            explained(log_dir, forest)
    (tmp_path / "xai").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "xai").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file"):
        explained(tmp_path / "run", forest)
    assert forest.calls == 0
    assert files(tmp_path) == {Path("file"): b"mine", Path("run/xai"): b"mine"}


@pytest.mark.parametrize("log_dir", [3, b"logs", True, ["logs"]])
def test_a_log_dir_that_is_no_path_is_refused(log_dir: Any) -> None:
    forest = Counted()
    with pytest.raises(TypeError, match=f"explain: log_dir is {re.escape(repr(log_dir))}"):
        explained(log_dir, forest)
    assert forest.calls == 0


def test_a_relative_log_dir_is_below_the_directory_of_the_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    explained("logs/forest")
    assert xai.read_run(tmp_path / "logs" / "forest").once


def test_probes_whose_outputs_are_nan_are_nan_in_the_record_too(tmp_path: Path) -> None:
    def fails_for_the_second(rows: np.ndarray) -> np.ndarray:
        outputs = FOREST.predict_proba(rows)
        outputs[(rows == ROWS[1]).all(axis=1)] = np.nan
        return outputs

    with pytest.warns(UserWarning, match="explain: .*NaN"):
        explanations = explained(tmp_path, fails_for_the_second, explainers="shap")
    run = xai.read_run(tmp_path)
    assert np.isnan(explanations["shap"].values).any(axis=(1, 2)).tolist() == [False, True, False]
    assert np.isnan(run.returned("shap")).all(axis=(1, 2)).tolist() == [False, True, False]
    same_bits(run.returned("shap")[[0, 2]], explanations["shap"].values[[0, 2]])
    assert np.isnan(run.all_outputs()[-1, :, 0]).any(axis=1).tolist() == [False, True, False]
    assert re.search("NaN", run.returned_problem)


def test_an_explanation_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    explained(tmp_path)
    before = files(tmp_path)

    def broken(rows: np.ndarray) -> np.ndarray:
        raise RuntimeError("mine")

    with pytest.raises(ValueError, match="RuntimeError: mine"):
        explained(tmp_path, broken)
    assert files(tmp_path) == before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc, which only Linux has")
def test_no_file_and_no_thread_stays_open(tmp_path: Path) -> None:
    threads = threading.active_count()
    for _ in range(3):
        explained(tmp_path)
    gc.collect()
    open_files = [os.readlink(file) for file in Path("/proc/self/fd").iterdir() if os.path.lexists(file)]
    assert not [file for file in open_files if os.fspath(tmp_path) in file]
    assert threading.active_count() <= threads
