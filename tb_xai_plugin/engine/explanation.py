"""Explanation: what one explainer says about all probes at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.probes import ProbeSet

if TYPE_CHECKING:
    import pandas

# Players that `repr` names.
SHOWN = 3


@dataclass(frozen=True)
class Explanation:
    """Attributions of one explainer; p probes, t explained classes, n players of the probe that has most.

    Attributes:
        values: float32 (p, t, n), signed, in units of `outputs`; NaN past a probe's last player, and for a probe without finite answers.
        errors: float32 (p, t, n), standard errors over the draw of the coalitions.
        base_values: float32 (p, t), the explainer's value with every player absent.
        outputs: float32 (p, t), what is explained: the model's log-odds, probability or raw output on the whole probe.
        targets: int32 (p, t), the explained classes.
        probes: the probes.
        fidelity: {measure: float32 (p, t)}, how far the values can be trusted; which measures there are depends on the explainer.
        noise: float32 (p, t, k), sketches of the sampling errors, see `distances.change_errors`; None where nothing is drawn.
        interactions: float32 (p, t, k, 3): player, player and strength of the strongest pairs, NaN past the last; None where not asked for.
        unit: "log-odds" | "probability" | "output", of values, errors, base values and outputs.
        clipped: the share of the model's answers that were 0 or 1, and clipped before log-odds were taken.
    """

    values: np.ndarray
    errors: np.ndarray
    base_values: np.ndarray
    outputs: np.ndarray
    targets: np.ndarray
    probes: ProbeSet
    fidelity: Mapping[str, np.ndarray] = field(default_factory=dict)
    noise: np.ndarray | None = None
    interactions: np.ndarray | None = None
    unit: str = "log-odds"
    clipped: float = 0.0

    def __repr__(self) -> str:
        p, t, _ = self.values.shape
        things = "output" if self.unit == "output" else "class"
        few, many = self.players.min(), self.players.max()
        sizes = f"{_counted(p, 'probe')}, {_counted(t, things)}, {many if few == many else f'{few} to {many}'} players"
        return f"Explanation({sizes}, in units of {self.unit}; the first: {self._strongest()})"

    def _strongest(self) -> str:
        """What says most about the first probe: of its true class where that is explained, else of the first target."""
        labels = self.probes.labels
        place = int(np.argmax(self.targets[0] == labels[0])) if labels is not None and self.unit != "output" else 0
        values, errors = self.values[0, place], self.errors[0, place]
        order = np.argsort(-np.abs(values[: self.players[0]]), kind="stable")[:SHOWN]
        said = [f"{self.player_names[0][player]} {values[player]:+.3g} ± {errors[player]:.2g}" for player in order]
        return f"{self.target_names[0][place]} {self.outputs[0, place]:.3g}, strongest {', '.join(said)}"

    @property
    def players(self) -> np.ndarray:
        """int (p,), players of each probe."""
        return self.probes.players

    @property
    def player_names(self) -> list[list[str]]:
        """How people call the players of each probe; superpixels have numbers."""
        return [
            self.probes.player_names(probe) or [f"superpixel {player}" for player in range(players)]
            for probe, players in enumerate(self.players)
        ]

    @property
    def target_names(self) -> list[list[str]]:
        """How people call what is explained of each probe."""
        names = self.probes.class_names or []
        thing = "output" if self.unit == "output" else "class"
        return [[names[target] if target < len(names) else f"{thing} {target}" for target in targets] for targets in self.targets.tolist()]

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each probe, target and player: "probe", "name", "label", "target", "class", "player", "player_name", "value", "error".

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas; install it with 'pip install pandas'.") from error

        probes, targets, names = self.probes, self.target_names, self.player_names
        probe, place, player = np.indices(self.values.shape).reshape(3, -1)
        there = player < self.players[probe]
        probe, place, player = probe[there], place[there], player[there]
        label = None if probes.labels is None else probes.labels[probe]
        if probes.truth is not None:
            label = probes.truth[probe, self.targets[probe, place]]
        return pandas.DataFrame(
            {
                "probe": probe,
                "name": None if probes.names is None else np.array(probes.names, dtype=object)[probe],
                "label": label,
                "target": self.targets[probe, place],
                "class": [targets[i][j] for i, j in zip(probe, place, strict=True)],
                "player": player,
                "player_name": [names[i][j] for i, j in zip(probe, player, strict=True)],
                "value": self.values[probe, place, player],
                "error": self.errors[probe, place, player],
            }
        )

    def to_pixels(self) -> np.ndarray:
        """float32 (p, t, H, W): every pixel has the value of its superpixel.

        Raises:
            TypeError: the probes are not images.
        """
        segments = getattr(self.probes, "segments", None)
        if segments is None:
            raise TypeError(f"to_pixels: the probes are of kind {self.probes.kind!r}; only images have pixels.")
        return np.stack([values[:, labels] for values, labels in zip(self.values, segments, strict=True)])


def _counted(number: int, thing: str) -> str:
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"
