"""What a masker is: coalitions of players become masked inputs.

What depends on a coalition alone is worked out beforehand (`feed`); what remains is array arithmetic that also runs inside a compiled graph (`mask`).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from tb_xai_plugin.games.coalitions import Design


class Masker(Protocol):
    """How coalitions of one probe set become masked inputs.

    Attributes:
        players: of the probe that has most.
        shape: of one masked input, for messages.
        nbytes: of one masked input.
        repeats: evaluations of the model for each coalition.
        stacked: whether rows of `feed` need nothing else of their probe, so that those of many probes can share batches.
        differentiable: the same where players are present to some degree.
    """

    repeats: int
    stacked: bool

    @property
    def players(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """What the graph is given: one row a coalition, of the same length and dtype for every probe."""

    def parts(self, probe: int) -> np.ndarray:
        """What the graph is given once for a probe."""

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Masked inputs from rows of `feed`. xp: numpy, keras.ops or another module like them."""

    def evaluations(self, design: Design) -> Design:
        """A design as it is asked: with what several reference rows add to it."""

    def asked(self, masks: np.ndarray) -> np.ndarray:
        """The coalitions to evaluate for a design's."""

    def nobody(self) -> np.ndarray | None:
        """Rows of `feed` without a player, which all probes share; None where they share none."""

    def folded(self, masks: np.ndarray, explained: np.ndarray, nobody: np.ndarray | None) -> np.ndarray:
        """Of evaluations (asked, k), the game: (coalitions, k)."""

    def mean(self, each: np.ndarray) -> np.ndarray:
        """(k,): of (rows of `nobody`, k), what an empty coalition has."""

    def once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """Where rows are stacked, those for coalitions that are asked for once and are no design's: exact, and not kept."""

    def of_once(self, answers: np.ndarray) -> np.ndarray:
        """(coalitions, k) of the answers to `once`."""


class OneBaseline:
    """What maskers have in common where one baseline stands for what is absent: an evaluation is a coalition."""

    repeats = 1
    stacked = False

    @property
    def differentiable(self) -> Any:
        """The same where players are present to some degree."""
        return self

    def evaluations(self, design: Design) -> Design:
        return design

    def asked(self, masks: np.ndarray) -> np.ndarray:
        return masks

    def nobody(self) -> np.ndarray | None:
        return None

    def folded(self, masks: np.ndarray, explained: np.ndarray, nobody: np.ndarray | None) -> np.ndarray:
        return explained

    def mean(self, each: np.ndarray) -> np.ndarray:
        return each[0]

    def of_once(self, answers: np.ndarray) -> np.ndarray:
        return answers
