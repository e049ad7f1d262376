"""XGBoost and LightGBM: each round is a step, and the booster is what it is without the logger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

import tb_xai_plugin as xai

DATA = load_breast_cancer(as_frame=True)
FRAME, Y = DATA.data.iloc[:, :6], DATA.target
PROBES = xai.TabularProbes(FRAME[:4], Y[:4], background=FRAME[50:60])
OPTIONS: dict[str, Any] = {"head": "probabilities", "evaluations": 64}
ROUNDS = 5


def check_logs(run: xai.Run, metric: str, losses: list[float]) -> None:
    """All rounds have their logs, and those of explained steps are the same numbers."""
    steps, logs = run.log_series()
    assert steps.tolist() == list(range(len(losses)))
    np.testing.assert_allclose(logs[metric], losses, rtol=1e-6)
    np.testing.assert_allclose(run.logs[metric], np.array(losses)[run.steps], rtol=1e-6)


def explained(predict: Any) -> np.ndarray:
    return xai.explain(predict, PROBES, "shap", **OPTIONS)["shap"].values


def test_xgboost_explains_the_booster_of_each_round(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed; install xgboost-cpu")
    from tb_xai_plugin.integrations.xgboost import ExplanationLogger

    settings = {"n_estimators": ROUNDS, "max_depth": 3, "n_jobs": 1, "eval_metric": "logloss"}
    logger = ExplanationLogger(tmp_path, PROBES, "shap", every=3, **OPTIONS)
    model = xgboost.XGBClassifier(callbacks=[logger], **settings).fit(FRAME, Y, eval_set=[(FRAME, Y)], verbose=False)
    plain = xgboost.XGBClassifier(**settings).fit(FRAME, Y)
    np.testing.assert_array_equal(model.predict_proba(FRAME), plain.predict_proba(FRAME))
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 3, 4]
    loss = model.evals_result()["validation_0"]["logloss"]
    check_logs(run, "validation_0_logloss", loss)
    # Of two classes the booster has one output, that of the second.
    for place, rounds in enumerate((1, 4, 5)):
        first = explained(lambda rows, rounds=rounds: plain.predict_proba(rows, iteration_range=(0, rounds)))
        np.testing.assert_allclose(run.values("shap")[place], first, atol=2e-5)


def test_xgboost_runs_with_other_last_rounds_are_compared_at_the_nearest_explained_one(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed; install xgboost-cpu")
    from tb_xai_plugin.integrations.xgboost import ExplanationLogger

    def train(name: str, rounds: int, every: Any) -> xai.Run:
        data = xgboost.DMatrix(FRAME, Y)
        logger = ExplanationLogger(tmp_path / name, PROBES, "shap", every=every, **OPTIONS)
        xgboost.train(
            {"objective": "binary:logistic", "nthread": 1}, data, rounds, evals=[(data, "train")], callbacks=[logger], verbose_eval=False
        )
        return xai.read_run(tmp_path / name)

    short, long = train("short", 5, 3), train("long", 8, 3)
    assert (short.steps.tolist(), long.steps.tolist()) == ([0, 3, 4], [0, 3, 6, 7])
    pairing = short.compare(long, "shap").pairing
    row = pairing.steps.tolist().index(4)
    assert (pairing.here[row], pairing.there[row]) == (4, 3)
    chosen = train("chosen", 5, lambda step: step in (1, 2))  # the first round and the last are not due
    assert chosen.steps.tolist() == [1, 2]
    assert chosen.log_series()[0].tolist() == [0, 1, 2, 3, 4]


def test_xgboost_takes_arrays_and_several_classes_and_refuses_cross_validation(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed; install xgboost-cpu")
    from tb_xai_plugin.integrations.xgboost import ExplanationLogger

    rows, labels = FRAME.to_numpy(), np.arange(len(FRAME)) % 3
    probes = xai.TabularProbes(rows[:3], labels[:3], background=rows[50:60])
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
    data = xgboost.DMatrix(rows, labels, feature_names=list(FRAME))
    xgboost.train(settings, data, 2, callbacks=[ExplanationLogger(tmp_path, probes, "shap", **OPTIONS)])
    run = xai.read_run(tmp_path)
    assert (run.steps.tolist(), run.values("shap").shape) == ([0, 1], (2, 3, 3, 6))
    with pytest.raises(TypeError, match=r"xgboost\.cv trains several boosters; use it in xgboost\.train"):
        xgboost.cv(settings, data, 2, nfold=2, callbacks=[ExplanationLogger(tmp_path / "cv", probes, "shap", **OPTIONS)])


def test_lightgbm_explains_the_booster_of_each_round_that_is_due_until_it_stops(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed; install lightgbm")
    from tb_xai_plugin.integrations.lightgbm import ExplanationLogger

    settings = {"objective": "binary", "num_leaves": 4, "num_threads": 1, "verbosity": -1}
    logger = ExplanationLogger(tmp_path, PROBES, "shap", every=2, **OPTIONS)
    data, losses = lightgbm.Dataset(FRAME, Y), {}
    wrong = data.create_valid(FRAME, 1 - Y)  # with every round the loss on it grows: it stops after three
    others = [lightgbm.early_stopping(2, verbose=False), lightgbm.record_evaluation(losses)]
    booster = lightgbm.train(settings, data, 50, valid_sets=[wrong], callbacks=[*others, logger])
    logger.close()
    plain = lightgbm.train(settings, lightgbm.Dataset(FRAME, Y), 3)
    np.testing.assert_array_equal(booster.predict(FRAME), plain.predict(FRAME, num_iteration=booster.best_iteration))
    run = xai.read_run(tmp_path)
    assert run.steps.tolist() == [0, 2]
    check_logs(run, "valid_0_binary_logloss", losses["valid_0"]["binary_logloss"])
    for place, rounds in enumerate((1, 3)):
        first = explained(lambda rows, rounds=rounds: plain.predict(rows, num_iteration=rounds))
        np.testing.assert_allclose(run.values("shap")[place], first, atol=2e-5)


def test_lightgbm_is_done_at_its_last_round_and_takes_columns_of_categories(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed; install lightgbm")
    from tb_xai_plugin.integrations.lightgbm import ExplanationLogger

    frame = FRAME.iloc[:, :3].assign(size=pd.cut(FRAME["mean area"], 3, labels=["small", "middle", "large"]))
    probes = xai.TabularProbes(frame[:4], Y[:4], background=frame[50:60])
    data = lightgbm.Dataset(frame, Y)
    settings = {"objective": "binary", "num_leaves": 4, "num_threads": 1, "verbosity": -1}
    lightgbm.train(settings, data, ROUNDS, callbacks=[ExplanationLogger(tmp_path, probes, "shap", every=2, **OPTIONS)])
    assert xai.read_run(tmp_path).steps.tolist() == [0, 2, 4]
    with pytest.raises(TypeError, match=r"lightgbm\.cv trains several boosters; use it in lightgbm\.train"):
        lightgbm.cv(
            settings, lightgbm.Dataset(frame, Y), 2, nfold=2, callbacks=[ExplanationLogger(tmp_path / "cv", probes, "shap", **OPTIONS)]
        )
