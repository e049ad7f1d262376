"""A series over time whose stretches lie on the colour of their attribution."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.plots.axes import SMALL
from tb_xai_plugin.plots.colors import diverging
from tb_xai_plugin.plots.look import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme
    from tb_xai_plugin.plots.moment import Moment
    from tb_xai_plugin.probes import SequenceProbes

# Channels are told apart by their lines; more are drawn alike.
STYLES = ("solid", "dashed", "dotted", "dashdot")
# Channels that a legend names.
NAMED = 6


def draw(ax: Axes, theme: Theme, moment: Moment, probe: int, values: np.ndarray, errors: np.ndarray, look: Look, end: float) -> None:
    """Draw one series on axes. end: the |value| that has the full colour."""
    probes: SequenceProbes = moment.probes  # type: ignore[assignment]
    series, segments = probes.shown[probe], probes.segments[probe]
    shown = look.chosen(values)
    colors = diverging(values / end, theme)
    for start, stop, player in stretches(segments):
        if player < 0:
            continue
        if shown[player]:
            ax.axvspan(start - 0.5, stop - 0.5, color=tuple(colors[player]), linewidth=0, alpha=0.85, zorder=0)
        elif look.rest == "hide":
            ax.axvspan(start - 0.5, stop - 0.5, color=tuple(part / 255 for part in theme.hidden), linewidth=0, zorder=2)
    names = probes.channel_names or [f"channel {channel}" for channel in range(series.shape[1])]
    for channel, line in enumerate(series.T):
        ax.plot(line, color=theme.ink, linewidth=1.1, linestyle=STYLES[channel % len(STYLES)], label=names[channel], zorder=1)
    if 1 < series.shape[1] <= NAMED:
        ax.legend(fontsize=SMALL, frameon=False, labelcolor=theme.ink)
    ax.set_xlim(-0.5, len(series) - 0.5)
    ax.set_xlabel("step of the series")
    ax.set_ylabel(names[0] if probes.channel_names and series.shape[1] == 1 else "value")


def stretches(segments: np.ndarray) -> list[tuple[int, int, int]]:
    """The stretches (first step, step after the last, player) of a label map (T,)."""
    ends = np.flatnonzero(np.diff(segments, prepend=segments[0] - 1, append=segments[-1] - 1))
    return [(int(start), int(stop), int(segments[start])) for start, stop in pairwise(ends)]
