"""The masker for tables: absent features have the values of a reference row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tb_xai_plugin.games.coalitions import Design
from tb_xai_plugin.games.contract import OneBaseline, Unsided
from tb_xai_plugin.games.table_rows import TableRows
from tb_xai_plugin.probes import TabularProbes
from tb_xai_plugin.probes.tables.references import in_turn

# Prior length scale of the effect of a reference row, in standard deviations of each feature.
REFERENCE_SCALE = 1.0


@dataclass(frozen=True)
class TabularMasker(Unsided):
    """Gives the features of absent players the values of a reference row.

    A game that averages over all reference rows costs that many evaluations per coalition. Instead, each pair of coalitions takes one row (or
    a few rows) in turn. The mean over the draw is the same, and the known part of the effect of the choice is subtracted: the output on a
    reference row itself differs from the mean over all reference rows, and a coalition in which a share of the players is absent sees about that
    share of the difference:

        v(S) = f(x_S, b) - (1 - |S| / n) (f(b) - mean f)                   (a control variate: the correction is 0 on average over b)

    The remainder is noise, modelled by `reference_covariance`.

    Attributes:
        probes: rows of a table.
        repeats: reference rows per coalition.
    """

    stacked = True

    probes: TabularProbes
    repeats: int
    _turns: list[np.ndarray] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, probes: TabularProbes, coalitions: int, evaluations: int) -> TabularMasker:
        """A masker with as many reference rows per coalition as the evaluations allow."""
        every = len(probes.references)
        return cls(probes, every if probes.absent == "average" else int(np.clip(evaluations // max(coalitions, 1), 1, every)))

    @property
    def players(self) -> int:
        return int(self.probes.players[0])

    @property
    def shape(self) -> tuple[int, ...]:
        return self.probes.inputs.shape[1:]

    @property
    def nbytes(self) -> int:
        return int(4 * self.probes.inputs.shape[1])

    @property
    def averaged(self) -> bool:
        """Whether every coalition is averaged over all reference rows, so that no choice of rows adds noise."""
        return self.repeats == len(self.probes.references)

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, features): the masked rows."""
        present = np.asarray(coalitions).astype(bool)[:, self.probes.player_of]
        # In pairs, in the order of `evaluated`.
        turns = self._rows(-(-len(present) // (2 * self.repeats))).repeat(2, axis=0).ravel()[: len(present)]
        return np.asarray(np.where(present, self.probes.inputs[probe], self.probes.references[turns]))

    def parts(self, probe: int) -> np.ndarray:
        return np.zeros(1, dtype=np.float32)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        return rows

    @property
    def differentiable(self) -> BlendedRows:
        return BlendedRows(self)

    def rows(self, design: Design, probe: int) -> TableRows:
        """The rows that are evaluated for a probe, in order: those of `empty_rows`, and those of `feed(evaluated(design.masks), probe)`."""
        return TableRows.of(self.probes, probe, design, self._rows(len(design.pairs)))

    def with_noise(self, design: Design) -> Design:
        return design if self.averaged else replace(design, noise=self.reference_covariance(design))

    def evaluated(self, masks: np.ndarray) -> np.ndarray:
        """Each coalition once per reference row: for each pair, first S with all its rows, then the complement with the same rows."""
        pairs = masks.reshape(-1, 2, self.players)
        return np.asarray(np.repeat(pairs, self.repeats, axis=1).reshape(-1, self.players))

    def empty_rows(self) -> np.ndarray:
        return self.probes.references

    def empty_mean(self, empty: np.ndarray) -> np.ndarray:
        return np.asarray(self.probes.weights @ empty)

    def feed_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """Each coalition with every reference row."""
        present = np.asarray(coalitions).astype(bool)[:, self.probes.player_of]
        masked = np.where(present[:, None], self.probes.inputs[probe], self.probes.references)
        return masked.reshape(-1, masked.shape[-1])

    def mean_of_once(self, values: np.ndarray) -> np.ndarray:
        by_coalition = values.reshape(-1, len(self.probes.weights), values.shape[-1])
        return np.asarray(np.einsum("r,crk->ck", self.probes.weights, by_coalition))

    def game(self, masks: np.ndarray, explained: np.ndarray, empty: np.ndarray | None) -> np.ndarray:
        assert empty is not None
        mean = self.empty_mean(empty)
        by_coalition = explained.reshape(len(masks), self.repeats, -1)
        if self.averaged:
            order = self._rows(len(masks) // 2).repeat(2, axis=0)
            game: np.ndarray = (by_coalition * self.probes.weights[order][..., None]).sum(axis=1)
        else:
            difference = (empty - mean)[self._rows(len(masks) // 2)].mean(axis=1).repeat(2, axis=0)
            # The share of absent players, as a product: many times as fast as a mean of truth values.
            absent = ~masks @ np.full((self.players, 1), 1 / self.players)
            game = by_coalition.mean(axis=1) - absent * difference
        game[0], game[1] = by_coalition[0].mean(axis=0), mean
        return game

    def _rows(self, pairs: int) -> np.ndarray:
        """int (pairs, repeats): the reference rows of each pair; all reference rows where the game is averaged over them."""
        if self.averaged:
            return np.broadcast_to(np.arange(self.repeats), (pairs, self.repeats))
        # Kept between calls: the order begins the same, however many rows it has.
        if not self._turns or len(self._turns[0]) < pairs * self.repeats:
            self._turns[:] = [in_turn(self.probes.weights, pairs * self.repeats)]
        return self._turns[0][: pairs * self.repeats].reshape(pairs, self.repeats)

    def reference_covariance(self, design: Design) -> np.ndarray:
        """Prior covariance of the noise that the choice of reference rows adds to each pair: float64 (pairs, pairs).

        The noise is sum_i h_i u_i(b). Here h_i = S_i - |S| / n, because the control variate has removed the part that all players have in
        common, and u_i is a Gaussian process over reference rows b that depends smoothly on the player's own features. Its kernel is
        exp(-D^2 / 2), where D^2 is the mean squared distance of these features in standard deviations (2 deviations between different codes),
        centred so that u_i is 0 on average over the references. A missing value is 2 deviations from every other.
        """
        pairs, h = len(design.pairs), design.pairs - design.pairs.mean(axis=1, keepdims=True)
        references, weights = self.probes.references.astype(np.float64), self.probes.weights
        missing = np.isnan(references)
        mean = references.sum(axis=0, where=~missing) / np.maximum((~missing).sum(axis=0), 1)
        deviation = np.where(missing, mean, references).std(axis=0)
        scaled = references / np.where(deviation > 0, deviation, 1) / REFERENCE_SCALE
        rows = self._rows(pairs)
        share = np.zeros((pairs, len(references)))  # of each reference row in each pair
        np.add.at(share, (np.arange(pairs)[:, None], rows), 1 / self.repeats)
        centred = np.eye(len(references)) - weights[None]
        covariance = np.zeros((pairs, pairs))
        for player in range(self.players):
            features = np.flatnonzero(self.probes.player_of == player)
            distance = np.zeros((len(references),) * 2)
            for feature in features:
                column = scaled[:, feature]
                squared = (column[:, None] - column[None]) ** 2
                gone = missing[:, feature]
                if gone.any():
                    squared = np.where(gone[:, None] & gone[None], 0.0, np.where(gone[:, None] | gone[None], 4.0, squared))
                distance += (squared > 0) * 4.0 if feature in self.probes.categorical else squared
            kernel = centred @ np.exp(-distance / len(features) / 2) @ centred.T
            covariance += np.outer(h[:, player], h[:, player]) * (share @ kernel @ share.T)
        return covariance


@dataclass(frozen=True)
class BlendedRows(OneBaseline):
    """Gives each player values between those of a reference row and its own, so that gradients can be taken.

    Attributes:
        rows: the masker for players that are present or absent.
    """

    rows: TabularMasker

    @property
    def players(self) -> int:
        return self.rows.players

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape

    @property
    def nbytes(self) -> int:
        return self.rows.nbytes

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, players + 1): the degree to which each player is present, and the number of the reference row."""
        turns = in_turn(self.rows.probes.weights, len(coalitions))
        return np.concatenate([coalitions, turns[:, None]], axis=1).astype(np.float32)

    def parts(self, probe: int) -> np.ndarray:
        """float32 (1 + references, features): the probe's row and the reference rows."""
        return np.concatenate([self.rows.probes.inputs[probe][None], self.rows.probes.references])

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Masked inputs, float32 (k, features). xp: keras.ops."""
        present = xp.take(rows[:, :-1], self.rows.probes.player_of, axis=1)
        absent = xp.take(parts[1:], xp.cast(rows[:, -1], "int32"), axis=0)
        return present * parts[0] + (1 - present) * absent
