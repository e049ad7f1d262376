"""LIME for interpretable components that are present or absent (Ribeiro et al., 2016), as the `lime` package defines it for images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import HalvesErrors, undrawn_of_all, undrawn_share
from tb_xai_plugin.explainers.fidelity import r_squared
from tb_xai_plugin.explainers.options import check_number
from tb_xai_plugin.explainers.ridge import Ridge
from tb_xai_plugin.games.coalitions import Design


@dataclass(frozen=True)
class Lime:
    """Weighted ridge regression on coalitions: cosine distance, exponential kernel, intercept, no feature selection.

    Attributes:
        kernel_width: sigma of the kernel, in units of cosine distance; the package's image default is 0.25.
        alpha: ridge penalty, against un-normalised weights as in the package; default 1.
    """

    name: ClassVar[str] = "lime"
    laws: ClassVar[frozenset[str]] = frozenset({"bernoulli"})
    fidelity: ClassVar[tuple[str, ...]] = ("r2", "unseen_r2")
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = False

    kernel_width: float = 0.25
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number("Lime", "kernel_width", self.kernel_width, 0, above=True)
        check_number("Lime", "alpha", self.alpha, 0)

    def _rows(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        """Which rows of a design are used, and how often each counts."""
        rows = lime_rows(design)
        return rows, np.ones(len(rows))

    def _undrawn(self, design: Design) -> np.ndarray | float:
        """The share of all coalitions that were not drawn, of each pair or of all."""
        return undrawn_of_all(design.players, len(lime_rows(design)))

    def fit(self, design: Design) -> Fitted:
        """Solve the ridge problem once: coefficients A y, intercept b y, rows weighted by sqrt(exp(-d^2 / sigma^2)).

        Fidelity, both free and weighted so: "r2", the package's score on the rows it is fitted to, and "unseen_r2", on every row as the
        others predict it (leave-one-out). Errors are unknown (NaN) where hardly a row has any weight; see `Ridge.known`.

        Raises:
            ValueError: the kernel is so narrow, and alpha so small, that rounding decides.
        """
        rows, often = self._rows(design)
        Z = design.masks[rows].astype(np.float64)
        w = often * locality(Z, self.kernel_width)
        ridge = Ridge.of(
            *(Z, w, self.alpha),
            f"Lime: with kernel_width {self.kernel_width} and alpha {self.alpha} too few of {len(rows)} coalitions have any weight to tell "
            f"{design.players} players apart; give a wider kernel (0.25) or a larger alpha (1).",
        )
        # Of the coalitions that are drawn: not the empty one.
        drawn = rows != 1
        sampling = HalvesErrors.of(ridge.A[:, drawn], self._undrawn(design))

        def apply(answers: np.ndarray) -> Attribution:
            y = answers[rows].astype(np.float64, copy=False)
            residuals, alone = ridge.missed(y)
            errors, noise = sampling(alone[drawn])
            return Attribution(
                values=ridge.A @ y,
                base=ridge.b @ y,
                errors=ridge.known(errors),
                fidelity={"r2": r_squared(residuals, y, w), "unseen_r2": r_squared(alone, y, w)},
                noise=noise,
            )

        return by_game(apply)


@dataclass(frozen=True)
class LimeText(Lime):
    """The same for texts, where the package draws how many tokens it removes, 1 to n, all equally likely, and then which.

    In which sense it is the package's. On the same masks, answers and weights its coefficients, intercept and score are the package's to
    rounding (100 times the cosine distance and a width of 25 are the image kernel). The masks are others: the package draws its own, with
    repetition and without complements; here a design for Shapley values serves SHAP too. It has all numbers of tokens, but not each as
    often, so every coalition of a size counts (rows - 1) / n over how many of that size there are: with these weights each number of
    removed tokens is as heavy, before the kernel, as the package draws it. What the two tend to with more samples is therefore the same
    regression, at the same penalty per sample; at any one number of samples they differ by their sampling errors, as two runs of the
    package do. With all 2^n coalitions nothing is drawn here, and runs of the package scatter about these values.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})

    def _rows(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(len(design.masks))
        there = design.rows_of_size[design.masks.sum(axis=1)]
        often = (len(rows) - 1) / design.players / there
        often[0] = 1  # the text itself is there once
        return rows, often

    def _undrawn(self, design: Design) -> np.ndarray:
        return undrawn_share(design)[1:]


def lime_rows(design: Design) -> np.ndarray:
    """Which rows of a design LIME is fitted on: the full coalition (its row 0) and the pairs that obey its law."""
    rows = np.repeat(design.bernoulli, 2)
    rows[1] = False
    return np.flatnonzero(rows)


def locality(masks: np.ndarray, kernel_width: float) -> np.ndarray:
    """LIME's weights: sqrt(exp(-d^2 / sigma^2)), d the cosine distance to the full coalition, 1 - sqrt(|S| / n); 1 for the empty one."""
    return np.sqrt(np.exp(-((1 - np.sqrt(masks.mean(axis=1))) ** 2) / kernel_width**2))
