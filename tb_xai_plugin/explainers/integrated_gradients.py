"""Integrated Gradients: the gradient, averaged along the straight line from the baseline to the probe (Sundararajan et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, ModelAccess
from tb_xai_plugin.explainers.fidelity import efficiency_gap
from tb_xai_plugin.explainers.options import check_number
from tb_xai_plugin.models.gradients import PASSES_OF_A_GRADIENT, check_differentiable
from tb_xai_plugin.probes import TabularProbes


@dataclass(frozen=True)
class IntegratedGradients:
    """Integrated Gradients (Sundararajan et al., 2017): the gradient, averaged along the straight line from the baseline to the probe.

    A player's value is the sum over its pixels. All values sum to the output on the unmasked probe minus that of the empty coalition, to the precision
    of the steps. Only for Keras models; not for texts.

    Args:
        steps: number of points on the line; each costs about three model evaluations per target. The default, 32, leaves a gap below 1 % on most
            networks.

    Raises:
        ValueError: steps is not a whole number of at least 1.
    """

    name: ClassVar[str] = "ig"
    fidelity: ClassVar[tuple[str, ...]] = ("completeness_gap",)

    steps: int = 32

    def __post_init__(self) -> None:
        check_number("IntegratedGradients", "steps", self.steps, 1, whole=True)

    def check(self, model: Any) -> None:
        check_differentiable("IntegratedGradients", model)
        inputs = getattr(model, "inputs", None) or []
        whole = [str(tensor.dtype) for tensor in inputs if "int" in str(tensor.dtype)]
        if whole and len(whole) == len(inputs):
            raise ValueError(
                f"IntegratedGradients needs inputs that vary continuously, and model {model.name!r} takes {whole[0]}; "
                "give it a float input, or use 'shap' or 'lime'."
            )

    def passes(self, targets: int) -> int:
        return PASSES_OF_A_GRADIENT * self.steps * targets

    def explain(self, access: ModelAccess) -> Attribution:
        """(x_i - x'_i) / m  sum_k dF/dx_i at x' + a_k (x - x'), eq. 3, with a_k = (k - 1/2) / m: the midpoint rule needs a quarter of the
        steps of the right-hand sum. Players are present to a degree z in [0, 1], so dF/dz_i already has the factor x_i - x'_i.

        For tables, the points take the reference rows as x' in turn, at least one point per row: expected gradients (Erion et al., 2021).

        Fidelity: "completeness_gap", |sum of values - (F(x) - F(x'))| in units of F(x) - F(x').
        """
        if isinstance(access.probes, TabularProbes) and any(
            np.isnan(rows).any() for rows in (access.probes.inputs, access.probes.references)
        ):
            raise ValueError(
                "IntegratedGradients has no gradient through missing values; use 'shap' or 'lime', or give missing='baseline'."
            )
        references = len(getattr(access.probes, "references", [None]))
        steps = max(self.steps, references)
        a = (np.arange(steps) + 0.5) / steps
        values = np.full((*access.targets.shape, int(access.probes.players.max())), np.nan)
        for probe, n in enumerate(access.probes.players.tolist()):
            points = np.repeat(a[:, None], n, axis=1).astype(np.float32)
            values[probe, :, :n] = access.gradients(points, probe).mean(axis=0)
        total = access.full - access.empty
        return Attribution(
            values=values,
            base=access.empty,
            # Errors are unknown where the points are a sample over several references.
            errors=values * (0 if references == 1 else np.nan),
            fidelity={"completeness_gap": efficiency_gap(np.nansum(values, axis=-1)[None], total)},
        )
