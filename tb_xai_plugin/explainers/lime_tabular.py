"""LIME for tables (Ribeiro et al., 2016), as the `lime` package defines it: a regression on rows that are drawn like the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import ClassVar, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.explainers.errors import loadings, sketch
from tb_xai_plugin.explainers.fidelity import r_squared
from tb_xai_plugin.explainers.options import check_number
from tb_xai_plugin.explainers.ridge import Ridge
from tb_xai_plugin.probes.tables.scales import Grid

# The package's default kernel width, in units of sqrt(features).
WIDTH = 0.75

# Most numbers in the rows around a probe; the regression on them takes some 100 bytes for each.
MOST_NUMBERS = 2**26

# The package adds this to the standard deviation of a bin, in units of the feature.
LEAST_SPREAD = 1e-11

_cdf = np.frompyfunc(NormalDist().cdf, 1, 1)
_quantile = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


class Table(Protocol):
    """Rows of a table to explain, as far as LIME needs them; hashed by identity.

    Attributes:
        inputs: float32 (n, features), NaN where a value is missing.
        background: float32 (b, features), training rows, NaN where a value is missing.
        categorical: {feature: names of its values}; the columns hold codes 0, 1, ...
        grids: {feature: the numbers that it can have}, for features that can not have all; a table may be without this attribute.
    """

    inputs: np.ndarray
    background: np.ndarray
    categorical: Mapping[int, Sequence[str]]


@dataclass(frozen=True)
class Neighbours:
    """Rows drawn around a probe.

    Attributes:
        inputs: float32 (m, features), as the model takes them; row 0 is the probe.
        z: float64 (m, features), the regressors of these rows.
    """

    inputs: np.ndarray
    z: np.ndarray

    def first(self, evaluations: int) -> Neighbours:
        """The first rows: the same sample as if only this many had been drawn."""
        return Neighbours(self.inputs[:evaluations], self.z[:evaluations])


@dataclass(frozen=True)
class LimeTabular:
    """LIME for tables (Ribeiro et al., 2016), as the `lime` package does it: weighted ridge regression on rows drawn around the probe.

    It has a Euclidean distance, an exponential kernel and an intercept, and no feature selection.

    Args:
        kernel_width: sigma of the kernel, in units of the distance between rows of z. Default: 0.75 sqrt(features), as in the package.
        alpha: ridge penalty, relative to un-normalised weights as in the package; default 1.
        discretize: True (default): a number is represented by whether it is in the same quartile of the training rows as the probe (z = 1);
            False: by its own value in standard deviations.
        around: with discretize=False, draw numbers around the probe instead of around the mean of the training rows; default False.

    Raises:
        ValueError: an option is out of range, or around=True is given without discretize=False.
    """

    name: ClassVar[str] = "lime"
    fidelity: ClassVar[tuple[str, ...]] = ("r2", "unseen_r2")
    sketched: ClassVar[bool] = True
    interacting: ClassVar[bool] = False

    kernel_width: float | None = None
    alpha: float = 1.0
    discretize: bool = True
    around: bool = False

    def __post_init__(self) -> None:
        if self.kernel_width is not None:
            check_number("LimeTabular", "kernel_width", self.kernel_width, 0, above=True)
        check_number("LimeTabular", "alpha", self.alpha, 0)
        for option in ("discretize", "around"):
            if not isinstance(getattr(self, option), bool):
                raise ValueError(f"LimeTabular: {option} is {getattr(self, option)!r}; give True or False.")
        if self.discretize and self.around:
            raise ValueError(
                "LimeTabular: around is True, but bins cannot be drawn around the probe; give discretize=False with around=True."
            )

    def neighbours(self, probes: Table, probe: int, evaluations: int, seed: int) -> Neighbours:
        """Draw rows around a probe, the same in every process. Fewer evaluations are the first rows of more.

        Every feature is drawn independently: a category or a quartile as often as training rows have it, and a value within the quartile; with
        discretize=False, a normal value with the mean and standard deviation of the training rows. Where a feature has whole numbers only, or times of
        a day, values are those nearest in the quartile. A missing value is drawn as often as training rows miss the feature, and is a category or bin of its
        own; quartiles, means and frequencies are those of the other rows. With discretize=False its z is that of the mean, 0.

        Raises:
            ValueError: there are fewer evaluations than 2 per feature and 2 more.
        """
        row = probes.inputs[probe].astype(np.float64)
        _check_evaluations(evaluations, len(row))
        # Random numbers in the order of rows, so that a row does not depend on the number of rows after it.
        chances = np.random.default_rng([seed, probe, 1]).random((evaluations, len(row), 2))
        inputs, z = np.empty((evaluations, len(row)), np.float32), np.empty((evaluations, len(row)))
        for feature, column in enumerate(_columns(probes, self.discretize)):
            if self.around:
                column = column.around(row[feature])
            values, z[:, feature] = column.draw(chances[:, feature], row[feature])
            inputs[:, feature] = values
            z[0, feature] = column.own(row[feature])
        inputs[0] = row
        return Neighbours(inputs, z)

    def fit(self, neighbours: Neighbours, player_of: np.ndarray) -> Fitted:
        """Solve the ridge problem once: coefficients A y, intercept b y, rows weighted by sqrt(exp(-d^2 / sigma^2)).

        player_of: int (features,), the player that each feature belongs to: the feature itself, or a group of features.

        A player's value is the sum of its features' coefficients. With bins, all its z are 1 at the probe, so the value is the difference of the
        regression between there and where none of its features is in the probe's bin. With numbers, it is the difference that one standard
        deviation more in each of its features makes. For a single feature it is the package's coefficient.

        Fidelity, at no further cost and with the same weights: "r2", the package's score on the rows it is fitted to, and "unseen_r2", where every
        row is predicted from the others (leave-one-out).

        With discretize=False, a probe far from all training rows has hardly any neighbour with weight. Its values are then 0 whatever the model does,
        as in the package, and their errors are unknown (NaN); use around=True or bins there. See `Ridge.known`.

        Raises:
            ValueError: there are fewer evaluations than 2 per feature and 2 more, or the kernel is so narrow and alpha so small that rounding errors
                determine the result.
        """
        Z = neighbours.z
        rows, features = Z.shape
        _check_evaluations(rows, features)
        width = WIDTH * np.sqrt(features) if self.kernel_width is None else self.kernel_width
        w = nearness(Z, width)
        ridge = Ridge.of(
            *(Z, w, self.alpha),
            f"LimeTabular: with kernel_width {width:.4g} and alpha {self.alpha} the {rows} rows do not distinguish {features} features, because too few "
            f"have any weight or a feature does not vary; give a wider kernel (kernel_width={WIDTH * np.sqrt(features):.4g}) or a larger alpha (alpha=1).",
        )
        summed = _summed(ridge.A, player_of)
        sampling = RowErrors.of(summed)

        def apply(outputs: np.ndarray) -> Attribution:
            y = outputs.astype(np.float64, copy=False)
            residuals, unseen = ridge.residuals(y)
            errors, noise = sampling(unseen)
            return Attribution(
                values=summed @ y,
                base=ridge.b @ y,
                errors=ridge.known(errors),
                fidelity={"r2": r_squared(residuals, y, w), "unseen_r2": r_squared(unseen, y, w)},
                noise=noise,
            )

        return by_game(apply)


@dataclass(frozen=True)
class RowErrors:
    """Sampling errors of A @ y, where y has a number for the probe, which is not drawn, and for each of the rows, which are drawn independently.

    Attributes:
        drawn: float64 (players, rows - 1), A of the drawn rows.
        scale: float64 (rows - 1, 1), how much a row changes the values; for the sketch.
    """

    drawn: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, A: np.ndarray) -> RowErrors:
        drawn = A[:, 1:]
        return cls(drawn, np.sqrt((drawn**2).mean(axis=0))[:, None])

    def __call__(self, residuals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (players, k) and their noise, as in Attribution, (numbers, k). residuals: (rows, k), leave-one-out."""
        drawn = residuals[1:]
        return np.sqrt(self.drawn**2 @ drawn**2), np.concatenate([sketch(self.scale * drawn), loadings((self.drawn, drawn))])


