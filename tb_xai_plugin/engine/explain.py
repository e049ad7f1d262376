"""explain: the engine once, without training."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.progress import progress_bar
from tb_xai_plugin.explainers import AnyExplainer
from tb_xai_plugin.probes import ProbeSet


def explain(
    model: Any,
    probes: ProbeSet,
    explainers: Sequence[str | AnyExplainer] | str | AnyExplainer = ("lime", "shap"),
    *,
    evaluations: int | str = "auto",
    output: str = "log-odds",
    classes: str | Sequence[int] = "auto",
    seed: int = 0,
    batch_size: int | str = "auto",
    curves: bool = False,
) -> dict[str, Explanation]:
    """Explain a model's answers on probes, once, without training.

    Args:
        model: a Keras model, or any callable batch -> (n,) or (n, classes), e.g. a random forest's predict_proba.
        probes: what to explain.
        explainers: names ("lime", "shap", "banzhaf", "occlusion", "lime-net": all from one set of evaluations; "ig", "grad-cam": from
            gradients), or configured ones (Lime(kernel_width=0.5)), or your own (Custom).
        evaluations: model evaluations per probe; "auto" is 16 per player, at least 256 and at most 2048 (or what that many players need).
        output: "log-odds" | "probability" | "raw"; a regression is always explained in its own output.
        classes: "auto" (all up to 16 classes; above, the true class and the two likeliest others) | "all" | a list of class numbers.
        seed: of the coalitions; the same seed gives the same coalitions in any process.
        batch_size: evaluations in one batch; "auto" keeps a batch of masked probes below 64 MiB.
        curves: deletion and insertion areas too, for 2 (players - 1) further evaluations per probe and explainer.

    Returns:
        {"lime": Explanation, "shap": Explanation}, in the order asked.

    Raises:
        ValueError, TypeError: with one sentence.
    """
    options = {"output": output, "classes": classes, "seed": seed, "batch_size": batch_size, "curves": curves}
    plan = Plan(probes, explainers, evaluations=evaluations, **options)
    snapshot = Engine(plan, model).run(progress=progress_bar("Explaining"))
    for name, error in snapshot.failures.items():
        raise type(error)(f"explain: explainer {name!r} failed: {error}") from error
    if snapshot.answers.problem:
        warnings.warn(f"explain: {snapshot.answers.problem}; the values of these probes are NaN.", stacklevel=2)
    return snapshot.explanations
