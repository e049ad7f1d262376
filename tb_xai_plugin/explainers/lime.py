"""LIME for interpretable components that are present or absent (Ribeiro et al., 2016), as the `lime` package defines it for images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import ClassVar, TypeAlias

import numpy as np

from tb_xai_plugin.explainers.contract import RANK, SKETCH, Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import BySize, HalvesErrors, undrawn_of_all
from tb_xai_plugin.explainers.fidelity import r_squared
from tb_xai_plugin.explainers.options import check_number
from tb_xai_plugin.explainers.ridge import Ridge
from tb_xai_plugin.games.coalitions import Design

# (residuals of the fit, leave-one-out residuals), each (rows, k) -> errors (players, k) and their sketch
Sampling: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Lime:
    """LIME (Ribeiro et al., 2016): weighted ridge regression of the output on the coalitions, as the `lime` package does for images.

    It has a cosine distance, an exponential kernel and an intercept, and no feature selection.

    Args:
        kernel_width: sigma of the kernel, in units of cosine distance; default 0.25, as in the package for images.
        alpha: ridge penalty, relative to un-normalised weights as in the package; default 1.

    Raises:
        ValueError: kernel_width is not above 0, or alpha is below 0.
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
        """The rows of a design that are used, and how often each counts."""
        rows = lime_rows(design)
        return rows, np.ones(len(rows))

    def _sampling(self, ridge: Ridge, rows: np.ndarray, design: Design) -> Sampling:
        first = 1 + int(rows[1] == 1)  # of the drawn rows: the full and the empty coalition are not drawn
        pairs = ridge.pairs_left_out(first)
        freedom = 2 * len(pairs.inverse) - 1 - design.players * ridge.determined
        errors = HalvesErrors.calibrated(ridge.A[:, first:], undrawn_of_all(design.players, len(rows)), pairs.noise, freedom)
        return lambda residuals, _: errors(pairs(residuals[first:]))

    def fit(self, design: Design) -> Fitted:
        """Solve the ridge problem once: coefficients A y, intercept b y, rows weighted by sqrt(exp(-d^2 / sigma^2)).

        Fidelity, at no further cost and with the same weights: "r2", the package's score on the rows it is fitted to, and "unseen_r2", where every
        row is predicted from the others (leave-one-out). Players who change nothing are in no coalition: each row stands for all of theirs,
        with the weights of LIME's law, so the regression is on players of the probe as in the package, without its scatter over them. Errors are unknown (NaN) where hardly any row has weight; see `Ridge.known`.

        Raises:
            ValueError: the kernel is so narrow and alpha so small that rounding errors determine the result.
        """
        rows, often = self._rows(design)
        Z = design.masks[rows].astype(np.float64)
        nearness, present, spread = among_others(Z, self.kernel_width, design.others)
        w = often * nearness
        # The others have one coefficient by symmetry: that of how many are present, in the unit in which its penalty is that of all of theirs.
        unit = np.sqrt(max(design.others, 1))
        features = np.concatenate([Z, present[:, None] / unit], axis=1) if design.others else Z
        ridge = Ridge.of(
            *(features, w, self.alpha),
            f"Lime: with kernel_width {self.kernel_width} and alpha {self.alpha} too few of {len(rows)} coalitions have any weight to distinguish "
            f"{design.players} players; give a wider kernel (kernel_width=0.25) or a larger alpha (alpha=1).",
            within=float(w @ spread) / unit**2,
        )
        sampling = self._sampling(ridge, rows, design)

        def of_each(coefficients: np.ndarray) -> np.ndarray:
            if not design.others:
                return coefficients
            return np.concatenate([coefficients[:-1], np.repeat(coefficients[-1:] / unit, design.others, axis=0)])

        def noise_of_each(noise: np.ndarray) -> np.ndarray:
            """Loadings have no unit: each of the others has those of their coefficient."""
            loadings = noise[SKETCH:]
            return np.concatenate([noise, np.tile(loadings[-RANK:], (design.others - 1, 1))]) if design.others and len(loadings) else noise

        def apply(outputs: np.ndarray) -> Attribution:
            y = outputs[rows].astype(np.float64, copy=False)
            residuals, unseen = ridge.residuals(y)
            errors, noise = sampling(residuals, unseen)
            return Attribution(
                values=of_each(ridge.A @ y),
                base=ridge.b @ y,
                errors=of_each(ridge.known(errors)),
                fidelity={"r2": r_squared(residuals, y, w), "unseen_r2": r_squared(unseen, y, w)},
                noise=noise_of_each(noise),
            )

        return by_game(apply)


