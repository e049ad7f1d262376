"""Occlusion: what the answer loses when one player is absent (Zeiler & Fergus, 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.fidelity import efficiency_gap
from tb_xai_plugin.games.coalitions import Design


@dataclass(frozen=True)
class Occlusion:
    """phi_i = v(N) - v(N without i). Exact, and from evaluations that serve the other explainers too.

    Values do not sum to anything: of two players that can stand in for each other, neither is missed.
    """

    name: ClassVar[str] = "occlusion"
    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})
    fidelity: ClassVar[tuple[str, ...]] = ("efficiency_gap",)
    sketched: ClassVar[bool] = False
    interacting: ClassVar[bool] = False

    def fit(self, design: Design) -> Fitted:
        """Find the rows in which one player is absent. Fidelity: "efficiency_gap", as Kernel SHAP's, here a property of the game."""
        absent_alone = np.flatnonzero(design.masks.sum(axis=1) == design.players - 1)
        rows = np.empty(design.players, dtype=np.int64)
        rows[design.masks[absent_alone].argmin(axis=1)] = absent_alone

        def apply(answers: np.ndarray) -> Attribution:
            values = answers[0] - answers[rows]
            return Attribution(
                values=values,
                base=answers[1],
                # Nothing is drawn but, of tables, the reference row of each coalition.
                errors=np.full_like(values, 0 if design.noise is None else np.nan),
                fidelity={"efficiency_gap": efficiency_gap(values, answers[0] - answers[1])},
            )

        return by_game(apply)
