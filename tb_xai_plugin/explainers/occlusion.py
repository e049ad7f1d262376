"""Occlusion: how much the output falls when one player is absent (Zeiler & Fergus, 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.fidelity import efficiency_gap
from tb_xai_plugin.games.coalitions import Design


@dataclass(frozen=True)
class Occlusion:
    """Occlusion (Zeiler & Fergus, 2014): phi_i = v(N) - v(N without i), the fall of the output when one player is absent.

    Values are exact, and come from evaluations that serve the other explainers too. They do not sum to a fixed total: where two players can replace
    each other, the output falls for neither.
    """

    name: ClassVar[str] = "occlusion"
    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})
    fidelity: ClassVar[tuple[str, ...]] = ("efficiency_gap",)
    sketched: ClassVar[bool] = False
    interacting: ClassVar[bool] = False

    def fit(self, design: Design) -> Fitted:
        """Find the rows in which one player is absent. Fidelity: "efficiency_gap", as in Kernel SHAP, but here a property of the game."""
        one_absent = np.flatnonzero(design.masks.sum(axis=1) == design.players - 1)
        rows = np.empty(design.players, dtype=np.int64)
        rows[design.masks[one_absent].argmin(axis=1)] = one_absent

        def apply(outputs: np.ndarray) -> Attribution:
            values = outputs[0] - outputs[rows]
            return Attribution(
                values=values,
                base=outputs[1],
                # Nothing is drawn, except the reference row of each coalition of a table.
                errors=np.full_like(values, 0 if design.noise is None or design.players == 1 else np.nan),
                fidelity={"efficiency_gap": efficiency_gap(values, outputs[0] - outputs[1])},
            )

        return by_game(apply)
