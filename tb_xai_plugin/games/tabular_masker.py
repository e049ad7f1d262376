"""Tables: absent features are those of a reference row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tb_xai_plugin.games.coalitions import Design
from tb_xai_plugin.games.masker import OneBaseline
from tb_xai_plugin.probes import TabularProbes
from tb_xai_plugin.probes.references import in_turn

# Prior length scale of what a reference row adds, in standard deviations of each feature.
REFERENCE_SCALE = 1.0


@dataclass(frozen=True)
class TabularMasker:
    """Features of absent players are those of a reference row.

    A game that is averaged over many reference rows would cost as many evaluations of each coalition. Here each pair of coalitions takes one row (or
    a few) in turn: the mean over the draw is the same, and what the choice adds is taken off again as far as it is known. It is known how a
    row's own answer differs from the mean of all rows' answers; of that, a coalition that lacks a share of the players sees about that share:

        v(S) = f(x_S, b) - (1 - |S| / n) (f(b) - mean f)                   (a control variate: the correction is 0 on average over b)

    What is left is part of the noise, modelled by `reference_covariance`.

    Attributes:
        probes: rows of a table.
        repeats: reference rows for each coalition.
    """

    stacked = True

    probes: TabularProbes
    repeats: int
    _turns: list[np.ndarray] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, probes: TabularProbes, coalitions: int, evaluations: int) -> TabularMasker:
        """With as many reference rows a coalition as the evaluations allow."""
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
        return 4 * self.probes.inputs.shape[1]

    @property
    def averaged(self) -> bool:
        """Whether every coalition is averaged over all reference rows: nothing is left to chance."""
        return self.repeats == len(self.probes.references)

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, features): the masked rows."""
        present = np.asarray(coalitions).astype(bool)[:, self.probes.player_of]
        # In pairs, as `asked` has them.
        turns = self._rows(-(-len(present) // (2 * self.repeats))).repeat(2, axis=0).ravel()[: len(present)]
        return np.where(present, self.probes.inputs[probe], self.probes.references[turns])

    def parts(self, probe: int) -> np.ndarray:
        return np.zeros(1, dtype=np.float32)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        return rows

    @property
    def differentiable(self) -> BlendedRows:
        """The same where players are present to some degree."""
        return BlendedRows(self)

    def evaluations(self, design: Design) -> Design:
        return design if self.averaged else replace(design, noise=self.reference_covariance(design))

    def asked(self, masks: np.ndarray) -> np.ndarray:
        """Each pair's coalitions as often as it has reference rows: S with each of them, then its complement with the same."""
        pairs = masks.reshape(-1, 2, self.players)
        return np.repeat(pairs, self.repeats, axis=1).reshape(-1, self.players)

    def nobody(self) -> np.ndarray:
        return self.probes.references

    def mean(self, each: np.ndarray) -> np.ndarray:
        return self.probes.weights @ each

    def once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """With every reference row."""
        present = np.asarray(coalitions).astype(bool)[:, self.probes.player_of]
        mixed = np.where(present[:, None], self.probes.inputs[probe], self.probes.references)
        return mixed.reshape(-1, mixed.shape[-1])

    def of_once(self, answers: np.ndarray) -> np.ndarray:
        return np.einsum("r,crk->ck", self.probes.weights, answers.reshape(-1, len(self.probes.weights), answers.shape[-1]))

    def folded(self, masks: np.ndarray, explained: np.ndarray, nobody: np.ndarray | None) -> np.ndarray:
        assert nobody is not None
        mean = self.mean(nobody)
        each = explained.reshape(len(masks), self.repeats, -1)
        if self.averaged:
            order = self._rows(len(masks) // 2).repeat(2, axis=0)
            game = (each * self.probes.weights[order][..., None]).sum(axis=1)
        else:
            off = (nobody - mean)[self._rows(len(masks) // 2)].mean(axis=1).repeat(2, axis=0)
            # A product: many times as fast as a mean of truth values.
            absent = ~masks @ np.full((self.players, 1), 1 / self.players)
            game = each.mean(axis=1) - absent * off
        game[0], game[1] = each[0].mean(axis=0), mean
        return game

    def _rows(self, pairs: int) -> np.ndarray:
        """int (pairs, repeats): the reference rows of each pair; where all of them are averaged, each once."""
        if self.averaged:
            return np.broadcast_to(np.arange(self.repeats), (pairs, self.repeats))
        # Kept: the first so many are the same for any number of them.
        if not self._turns or len(self._turns[0]) < pairs * self.repeats:
            self._turns[:] = [in_turn(self.probes.weights, pairs * self.repeats)]
        return self._turns[0][: pairs * self.repeats].reshape(pairs, self.repeats)

    def reference_covariance(self, design: Design) -> np.ndarray:
        """float64 (pairs, pairs): prior covariance of what the choice of reference rows adds to each pair's answer.

        That is sum_i h_i u_i(b): h_i = S_i - |S| / n, because the control variate has taken off the players' common part, and u_i, a Gaussian
        process over reference rows, depends smoothly on the player's own features there: its kernel is exp(-D^2 / 2), D^2 the mean squared
        distance of those features in standard deviations (2 for different codes), centred so that it is 0 on average over the references.
        """
        pairs, h = len(design.pairs), design.pairs - design.pairs.mean(axis=1, keepdims=True)
        references, weights = self.probes.references.astype(np.float64), self.probes.weights
        deviation = references.std(axis=0)
        scaled = references / np.where(deviation > 0, deviation, 1) / REFERENCE_SCALE
        rows = self._rows(pairs)
        often = np.zeros((pairs, len(references)))
        np.add.at(often, (np.arange(pairs)[:, None], rows), 1 / self.repeats)
        centred = np.eye(len(references)) - weights[None]
        found = np.zeros((pairs, pairs))
        for player in range(self.players):
            features = np.flatnonzero(self.probes.player_of == player)
            distance = np.zeros((len(references),) * 2)
            for feature in features:
                column = scaled[:, feature]
                off = (column[:, None] - column[None]) ** 2
                distance += (off > 0) * 4.0 if feature in self.probes.categorical else off
            kernel = centred @ np.exp(-distance / len(features) / 2) @ centred.T
            found += np.outer(h[:, player], h[:, player]) * (often @ kernel @ often.T)
        return found


@dataclass(frozen=True)
class BlendedRows(OneBaseline):
    """Rows between a reference row and the probe, player by player: what gradients are taken of.

    Attributes:
        rows: the masker of whole players.
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
        """float32 (k, players + 1): how far each is present, and the number of the reference row."""
        turns = in_turn(self.rows.probes.weights, len(coalitions))
        return np.concatenate([coalitions, turns[:, None]], axis=1).astype(np.float32)

    def parts(self, probe: int) -> np.ndarray:
        """float32 (1 + references, features): the row, and the reference rows."""
        return np.concatenate([self.rows.probes.inputs[probe][None], self.rows.probes.references])

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Inputs, float32 (k, features). xp: keras.ops."""
        present = xp.take(rows[:, :-1], self.rows.probes.player_of, axis=1)
        absent = xp.take(parts[1:], xp.cast(rows[:, -1], "int32"), axis=0)
        return present * parts[0] + (1 - present) * absent