@dataclass(frozen=True)
class LimeText(Lime):
    """LIME for texts (Ribeiro et al., 2016), as the `lime` package does it. Same arguments as `Lime`.

    The package draws the number of removed tokens, 1 to n with equal chances, and then which tokens. Here the coalitions are those of the design,
    which serves SHAP too. It has every number of tokens, but not all equally often, so every coalition of a size is weighted by (rows - 1) / n
    divided by the number of coalitions of that size. With these weights each number of removed tokens weighs, before the kernel, as much as in the
    package.

    On the same masks, outputs and weights, coefficients, intercept and score are the package's to rounding (100 times the cosine distance with a
    width of 25 is the image kernel). With more samples, both tend to the same regression at the same penalty per sample. At a finite number they
    differ by their sampling errors, as two runs of the package do. With all 2^n coalitions nothing is drawn here, and runs of the package scatter
    about these values.
    """

    laws: ClassVar[frozenset[str]] = frozenset({"leverage"})

    def _rows(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(len(design.masks))
        same_size = design.rows_of_size[design.masks.sum(axis=1)]
        often = (len(rows) - 1) / design.players / same_size
        often[0] = 1  # the text itself counts once
        return rows, often

    def _sampling(self, ridge: Ridge, rows: np.ndarray, design: Design) -> Sampling:
        if design.complete:
            errors = HalvesErrors.of(ridge.A, 0.0)
        else:
            errors = HalvesErrors.beside(ridge.A, self._limit(design.players, len(rows)), design)
        return lambda _, unseen: errors(unseen)

    def _limit(self, n: int, rows: int) -> BySize:
        """The matrix of the same fit to all 2^n coalitions of n players, weighted as if they were so many rows.

        By symmetry, the matrix of its normal equations has one number on the diagonal and another elsewhere, and is inverted by hand.
        """
        s = np.arange(n + 1)
        of_size = locality(np.arange(n) < s[:, None], self.kernel_width) * (rows - 1) / n
        of_size[n] = 1.0  # the text itself counts once
        weight, share = of_size / of_size.sum(), s / n
        centre = weight @ share
        own = of_size @ (share * (1 - centre) ** 2 + (1 - share) * centre**2) + self.alpha
        other = of_size @ (share * (s - 1) / (n - 1) - 2 * share * centre + centre**2)
        common = other / (own + (n - 1) * other) * (s - n * centre)
        each = of_size / (own - other) / np.array([float(comb(n, k)) for k in s.tolist()])
        return BySize(each * (1 - centre - common), each * (-centre - common))


def lime_rows(design: Design) -> np.ndarray:
    """The rows of a design that LIME is fitted to: the full coalition (row 0) and the pairs that obey LIME's law."""
    rows = np.repeat(design.bernoulli, 2)
    rows[1] = False
    return np.flatnonzero(rows)


def locality(masks: np.ndarray, kernel_width: float) -> np.ndarray:
    """LIME's weights: sqrt(exp(-d^2 / sigma^2)), d the cosine distance to the full coalition, 1 - sqrt(|S| / n); 1 for the empty one."""
    return nearness_of(masks.sum(axis=1), masks.shape[1], kernel_width)


def among_others(masks: np.ndarray, kernel_width: float, others: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """LIME's weights (rows,) where each of `others` further players is present by chance, and mean and variance of how many are, with these weights.

    They are all present in the full coalition. masks: float64 (rows, players), without them.
    """
    size, n = masks.sum(axis=1).astype(int), masks.shape[1] + others
    present = np.arange(others + 1)
    chance = np.array([comb(others, k) / 2**others for k in range(others + 1)])
    table = chance * nearness_of(np.arange(n + 1), n, kernel_width)[np.arange(masks.shape[1] + 1)[:, None] + present]
    table[-1] = np.where(present == others, nearness_of(np.array([n]), n, kernel_width), 0)
    weights = table.sum(axis=1)
    share = table / np.maximum(weights, np.finfo(float).tiny)[:, None]  # a narrow kernel leaves some sizes no weight at all
    mean = share @ present
    variance = share @ present**2 - mean**2
    return weights[size], mean[size], variance[size]


def nearness_of(sizes: np.ndarray, players: int, kernel_width: float) -> np.ndarray:
    """`locality` of coalitions of these sizes."""
    return np.asarray(np.sqrt(np.exp(-((1 - np.sqrt(sizes / players)) ** 2) / kernel_width**2)))
