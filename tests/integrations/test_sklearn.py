"""scikit-learn's own callbacks: each iteration of `fit` is a step, and the fit is what it is without the logger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import tb_xai_plugin as xai
from tb_xai_plugin.integrations.sklearn import ExplanationLogger

pytest.importorskip("sklearn.callback", reason="scikit-learn has no callbacks before 1.9; install 'scikit-learn>=1.9'")

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
PROBES = xai.TabularProbes(X[::60], Y[::60], background=X[5::30])
OPTIONS = {"head": "probabilities", "evaluations": 256}


def iterative(iterations: int = 6) -> LogisticRegression:
    return LogisticRegression(solver="lbfgs", max_iter=iterations)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_each_iteration_is_a_step_and_the_last_one_is_the_model_that_fit_returns(tmp_path: Path) -> None:
    model = iterative().set_callbacks(ExplanationLogger(tmp_path, PROBES, "shap", every=2, **OPTIONS)).fit(X, Y)
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 2, 4, 5]
    assert run.log_series()[0].tolist() == [0, 1, 2, 3, 4, 5]
    once = xai.explain(model.predict_proba, PROBES, "shap", **OPTIONS)["shap"]
    np.testing.assert_allclose(run.values("shap")[-1], once.values, atol=1e-6)
    # Each step is the model of so many iterations: scikit-learn's own, asked for fewer.
    early = xai.explain(iterative(3).fit(X, Y).predict_proba, PROBES, "shap", **OPTIONS)["shap"]
    np.testing.assert_allclose(run.values("shap")[1], early.values, atol=1e-6)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_the_fit_is_the_same_with_it_and_a_second_fit_keeps_the_first_record(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plain, logger = iterative().fit(X, Y), ExplanationLogger(tmp_path, PROBES, "shap", **OPTIONS)
    np.testing.assert_array_equal(iterative().set_callbacks(logger).fit(X, Y).coef_, plain.coef_)
    iterative(3).set_callbacks(logger).fit(X, Y)
    assert "an earlier training; it is kept as" in caplog.messages[-1]
    assert xai.read_run(tmp_path).steps.tolist() == [0, 1, 2]
    assert xai.read_run(tmp_path / "earlier-1").steps.tolist() == [0, 1, 2, 3, 4, 5]
