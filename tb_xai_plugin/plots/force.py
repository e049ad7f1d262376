"""The force layout: players that raise the output push from the left, those that lower it push back from the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.plots.moment import number
from tb_xai_plugin.plots.names import labels_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme
    from tb_xai_plugin.plots.moment import Moment

TOP, BOTTOM = 1.0, 0.0
# Characters of a name that a stretch of the band has room for, as a part of the band's length.
PER_CHARACTER = 0.0125


def draw(ax: Axes, theme: Theme, moment: Moment, probe: int) -> None:
    """Draw the players of one probe as a band that meets at the sum of all attributions."""
    values, _ = moment.of("plot_force", probe)
    values = np.nan_to_num(values)
    base = float(np.nan_to_num(moment.base[probe]))
    total = base + float(values.sum())
    names = labels_of(moment, probe)
    left, right = float(values[values > 0].sum()), float(-values[values < 0].sum())
    length = max(left + right, 1e-12)
    tip = length * 0.012
    for sign, color in ((1, theme.positive), (-1, theme.negative)):
        at = total
        players = [int(player) for player in np.argsort(-np.abs(values), kind="stable") if values[player] * sign > 0]
        for player in players:
            far = at - values[player]
            _arrow(ax, far, at, sign * min(tip, abs(values[player])), color, theme)
            text = f"{names[player]}"
            if abs(values[player]) / length > PER_CHARACTER * (len(text) + 1):
                ax.annotate(
                    text,
                    ((far + at) / 2, BOTTOM),
                    (0, -4),
                    textcoords="offset points",
                    color=theme.ink,
                    fontsize=7.5,
                    ha="center",
                    va="top",
                )
            at = far
    ax.plot([total, total], [BOTTOM, TOP + 0.25], color=theme.ink, linewidth=1.5)
    ax.annotate(
        f"sum {number(total)}",
        (total, TOP + 0.25),
        (0, 2),
        textcoords="offset points",
        color=theme.ink,
        fontsize=9,
        ha="center",
        weight="bold",
    )
    ax.axvline(base, color=theme.faint, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
    ax.annotate(f"empty {number(base)}", (base, BOTTOM - 0.75), color=theme.muted, fontsize=7.5, ha="center", va="bottom")
    ax.set_ylim(BOTTOM - 0.8, TOP + 0.75)
    margin = 0.04 * length
    ax.set_xlim(min(total - left, base) - margin, max(total + right, base) + margin)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(f"output{'' if moment.regression else f' for “{moment.target(probe)}”'} ({moment.unit})")


def _arrow(ax: Axes, far: float, near: float, tip: float, color: str, theme: Theme) -> None:
    """A stretch of the band from `far` to `near` that points to `near`."""
    middle = (TOP + BOTTOM) / 2
    shape = [(far - tip, TOP), (near - tip, TOP), (near, middle), (near - tip, BOTTOM), (far - tip, BOTTOM), (far, middle)]
    ax.fill(*zip(*shape, strict=True), facecolor=color, edgecolor=theme.panel, linewidth=0.8)
