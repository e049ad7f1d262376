"""Names of players, with their values, for pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.plots.moment import shortened

if TYPE_CHECKING:
    from tb_xai_plugin.plots.moment import Moment


def labels_of(moment: Moment, probe: int) -> list[str]:
    """Names of a probe's players, with their values where these are numbers or words of a table."""
    names = [shortened(name) for name in moment.names(probe)]
    if moment.probes.kind != "tabular":
        return names
    values = moment.probes.player_values(probe)
    return [name if isinstance(value, dict) else f"{name} = {written(value)}" for name, value in zip(names, values, strict=True)]


def written(value: object) -> str:
    """A value of a feature, for people."""
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else "missing"
    return shortened(str(value), 24)
