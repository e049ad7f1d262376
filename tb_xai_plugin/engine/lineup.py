"""Line-ups: which players of each probe take part in coalitions, and which change nothing and are left out.

Where an image equals its baseline on a whole segment, the segment's presence changes nothing that the model sees. Its Shapley value is 0, whatever the
model, and coalitions of the other players alone have all the rest: the same evaluations tell more of them. Which players take part follows from the
probes alone, so it is the same at every epoch and in every run with the same probes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tb_xai_plugin.explainers.contract import RANK, SKETCH, Attribution
from tb_xai_plugin.games.coalitions import Design
from tb_xai_plugin.probes import ImageProbes, ProbeSet, SequenceProbes

Size = tuple[int, int]  # players who take part, and those who don't


@dataclass(frozen=True)
class Lineup:
    """The line-ups of all probes.

    Attributes:
        players: int (probes,), the players of each probe.
        taking_part: for each probe, int (n,), the numbers of its players who take part, ascending; at least two where there are two.
    """

    players: np.ndarray
    taking_part: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, probes: ProbeSet) -> Lineup:
        return cls(probes.players, tuple(_taking_part(probes, probe) for probe in range(len(probes))))

    @property
    def sizes(self) -> list[Size]:
        """Of each probe."""
        return [(len(part), n - len(part)) for part, n in zip(self.taking_part, self.players.tolist(), strict=True)]

    @property
    def most(self) -> int:
        """The largest number of players who take part."""
        return max(map(len, self.taking_part))

    def masks(self, design: Design, probe: int) -> np.ndarray:
        """The design's coalitions as those of all players of a probe, bool (evaluations, n); the others are in the first half of each pair."""
        part = self.taking_part[probe]
        if len(part) == self.players[probe]:
            return design.masks
        masks = np.zeros((len(design.masks), self.players[probe]), dtype=bool)
        masks[0::2] = True
        masks[:, part] = design.masks
        return masks

    def of_all(self, attribution: Attribution, probes: np.ndarray) -> Attribution:
        """An attribution to the players who take part, as one to all players of these probes.

        The others follow those who take part, as LIME has them, or are missing; then their values are 0, and exact.
        """
        if all(len(self.taking_part[probe]) == self.players[probe] for probe in probes.tolist()):
            return attribution
        n = int(self.players[probes].max())
        values, errors = np.zeros((2, *attribution.values.shape[:2], n))
        noise = loadings = None
        if attribution.noise is not None:
            sketches, narrow_loadings = np.split(attribution.noise, [SKETCH], axis=-1)
            narrow_loadings = narrow_loadings.reshape(*sketches.shape[:2], -1, RANK)
            loadings = np.zeros((*sketches.shape[:2], n if narrow_loadings.size else 0, RANK))
        interactions = None if attribution.interactions is None else attribution.interactions.copy()
        for place, probe in enumerate(probes.tolist()):
            part = self.taking_part[probe]
            order = np.concatenate([part, np.setdiff1d(np.arange(self.players[probe]), part)])
            for wide, narrow in ((values, attribution.values), (errors, attribution.errors)):
                wide[place][:, order[: narrow.shape[-1]]] = narrow[place]
            if loadings is not None and loadings.size:
                loadings[place][:, order[: narrow_loadings.shape[2]]] = narrow_loadings[place]
            if interactions is not None:
                pairs = interactions[place, ..., :2]
                pairs[np.isfinite(pairs)] = order[pairs[np.isfinite(pairs)].astype(int)]
        if loadings is not None:
            noise = np.concatenate([sketches, loadings.reshape(*sketches.shape[:2], -1)], axis=-1)
        return replace(attribution, values=values, errors=errors, noise=noise, interactions=interactions)


def _taking_part(probes: ProbeSet, probe: int) -> np.ndarray:
    every = np.arange(int(probes.players[probe]))
    if not isinstance(probes, ImageProbes | SequenceProbes):
        return every
    labels = probes.segments[probe].ravel()
    baseline = probes.baseline[probe if len(probes.baseline) > 1 else 0].reshape(len(labels), -1)
    differs = (probes.inputs[probe].reshape(baseline.shape).astype(np.float32) != baseline.astype(np.float32)).any(axis=1)
    part = np.intersect1d(every, labels[differs])
    return part if len(part) >= 2 else every
