"""Explanation: the attributions of one explainer for all probes at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.plots.of_explanation import ExplanationPlots
from tb_xai_plugin.probes import ProbeSet

if TYPE_CHECKING:
    import pandas

# Players that `repr` names.
SHOWN = 3


@dataclass(frozen=True)
class Explanation(ExplanationPlots):
    """Attributions of one explainer, with standard errors. The arrays have p probes, t explained classes and n players (of the probe that has most).

    Attributes:
        values: float32 (p, t, n), signed, in units of `outputs`; NaN past a probe's last player, and for a probe without finite outputs.
        errors: float32 (p, t, n), standard errors over the draw of the coalitions; 0 where nothing is drawn, NaN where unknown.
        base_values: float32 (p, t), the explainer's value of the empty coalition.
        outputs: float32 (p, t), the explained quantity: the model's log-odds, probability or raw output on the unmasked probe.
        targets: int32 (p, t), the explained classes.
        probes: the probes.
        fidelity: {measure: float32 (p, t)}, how far the values can be trusted; the measures depend on the explainer.
        noise: float32 (p, t, k), sketches of the sampling errors, from which errors and noise floors of differences are computed; None where nothing is drawn.
        interactions: float32 (p, t, k, 3): player, player and strength of the strongest pairs, NaN past the last pair; None where the explainer has none.
        unit: "log-odds" | "probability" | "output", the unit of values, errors, base values and outputs; or the explainer's own unit. Of a regression,
            `probes.unit` says what "output" is measured in.
        clipped: the share of the model's outputs that were 0 or 1 and were clipped before log-odds were taken.
        explainer: the name of the explainer, "" where it is not known.
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
    explainer: str = ""

    def __repr__(self) -> str:
        p, t, _ = self.values.shape
        things = "output" if self.unit == "output" else "class"
        few, many = self.players.min(), self.players.max()
        sizes = f"{_counted(p, 'probe')}, {_counted(t, things)}, {many if few == many else f'{few} to {many}'} players"
        return f"Explanation({sizes}, in units of {self.probes.unit_of(self.unit)}; the first: {self._strongest()})"

    def _strongest(self) -> str:
        """The strongest players of the first probe, for its true class where that is explained, else for the first target."""
        labels, sets = self.probes.labels, self.probes.label_sets
        true = np.zeros(1) if labels is None else self.targets[0] == labels[0]
        if sets is not None:
            true = sets[0, self.targets[0]]
        place = int(np.argmax(true)) if self.unit != "output" else 0
        values, errors = self.values[0, place], self.errors[0, place]
        order = np.argsort(-np.abs(values[: self.players[0]]), kind="stable")[:SHOWN]
        strongest = [f"{self.player_names[0][player]} {values[player]:+.3g} ± {errors[player]:.2g}" for player in order]
        return f"{self.target_names[0][place]} {self.outputs[0, place]:.3g}, strongest {', '.join(strongest)}"

    @property
    def players(self) -> np.ndarray:
        """int (p,), number of players of each probe."""
        return self.probes.players

    @property
    def player_names(self) -> list[list[str]]:
        """Names of the players of each probe; superpixels are numbered."""
        return self.probes.players_named()

    @property
    def target_names(self) -> list[list[str]]:
        """Names of the explained classes (or outputs) of each probe."""
        names = self.probes.class_names or []
        thing = "output" if self.unit == "output" else "class"
        return [[names[target] if target < len(names) else f"{thing} {target}" for target in targets] for targets in self.targets.tolist()]

    def to_dataframe(self) -> pandas.DataFrame:
        """The values as a table, with one row per probe, target and player.

        Returns:
            pandas.DataFrame with the columns "probe", "name", "label" (the true class; of a regression, the true value of the target; of sets of
            labels, whether the target is true), "target", "class", "player", "player_name", "player_value" (see
            `ProbeSet.player_values`), "value" and "error"; and "unit", that of value and error, where the probes have one.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas; install it with 'pip install pandas'.") from error

        probes, targets, names = self.probes, self.target_names, self.player_names
        contents = [probes.player_values(number) for number in range(len(probes))]
        probe, place, player = np.indices(self.values.shape).reshape(3, -1)
        exists = player < self.players[probe]
        probe, place, player = probe[exists], place[exists], player[exists]
        label = None if probes.labels is None else probes.labels[probe]
        for of_outputs in (probes.truth, probes.label_sets):
            if of_outputs is not None:
                label = of_outputs[probe, self.targets[probe, place]]
        return pandas.DataFrame(
            {
                "probe": probe,
                "name": None if probes.names is None else np.array(probes.names, dtype=object)[probe],
                "label": label,
                "target": self.targets[probe, place],
                "class": [targets[i][j] for i, j in zip(probe, place, strict=True)],
                "player": player,
                "player_name": [names[i][j] for i, j in zip(probe, player, strict=True)],
                "player_value": pandas.Series([contents[i][j] for i, j in zip(probe, player, strict=True)], dtype=object),
                "value": self.values[probe, place, player],
                "error": self.errors[probe, place, player],
                **({"unit": probes.unit_of(self.unit)} if probes.unit else {}),
            }
        )

    def to_pixels(self) -> np.ndarray:
        """Attribution maps of images, in which every pixel has the value of its superpixel.

        Returns:
            float32 (p, t, H, W). Probes of several images have the maps of their montages, with NaN between the images.

        Raises:
            TypeError: the probes are not images.
        """
        segments = getattr(self.probes, "segments", None)
        if segments is None:
            raise TypeError(
                f"to_pixels: the probes are of kind {self.probes.kind!r}, but only images have pixels; use values or to_dataframe()."
            )
        maps = np.stack([values[:, labels] for values, labels in zip(self.values, segments, strict=True)])
        return np.where((segments < 0)[:, None], np.float32(np.nan), maps)


def _counted(number: int, thing: str) -> str:
    plural = f"{thing}es" if thing.endswith("s") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"
