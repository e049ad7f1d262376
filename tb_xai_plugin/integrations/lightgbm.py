"""LightGBM: a callback for `lightgbm.train` and for its estimators, LGBMClassifier().fit(…, callbacks=[…])."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np

from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.integrations.hooked import Hooked
from tb_xai_plugin.probes import ProbeSet


class BoosterModel:
    """The first rounds of a booster, as a callable from rows, an array or a DataFrame, to what the booster predicts."""

    def __init__(self, booster: lightgbm.Booster, rounds: int) -> None:
        self._booster, self.rounds = booster, rounds

    @property
    def is_cut(self) -> bool:
        """Whether the booster no longer has these rounds: after early stopping it keeps those up to the best one."""
        return bool(self._booster.current_iteration() < self.rounds)

    def __call__(self, rows: Any) -> np.ndarray:
        return np.asarray(self._booster.predict(rows, num_iteration=self.rounds))


class ExplanationLogger:
    """Explains a fixed set of probes after rounds of boosting, for TensorBoard's XAI tab. Step 0 is the first round.

    It explains what the booster predicts: with objective "binary" and "multiclass" probabilities.

    Args:
        log_dir, probes, explainers, options: see `RunLogger`. The probes are rows in the form in which the booster was given its data: an array or a DataFrame.
        every: the number of rounds from one explanation to the next. Or a callable step -> bool, which then decides alone. The last round is explained too; where early stopping ends the training, only if it is due,
            because the booster then keeps the rounds up to the best one alone. `log_model` explains that booster.
    """

    order = 25  # LightGBM calls callbacks in this order: after those that log and record (10, 20), before early stopping (30)
    before_iteration = False

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        every: int | Callable[[int], bool] = 10,
        **options: Any,
    ) -> None:
        self._hooked = Hooked(log_dir, probes, explainers, every, options)
        self._model: BoosterModel | None = None

    def __call__(self, env: Any) -> None:
        """A round is done. env: LightGBM's `CallbackEnv`."""
        if not isinstance(env.model, lightgbm.Booster):
            raise TypeError(
                "ExplanationLogger: lightgbm.cv trains several boosters; use it in lightgbm.train, once for each fold with a log_dir of its own."
            )
        step = env.iteration
        if step == env.begin_iteration or self._model is None:
            self._hooked.begin()
            self._model = BoosterModel(env.model, step + 1)
        self._model.rounds = step + 1
        logs = {f"{result[0]}_{result[1]}": result[2] for result in env.evaluation_result_list or []}
        last = step == env.end_iteration - 1
        self._hooked.step(self._model, step, logs, last=last)
        if last:
            self.close()

    def close(self) -> None:
        """Close the record, where another callback has stopped the training; else it is closed already."""
        self._hooked.finish(gone=self._model is not None and self._model.is_cut)
        self._model = None

    def __del__(self) -> None:
        if hasattr(self, "_hooked"):
            self._hooked.end()
