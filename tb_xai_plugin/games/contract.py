"""The contract of maskers, which turn coalitions of players into masked inputs.

Everything that depends only on a coalition is computed beforehand (`feed`). The rest is array arithmetic that also runs inside a compiled graph (`mask`).
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np

from tb_xai_plugin.games.coalitions import Design


class Masker(Protocol):
    """Turns coalitions of one probe set into masked inputs.

    Attributes:
        players: number of players of the probe that has most.
        shape: shape of one masked input, for messages.
        nbytes: bytes of one masked input.
        repeats: model evaluations per coalition.
        stacked: whether rows of `feed` need no `parts`, so that rows of many probes can share batches.
        alone: whether the empty coalition differs from probe to probe although its rows are shared, so that probes are evaluated one by one.
        differentiable: a masker for players that are present to some degree, between 0 and 1.
        for_devices: a masker of the same masks that are exact where products of matrices are rounded to fewer digits, as on GPUs.
    """

    @property
    def repeats(self) -> int: ...
    @property
    def stacked(self) -> bool: ...
    @property
    def alone(self) -> bool: ...
    @property
    def players(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def differentiable(self) -> Masker: ...
    @property
    def for_devices(self) -> Masker: ...

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """The rows that the graph takes: one row per coalition, with the same length and dtype for every probe."""

    def placed(self, rows: np.ndarray, probe: int) -> np.ndarray:
        """Rows of `feed` from inputs as the model takes them (drawn around the probe, or of the empty coalition)."""

    def parts(self, probe: int) -> np.ndarray:
        """The array that the graph takes once per probe."""

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Masked inputs from rows of `feed`. xp: numpy, keras.ops or another module with the same functions."""

    def with_noise(self, design: Design) -> Design:
        """The design with the noise that this masker's evaluations add to the game."""

    def evaluated(self, masks: np.ndarray) -> np.ndarray:
        """The coalitions to evaluate for a design's coalitions: bool (evaluations, players)."""

    def empty_rows(self) -> np.ndarray | None:
        """Rows of `feed` for the empty coalition, if all probes share them; else None."""

    def game(self, masks: np.ndarray, explained: np.ndarray, empty: np.ndarray | None) -> np.ndarray:
        """The game (coalitions, k) from its evaluations.

        masks: bool (coalitions, players); explained: (evaluations, k), on `evaluated(masks)`; empty: (rows, k), on `empty_rows()`, or None.
        """

    def empty_mean(self, empty: np.ndarray) -> np.ndarray:
        """The value (k,) of the empty coalition from values (rows, k) on `empty_rows()`."""

    def feed_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """Rows for coalitions outside a design, which are evaluated once: exact, and not kept. Only where rows are stacked."""

    def mean_of_once(self, values: np.ndarray) -> np.ndarray:
        """Values (coalitions, k) from values on the rows of `feed_once`."""


_Self = TypeVar("_Self")


class Unsided:
    """What maskers share whose probes have no side inputs."""

    alone = False

    @property
    def for_devices(self: _Self) -> _Self:
        return self

    def placed(self, rows: np.ndarray, probe: int) -> np.ndarray:
        return rows


class OneBaseline(Unsided):
    """What maskers share that replace absent players by one baseline: each coalition takes one evaluation."""

    repeats = 1
    stacked = False

    @property
    def differentiable(self: _Self) -> _Self:
        return self

    def with_noise(self, design: Design) -> Design:
        return design

    def evaluated(self, masks: np.ndarray) -> np.ndarray:
        return masks

    def empty_rows(self) -> np.ndarray | None:
        return None

    def game(self, masks: np.ndarray, explained: np.ndarray, empty: np.ndarray | None) -> np.ndarray:
        return explained

    def empty_mean(self, empty: np.ndarray) -> np.ndarray:
        return np.asarray(empty[0])

    def feed_once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__}: rows are not stacked; evaluate coalitions of one probe at a time.")

    def mean_of_once(self, values: np.ndarray) -> np.ndarray:
        return values
