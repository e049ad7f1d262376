"""The rows of a table that a model is evaluated on for one probe, as the features' distances and values see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.games.coalitions import Design

if TYPE_CHECKING:
    from tb_xai_plugin.probes import TabularProbes

# Distance of two different codes, and of a missing value from every other, in standard deviations.
UNEQUAL = 2.0

# Values further than this from the mean, in standard deviations, come nearer on a logarithmic scale: a few outliers would be far from everything else.
LINEAR_UP_TO = 3.0


@dataclass(frozen=True, eq=False)
class TableRows:
    """The rows evaluated for one probe: all reference rows, and for each pair of a design the masked rows of its coalitions.

    A value of a player is one of `references + 1` numbers: that of a reference row, or, last, that of the probe.

    Attributes:
        design: the coalitions.
        turns: int (pairs, repeats), the reference rows that the coalitions of each pair take.
        weights: float64 (references,), weights of the reference rows; they sum to 1.
        squares: float64 (players, references + 1, references + 1), mean squared distance of the features of a player in two of its values, in
            standard deviations; see `distances`.
        features: float64 (references + 1, k), the features in standard deviations from their means, and which of them are missing.
        player_of: int (k,), the player of each column of `features`.
    """

    design: Design
    turns: np.ndarray
    weights: np.ndarray
    squares: np.ndarray
    features: np.ndarray
    player_of: np.ndarray

    @classmethod
    def of(cls, probes: TabularProbes, probe: int, design: Design, turns: np.ndarray) -> TableRows:
        """turns: int (pairs, repeats)."""
        values = np.concatenate([probes.references, probes.inputs[probe][None]]).astype(np.float64)
        missing = np.isnan(values)
        deviations = _deviations(values, missing, probes.weights)
        apart = distances(deviations, missing, values, probes.categorical)
        gone = np.flatnonzero(missing.any(axis=0))
        players = range(int(probes.players[0]))
        squares = np.stack([apart[probes.player_of == player].mean(axis=0) for player in players])
        features = np.concatenate([deviations, missing[:, gone]], axis=1)
        return cls(design, turns, probes.weights, squares, features, np.concatenate([probes.player_of, probes.player_of[gone]]))

    @property
    def references(self) -> int:
        return len(self.weights)

    @property
    def masks(self) -> np.ndarray:
        """bool (rows, players), in the order of evaluation: reference rows, then for each pair S with its rows and the complement with the same."""
        pairs = np.repeat(self.design.masks.reshape(-1, 2, self.design.players), self.turns.shape[1], axis=1)
        return np.concatenate([np.zeros((self.references, self.design.players), bool), pairs.reshape(-1, self.design.players)])

    @property
    def reference_of(self) -> np.ndarray:
        """int (rows,), the reference row that absent players take their values from, in the same order."""
        return np.concatenate([np.arange(self.references), self.turns.repeat(2, axis=0).ravel()])

    def first(self, evaluations: int) -> TableRows:
        """The rows of the nested design of the first coalitions."""
        return replace(self, design=self.design.first(evaluations), turns=self.turns[: evaluations // 2])


def distances(deviations: np.ndarray, missing: np.ndarray, values: np.ndarray, categorical: object) -> np.ndarray:
    """float64 (features, k, k), squared distances between the values of each feature, in standard deviations.

    All are distances between points, so that they fit a covariance: codes are the corners of a simplex, and a missing value is a point above the mean.

    Args:
        deviations: float64 (k, features), in standard deviations from the mean, 0 where missing.
        missing: bool (k, features).
        values: float64 (k, features), the codes of categorical features.
        categorical: container of the numbers of categorical features.
    """
    far = np.maximum(np.abs(deviations), LINEAR_UP_TO)
    near = np.sign(deviations) * (np.minimum(np.abs(deviations), LINEAR_UP_TO) + np.log1p(far - LINEAR_UP_TO))
    apart = np.empty((deviations.shape[1], len(deviations), len(deviations)))
    for feature, column in enumerate(near.T):
        if feature in categorical:  # type: ignore[operator]
            codes = np.where(missing[:, feature], -1.0, values[:, feature])
            apart[feature] = UNEQUAL**2 * (codes[:, None] != codes)
        else:
            gone = missing[:, feature]
            apart[feature] = (column[:, None] - column) ** 2 + UNEQUAL**2 * (gone[:, None] != gone)
    return apart


def _deviations(values: np.ndarray, missing: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values (references + 1, features) in standard deviations of the reference rows from their mean; 0 where missing.

    Where all reference rows are alike, another value of the probe is UNEQUAL deviations away.
    """
    share = weights[:, None] * ~missing[:-1]
    share /= np.maximum(share.sum(axis=0), 1e-300)
    known = np.where(missing, 0.0, values)
    mean = (share * known[:-1]).sum(axis=0)
    spread = np.sqrt((share * (known[:-1] - mean) ** 2).sum(axis=0))
    alike = spread <= 1e-9 * np.abs(mean)
    spread = np.where(alike, np.abs(known[-1] - mean) / UNEQUAL, spread)
    return np.where(missing, 0.0, (known - mean) / np.where(spread > 0, spread, 1))