@dataclass(frozen=True)
class Categories:
    """A categorical feature; each category is drawn as often as training rows have it.

    Attributes:
        codes: float64 (categories,), the codes that occur in the training rows.
        cumulated: float64 (categories,), cumulated frequencies.
    """

    codes: np.ndarray
    cumulated: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Categories:
        return cls(*_frequencies(values))

    def draw(self, chances: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        """Values (m,), and whether each is the probe's own. chances: (m, 2) in [0, 1)."""
        values = self.codes[np.searchsorted(self.cumulated, chances[:, 0], side="right")]
        return values, values == own

    def own(self, own: float) -> float:
        return 1.0

    def around(self, own: float) -> Categories:
        return self


@dataclass(frozen=True)
class Bins:
    """A number in quartile bins. A bin is drawn as often as training rows are in it, and a value within it from a normal law truncated at its borders.

    Attributes:
        borders: float64 (up to 3,), between bins; a border belongs to the bin below it.
        bins: int (bins,), the bins that have training rows; all arrays below are about these.
        cumulated: float64 (bins,), cumulated frequencies.
        low, high: float64 (bins,), where each bin begins and ends.
        mean, spread: float64 (bins,), mean and standard deviation of its training rows.
        below, up_to: float64 (bins,), the share of the normal law below `low` and up to `high`.
        grid: the numbers that the feature can have; None where it can have all.
    """

    borders: np.ndarray
    bins: np.ndarray
    cumulated: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    below: np.ndarray
    up_to: np.ndarray
    grid: Grid | None = None

    @classmethod
    def of(cls, values: np.ndarray, grid: Grid | None = None) -> Bins:
        borders = np.unique(np.percentile(values, [25, 50, 75]))
        bin_of = np.searchsorted(borders, values)
        bins, cumulated = _frequencies(bin_of)
        low, high = np.append(values.min(), borders)[bins], np.append(borders, values.max())[bins]
        inside = [values[bin_of == i] for i in bins]
        mean = np.array([rows.mean() for rows in inside])
        spread = np.array([rows.std() for rows in inside]) + LEAST_SPREAD
        below, up_to = (_cdf((edge - mean) / spread).astype(np.float64) for edge in (low, high))
        return cls(borders, bins, cumulated, low, high, mean, spread, below, up_to, grid)

    def draw(self, chances: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        """Values (m,), and whether the bin of each is the probe's own. chances: (m, 2) in [0, 1).

        A bin with a single value gives that value. (There the package gives its distance from the bin's mean in standard deviations, which is 0.)
        """
        i = np.searchsorted(self.cumulated, chances[:, 0], side="right")
        values = self.low[i]
        # Quantiles are slow, and a bin of a single value needs none: one-hot codes have no other.
        wide = values < self.high[i]
        j = i[wide]
        drawn = self.mean[j] + self.spread[j] * normal(self.below[j] + chances[wide, 1] * (self.up_to - self.below)[j])
        values[wide] = self._possible(np.clip(drawn, self.low[j], self.high[j]), j)
        return values, self.bins[i] == np.searchsorted(self.borders, own)

    def _possible(self, values: np.ndarray, i: np.ndarray) -> np.ndarray:
        """The nearest numbers that the feature can have, in the same bins i."""
        if self.grid is None:
            return values
        possible, rounded = values, self.grid.nearest(values)
        for candidate in (rounded - self.grid.step, rounded + self.grid.step, rounded):
            inside = (np.searchsorted(self.borders, candidate) == self.bins[i]) & (candidate >= self.low[i]) & (candidate <= self.high[i])
            possible = np.where(inside, candidate, possible)
        return possible

    def own(self, own: float) -> float:
        return 1.0

    def around(self, own: float) -> Bins:
        return self


@dataclass(frozen=True)
class Numbers:
    """A number that is not discretised, drawn from a normal law.

    Attributes:
        centre, scale: mean and standard deviation of the draw.
        origin: the mean of the training rows, where z is 0; z is in units of `scale`.
        grid: the numbers that the feature can have; None where it can have all.
    """

    centre: float
    scale: float
    origin: float
    grid: Grid | None = None

    @classmethod
    def of(cls, values: np.ndarray, grid: Grid | None = None) -> Numbers:
        # The scale is 1 where all rows are equal, as in scikit-learn's StandardScaler, which the package uses.
        return cls(values.mean(), values.std() or 1.0, values.mean(), grid)

    def draw(self, chances: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        """Values (m,), and their distance from the mean of the training rows in standard deviations. chances: (m, 2) in [0, 1)."""
        values = self.centre + self.scale * normal(chances[:, 1])
        if self.grid is not None:
            values = self.grid.nearest(values)
        return values, (values - self.origin) / self.scale

    def own(self, own: float) -> float:
        return (own - self.origin) / self.scale

    def around(self, own: float) -> Numbers:
        return replace(self, centre=own)


@dataclass(frozen=True)
class WithMissing:
    """A feature that training rows or probes miss. A missing value is drawn as often as training rows miss the feature.

    Attributes:
        others: the distribution of the values that are not missing.
        share: the share of training rows that miss the feature.
    """

    others: Categories | Bins | Numbers
    share: float

    def draw(self, chances: np.ndarray, own: float) -> tuple[np.ndarray, np.ndarray]:
        """Values (m,), NaN where missing, and their z. chances: (m, 2) in [0, 1)."""
        first = chances[:, 0]
        missing = first < self.share
        values, z = self.others.draw(np.stack([np.maximum(first - self.share, 0) / (1 - self.share), chances[:, 1]], axis=1), own)
        if np.isnan(own) and not isinstance(self.others, Numbers):
            z = np.zeros_like(z)
        return np.where(missing, np.nan, values), np.where(missing, float(np.isnan(own)) if z.dtype == bool else 0.0, z)

    def own(self, own: float) -> float:
        return 0.0 if np.isnan(own) and isinstance(self.others, Numbers) else self.others.own(own)

    def around(self, own: float) -> WithMissing:
        return self if np.isnan(own) else replace(self, others=self.others.around(own))


Feature: TypeAlias = Categories | Bins | Numbers | WithMissing


def nearness(Z: np.ndarray, kernel_width: float) -> np.ndarray:
    """LIME's weights of rows: sqrt(exp(-d^2 / sigma^2)), with d the Euclidean distance to row 0."""
    return np.asarray(np.sqrt(np.exp(-((Z - Z[0]) ** 2).sum(axis=1) / kernel_width**2)))


def normal(chances: np.ndarray) -> np.ndarray:
    """Quantiles of the standard normal law, to double precision (AS 241; Wichura, 1988). chances: in [0, 1]."""
    return np.asarray(_quantile(np.clip(chances, np.finfo(np.float64).tiny, 1 - 2.0**-53)).astype(np.float64))


# The distribution of each feature in the training rows, with bins and without: computed once for all probes of a table, and dropped with the table.
_known: WeakKeyDictionary[Table, dict[bool, list[Feature]]] = WeakKeyDictionary()


def _columns(probes: Table, discretize: bool) -> list[Feature]:
    """The distribution of each feature in the training rows."""
    known = _known.setdefault(probes, {})
    if discretize not in known:
        known[discretize] = [_column(probes, feature, discretize) for feature in range(probes.background.shape[1])]
    return known[discretize]


def _column(probes: Table, feature: int, discretize: bool) -> Feature:
    values = probes.background[:, feature].astype(np.float64)
    missing = np.isnan(values)
    grid: Grid | None = getattr(probes, "grids", {}).get(feature)
    others: Categories | Bins | Numbers
    if feature in probes.categorical:
        others = Categories.of(values[~missing])
    else:
        others = (Bins if discretize else Numbers).of(values[~missing], grid)
    return WithMissing(others, missing.mean()) if missing.any() or np.isnan(probes.inputs[:, feature]).any() else others


def _frequencies(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, sorted, and their cumulated frequencies."""
    distinct, counts = np.unique(values, return_counts=True)
    return distinct, np.cumsum(counts) / len(values)


def _summed(A: np.ndarray, player_of: np.ndarray) -> np.ndarray:
    """(features, rows) -> (players, rows), summed over the features of each player."""
    summed = np.zeros((player_of.max() + 1, A.shape[1]))
    np.add.at(summed, player_of, A)
    return summed


def fewest_samples(features: int) -> int:
    """The smallest number of rows that the regression needs."""
    return 2 * features + 2


def _check_evaluations(evaluations: int, features: int) -> None:
    if evaluations < fewest_samples(features):
        raise ValueError(
            f"LimeTabular: {evaluations} evaluations are too few for {features} features; give at least {fewest_samples(features)}, i.e. 2 per feature and 2 more."
        )
    if evaluations * features > MOST_NUMBERS:
        raise ValueError(
            f"LimeTabular: {evaluations} rows of {features} features around each probe do not fit in memory; give fewer evaluations or fewer columns, "
            "or leave 'lime' out: 'shap' needs no row per column."
        )
