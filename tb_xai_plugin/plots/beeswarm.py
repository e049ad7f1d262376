"""A beeswarm: for each player a row of points, one a probe, at its attribution and in the colour of the feature's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots.axes import SMALL
from tb_xai_plugin.plots.bars import importances, noted
from tb_xai_plugin.plots.colors import feature_color, hex_of
from tb_xai_plugin.plots.moment import alike, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tb_xai_plugin.plots.colors import Theme
    from tb_xai_plugin.plots.moment import Moment

# Of the axis's length, how far apart two points are that need not be moved apart.
APART = 0.012


def draw(ax: Axes, theme: Theme, moment: Moment, most: int) -> None:
    """Draw the players with the largest mean |attribution|, the largest at the top."""
    if moment.probes.kind == "text" or not alike(moment.probes):
        raise ArgumentError(
            f"plot_beeswarm: the players of these probes of kind {moment.probes.kind!r} are other ones in every probe; use plot_importance or plot_overlay."
        )
    names, means, _ = importances(moment)
    order = np.argsort(-means, kind="stable")[:most]
    colors = _parts(moment)
    finite = moment.values[:, order][np.isfinite(moment.values[:, order])]
    reach = float(np.ptp(finite)) if finite.size else 1.0
    for row, player in enumerate(order):
        values = moment.values[:, player].astype(np.float64)
        known = np.isfinite(values)
        errors = moment.errors[known, player].astype(np.float64)
        x = values[known]
        y = row + offsets(x, APART * (reach or 1.0))
        drawn = np.isfinite(errors) & (errors > 0)
        if drawn.any():
            ax.errorbar(x[drawn], y[drawn], xerr=errors[drawn], fmt="none", ecolor=theme.faint, elinewidth=0.6, alpha=0.6, zorder=2)
        shades = [feature_color(part, theme) for part in colors[known, player]]
        ax.scatter(x, y, c=shades, s=16, linewidths=0.4, edgecolors=theme.panel, zorder=3)
    ax.axvline(0, color=theme.faint, linewidth=0.8, zorder=1)
    ax.set_yticks(range(len(order)), [shortened(names[player]) for player in order])
    ax.tick_params(axis="y", labelcolor=theme.ink, length=0)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xlabel(noted(f"attribution ({moment.unit})", len(names) - len(order), "lines: ± 1 standard error"))
    if np.isfinite(colors).any():
        _legend(ax, theme)


def offsets(values: np.ndarray, apart: float) -> np.ndarray:
    """How far each point is moved off its row's middle, -0.4 to 0.4, so that points do not lie on each other."""
    moved = np.zeros(len(values))
    lanes: list[float] = []
    lane_of = np.zeros(len(values), dtype=int)
    for point in np.argsort(values, kind="stable"):
        free = next((lane for lane, last in enumerate(lanes) if values[point] - last >= apart), len(lanes))
        if free == len(lanes):
            lanes.append(values[point])
        lanes[free] = values[point]
        lane_of[point] = free
    step = min(0.13, 0.8 / max(len(lanes), 1))
    moved = np.where(lane_of % 2, 1, -1) * ((lane_of + 1) // 2) * step
    clipped: np.ndarray = np.clip(moved, -0.4, 0.4)
    return clipped


def _parts(moment: Moment) -> np.ndarray:
    """float (probes, players): where each player's value lies among those of all probes, 0 to 1; NaN where it is no number."""
    players = moment.values.shape[1]
    values = np.full(moment.values.shape, np.nan)
    for probe in range(len(values)):
        for player, value in enumerate(moment.probes.player_values(probe)[:players]):
            if isinstance(value, float):
                values[probe, player] = value
    low, high = (
        np.array([extreme(column[np.isfinite(column)], initial=sign * np.inf) for column in values.T])
        for extreme, sign in ((np.min, 1), (np.max, -1))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(high > low, (values - low) / (high - low), np.nan)


def _legend(ax: Axes, theme: Theme) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colors = LinearSegmentedColormap.from_list("values", [hex_of(theme.low), hex_of(theme.high)])
    bar = ax.figure.colorbar(ScalarMappable(Normalize(0, 1), colors), ax=ax, fraction=0.03, pad=0.02, aspect=30, ticks=[0, 1])
    bar.ax.set_yticklabels(["low", "high"])
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=theme.muted, labelsize=SMALL, length=0)
    bar.set_label("the feature's value", color=theme.muted, fontsize=SMALL, labelpad=-8)
