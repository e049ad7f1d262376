"""`log_model`: a model is a run of its own, and two of them compare as two trainings do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fits import OTHER_PROBES, PROBES, network

import tb_xai_plugin as xai


def first_column(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows)[:, :1] * [-1, 1]


def second_column(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows)[:, 1:2] * [-1, 1]


def logged(model: Any, log_dir: Path, probes: Any = PROBES, **options: Any) -> xai.Run:
    return xai.log_model(model, probes, log_dir, ("lime", "shap"), head="logits", **options)


def test_the_run_holds_what_explain_returns_and_the_logs(tmp_path: Path) -> None:
    run = logged(first_column, tmp_path, logs={"val_accuracy": 0.75})
    explanations = xai.explain(first_column, PROBES, ("lime", "shap"), head="logits")
    for name, explanation in explanations.items():
        np.testing.assert_array_equal(run.returned(name), explanation.values)
    assert (run.returned_how, run.steps.tolist()) == ("once", [])
    assert run.writes[-1][2]["logs"] == {"val_accuracy": 0.75}


def test_two_models_with_the_same_reasons_agree_and_others_do_not(tmp_path: Path) -> None:
    run = logged(first_column, tmp_path / "full")
    doubled = logged(lambda rows: 2 * first_column(rows), tmp_path / "doubled")
    other = logged(second_column, tmp_path / "other")
    np.testing.assert_allclose(run.compare(doubled, "shap").distance, 0, atol=1e-6)
    np.testing.assert_allclose(run.compare(other, "shap").distance, 1, atol=1e-6)


def test_the_same_model_again_adds_nothing_and_another_one_keeps_the_first_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logged(first_column, tmp_path, logs={"val_accuracy": 1})
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    logged(first_column, tmp_path, logs={"val_accuracy": 1})
    assert ({path: path.stat().st_size for path in tmp_path.rglob("*")}, caplog.messages) == (before, [])
    logged(second_column, tmp_path, logs={"val_accuracy": 1})
    assert "log_model: " in caplog.messages[-1]
    assert xai.read_run(tmp_path / "earlier-1").returned("shap")[0, 1, 0] != 0


def test_several_probe_sets_and_a_keras_model_are_one_run(tmp_path: Path) -> None:
    model = network()
    run = xai.log_model(model, {"a": PROBES, "b": OTHER_PROBES}, tmp_path, "shap")
    np.testing.assert_array_equal(run.returned("shap"), xai.explain(model, PROBES, "shap")["shap"].values)
    other = xai.read_run(tmp_path, "b")
    np.testing.assert_array_equal(other.returned("shap"), xai.explain(model, OTHER_PROBES, "shap")["shap"].values)


@pytest.mark.parametrize(
    ("model", "options", "error", "sentence"),
    [
        (lambda rows: rows @ np.ones(9), {}, ValueError, "log_model: the callable"),
        (first_column, {"logs": 0.9}, TypeError, "log_model: logs is float; give numbers by name"),
        (first_column, {"seed": "x"}, ValueError, "log_model: seed is 'x'"),
        (object(), {}, TypeError, "log_model: model is object, which can't be called"),
    ],
    ids=["shape", "logs", "option", "no model"],
)
def test_what_does_not_fit_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, model: Any, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=f"^{sentence}"):
        logged(model, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_the_record_of_a_training_is_not_touched(tmp_path: Path) -> None:
    with xai.RunLogger(tmp_path, PROBES, "shap", head="logits") as log:
        log(first_column, 0)
    with pytest.raises(
        ValueError, match=r"^log_model: log_dir is .*which has the record of a training with 1 epochs; give a directory of its own"
    ):
        logged(first_column, tmp_path)
