"""MLflow's run has the scalars that TensorBoard shows, and the first finding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.fits import LABELS, ROWS

import tb_xai_plugin as xai

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed; install mlflow-skinny")

from tb_xai_plugin.integrations.mlflow import log_run  # noqa: E402  # only where MLflow is there


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "tracked").as_uri())
    return tmp_path


@pytest.mark.filterwarnings("ignore::FutureWarning")  # MLflow's own
def test_the_active_run_gets_every_scalar_at_its_step_and_the_verdict(tracked: Path) -> None:
    log_dir = tracked / "run"
    probes = xai.TabularProbes(ROWS[:6], LABELS[:6], background=ROWS[6:16], regions={"second (leak)": ["feature 1"]})
    with xai.RunLogger(log_dir, probes, "shap", head="logits") as log:
        for step in range(5):
            log(lambda rows, step=step: np.asarray(rows)[:, [0, 1]] @ [[4 - step, step - 4], [-step, step]], step)
    with mlflow.start_run() as active:
        verdict = log_run(log_dir)
    client, run = mlflow.MlflowClient(), xai.read_run(log_dir)
    shares = client.get_metric_history(active.info.run_id, "xai/share of second _leak_/shap")
    assert [metric.step for metric in shares] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([metric.value for metric in shares], run.region_share("shap", "second (leak)").mean(axis=1), rtol=1e-5)
    drift = client.get_metric_history(active.info.run_id, "xai/drift/shap")
    np.testing.assert_allclose([metric.value for metric in drift], np.median(run.drift("shap")[1:], axis=1), rtol=1e-5)
    assert client.get_run(active.info.run_id).data.tags["xai.verdict"] == verdict
    assert "second (leak)" in verdict
    assert verdict in mlflow.artifacts.load_text(f"{active.info.artifact_uri}/xai/verdict.txt")


def test_without_an_active_run_or_a_record_one_sentence_says_so(tracked: Path) -> None:
    with pytest.raises(ValueError, match=r"log_run: no MLflow run is active; call it inside"):
        log_run(tracked)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        log_run(tracked / "nowhere", run_id="0")
