"""XGBoost: a callback for `xgboost.train` and for its estimators, XGBClassifier(callbacks=[…])."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xgboost

from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.integrations.hooked import Hooked
from tb_xai_plugin.probes import ProbeSet


class BoosterModel:
    """The first rounds of a booster, as a callable from rows, an array or a DataFrame, to what the booster predicts.

    Args:
        booster: the booster.
        rounds: the number of its rounds; 0 for all.
    """

    def __init__(self, booster: xgboost.Booster, rounds: int = 0) -> None:
        self._booster, self.rounds = booster, rounds

    def __call__(self, rows: Any) -> np.ndarray:
        array = isinstance(rows, np.ndarray)
        data = xgboost.DMatrix(
            rows,
            feature_names=self._booster.feature_names if array else None,
            feature_types=self._booster.feature_types if array else None,
            enable_categorical=not array,
        )
        return np.asarray(self._booster.predict(data, iteration_range=(0, self.rounds)))


class ExplanationLogger(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # XGBoost is not installed where types are checked
    """Explains a fixed set of probes after rounds of boosting, for TensorBoard's XAI tab. Step 0 is the first round.

    It explains what the booster predicts: with objective "binary:logistic" and "multi:softprob" probabilities. "multi:softmax" predicts class numbers; take "multi:softprob".

    Args:
        log_dir, probes, explainers, options: see `RunLogger`. The probes are rows in the form in which the booster was given its data: an array or a DataFrame.
        every: the number of rounds from one explanation to the next; the last one is always explained. Or a callable step -> bool, which then decides alone.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        every: int | Callable[[int], bool] = 10,
        **options: Any,
    ) -> None:
        super().__init__()
        self._hooked = Hooked(log_dir, probes, explainers, every, options)
        self._model: BoosterModel | None = None

    def before_training(self, model: Any) -> Any:
        """`train` begins."""
        if not isinstance(model, xgboost.Booster):
            raise TypeError(
                "ExplanationLogger: xgboost.cv trains several boosters; use it in xgboost.train, once for each fold with a log_dir of its own."
            )
        self._hooked.begin()
        self._model = BoosterModel(model)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Sequence[Any]]]) -> bool:
        """A round is done."""
        assert self._model is not None, "before_training was called"
        self._model.rounds = epoch + 1
        logs = {f"{data}_{metric}": np.ravel(values[-1])[0] for data, metrics in evals_log.items() for metric, values in metrics.items()}
        self._hooked.step(self._model, epoch, logs)
        return False

    def after_training(self, model: Any) -> Any:
        """`train` is done."""
        self._hooked.finish()
        return model
