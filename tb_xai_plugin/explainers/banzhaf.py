"""Banzhaf values: a player's mean marginal contribution over all coalitions of the others, all equally likely (Banzhaf, 1965)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import PairErrors
from tb_xai_plugin.explainers.fidelity import efficiency_gap
from tb_xai_plugin.explainers.kriging import OddKriging
from tb_xai_plugin.games.coalitions import Design


@dataclass(frozen=True)
class Banzhaf:
    """Banzhaf values: phi_i is the mean of v(S + i) - v(S) over all coalitions S without i.

    They do not sum to v(N) - v(0). LIME without its kernel and ridge penalty tends to them. Source: Banzhaf (1965).
    """

    name: ClassVar[str] = "banzhaf"
    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})
    fidelity: ClassVar[tuple[str, ...]] = ("efficiency_gap",)
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = False

    def fit(self, design: Design) -> Fitted:
        """Fit by kriging, as Kernel SHAP does; on a complete design by the definition, the mean of d over pairs with and without i."""
        left_out: Callable[[np.ndarray], np.ndarray]
        if (design.complete and design.noise is None) or design.players == 1:
            A = 2 * (2.0 * design.pairs.T - 1) / len(design.pairs)
            left_out, sampling = np.zeros_like, PairErrors.of(A, design)
        else:
            kriging = OddKriging.of(design)
            A, left_out = kriging.banzhaf(), kriging.left_out
            sampling = kriging.errors(A, kriging.banzhaf_variances(), design)

        def apply(outputs: np.ndarray) -> Attribution:
            outputs = outputs.astype(np.float64, copy=False)
            d = (outputs[0::2] - outputs[1::2]) / 2
            values = A @ d
            errors, noise = sampling(left_out(d))
            return Attribution(
                values=values,
                base=outputs[1],
                errors=errors,
                fidelity={"efficiency_gap": efficiency_gap(values, outputs[0] - outputs[1])},
                noise=noise,
            )

        return by_game(apply)
