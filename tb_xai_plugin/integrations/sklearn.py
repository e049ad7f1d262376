"""scikit-learn 1.9 and newer: a callback for estimators that call callbacks at each iteration of their `fit`, such as LogisticRegression."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.integrations.hooked import Hooked
from tb_xai_plugin.probes import ProbeSet


class ExplanationLogger:
    """Explains a fixed set of probes at the iterations of `fit`, for TensorBoard's XAI tab. Step 0 is the first iteration.

    Set it on the estimator that you fit: `LogisticRegression().set_callbacks(ExplanationLogger("logs/linear", probes))`. It explains `predict_proba`, of estimators without it `predict`.
    Where an estimator has no callbacks, or iterates by `partial_fit` or `warm_start`, call `RunLogger` in your own loop.

    Args:
        log_dir, probes, explainers, options: see `RunLogger`; the probes are rows as this estimator takes them, in a pipeline those that the steps before it return.
        every: the number of iterations from one explanation to the next; the last one is always explained. Or a callable step -> bool, which then decides alone.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probes: ProbeSet | Mapping[str, ProbeSet],
        explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
        *,
        every: int | Callable[[int], bool] = 1,
        **options: Any,
    ) -> None:
        self._hooked = Hooked(log_dir, probes, explainers, every, options)
        self._steps = 0

    def setup(self, estimator: Any, context: Any) -> None:
        """`fit` begins."""
        self._hooked.begin()
        self._steps = 0

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing is explained at the beginning of an iteration: it is the end of the one before."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> bool:
        """An iteration is done. Tasks that consist of others are none."""
        if fitted_estimator is not None and context.max_subtasks == 0:
            output = getattr(fitted_estimator, "predict_proba", None) or fitted_estimator.predict
            self._hooked.step(output, self._steps, {})
            self._steps += 1
        return False

    def teardown(self, estimator: Any, context: Any) -> None:
        """`fit` is done, or has failed: the last iteration is explained in both cases."""
        self._hooked.finish()
